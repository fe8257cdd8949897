//! The alerts.
//!
//! Input: the stream of the Incidents table, and the clock for the digest. Output: a message on the
//! `alerts` topic for each told change of an incident, with attributes to filter by.
//!
//! A change is published once however often the stream delivers it: the Notifications table says what
//! was published ([`outbox`]). A batch is done as a whole or fails as a whole: Lambda then bisects it
//! and tries again, and the position of a change that cannot be told ends in the on-failure queue. What
//! no retry helps is put there at once, so that it holds up nothing behind it. By the digest's clock
//! what was told nobody is told all the same ([`untold`]). What is of low severity is gathered in the
//! digest of the day.

mod attributes;
mod change;
mod digest;
mod failures;
mod message;
mod outbox;
mod request;
mod text;
mod untold;

use std::sync::Arc;

use aws_lambda_events::dynamodb::EventRecord;
use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use shared::aws::{Environment, EnvironmentError, load_config};
use shared::event::Alert;
use shared::incident::{IncidentError, IncidentTable, Severity};
use shared::telemetry::Metrics;

pub use change::{ChangeError, Told};
pub use digest::DigestSettings;
pub use failures::{FailureQueue, FailureQueueError};
pub use message::{MessageError, Publisher};
pub use outbox::{Outbox, OutboxError};
pub use request::{Request, RequestError};
pub use text::Wording;

/// The function's name in metrics.
pub const JOB: &str = "alert";

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The event is none that the function knows. A retry does not help.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A record of the stream is no incident. A retry does not help.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The message cannot be published.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The Notifications table failed, or somebody else is at it. A retry helps.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The Incidents table failed.
    #[error(transparent)]
    Incidents(#[from] IncidentError),
    /// The failure queue failed. A retry helps.
    #[error(transparent)]
    Failures(#[from] FailureQueueError),
    /// The time zone of the digest is unknown. A person must mend the parameter.
    #[error("the time zone `{0}` is unknown")]
    TimeZone(String),
}

impl AlertError {
    /// Whether a retry may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Request(_) | Self::Change(_) | Self::TimeZone(_) => false,
            Self::Message(error) => error.is_retryable(),
            Self::Incidents(error) => error.is_retryable(),
            Self::Outbox(_) | Self::Failures(_) => true,
        }
    }
}

/// What Lambda reports of a failed invocation.
impl From<AlertError> for lambda_runtime::Diagnostic {
    fn from(error: AlertError) -> Self {
        Self { error_type: "AlertError".to_owned(), error_message: error.to_string() }
    }
}

/// Tells of incidents.
#[derive(Debug)]
pub struct Alerter {
    incidents: IncidentTable,
    outbox: Outbox,
    publisher: Publisher,
    failures: FailureQueue,
    wording: Wording,
    digest: DigestSettings,
}

impl Alerter {
    /// An alerter of some incidents.
    pub fn new(
        incidents: IncidentTable,
        outbox: Outbox,
        publisher: Publisher,
        failures: FailureQueue,
        wording: Wording,
        digest: DigestSettings,
    ) -> Self {
        Self { incidents, outbox, publisher, failures, wording, digest }
    }

    /// Makes the alerter from the function's environment.
    pub async fn from_environment() -> Result<Self, EnvironmentError> {
        let environment = Environment;
        let config = load_config().await;
        let dynamodb = Client::new(&config);
        let retention_days = environment.number("INCIDENT_RETENTION_DAYS")?;
        let incidents = IncidentTable::new(
            dynamodb.clone(),
            environment.required("INCIDENTS_TABLE")?,
            retention_days,
        );
        Ok(Self {
            incidents,
            outbox: Outbox::new(dynamodb, environment.required("NOTIFICATIONS_TABLE")?),
            publisher: Publisher::new(
                aws_sdk_sns::Client::new(&config),
                environment.required("ALERTS_TOPIC_ARN")?,
            ),
            failures: FailureQueue::new(
                aws_sdk_sqs::Client::new(&config),
                environment.required("FAILURES_QUEUE_URL")?,
            ),
            wording: Wording {
                link: environment.optional("INCIDENT_LINK"),
                watch_function: environment.required("WATCH_FUNCTION_NAME")?,
            },
            digest: DigestSettings { time_zone: environment.optional("ALERT_TIME_ZONE") },
        })
    }

    /// Tells the changes of a stream batch, in their order. The first that fails and may be told later
    /// fails the batch: what was told before it is known when it comes again.
    async fn tell_all(
        &self,
        records: Vec<EventRecord>,
        metrics: &mut Metrics,
    ) -> Result<(), AlertError> {
        for record in records {
            let position = failures::position(&record);
            match self.tell(record, Utc::now()).await {
                Ok(Telling::Told) => metrics.count("ToldChanges", 1),
                Ok(Telling::Known) => metrics.count("RepeatedChanges", 1),
                Ok(Telling::Gathered) => metrics.count("GatheredChanges", 1),
                Ok(Telling::Nothing) => {}
                Err(error) if error.is_retryable() => return Err(error),
                Err(error) => {
                    metrics.count("RefusedChanges", 1);
                    self.failures.put(&position, &error).await?;
                }
            }
        }
        Ok(())
    }

    async fn obey(&self, event: Value, metrics: &mut Metrics) -> Result<(), AlertError> {
        match Request::of(event)? {
            Request::Changes(records) => self.tell_all(records, metrics).await,
            Request::Digest(at) => self.strike(at, Utc::now(), metrics).await,
        }
    }

    /// What the clock asks for: what was told nobody, and the digest. Neither waits for the other.
    async fn strike(
        &self,
        at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        metrics: &mut Metrics,
    ) -> Result<(), AlertError> {
        let late = self.tell_untold(now).await;
        let digest = self.tell_digest(at.unwrap_or(now), now).await;
        // A metric that is written costs: this one is not where there is nothing to count.
        if let Some(late) = late.as_ref().ok().filter(|late| **late > 0) {
            metrics.count("LateChanges", *late);
        }
        metrics.count("ToldDigests", u64::from(digest?));
        late?;
        Ok(())
    }

    async fn tell(&self, record: EventRecord, now: DateTime<Utc>) -> Result<Telling, AlertError> {
        let Some(told) = Told::of(record)? else {
            return Ok(Telling::Nothing);
        };
        if told.severity() == Severity::Low {
            return Ok(Telling::Gathered);
        }
        let alert = self.wording.alert(told, now);
        if self.publish_once(&alert, now).await? { Ok(Telling::Told) } else { Ok(Telling::Known) }
    }

    /// Publishes what was not published before; whether this call did.
    async fn publish_once(&self, alert: &Alert, now: DateTime<Utc>) -> Result<bool, AlertError> {
        if !self.outbox.claim(&alert.notification_id, now).await? {
            return Ok(false);
        }
        self.publish_claimed(alert, &[], now).await?;
        Ok(true)
    }

    /// Publishes an alert that was claimed; `earlier` are notifications, claimed too, that it stands for.
    async fn publish_claimed(
        &self,
        alert: &Alert,
        earlier: &[String],
        now: DateTime<Utc>,
    ) -> Result<(), AlertError> {
        let claimed: Vec<&String> = earlier.iter().chain([&alert.notification_id]).collect();
        if let Err(error) = self.publisher.publish(alert).await {
            for id in claimed {
                self.outbox.give_back(id).await;
            }
            return Err(error.into());
        }
        for id in claimed {
            self.outbox.mark_sent(id, now).await;
        }
        tracing::info!(notification_id = %alert.notification_id, severity = %alert.severity, "told");
        Ok(())
    }
}

/// What became of a record of the stream.
enum Telling {
    Told,
    Known,
    Gathered,
    Nothing,
}

/// Handles a stream batch, or the clock's order for a digest.
pub async fn handle(alerter: Arc<Alerter>, event: LambdaEvent<Value>) -> Result<(), AlertError> {
    let mut metrics = Metrics::of(JOB);
    let done = alerter.obey(event.payload, &mut metrics).await;
    if let Err(error) = &done {
        metrics.count("FailedInvocations", 1);
        tracing::error!(error = %error, "the invocation failed and is tried again");
    }
    metrics.emit();
    done
}

#[cfg(test)]
mod tests;
