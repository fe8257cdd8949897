//! `lineage`: every run becomes OpenLineage events, kept in a bucket and sent to a lineage backend.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use lineage::{Exporter, handle};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let exporter = Arc::new(Exporter::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(exporter.clone(), event))).await
}
