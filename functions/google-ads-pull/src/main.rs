//! `google-ads-pull`: reports of the Google Ads API land as they come.

use std::sync::Arc;

use google_ads_pull::{handle, puller_from_environment};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    let puller = Arc::new(puller_from_environment().await?);
    run(service_fn(|event: LambdaEvent<_>| handle(puller.clone(), event))).await
}
