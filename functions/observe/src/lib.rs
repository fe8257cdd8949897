//! Data observability: every run is measured, and what is unusual becomes an incident.
//!
//! Input: the inserts of the Runs table's stream. Output: items of the observations table
//! ([`shared::observation`]) and of the Incidents table ([`shared::incident`]).
//!
//! First all runs of a batch are taken in: that writes what they say, once, whatever was delivered
//! before, twice or out of order. Then each dataset is judged as it stands by then. A batch is done as a
//! whole or fails as a whole: Lambda then bisects it, and a run that cannot be observed ends in the
//! on-failure queue; taking in the others again changes nothing.

pub mod distribution;
pub mod governance;
mod observer;
pub mod schema;

use std::sync::Arc;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use chrono::Utc;
use lambda_runtime::LambdaEvent;
use shared::run::Run;
use shared::telemetry::Metrics;

pub use observer::{ObserveError, Observed, Observer};

/// The function's name in metrics.
pub const JOB: &str = "observe";

/// Handles a stream batch.
pub async fn handle(
    observer: Arc<Observer>,
    event: LambdaEvent<Event>,
) -> Result<(), ObserveError> {
    let mut metrics = Metrics::of(JOB);
    let observed = observe_all(&observer, event.payload.records).await;
    match &observed {
        Ok(Observed { runs, datasets, findings }) => {
            metrics.count("ObservedRuns", *runs);
            metrics.count("JudgedDatasets", *datasets);
            metrics.count("Findings", *findings);
        }
        Err(error) => {
            metrics.count("FailedBatches", 1);
            tracing::error!(error = %error, "the batch failed and is tried again");
        }
    }
    metrics.emit();
    observed.map(drop)
}

async fn observe_all(
    observer: &Observer,
    records: Vec<EventRecord>,
) -> Result<Observed, ObserveError> {
    let mut runs = Vec::with_capacity(records.len());
    for record in records {
        // The event source filters; this holds also for whoever invokes the function directly.
        if record.event_name == "INSERT" {
            runs.push(run_of(record)?);
        }
    }
    observer.observe(&runs, Utc::now()).await
}

fn run_of(record: EventRecord) -> Result<Run, ObserveError> {
    let sequence_number = record.change.sequence_number.unwrap_or_default();
    serde_dynamo::from_item(record.change.new_image)
        .map_err(|source| ObserveError::NoRun { sequence_number, source })
}

/// What Lambda reports of a failed batch.
impl From<ObserveError> for lambda_runtime::Diagnostic {
    fn from(error: ObserveError) -> Self {
        Self { error_type: "ObserveError".to_owned(), error_message: error.to_string() }
    }
}
