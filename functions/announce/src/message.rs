//! A run as an SNS message.

use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use shared::event::DatasetEvent;
use shared::run::{Outcome, Run};

/// SNS takes at most ten messages in a batch …
const MOST_MESSAGES: usize = 10;

/// … and 256 KiB of them together, attributes included.
const MOST_BYTES: usize = 240 * 1024;

/// Why a run is no message. A retry does not help.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It cannot be written as JSON.
    #[error("run {run_id} cannot be serialised: {source}")]
    Serialise {
        /// The run.
        run_id: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// It is too large for SNS.
    #[error("run {run_id} makes a message of {bytes} bytes, more than sns takes")]
    TooLarge {
        /// The run.
        run_id: String,
        /// The message's size.
        bytes: usize,
    },
    /// The SDK refuses it.
    #[error("a message is malformed: {0}")]
    Malformed(String),
}

/// A message with the attributes that subscribers filter by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The JSON text of a [`DatasetEvent`].
    pub body: String,
    /// Name and value.
    pub attributes: Vec<(&'static str, String)>,
}

impl Message {
    /// The message of an event.
    pub fn of(event: &DatasetEvent) -> Result<Self, MessageError> {
        let attributes = attributes(&event.run);
        let run_id = event.run.run_id.clone();
        let body = match serde_json::to_string(event) {
            Ok(body) => body,
            Err(source) => return Err(MessageError::Serialise { run_id, source }),
        };
        let message = Self { body, attributes };
        if message.bytes() > MOST_BYTES {
            return Err(MessageError::TooLarge { run_id, bytes: message.bytes() });
        }
        Ok(message)
    }

    fn bytes(&self) -> usize {
        let attributes: usize = self
            .attributes
            .iter()
            .map(|(name, value)| name.len() + value.len() + "String".len())
            .sum();
        self.body.len() + attributes
    }

    /// The entry of a batch.
    pub(crate) fn into_entry(
        self,
        position: usize,
    ) -> Result<PublishBatchRequestEntry, MessageError> {
        let mut entry =
            PublishBatchRequestEntry::builder().id(position.to_string()).message(self.body);
        for (name, value) in self.attributes {
            let value =
                MessageAttributeValue::builder().data_type("String").string_value(value).build();
            entry = entry.message_attributes(
                name,
                value.map_err(|error| MessageError::Malformed(error.to_string()))?,
            );
        }
        entry.build().map_err(|error| MessageError::Malformed(error.to_string()))
    }
}

fn attributes(run: &Run) -> Vec<(&'static str, String)> {
    let outcome = match run.outcome {
        Outcome::Committed => "committed",
        Outcome::Transformed => "transformed",
        Outcome::Empty => "empty",
        Outcome::Quarantined => "quarantined",
        Outcome::Held => "held",
        Outcome::Failed => "failed",
    };
    let mut attributes = vec![("job", run.job.clone()), ("outcome", outcome.to_owned())];
    if let Some(dataset) = &run.dataset {
        let domain = dataset.split('.').next().unwrap_or_default();
        attributes.push(("dataset", dataset.clone()));
        attributes.push(("domain", domain.to_owned()));
    }
    attributes
}

/// Cuts messages into batches that SNS takes, in their order.
pub fn batches(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut batches: Vec<Vec<Message>> = Vec::new();
    let mut room = 0;
    for message in messages {
        let bytes = message.bytes();
        match batches.last_mut() {
            Some(batch) if batch.len() < MOST_MESSAGES && bytes <= room => {
                room -= bytes;
                batch.push(message);
            }
            _ => {
                room = MOST_BYTES.saturating_sub(bytes);
                batches.push(vec![message]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Message {
        Message { body: "x".repeat(bytes), attributes: Vec::new() }
    }

    #[test]
    fn batches_keep_to_both_limits_and_to_the_order() {
        let sizes: Vec<usize> = (0..25)
            .map(|number| if number % 7 == 0 { 200 * 1024 } else { 1_000 + number })
            .collect();
        let batches = batches(sizes.iter().map(|bytes| message(*bytes)).collect());
        let flat: Vec<usize> = batches.iter().flatten().map(Message::bytes).collect();
        assert_eq!(flat, sizes);
        for batch in &batches {
            assert!(batch.len() <= MOST_MESSAGES);
            assert!(batch.iter().map(Message::bytes).sum::<usize>() <= MOST_BYTES);
        }
    }
}
