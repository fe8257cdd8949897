//! The events on their way to a backend: what it does not take now comes again, and the bucket has it in any
//! case.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use end_to_end::deployed::invoke_twin;
use end_to_end::stack::{Stack, output, unique};
use lambda_runtime::{Context, LambdaEvent};
use lineage::{ApiKey, Backend, Deployment, Exporter, handle, object_key};
use serde_json::{Value, json};
use shared::aws::Bucket;
use shared::event::DatasetEvent;
use shared::lineage::Catalog;

use super::backend::Listener;

const KEY: &str = "EXAMPLE-api-key";

/// An exporter with a bucket and a secret that no other test knows.
struct Scene {
    stack: Stack,
    bucket: String,
    exporter: Arc<Exporter>,
}

impl Scene {
    async fn set(backend: &Listener) -> Self {
        let stack = Stack::connect().await;
        let bucket = format!("test-{}", unique());
        stack.s3.create_bucket().bucket(&bucket).send().await.unwrap();
        let secrets = aws_sdk_secretsmanager::Client::new(&stack.config);
        let created = secrets.create_secret().name(&bucket).secret_string(KEY).send().await;
        let key = ApiKey::new(secrets, created.unwrap().arn.unwrap());
        let deployment = Deployment {
            job_namespace: "test".to_owned(),
            catalog: Catalog {
                region: "us-east-1".to_owned(),
                account: "000000000000".to_owned(),
                database_prefix: String::new(),
            },
            lake_bucket: "lake".to_owned(),
        };
        let events = Bucket::new(stack.s3.clone(), bucket.clone());
        let backend = Backend::new(&backend.endpoint, Some(key)).unwrap();
        let exporter = Arc::new(Exporter::new(deployment, events, Some(backend)));
        Self { stack, bucket, exporter }
    }

    /// Delivers messages as Lambda does; the ids of those that go back.
    async fn deliver(&self, bodies: &[(&str, String)]) -> Vec<String> {
        let mut context = Context::default();
        let deadline = SystemTime::now() + Duration::from_mins(1);
        context.deadline = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let event = LambdaEvent::new(batch(bodies), context);
        let response: SqsBatchResponse = handle(self.exporter.clone(), event).await.unwrap();
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    async fn object(&self, event: &DatasetEvent) -> Option<Vec<u8>> {
        self.stack.object(&self.bucket, &object_key(&event.run)).await
    }
}

fn batch(bodies: &[(&str, String)]) -> SqsEvent {
    let records: Vec<Value> =
        bodies.iter().map(|(id, body)| json!({"messageId": id, "body": body})).collect();
    serde_json::from_value(json!({"Records": records})).unwrap()
}

/// A run that no other test has.
fn event() -> DatasetEvent {
    let event = json!({
        "run": {
            "run_id": uuid::Uuid::new_v4().to_string(), "job": "segment-transform", "outcome": "transformed",
            "input": {"bucket": "landing", "key": "segment/segment-logs/web/1795392000000/a.gz", "checksum": "c"},
            "arrived_at": "2026-11-23T10:00:00Z", "started_at": "2026-11-23T10:00:01Z", "finished_at": "2026-11-23T10:00:02Z",
            "records": {"records": 3, "routed": 2, "quarantined": 1, "ignored": 0, "bytes": 100, "decoded_bytes": 900}
        },
        "data_files": [], "data_file_count": 0
    });
    serde_json::from_value(event).unwrap()
}

fn body(event: &DatasetEvent) -> String {
    serde_json::to_string(event).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_busy_hears_of_the_run_later() {
    let backend = Listener::start(|before| if before == 0 { 503 } else { 201 }).await;
    let scene = Scene::set(&backend).await;
    let (one, other) = (event(), event());
    let messages = [("one", body(&one)), ("other", body(&other)), ("none", "{}".to_owned())];
    assert_eq!(scene.deliver(&messages).await, ["one", "none"]);
    let kept = scene.object(&one).await.expect("the bucket has it, whatever the backend says");
    assert_eq!(backend.heard().len(), 3, "one was refused at once, the other came through");

    assert_eq!(scene.deliver(&messages[..1]).await, Vec::<String>::new());
    let heard = backend.heard();
    let of_one: Vec<&str> = heard
        .iter()
        .filter(|heard| heard.event["run"]["runId"] == one.run.run_id)
        .map(|heard| heard.event["eventType"].as_str().unwrap())
        .collect();
    assert_eq!(of_one, ["START", "START", "COMPLETE"]);
    for heard in &heard {
        assert_eq!(heard.request, "POST /api/v1/lineage");
        assert_eq!(heard.authorization, format!("Bearer {KEY}"));
    }
    let lines: Vec<Value> = kept
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let sent: Vec<&Value> = heard[3..].iter().map(|heard| &heard.event).collect();
    assert_eq!(sent, lines.iter().collect::<Vec<_>>(), "what is kept is what is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_twice_writes_the_same_object() {
    let backend = Listener::start(|_| 200).await;
    let scene = Scene::set(&backend).await;
    let event = event();
    let mut objects = Vec::new();
    for _ in 0..2 {
        assert_eq!(scene.deliver(&[("one", body(&event))]).await, Vec::<String>::new());
        objects.push(scene.object(&event).await.unwrap());
    }
    assert_eq!(objects[0], objects[1]);
    assert_eq!(scene.stack.keys(&scene.bucket, "openlineage/2026-11-23/").await.len(), 1);
    let heard = backend.heard();
    assert_eq!(heard.len(), 4);
    assert_eq!((&heard[0].event, &heard[1].event), (&heard[2].event, &heard[3].event));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backend_refuses_goes_back_and_is_kept() {
    for status in [400, 401, 404, 422, 302] {
        let backend = Listener::start(move |_| status).await;
        let scene = Scene::set(&backend).await;
        let event = event();
        let error = scene.exporter.export_message(&body(&event)).await.unwrap_err();
        assert!(!error.is_retryable(), "{status}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert!(!error.to_string().contains(KEY), "{error}");
        assert_eq!(scene.deliver(&[("one", body(&event))]).await, ["one"]);
        assert!(scene.object(&event).await.is_some());
        assert_eq!(backend.heard().len(), 2, "no end is told of a run whose start was refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_function_tells_the_backend_that_it_is_given() {
    let backend = Listener::start(|_| 200).await;
    let event = event();
    let payload = serde_json::to_string(&batch(&[("one", body(&event))])).unwrap();
    let variables = [("OPEN_LINEAGE_URL", backend.endpoint.clone())];
    let function = output("LINEAGE_FUNCTION_NAME");
    let answer =
        tokio::task::spawn_blocking(move || invoke_twin(&function, &payload, &variables)).await;
    assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
    let told: Vec<Value> =
        backend.heard().into_iter().map(|heard| heard.event["eventType"].clone()).collect();
    assert_eq!(told, ["START", "COMPLETE"]);
    assert!(backend.heard().iter().all(|heard| heard.authorization.is_empty()));
}
