//! Who asks: the OAuth client and the person who signed in, from one secret, and the customers.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use serde::Deserialize;
use shared::aws::explain;

/// Why the credentials cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The call failed. A retry may help.
    #[error("reading secret {secret} failed: {reason}")]
    Failed {
        /// The secret's ARN.
        secret: String,
        /// What Secrets Manager says.
        reason: String,
    },
    /// The secret does not hold what it should. A person must put it there.
    #[error(
        "secret {secret} holds no json object with client_id, client_secret and refresh_token: sign in and store them"
    )]
    Incomplete {
        /// The secret's ARN.
        secret: String,
    },
}

/// What the secret holds. It is never printed, so it cannot be.
#[derive(Clone, Deserialize)]
pub struct Credentials {
    /// The OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Stands for the person who signed in.
    pub refresh_token: String,
    /// Sent along where there is one.
    #[serde(default)]
    pub developer_token: Option<String>,
    /// The manager account through which customers are reached.
    #[serde(default)]
    pub login_customer_id: Option<String>,
    /// What differs for a customer.
    #[serde(default)]
    pub customers: BTreeMap<String, CustomerCredentials>,
}

/// What differs for a customer.
#[derive(Clone, Default, Deserialize)]
pub struct CustomerCredentials {
    /// Another person.
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// Another manager account; empty for none.
    #[serde(default)]
    pub login_customer_id: Option<String>,
}

/// How one customer is asked.
#[derive(Clone)]
pub struct Access {
    /// The customer's digits.
    pub customer: String,
    /// Stands for the person who signed in.
    pub refresh_token: String,
    /// The manager account, if there is one.
    pub login_customer_id: Option<String>,
    /// Sent along where there is one.
    pub developer_token: Option<String>,
}

impl Credentials {
    /// Reads the secret.
    pub async fn read(client: &Client, secret: &str) -> Result<Self, CredentialsError> {
        let incomplete = || CredentialsError::Incomplete { secret: secret.to_owned() };
        let output = match client.get_secret_value().secret_id(secret).send().await {
            Ok(output) => output,
            // A secret that nobody has filled yet has no version to be read.
            Err(error)
                if error.as_service_error().is_some_and(
                    aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError::is_resource_not_found_exception,
                ) =>
            {
                return Err(incomplete());
            }
            Err(error) => {
                return Err(CredentialsError::Failed {
                    secret: secret.to_owned(),
                    reason: explain(&error),
                });
            }
        };
        Self::parse(&output.secret_string.unwrap_or_default()).ok_or_else(incomplete)
    }

    fn parse(text: &str) -> Option<Self> {
        let parsed: Self = serde_json::from_str(text).ok()?;
        let complete = [&parsed.client_id, &parsed.client_secret, &parsed.refresh_token]
            .iter()
            .all(|value| !value.is_empty());
        complete.then_some(parsed)
    }

    /// How a customer is asked; `login_customer` holds where the secret says nothing else.
    pub fn access(&self, customer: &str, login_customer: Option<&str>) -> Access {
        let own = self.customers.iter().find(|(name, _)| digits(name) == customer);
        let own = own.map(|(_, own)| own.clone()).unwrap_or_default();
        let login = own.login_customer_id.or_else(|| self.login_customer_id.clone());
        let login = login.or_else(|| login_customer.map(str::to_owned));
        Access {
            customer: customer.to_owned(),
            refresh_token: own.refresh_token.unwrap_or_else(|| self.refresh_token.clone()),
            login_customer_id: login.map(|login| digits(&login)).filter(|login| !login.is_empty()),
            developer_token: self.developer_token.clone().filter(|token| !token.is_empty()),
        }
    }
}

/// A customer id as the API wants it: `123-456-7890` is `1234567890`.
pub fn digits(customer: &str) -> String {
    customer.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_may_differ() {
        let credentials = Credentials::parse(
            r#"{"client_id":"c","client_secret":"s","refresh_token":"r","login_customer_id":"999-999-9999",
                "customers":{"123-456-7890":{"refresh_token":"other","login_customer_id":""}}}"#,
        )
        .unwrap();
        let own = credentials.access("1234567890", Some("1"));
        assert_eq!((own.refresh_token.as_str(), own.login_customer_id), ("other", None));
        let usual = credentials.access("5555555555", Some("1"));
        assert_eq!(usual.refresh_token, "r");
        assert_eq!(usual.login_customer_id.as_deref(), Some("9999999999"));
    }

    #[test]
    fn what_is_incomplete_is_refused() {
        for text in
            ["", "{}", "text", r#"{"client_id":"c","client_secret":"","refresh_token":"r"}"#]
        {
            assert!(Credentials::parse(text).is_none(), "{text}");
        }
    }
}
