//! The queues between the functions.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;

use super::explain;
use crate::event::{CommitPointer, InboxMessage, ReadAgain, ReplayMessage};

/// What SQS says when it is asked too often.
const THROTTLED: [&str; 4] =
    ["RequestThrottled", "ThrottlingException", "Throttling", "KmsThrottled"];

/// The FIFO queue of commit requests: one group a table, so that commits of a table are serial.
#[derive(Debug, Clone)]
pub struct CommitsQueue {
    client: Client,
    url: String,
}

/// The queue of lines that arrived by request and have not landed yet.
#[derive(Debug, Clone)]
pub struct InboxQueue {
    client: Client,
    url: String,
}

/// The queue of a source's transform, for orders to read objects again.
#[derive(Debug, Clone)]
pub struct ReplayQueue {
    client: Client,
    url: String,
}

/// Why a message could not be handed on. A retry may help, unless it is too large.
#[derive(Debug, thiserror::Error)]
#[error("sending {what} to {queue} failed: {reason}")]
pub struct QueueError {
    /// The queue's URL.
    pub queue: String,
    /// What should have been sent.
    pub what: String,
    /// What SQS says.
    pub reason: String,
    /// SQS was asked too often: a retry should wait longer.
    pub is_throttled: bool,
}

impl CommitsQueue {
    /// The queue at a URL.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends a pointer to a request for a table.
    ///
    /// The de-duplication id is the request's own: an id of the input would let SQS swallow the
    /// request of a second attempt for five minutes, although the first may be lost.
    pub async fn send(
        &self,
        table: &str,
        request_id: &str,
        pointer: &CommitPointer,
    ) -> Result<(), QueueError> {
        let what = || format!("commit request {}", pointer.key);
        let body = match serde_json::to_string(pointer) {
            Ok(body) => body,
            Err(error) => return Err(QueueError::malformed(&self.url, what(), error.to_string())),
        };
        let sent = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(table)
            .message_deduplication_id(request_id)
            .message_body(body)
            .send()
            .await;
        sent.map(drop).map_err(|error| QueueError::refused(&self.url, what(), &error))
    }
}

impl InboxQueue {
    /// The queue at a URL.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends lines. Once this is done they are stored, in several data centres, until they land.
    pub async fn send(&self, message: &InboxMessage) -> Result<(), QueueError> {
        let what = || format!("{} lines for {}", message.lines, message.folder);
        let body = match serde_json::to_string(message) {
            Ok(body) => body,
            Err(error) => return Err(QueueError::malformed(&self.url, what(), error.to_string())),
        };
        if body.len() > InboxMessage::MOST_BYTES {
            let reason = format!("{} bytes are more than sqs takes", body.len());
            return Err(QueueError::malformed(&self.url, what(), reason));
        }
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(drop).map_err(|error| QueueError::refused(&self.url, what(), &error))
    }
}

impl ReplayQueue {
    /// The queue at a URL.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends an order to read an object again.
    pub async fn send(&self, read_again: ReadAgain) -> Result<(), QueueError> {
        let what = || format!("the order to read s3://{}/{}", read_again.bucket, read_again.key);
        let body = match serde_json::to_string(&ReplayMessage { read_again: read_again.clone() }) {
            Ok(body) => body,
            Err(error) => return Err(QueueError::malformed(&self.url, what(), error.to_string())),
        };
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(drop).map_err(|error| QueueError::refused(&self.url, what(), &error))
    }
}

impl QueueError {
    fn malformed(queue: &str, what: String, reason: String) -> Self {
        Self { queue: queue.to_owned(), what, reason, is_throttled: false }
    }

    fn refused<E: std::error::Error + ProvideErrorMetadata>(
        queue: &str,
        what: String,
        error: &E,
    ) -> Self {
        let is_throttled = error.code().is_some_and(|code| {
            THROTTLED.iter().any(|known| code == *known || code.ends_with(&format!(".{known}")))
        });
        Self { queue: queue.to_owned(), what, reason: explain(error), is_throttled }
    }
}
