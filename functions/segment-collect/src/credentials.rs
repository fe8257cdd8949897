//! Who may call: write keys and the secrets of webhooks, from Secrets Manager.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use shared::aws::{SecretError, secret_text};
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The longest name of a source; it is part of an object's key.
const LONGEST_SOURCE: usize = 64;

/// Why nobody's credentials can be checked.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The secret cannot be read. A retry may help.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret is not what it should be. A person must look; until then the last good one holds.
    #[error("the secret of the collector is no json object of the described form, at line {0}")]
    Malformed(usize),
    /// They could not be read a moment ago, and are not asked for again so soon. A retry may help.
    #[error("the secret of the collector could not be read a moment ago")]
    NotReadLately,
}

/// The secret's text.
#[derive(Deserialize)]
struct Document {
    /// The key that came with the deployment …
    #[serde(default)]
    write_key: String,
    /// … and its source.
    #[serde(default)]
    source: String,
    /// More keys, each with its source.
    #[serde(default)]
    write_keys: BTreeMap<String, String>,
    #[serde(default)]
    webhooks: BTreeMap<String, Webhook>,
}

/// A webhook destination in Segment.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Webhook {
    /// What its bodies are signed with.
    pub secret: String,
    /// The source that its messages belong to.
    pub source: String,
}

/// Never shows the secret.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Webhook").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Everybody who may call.
#[derive(Default, PartialEq, Eq)]
pub struct Credentials {
    write_keys: Vec<(String, String)>,
    webhooks: BTreeMap<String, Webhook>,
}

/// Never shows a key.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("write_keys", &self.write_keys.len())
            .field("webhooks", &self.webhooks)
            .finish()
    }
}

impl Credentials {
    /// Reads the secret's text. An entry that cannot be used is left out and named in the log: one slip
    /// must not shut out everybody else.
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        // serde's own words would quote the secret.
        let document: Document = serde_json::from_str(text)
            .map_err(|error| CredentialsError::Malformed(error.line()))?;
        let mut credentials = Self::default();
        let first = (document.write_key, document.source);
        if !first.0.is_empty() {
            credentials.add_key(first);
        }
        for entry in document.write_keys {
            credentials.add_key(entry);
        }
        for (name, webhook) in document.webhooks {
            if webhook.secret.is_empty() || !is_source(&webhook.source) {
                tracing::error!(webhook = name, "the webhook has no secret or no usable source");
            } else {
                credentials.webhooks.insert(name, webhook);
            }
        }
        Ok(credentials)
    }

    fn add_key(&mut self, (key, source): (String, String)) {
        if key.is_empty() || !is_source(&source) {
            tracing::error!(source, "a write key is empty or its source is no usable name");
        } else {
            self.write_keys.push((key, source));
        }
    }

    /// The source that a write key belongs to. Every key is compared, in constant time.
    pub fn source_of(&self, write_key: &str) -> Option<String> {
        let mut found = None;
        for (known, source) in &self.write_keys {
            if bool::from(known.as_bytes().ct_eq(write_key.as_bytes())) {
                found = Some(source);
            }
        }
        found.cloned()
    }

    /// A webhook by its name, which is no secret.
    pub fn webhook(&self, name: &str) -> Option<Webhook> {
        self.webhooks.get(name).cloned()
    }
}

/// A source's name is a folder's.
fn is_source(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name.len() <= LONGEST_SOURCE && name.bytes().all(is_plain)
}

/// Where the secret's text comes from.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// Reads it.
    async fn read(&self) -> Result<String, SecretError>;
}

/// A secret in Secrets Manager.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    client: aws_sdk_secretsmanager::Client,
    arn: String,
}

impl StoredSecret {
    /// The secret of an ARN.
    pub fn new(client: aws_sdk_secretsmanager::Client, arn: String) -> Self {
        Self { client, arn }
    }
}

#[async_trait]
impl SecretSource for StoredSecret {
    async fn read(&self) -> Result<String, SecretError> {
        secret_text(&self.client, &self.arn).await
    }
}

/// Credentials that are kept for a while.
///
/// They are read again when they are old, and earlier when somebody unknown calls, because a key may
/// have been added since; but not at every such call, because anybody can make those.
pub struct CachedCredentials {
    source: Box<dyn SecretSource>,
    lifetime: Duration,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    credentials: Option<Arc<Credentials>>,
    /// When they were read; of a failed attempt, when that was.
    tried_at: Option<Instant>,
    read_at: Option<Instant>,
}

impl CachedCredentials {
    /// A cache of a secret, with the time for which it is believed and the least time between two reads.
    pub fn new(source: Box<dyn SecretSource>, lifetime: Duration, pause: Duration) -> Self {
        Self { source, lifetime, pause, state: Mutex::default() }
    }

    /// What `look` finds in the credentials; none where there is nothing of the kind.
    pub async fn find<T>(
        &self,
        look: impl Fn(&Credentials) -> Option<T>,
    ) -> Result<Option<T>, CredentialsError> {
        let mut state = self.state.lock().await;
        let mut failure = None;
        if !state.is_younger_than(self.lifetime) && state.may_read(self.pause) {
            failure = self.refresh(&mut state).await.err();
        }
        if let Some(found) = state.look(&look) {
            return Ok(Some(found));
        }
        if state.may_read(self.pause) {
            failure = self.refresh(&mut state).await.err();
        }
        match (state.look(&look), failure) {
            (Some(found), _) => Ok(Some(found)),
            // Who is unknown to old credentials may be known to new ones.
            (None, Some(failure)) => Err(failure),
            (None, None) if state.read_at != state.tried_at => Err(CredentialsError::NotReadLately),
            (None, None) => Ok(None),
        }
    }

    async fn refresh(&self, state: &mut State) -> Result<(), CredentialsError> {
        state.tried_at = Some(Instant::now());
        let read = match self.source.read().await {
            Ok(text) => Credentials::parse(&text),
            Err(error) => Err(error.into()),
        };
        match read {
            Ok(credentials) => {
                state.credentials = Some(Arc::new(credentials));
                state.read_at = state.tried_at;
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the credentials could not be read; the last good ones hold");
                Err(error)
            }
        }
    }
}

impl State {
    fn is_younger_than(&self, lifetime: Duration) -> bool {
        self.read_at.is_some_and(|read_at| read_at.elapsed() < lifetime)
    }

    /// Without any credentials every call tries.
    fn may_read(&self, pause: Duration) -> bool {
        self.credentials.is_none() || self.tried_at.is_none_or(|tried| tried.elapsed() >= pause)
    }

    fn look<T>(&self, look: impl Fn(&Credentials) -> Option<T>) -> Option<T> {
        look(self.credentials.as_deref()?)
    }
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
