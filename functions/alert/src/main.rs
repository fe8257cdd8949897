//! `alert`: what changed of an incident is told once on the alerts topic, and what is low once a day.

use std::sync::Arc;

use alert::{Alerter, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let alerter = Arc::new(Alerter::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(alerter.clone(), event))).await
}
