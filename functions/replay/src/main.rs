//! `replay`: what was kept aside, back into the river or out of it.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use replay::{Replayer, handle};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let replayer = Arc::new(Replayer::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(replayer.clone(), event))).await
}
