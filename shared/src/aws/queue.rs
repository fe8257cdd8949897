//! The commits queue.

use aws_sdk_sqs::Client;

use super::explain;
use crate::event::CommitPointer;

/// The FIFO queue of commit requests: one group a table, so that commits of a table are serial.
#[derive(Debug, Clone)]
pub struct CommitsQueue {
    client: Client,
    url: String,
}

/// Why a request could not be handed on. A retry may help.
#[derive(Debug, thiserror::Error)]
#[error("sending commit request {key} to {queue} failed: {reason}")]
pub struct QueueError {
    /// The queue's URL.
    pub queue: String,
    /// The request's key.
    pub key: String,
    /// What SQS says.
    pub reason: String,
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
        let failed =
            |reason| QueueError { queue: self.url.clone(), key: pointer.key.clone(), reason };
        let body = serde_json::to_string(pointer).map_err(|error| failed(error.to_string()))?;
        let sent = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(table)
            .message_deduplication_id(request_id)
            .message_body(body)
            .send()
            .await;
        sent.map(drop).map_err(|error| failed(explain(&error)))
    }
}
