//! The queue of this channel, and its dead letters.

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use shared::aws::explain;

/// The first pause after a failure, in seconds; it doubles.
const FIRST_PAUSE: i32 = 5;

/// The longest pause after a failure, in seconds.
const LONGEST_PAUSE: i32 = 900;

/// SQS hides a message for twelve hours at most.
const MOST_SECONDS: i32 = 43_200;

/// The queue of this channel, and its dead letters.
#[derive(Debug, Clone)]
pub struct SlackQueue {
    client: Client,
    url: String,
    dead_letters: String,
}

/// A refused alert could not be put where somebody looks. A retry helps.
#[derive(Debug, thiserror::Error)]
#[error("sending to the dead-letter queue {queue} failed: {reason}")]
pub struct DeadLetterError {
    queue: String,
    reason: String,
}

/// How long a message waits after a failure, in seconds: longer each time that it was received.
pub fn pause(message: &SqsMessage) -> i32 {
    let received = message.attributes.get("ApproximateReceiveCount");
    let received: u32 = received.and_then(|count| count.parse().ok()).unwrap_or(1);
    let doublings = received.saturating_sub(1).min(10);
    (FIRST_PAUSE << doublings).min(LONGEST_PAUSE)
}

impl SlackQueue {
    /// Two queues by their URLs.
    pub fn new(client: Client, url: String, dead_letters: String) -> Self {
        Self { client, url, dead_letters }
    }

    /// Hides a message for so many seconds. Where that fails, it comes back when the queue says.
    pub async fn postpone(&self, message: &SqsMessage, seconds: i32) {
        let hidden = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(message.receipt_handle.as_deref().unwrap_or_default())
            .visibility_timeout(seconds.clamp(0, MOST_SECONDS))
            .send()
            .await;
        if let Err(error) = hidden {
            tracing::warn!(error = explain(&error), "a message comes back as the queue says");
        }
    }

    /// Puts a message among the dead letters, with the reason.
    pub async fn bury(&self, message: &SqsMessage, reason: &str) -> Result<(), DeadLetterError> {
        let failed = |reason| DeadLetterError { queue: self.dead_letters.clone(), reason };
        let value = MessageAttributeValue::builder().data_type("String").string_value(reason);
        let value = value.build().map_err(|error| failed(error.to_string()))?;
        let sent = self
            .client
            .send_message()
            .queue_url(&self.dead_letters)
            .message_body(message.body.as_deref().unwrap_or("(empty)"))
            .message_attributes("reason", value)
            .send()
            .await;
        sent.map(drop).map_err(|error| failed(explain(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_to_a_quarter_of_an_hour() {
        let pauses: Vec<i32> = ["1", "2", "6", "7", "200"]
            .iter()
            .map(|count| {
                let mut message = SqsMessage::default();
                message
                    .attributes
                    .insert("ApproximateReceiveCount".to_owned(), (*count).to_owned());
                pause(&message)
            })
            .collect();
        assert_eq!(pauses, [5, 10, 160, 320, 900]);
        assert_eq!(pause(&SqsMessage::default()), 5);
    }
}
