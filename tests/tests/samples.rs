//! The samples of `events/`: each is understood, keeps to its schema, and does in a real container
//! what is expected of it, invoked as `make invoke` does.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aws_lambda_events::{dynamodb, sqs::SqsEvent};
use aws_sdk_sqs::types::QueueAttributeName;
use end_to_end::lake::root;
use end_to_end::stack::{Stack, output, sha256, unique, wait_for};
use serde_json::{Value, json};
use shared::event::{CommitPointer, DatasetEvent, ObjectCreated, object_created_events, schemas};
use shared::run::{InputIdentity, Outcome, Run};

/// The exit code of `container.sh` where there can be no container.
const CANNOT_RUN: i32 = 77;

/// A test for each sample: which of its messages go back to their queue, and what else came of it.
macro_rules! samples {
    ($($test:ident: $function:literal / $case:literal gives back $failed:tt;)*) => {
        /// Function, case and the ids of the messages that go back.
        const SAMPLES: &[(&str, &str, &[&str])] = &[$(($function, $case, &$failed)),*];

        $(#[tokio::test]
        async fn $test() {
            let stack = Stack::connect().await;
            // Who does not listen before the invocation misses what it says.
            let subscriber = Subscriber::of($function, &stack).await;
            if let Some(invoked) = Invoked::of($function, $case) {
                invoked.assert_answer($function, &$failed);
                effects::$test(&Scene { invoked, stack, subscriber: subscriber.as_ref() }).await;
            }
            if let Some(subscriber) = subscriber {
                subscriber.unsubscribe().await;
            }
        })*
    };
}

samples! {
    s3_notification: "segment-transform" / "s3-notification" gives back [];
    s3_test_event: "segment-transform" / "s3-test-event" gives back [];
    sns_in_sqs: "segment-transform" / "sns-in-sqs" gives back [];
    event_bridge_in_sqs: "segment-transform" / "event-bridge-in-sqs" gives back [];
    two_records_one_bad: "segment-transform" / "two-records-one-bad" gives back ["not-json"];
    key_with_signs: "segment-transform" / "key-with-signs" gives back [];
    object_gone: "segment-transform" / "object-gone" gives back [];
    commit_request: "lake-commit" / "commit-request" gives back [];
    not_a_pointer: "lake-commit" / "not-a-pointer" gives back ["not-a-pointer"];
    run_committed: "announce" / "run-committed" gives back [];
    run_quarantined: "announce" / "run-quarantined" gives back [];
    run_modified: "announce" / "run-modified" gives back [];
}

/// What each sample must have done, beside its answer.
#[allow(clippy::unused_async)] // Some have nothing to wait for.
mod effects {
    use std::collections::BTreeMap;

    use aws_lambda_events::sqs::SqsEvent;
    use end_to_end::lake::pyiceberg_rows;
    use serde_json::Value;
    use shared::event::CommitPointer;
    use shared::run::{Outcome, Run};

    use super::{Scene, assert_valid, identity};

    pub async fn s3_notification(scene: &Scene<'_>) {
        let run = scene.input_run().await;
        let records = run.records.unwrap();
        assert_eq!((run.outcome, records.records, records.routed, records.quarantined), (Outcome::Transformed, 5, 4, 1));
        assert_eq!(scene.invoked.metric("Records"), 5);
        let input = run.input;
        let datasets = scene.stack.await_datasets(&input, 3).await;
        let counts = |run: &Run| run.rows.map(|rows| (rows.routed, rows.committed, rows.quarantined, rows.deduplicated));
        assert_eq!(counts(&datasets["pages"]), Some((3, 1, 1, 1)));
        assert_eq!(counts(&datasets["tracks"]), Some((1, 1, 0, 0)));
        assert_eq!(counts(&datasets["order_completed"]), Some((1, 1, 0, 0)));
        assert_eq!(datasets["pages"].quarantined_by_reason, BTreeMap::from([("required_one_of_missing".to_owned(), 1)]));
        let rows = pyiceberg_rows("segment.pages", "message_id", &format!("samples/{}/page-1", scene.invoked.token));
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["gclid"], "EXAMPLE-click-1");
        assert_eq!(rows[0]["context_ip"], "192.0.2.0");
    }

    pub async fn s3_test_event(scene: &Scene<'_>) {
        assert_eq!((scene.invoked.metric("Inputs"), scene.invoked.metric("FailedMessages")), (0, 0));
    }

    pub async fn sns_in_sqs(scene: &Scene<'_>) {
        scene.assert_one_row_in(&["groups", "identifies"]).await;
    }

    pub async fn event_bridge_in_sqs(scene: &Scene<'_>) {
        scene.assert_one_row_in(&["aliases", "screens"]).await;
    }

    pub async fn two_records_one_bad(scene: &Scene<'_>) {
        scene.assert_one_row_in(&["tracks"]).await;
    }

    pub async fn key_with_signs(scene: &Scene<'_>) {
        assert!(scene.invoked.objects()[0].key.ends_with("Läden & Märkte/1795392000000/50% off + more = größer, 日本.gz"));
        scene.assert_one_row_in(&["pages"]).await;
    }

    pub async fn object_gone(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("MissingInputs"), 1);
        let object = scene.invoked.objects().remove(0);
        let run = scene.stack.await_input(&identity(object, String::new())).await;
        assert_eq!(run.outcome, Outcome::Failed);
        assert!(run.error.unwrap().ends_with("does not exist"));
    }

    pub async fn commit_request(scene: &Scene<'_>) {
        assert_eq!((scene.invoked.metric("Commits"), scene.invoked.metric("CommittedRows")), (1, 2));
        let event: SqsEvent = serde_json::from_str(&scene.invoked.event).unwrap();
        let pointer: CommitPointer = serde_json::from_str(event.records[0].body.as_deref().unwrap()).unwrap();
        let request: Value = serde_json::from_slice(&scene.stack.object(&pointer.bucket, &pointer.key).await.unwrap()).unwrap();
        assert_valid("commit-request", &request);
        let asked: Run = serde_json::from_value(request["run"].clone()).unwrap();
        let run = scene.stack.await_dataset(&asked.input, "segment.pages").await;
        assert_eq!((run.outcome, run.rows), (Outcome::Committed, asked.rows));
        assert!(run.snapshot_id.is_some());
        for page in ["page-4", "page-5"] {
            assert_eq!(pyiceberg_rows("segment.pages", "message_id", &format!("samples/{}/{page}", scene.invoked.token)).len(), 1);
        }
    }

    pub async fn not_a_pointer(scene: &Scene<'_>) {
        assert_eq!((scene.invoked.metric("Commits"), scene.invoked.metric("FailedMessages")), (0, 1));
    }

    pub async fn run_committed(scene: &Scene<'_>) {
        let announced = scene.announced().await;
        assert_eq!(announced.run.outcome, Outcome::Committed);
        assert_eq!((announced.data_files.len(), announced.data_file_count), (1, 1));
    }

    pub async fn run_quarantined(scene: &Scene<'_>) {
        let announced = scene.announced().await;
        assert_eq!(announced.run.outcome, Outcome::Quarantined);
        assert_eq!((announced.data_files.len(), announced.data_file_count), (0, 0));
    }

    pub async fn run_modified(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("AnnouncedRuns"), 0);
    }
}

/// What an effect is looked for in.
struct Scene<'a> {
    invoked: Invoked,
    stack: Stack,
    subscriber: Option<&'a Subscriber>,
}

/// A sample that was invoked.
struct Invoked {
    response: Value,
    /// The function's line in the embedded metric format.
    metrics: Value,
    /// The event as it was given to the function.
    event: String,
    /// Names the sample's objects.
    token: String,
}

impl Invoked {
    /// None, and a line that says why, where there can be no container.
    fn of(function: &str, case: &str) -> Option<Self> {
        let token = unique();
        let mut command = Command::new(root().join(".tributary/venv-lake/bin/python"));
        command.arg(root().join("tests/local/invoke.py")).arg(function).arg(sample(function, case)).arg(&token);
        let run = command.output().expect("`make tools` installs python");
        let logs = String::from_utf8_lossy(&run.stderr);
        if run.status.code() == Some(CANNOT_RUN) {
            eprintln!("skipped {function}/{case}: {logs}");
            return None;
        }
        assert!(run.status.success(), "{function}/{case}: {logs}");
        let lines: Vec<Value> = logs.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let metrics = lines.into_iter().rfind(|line| line.get("_aws").is_some());
        Some(Self {
            response: serde_json::from_slice(&run.stdout).expect("a response is json"),
            metrics: metrics.expect("an invocation writes its metrics"),
            event: fs::read_to_string(root().join(format!("target/samples/{token}.json"))).unwrap(),
            token,
        })
    }

    fn assert_answer(&self, function: &str, failed: &[&str]) {
        let failures: Vec<Value> = failed.iter().map(|id| json!({"itemIdentifier": id})).collect();
        let expected = if function == "announce" { Value::Null } else { json!({"batchItemFailures": failures}) };
        assert_eq!(self.response, expected);
    }

    /// A count of the invocation; one that was never counted is zero.
    fn metric(&self, name: &str) -> u64 {
        self.metrics[name].as_f64().unwrap_or_default() as u64
    }

    /// The objects that the event names, in all its messages that can be understood.
    fn objects(&self) -> Vec<ObjectCreated> {
        let event: SqsEvent = serde_json::from_str(&self.event).unwrap();
        let bodies = event.records.into_iter().filter_map(|message| message.body);
        bodies.flat_map(|body| object_created_events(&body).unwrap_or_default()).collect()
    }
}

impl Scene<'_> {
    /// The run of the one object that the event names.
    async fn input_run(&self) -> Run {
        let [object] = self.invoked.objects().try_into().expect("the sample names one object");
        let bytes = self.stack.object(&object.bucket, &object.key).await.expect("the sample's object was put");
        self.stack.await_input(&identity(object, sha256(&bytes))).await
    }

    async fn assert_one_row_in(&self, tables: &[&str]) {
        let run = self.input_run().await;
        assert_eq!((run.outcome, run.records.unwrap().routed), (Outcome::Transformed, tables.len() as u64));
        for (table, run) in self.stack.await_datasets(&run.input, tables.len()).await {
            assert!(tables.contains(&table.as_str()), "{table}");
            assert_eq!((run.outcome, run.rows.unwrap().committed), (Outcome::Committed, 1), "{table}");
        }
    }

    /// The message that a subscriber got of the event's one run.
    async fn announced(&self) -> DatasetEvent {
        let [run] = runs_of(&self.invoked.event).try_into().expect("the sample has one run");
        assert_eq!(self.invoked.metric("AnnouncedRuns"), 1);
        let message = self.subscriber.expect("announce has a subscriber").message_of(&run).await;
        assert_valid("dataset-event", &message);
        let announced: DatasetEvent = serde_json::from_value(message).unwrap();
        assert_eq!(Run { data_files: run.data_files.clone(), ..announced.run.clone() }, run);
        announced
    }
}

/// A queue that is subscribed to the datasets topic.
struct Subscriber {
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
    queue_url: String,
    subscription: String,
}

impl Subscriber {
    /// What a function says is heard on the topic; only announce says anything.
    async fn of(function: &str, stack: &Stack) -> Option<Self> {
        if function == "announce" { Some(Self::subscribe(stack).await) } else { None }
    }

    async fn subscribe(stack: &Stack) -> Self {
        let sns = aws_sdk_sns::Client::new(&stack.config);
        let topic = output("DATASETS_TOPIC_ARN");
        let name = format!("subscriber-{}", unique());
        let queue_url = stack.sqs.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();
        let queue = topic.replace(":sns:", ":sqs:").rsplit_once(':').map(|(account, _)| format!("{account}:{name}")).unwrap();
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": queue, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]});
        let attributes = HashMap::from([(QueueAttributeName::Policy, policy.to_string())]);
        stack.sqs.set_queue_attributes().queue_url(&queue_url).set_attributes(Some(attributes)).send().await.unwrap();
        let subscribe = sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(queue).return_subscription_arn(true);
        let subscription = subscribe.attributes("RawMessageDelivery", "true").send().await.unwrap().subscription_arn.unwrap();
        Self { sqs: stack.sqs.clone(), sns, queue_url, subscription }
    }

    /// Waits for the message of a run; others' messages come too, for the stack is shared.
    async fn message_of(&self, run: &Run) -> Value {
        wait_for(&format!("the message of run {}", run.run_id), || async {
            let received = self.sqs.receive_message().queue_url(&self.queue_url).max_number_of_messages(10).send().await.unwrap();
            let bodies = received.messages.unwrap_or_default().into_iter().filter_map(|message| message.body);
            let mut messages = bodies.map(|body| serde_json::from_str::<Value>(&body).expect("a message is json"));
            messages.find(|message| message["run"]["input"]["key"] == run.input.key.as_str())
        })
        .await
    }

    async fn unsubscribe(self) {
        self.sns.unsubscribe().subscription_arn(&self.subscription).send().await.unwrap();
        self.sqs.delete_queue().queue_url(&self.queue_url).send().await.unwrap();
    }
}

fn sample(function: &str, case: &str) -> PathBuf {
    root().join(format!("events/{function}/{case}.json"))
}

fn identity(object: ObjectCreated, checksum: String) -> InputIdentity {
    InputIdentity { bucket: object.bucket, key: object.key, version_id: None, checksum, supersedes: None }
}

/// The runs whose insertion a stream event tells of.
fn runs_of(event: &str) -> Vec<Run> {
    let event: dynamodb::Event = serde_json::from_str(event).expect("a stream event");
    let inserts = event.records.into_iter().filter(|record| record.event_name == "INSERT");
    inserts.map(|record| serde_dynamo::from_item(record.change.new_image).expect("a run")).collect()
}

/// Holds a value against the JSON Schema of a message.
fn assert_valid(name: &str, value: &Value) {
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema_file(name)).unwrap()).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema).unwrap().iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}");
}

fn schema_file(name: &str) -> PathBuf {
    root().join(format!("events/schemas/{name}.json"))
}

/// The names of a folder's entries that end in `suffix`, without it.
fn names_in(folder: &Path, suffix: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(suffix).map(str::to_owned)).collect()
}

#[test]
fn every_sample_is_expected_and_every_function_has_one() {
    let mut found = BTreeSet::new();
    for function in names_in(&root().join("functions"), "") {
        let cases = names_in(&root().join("events").join(&function), ".json");
        assert!(!cases.is_empty(), "events/{function} has no sample");
        found.extend(cases.into_iter().map(|case| format!("{function}/{case}")));
    }
    let expected: BTreeSet<String> = SAMPLES.iter().map(|(function, case, _)| format!("{function}/{case}")).collect();
    assert_eq!(found, expected, "samples on the left, expectations on the right");
}

#[test]
fn every_sample_is_understood() {
    for (function, case, failed) in SAMPLES {
        let event = fs::read_to_string(sample(function, case)).unwrap();
        if *function == "announce" {
            for run in runs_of(&event) {
                assert_valid("run", &serde_json::to_value(&run).unwrap());
                assert_valid("dataset-event", &serde_json::to_value(DatasetEvent::of(run)).unwrap());
            }
            continue;
        }
        let event: SqsEvent = serde_json::from_str(&event).unwrap();
        assert!(!event.records.is_empty(), "{function}/{case} has no message");
        for message in event.records {
            let (id, body) = (message.message_id.unwrap(), message.body.unwrap());
            let understood = match *function {
                "lake-commit" => is_pointer(&body),
                _ => object_created_events(&body).is_ok(),
            };
            assert_eq!(understood, !failed.contains(&id.as_str()), "{function}/{case}: message {id}");
        }
    }
}

fn is_pointer(body: &str) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return false };
    if serde_json::from_value::<CommitPointer>(value.clone()).is_err() {
        return false;
    }
    assert_valid("commit-pointer", &value);
    true
}

/// `UPDATE_SCHEMAS=1` writes the files instead.
#[test]
fn the_schemas_are_those_of_the_types() {
    let generated: BTreeMap<&str, Value> = schemas().into_iter().collect();
    for (name, schema) in &generated {
        let text = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::create_dir_all(root().join("events/schemas")).unwrap();
            fs::write(schema_file(name), text).unwrap();
        } else {
            let written = fs::read_to_string(schema_file(name)).unwrap_or_default();
            assert!(written == text, "events/schemas/{name}.json is stale: UPDATE_SCHEMAS=1 cargo test -p end-to-end --test samples schemas");
        }
    }
    let names: BTreeSet<String> = generated.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(names_in(&root().join("events/schemas"), ".json"), names);
}
