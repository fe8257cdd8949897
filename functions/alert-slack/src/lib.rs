//! Alerts in Slack.
//!
//! Input: messages of the alerts topic, over a queue of this channel's own, so that a failing Slack
//! makes nobody else be told again. Output: a post to an incoming webhook. Slack's rate limit and its
//! failures are waited for in the queue; what Slack will never take goes to the dead-letter queue.

mod blocks;
mod queue;
mod webhook;

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use shared::aws::{Environment, EnvironmentError, load_config};
use shared::batch::Failures;
use shared::event::Alert;
use shared::telemetry::Metrics;

pub use blocks::post;
pub use queue::{SlackQueue, pause};
pub use webhook::{ClientError, Posted, Webhook, WebhookError};

/// The function's name in metrics.
pub const JOB: &str = "alert-slack";

/// Posts alerts.
#[derive(Debug)]
pub struct Poster {
    http: reqwest::Client,
    secrets: aws_sdk_secretsmanager::Client,
    secret: String,
    queue: SlackQueue,
}

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// There is no HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A message as SNS wraps it where delivery is not raw.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    message: String,
}

/// What becomes of a message.
#[derive(Debug)]
enum Fate {
    Done,
    /// It comes back after so many seconds; so do those after it, if Slack says that there are too many.
    Later {
        seconds: i32,
        reason: String,
        is_for_all: bool,
    },
    /// Slack will never take it.
    Dead(String),
}

impl Poster {
    /// Makes the poster from the function's environment.
    pub async fn from_environment() -> Result<Self, StartError> {
        let config = load_config().await;
        let queue = SlackQueue::new(
            aws_sdk_sqs::Client::new(&config),
            Environment.required("SLACK_QUEUE_URL")?,
            Environment.required("SLACK_DEAD_LETTER_QUEUE_URL")?,
        );
        Ok(Self {
            http: webhook::client()?,
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            secret: Environment.required("SLACK_SECRET_ARN")?,
            queue,
        })
    }

    async fn post_all(&self, messages: Vec<SqsMessage>, metrics: &mut Metrics) -> Failures {
        let mut failures = Failures::default();
        // Read with every batch: a new address holds at once, and alerts are few.
        let webhook = Webhook::read(&self.http, &self.secrets, &self.secret).await;
        let mut stopped = None;
        for message in messages {
            let id = message.message_id.clone().unwrap_or_default();
            let fate = match (&stopped, &webhook) {
                (Some(seconds), _) => Fate::Later {
                    seconds: *seconds,
                    reason: "slack takes no more just now".to_owned(),
                    is_for_all: true,
                },
                (None, Ok(webhook)) => one(webhook, &message).await,
                (None, Err(error)) => Fate::Later {
                    seconds: pause(&message),
                    reason: error.to_string(),
                    is_for_all: false,
                },
            };
            match fate {
                Fate::Done => metrics.count("PostedAlerts", 1),
                Fate::Later { seconds, reason, is_for_all } => {
                    metrics.count("PostponedAlerts", 1);
                    stopped = is_for_all.then_some(seconds);
                    self.queue.postpone(&message, seconds).await;
                    failures.give_back(&id, &reason);
                }
                Fate::Dead(reason) => {
                    metrics.count("RefusedAlerts", 1);
                    tracing::error!(message_id = id, reason, "slack refuses an alert");
                    if let Err(error) = self.queue.bury(&message, &reason).await {
                        failures.give_back(&id, &error);
                    }
                }
            }
        }
        failures
    }
}

async fn one(webhook: &Webhook, message: &SqsMessage) -> Fate {
    let alert = match alert_of(message.body.as_deref().unwrap_or_default()) {
        Ok(alert) => alert,
        Err(error) => return Fate::Dead(format!("the message is no alert: {error}")),
    };
    match webhook.post(&post(&alert)).await {
        Posted::Taken => Fate::Done,
        Posted::TooMany(seconds) => {
            let reason = format!("slack asks to wait for {seconds} s");
            Fate::Later { seconds, reason, is_for_all: true }
        }
        Posted::Failed(reason) => {
            Fate::Later { seconds: pause(message), reason, is_for_all: false }
        }
        Posted::Refused(reason) => Fate::Dead(reason),
    }
}

/// The alert of a message, wrapped by SNS or not.
fn alert_of(body: &str) -> Result<Alert, serde_json::Error> {
    match serde_json::from_str::<Envelope>(body) {
        Ok(envelope) => serde_json::from_str(&envelope.message),
        Err(_) => serde_json::from_str(body),
    }
}

/// Whether a message's body is an alert.
pub fn is_alert(body: &str) -> bool {
    alert_of(body).is_ok()
}

/// Handles a batch of messages.
pub async fn handle(
    poster: Arc<Poster>,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, std::convert::Infallible> {
    let mut metrics = Metrics::of(JOB);
    let failures = poster.post_all(event.payload.records, &mut metrics).await;
    metrics.emit();
    Ok(failures.into_response())
}
