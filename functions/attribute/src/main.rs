//! `attribute`: what is committed to the sources' tables credits orders to the touches that led to them.

use std::sync::Arc;

use attribute::{Attributor, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let attributor = Arc::new(Attributor::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(attributor.clone(), event))).await
}
