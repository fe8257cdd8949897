//! The announcement of runs.
//!
//! Input: the inserts of the Runs table's stream. Output: a message a run on the `datasets` topic,
//! with attributes to filter by; it names data files only for what passed its contract.
//!
//! A stream batch is done as a whole or fails as a whole: Lambda then bisects it, and a record that
//! cannot be announced ends in the on-failure queue. A repeated batch repeats its messages, so
//! subscribers go by `run_id`.

mod message;

use std::sync::Arc;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_sdk_sns::Client;
use lambda_runtime::LambdaEvent;
use shared::aws::{Environment, EnvironmentError, load_config};
use shared::event::DatasetEvent;
use shared::run::Run;
use shared::telemetry::Metrics;

pub use message::{Message, MessageError, batches};

/// The function's name in metrics.
pub const JOB: &str = "announce";

/// Why a batch failed.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// An item of the stream is no run.
    #[error("stream record {sequence_number} is no run: {source}")]
    NoRun {
        /// The record's sequence number.
        sequence_number: String,
        /// What serde says.
        source: serde_dynamo::Error,
    },
    /// A run cannot be made a message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// SNS failed. A retry may help.
    #[error("publishing to {topic} failed: {reason}")]
    Publish {
        /// The topic's ARN.
        topic: String,
        /// What SNS says.
        reason: String,
    },
}

/// What Lambda reports of a failed batch.
impl From<AnnounceError> for lambda_runtime::Diagnostic {
    fn from(error: AnnounceError) -> Self {
        Self { error_type: "AnnounceError".to_owned(), error_message: error.to_string() }
    }
}

/// Publishes runs on the datasets topic.
#[derive(Debug)]
pub struct Announcer {
    client: Client,
    topic: String,
}

impl Announcer {
    /// An announcer on a topic.
    pub fn new(client: Client, topic: String) -> Self {
        Self { client, topic }
    }

    /// Makes the announcer from the function's environment.
    pub async fn from_environment() -> Result<Self, EnvironmentError> {
        let topic = Environment.required("DATASETS_TOPIC_ARN")?;
        Ok(Self::new(Client::new(&load_config().await), topic))
    }

    /// Publishes the inserts of a stream batch; how many there were.
    pub async fn announce(&self, records: Vec<EventRecord>) -> Result<usize, AnnounceError> {
        let mut messages = Vec::with_capacity(records.len());
        for record in records {
            // The event source filters; this holds also for whoever invokes the function directly.
            if record.event_name == "INSERT" {
                messages.push(message_of(record)?);
            }
        }
        let announced = messages.len();
        for batch in batches(messages) {
            self.publish(batch).await?;
        }
        Ok(announced)
    }

    async fn publish(&self, batch: Vec<Message>) -> Result<(), AnnounceError> {
        let failed = |reason| AnnounceError::Publish { topic: self.topic.clone(), reason };
        let mut entries = Vec::with_capacity(batch.len());
        for (position, message) in batch.into_iter().enumerate() {
            entries.push(message.into_entry(position)?);
        }
        let request = self
            .client
            .publish_batch()
            .topic_arn(&self.topic)
            .set_publish_batch_request_entries(Some(entries));
        let output = request.send().await.map_err(|error| failed(shared::aws::explain(&error)))?;
        // A batch is answered with 200 even where entries failed.
        match output.failed().first() {
            None => Ok(()),
            Some(first) => Err(failed(format!(
                "{} of its entries failed, the first with {}",
                output.failed().len(),
                first.code()
            ))),
        }
    }
}

fn message_of(record: EventRecord) -> Result<Message, AnnounceError> {
    let sequence_number = record.change.sequence_number.unwrap_or_default();
    let run: Run = match serde_dynamo::from_item(record.change.new_image) {
        Ok(run) => run,
        Err(source) => {
            return Err(AnnounceError::NoRun { sequence_number, source });
        }
    };
    Ok(Message::of(&DatasetEvent::of(run))?)
}

/// Handles a stream batch.
pub async fn handle(
    announcer: Arc<Announcer>,
    event: LambdaEvent<Event>,
) -> Result<(), AnnounceError> {
    let mut metrics = Metrics::of(JOB);
    let announced = announcer.announce(event.payload.records).await;
    match &announced {
        Ok(count) => metrics.count("AnnouncedRuns", *count as u64),
        Err(error) => {
            metrics.count("FailedBatches", 1);
            tracing::error!(error = %error, "the batch failed and is tried again");
        }
    }
    metrics.emit();
    announced.map(drop)
}
