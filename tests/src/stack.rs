//! The deployed stack as the tests use it: through the same calls as anybody else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_sqs::types::QueueAttributeName;
use flate2::Compression;
use flate2::write::GzEncoder;
use shared::contract::contracts_of;
use shared::run::{InputIdentity, Run, run_id};

/// How long a condition may take to come true. Nothing sleeps that long; it is when a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs of the rivers in the tests' own process: a table without a stream.
pub const RIVER_RUNS_TABLE: &str = "river-runs";

/// The stack that `make up` deployed, found by the environment that `make -s env` prints.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Region, endpoint and credentials.
    pub config: SdkConfig,
    /// S3, addressed by path.
    pub s3: aws_sdk_s3::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
}

/// An output of the stack, by its name in the environment.
///
/// # Panics
/// Where the stack is not up or the environment does not point at it.
pub fn output(name: &str) -> String {
    let Ok(value) = std::env::var(name) else {
        panic!(
            "{name} is not set: run `make test`, or `make up` and then `eval \"$(make -s env)\"`"
        );
    };
    value
}

/// Something that no other test and no earlier run has used.
pub fn unique() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// A seed that no other test and no earlier run has used.
pub fn unique_seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

/// Lines as a gzip file.
///
/// # Panics
/// Never: the file is in memory.
pub fn gzip(lines: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(lines).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// An object in the landing bucket.
#[derive(Debug, Clone)]
pub struct Dropped {
    /// Its key.
    pub key: String,
    /// The input that it is.
    pub input: InputIdentity,
}

impl Stack {
    /// Connects to the stack.
    pub async fn connect() -> Self {
        output("AWS_ENDPOINT_URL");
        let config = shared::aws::load_config().await;
        let stack = Self {
            s3: shared::aws::s3_client(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            config,
        };
        stack.make_river_runs().await;
        stack
    }

    /// Drops an object into the landing bucket, as Segment's S3 destination does.
    ///
    /// # Panics
    /// Where S3 refuses.
    pub async fn drop_object(&self, key: &str, body: Vec<u8>) -> Dropped {
        let bucket = output("LANDING_BUCKET");
        let checksum = sha256(&body);
        let put =
            self.s3.put_object().bucket(&bucket).key(key).body(ByteStream::from(body)).send().await;
        let put = put.expect("the landing bucket takes objects");
        let input = InputIdentity {
            bucket,
            key: key.to_owned(),
            version_id: put.version_id,
            checksum,
            supersedes: None,
            replay: None,
        };
        Dropped { key: key.to_owned(), input }
    }

    /// The run of an input in the ledger, of a dataset or of the input as a whole.
    ///
    /// # Panics
    /// Where the ledger cannot be read.
    pub async fn run(&self, input: &InputIdentity, dataset: Option<&str>) -> Option<Run> {
        self.run_of("segment-transform", input, dataset).await
    }

    /// The run of an input through a job, of a dataset or of the input as a whole.
    ///
    /// # Panics
    /// Where the ledger cannot be read.
    pub async fn run_of(
        &self,
        job: &str,
        input: &InputIdentity,
        dataset: Option<&str>,
    ) -> Option<Run> {
        let id = run_id(job, input, dataset);
        for table in [output("RUNS_TABLE"), RIVER_RUNS_TABLE.to_owned()] {
            let get = self.dynamodb.get_item().table_name(table).consistent_read(true);
            let got = get.key("run_id", AttributeValue::S(id.clone())).send().await;
            if let Some(item) = got.expect("the ledger can be read").item {
                return Some(serde_dynamo::from_item(item).expect("the ledger holds runs"));
            }
        }
        None
    }

    /// Makes the table of the runs of rivers, where nobody has done so.
    async fn make_river_runs(&self) {
        let key = KeySchemaElement::builder().attribute_name("run_id").key_type(KeyType::Hash);
        let attribute = AttributeDefinition::builder()
            .attribute_name("run_id")
            .attribute_type(ScalarAttributeType::S);
        let made = self
            .dynamodb
            .create_table()
            .table_name(RIVER_RUNS_TABLE)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key.build().expect("a key"))
            .attribute_definitions(attribute.build().expect("an attribute"))
            .send()
            .await;
        if let Err(error) = made {
            let is_there = error
                .as_service_error()
                .is_some_and(CreateTableError::is_resource_in_use_exception);
            assert!(is_there, "{error:?}");
        }
    }

    /// Waits for the run of an input as a whole.
    pub async fn await_input(&self, input: &InputIdentity) -> Run {
        wait_for(&format!("the run of {}", input.uri()), || self.run(input, None)).await
    }

    /// Waits for the run of an input and a dataset.
    pub async fn await_dataset(&self, input: &InputIdentity, dataset: &str) -> Run {
        wait_for(&format!("the run of {} in {dataset}", input.uri()), || {
            self.run(input, Some(dataset))
        })
        .await
    }

    /// The runs of an input in all of Segment's datasets, once they are there for `expected` of them.
    pub async fn await_datasets(
        &self,
        input: &InputIdentity,
        expected: usize,
    ) -> BTreeMap<String, Run> {
        wait_for(&format!("{expected} runs of {}", input.uri()), || async {
            let mut runs = BTreeMap::new();
            for contract in contracts_of("segment") {
                if let Some(run) = self.run(input, Some(&contract.dataset())).await {
                    runs.insert(contract.table.clone(), run);
                }
            }
            (runs.len() == expected).then_some(runs)
        })
        .await
    }

    /// An object of any bucket; none where there is none.
    pub async fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let output = self.s3.get_object().bucket(bucket).key(key).send().await.ok()?;
        Some(output.body.collect().await.ok()?.into_bytes().to_vec())
    }

    /// The keys of a bucket below a prefix.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        self.keys_since(bucket, prefix, DateTime::from_secs(0)).await
    }

    /// The keys of a bucket below a prefix whose objects were written at a moment or later.
    ///
    /// # Panics
    /// Where the bucket cannot be listed.
    pub async fn keys_since(&self, bucket: &str, prefix: &str, since: DateTime) -> Vec<String> {
        let mut keys = Vec::new();
        let mut pages =
            self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.expect("the bucket can be listed");
            for object in page.contents() {
                let is_new = object.last_modified().is_some_and(|at| at.secs() >= since.secs());
                keys.extend(object.key().filter(|_| is_new).map(str::to_owned));
            }
        }
        keys
    }

    /// About how many messages a queue holds for whoever asks next.
    pub async fn queue_depth(&self, url: &str) -> u64 {
        self.counted(url, &[QueueAttributeName::ApproximateNumberOfMessages]).await
    }

    /// About how many messages a queue holds, those included that somebody works on.
    pub async fn unfinished(&self, url: &str) -> u64 {
        use QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible,
        };
        self.counted(url, &[ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible])
            .await
    }

    /// The sum of some of a queue's counts.
    ///
    /// # Panics
    /// Where the queue cannot be asked.
    async fn counted(&self, url: &str, names: &[QueueAttributeName]) -> u64 {
        let asked = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await;
        let attributes = asked.expect("the queue answers").attributes.unwrap_or_default();
        names
            .iter()
            .filter_map(|name| attributes.get(name))
            .filter_map(|count| count.parse::<u64>().ok())
            .sum()
    }
}

/// Waits until `look` finds something.
///
/// # Panics
/// When it has not for [`PATIENCE`].
pub async fn wait_for<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    wait_within(what, PATIENCE, PAUSE, async || look().await).await
}

/// Waits until `look`, which is asked again after a pause, finds something.
///
/// # Panics
/// When it has not for `patience`.
pub async fn wait_within<T>(
    what: &str,
    patience: Duration,
    pause: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < patience, "{what} did not come within {patience:?}");
        tokio::time::sleep(pause).await;
    }
}

/// SHA-256 in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut text = String::new();
    for byte in digest.as_ref() {
        write!(text, "{byte:02x}").expect("memory can be written");
    }
    text
}
