//! The export of lineage.
//!
//! Input: messages of the `datasets` topic, one a run. Output: two OpenLineage events a run
//! (<https://openlineage.io/spec/2-0-2/OpenLineage.json>), START and COMPLETE or FAIL, as an object of two
//! lines in the reports bucket; and, where there is a backend, each by HTTP.
//!
//! Whatever is in the events comes from the run and from its contract, nothing from the clock. So a message
//! that is delivered twice writes the same object again, and the backend hears the same run with the same id.
//! The object is written before the backend is called, and stays whatever the backend says.

mod backend;
mod columns;
mod datasets;
mod event;
mod exporter;
pub mod facet;
mod message;
mod quality;
mod translate;

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::LambdaEvent;
use shared::batch::{self, Deadline, Failures};
use shared::telemetry::Metrics;

pub use backend::{ApiKey, Backend, BackendError};
pub use event::{
    Dataset, EventType, InputDataset, Job, OutputDataset, PRODUCER, RunEvent, RunReference,
};
pub use exporter::{ExportError, Exported, Exporter, StartError, object_key};
pub use message::{MessageError, dataset_event};
pub use translate::{Deployment, run_events};

/// The function's name in metrics.
pub const JOB: &str = "lineage";

/// Handles a batch of messages; those that are not done go back to the queue.
pub async fn handle(
    exporter: Arc<Exporter>,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let deadline = Deadline::of(&event.context);
    let mut metrics = Metrics::of(JOB);
    let mut failures = Failures::default();
    let mut exported = Exported::default();
    for message in event.payload.records {
        let (message_id, body) = batch::parts(message);
        let exporter = exporter.clone();
        let export = batch::isolate(deadline, async move { exporter.export_message(&body).await });
        match export.await {
            Ok(more) => exported += more,
            Err(error) => failures.give_back(&message_id, &error),
        }
    }
    metrics.count("ExportedRuns", exported.runs);
    metrics.count("SentEvents", exported.sent_events);
    metrics.count("FailedMessages", failures.len() as u64);
    metrics.emit();
    Ok(failures.into_response())
}
