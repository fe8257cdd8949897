//! The capture of changes in DynamoDB tables.
//!
//! Input: batches of a production table's stream. Output: an object a batch in the landing bucket,
//! `databases/dynamodb/<table>/<day>/<first>-<last>-<hash>.ndjson.gz`, the stream records as they
//! came, a line each. Day, sequence numbers and hash are of the content, so a batch that is
//! delivered again writes the same bytes under the same key.
//!
//! A batch is done as a whole or fails as a whole: Lambda bisects it, and a record that cannot be
//! captured ends, with its data, in the on-failure bucket.

mod batch;

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;
use shared::aws::{Bucket, BucketError, Environment, EnvironmentError, load_config, s3_client};
use shared::telemetry::Metrics;

pub use batch::{CapturedObject, RecordError, objects};

/// The function's name in metrics.
pub const JOB: &str = "dynamodb-capture";

/// Why a batch failed.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A record is none of a DynamoDB stream. A retry does not help.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The landing bucket does not take the object. A retry may help.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

/// What Lambda reports of a failed batch.
impl From<CaptureError> for lambda_runtime::Diagnostic {
    fn from(error: CaptureError) -> Self {
        let error_type = match error {
            CaptureError::Record(_) => "RecordError",
            CaptureError::Bucket(_) => "BucketError",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// Writes stream batches to the landing bucket.
#[derive(Debug)]
pub struct Capturer {
    landing: Bucket,
}

impl Capturer {
    /// A capturer that writes to a bucket.
    pub fn new(landing: Bucket) -> Self {
        Self { landing }
    }

    /// Makes the capturer from the function's environment.
    pub async fn from_environment() -> Result<Self, EnvironmentError> {
        let bucket = Environment.required("LANDING_BUCKET")?;
        Ok(Self::new(Bucket::new(s3_client(&load_config().await), bucket)))
    }

    /// Writes a batch; how many records it had.
    pub async fn capture(&self, payload: &str) -> Result<u64, CaptureError> {
        let mut captured = 0;
        for object in objects(payload)? {
            captured += object.records;
            // The key is made from the content: what is there already is this object, of an earlier attempt.
            self.landing.put_new(&object.key, "application/gzip", object.body).await?;
        }
        Ok(captured)
    }
}

/// Handles a stream batch.
pub async fn handle(
    capturer: Arc<Capturer>,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<(), CaptureError> {
    let mut metrics = Metrics::of(JOB);
    let captured = capturer.capture(event.payload.get()).await;
    match &captured {
        Ok(records) => metrics.count("CapturedRecords", *records),
        Err(error) => {
            let retry_helps = matches!(error, CaptureError::Bucket(_));
            metrics.count("FailedBatches", 1);
            tracing::error!(error = %error, retry_helps, "the batch failed");
        }
    }
    metrics.emit();
    captured.map(drop)
}
