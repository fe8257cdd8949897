//! `google-ads-transform`: a Google Ads report dropped in S3 becomes Parquet files and commit requests.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::transform::{handle, transform_from_environment};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let transform = Arc::new(transform_from_environment(google_ads_transform::source()).await?);
    run(service_fn(|event: LambdaEvent<_>| handle(transform.clone(), event))).await
}
