//! `segment-collect`: what Segment's libraries and webhooks send is put on the inbox.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use segment_collect::{Collector, handle};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let collector = Arc::new(Collector::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(collector.clone(), event))).await
}
