//! Replay: what was kept aside, back into the river or out of it.
//!
//! Input: an operator's order ([`Order`]). Output: an answer that says what there is, and what became of
//! it; for rows that are released, a commit request as a transform makes it. Nothing happens without
//! being asked for: an order without an action lists what it would be about.

mod held;
mod order;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lambda_runtime::LambdaEvent;
use shared::aws::{
    Bucket, CommitsQueue, Environment, EnvironmentError, Ledger, load_config, s3_client,
};
use shared::telemetry::Metrics;

pub use held::ReplayError;
pub use order::{Action, Answer, HeldAnswer, HeldOrder, Order};

/// The function's name in runs and metrics.
pub const JOB: &str = "replay";

/// Nothing new is begun so shortly before the time is up.
const RESERVE: TimeDelta = TimeDelta::seconds(15);

/// Carries orders out.
#[derive(Debug)]
pub struct Replayer {
    ledger: Ledger,
    quarantine: Bucket,
    lake: Bucket,
    commits: CommitsQueue,
}

impl Replayer {
    /// Makes the replayer from the function's environment.
    pub async fn from_environment() -> Result<Self, EnvironmentError> {
        let environment = Environment;
        let config = load_config().await;
        let s3 = s3_client(&config);
        Ok(Self {
            ledger: Ledger::new(
                aws_sdk_dynamodb::Client::new(&config),
                environment.required("INPUTS_TABLE")?,
                environment.required("RUNS_TABLE")?,
                environment.number("RUN_RETENTION_DAYS")?,
            ),
            quarantine: Bucket::new(s3.clone(), environment.required("QUARANTINE_BUCKET")?),
            lake: Bucket::new(s3, environment.required("LAKE_BUCKET")?),
            commits: CommitsQueue::new(
                aws_sdk_sqs::Client::new(&config),
                environment.required("COMMITS_QUEUE_URL")?,
            ),
        })
    }
}

/// Handles an order.
pub async fn handle(
    replayer: Arc<Replayer>,
    event: LambdaEvent<Order>,
) -> Result<Answer, ReplayError> {
    let mut metrics = Metrics::of(JOB);
    let deadline = DateTime::<Utc>::from(event.context.deadline()) - RESERVE;
    let Order::Held(order) = event.payload;
    let answered = replayer.held(&order, deadline).await;
    match &answered {
        Ok(answer) if order.action != Action::List => {
            metrics.count("ReplayedRows", answer.rows);
        }
        Ok(_) => {}
        Err(error) => {
            metrics.count("FailedInvocations", 1);
            tracing::error!(error = %error, "the order is not carried out, or in part");
        }
    }
    metrics.emit();
    answered
}

/// What Lambda reports of a failed invocation.
impl From<ReplayError> for lambda_runtime::Diagnostic {
    fn from(error: ReplayError) -> Self {
        Self { error_type: "ReplayError".to_owned(), error_message: error.to_string() }
    }
}
