//! `land`: what is on the inbox becomes objects in the landing bucket.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use land::{Lander, handle};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let lander = Arc::new(Lander::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(lander.clone(), event))).await
}
