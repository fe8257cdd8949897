//! A consumer of a topic, as any other would be: a queue that is subscribed to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use aws_sdk_sqs::types::QueueAttributeName::{Policy, QueueArn};
use serde_json::{Value, json};
use shared::event::DatasetEvent;

use crate::stack::{Dropped, Stack, output, unique, wait_for};

/// A queue of its own on a topic.
pub struct Subscriber {
    stack: Stack,
    sns: aws_sdk_sns::Client,
    queue_url: String,
    subscription: String,
    /// What has come so far.
    received: Mutex<Vec<Received>>,
}

/// A message that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its body.
    pub body: String,
    /// Its attributes, by name.
    pub attributes: BTreeMap<String, String>,
}

impl Subscriber {
    /// Subscribes to what a filter policy lets through of the datasets topic.
    pub async fn to(stack: &Stack, filter: Value) -> Self {
        Self::to_topic(stack, output("DATASETS_TOPIC_ARN"), filter).await
    }

    /// Subscribes to what a filter policy lets through of a topic.
    ///
    /// # Panics
    /// Where the stack does not let it.
    pub async fn to_topic(stack: &Stack, topic: String, filter: Value) -> Self {
        let created =
            stack.sqs.create_queue().queue_name(format!("datasets-{}", unique())).send().await;
        let queue_url =
            created.ok().and_then(|created| created.queue_url).expect("a queue can be made");
        let asked = stack
            .sqs
            .get_queue_attributes()
            .queue_url(&queue_url)
            .attribute_names(QueueArn)
            .send()
            .await;
        let queue_arn = asked
            .ok()
            .and_then(|asked| asked.attributes?.remove(&QueueArn))
            .expect("a queue has an arn");
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}}
        }]});
        let attributes = HashMap::from([(Policy, policy.to_string())]);
        let set = stack
            .sqs
            .set_queue_attributes()
            .queue_url(&queue_url)
            .set_attributes(Some(attributes))
            .send()
            .await;
        set.expect("a queue takes a policy");
        let sns = aws_sdk_sns::Client::new(&stack.config);
        let subscribe = sns
            .subscribe()
            .topic_arn(topic)
            .protocol("sqs")
            .endpoint(queue_arn)
            .return_subscription_arn(true);
        let subscribed = subscribe
            .attributes("FilterPolicy", filter.to_string())
            .attributes("RawMessageDelivery", "true")
            .send()
            .await;
        let subscription = subscribed
            .ok()
            .and_then(|subscribed| subscribed.subscription_arn)
            .expect("the topic takes subscribers");
        Self { stack: stack.clone(), sns, queue_url, subscription, received: Mutex::default() }
    }

    /// The bodies of the messages about an input, once there are `expected` of them.
    pub async fn bodies_of(&self, dropped: &Dropped, expected: usize) -> Vec<String> {
        wait_for(&format!("{expected} messages about {}", dropped.key), || async {
            let bodies = self.look().await;
            let about = |body: &String| event(body).run.input.key == dropped.key;
            let found: Vec<String> = bodies.into_iter().filter(about).collect();
            (found.len() >= expected).then_some(found)
        })
        .await
    }

    /// The bodies of the messages that hold a text, once there is one.
    pub async fn bodies_with(&self, text: &str) -> Vec<String> {
        wait_for(&format!("a message with {text}"), || async {
            let bodies = self.look().await;
            let found: Vec<String> =
                bodies.into_iter().filter(|body| body.contains(text)).collect();
            (!found.is_empty()).then_some(found)
        })
        .await
    }

    /// The messages that hold a text, once there are `expected` of them.
    pub async fn messages_with(&self, text: &str, expected: usize) -> Vec<Received> {
        wait_for(&format!("{expected} messages with {text}"), || async {
            self.look().await;
            let received = self.received.lock().expect("nobody panics while looking");
            let found: Vec<Received> =
                received.iter().filter(|message| message.body.contains(text)).cloned().collect();
            (found.len() >= expected).then_some(found)
        })
        .await
    }

    /// The events about an input, once there are `expected` of them.
    pub async fn events_of(&self, dropped: &Dropped, expected: usize) -> Vec<DatasetEvent> {
        self.bodies_of(dropped, expected).await.iter().map(|body| event(body)).collect()
    }

    /// Everything that has come, once nothing more does.
    pub async fn bodies(&self) -> Vec<String> {
        let mut before = None;
        loop {
            let now = self.look().await;
            if before == Some(now.len()) {
                return now;
            }
            before = Some(now.len());
        }
    }

    /// Everything that has come so far.
    async fn look(&self) -> Vec<String> {
        let received = self
            .stack
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(10)
            .message_attribute_names("All")
            .send()
            .await;
        let messages = received.expect("the queue gives messages").messages.unwrap_or_default();
        let mut received = self.received.lock().expect("nobody panics while looking");
        for message in messages {
            let attributes = message.message_attributes.unwrap_or_default();
            let attributes = attributes
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.string_value?)));
            let attributes = attributes.collect();
            received.push(Received { body: message.body.unwrap_or_default(), attributes });
        }
        received.iter().map(|message| message.body.clone()).collect()
    }

    /// Takes the subscription and the queue away.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn leave(self) {
        self.sns
            .unsubscribe()
            .subscription_arn(self.subscription)
            .send()
            .await
            .expect("a subscription can be ended");
        self.stack
            .sqs
            .delete_queue()
            .queue_url(self.queue_url)
            .send()
            .await
            .expect("a queue can be deleted");
    }
}

fn event(body: &str) -> DatasetEvent {
    serde_json::from_str(body).expect("the topic carries events of datasets")
}
