//! A lineage backend over HTTP, as OpenLineage's clients speak to one: each event is posted to
//! `/api/v1/lineage` (<https://openlineage.io/docs/client/python#http>).

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use shared::aws::{SecretError, explain, secret_text};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Where events go, behind the address of the backend.
const PATH: &str = "/api/v1/lineage";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For a whole call. A backend answers at once: it does no more than take the event.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long a key is taken for the one that holds.
const KEY_AGE: Duration = Duration::from_mins(5);

/// Why an event did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// There was no answer. A retry may help.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the network says.
        reason: String,
    },
    /// It cannot take events now. A retry may help.
    #[error("{url} answers with status {status}; a retry may help")]
    Busy {
        /// The address.
        url: String,
        /// 429 or 5xx.
        status: u16,
    },
    /// It does not take this one. No retry helps.
    #[error("{url} refuses the event with status {status}")]
    Refused {
        /// The address.
        url: String,
        /// Any other than 2xx.
        status: u16,
    },
    /// The key cannot be read. A retry may help.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// The key is none that a header can hold. A person must mend the secret.
    #[error("secret {secret} holds no text that an http header may have")]
    MalformedKey {
        /// The secret's ARN.
        secret: String,
    },
}

impl BackendError {
    /// Whether a later attempt can end differently without anybody's doing.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Busy { .. } | Self::Key(SecretError::Failed { .. })
        )
    }
}

/// The key of a backend, from a secret whose text it is.
pub struct ApiKey {
    client: Client,
    secret: String,
    known: Mutex<Option<(HeaderValue, Instant)>>,
}

impl ApiKey {
    /// The key in a secret.
    pub fn new(client: Client, secret: String) -> Self {
        Self { client, secret, known: Mutex::default() }
    }

    /// `Bearer …`, marked as what must not be shown.
    async fn header(&self) -> Result<HeaderValue, BackendError> {
        let mut known = self.known.lock().await;
        if let Some((header, since)) = known.as_ref()
            && since.elapsed() < KEY_AGE
        {
            return Ok(header.clone());
        }
        let key = secret_text(&self.client, &self.secret).await?;
        let malformed = |_| BackendError::MalformedKey { secret: self.secret.clone() };
        let mut header =
            HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(malformed)?;
        header.set_sensitive(true);
        *known = Some((header.clone(), Instant::now()));
        Ok(header)
    }

    /// Has the key read again: it was refused, and may have been changed.
    async fn forget(&self) {
        *self.known.lock().await = None;
    }
}

/// A lineage backend.
pub struct Backend {
    http: reqwest::Client,
    url: String,
    key: Option<ApiKey>,
}

impl Backend {
    /// The backend at an address, which ends before `/api`.
    pub fn new(url: &str, key: Option<ApiKey>) -> Result<Self, BackendError> {
        let url = format!("{}{PATH}", url.trim_end_matches('/'));
        let http = reqwest::Client::builder()
            .user_agent(concat!("tributary-lineage/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // A redirect would carry the key to where it does not belong.
            .redirect(reqwest::redirect::Policy::none())
            .build();
        match http {
            Ok(http) => Ok(Self { http, url, key }),
            Err(error) => Err(BackendError::Unreachable { url, reason: explain(&error) }),
        }
    }

    /// Posts an event, one line of JSON.
    pub async fn send(&self, event: String) -> Result<(), BackendError> {
        let mut post = self.http.post(&self.url).header(CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            post = post.header(AUTHORIZATION, key.header().await?);
        }
        let status = match post.body(event).send().await {
            Ok(answer) => answer.status(),
            Err(error) => {
                // Without the address: it is in the text once.
                let reason = explain(&error.without_url());
                return Err(BackendError::Unreachable { url: self.url.clone(), reason });
            }
        };
        if let Some(key) = &self.key
            && matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        {
            key.forget().await;
        }
        self.judge(status)
    }

    fn judge(&self, status: StatusCode) -> Result<(), BackendError> {
        let (url, code) = (self.url.clone(), status.as_u16());
        if status.is_success() {
            return Ok(());
        }
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(BackendError::Busy { url, status: code });
        }
        Err(BackendError::Refused { url, status: code })
    }
}

#[cfg(test)]
#[path = "backend_tests.rs"]
mod tests;
