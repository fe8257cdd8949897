//! `watch`: data downtime by the clock, and what is asked of incidents.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use watch::{Watch, handle};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let watch = Arc::new(Watch::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(watch.clone(), event))).await
}
