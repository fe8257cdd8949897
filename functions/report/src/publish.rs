//! A report into its bucket, and the news of it to its topic.

use std::time::Duration;

use aws_sdk_s3::presigning::{PresigningConfig, PresigningConfigError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sns::types::MessageAttributeValue;
use chrono::NaiveDate;
use shared::aws::{Bucket, BucketError, explain};

/// What subscribers filter by.
const KIND: &str = "campaign_performance";

/// Why a report is not where it should be, or not told of.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The bucket failed. A retry may help.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The link's time is none that S3 allows. A retry does not help.
    #[error("a link cannot work for {hours} hours: {source}")]
    Hours {
        /// The hours.
        hours: u32,
        /// What the SDK says.
        source: PresigningConfigError,
    },
    /// S3 or SNS failed. A retry may help.
    #[error("{operation} for {subject} failed: {reason}")]
    Failed {
        /// The operation.
        operation: &'static str,
        /// The object's or the topic's name.
        subject: String,
        /// What the service says.
        reason: String,
    },
}

/// The keys of a report's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The page.
    pub page: String,
    /// The table.
    pub table: String,
    /// The marker that says that the report was told of.
    told: String,
}

impl Keys {
    /// The keys of the report with an id and a last day.
    pub fn of(to: NaiveDate, id: &str) -> Self {
        let folder = format!("campaign-performance/{to}/{id}");
        Self {
            page: format!("{folder}/report.html"),
            table: format!("{folder}/report.csv"),
            // By the id alone: a retry after midnight may have another last day.
            told: format!("campaign-performance/_told/{id}"),
        }
    }
}

/// What is told of a report.
#[derive(Clone)]
pub struct News {
    /// The subject.
    pub subject: String,
    /// The text. It holds the link and must not be logged.
    pub text: String,
}

/// Where reports go.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// Keeps them.
    pub reports: Bucket,
    /// Tells of them.
    pub sns: aws_sdk_sns::Client,
    /// The topic.
    pub topic: String,
    /// Hours for which a link works. It ends sooner with the credentials that sign it: those of a
    /// function's role last twelve hours at most.
    pub link_hours: u32,
}

impl Publisher {
    /// Stores an object for people to open.
    pub async fn store(
        &self,
        key: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(), PublishError> {
        let sent = self
            .reports
            .client()
            .put_object()
            .bucket(self.reports.name())
            .key(key)
            .content_type(content_type)
            .content_disposition("inline")
            .body(ByteStream::from(body))
            .send()
            .await;
        sent.map(drop).map_err(|error| PublishError::Failed {
            operation: "PutObject",
            subject: self.reports.uri_of(key),
            reason: explain(&error),
        })
    }

    /// A link that opens an object for whoever has it. It must not be logged.
    pub async fn link(&self, key: &str) -> Result<String, PublishError> {
        let hours = self.link_hours;
        let lasting = PresigningConfig::expires_in(Duration::from_secs(u64::from(hours) * 3_600));
        let lasting = lasting.map_err(|source| PublishError::Hours { hours, source })?;
        let get = self.reports.client().get_object().bucket(self.reports.name()).key(key);
        match get.presigned(lasting).await {
            Ok(signed) => Ok(signed.uri().to_owned()),
            Err(error) => Err(PublishError::Failed {
                operation: "presigning",
                subject: self.reports.uri_of(key),
                reason: explain(&error),
            }),
        }
    }

    /// Tells of a report, once for its id; whether it was told now.
    ///
    /// The marker is written after the message: whoever breaks off between the two leads to a second
    /// message, where the other order would lead to none.
    pub async fn tell(&self, keys: &Keys, news: News) -> Result<bool, PublishError> {
        if self.reports.get(&keys.told).await?.is_some() {
            return Ok(false);
        }
        let failed = |reason| PublishError::Failed {
            operation: "Publish",
            subject: self.topic.clone(),
            reason,
        };
        let kind = MessageAttributeValue::builder().data_type("String").string_value(KIND);
        let kind = kind.build().map_err(|error| failed(error.to_string()))?;
        let sent = self
            .sns
            .publish()
            .topic_arn(&self.topic)
            .subject(news.subject)
            .message(news.text)
            .message_attributes("report", kind)
            .send()
            .await;
        sent.map_err(|error| failed(explain(&error)))?;
        self.reports.put_new(&keys.told, "text/plain", Vec::new()).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_named_by_its_last_day_and_id() {
        let of = |day: &str| Keys::of(day.parse().unwrap(), "a1");
        assert_eq!(of("2026-11-22").page, "campaign-performance/2026-11-22/a1/report.html");
        assert_eq!(of("2026-11-22").table, "campaign-performance/2026-11-22/a1/report.csv");
        assert_eq!(of("2026-11-22").told, of("2026-11-23").told);
    }
}
