//! Messages, one by one: into the bucket, then to the backend.

use std::ops::AddAssign;

use shared::aws::{Bucket, BucketError, Environment, EnvironmentError, load_config, s3_client};
use shared::lineage::Catalog;
use shared::run::Run;

use crate::backend::{ApiKey, Backend, BackendError};
use crate::event::RunEvent;
use crate::message::{MessageError, dataset_event};
use crate::translate::{Deployment, run_events};

/// Newline-delimited JSON: <https://github.com/ndjson/ndjson-spec>.
const CONTENT_TYPE: &str = "application/x-ndjson";

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The SDK found no region.
    #[error("no region is configured")]
    NoRegion,
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Why a message is not done.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be understood. A retry does not help.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Its events cannot be written as JSON: a defect.
    #[error("the events of run {run_id} cannot be serialised: {source}")]
    Serialise {
        /// The run.
        run_id: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The bucket does not take them. A retry may help.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The backend does not take them; they are in the bucket.
    #[error("the events of run {run_id} are kept but not sent: {source}")]
    Backend {
        /// The run.
        run_id: String,
        /// Why.
        source: BackendError,
    },
}

impl ExportError {
    /// Whether a later attempt can end differently without anybody's doing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Message(_) | Self::Serialise { .. } => false,
            Self::Bucket(_) => true,
            Self::Backend { source, .. } => source.is_retryable(),
        }
    }
}

/// What was exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Runs whose events are in the bucket.
    pub runs: u64,
    /// Events that the backend took.
    pub sent_events: u64,
}

impl AddAssign for Exported {
    fn add_assign(&mut self, more: Self) {
        self.runs += more.runs;
        self.sent_events += more.sent_events;
    }
}

/// Exports runs.
pub struct Exporter {
    deployment: Deployment,
    bucket: Bucket,
    backend: Option<Backend>,
}

impl Exporter {
    /// An exporter into a bucket and, where there is one, to a backend.
    pub fn new(deployment: Deployment, bucket: Bucket, backend: Option<Backend>) -> Self {
        Self { deployment, bucket, backend }
    }

    /// Makes the exporter from the function's environment.
    pub async fn from_environment() -> Result<Self, StartError> {
        let environment = Environment;
        let config = load_config().await;
        let deployment = Deployment {
            job_namespace: environment.required("JOB_NAMESPACE")?,
            catalog: Catalog {
                region: config.region().ok_or(StartError::NoRegion)?.to_string(),
                account: environment.required("ACCOUNT_ID")?,
                database_prefix: environment.optional("DATABASE_PREFIX"),
            },
            lake_bucket: environment.required("LAKE_BUCKET")?,
        };
        let bucket = Bucket::new(s3_client(&config), environment.required("REPORTS_BUCKET")?);
        let url = environment.optional("OPEN_LINEAGE_URL");
        if url.is_empty() {
            return Ok(Self::new(deployment, bucket, None));
        }
        let secret = environment.optional("OPEN_LINEAGE_SECRET_ARN");
        let key = (!secret.is_empty())
            .then(|| ApiKey::new(aws_sdk_secretsmanager::Client::new(&config), secret));
        Ok(Self::new(deployment, bucket, Some(Backend::new(&url, key)?)))
    }

    /// Exports the run that a message tells of.
    pub async fn export_message(&self, body: &str) -> Result<Exported, ExportError> {
        let exported = self.export(body).await;
        if let Err(ExportError::Backend { run_id, source }) = &exported {
            let (is_retryable, error) = (source.is_retryable(), source.to_string());
            tracing::warn!(
                run_id,
                is_retryable,
                error,
                "the lineage backend has not heard of a run"
            );
        }
        exported
    }

    async fn export(&self, body: &str) -> Result<Exported, ExportError> {
        let event = dataset_event(body)?;
        let run = &event.run;
        let mut lines = Vec::new();
        for run_event in run_events(&event, &self.deployment) {
            lines.push(line(run, &run_event)?);
        }
        let mut object = lines.join("\n").into_bytes();
        object.push(b'\n');
        self.bucket.put(&object_key(run), CONTENT_TYPE, object).await?;
        let sent_events = self.send(run, lines).await?;
        Ok(Exported { runs: 1, sent_events })
    }

    async fn send(&self, run: &Run, lines: Vec<String>) -> Result<u64, ExportError> {
        let Some(backend) = &self.backend else {
            return Ok(0);
        };
        let mut sent = 0;
        for line in lines {
            if let Err(source) = backend.send(line).await {
                return Err(ExportError::Backend { run_id: run.run_id.clone(), source });
            }
            sent += 1;
        }
        Ok(sent)
    }
}

/// The object with a run's events, `openlineage/<day>/<run id>.ndjson`: by the day on which the run ended, so
/// that a run has one object however often it is told of.
pub fn object_key(run: &Run) -> String {
    format!("openlineage/{}/{}.ndjson", run.finished_at.date_naive(), run.run_id)
}

fn line(run: &Run, event: &RunEvent) -> Result<String, ExportError> {
    serde_json::to_string(event)
        .map_err(|source| ExportError::Serialise { run_id: run.run_id.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_object_whoever_tells_of_it() {
        let run = serde_json::json!({
            "run_id": "3d6b9f0a-6c00-5000-8000-000000000004", "job": "segment-transform", "outcome": "empty",
            "input": {"bucket": "b", "key": "k", "checksum": "c"},
            "arrived_at": "2026-11-22T23:59:58Z", "started_at": "2026-11-22T23:59:59Z",
            "finished_at": "2026-11-23T00:00:00Z"
        });
        let key = object_key(&serde_json::from_value(run).unwrap());
        assert_eq!(key, "openlineage/2026-11-23/3d6b9f0a-6c00-5000-8000-000000000004.ndjson");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let backend = |source| ExportError::Backend { run_id: String::new(), source };
        let url = String::from("http://127.0.0.1");
        let busy = BackendError::Busy { url: url.clone(), status: 503 };
        assert!(backend(busy).is_retryable());
        let refused = BackendError::Refused { url, status: 422 };
        assert!(!backend(refused).is_retryable());
        let message = dataset_event("{}").unwrap_err();
        assert!(!ExportError::from(message).is_retryable());
    }
}
