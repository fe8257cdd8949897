//! How much is in a queue.

use std::future::Future;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use shared::aws::explain;

use crate::error::WatchError;

/// What is asked, one call a queue.
const COUNTS: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    QueueAttributeName::ApproximateNumberOfMessagesDelayed,
];

/// Who knows how many messages are in a queue.
pub trait QueueDepth: Send + Sync {
    /// The messages in a queue, those among them that somebody has in hand just now; about.
    fn messages(&self, url: &str) -> impl Future<Output = Result<u64, WatchError>> + Send;
}

/// SQS.
#[derive(Debug, Clone)]
pub struct Sqs {
    /// The client.
    pub client: Client,
}

impl QueueDepth for Sqs {
    async fn messages(&self, url: &str) -> Result<u64, WatchError> {
        let asked = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(COUNTS.to_vec()))
            .send()
            .await;
        let attributes = match asked {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) => {
                return Err(WatchError::Queue { queue: url.to_owned(), reason: explain(&error) });
            }
        };
        let count = |name| attributes.get(name).and_then(|text| text.parse::<u64>().ok());
        Ok(COUNTS.iter().filter_map(count).sum())
    }
}
