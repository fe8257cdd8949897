//! `lake-commit`: commit requests become rows in Iceberg tables and runs in the ledger.

use std::sync::Arc;

use lake_commit::{Committer, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let committer = Arc::new(Committer::from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(committer.clone(), event))).await
}
