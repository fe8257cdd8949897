//! The capture of changes in relational databases.
//!
//! Input: invocations by row triggers, as the SQL beside this crate sends them and as others write
//! them. Output: the change records as they came, a line each, on the inbox, for the folder
//! `databases/changes/<database>/<day>`.
//!
//! An invocation is done as a whole or fails as a whole. A trigger invokes asynchronously: what
//! fails is tried again by Lambda and ends, with its payload, in the on-failure destination. Lines
//! may therefore come twice; the sequence of a change tells them apart.

mod payload;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::aws::{Environment, EnvironmentError, InboxQueue, QueueError, load_config};
use shared::event::{InboxError, InboxMessage};
use shared::telemetry::Metrics;

pub use payload::{Batch, PayloadError, batches};

/// The function's name in metrics.
pub const JOB: &str = "database-capture";

/// A line longer than this travels alone, and fits the queue if compression makes it fit.
const LONG_LINE_BYTES: usize = 600 * 1024;

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The payload holds no change records. A retry does not help.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// Records cannot be made a message. A retry does not help.
    #[error(transparent)]
    Message(#[from] InboxError),
    /// The inbox does not take them. A retry may help.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// What Lambda reports of a failed invocation.
impl From<CaptureError> for lambda_runtime::Diagnostic {
    fn from(error: CaptureError) -> Self {
        let error_type = match error {
            CaptureError::Payload(_) => "PayloadError",
            CaptureError::Message(_) => "MessageError",
            CaptureError::Queue(_) => "QueueError",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// The answer to an invocation; whoever waits for it may delete what was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Change records that are on the inbox now.
    pub accepted: u64,
}

/// Puts change records on the inbox.
#[derive(Debug)]
pub struct Capturer {
    inbox: InboxQueue,
    default_database: String,
}

impl Capturer {
    /// A capturer. `default_database` names the database of records that do not name theirs.
    pub fn new(inbox: InboxQueue, default_database: String) -> Self {
        Self { inbox, default_database }
    }

    /// Makes the capturer from the function's environment.
    pub async fn from_environment() -> Result<Self, EnvironmentError> {
        let url = Environment.required("INBOX_QUEUE_URL")?;
        let default_database = Environment.required("DEFAULT_DATABASE")?;
        let client = aws_sdk_sqs::Client::new(&load_config().await);
        Ok(Self::new(InboxQueue::new(client, url), default_database))
    }

    /// Puts the records of a payload on the inbox; how many there were.
    pub async fn capture(
        &self,
        payload: &str,
        received_at: DateTime<Utc>,
    ) -> Result<Answer, CaptureError> {
        let mut accepted = 0;
        // Every record is looked at before the first is sent, so that a bad payload leaves nothing behind.
        let batches = batches(payload, &self.default_database)?;
        for batch in &batches {
            for message in messages(batch, received_at)? {
                self.inbox.send(&message).await?;
                accepted += message.lines;
            }
        }
        Ok(Answer { accepted })
    }
}

/// The messages of a batch, each small enough for the queue if it can be made so.
fn messages(batch: &Batch, received_at: DateTime<Utc>) -> Result<Vec<InboxMessage>, InboxError> {
    let folder = format!("databases/changes/{}/{}", batch.folder, received_at.date_naive());
    let mut messages = Vec::new();
    let mut start = 0;
    let mut end = 0;
    for line in batch.lines.split_inclusive(|byte| *byte == b'\n') {
        if line.len() > LONG_LINE_BYTES {
            messages.extend(InboxMessage::split(&folder, received_at, &batch.lines[start..end])?);
            messages.push(InboxMessage::new(folder.as_str(), received_at, line)?);
            start = end + line.len();
        }
        end += line.len();
    }
    messages.extend(InboxMessage::split(&folder, received_at, &batch.lines[start..end])?);
    Ok(messages)
}

/// Handles an invocation.
pub async fn handle(
    capturer: Arc<Capturer>,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Answer, CaptureError> {
    let mut metrics = Metrics::of(JOB);
    let captured = capturer.capture(event.payload.get(), Utc::now()).await;
    match &captured {
        Ok(answer) => metrics.count("CapturedRecords", answer.accepted),
        Err(error) => {
            let retry_helps = matches!(error, CaptureError::Queue(_));
            metrics.count("FailedInvocations", 1);
            tracing::error!(error = %error, retry_helps, "the invocation failed");
        }
    }
    metrics.bytes("PayloadBytes", event.payload.get().len() as u64);
    metrics.emit();
    captured
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_long_line_travels_alone_and_the_order_stays() {
        let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat(900 * 1024));
        let lines = format!("{{\"n\":1}}\n{{\"n\":2}}\n{long}{{\"n\":3}}\n");
        let batch = Batch { folder: "shop".to_owned(), lines: lines.clone().into_bytes() };
        let messages = messages(&batch, noon()).unwrap();
        assert_eq!(messages.iter().map(|message| message.lines).collect::<Vec<_>>(), [2, 1, 1]);
        let mut together = Vec::new();
        for message in &messages {
            assert_eq!(message.folder, "databases/changes/shop/2026-11-23");
            together.extend(message.decode().unwrap());
        }
        assert_eq!(together, lines.into_bytes());
    }

    #[test]
    fn the_payload_is_kept_as_it_came() {
        let text = "{\"n\": 1.50, \"e\":1e400,\n \"t\":\"\\u00e9\"}";
        let event: Box<RawValue> = serde_json::from_str(text).unwrap();
        assert_eq!(event.get(), text);
    }
}
