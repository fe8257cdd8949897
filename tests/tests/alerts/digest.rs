//! The digest: in tables of the test's own, where nobody else's incidents are; and of the deployed function.

use chrono::{Days, TimeDelta, Utc};
use end_to_end::deployed::invoke;
use end_to_end::stack::{output, unique_seed};
use end_to_end::subscriber::Subscriber;
use serde_json::{Value, json};
use shared::event::{Alert, Line};
use shared::incident::{Context, Severity};

use super::own::Own;
use super::{Scene, clear, key, report};

fn datasets(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.dataset.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_low_is_told_once_a_day_with_what_is_open() {
    let own = Own::set().await;
    let incidents = &own.incidents;
    let filter = json!({"change": ["digest"]});
    let subscriber = Subscriber::to_topic(&own.stack, own.topic.clone(), filter).await;
    let alerter = || own.alerter(own.sns());
    let now = Utc::now();
    let nothing = alerter().tell_digest(now - Days::new(1), now).await.unwrap();
    assert!(!nothing, "there is nothing to tell");

    for (dataset, severity) in
        [("d.low", Severity::Low), ("d.gone", Severity::Low), ("d.high", Severity::High)]
    {
        report(incidents, &key(dataset), severity, &Context::default()).await;
    }
    clear(incidents, &key("d.gone")).await.unwrap();
    let at = Utc::now() + TimeDelta::seconds(1);
    assert!(alerter().tell_digest(at, now).await.unwrap());
    assert!(!alerter().tell_digest(at, now).await.unwrap(), "the clock may strike twice");
    // The next day: nothing new, but both are still open.
    assert!(alerter().tell_digest(at + Days::new(1), now).await.unwrap());

    subscriber.messages_with("notification_id", 2).await;
    let mut told: Vec<Alert> =
        subscriber.bodies().await.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    told.sort_by_key(|alert| alert.digest.as_ref().map(|digest| digest.to));
    assert_eq!(told.len(), 2);
    let first = told[0].digest.as_ref().unwrap();
    let mut opened = datasets(&first.opened);
    opened.sort_unstable();
    assert_eq!(opened, ["d.gone", "d.low"]);
    assert_eq!(datasets(&first.resolved), ["d.gone"]);
    assert_eq!(datasets(&first.open), ["d.high", "d.low"]);
    let second = told[1].digest.as_ref().unwrap();
    assert_eq!((second.from, second.opened.len(), second.open.len()), (first.to, 0, 2));
    subscriber.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_function_tells_a_digest_once() {
    let scene = Scene::set().await;
    scene.report(Severity::High).await;
    // A day that nobody else asks for.
    let at = Utc::now() + Days::new(1_000 + unique_seed() % 300_000);
    let filter = json!({"change": ["digest"]});
    let subscriber = Subscriber::to_topic(&scene.stack, output("ALERTS_TOPIC_ARN"), filter).await;
    let event = json!({"digest": {"at": at.to_rfc3339()}});
    for _ in 0..2 {
        let (function, event) = (output("ALERT_FUNCTION_NAME"), event.clone());
        let answer = tokio::task::spawn_blocking(move || invoke(&function, &event)).await.unwrap();
        assert_eq!(answer, Value::Null);
    }
    let day = at.date_naive().to_string();
    subscriber.messages_with(&day, 1).await;
    let bodies = subscriber.bodies().await;
    assert_eq!(bodies.iter().filter(|body| body.contains(&day)).count(), 1);
    scene.clear().await.unwrap();
    subscriber.leave().await;
}
