//! Where a change ends that can never be told: the queue in which Lambda itself puts the positions of
//! what a function could not take in.

use aws_lambda_events::dynamodb::EventRecord;
use aws_sdk_sqs::Client;
use serde_json::{Value, json};
use shared::aws::explain;

use crate::AlertError;

/// The failure queue.
#[derive(Debug, Clone)]
pub struct FailureQueue {
    client: Client,
    url: String,
}

/// A change could not be put where somebody looks. A retry helps.
#[derive(Debug, thiserror::Error)]
#[error("sending to the failure queue {queue} failed: {reason}")]
pub struct FailureQueueError {
    queue: String,
    reason: String,
}

/// Where a record is in the stream, and which item it is about. The table has the item.
pub fn position(record: &EventRecord) -> Value {
    json!({
        "eventSourceARN": record.event_source_arn,
        "sequenceNumber": record.change.sequence_number,
        "keys": record.change.keys,
    })
}

impl FailureQueue {
    /// The queue at a URL.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Puts the position of a record there, and why it cannot be told.
    pub async fn put(&self, position: &Value, error: &AlertError) -> Result<(), FailureQueueError> {
        tracing::error!(position = %position, error = %error, "this can never be told");
        let body = json!({"reason": error.to_string(), "record": position});
        let send = self.client.send_message().queue_url(&self.url).message_body(body.to_string());
        let failed = |reason| FailureQueueError { queue: self.url.clone(), reason };
        send.send().await.map(drop).map_err(|error| failed(explain(&error)))
    }
}
