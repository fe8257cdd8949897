//! A source in the deployed collector, with a write key and a webhook that no other test has.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

use end_to_end::stack::{Dropped, Stack, output, sha256, unique, wait_for};
use flate2::read::MultiGzDecoder;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use shared::run::InputIdentity;

/// Instances of the collector that may be there, from what was sent at the same time before.
const INSTANCES: usize = 6;

/// A source, and what calls it.
pub struct Source {
    pub stack: Stack,
    /// Names the source and the webhook.
    pub name: String,
    pub write_key: String,
    pub webhook_secret: String,
    pub http: Client,
}

/// Every test reads the secret, adds its own and writes it: one at a time, or another's would be lost.
fn turn() -> File {
    let lock = File::create(concat!(env!("CARGO_TARGET_TMPDIR"), "/segment-secret.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// An object of a source in landing.
pub struct Landed {
    pub dropped: Dropped,
    pub lines: Vec<Value>,
}

impl Source {
    /// Adds a source to the secret, as a person does, and waits until the running function knows it.
    pub async fn register() -> Self {
        let (name, stack) = (unique(), Stack::connect().await);
        let source = Self {
            stack,
            write_key: format!("key-{name}"),
            webhook_secret: format!("secret-{name}"),
            name,
            http: Client::new(),
        };
        wait_for("the new write key to be accepted", || async {
            source.be_in_the_secret().await;
            // At once, so that every instance of the function is asked: each looks for new keys by itself.
            let asks = (0..INSTANCES).map(|_| source.batch(&json!({"batch": []})).send());
            let asked = futures::future::join_all(asks).await;
            asked.into_iter().all(|asked| asked.unwrap().status() == 200).then_some(())
        })
        .await;
        source
    }

    async fn be_in_the_secret(&self) {
        let _turn = turn();
        let mut secret = self.secret().await;
        if secret["write_keys"].get(&self.write_key).is_none() {
            secret["write_keys"][&self.write_key] = json!(self.name);
            secret["webhooks"][&self.name] =
                json!({"secret": self.webhook_secret, "source": self.name});
            self.write_secret(&secret).await;
        }
    }

    /// Takes the source out of the secret again.
    pub async fn forget(&self) {
        let _turn = turn();
        let mut secret = self.secret().await;
        secret["write_keys"].as_object_mut().unwrap().remove(&self.write_key);
        secret["webhooks"].as_object_mut().unwrap().remove(&self.name);
        self.write_secret(&secret).await;
    }

    async fn secret(&self) -> Value {
        let get = self.secrets().get_secret_value().secret_id(output("SEGMENT_SECRET_ARN"));
        serde_json::from_str(&get.send().await.unwrap().secret_string.unwrap()).unwrap()
    }

    async fn write_secret(&self, secret: &Value) {
        let put = self.secrets().put_secret_value().secret_id(output("SEGMENT_SECRET_ARN"));
        put.secret_string(secret.to_string()).send().await.unwrap();
    }

    fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.stack.config)
    }

    /// A request without credentials.
    pub fn anonymous(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", output("SEGMENT_COLLECT_URL")))
    }

    /// A request with the write key, as Segment's server libraries send it.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.anonymous(path).basic_auth(&self.write_key, Some(""))
    }

    /// A batch.
    pub fn batch(&self, body: &Value) -> RequestBuilder {
        self.post("v1/batch").header("content-type", "application/json").body(body.to_string())
    }

    /// Waits until so many lines have landed; the objects that they are in.
    pub async fn landed(&self, lines: usize) -> Vec<Landed> {
        wait_for(&format!("{lines} lines of source {}", self.name), || async {
            let landed = self.objects().await;
            let found: usize = landed.iter().map(|object| object.lines.len()).sum();
            (found >= lines).then_some(landed)
        })
        .await
    }

    async fn objects(&self) -> Vec<Landed> {
        let bucket = output("LANDING_BUCKET");
        let prefix = format!("segment/segment-logs/{}/", self.name);
        let mut landed = Vec::new();
        for key in self.stack.keys(&bucket, &prefix).await {
            let bytes = self.stack.object(&bucket, &key).await.unwrap();
            let input = InputIdentity {
                bucket: bucket.clone(),
                key: key.clone(),
                version_id: None,
                checksum: sha256(&bytes),
                supersedes: None,
                replay: None,
            };
            landed.push(Landed { dropped: Dropped { key, input }, lines: lines_of(&bytes) });
        }
        landed
    }

    /// Waits until all that landed is in the tables; how many rows of each were committed.
    pub async fn committed(&self, landed: &[Landed]) -> usize {
        let mut committed = 0;
        for object in landed {
            let types: BTreeSet<&str> =
                object.lines.iter().filter_map(|line| line["type"].as_str()).collect();
            let run = self.stack.await_input(&object.dropped.input).await;
            assert_eq!(run.records.unwrap().records, object.lines.len() as u64);
            let datasets = self.stack.await_datasets(&object.dropped.input, types.len()).await;
            for run in datasets.values() {
                committed += run.rows.unwrap().committed;
            }
        }
        committed as usize
    }
}

/// The lines of a gzip file.
pub fn lines_of(bytes: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect("a line is json")).collect()
}

/// Status and body of an answer.
pub async fn told(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}
