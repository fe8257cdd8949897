//! A transform as a Lambda function: SQS messages that tell of objects in the landing bucket.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::LambdaEvent;

use super::{Source, Transform, TransformError, TransformSettings, Transformed};
use crate::aws::{
    Bucket, CommitsQueue, Environment, EnvironmentError, Ledger, SecretError, load_config,
    pseudonym_key, s3_client,
};
use crate::batch::{self, Deadline, Failures};
use crate::event::{EventError, ReadAgain, object_created_events};
use crate::govern::Pseudonymizer;
use crate::lake::{Lake, LakeConfig, TableError};
use crate::telemetry::Metrics;

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The key of the pseudonyms cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The catalog cannot be reached.
    #[error(transparent)]
    Catalog(#[from] TableError),
    /// The SDK found no region.
    #[error("no region is configured")]
    NoRegion,
}

/// Why a message is not done.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It cannot be understood; it ends in the dead-letter queue, where a person sees it.
    #[error(transparent)]
    Event(#[from] EventError),
    /// An object in it cannot be transformed now.
    #[error(transparent)]
    Transform(#[from] TransformError),
}

/// Makes a source's transform from the function's environment.
pub async fn transform_from_environment(source: Source) -> Result<Transform, StartError> {
    let environment = Environment;
    let config = load_config().await;
    let s3 = s3_client(&config);
    let mut key = Vec::new();
    // Who writes no pseudonym has no right to the key either.
    if writes_pseudonyms(&source) {
        let secret = environment.required("PSEUDONYM_SECRET_ARN")?;
        key = pseudonym_key(&aws_sdk_secretsmanager::Client::new(&config), &secret).await?;
    }
    let mut catalog = None;
    // Who looks for no reference has no right to the tables either.
    if source.contracts.iter().any(|contract| contract.checks_references()) {
        catalog = Some(open_catalog(&config, environment.required("LAKE_BUCKET")?).await?);
    }
    Ok(Transform::new(TransformSettings {
        source,
        catalog,
        landing: s3.clone(),
        lake: Bucket::new(s3.clone(), environment.required("LAKE_BUCKET")?),
        quarantine: Bucket::new(s3, environment.required("QUARANTINE_BUCKET")?),
        ledger: Ledger::new(
            aws_sdk_dynamodb::Client::new(&config),
            environment.required("INPUTS_TABLE")?,
            environment.required("RUNS_TABLE")?,
            environment.number("RUN_RETENTION_DAYS")?,
        ),
        commits: CommitsQueue::new(
            aws_sdk_sqs::Client::new(&config),
            environment.required("COMMITS_QUEUE_URL")?,
        ),
        pseudonymizer: Pseudonymizer::new(&key),
        database_prefix: environment.optional("DATABASE_PREFIX"),
    }))
}

async fn open_catalog(config: &SdkConfig, bucket: String) -> Result<Lake, StartError> {
    let region = config.region().ok_or(StartError::NoRegion)?.to_string();
    let endpoint = config.endpoint_url().map(str::to_owned);
    // No table is made here, so nothing is said of its snapshots.
    let lake = LakeConfig { bucket, snapshot_retention_days: 0, endpoint, region };
    Ok(Lake::connect(lake).await?)
}

fn writes_pseudonyms(source: &Source) -> bool {
    source.contracts.iter().any(|contract| {
        contract.columns.iter().any(|column| column.privacy == crate::contract::Privacy::Hmac)
    })
}

/// Handles a batch of messages; those that are not done go back to the queue.
pub async fn handle(
    transform: Arc<Transform>,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let deadline = Deadline::of(&event.context);
    let mut metrics = Metrics::of(transform.job());
    let mut failures = Failures::default();
    for message in event.payload.records {
        let (message_id, body) = batch::parts(message);
        let transform = transform.clone();
        match batch::isolate(deadline, async move { transform_message(&transform, &body).await })
            .await
        {
            Ok(outcomes) => count(&mut metrics, &outcomes),
            Err(error) => failures.give_back(&message_id, &error),
        }
    }
    metrics.count("FailedMessages", failures.len() as u64);
    metrics.emit();
    Ok(failures.into_response())
}

/// Takes every object that a message tells of through the stretch.
pub async fn transform_message(
    transform: &Transform,
    body: &str,
) -> Result<Vec<Transformed>, MessageError> {
    let mut outcomes = Vec::new();
    if let Some(again) = ReadAgain::in_message(body) {
        if !transform.holds_data(&again.key) {
            transform.pass_by(&again).await?;
            return Ok(outcomes);
        }
        let outcome = transform.run(&again.object(), Some(&again)).await?;
        tracing::info!(bucket = again.bucket, key = again.key, version_id = again.version_id, replay = again.replay, outcome = ?outcome, "input read again");
        return Ok(vec![outcome]);
    }
    for object in object_created_events(body)? {
        if object.key.ends_with('/') || !transform.holds_data(&object.key) {
            tracing::info!(
                bucket = object.bucket,
                key = object.key,
                "object ignored: it holds no data by its name"
            );
            continue;
        }
        let outcome = transform.run(&object, None).await?;
        tracing::info!(bucket = object.bucket, key = object.key, version_id = object.version_id, outcome = ?outcome, "input");
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn count(metrics: &mut Metrics, outcomes: &[Transformed]) {
    for outcome in outcomes {
        match outcome {
            Transformed::Done { records, .. } | Transformed::Quarantined(records) => {
                metrics.count("Inputs", 1);
                metrics.count("Records", records.records);
                metrics.count("RoutedRecords", records.routed);
                metrics.count("QuarantinedRecords", records.quarantined);
                metrics.bytes("DecodedBytes", records.decoded_bytes);
                metrics.count(
                    "QuarantinedInputs",
                    u64::from(matches!(outcome, Transformed::Quarantined(_))),
                );
                let held = if let Transformed::Done { held, .. } = outcome { *held } else { 0 };
                metrics.count("HeldDatasets", held);
            }
            Transformed::Duplicate => metrics.count("DuplicateInputs", 1),
            Transformed::Gone => metrics.count("MissingInputs", 1),
            Transformed::Tried(_) => metrics.count("TriedInputs", 1),
        }
    }
}
