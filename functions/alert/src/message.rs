//! An alert as an SNS message.
//!
//! The message has a text a protocol: people read plain words (`email`, `sms`), programs the JSON of
//! the [`Alert`] (everything else).

use aws_sdk_sns::Client;
use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_sdk_sns::types::MessageAttributeValue;
use serde_json::json;
use shared::aws::explain;
use shared::event::Alert;

use crate::attributes::attributes;

/// SNS takes 256 KiB, attributes included.
const MOST_BYTES: usize = 240 * 1024;

/// What SNS says of a message that it will never take.
const REFUSED: [&str; 4] =
    ["InvalidParameter", "InvalidParameterValue", "ValidationError", "ValidationException"];

/// Why an alert was not published.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It cannot be written as JSON. A retry does not help.
    #[error("notification {id} cannot be serialised: {source}")]
    Serialise {
        /// The notification.
        id: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The SDK refuses it. A retry does not help.
    #[error("notification {id} is malformed: {reason}")]
    Malformed {
        /// The notification.
        id: String,
        /// What the SDK says.
        reason: String,
    },
    /// SNS failed, or refuses it.
    #[error("publishing notification {id} to {topic} failed: {reason}")]
    Publish {
        /// The notification.
        id: String,
        /// The topic's ARN.
        topic: String,
        /// What SNS says.
        reason: String,
        /// Whether a retry may help.
        is_retryable: bool,
    },
}

impl MessageError {
    /// Whether a retry may help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Publish { is_retryable: true, .. })
    }
}

/// The topic that alerts are published on.
#[derive(Debug, Clone)]
pub struct Publisher {
    client: Client,
    topic: String,
}

impl Publisher {
    /// A publisher on a topic.
    pub fn new(client: Client, topic: String) -> Self {
        Self { client, topic }
    }

    /// Publishes an alert.
    pub async fn publish(&self, alert: &Alert) -> Result<(), MessageError> {
        let id = alert.notification_id.clone();
        let mut publish = self
            .client
            .publish()
            .topic_arn(&self.topic)
            .subject(&alert.subject)
            .message_structure("json")
            .message(body(alert)?);
        for (name, value) in attributes(alert) {
            let value =
                MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value = value.map_err(|error| MessageError::Malformed {
                id: id.clone(),
                reason: error.to_string(),
            })?;
            publish = publish.message_attributes(name, value);
        }
        let Err(error) = publish.send().await else {
            return Ok(());
        };
        let is_retryable = !error.code().is_some_and(|code| REFUSED.contains(&code));
        let (topic, reason) = (self.topic.clone(), explain(&error));
        Err(MessageError::Publish { id, topic, reason, is_retryable })
    }
}

/// The message: a text a protocol. What makes it too large is left out: the table has it.
pub fn body(alert: &Alert) -> Result<String, MessageError> {
    let body = body_of(alert)?;
    if body.len() <= MOST_BYTES {
        return Ok(body);
    }
    let mut shorter = alert.clone();
    if let Some(incident) = &mut shorter.incident {
        incident.affected_more += incident.affected.len() as u32;
        incident.affected.clear();
        incident.upstream.truncate(100);
        incident.downstream.truncate(100);
        incident.evidence.details.clear();
    }
    body_of(&shorter)
}

fn body_of(alert: &Alert) -> Result<String, MessageError> {
    let failed = |source| MessageError::Serialise { id: alert.notification_id.clone(), source };
    let machine = serde_json::to_string(alert).map_err(failed)?;
    let texts = json!({"default": machine, "email": alert.text, "sms": alert.subject});
    serde_json::to_string(&texts).map_err(failed)
}
