//! Slack's incoming webhook: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.
//!
//! Its address is the credential, so no text that can be logged holds it.

use std::fmt;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;
use shared::aws::{SecretError, explain, secret_text};
use url::{Host, Url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Slack answers within a second; a batch of ten must end before the function does.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is waited for where Slack says that there are too many, and not for how long.
const DEFAULT_WAIT: i32 = 30;

/// Of a refusal so much is shown: Slack answers with a word such as `invalid_payload`.
const LONGEST_REFUSAL: usize = 100;

/// The HTTP client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the http client cannot be made: {0}")]
pub struct ClientError(String);

/// Why there is no address to post to. A retry helps once somebody has stored it.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret holds no address that can be posted to.
    #[error(
        "secret {0} holds no json object with a member `url`, an https address of a slack webhook"
    )]
    NotConfigured(String),
}

/// What became of a post.
#[derive(Debug, PartialEq, Eq)]
pub enum Posted {
    /// Slack has it.
    Taken,
    /// Slack asks to wait for so many seconds.
    TooMany(i32),
    /// Slack or the way to it failed. A retry may help.
    Failed(String),
    /// Slack will never take it: a person must look.
    Refused(String),
}

/// An address that messages are posted to.
pub struct Webhook {
    http: reqwest::Client,
    url: Url,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Webhook")
    }
}

#[derive(Deserialize)]
struct Secret {
    url: String,
}

/// The client that all posts go through.
pub fn client() -> Result<reqwest::Client, ClientError> {
    let client = reqwest::Client::builder()
        .user_agent(concat!("tributary-alert-slack/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    client.build().map_err(|error| ClientError(explain(&error)))
}

impl Webhook {
    /// The webhook whose address a secret holds.
    pub async fn read(
        http: &reqwest::Client,
        secrets: &Client,
        secret: &str,
    ) -> Result<Self, WebhookError> {
        let text = secret_text(secrets, secret).await?;
        let url = address(&text).ok_or_else(|| WebhookError::NotConfigured(secret.to_owned()))?;
        Ok(Self { http: http.clone(), url })
    }

    /// Posts a message.
    pub async fn post(&self, message: &Value) -> Posted {
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let answer = match request.body(message.to_string()).send().await {
            Ok(answer) => answer,
            Err(error) => return Posted::Failed(explain(&error.without_url())),
        };
        let status = answer.status().as_u16();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.map(str::to_owned);
        let said = answer.text().await.unwrap_or_default();
        posted(status, wait.as_deref(), &said)
    }
}

/// The address in a secret's text. Plain HTTP goes to the loopback device alone.
fn address(text: &str) -> Option<Url> {
    let secret: Secret = serde_json::from_str(text).ok()?;
    let url = Url::parse(secret.url.trim()).ok()?;
    let is_here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    (url.scheme() == "https" || (url.scheme() == "http" && is_here)).then_some(url)
}

/// What an answer means.
fn posted(status: u16, wait: Option<&str>, said: &str) -> Posted {
    match status {
        200..300 => Posted::Taken,
        429 => {
            let seconds = wait.and_then(|wait| wait.trim().parse::<i32>().ok());
            Posted::TooMany(seconds.unwrap_or(DEFAULT_WAIT).max(1))
        }
        408 | 425 | 500.. => Posted::Failed(format!("slack answers {status}")),
        _ => Posted::Refused(format!("slack answers {status}: {}", word(said))),
    }
}

/// As much of an answer as is safe to show: Slack's word for a refusal.
fn word(said: &str) -> String {
    let word: String = said
        .chars()
        .take_while(|sign| sign.is_ascii_alphanumeric() || *sign == '_')
        .take(LONGEST_REFUSAL)
        .collect();
    if word.is_empty() { "no word".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_whether_to_wait_to_try_again_or_to_give_up() {
        assert_eq!(posted(200, None, "ok"), Posted::Taken);
        assert_eq!(posted(429, Some("7"), ""), Posted::TooMany(7));
        assert_eq!(posted(429, Some("Wed, 01 Jul 2026"), ""), Posted::TooMany(DEFAULT_WAIT));
        assert_eq!(posted(429, Some("0"), ""), Posted::TooMany(1));
        for status in [500, 503, 408] {
            assert!(matches!(posted(status, None, ""), Posted::Failed(_)), "{status}");
        }
        for (status, said) in [
            (400, "invalid_payload"),
            (403, "action_prohibited"),
            (404, "no_service"),
            (410, "channel_is_archived"),
            (302, ""),
        ] {
            let Posted::Refused(reason) = posted(status, None, said) else {
                panic!("{status}");
            };
            assert!(reason.contains(said), "{reason}");
        }
    }

    #[test]
    fn an_address_is_https_or_here() {
        let of = |url: &str| address(&serde_json::json!({"url": url}).to_string()).is_some();
        assert!(of("https://hooks.slack.com/services/T/B/x"));
        assert!(of("http://127.0.0.1:9/x") && of("http://localhost/x") && of("http://[::1]/x"));
        for bad in ["", "http://hooks.slack.com/services/x", "ftp://127.0.0.1/x", "hooks"] {
            assert!(!of(bad), "{bad}");
        }
        assert!(address("{}").is_none() && address("https://hooks.slack.com/x").is_none());
    }

    #[tokio::test]
    async fn the_address_stands_in_no_text() {
        let url = Url::parse("http://127.0.0.1:1/services/secret-part").unwrap();
        let webhook = Webhook { http: client().unwrap(), url };
        assert!(!format!("{webhook:?}").contains("secret"));
        let Posted::Failed(reason) = webhook.post(&serde_json::json!({})).await else {
            panic!("nobody listens there");
        };
        assert!(!reason.contains("secret"), "{reason}");
    }
}
