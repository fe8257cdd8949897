//! Slack, played by an endpoint that fails at first.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName::QueueArn;
use end_to_end::deployed::logs;
use end_to_end::receiver::{Receiver, Reply};
use end_to_end::stack::{output, unique, wait_for};
use end_to_end::subscriber::Subscriber;
use serde_json::{Value, json};
use shared::incident::Severity;

use super::Scene;

/// Subscribes the queue of the channel to a dataset, as the template does for all of them when asked to.
async fn subscribe(scene: &Scene) -> String {
    let url = output("SLACK_QUEUE_URL");
    let asked = scene.stack.sqs.get_queue_attributes().queue_url(url).attribute_names(QueueArn);
    let queue = asked.send().await.unwrap().attributes.unwrap().remove(&QueueArn).unwrap();
    let subscribed = aws_sdk_sns::Client::new(&scene.stack.config)
        .subscribe()
        .topic_arn(output("ALERTS_TOPIC_ARN"))
        .protocol("sqs")
        .endpoint(queue)
        .attributes("FilterPolicy", json!({"dataset": [scene.dataset]}).to_string())
        .attributes("RawMessageDelivery", "true")
        .return_subscription_arn(true)
        .send()
        .await;
    subscribed.unwrap().subscription_arn.unwrap()
}

async fn posted(slack: &Receiver, expected: usize) -> Vec<Value> {
    wait_for(&format!("{expected} posts"), || async {
        let received = slack.received();
        (received.len() >= expected).then_some(received)
    })
    .await
}

/// The dead letter of a dataset, with its reason.
async fn refused(scene: &Scene) -> String {
    wait_for("the dead letter", || async {
        let receive =
            scene.stack.sqs.receive_message().queue_url(output("SLACK_DEAD_LETTER_QUEUE_URL"));
        let receive = receive.message_attribute_names("All").max_number_of_messages(10);
        let messages = receive.send().await.unwrap().messages.unwrap_or_default();
        let mut own = messages
            .into_iter()
            .filter(|message| message.body().is_some_and(|body| body.contains(&scene.dataset)));
        let attributes = own.next()?.message_attributes?;
        attributes.get("reason")?.string_value.clone()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_posted_once_slack_takes_it_and_nobody_else_is_told_again() {
    let scene = Scene::set().await;
    let slack = Receiver::start([
        Reply(429, Some(1), "rate_limited"),
        Reply(500, None, "fatal_error"),
        Reply(200, None, "ok"),
    ])
    .await;
    let path = unique();
    let secret = json!({"url": format!("{}/services/{path}", slack.endpoint)}).to_string();
    let secrets = aws_sdk_secretsmanager::Client::new(&scene.stack.config);
    let put = secrets.put_secret_value().secret_id(output("SLACK_SECRET_ARN"));
    put.secret_string(secret).send().await.unwrap();
    let subscription = subscribe(&scene).await;
    let filter = json!({"dataset": [scene.dataset]});
    let other = Subscriber::to_topic(&scene.stack, output("ALERTS_TOPIC_ARN"), filter).await;

    scene.report(Severity::High).await;
    let posts = posted(&slack, 3).await;
    assert!(posts[0].to_string().contains(&scene.dataset));
    assert!(posts.iter().all(|post| *post == posts[0]));
    wait_for("an empty queue", || async {
        (scene.stack.unfinished(&output("SLACK_QUEUE_URL")).await == 0).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(slack.received().len(), 3, "it was taken, and is posted no more");
    // Who subscribes otherwise may hear of it later than Slack.
    other.messages_with(&scene.dataset, 1).await;
    assert_eq!(other.bodies().await.len(), 1, "a mail is not sent again for Slack's sake");

    slack.then(Reply(404, None, "no_service"));
    scene.clear().await.unwrap();
    let posts = posted(&slack, 4).await;
    assert_eq!(posts[3]["attachments"][0]["color"], "#2eb67d");
    assert_eq!(refused(&scene).await, "slack answers 404: no_service");
    assert_eq!(other.messages_with(&scene.dataset, 2).await.len(), 2);
    let function = output("ALERT_SLACK_FUNCTION_NAME");
    let logged = tokio::task::spawn_blocking(move || logs(&function)).await.unwrap();
    assert!(!logged.contains(&path), "the webhook's address is a credential");
    let sns = aws_sdk_sns::Client::new(&scene.stack.config);
    sns.unsubscribe().subscription_arn(subscription).send().await.unwrap();
    other.leave().await;
}
