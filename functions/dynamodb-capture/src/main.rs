//! `dynamodb-capture`: a batch of a production table's stream becomes an object in the landing bucket.

use std::sync::Arc;

use dynamodb_capture::{Capturer, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let capturer = Arc::new(Capturer::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(capturer.clone(), event))).await
}
