//! Configuration from the environment. Nowhere else does the code know whether AWS is local.

use aws_config::{BehaviorVersion, SdkConfig};

/// Loads credentials, region and endpoint as every AWS SDK does.
pub async fn load_config() -> SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}

/// An S3 client. With an endpoint of one's own, buckets are addressed by path, because names such as
/// `bucket.localhost` do not resolve everywhere.
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let builder =
        aws_sdk_s3::config::Builder::from(config).force_path_style(config.endpoint_url().is_some());
    aws_sdk_s3::Client::from_conf(builder.build())
}

/// A function's settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment;

/// A setting that a function cannot start without.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// It is not set.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// It is no number.
    #[error("environment variable {name} is `{value}`, expected a whole number")]
    NotANumber {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
}

impl Environment {
    /// A setting that must be there.
    pub fn required(self, name: &'static str) -> Result<String, EnvironmentError> {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(value),
            _ => Err(EnvironmentError::Missing(name)),
        }
    }

    /// A setting that may be empty.
    pub fn optional(self, name: &'static str) -> String {
        std::env::var(name).unwrap_or_default()
    }

    /// A number that must be there.
    pub fn number(self, name: &'static str) -> Result<u32, EnvironmentError> {
        let value = self.required(name)?;
        value.parse().map_err(|_| EnvironmentError::NotANumber { name, value })
    }
}
