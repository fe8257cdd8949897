//! `report`: what campaigns cost and earned, as a table, a page and a message.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use report::{handle, reporter_from_environment};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let reporter = Arc::new(reporter_from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(reporter.clone(), event))).await
}
