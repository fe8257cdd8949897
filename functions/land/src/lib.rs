//! The way from the inbox into the landing bucket.
//!
//! Input: SQS messages, each lines that arrived by request and the folder that they belong to. Output:
//! gzip NDJSON objects in landing, one a folder and invocation, or more where one would be too large.
//!
//! An object's name is made from what is in it: a batch that is delivered twice is the same object, and
//! is written once. A message that is none goes back alone, and in the end to the dead-letter queue.

mod object;

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::LambdaEvent;
use shared::aws::{Bucket, BucketError, Environment, EnvironmentError, load_config, s3_client};
use shared::batch::{self, Deadline, Failures};
use shared::event::{InboxError, InboxMessage};
use shared::telemetry::Metrics;

pub use object::{Arrived, LandingObject, Packed, folders, pack};

/// The function's name in metrics.
pub const JOB: &str = "land";

/// Why a folder's messages did not land. A retry may help.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// S3 did not take them.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// They could not be compressed.
    #[error("compressing lines failed: {0}")]
    Compress(#[from] std::io::Error),
}

/// What landed of a folder.
#[derive(Debug, Default)]
pub struct Landed {
    /// Objects that were written.
    pub objects: u64,
    /// Objects that stood there already.
    pub repeated_objects: u64,
    /// Lines in all of them.
    pub lines: u64,
    /// Stored bytes.
    pub bytes: u64,
    /// Messages that were in the batch twice.
    pub repeated_messages: u64,
    /// Messages that are no messages: the id, and why.
    pub malformed: Vec<(String, InboxError)>,
}

/// Writes what arrives on the inbox into the landing bucket.
#[derive(Debug, Clone)]
pub struct Lander {
    landing: Bucket,
}

impl Lander {
    /// A lander for a bucket.
    pub fn new(landing: Bucket) -> Self {
        Self { landing }
    }

    /// Makes the lander from the function's environment.
    pub async fn from_environment() -> Result<Self, EnvironmentError> {
        let bucket = Environment.required("LANDING_BUCKET")?;
        Ok(Self::new(Bucket::new(s3_client(&load_config().await), bucket)))
    }

    /// Lands the messages of one folder.
    pub async fn land(&self, messages: Vec<Arrived>) -> Result<Landed, LandError> {
        let Packed { objects, malformed, repeated } = pack(messages)?;
        let mut landed = Landed { malformed, repeated_messages: repeated, ..Landed::default() };
        for object in objects {
            let bytes = object.bytes.len() as u64;
            let is_new =
                self.landing.put_new(&object.key, "application/gzip", object.bytes).await?;
            tracing::info!(
                bucket = self.landing.name(),
                key = object.key,
                lines = object.lines,
                is_new,
                "landed"
            );
            landed.lines += object.lines;
            if is_new {
                landed.objects += 1;
                landed.bytes += bytes;
            } else {
                landed.repeated_objects += 1;
            }
        }
        Ok(landed)
    }
}

/// Handles a batch of messages; those that are not done go back to the queue.
pub async fn handle(
    lander: Arc<Lander>,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let deadline = Deadline::of(&event.context);
    let mut metrics = Metrics::of(JOB);
    let mut failures = Failures::default();
    let mut arrived = Vec::with_capacity(event.payload.records.len());
    metrics.count("Messages", event.payload.records.len() as u64);
    for record in event.payload.records {
        let (message_id, body) = batch::parts(record);
        match InboxMessage::parse(&body) {
            Ok(message) => arrived.push(Arrived { message_id, message }),
            Err(error) => failures.give_back(&message_id, &error),
        }
    }
    for messages in folders(arrived).into_values() {
        let message_ids: Vec<String> =
            messages.iter().map(|arrived| arrived.message_id.clone()).collect();
        let lander = lander.clone();
        match batch::isolate(deadline, async move { lander.land(messages).await }).await {
            Ok(landed) => {
                count(&mut metrics, &landed);
                for (message_id, reason) in &landed.malformed {
                    failures.give_back(message_id, reason);
                }
            }
            Err(error) => {
                for message_id in &message_ids {
                    failures.give_back(message_id, &error);
                }
            }
        }
    }
    metrics.count("FailedMessages", failures.len() as u64);
    metrics.emit();
    Ok(failures.into_response())
}

fn count(metrics: &mut Metrics, landed: &Landed) {
    metrics.count("Objects", landed.objects);
    metrics.count("RepeatedObjects", landed.repeated_objects);
    metrics.count("RepeatedMessages", landed.repeated_messages);
    metrics.count("Lines", landed.lines);
    metrics.bytes("StoredBytes", landed.bytes);
}
