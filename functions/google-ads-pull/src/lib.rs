//! The pull of reports from the Google Ads API.
//!
//! Input: the clock, or a request for a range of days. Output: the answers of `searchStream`, as they
//! came, as gzip objects in the landing bucket; one exists only if its answer came to its end. What was
//! pulled when is noted in a table, so that an invocation goes on where the one before had to stop.

pub mod answer;
pub mod api;
pub mod checkpoint;
pub mod credentials;
pub mod failure;
pub mod landing;
mod outcome;
pub mod plan;
mod puller;
pub mod query;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{TimeDelta, Utc};
use lambda_runtime::LambdaEvent;
use shared::aws::{Bucket, Environment, EnvironmentError, load_config, s3_client};
use shared::telemetry::Metrics;

use crate::api::{ApiError, Endpoints, GoogleAds};
use crate::checkpoint::Checkpoints;
use crate::credentials::digits;
use crate::plan::Schedule;
use crate::query::Query;

pub use outcome::{FailedPull, PullError, Summary, Trouble};
pub use puller::{Invocation, InvocationError, PullRequest, Puller, PullerSettings};

/// The function's name in metrics.
pub const JOB: &str = "google-ads-pull";

/// Left for the answer when the function's time runs out.
const MARGIN: Duration = Duration::from_secs(5);

/// Attempts at a request in one invocation; the next one tries again.
const ATTEMPTS: u32 = 3;

/// Between the first two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// There is no such report.
    #[error("environment variable QUERIES names `{0}`, expected campaign_daily or click_view")]
    UnknownQuery(String),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Client(#[from] ApiError),
}

/// Makes the puller from the function's environment.
pub async fn puller_from_environment() -> Result<Puller, StartError> {
    let environment = Environment;
    let config = load_config().await;
    let api = GoogleAds::new(Endpoints {
        api: environment.required("GOOGLE_ADS_ENDPOINT")?,
        version: environment.required("GOOGLE_ADS_VERSION")?,
        token: environment.required("TOKEN_ENDPOINT")?,
    })?;
    let landing = Bucket::new(s3_client(&config), environment.required("LANDING_BUCKET")?);
    let checkpoints = Checkpoints::new(
        aws_sdk_dynamodb::Client::new(&config),
        environment.required("PULLS_TABLE")?,
    );
    let login_customer = digits(&environment.optional("LOGIN_CUSTOMER"));
    Ok(Puller::new(PullerSettings {
        api,
        secrets: aws_sdk_secretsmanager::Client::new(&config),
        secret: environment.required("GOOGLE_ADS_SECRET_ARN")?,
        landing: Arc::new(landing),
        checkpoints,
        customers: customers(&environment.optional("CUSTOMERS")),
        login_customer: Some(login_customer).filter(|login| !login.is_empty()),
        schedule: schedule(environment)?,
        attempts: ATTEMPTS,
        pause: PAUSE,
    }))
}

fn schedule(environment: Environment) -> Result<Schedule, StartError> {
    let mut queries = Vec::new();
    for name in environment.required("QUERIES")?.split(',').map(str::trim) {
        match Query::named(name) {
            Some(query) => queries.push(query),
            None => return Err(StartError::UnknownQuery(name.to_owned())),
        }
    }
    Ok(Schedule {
        queries,
        window_days: environment.number("WINDOW_DAYS")?,
        click_days: environment.number("CLICK_DAYS")?,
        recent_click_days: environment.number("RECENT_CLICK_DAYS")?,
        refresh: TimeDelta::hours(i64::from(environment.number("REFRESH_HOURS")?)),
    })
}

/// Customers of a list that people write: `123-456-7890, 5555555555`.
fn customers(list: &str) -> Vec<String> {
    let mut customers: Vec<String> = list.split(',').map(digits).collect();
    customers.retain(|customer| !customer.is_empty());
    customers
}

/// Handles an invocation. Reports that failed are in its answer and do not fail it: a retry would ask
/// the same of Google at once.
pub async fn handle(
    puller: Arc<Puller>,
    event: LambdaEvent<PullRequest>,
) -> Result<Summary, InvocationError> {
    let mut metrics = Metrics::of(JOB);
    let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let time = left.saturating_sub(MARGIN);
    let invocation = Invocation::beginning(event.context.request_id, Utc::now(), time);
    let pulled = puller.pull(&event.payload, &invocation).await;
    match &pulled {
        Ok(summary) => summary.measure(&mut metrics),
        Err(error) => {
            metrics.count("FailedInvocations", 1);
            tracing::error!(error = %error, "nothing more can be pulled now");
        }
    }
    metrics.emit();
    pulled
}

/// What Lambda reports of a failed invocation.
impl From<InvocationError> for lambda_runtime::Diagnostic {
    fn from(error: InvocationError) -> Self {
        Self { error_type: "InvocationError".to_owned(), error_message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_are_written_in_many_ways() {
        assert_eq!(customers("123-456-7890, 5555555555,"), ["1234567890", "5555555555"]);
        assert!(customers(" ").is_empty());
    }

    #[test]
    fn a_misspelt_request_is_refused() {
        let parse = |text: &str| serde_json::from_str::<PullRequest>(text);
        assert_eq!(parse("{}").unwrap(), PullRequest::default());
        assert!(parse(r#"{"customer": "1"}"#).is_err());
        assert!(
            parse(r#"{"queries": ["click_view"], "from": "2026-01-01", "to": "2026-01-02"}"#)
                .is_ok()
        );
    }
}
