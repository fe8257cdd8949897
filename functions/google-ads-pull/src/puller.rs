//! One invocation: what is due, pulled customer by customer until it is done or the time is up.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;
use shared::lake::ObjectStore;
use tokio::time::Instant;

use crate::api::GoogleAds;
use crate::checkpoint::{Checkpoint, CheckpointError, Checkpoints, Done, EVERYBODY, HOLD, Lease};
use crate::credentials::{Access, Credentials, CredentialsError, digits};
use crate::landing::{Landing, landing_key};
use crate::outcome::{PullError, Summary, Trouble};
use crate::plan::{Schedule, Unit, asked, due, is_free};
use crate::query::{Dates, Query};

/// A lease outlives its invocation by this much, in case the clocks of two differ.
const LEASE_MARGIN: TimeDelta = TimeDelta::seconds(60);

/// Less time than this is not enough for a report.
const LEAST_TIME: Duration = Duration::from_secs(10);

/// A wait that Google asks for is waited out in the invocation up to this length.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Where Google names no delay, its quotas are let alone for this long.
const USUAL_HOLD: TimeDelta = TimeDelta::minutes(30);

/// What a puller works with.
pub struct PullerSettings {
    /// The API.
    pub api: GoogleAds,
    /// Reads the secret.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// The secret's ARN.
    pub secret: String,
    /// Takes the answers.
    pub landing: Arc<dyn ObjectStore>,
    /// What was pulled when.
    pub checkpoints: Checkpoints,
    /// The customers, in digits.
    pub customers: Vec<String>,
    /// The manager account, unless the secret names another.
    pub login_customer: Option<String>,
    /// How far back and how often.
    pub schedule: Schedule,
    /// Attempts at a request in one invocation.
    pub attempts: u32,
    /// Between the first two attempts; it doubles from one to the next.
    pub pause: Duration,
}

/// What an invocation is asked for. The clock asks for nothing in particular: what is due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PullRequest {
    /// These customers alone.
    pub customers: Vec<String>,
    /// These reports alone.
    pub queries: Vec<Query>,
    /// From this day, whenever it was pulled before; with `to`.
    pub from: Option<NaiveDate>,
    /// To this day.
    pub to: Option<NaiveDate>,
}

/// An invocation: whose, when, and for how long.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Its id, which owns leases.
    pub id: String,
    /// When it began.
    pub began: DateTime<Utc>,
    /// When it began, as its own clock counts.
    pub began_instant: Instant,
    /// When it must be done.
    pub deadline: Instant,
}

impl Invocation {
    /// An invocation that begins at a moment and has so much time.
    pub fn beginning(id: String, began: DateTime<Utc>, time: Duration) -> Self {
        let began_instant = Instant::now();
        Self { id, began, began_instant, deadline: began_instant + time }
    }

    fn now(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.began_instant.elapsed()).unwrap_or_default();
        self.began + passed
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn lease_until(&self) -> DateTime<Utc> {
        self.now() + TimeDelta::from_std(self.left()).unwrap_or_default() + LEASE_MARGIN
    }
}

/// Why an invocation failed as a whole. A retry may help.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The checkpoints cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The secret cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The request makes no sense: whoever sent it must mend it.
    #[error("the request is not understood: {0}")]
    Request(&'static str),
}

/// What is not to be tried again in this invocation.
#[derive(Default)]
struct Blocked {
    everybody: bool,
    customers: BTreeSet<String>,
    /// Sign-ins that Google refuses.
    sign_ins: HashSet<String>,
}

impl Blocked {
    fn is(&self, access: &Access) -> bool {
        self.everybody
            || self.customers.contains(&access.customer)
            || self.sign_ins.contains(&access.refresh_token)
    }
}

/// Pulls what is due.
pub struct Puller {
    settings: PullerSettings,
}

impl Puller {
    /// A puller with its settings.
    pub fn new(settings: PullerSettings) -> Self {
        Self { settings }
    }

    /// Pulls what an invocation is asked for, or what is due, as far as its time goes.
    pub async fn pull(
        &self,
        request: &PullRequest,
        invocation: &Invocation,
    ) -> Result<Summary, InvocationError> {
        let mut summary = Summary::default();
        let customers = self.customers(request);
        if customers.is_empty() {
            return Ok(summary);
        }
        let PullerSettings { secrets, secret, .. } = &self.settings;
        let credentials = match Credentials::read(secrets, secret).await {
            Ok(credentials) => credentials,
            Err(error @ CredentialsError::Incomplete { .. }) => {
                summary.fail_all(&customers, &error);
                return Ok(summary);
            }
            Err(error) => return Err(error.into()),
        };
        let mut blocked = Blocked::default();
        let everybody = self.settings.checkpoints.of(EVERYBODY).await?;
        if !is_free(everybody.get(HOLD), invocation.now()) {
            summary.rescheduled += customers.len() as u64;
            return Ok(summary);
        }
        let mut queues = Vec::new();
        for customer in customers {
            let access = credentials.access(&customer, self.settings.login_customer.as_deref());
            let checkpoints = self.settings.checkpoints.of(&customer).await?;
            if !is_free(checkpoints.get(HOLD), invocation.now()) {
                summary.rescheduled += 1;
                continue;
            }
            let units = self.units(request, &checkpoints, invocation)?;
            queues.push((access, VecDeque::from(units)));
        }
        // One unit of each customer in turn, so that a long history of one keeps no other waiting.
        let mut more = true;
        while more {
            more = false;
            for (access, units) in &mut queues {
                if blocked.is(access) {
                    continue;
                }
                let Some(unit) = units.pop_front() else { continue };
                more = true;
                if invocation.left() < LEAST_TIME {
                    summary.remaining += 1;
                    continue;
                }
                self.pull_unit(&credentials, access, &unit, invocation, &mut blocked, &mut summary)
                    .await?;
            }
        }
        Ok(summary)
    }

    fn customers(&self, request: &PullRequest) -> Vec<String> {
        let wanted: Vec<String> =
            request.customers.iter().map(|customer| digits(customer)).collect();
        let mut customers = self.settings.customers.clone();
        customers.retain(|customer| wanted.is_empty() || wanted.contains(customer));
        customers
    }

    fn units(
        &self,
        request: &PullRequest,
        checkpoints: &BTreeMap<String, Checkpoint>,
        invocation: &Invocation,
    ) -> Result<Vec<Unit>, InvocationError> {
        let now = invocation.now();
        let mut schedule = self.settings.schedule.clone();
        if !request.queries.is_empty() {
            schedule.queries.clone_from(&request.queries);
        }
        match (request.from, request.to) {
            (None, None) => Ok(due(&schedule, checkpoints, now)),
            (Some(from), Some(to)) if from <= to => {
                Ok(asked(&schedule.queries, Dates { from, to }, checkpoints, now))
            }
            (Some(_), Some(_)) => Err(InvocationError::Request("`from` is later than `to`")),
            _ => Err(InvocationError::Request("`from` and `to` go together")),
        }
    }

    /// Pulls one unit and notes what came of it.
    async fn pull_unit(
        &self,
        credentials: &Credentials,
        access: &Access,
        unit: &Unit,
        invocation: &Invocation,
        blocked: &mut Blocked,
        summary: &mut Summary,
    ) -> Result<(), CheckpointError> {
        let checkpoints = &self.settings.checkpoints;
        let customer = access.customer.as_str();
        let lease = Lease { customer, unit: &unit.name, owner: &invocation.id };
        let (now, until) = (invocation.now(), invocation.lease_until());
        if !checkpoints.lease(lease, unit.pulled_at, now, until).await? {
            summary.leased_elsewhere += 1;
            return Ok(());
        }
        let pulled = self.attempts(credentials, access, unit, invocation).await;
        let done = match pulled {
            Ok(done) => done,
            Err(PullError::OutOfTime) => {
                summary.remaining += 1;
                return checkpoints.release(lease).await.map(drop);
            }
            Err(error) => {
                return self
                    .note_failure(lease, access, unit, &error, invocation, blocked, summary)
                    .await;
            }
        };
        let noted = checkpoints.finish(lease, &done).await?;
        tracing::info!(
            customer,
            unit = unit.name,
            dates = %unit.dates,
            key = done.key,
            rows = done.rows,
            noted,
            "report landed"
        );
        summary.pulled += 1;
        summary.rows += done.rows;
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // What an attempt knows, and what it changes.
    async fn note_failure(
        &self,
        lease: Lease<'_>,
        access: &Access,
        unit: &Unit,
        error: &PullError,
        invocation: &Invocation,
        blocked: &mut Blocked,
        summary: &mut Summary,
    ) -> Result<(), CheckpointError> {
        let checkpoints = &self.settings.checkpoints;
        let (trouble, explanation) = (error.trouble(), error.to_string());
        checkpoints.fail(lease, trouble.name(), &explanation).await?;
        let customer = lease.customer;
        match trouble {
            Trouble::SignInRequired => {
                blocked.sign_ins.insert(access.refresh_token.clone());
            }
            Trouble::AccessDenied => {
                blocked.customers.insert(customer.to_owned());
            }
            Trouble::QuotaExhausted => {
                let (delay, of_everybody) = error.quota();
                let delay = delay.and_then(|delay| TimeDelta::from_std(delay).ok());
                let now = invocation.now();
                let not_before = now + delay.unwrap_or(USUAL_HOLD);
                let held = if of_everybody { EVERYBODY } else { customer };
                checkpoints.hold(held, now, not_before, trouble.name()).await?;
                blocked.everybody |= of_everybody;
                blocked.customers.insert(customer.to_owned());
                tracing::warn!(customer, of_everybody, %not_before, error = explanation, "quota used up; asked again later");
                summary.rescheduled += 1;
                return Ok(());
            }
            Trouble::RequestRefused | Trouble::Failed => {}
        }
        tracing::error!(
            customer,
            unit = unit.name,
            dates = %unit.dates,
            trouble = trouble.name(),
            error = explanation,
            "report not pulled"
        );
        summary.fail(trouble, customer, &unit.name, explanation);
        Ok(())
    }

    /// Tries until it works, until it is clear that it will not, or until the time is up.
    async fn attempts(
        &self,
        credentials: &Credentials,
        access: &Access,
        unit: &Unit,
        invocation: &Invocation,
    ) -> Result<Done, PullError> {
        let mut pause = self.settings.pause;
        let mut attempt = 1;
        loop {
            let tried = self.attempt(credentials, access, unit, invocation);
            let Ok(result) = tokio::time::timeout_at(invocation.deadline, tried).await else {
                return Err(PullError::OutOfTime);
            };
            let error = match result {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let wait = match error.trouble() {
                Trouble::Failed => Some(pause),
                Trouble::QuotaExhausted => error.quota().0.filter(|delay| *delay <= LONGEST_WAIT),
                _ => None,
            };
            let Some(wait) = wait.filter(|_| attempt < self.settings.attempts) else {
                return Err(error);
            };
            tracing::warn!(customer = access.customer, unit = unit.name, attempt, error = %error, "attempt failed");
            if wait + LEAST_TIME > invocation.left() {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            attempt += 1;
            pause *= 2;
        }
    }

    /// Asks once and lands the answer.
    async fn attempt(
        &self,
        credentials: &Credentials,
        access: &Access,
        unit: &Unit,
        invocation: &Invocation,
    ) -> Result<Done, PullError> {
        let pulled_at = invocation.now();
        let query = unit.query.text(unit.dates);
        let mut answer = self.settings.api.search_stream(credentials, access, &query).await?;
        let key = landing_key(unit.query, &access.customer, unit.dates, pulled_at);
        let landing = Landing::begin(self.settings.landing.clone(), key.clone());
        loop {
            match answer.chunk().await {
                Ok(Some(bytes)) => {
                    if !landing.add(bytes).await {
                        break;
                    }
                }
                Ok(None) => break,
                // The landing is dropped here, and with it what was uploaded.
                Err(error) => return Err(PullError::broken(answer.url().as_str(), &error)),
            }
        }
        let counts = landing.complete().await.map_err(PullError::of_landing)?;
        Ok(Done { pulled_at, key, rows: counts.rows })
    }
}
