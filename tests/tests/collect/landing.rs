//! From the inbox into landing: `land` on the deployed stack.

use chrono::Utc;
use end_to_end::lake::root;
use end_to_end::stack::{Stack, output, unique, wait_for};
use serde_json::Value;
use shared::aws::InboxQueue;
use shared::event::InboxMessage;

use super::source::lines_of;

fn inbox(stack: &Stack) -> InboxQueue {
    InboxQueue::new(stack.sqs.clone(), output("INBOX_QUEUE_URL"))
}

fn folder(token: &str) -> String {
    format!("segment/segment-logs/{token}/1795392000000")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_message_is_the_same_object_once() {
    let (stack, token) = (Stack::connect().await, unique());
    let lines = format!("{{\"messageId\":\"{token}\"}}\n[1]\n");
    let message = InboxMessage::new(folder(&token), Utc::now(), lines.as_bytes()).unwrap();
    for _ in 0..3 {
        inbox(&stack).send(&message).await.unwrap();
    }
    let bucket = output("LANDING_BUCKET");
    let keys = wait_for("the object", || async {
        let keys = stack.keys(&bucket, &folder(&token)).await;
        (!keys.is_empty()).then_some(keys)
    })
    .await;
    assert_eq!(lines_of(&stack.object(&bucket, &keys[0]).await.unwrap()).len(), 2);
    // Everything sent before this one has been handled when this one has landed … or is handled with it.
    let after = InboxMessage::new(folder(&format!("{token}-after")), Utc::now(), b"{}").unwrap();
    inbox(&stack).send(&after).await.unwrap();
    wait_for("the message behind them", || async {
        let landed = stack.keys(&bucket, &after.folder).await;
        (!landed.is_empty()).then_some(())
    })
    .await;
    wait_for("the inbox to be empty", || async {
        (stack.queue_depth(&output("INBOX_QUEUE_URL")).await == 0).then_some(())
    })
    .await;
    assert_eq!(stack.keys(&bucket, &folder(&token)).await, keys);
    let versions = stack.s3.list_object_versions().bucket(&bucket).prefix(&keys[0]).send().await;
    assert_eq!(versions.unwrap().versions().len(), 1, "the object was written again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_message_fails_alone_and_ends_where_somebody_looks() {
    let (stack, token) = (Stack::connect().await, unique());
    let good = InboxMessage::new(folder(&token), Utc::now(), b"{}\n").unwrap();
    let mut damaged = good.clone();
    damaged.folder = format!("{token}/damaged");
    damaged.body = "AAAA".to_owned();
    let mut elsewhere = good.clone();
    elsewhere.folder = format!("google-ads/{token}/elsewhere");
    let mut escaping = good.clone();
    escaping.folder = format!("segment/segment-logs/../{token}");
    let bad =
        [damaged, elsewhere, escaping].map(|message| serde_json::to_string(&message).unwrap());
    for body in bad.iter().chain([&format!("no json {token}")]) {
        let send = stack.sqs.send_message().queue_url(output("INBOX_QUEUE_URL"));
        send.message_body(body).send().await.unwrap();
    }
    inbox(&stack).send(&good).await.unwrap();
    let bucket = output("LANDING_BUCKET");
    wait_for("the good message", || async {
        (stack.keys(&bucket, &folder(&token)).await.len() == 1).then_some(())
    })
    .await;
    let mut waiting = bad.to_vec();
    waiting.push(format!("no json {token}"));
    wait_for("the bad messages in the dead-letter queue", || {
        let (stack, waiting) = (stack.clone(), waiting.clone());
        async move { are_dead(&stack, &waiting).await.then_some(()) }
    })
    .await;
    assert!(stack.keys(&bucket, "google-ads/").await.iter().all(|key| !key.contains(&token)));
}

/// Looks without taking: the messages stay for whoever else looks.
async fn are_dead(stack: &Stack, bodies: &[String]) -> bool {
    let mut found = Vec::new();
    for _ in 0..20 {
        let receive = stack.sqs.receive_message().queue_url(output("INBOX_DEAD_LETTER_QUEUE_URL"));
        let received =
            receive.max_number_of_messages(10).visibility_timeout(2).send().await.unwrap();
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        found.extend(messages.into_iter().filter_map(|message| message.body));
    }
    bodies.iter().all(|body| found.contains(body))
}

#[test]
fn the_schema_is_what_another_language_goes_by() {
    let text = std::fs::read_to_string(root().join("events/schemas/inbox-message.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let message = InboxMessage::new("a/b", Utc::now(), b"{}\n").unwrap();
    let value = serde_json::to_value(&message).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&value));
}
