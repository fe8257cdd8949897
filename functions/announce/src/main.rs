//! `announce`: every run that is inserted into the ledger is told on the datasets topic.

use std::sync::Arc;

use announce::{Announcer, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let announcer = Arc::new(Announcer::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(announcer.clone(), event))).await
}
