//! `database-capture`: change records that a row trigger sends are put on the inbox.

use std::sync::Arc;

use database_capture::{Capturer, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let capturer = Arc::new(Capturer::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(capturer.clone(), event))).await
}
