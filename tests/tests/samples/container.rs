//! An invocation of a sample in a container, and where what came of it is looked for.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_sqs::types::QueueAttributeName;
use end_to_end::lake::{pyiceberg_rows, root};
use end_to_end::stack::{Stack, output, sha256, unique, wait_for};
use serde_json::{Value, json};
use shared::event::{DatasetEvent, ObjectCreated, object_created_events};
use shared::run::{Outcome, Run};

use super::{assert_valid, identity, runs_of, sample};

/// The exit code of `container.sh` where there can be no container.
const CANNOT_RUN: i32 = 77;

/// One in ten invocations, `sam local invoke` ends before it has shown what a quick function logged.
const ATTEMPTS: usize = 5;

/// What an effect is looked for in.
pub struct Scene<'a> {
    /// The invocation.
    pub invoked: Invoked,
    /// Where its effects are.
    pub stack: Stack,
    /// Who heard what announce said.
    pub subscriber: Option<&'a Subscriber>,
}

/// A sample that was invoked.
pub struct Invoked {
    response: Value,
    /// The function's line in the embedded metric format.
    metrics: Value,
    /// The event as it was given to the function.
    pub event: String,
    /// Names the sample's objects.
    pub token: String,
}

impl Invoked {
    /// None, and a line that says why, where there can be no container.
    pub fn of(function: &str, case: &str) -> Option<Self> {
        for _ in 0..ATTEMPTS {
            let token = unique();
            let mut command = Command::new(root().join(".tributary/venv-lake/bin/python"));
            command
                .arg(root().join("tests/local/invoke.py"))
                .arg(function)
                .arg(sample(function, case))
                .arg(&token);
            let run = command.output().expect("`make tools` installs python");
            let logs = String::from_utf8_lossy(&run.stderr);
            if run.status.code() == Some(CANNOT_RUN) {
                eprintln!("skipped {function}/{case}: {logs}");
                return None;
            }
            assert!(run.status.success(), "{function}/{case}: {logs}");
            let mut lines =
                logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(metrics) =
                lines.find(|line| line.get("_aws").is_some() && line["Function"] == function)
            {
                let response = serde_json::from_slice(&run.stdout).expect("a response is json");
                let event = fs::read_to_string(root().join(format!("target/samples/{token}.json")))
                    .unwrap();
                return Some(Self { response, metrics, event, token });
            }
        }
        panic!("{function}/{case} wrote no metrics in {ATTEMPTS} invocations");
    }

    /// The answer.
    pub fn response(&self) -> &Value {
        &self.response
    }

    /// The HTTP status of an answer to a request.
    pub fn status(&self) -> i64 {
        self.response["statusCode"].as_i64().unwrap_or_default()
    }

    pub fn assert_answer(&self, function: &str, failed: &[&str]) {
        let own = [
            "segment-collect",
            "google-ads-pull",
            "database-capture",
            "dynamodb-capture",
            "report",
            "replay",
            "watch",
        ];
        if own.contains(&function) {
            return; // What it answers is its effect.
        }
        let failures: Vec<Value> = failed.iter().map(|id| json!({"itemIdentifier": id})).collect();
        let expected = if ["announce", "observe", "alert"].contains(&function) {
            Value::Null
        } else {
            json!({"batchItemFailures": failures})
        };
        assert_eq!(self.response, expected);
    }

    /// A count of the invocation; one that was never counted is zero.
    pub fn metric(&self, name: &str) -> u64 {
        self.metrics[name].as_f64().unwrap_or_default() as u64
    }

    /// The objects that the event names, in all its messages that can be understood.
    pub fn objects(&self) -> Vec<ObjectCreated> {
        let event: SqsEvent = serde_json::from_str(&self.event).unwrap();
        let bodies = event.records.into_iter().filter_map(|message| message.body);
        bodies.flat_map(|body| object_created_events(&body).unwrap_or_default()).collect()
    }
}

impl Scene<'_> {
    /// The run of the one object that the event names.
    pub async fn input_run(&self) -> Run {
        let [object] = self.invoked.objects().try_into().expect("the sample names one object");
        let bytes = self
            .stack
            .object(&object.bucket, &object.key)
            .await
            .expect("the sample's object was put");
        self.stack.await_input(&identity(object, sha256(&bytes))).await
    }

    /// How many rows of the one report that the event names were committed and quarantined, one of them with a cost.
    pub async fn campaigns(&self, cost: &str) -> (u64, u64) {
        let [object] = self.invoked.objects().try_into().expect("the sample names one object");
        let bytes = self.stack.object(&object.bucket, &object.key).await;
        let key = object.key.clone();
        let input = identity(object, sha256(&bytes.expect("the sample's object was put")));
        let dataset = Some("google_ads.campaign_daily");
        let run = wait_for("the run of the report", || {
            self.stack.run_of("google-ads-transform", &input, dataset)
        });
        let counts = run.await.rows.unwrap();
        let rows = pyiceberg_rows("google_ads.campaign_daily", "source_object", &key);
        assert_eq!(rows.iter().filter(|row| row["cost"] == cost).count(), 1);
        (counts.committed, counts.quarantined)
    }

    pub async fn assert_one_row_in(&self, tables: &[&str]) {
        let run = self.input_run().await;
        assert_eq!(
            (run.outcome, run.records.unwrap().routed),
            (Outcome::Transformed, tables.len() as u64)
        );
        for (table, run) in self.stack.await_datasets(&run.input, tables.len()).await {
            assert!(tables.contains(&table.as_str()), "{table}");
            assert_eq!(
                (run.outcome, run.rows.unwrap().committed),
                (Outcome::Committed, 1),
                "{table}"
            );
        }
    }

    /// The two events of the event's one run are in the bucket, and the second says how it ended.
    pub async fn assert_exported(&self, end: &str) {
        assert_eq!(self.invoked.metric("ExportedRuns"), 1);
        let event: SqsEvent = serde_json::from_str(&self.invoked.event).unwrap();
        let told = lineage::dataset_event(event.records[0].body.as_deref().unwrap()).unwrap();
        let key = lineage::object_key(&told.run);
        let object = self.stack.object(&output("REPORTS_BUCKET"), &key).await.expect("it was put");
        let text = String::from_utf8(object).unwrap();
        let mut types = Vec::new();
        for line in text.lines() {
            let run_event: Value = serde_json::from_str(line).unwrap();
            assert_eq!(run_event["run"]["runId"], told.run.run_id);
            types.push(run_event["eventType"].as_str().unwrap().to_owned());
        }
        assert_eq!(types, ["START", end]);
    }

    /// The message that a subscriber got of the event's one run.
    pub async fn announced(&self) -> DatasetEvent {
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
pub struct Subscriber {
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
    queue_url: String,
    subscription: String,
}

impl Subscriber {
    /// What a function says is heard on the topic; only announce says anything.
    pub async fn of(function: &str, stack: &Stack) -> Option<Self> {
        if function == "announce" { Some(Self::subscribe(stack).await) } else { None }
    }

    async fn subscribe(stack: &Stack) -> Self {
        let sns = aws_sdk_sns::Client::new(&stack.config);
        let topic = output("DATASETS_TOPIC_ARN");
        let name = format!("subscriber-{}", unique());
        let queue_url =
            stack.sqs.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();
        let queue = topic
            .replace(":sns:", ":sqs:")
            .rsplit_once(':')
            .map(|(account, _)| format!("{account}:{name}"))
            .unwrap();
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": queue, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]});
        let attributes = HashMap::from([(QueueAttributeName::Policy, policy.to_string())]);
        stack
            .sqs
            .set_queue_attributes()
            .queue_url(&queue_url)
            .set_attributes(Some(attributes))
            .send()
            .await
            .unwrap();
        let subscribe = sns
            .subscribe()
            .topic_arn(&topic)
            .protocol("sqs")
            .endpoint(queue)
            .return_subscription_arn(true);
        let subscription = subscribe
            .attributes("RawMessageDelivery", "true")
            .send()
            .await
            .unwrap()
            .subscription_arn
            .unwrap();
        Self { sqs: stack.sqs.clone(), sns, queue_url, subscription }
    }

    /// Waits for the message of a run; others' messages come too, for the stack is shared.
    async fn message_of(&self, run: &Run) -> Value {
        wait_for(&format!("the message of run {}", run.run_id), || async {
            let received = self
                .sqs
                .receive_message()
                .queue_url(&self.queue_url)
                .max_number_of_messages(10)
                .send()
                .await
                .unwrap();
            let bodies = received
                .messages
                .unwrap_or_default()
                .into_iter()
                .filter_map(|message| message.body);
            let mut messages =
                bodies.map(|body| serde_json::from_str::<Value>(&body).expect("a message is json"));
            messages.find(|message| message["run"]["input"]["key"] == run.input.key.as_str())
        })
        .await
    }

    pub async fn unsubscribe(self) {
        self.sns.unsubscribe().subscription_arn(&self.subscription).send().await.unwrap();
        self.sqs.delete_queue().queue_url(&self.queue_url).send().await.unwrap();
    }
}
