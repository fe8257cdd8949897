//! The river in the test's own process: the functions' own code, against the local AWS, over a
//! network that may fail, with databases and a commits queue of its own.

use std::collections::HashMap;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use lake_commit::{CommitError, Committed, Committer, LookBack};
use shared::aws::{Bucket, CommitsQueue, Ledger, s3_client};
use shared::govern::Pseudonymizer;
use shared::lake::{Lake, LakeConfig};
use shared::transform::{
    MessageError, Source, Transform, TransformSettings, Transformed, transform_message,
};

use crate::stack::{Dropped, RIVER_RUNS_TABLE, Stack, output, unique};

/// A transform, a commits queue and a committer.
pub struct River {
    transform: Transform,
    committer: Committer,
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
    /// Prefix of the databases' names.
    pub database_prefix: String,
}

/// Small, so that segments of keys come from S3 as well as from the cache.
const KEY_CACHE_BYTES: usize = 1_000;

/// What stays the same when a river is made anew over another network.
#[derive(Debug, Clone)]
pub struct Bed {
    /// Prefix of the databases' names.
    pub database_prefix: String,
    /// The commits queue.
    pub queue_url: String,
}

impl Bed {
    /// Databases and a queue that nobody else uses.
    pub async fn dig(stack: &Stack) -> Self {
        let name = unique();
        let attributes = HashMap::from([
            (QueueAttributeName::FifoQueue, "true".to_owned()),
            (QueueAttributeName::VisibilityTimeout, "0".to_owned()),
        ]);
        let created = stack
            .sqs
            .create_queue()
            .queue_name(format!("commits-{name}.fifo"))
            .set_attributes(Some(attributes))
            .send()
            .await;
        let queue_url = created.expect("a queue can be made").queue_url.expect("a queue has a url");
        Self { database_prefix: format!("test_{name}_"), queue_url }
    }
}

impl River {
    /// A river over an endpoint.
    pub async fn over(stack: &Stack, endpoint: &str, bed: &Bed) -> Self {
        Self::of_source(stack, endpoint, bed, segment_transform::source()).await
    }

    /// A river of a source with contracts of its own.
    pub async fn of_source(stack: &Stack, endpoint: &str, bed: &Bed, source: Source) -> Self {
        // Loaded anew: an endpoint that is set on a loaded configuration gives way to the environment's.
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(endpoint);
        if let Some(client) = stack.config.http_client() {
            loader = loader.http_client(client);
        }
        let config = loader.load().await;
        let lake_bucket = output("LAKE_BUCKET");
        let settings = LakeConfig {
            bucket: lake_bucket.clone(),
            snapshot_retention_days: 30,
            endpoint: Some(endpoint.to_owned()),
            region: output("AWS_REGION"),
        };
        let lake = Lake::connect(settings.clone());
        let catalog = Lake::connect(settings).await.expect("the catalog opens");
        let requests = Bucket::new(s3_client(&config), lake_bucket);
        Self {
            committer: Committer::new(
                requests.clone(),
                lake.await.expect("the catalog opens"),
                LookBack::new(requests, 90, KEY_CACHE_BYTES),
                ledger(&config),
            ),
            sqs: aws_sdk_sqs::Client::new(&config),
            queue_url: bed.queue_url.clone(),
            database_prefix: bed.database_prefix.clone(),
            transform: transform(
                &config,
                source,
                bed.queue_url.clone(),
                bed.database_prefix.clone(),
                Some(catalog),
            ),
        }
    }

    /// Delivers the news of an object to the transform.
    pub async fn deliver(&self, dropped: &Dropped) -> Result<Vec<Transformed>, MessageError> {
        self.take(&notification(dropped)).await
    }

    /// Gives the transform a message of its queue.
    pub async fn take(&self, body: &str) -> Result<Vec<Transformed>, MessageError> {
        transform_message(&self.transform, body).await
    }

    /// Carries out what is on the commits queue, until it is empty; how many requests were committed.
    pub async fn commit_all(&self) -> Result<usize, CommitError> {
        let mut committed = 0;
        loop {
            let messages = self.receive().await;
            if messages.is_empty() {
                return Ok(committed);
            }
            committed += self.commit(&messages).await?;
            for message in messages {
                self.delete(&message).await;
            }
        }
    }

    /// Carries out a batch of messages, without deleting them.
    pub async fn commit(&self, messages: &[Message]) -> Result<usize, CommitError> {
        let mut batch = Vec::with_capacity(messages.len());
        for message in messages {
            batch.push((
                message.message_id.clone().unwrap_or_default(),
                message.body.clone().unwrap_or_default(),
            ));
        }
        let mut committed = 0;
        for (_, outcome) in self.committer.commit_messages(batch).await {
            if matches!(outcome?, Committed::Now { .. }) {
                committed += 1;
            }
        }
        Ok(committed)
    }

    /// Messages of the commits queue; they stay in it until they are deleted.
    pub async fn receive(&self) -> Vec<Message> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(10)
            .send()
            .await;
        received.expect("the queue gives messages").messages.unwrap_or_default()
    }

    /// Deletes a message; one that cannot be deleted is delivered again.
    pub async fn delete(&self, message: &Message) {
        let handle = message.receipt_handle.clone().unwrap_or_default();
        let _ = self
            .sqs
            .delete_message()
            .queue_url(&self.queue_url)
            .receipt_handle(handle)
            .send()
            .await;
    }
}

/// The transform of a source, over the deployed buckets and ledger, with a key of its own for pseudonyms.
pub fn transform(
    config: &SdkConfig,
    source: Source,
    commits_queue_url: String,
    database_prefix: String,
    catalog: Option<Lake>,
) -> Transform {
    let s3 = s3_client(config);
    Transform::new(TransformSettings {
        source,
        landing: s3.clone(),
        lake: Bucket::new(s3.clone(), output("LAKE_BUCKET")),
        quarantine: Bucket::new(s3, output("QUARANTINE_BUCKET")),
        ledger: ledger(config),
        commits: CommitsQueue::new(aws_sdk_sqs::Client::new(config), commits_queue_url),
        pseudonymizer: Pseudonymizer::new(b"a key for tests that has 32 bytes"),
        database_prefix,
        catalog,
    })
}

/// Runs of rivers are told to nobody: the deployed functions may not read the tables of tests, and would be busy
/// with saying so.
fn ledger(config: &SdkConfig) -> Ledger {
    let client = aws_sdk_dynamodb::Client::new(config);
    Ledger::new(client, output("INPUTS_TABLE"), RIVER_RUNS_TABLE.to_owned(), 90)
}

/// The news of an object as S3 sends it.
pub fn notification(dropped: &Dropped) -> String {
    let key: String = url::form_urlencoded::byte_serialize(dropped.key.as_bytes()).collect();
    serde_json::json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
        "eventTime": "2026-03-01T00:00:00.000Z", "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:EXAMPLE"}, "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "EXAMPLE", "x-amz-id-2": "EXAMPLE"},
        "s3": {"s3SchemaVersion": "1.0", "configurationId": "segment",
            "bucket": {"name": dropped.input.bucket, "ownerIdentity": {"principalId": "EXAMPLE"}, "arn": format!("arn:aws:s3:::{}", dropped.input.bucket)},
            "object": {"key": key, "size": 1, "eTag": "", "versionId": dropped.input.version_id, "sequencer": "0"}}
    }]})
    .to_string()
}
