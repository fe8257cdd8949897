//! Keys from Secrets Manager.

use aws_sdk_secretsmanager::Client;
use serde::Deserialize;

use super::explain;

/// Why the key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The call failed. A retry may help.
    #[error("reading secret {secret} failed: {reason}")]
    Failed {
        /// The secret's ARN.
        secret: String,
        /// What Secrets Manager says.
        reason: String,
    },
    /// The secret does not hold what it should. A person must look.
    #[error("secret {secret} holds no json object with a member `key` of at least 32 characters")]
    Malformed {
        /// The secret's ARN.
        secret: String,
    },
}

#[derive(Deserialize)]
struct PseudonymSecret {
    key: String,
}

/// The text of a secret.
pub async fn secret_text(client: &Client, secret: &str) -> Result<String, SecretError> {
    match client.get_secret_value().secret_id(secret).send().await {
        Ok(output) => Ok(output.secret_string.unwrap_or_default()),
        Err(error) => {
            Err(SecretError::Failed { secret: secret.to_owned(), reason: explain(&error) })
        }
    }
}

/// The key of the pseudonyms: the member `key` of the secret's JSON text.
pub async fn pseudonym_key(client: &Client, secret: &str) -> Result<Vec<u8>, SecretError> {
    let text = secret_text(client, secret).await?;
    match serde_json::from_str::<PseudonymSecret>(&text) {
        Ok(parsed) if parsed.key.len() >= 32 => Ok(parsed.key.into_bytes()),
        _ => Err(SecretError::Malformed { secret: secret.to_owned() }),
    }
}
