//! Campaign performance: computed, kept in the lake, and told to people.
//!
//! Input: a clock, or whoever asks; and the state of attribution ([`shared::attribution`]), which says
//! which days have changed. Output: the rows of `marketing.campaign_performance` that changed, as a
//! landing object, a data file and a commit request; and, where it is asked for, a page and a table in
//! the reports bucket and a message with a link on the `reports` topic.

pub mod changes;
pub mod chart;
pub mod figures;
pub mod gaps;
pub mod lake;
pub mod message;
pub mod page;
pub mod performance;
pub mod period;
pub mod publish;
pub mod rates;
pub mod refresh;
mod reporter;
mod request;
pub mod runs;
pub mod state;
pub mod table;
pub mod text;
pub mod turn;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use lambda_runtime::LambdaEvent;
use shared::aws::{Bucket, Environment, EnvironmentError, load_config, s3_client};
use shared::state::StateTable;
use shared::telemetry::Metrics;
use shared::transform::transform_from_environment;

use crate::lake::Table;
use crate::publish::Publisher;
use crate::runs::Runs;

pub use reporter::{Invocation, ReportError, Reporter, Settings};
pub use request::{Answer, IdError, ReportAnswer, ReportRequest, Task};

/// The function's name in runs and metrics.
pub const JOB: &str = "report";

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The table of the lake cannot be written.
    #[error(transparent)]
    Transform(#[from] shared::transform::StartError),
    /// There is no such time zone.
    #[error(
        "environment variable REPORT_TIME_ZONE is `{0}`, expected the IANA name of a time zone"
    )]
    TimeZone(String),
}

/// Makes the reporter from the function's environment.
///
/// `REPORT_LINK_HOURS` is how long a link works at most: a link that a function signs ends with the
/// session of its role, after twelve hours or less.
pub async fn reporter_from_environment() -> Result<Reporter, StartError> {
    let environment = Environment;
    let config = load_config().await;
    let s3 = s3_client(&config);
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let landing = Bucket::new(s3.clone(), environment.required("LANDING_BUCKET")?);
    Ok(Reporter {
        settings: settings(environment)?,
        store: StateTable::new(dynamodb.clone(), environment.required("ATTRIBUTION_TABLE")?),
        lake: Table::new(landing, transform_from_environment(lake::source()).await?),
        runs: Runs::new(dynamodb, environment.required("RUNS_TABLE")?),
        publisher: Publisher {
            reports: Bucket::new(s3, environment.required("REPORTS_BUCKET")?),
            sns: aws_sdk_sns::Client::new(&config),
            topic: environment.required("REPORTS_TOPIC_ARN")?,
            link_hours: environment.number("REPORT_LINK_HOURS")?,
        },
    })
}

fn settings(environment: Environment) -> Result<Settings, StartError> {
    let zone = environment.required("REPORT_TIME_ZONE")?;
    let time_zone: Tz = zone.parse().map_err(|_| StartError::TimeZone(zone))?;
    let unless_empty = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(Settings {
        days: environment.number("REPORT_DAYS")?,
        time_zone,
        currency: unless_empty(environment.optional("REPORT_CURRENCY")),
        rates_key: unless_empty(environment.optional("EXCHANGE_RATES_KEY")),
        model: environment.required("ATTRIBUTION_MODEL")?,
        window_days: environment.number("ATTRIBUTION_WINDOW_DAYS")?,
    })
}

/// Handles an invocation.
pub async fn handle(
    reporter: Arc<Reporter>,
    event: LambdaEvent<ReportRequest>,
) -> Result<Answer, ReportError> {
    let mut metrics = Metrics::of(JOB);
    let invocation = Invocation {
        deadline: DateTime::<Utc>::from(event.context.deadline()),
        id: event.context.request_id,
        now: Utc::now(),
    };
    let reported = reporter.report(&event.payload, &invocation).await;
    match &reported {
        Ok(answer) => {
            metrics.count("RefreshedDates", answer.refreshed_dates);
            metrics.count("ChangedRows", answer.changed_rows);
            metrics.count("Reports", u64::from(answer.report.is_some()));
        }
        Err(error) => {
            metrics.count("FailedInvocations", 1);
            tracing::error!(error = %error, "the report is not made");
        }
    }
    metrics.emit();
    reported
}

/// What Lambda reports of a failed invocation.
impl From<ReportError> for lambda_runtime::Diagnostic {
    fn from(error: ReportError) -> Self {
        Self { error_type: "ReportError".to_owned(), error_message: error.to_string() }
    }
}
