//! What was told nobody in time: SNS did not take it, whoever was to tell it ended, or it can never be told.

use alert::OutboxError;
use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::stack::wait_for;
use end_to_end::subscriber::Subscriber;
use serde_json::{Value, json};
use shared::event::Alert;
use shared::incident::{ChangeKind, Context, Incident, Severity};

use super::own::Own;
use super::{finding, inserted, key, report};

/// The clock's order.
fn clock() -> Value {
    json!({"digest": {}})
}

fn minutes_ago(minutes: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::minutes(minutes)
}

async fn of_changes(own: &Own) -> Subscriber {
    let filter = json!({"change": ["opened", "resolved"]});
    Subscriber::to_topic(&own.stack, own.topic.clone(), filter).await
}

/// An incident that was opened just now.
async fn opened(own: &Own) -> Incident {
    let reported =
        report(&own.incidents, &key("d.orders"), Severity::High, &Context::default()).await;
    reported.incident.unwrap()
}

fn alerts(bodies: &[String]) -> Vec<Alert> {
    bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sns_did_not_take_is_told_by_the_clock_once_and_by_nobody_later() {
    let own = Own::set().await;
    let subscriber = of_changes(&own).await;
    let (key, at) = (key("d.orders"), minutes_ago(40));
    let finding = finding(&key, Severity::High, at);
    let opened = own.incidents.report(&finding, &Context::default(), at, at).await.unwrap();
    let opened = opened.incident.unwrap();
    let denied = own.invoke(own.silent_sns(), inserted(&opened)).await.unwrap_err();
    assert!(denied.is_retryable(), "{denied}");
    // The stream gives up. So it does with the news that all is well, which nobody hears of at all.
    let at = minutes_ago(20);
    own.incidents.clear(&key, at, at, "it arrived").await.unwrap().unwrap();
    own.invoke(own.silent_sns(), clock()).await.unwrap_err();

    own.invoke(own.sns(), clock()).await.unwrap();
    own.invoke(own.sns(), clock()).await.unwrap();
    // Nor is it news when the stream comes with it after all.
    own.invoke(own.sns(), inserted(&opened)).await.unwrap();
    subscriber.messages_with("d.orders", 1).await;
    let [alert] = alerts(&subscriber.bodies().await).try_into().expect("one alert");
    assert_eq!(alert.change.map(|change| change.kind), Some(ChangeKind::Resolved));
    assert_eq!((alert.missed_changes, alert.severity), (1, Severity::High));
    assert!(alert.text.contains("1 earlier changes of it are told by this message alone"));
    subscriber.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_a_moment_ago_is_left_to_the_stream() {
    let own = Own::set().await;
    let subscriber = of_changes(&own).await;
    let opened = opened(&own).await;
    let alerter = own.alerter(own.sns());
    assert_eq!(alerter.tell_untold(Utc::now()).await.unwrap(), 0);
    own.invoke(own.sns(), inserted(&opened)).await.unwrap();
    let later = Utc::now() + TimeDelta::minutes(20);
    assert_eq!(alerter.tell_untold(later).await.unwrap(), 0, "it was told");
    subscriber.messages_with("d.orders", 1).await;
    assert_eq!(subscriber.bodies().await.len(), 1);
    subscriber.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_while_telling_is_followed_by_another_once_the_claim_is_over() {
    let outbox = Own::set().await.outbox();
    let now = Utc::now();
    assert!(outbox.claim("one", now).await.unwrap());
    let meanwhile = outbox.claim("one", now + TimeDelta::seconds(59)).await;
    assert!(matches!(meanwhile, Err(OutboxError::Claimed { .. })), "{meanwhile:?}");
    let after = now + TimeDelta::seconds(62);
    assert!(outbox.claim("one", after).await.unwrap());
    outbox.mark_sent("one", after).await;
    assert!(!outbox.claim("one", after + TimeDelta::days(1)).await.unwrap(), "it was told");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_told_is_put_aside_and_holds_up_nothing() {
    let own = Own::set().await;
    let subscriber = of_changes(&own).await;
    let mut event = inserted(&opened(&own).await);
    let records = event["Records"].as_array_mut().unwrap();
    let mut broken = records[0].clone();
    broken["dynamodb"]["Keys"] = json!({"dataset": {"S": "d.broken"}});
    broken["dynamodb"]["NewImage"] = json!({"occurrence": {"S": "first"}});
    records.insert(0, broken);
    own.invoke(own.sns(), event).await.unwrap();
    subscriber.messages_with("d.orders", 1).await;
    let put_aside = wait_for("the record that was put aside", || async {
        let receive = own.stack.sqs.receive_message().queue_url(&own.failures);
        receive.send().await.unwrap().messages?.pop()?.body
    });
    let put_aside: Value = serde_json::from_str(&put_aside.await).unwrap();
    assert!(put_aside["reason"].as_str().unwrap().contains("is no incident"), "{put_aside}");
    assert_eq!(put_aside["record"]["keys"]["dataset"]["S"], "d.broken");
    assert_eq!(put_aside["record"]["sequenceNumber"], "1");
    subscriber.leave().await;
}
