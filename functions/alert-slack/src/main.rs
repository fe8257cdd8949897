//! `alert-slack`: what the alerts topic tells is posted to a Slack channel.

use std::sync::Arc;

use alert_slack::{Poster, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let poster = Arc::new(Poster::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(poster.clone(), event))).await
}
