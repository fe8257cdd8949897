//! Each change is told once, to who filters for it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use end_to_end::deployed::invoke;
use end_to_end::stack::output;
use end_to_end::subscriber::Subscriber;
use futures::future::join_all;
use serde_json::{Value, json};
use shared::event::Alert;
use shared::incident::{ChangeKind, Context, Outcome, Severity, machine};

use super::{Scene, clear, finding, inserted, key, report};

/// Longer than the stack takes from a write to a message.
const QUIET: Duration = Duration::from_secs(3);

fn kinds(bodies: &[String]) -> Vec<ChangeKind> {
    let mut alerts: Vec<Alert> =
        bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    alerts.sort_by_key(|alert| alert.incident.as_ref().map(|incident| incident.change));
    alerts.into_iter().map(|alert| alert.change.unwrap().kind).collect()
}

async fn invoke_alert(event: Value) -> Value {
    let function = output("ALERT_FUNCTION_NAME");
    tokio::task::spawn_blocking(move || invoke(&function, &event)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_once_with_what_subscribers_filter_by() {
    let scene = Scene::set().await;
    let topic = output("ALERTS_TOPIC_ARN");
    let filter = json!({"dataset": [scene.dataset]});
    let subscriber = Subscriber::to_topic(&scene.stack, topic.clone(), filter).await;
    let others = json!({"dataset": [scene.dataset], "severity": ["low", "medium"]});
    let others = Subscriber::to_topic(&scene.stack, topic, others).await;

    let opened = scene.report(Severity::High).await.incident.unwrap();
    scene.report(Severity::High).await;
    scene.incidents.acknowledge(&opened.id, "ada", Utc::now()).await.unwrap();
    scene.report(Severity::Critical).await;
    scene.clear().await.unwrap();
    subscriber.messages_with(&scene.dataset, 4).await;
    // Whatever is delivered once more is known.
    assert_eq!(invoke_alert(inserted(&opened)).await, Value::Null);
    tokio::time::sleep(QUIET).await;

    let bodies = subscriber.bodies().await;
    let expected =
        [ChangeKind::Opened, ChangeKind::Acknowledged, ChangeKind::Escalated, ChangeKind::Resolved];
    assert_eq!(kinds(&bodies), expected);
    let messages = subscriber.messages_with(&scene.dataset, 4).await;
    let first = messages.iter().find(|message| message.attributes["change"] == "opened").unwrap();
    let attributes = [
        ("severity", "high"),
        ("change", "opened"),
        ("state", "open"),
        ("monitor", "freshness"),
        ("dataset", scene.dataset.as_str()),
        ("domain", "alerts"),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(first.attributes, BTreeMap::from(attributes));
    assert!(others.bodies().await.is_empty(), "it filters for what is less severe");
    subscriber.leave().await;
    others.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_twice_tells_once() {
    let scene = Scene::set().await;
    let filter = json!({"dataset": [scene.dataset]});
    let topic = output("ALERTS_TOPIC_ARN");
    let subscriber = Subscriber::to_topic(&scene.stack, topic, filter).await;
    // It is in no table, so nothing but these deliveries tells of it.
    let now = Utc::now();
    let finding = finding(&scene.key(), Severity::High, now);
    let mut incident = machine::open(None, &finding, &Context::default(), now, now);
    machine::tell_if_due(&mut incident, now);
    for _ in 0..3 {
        assert_eq!(invoke_alert(inserted(&incident)).await, Value::Null);
    }
    subscriber.messages_with(&scene.dataset, 1).await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(kinds(&subscriber.bodies().await), [ChangeKind::Opened]);
    subscriber.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cascade_is_one_message() {
    let scene = Scene::set().await;
    let names: Vec<String> = (0..20).map(|number| format!("{}.d{number}", scene.dataset)).collect();
    let topic = output("ALERTS_TOPIC_ARN");
    let filter = json!({"dataset": [{"prefix": scene.dataset}]});
    let subscriber = Subscriber::to_topic(&scene.stack, topic, filter).await;
    let root = Context { downstream: names.clone(), ..Context::default() };
    let below = Context { upstream: vec![scene.dataset.clone()], ..Context::default() };
    report(&scene.incidents, &scene.key(), Severity::High, &root).await;
    let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
    let reported =
        join_all(keys.iter().map(|key| report(&scene.incidents, key, Severity::High, &below)));
    for reported in reported.await {
        assert_eq!(reported.outcome, Outcome::Grouped);
    }
    let root = scene.incidents.latest(&scene.key()).await.unwrap().unwrap();
    assert_eq!(root.affected.len(), names.len());
    assert_eq!(scene.incidents.open_of(&names[0]).await.unwrap().len(), 1);
    for key in &keys {
        clear(&scene.incidents, key).await.unwrap();
    }
    scene.clear().await.unwrap();
    subscriber.messages_with(&scene.dataset, 2).await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(kinds(&subscriber.bodies().await), [ChangeKind::Opened, ChangeKind::Resolved]);
    assert!(scene.incidents.open_of(&names[0]).await.unwrap().is_empty());
    subscriber.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_meet_open_one_incident() {
    let scene = Scene::set().await;
    join_all((0..8).map(|_| scene.report(Severity::Low))).await;
    let open = scene.incidents.open_of(&scene.dataset).await.unwrap();
    assert_eq!((open.len(), open[0].occurrence), (1, 1));
    let found = scene.incidents.find(&open[0].id).await.unwrap().unwrap();
    assert_eq!(found.key, scene.key());
    scene.clear().await.unwrap();
    // Found before it was seen to be good, delivered after that.
    let before = open[0].judged_at;
    let late = finding(&scene.key(), Severity::Low, before);
    let late = scene.incidents.report(&late, &Context::default(), before, Utc::now()).await;
    assert_eq!(late.unwrap().outcome, Outcome::Ignored);
    assert!(scene.incidents.open_of(&scene.dataset).await.unwrap().is_empty());
}
