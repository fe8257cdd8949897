//! Segment's HTTP tracking API and its webhook destination.
//!
//! Input: requests to a function URL. Output: messages on the inbox, each a batch of NDJSON lines and
//! the folder in landing that they belong to. A request is answered with 200 only once everything that
//! it brought is on the inbox; whatever a caller sends again is told by its `messageId` downstream.

mod answer;
mod credentials;
mod line;
mod refusal;
mod request;
mod tracking;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::lambda_function_urls::{
    LambdaFunctionUrlRequest, LambdaFunctionUrlResponse,
};
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use chrono::{DateTime, Utc};
use lambda_runtime::LambdaEvent;
use shared::aws::{Environment, EnvironmentError, InboxQueue, load_config};
use shared::event::InboxMessage;
use shared::telemetry::Metrics;

pub use credentials::{
    CachedCredentials, Credentials, CredentialsError, SecretSource, StoredSecret, Webhook,
};
pub use line::{Envelope, Sender};
pub use refusal::Refusal;
pub use request::Endpoint;
pub use tracking::{Body, Lines};

/// The function's name in metrics.
pub const JOB: &str = "segment-collect";

/// For so long credentials are believed: a key that was taken away ends with it at the latest.
const CREDENTIALS_LIFETIME: Duration = Duration::from_mins(5);
/// Strangers cause no more reads of the secret than this; a new key is known after it at the latest.
const CREDENTIALS_PAUSE: Duration = Duration::from_secs(5);
/// All attempts of one call together: the caller is answered while the function still runs.
const CALL_TIMEOUT: Duration = Duration::from_secs(6);

/// Accepts messages and puts them on the inbox.
pub struct Collector {
    credentials: CachedCredentials,
    inbox: InboxQueue,
    /// Whether webhooks may be arrays.
    webhook_arrays: bool,
}

/// What was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Messages.
    pub messages: u64,
    /// Their bytes as lines.
    pub bytes: u64,
}

impl Collector {
    /// A collector with these credentials, in front of an inbox.
    pub fn new(credentials: CachedCredentials, inbox: InboxQueue, webhook_arrays: bool) -> Self {
        Self { credentials, inbox, webhook_arrays }
    }

    /// Makes the collector from the function's environment.
    pub async fn from_environment() -> Result<Self, EnvironmentError> {
        let environment = Environment;
        let timeout = TimeoutConfig::builder().operation_timeout(CALL_TIMEOUT).build();
        let config = load_config().await.into_builder().timeout_config(timeout).build();
        let secret = StoredSecret::new(
            aws_sdk_secretsmanager::Client::new(&config),
            environment.required("SEGMENT_SECRET_ARN")?,
        );
        let credentials =
            CachedCredentials::new(Box::new(secret), CREDENTIALS_LIFETIME, CREDENTIALS_PAUSE);
        let inbox = InboxQueue::new(
            aws_sdk_sqs::Client::new(&config),
            environment.required("INBOX_QUEUE_URL")?,
        );
        Ok(Self::new(credentials, inbox, environment.optional("WEBHOOK_ARRAYS") == "true"))
    }

    /// Stores what a request brings.
    pub async fn collect(
        &self,
        endpoint: &Endpoint,
        request: &LambdaFunctionUrlRequest,
        received_at: DateTime<Utc>,
    ) -> Result<Accepted, Refusal> {
        let text = request::body_of(request, endpoint)?;
        let (source, lines) = match endpoint {
            Endpoint::Webhook(name) => self.webhook(name, request, &text, received_at).await?,
            _ => self.tracking(endpoint, request, &text, received_at).await?,
        };
        let folder = folder_of(&source, received_at);
        // One after the other: what is on the inbox when a later one fails comes once more, and is told
        // by its message ids.
        for message in InboxMessage::split(&folder, received_at, &lines.bytes)? {
            self.inbox.send(&message).await?;
        }
        Ok(Accepted { messages: lines.count, bytes: lines.bytes.len() as u64 })
    }

    async fn tracking(
        &self,
        endpoint: &Endpoint,
        request: &LambdaFunctionUrlRequest,
        text: &str,
        received_at: DateTime<Utc>,
    ) -> Result<(String, Lines), Refusal> {
        // Who says who he is in the header is not read any further before he is known.
        let header_key = request::write_key_of(&request.headers);
        let mut source = None;
        if let Some(key) = &header_key {
            source = Some(self.source_of(key).await?);
        }
        let body = Body::parse(text)?;
        let source = match (source, body.write_key()) {
            (Some(source), _) => source,
            (None, Some(key)) => self.source_of(&key).await?,
            (None, None) => return Err(Refusal::UnknownCaller),
        };
        let lines = match endpoint {
            Endpoint::Message(message_type) => body.message(message_type, received_at)?,
            _ => body.batch(received_at)?,
        };
        Ok((source, lines))
    }

    async fn source_of(&self, write_key: &str) -> Result<String, Refusal> {
        let found = self.credentials.find(|known| known.source_of(write_key)).await?;
        found.ok_or(Refusal::UnknownCaller)
    }

    async fn webhook(
        &self,
        name: &str,
        request: &LambdaFunctionUrlRequest,
        text: &str,
        received_at: DateTime<Utc>,
    ) -> Result<(String, Lines), Refusal> {
        let signature = request::signature_of(&request.headers).ok_or(Refusal::Signature)?;
        let body = Body::parse(text)?;
        let signed = webhook::signed_part(&body, text, self.webhook_arrays)?;
        let verified = self.credentials.find(|known| {
            known.webhook(name).filter(|hook| webhook::is_signed(signed, &hook.secret, signature))
        });
        let hook = verified.await?.ok_or(Refusal::Signature)?;
        Ok((hook.source, webhook::lines(&body, received_at)?))
    }
}

/// The folder of Segment's own layout: the source, and the day of receipt as epoch milliseconds.
fn folder_of(source: &str, received_at: DateTime<Utc>) -> String {
    let day = received_at.timestamp_millis().div_euclid(86_400_000) * 86_400_000;
    format!("segment/segment-logs/{source}/{day}")
}

/// Handles a request. It never fails: whatever happens has its answer.
pub async fn handle(
    collector: Arc<Collector>,
    event: LambdaEvent<LambdaFunctionUrlRequest>,
) -> Result<LambdaFunctionUrlResponse, lambda_runtime::Error> {
    let request = event.payload;
    let method = request.request_context.http.method.as_deref().unwrap_or_default();
    if method == "OPTIONS" {
        return Ok(answer::preflight());
    }
    let mut metrics = Metrics::of(JOB);
    let outcome = match Endpoint::of(request::path_of(&request)) {
        None => Err(Refusal::NoSuchPath),
        Some(_) if method != "POST" => Err(Refusal::Method),
        Some(endpoint) => collector.collect(&endpoint, &request, Utc::now()).await,
    };
    count(&mut metrics, &outcome);
    metrics.emit();
    Ok(match outcome {
        Ok(_) => answer::accepted(),
        Err(refusal) => {
            log(&request, &refusal);
            answer::refused(&refusal)
        }
    })
}

/// The cause, never a payload, a key or an address.
fn log(request: &LambdaFunctionUrlRequest, refusal: &Refusal) {
    let endpoint = Endpoint::of(request::path_of(request));
    let endpoint = endpoint.as_ref().map_or("none", Endpoint::name);
    let (status, cause) = (refusal.status(), refusal.cause());
    if status >= 429 {
        tracing::error!(status, endpoint, cause, "the request could not be served");
    } else {
        tracing::info!(status, endpoint, cause, "the request was refused");
    }
}

fn count(metrics: &mut Metrics, outcome: &Result<Accepted, Refusal>) {
    match outcome {
        Ok(accepted) => {
            metrics.count("AcceptedRequests", 1);
            metrics.count("AcceptedMessages", accepted.messages);
            metrics.bytes("DecodedBytes", accepted.bytes);
        }
        Err(refusal) => {
            let name = match refusal.status() {
                401 => "UnknownCallers",
                429 | 503 => "UnavailableRequests",
                _ => "RefusedRequests",
            };
            metrics.count(name, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_day_of_receipt_in_segments_layout() {
        for time in ["2026-11-23T00:00:00Z", "2026-11-23T23:59:59.999Z"] {
            assert_eq!(
                folder_of("web", time.parse().unwrap()),
                "segment/segment-logs/web/1795392000000"
            );
        }
    }
}
