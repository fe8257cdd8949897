//! The commit of data files to Iceberg tables, exactly once.
//!
//! Input: pointers to commit requests on a FIFO queue, one group a table. Output: a snapshot of the
//! table and, in one DynamoDB transaction, the input's state and its run. Requests of one table that
//! come in one batch share a snapshot. Rows whose keys the table has from other inputs are left out; files
//! of an earlier reading of the same object make way.

mod commit;
mod left_out;
mod look_back;
mod segment_cache;
mod supersede;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::LambdaEvent;
use shared::aws::{Bucket, Environment, EnvironmentError, Ledger, load_config, s3_client};
use shared::batch::{self, Deadline, Failures};
use shared::lake::{Lake, LakeConfig, TableError};
use shared::telemetry::Metrics;

pub use commit::{CommitError, Committed, Committer};
pub use look_back::{LookBack, LookBackError};

/// The function's name in metrics.
pub const JOB: &str = "lake-commit";

/// The share of the function's memory that keys of rows may have between invocations.
const CACHE_SHARE: usize = 4;

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The catalog cannot be reached.
    #[error(transparent)]
    Lake(#[from] TableError),
    /// The SDK found no region.
    #[error("no region is configured")]
    NoRegion,
}

impl Committer {
    /// Makes the committer from the function's environment.
    pub async fn from_environment() -> Result<Self, StartError> {
        let environment = Environment;
        let config = load_config().await;
        let bucket = environment.required("LAKE_BUCKET")?;
        let region = config.region().ok_or(StartError::NoRegion)?;
        let lake = Lake::connect(LakeConfig {
            bucket: bucket.clone(),
            snapshot_retention_days: environment.number("SNAPSHOT_RETENTION_DAYS")?,
            endpoint: config.endpoint_url().map(str::to_owned),
            region: region.to_string(),
        });
        let ledger = Ledger::new(
            aws_sdk_dynamodb::Client::new(&config),
            environment.required("INPUTS_TABLE")?,
            environment.required("RUNS_TABLE")?,
            environment.number("RUN_RETENTION_DAYS")?,
        );
        let bucket = Bucket::new(s3_client(&config), bucket);
        let megabytes = environment.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?;
        let look_back = LookBack::new(
            bucket.clone(),
            environment.number("KEY_RETENTION_DAYS")?,
            megabytes as usize * 1024 * 1024 / CACHE_SHARE,
        );
        Ok(Self::new(bucket, lake.await?, look_back, ledger))
    }
}

/// Handles a batch of pointers; those that are not done go back to the queue.
pub async fn handle(
    committer: Arc<Committer>,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let deadline = Deadline::of(&event.context);
    let mut metrics = Metrics::of(JOB);
    let mut failures = Failures::default();
    // The event source's batches may mix tables; each is committed for itself, in the order of arrival.
    let mut tables: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for message in event.payload.records {
        let group = message.attributes.get("MessageGroupId").cloned().unwrap_or_default();
        tables.entry(group).or_default().push(batch::parts(message));
    }
    for (table, messages) in tables {
        let ids: Vec<String> = messages.iter().map(|(message_id, _)| message_id.clone()).collect();
        let committer = committer.clone();
        match batch::isolate(deadline, async move {
            Ok::<_, CommitError>(committer.commit_messages(messages).await)
        })
        .await
        {
            Ok(outcomes) => count(&mut metrics, &mut failures, outcomes),
            Err(error) => {
                tracing::error!(table, error = %error, "no request of this table was finished");
                for message_id in ids {
                    failures.give_back(&message_id, &error);
                }
            }
        }
    }
    metrics.count("FailedMessages", failures.len() as u64);
    metrics.emit();
    Ok(failures.into_response())
}

fn count(
    metrics: &mut Metrics,
    failures: &mut Failures,
    outcomes: Vec<(String, Result<Committed, CommitError>)>,
) {
    for (message_id, outcome) in outcomes {
        match outcome {
            Ok(Committed::Now { rows }) => {
                metrics.count("Commits", 1);
                metrics.count("CommittedRows", rows);
            }
            Ok(Committed::Before) => metrics.count("DuplicateRequests", 1),
            Err(error) => failures.give_back(&message_id, &error),
        }
    }
}
