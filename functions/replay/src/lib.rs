//! Replay: what was kept aside, back into the river or out of it.
//!
//! Input: an operator's order ([`Order`]). Output: an answer that says what there is, and what became of
//! it; for rows that are released, a commit request as a transform makes it; for landed objects that are
//! to be read again, an order for the transform that reads them. Nothing happens without being asked for:
//! an order without an action lists what it would be about.

mod held;
mod order;
mod quarantine;
mod reread;
mod selection;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lambda_runtime::LambdaEvent;
use shared::aws::{
    Bucket, CommitsQueue, Environment, EnvironmentError, Ledger, ReplayQueue, load_config,
    s3_client,
};
use shared::telemetry::Metrics;

pub use held::ReplayError;
pub use order::{Action, Answer, HeldAnswer, HeldAnswers, HeldOrder, Order};
pub use reread::{DatasetStatus, Shore, Status};
pub use selection::{
    LandedOrder, Quarantined, QuarantinedOrder, Reading, Selected, SelectionAnswer, StatusOrder,
};

/// The function's name in runs and metrics.
pub const JOB: &str = "replay";

/// The parts of the landing bucket, as its notifications divide it, and the variables that name their queues.
const SHORES: [(&str, &str); 3] = [
    ("segment/", "SEGMENT_QUEUE_URL"),
    ("google-ads/", "GOOGLE_ADS_QUEUE_URL"),
    ("databases/", "DATABASES_QUEUE_URL"),
];

/// Nothing new is begun so shortly before the time is up.
const RESERVE: TimeDelta = TimeDelta::seconds(15);

/// Carries orders out.
#[derive(Debug)]
pub struct Replayer {
    ledger: Ledger,
    quarantine: Bucket,
    lake: Bucket,
    landing: Bucket,
    commits: CommitsQueue,
    /// What reads which part of the landing bucket.
    shores: Vec<Shore>,
}

/// What a replayer works with.
#[derive(Debug)]
pub struct ReplaySettings {
    /// The Inputs and Runs tables.
    pub ledger: Ledger,
    /// What was kept aside, and the orders.
    pub quarantine: Bucket,
    /// Takes held rows that are released.
    pub lake: Bucket,
    /// What has landed.
    pub landing: Bucket,
    /// Takes the requests of held rows.
    pub commits: CommitsQueue,
    /// What reads which part of the landing bucket.
    pub shores: Vec<Shore>,
}

impl Replayer {
    /// A replayer with its settings.
    pub fn new(settings: ReplaySettings) -> Self {
        let ReplaySettings { ledger, quarantine, lake, landing, commits, shores } = settings;
        Self { ledger, quarantine, lake, landing, commits, shores }
    }

    /// Makes the replayer from the function's environment.
    pub async fn from_environment() -> Result<Self, EnvironmentError> {
        let environment = Environment;
        let config = load_config().await;
        let s3 = s3_client(&config);
        let sqs = aws_sdk_sqs::Client::new(&config);
        let mut shores = Vec::new();
        for (prefix, variable) in SHORES {
            let queue = ReplayQueue::new(sqs.clone(), environment.required(variable)?);
            shores.push(Shore { prefix, queue });
        }
        Ok(Self::new(ReplaySettings {
            ledger: Ledger::new(
                aws_sdk_dynamodb::Client::new(&config),
                environment.required("INPUTS_TABLE")?,
                environment.required("RUNS_TABLE")?,
                environment.number("RUN_RETENTION_DAYS")?,
            ),
            quarantine: Bucket::new(s3.clone(), environment.required("QUARANTINE_BUCKET")?),
            lake: Bucket::new(s3.clone(), environment.required("LAKE_BUCKET")?),
            landing: Bucket::new(s3, environment.required("LANDING_BUCKET")?),
            commits: CommitsQueue::new(sqs, environment.required("COMMITS_QUEUE_URL")?),
            shores,
        }))
    }
}

/// Handles an order.
pub async fn handle(
    replayer: Arc<Replayer>,
    event: LambdaEvent<Order>,
) -> Result<Answer, ReplayError> {
    let mut metrics = Metrics::of(JOB);
    let deadline = DateTime::<Utc>::from(event.context.deadline()) - RESERVE;
    let answered = replayer.carry_out(&event.payload, deadline).await;
    match &answered {
        Ok(Answer::Held(answer)) if answer.action != Action::List => {
            metrics.count("ReplayedRows", answer.rows);
        }
        Ok(Answer::Selection(answer)) if answer.action == Reading::Run => {
            metrics.count("ReplayedObjects", answer.objects.len() as u64);
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

impl Replayer {
    async fn carry_out(
        &self,
        order: &Order,
        deadline: DateTime<Utc>,
    ) -> Result<Answer, ReplayError> {
        Ok(match order {
            Order::Held(order) => Answer::Held(self.held(order, deadline).await?),
            Order::Quarantined(order) => {
                Answer::Selection(self.quarantined(order, deadline).await?)
            }
            Order::Landed(order) => Answer::Selection(self.landed(order).await?),
            Order::Status(order) => Answer::Status(self.status(&order.replay, deadline).await?),
        })
    }
}

/// What Lambda reports of a failed invocation.
impl From<ReplayError> for lambda_runtime::Diagnostic {
    fn from(error: ReplayError) -> Self {
        Self { error_type: "ReplayError".to_owned(), error_message: error.to_string() }
    }
}
