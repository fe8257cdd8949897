//! `observe`: every run that is inserted into the ledger is measured and judged; what is unusual becomes an incident.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use observe::{Observer, handle};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let observer = Arc::new(Observer::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(observer.clone(), event))).await
}
