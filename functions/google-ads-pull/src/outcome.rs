//! What became of the pulls: failures as what they are, and the summary of an invocation.

use std::time::Duration;

use serde::Serialize;
use shared::telemetry::Metrics;

use crate::answer::AnswerError;
use crate::api::{ApiError, unreachable};
use crate::credentials::CredentialsError;
use crate::failure::{Failure, Remedy};
use crate::landing::LandingError;

/// Why a report was not pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The API, or the way to it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The answer did not land.
    #[error(transparent)]
    Landing(LandingError),
    /// The invocation's time is up; the next one goes on.
    #[error("the invocation's time is up")]
    OutOfTime,
}

/// What kind of failure it is: what a person, or the clock, has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// A person must sign in again.
    SignInRequired,
    /// A person must be given access.
    AccessDenied,
    /// It will be asked again when the quota is there.
    QuotaExhausted,
    /// Google does not understand the request: version, query or dates.
    RequestRefused,
    /// It may work the next time.
    Failed,
}

impl Trouble {
    /// Its name, in logs and checkpoints.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignInRequired => "sign_in_required",
            Self::AccessDenied => "access_denied",
            Self::QuotaExhausted => "quota_exhausted",
            Self::RequestRefused => "request_refused",
            Self::Failed => "failed",
        }
    }
}

impl PullError {
    /// An answer that broke off on its way.
    pub fn broken(endpoint: &str, error: &reqwest::Error) -> Self {
        Self::Api(unreachable(endpoint, error))
    }

    /// An answer that did not land; an error that Google sent in it is that error.
    pub fn of_landing(error: LandingError) -> Self {
        match error {
            LandingError::Answer(AnswerError::Failure(body)) => {
                let failure = Failure::of(200, &body);
                match failure.remedy {
                    Remedy::SignIn => Self::Api(ApiError::SignInRequired { code: failure.code }),
                    _ => Self::Api(ApiError::Refused(failure)),
                }
            }
            other => Self::Landing(other),
        }
    }

    /// What kind of failure it is.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Api(ApiError::SignInRequired { .. }) => Trouble::SignInRequired,
            Self::Api(ApiError::Malformed { .. }) => Trouble::RequestRefused,
            Self::Api(ApiError::Refused(failure)) => match failure.remedy {
                Remedy::SignIn => Trouble::SignInRequired,
                Remedy::GrantAccess => Trouble::AccessDenied,
                Remedy::Wait { .. } => Trouble::QuotaExhausted,
                Remedy::MendRequest => Trouble::RequestRefused,
                Remedy::Retry => Trouble::Failed,
            },
            Self::Api(ApiError::Unreachable { .. }) | Self::Landing(_) | Self::OutOfTime => {
                Trouble::Failed
            }
        }
    }

    /// Of a quota: how long to wait, and whether it is everybody's.
    pub fn quota(&self) -> (Option<Duration>, bool) {
        match self {
            Self::Api(ApiError::Refused(Failure {
                remedy: Remedy::Wait { delay, of_everybody },
                ..
            })) => (*delay, *of_everybody),
            _ => (None, false),
        }
    }
}

/// A report that was not pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedPull {
    /// The customer.
    pub customer: String,
    /// The unit, if it came to one.
    pub unit: Option<String>,
    /// What kind of failure it is.
    pub trouble: Trouble,
    /// In words.
    pub error: String,
}

/// What became of an invocation; the function's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Reports that landed.
    pub pulled: u64,
    /// Their rows.
    pub rows: u64,
    /// Customers that wait for a quota.
    pub rescheduled: u64,
    /// Reports that another invocation is at.
    pub leased_elsewhere: u64,
    /// Reports for which the time was too short; the next invocation goes on.
    pub remaining: u64,
    /// Reports that were not pulled.
    pub failures: Vec<FailedPull>,
}

impl Summary {
    pub(crate) fn fail(&mut self, trouble: Trouble, customer: &str, unit: &str, error: String) {
        self.failures.push(FailedPull {
            customer: customer.to_owned(),
            unit: Some(unit.to_owned()),
            trouble,
            error,
        });
    }

    /// Nobody has signed in yet: no customer can be asked.
    pub(crate) fn fail_all(&mut self, customers: &[String], error: &CredentialsError) {
        tracing::error!(
            customers = customers.len(),
            trouble = Trouble::SignInRequired.name(),
            error = %error,
            "no report can be pulled"
        );
        for customer in customers {
            self.failures.push(FailedPull {
                customer: customer.clone(),
                unit: None,
                trouble: Trouble::SignInRequired,
                error: error.to_string(),
            });
        }
    }

    /// How many reports failed so.
    pub fn count(&self, trouble: Trouble) -> u64 {
        self.failures.iter().filter(|failed| failed.trouble == trouble).count() as u64
    }

    /// Adds the counts to an invocation's metrics.
    pub fn measure(&self, metrics: &mut Metrics) {
        metrics.count("PulledReports", self.pulled);
        metrics.count("PulledRows", self.rows);
        metrics.count("RescheduledPulls", self.rescheduled);
        metrics.count("RemainingPulls", self.remaining);
        metrics.count("SignInRequired", self.count(Trouble::SignInRequired));
        metrics.count("AccessDenied", self.count(Trouble::AccessDenied));
        metrics.count("RefusedRequests", self.count(Trouble::RequestRefused));
        metrics.count("FailedPulls", self.count(Trouble::Failed));
    }
}
