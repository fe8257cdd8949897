//! Lineage as others read it: files that are dropped come out of the deployed stack as OpenLineage events,
//! which the standard's own classes understand.

mod backend;
mod sending;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use aws_lambda_events::sqs::SqsEvent;
use end_to_end::lake::root;
use end_to_end::stack::{Dropped, Stack, gzip, output, unique, wait_for};
use lineage::{Deployment, dataset_event, run_events};
use serde_json::{Value, json};
use shared::lineage::Catalog;
use shared::run::{Outcome, Run};

/// A message of each of two types, and a line that is none.
fn segment_file(token: &str) -> Vec<u8> {
    let message = |kind: &str, name: Value| {
        let mut message = json!({
            "type": kind, "messageId": format!("{token}/{kind}"), "anonymousId": token, "userId": token,
            "timestamp": "2026-11-23T09:59:00.000Z", "receivedAt": "2026-11-23T10:00:00.000Z",
            "sentAt": "2026-11-23T09:59:30.000Z", "originalTimestamp": "2026-11-23T09:59:00.000Z",
            "context": {"ip": "192.0.2.17", "page": {"url": "https://shop.example/?gclid=EXAMPLE"}},
            "properties": {"url": "https://shop.example/?gclid=EXAMPLE"}
        });
        message.as_object_mut().unwrap().extend(name.as_object().unwrap().clone());
        message.to_string()
    };
    let lines = [
        message("page", json!({"name": "Home"})),
        message("track", json!({"event": "Product Viewed"})),
        "no json".to_owned(),
    ];
    gzip(lines.join("\n").as_bytes())
}

async fn drop_in(stack: &Stack, source: &str, body: Vec<u8>) -> Dropped {
    let key = format!("segment/segment-logs/{source}/1795392000000/{}.gz", unique());
    stack.drop_object(&key, body).await
}

/// The events of a run, once they are in the bucket: START, and how it ended.
async fn events_of(stack: &Stack, run: &Run) -> [Value; 2] {
    let (bucket, key) = (output("REPORTS_BUCKET"), lineage::object_key(run));
    let object = wait_for(&key, || stack.object(&bucket, &key)).await;
    let text = String::from_utf8(object).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    events.try_into().expect("a run has two events")
}

/// Has the standard's own classes read events; what they understood of each.
fn understood(events: &[Value]) -> Vec<Value> {
    let mut program = Command::new(root().join(".tributary/venv-lake/bin/python"));
    program.arg(root().join("tests/python/openlineage_events.py"));
    let mut reader = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = reader.stdin.take().unwrap();
    for event in events {
        writeln!(lines, "{event}").unwrap();
    }
    drop(lines);
    let read = reader.wait_with_output().unwrap();
    assert!(read.status.success(), "openlineage_events.py says on stderr what is wrong");
    let text = String::from_utf8(read.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The two events of a sample, as `print` shows them, as of the contract that there is now.
fn events_of_sample(case: &str) -> Vec<Value> {
    let file = root().join(format!("events/lineage/{case}.json"));
    let sample: SqsEvent = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut event = dataset_event(sample.records[0].body.as_deref().unwrap()).unwrap();
    event.run.contract_version = None;
    let catalog = Catalog {
        region: "us-east-1".to_owned(),
        account: "000000000000".to_owned(),
        database_prefix: String::new(),
    };
    let (job_namespace, lake_bucket) = ("tributary".to_owned(), "lake".to_owned());
    let events = run_events(&event, &Deployment { job_namespace, catalog, lake_bucket });
    events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
}

#[test]
fn held_and_computed_runs_and_their_checks_are_understood() {
    let cases = ["committed", "held", "quarantined", "computed"];
    let events: Vec<Value> = cases.into_iter().flat_map(events_of_sample).collect();
    let checks = &events[3]["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"];
    assert_eq!(
        (&checks[0]["name"], &checks[0]["success"]),
        (&json!("customers_are_known"), &json!(false))
    );
    assert!(events[7]["outputs"][0]["facets"]["columnLineage"]["fields"]["revenue"].is_object());
    let understood = understood(&events);
    let states: Vec<&Value> = understood.iter().map(|event| &event["event_type"]).collect();
    assert_eq!(
        states,
        ["START", "COMPLETE", "START", "FAIL", "START", "FAIL", "START", "COMPLETE"]
    );
    let message = understood[3]["error_message"].as_str().unwrap();
    assert!(message.contains("customers_are_known"), "{message}");
    assert_eq!(understood[7]["inputs"].as_array().unwrap().len(), 8, "the tables that it reads");
    let output = understood[7]["outputs"][0].as_str().unwrap();
    assert!(output.ends_with("table/marketing/campaign_performance"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_out_as_events_of_its_input_and_of_each_table() {
    let stack = Stack::connect().await;
    let token = unique();
    let dropped = drop_in(&stack, &token, segment_file(&token)).await;
    let input = stack.await_input(&dropped.input).await;
    let runs = stack.await_datasets(&dropped.input, 2).await;

    let mut all = Vec::new();
    let [start, end] = events_of(&stack, &input).await;
    assert_eq!((&start["eventType"], &end["eventType"]), (&"START".into(), &"COMPLETE".into()));
    assert_eq!(end["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"], 3);
    assert_eq!(end["outputs"], json!([]));
    all.extend([start, end]);
    let folder = json!(format!("segment/segment-logs/{token}"));
    for (table, run) in &runs {
        assert_eq!(run.outcome, Outcome::Committed);
        let [start, end] = events_of(&stack, run).await;
        for event in [&start, &end] {
            assert_eq!(event["run"]["runId"], run.run_id.as_str());
            assert_eq!(event["run"]["facets"]["parent"]["run"]["runId"], input.run_id.as_str());
            assert_eq!(event["job"]["name"], format!("segment-transform.segment.{table}"));
            assert_eq!(event["inputs"][0]["name"], folder, "the same at the start and at the end");
            assert_eq!(event["outputs"][0]["name"], format!("table/segment/{table}"));
        }
        let output = &end["outputs"][0];
        assert_eq!(output["outputFacets"]["outputStatistics"]["rowCount"], 1);
        let snapshot = run.snapshot_id.unwrap().to_string();
        assert_eq!(output["facets"]["version"]["datasetVersion"], snapshot);
        let fields = &output["facets"]["columnLineage"]["fields"];
        let masking = |column: &str| {
            fields[column]["inputFields"][0]["transformations"][0]["masking"].clone()
        };
        assert_eq!((masking("user_id"), masking("context_ip")), (json!(true), json!(true)));
        assert_eq!(masking("message_id"), json!(false));
        assert!(!end.to_string().contains("192.0.2.17"), "no value of a row is in an event");
        assert!(!end.to_string().contains("EXAMPLE"), "no value of a row is in an event");
        all.extend([start, end]);
    }

    let mut states: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in understood(&all) {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        states.entry(text("run_id")).or_default().push(text("event_type"));
    }
    assert_eq!(states.len(), 3);
    assert!(states.values().all(|states| states == &["START", "COMPLETE"]), "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_off_fails_with_its_reason() {
    let stack = Stack::connect().await;
    let token = unique();
    let mut body = segment_file(&token);
    body.truncate(body.len() - 12);
    let dropped = drop_in(&stack, &token, body).await;
    let run = stack.await_input(&dropped.input).await;
    assert_eq!(run.outcome, Outcome::Quarantined);
    let events = events_of(&stack, &run).await;
    assert_eq!(events[1]["eventType"], "FAIL");
    let message = events[1]["run"]["facets"]["errorMessage"]["message"].as_str().unwrap();
    assert_eq!(Some(message), run.error.as_deref());
    let understood = understood(&events);
    assert_eq!(understood[1]["error_message"], message);
}
