//! The samples of `events/`: each is understood, keeps to its schema, and does in a real container
//! what is expected of it, invoked as `make invoke` does.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stderr)]

mod container;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use aws_lambda_events::{dynamodb, sqs::SqsEvent};
use container::{Invoked, Scene, Subscriber};
use end_to_end::lake::root;
use end_to_end::stack::Stack;
use serde_json::Value;
use shared::event::{
    CommitPointer, DatasetEvent, InboxMessage, ObjectCreated, object_created_events, schemas,
};
use shared::run::{InputIdentity, Run};

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
    clock: "google-ads-pull" / "clock" gives back [];
    range_of_days: "google-ads-pull" / "range-of-days" gives back [];
    pulled_answer: "google-ads-transform" / "pulled-answer" gives back [];
    downloaded_report: "google-ads-transform" / "downloaded-report" gives back [];
    commit_request: "lake-commit" / "commit-request" gives back [];
    not_a_pointer: "lake-commit" / "not-a-pointer" gives back ["not-a-pointer"];
    page_from_a_browser: "segment-collect" / "page-from-a-browser" gives back [];
    batch: "segment-collect" / "batch" gives back [];
    unknown_write_key: "segment-collect" / "unknown-write-key" gives back [];
    two_days: "land" / "two-days" gives back [];
    one_message_damaged: "land" / "one-message-damaged" gives back ["not-json", "damaged"];
    outbox_chunk: "database-capture" / "outbox-chunk" gives back [];
    single_record: "database-capture" / "single-record" gives back [];
    another_trigger: "database-capture" / "another-trigger" gives back [];
    insert_modify_remove: "dynamodb-capture" / "insert-modify-remove" gives back [];
    expired: "dynamodb-capture" / "expired" gives back [];
    change_records: "database-transform" / "change-records" gives back [];
    dataset_committed: "attribute" / "dataset-committed" gives back [];
    recompute: "attribute" / "recompute" gives back [];
    not_an_event: "attribute" / "not-an-event" gives back ["not-an-event"];
    exported_committed: "lineage" / "committed" gives back [];
    exported_held: "lineage" / "held" gives back [];
    exported_quarantined: "lineage" / "quarantined" gives back [];
    exported_computed: "lineage" / "computed" gives back [];
    exported_not_an_event: "lineage" / "not-an-event" gives back ["not-an-event"];
    page: "report" / "page" gives back [];
    refresh: "report" / "refresh" gives back [];
    held: "replay" / "held" gives back [];
    quarantined: "replay" / "quarantined" gives back [];
    landed: "replay" / "landed" gives back [];
    watch: "watch" / "watch" gives back [];
    sweep: "watch" / "sweep" gives back [];
    incidents: "watch" / "incidents" gives back [];
    acknowledge: "watch" / "acknowledge" gives back [];
    mute: "watch" / "mute" gives back [];
    close: "watch" / "close" gives back [];
    downtime: "watch" / "downtime" gives back [];
    run_committed: "announce" / "run-committed" gives back [];
    run_quarantined: "announce" / "run-quarantined" gives back [];
    run_modified: "announce" / "run-modified" gives back [];
    observed_committed: "observe" / "run-committed" gives back [];
    observed_held: "observe" / "run-held" gives back [];
    incident_opened: "alert" / "incident-opened" gives back [];
    judged_again: "alert" / "judged-again" gives back [];
    digest: "alert" / "digest" gives back [];
    alert_of_an_incident: "alert-slack" / "alert-of-an-incident" gives back ["alert-of-an-incident"];
}

/// What each sample must have done, beside its answer.
#[allow(clippy::unused_async)] // Some have nothing to wait for.
mod effects {
    use std::collections::BTreeMap;

    use aws_lambda_events::sqs::SqsEvent;
    use end_to_end::lake::pyiceberg_rows;
    use end_to_end::stack::{output, wait_for};
    use serde_json::Value;
    use shared::attribution::key;
    use shared::attribution::order::OrderState;
    use shared::event::CommitPointer;
    use shared::run::{Outcome, Run};
    use shared::state::{StateTable, Store};

    use super::{Scene, assert_valid, identity};

    pub async fn s3_notification(scene: &Scene<'_>) {
        let run = scene.input_run().await;
        let records = run.records.unwrap();
        assert_eq!(
            (run.outcome, records.records, records.routed, records.quarantined),
            (Outcome::Transformed, 5, 4, 1)
        );
        assert_eq!(scene.invoked.metric("Records"), 5);
        let input = run.input;
        let datasets = scene.stack.await_datasets(&input, 3).await;
        let counts = |run: &Run| {
            run.rows.map(|rows| (rows.routed, rows.committed, rows.quarantined, rows.deduplicated))
        };
        assert_eq!(counts(&datasets["pages"]), Some((3, 1, 1, 1)));
        assert_eq!(counts(&datasets["tracks"]), Some((1, 1, 0, 0)));
        assert_eq!(counts(&datasets["order_completed"]), Some((1, 1, 0, 0)));
        assert_eq!(
            datasets["pages"].quarantined_by_reason,
            BTreeMap::from([("required_one_of_missing".to_owned(), 1)])
        );
        let rows = pyiceberg_rows(
            "segment.pages",
            "message_id",
            &format!("samples/{}/page-1", scene.invoked.token),
        );
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["gclid"], "EXAMPLE-click-1");
        assert_eq!(rows[0]["context_ip"], "192.0.2.0");
    }

    pub async fn s3_test_event(scene: &Scene<'_>) {
        assert_eq!(
            (scene.invoked.metric("Inputs"), scene.invoked.metric("FailedMessages")),
            (0, 0)
        );
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
        assert!(
            scene.invoked.objects()[0]
                .key
                .ends_with("Läden & Märkte/1795392000000/50% off + more = größer, 日本.gz")
        );
        scene.assert_one_row_in(&["pages"]).await;
    }

    pub async fn object_gone(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("MissingInputs"), 1);
        let object = scene.invoked.objects().remove(0);
        let run = scene.stack.await_input(&identity(object, String::new())).await;
        assert_eq!(run.outcome, Outcome::Failed);
        assert_eq!(run.error.as_deref(), Some("the object does not exist"), "no key is in it");
    }

    /// No customer is configured here, so nothing is asked of Google.
    pub async fn clock(scene: &Scene<'_>) {
        let metric = |name| scene.invoked.metric(name);
        assert_eq!((metric("PulledReports"), metric("SignInRequired")), (0, 0));
    }

    pub use self::clock as range_of_days;

    pub async fn pulled_answer(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("Records"), 11);
        assert_eq!(scene.campaigns("2500.000000").await, (10, 1));
    }

    pub async fn downloaded_report(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("Records"), 3);
        assert_eq!(scene.campaigns("1012.400000").await, (2, 0));
    }

    pub async fn commit_request(scene: &Scene<'_>) {
        assert_eq!(
            (scene.invoked.metric("Commits"), scene.invoked.metric("CommittedRows")),
            (1, 2)
        );
        let event: SqsEvent = serde_json::from_str(&scene.invoked.event).unwrap();
        let pointer: CommitPointer =
            serde_json::from_str(event.records[0].body.as_deref().unwrap()).unwrap();
        let request: Value = serde_json::from_slice(
            &scene.stack.object(&pointer.bucket, &pointer.key).await.unwrap(),
        )
        .unwrap();
        assert_valid("commit-request", &request);
        let asked: Run = serde_json::from_value(request["run"].clone()).unwrap();
        let run = scene.stack.await_dataset(&asked.input, "segment.pages").await;
        assert_eq!((run.outcome, run.rows), (Outcome::Committed, asked.rows));
        assert!(run.snapshot_id.is_some());
        for page in ["page-4", "page-5"] {
            assert_eq!(
                pyiceberg_rows(
                    "segment.pages",
                    "message_id",
                    &format!("samples/{}/{page}", scene.invoked.token)
                )
                .len(),
                1
            );
        }
    }

    pub async fn not_a_pointer(scene: &Scene<'_>) {
        assert_eq!(
            (scene.invoked.metric("Commits"), scene.invoked.metric("FailedMessages")),
            (0, 1)
        );
    }

    pub async fn page_from_a_browser(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.status(), 200);
        assert_eq!(scene.invoked.metric("AcceptedMessages"), 1);
        let id = format!("samples/{}/collected-page", scene.invoked.token);
        // The deployed functions take it from the inbox into the table.
        let row = wait_for("the page in its table", || async {
            pyiceberg_rows("segment.pages", "message_id", &id).pop()
        });
        let row = row.await;
        assert_eq!(
            (&row["gclid"], &row["context_ip"]),
            (&"EXAMPLE-click-2".into(), &"192.0.2.0".into())
        );
    }

    pub async fn batch(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.status(), 200);
        assert_eq!(scene.invoked.metric("AcceptedMessages"), 2);
    }

    pub async fn unknown_write_key(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.status(), 401);
        assert_eq!(scene.invoked.metric("UnknownCallers"), 1);
    }

    pub async fn two_days(scene: &Scene<'_>) {
        let metric = |name| scene.invoked.metric(name);
        assert_eq!((metric("Messages"), metric("RepeatedMessages")), (4, 1));
        assert_eq!((metric("Objects"), metric("Lines")), (2, 4));
        let bucket = output("LANDING_BUCKET");
        for day in ["1795392000000", "1795478400000"] {
            let folder = format!("segment/segment-logs/samples/{}/{day}/", scene.invoked.token);
            assert_eq!(scene.stack.keys(&bucket, &folder).await.len(), 1, "{folder}");
        }
    }

    pub async fn one_message_damaged(scene: &Scene<'_>) {
        let metric = |name| scene.invoked.metric(name);
        assert_eq!((metric("Objects"), metric("Lines"), metric("FailedMessages")), (1, 1, 2));
    }

    pub async fn outbox_chunk(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("CapturedRecords"), 3);
    }

    pub async fn single_record(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("CapturedRecords"), 1);
    }

    pub async fn another_trigger(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("CapturedRecords"), 2);
    }

    pub async fn insert_modify_remove(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("CapturedRecords"), 3);
    }

    pub async fn expired(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("CapturedRecords"), 1);
    }

    pub async fn change_records(scene: &Scene<'_>) {
        let metric = |name| scene.invoked.metric(name);
        assert_eq!(
            (metric("Records"), metric("RoutedRecords"), metric("QuarantinedRecords")),
            (4, 3, 1)
        );
    }

    pub async fn dataset_committed(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("OrderChanges"), 3);
        let state = StateTable::new(scene.stack.dynamodb.clone(), output("ATTRIBUTION_TABLE"));
        let order = async |name: &str| -> OrderState {
            let id = format!("samples/{}/{name}", scene.invoked.token);
            state.get(&key::order(&id)).await.unwrap().unwrap().read().unwrap()
        };
        let attributed = order("order-1").await.attributed.unwrap();
        assert_eq!(
            (attributed.revenue.to_string().as_str(), attributed.credits.len()),
            ("59.9", 1)
        );
        assert_eq!(order("order-2").await.attributed, None, "it was cancelled");
    }

    pub async fn recompute(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("FailedMessages"), 0);
    }

    pub async fn not_an_event(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("FailedMessages"), 1);
    }

    pub async fn exported_committed(scene: &Scene<'_>) {
        scene.assert_exported("COMPLETE").await;
    }

    pub async fn exported_held(scene: &Scene<'_>) {
        scene.assert_exported("FAIL").await;
    }

    pub use self::exported_committed as exported_computed;
    pub use self::exported_held as exported_quarantined;

    pub async fn exported_not_an_event(scene: &Scene<'_>) {
        let metric = |name| scene.invoked.metric(name);
        assert_eq!((metric("ExportedRuns"), metric("FailedMessages")), (0, 1));
    }

    pub async fn page(scene: &Scene<'_>) {
        let report = &scene.invoked.response()["report"];
        for (name, beginning) in
            [("page", "<!DOCTYPE html>"), ("table", "date,currency,campaign_key")]
        {
            let uri = report[name].as_str().unwrap();
            let (bucket, key) = uri.strip_prefix("s3://").unwrap().split_once('/').unwrap();
            let body = scene.stack.object(bucket, key).await.unwrap();
            assert!(body.starts_with(beginning.as_bytes()), "{uri}");
        }
    }

    pub async fn refresh(scene: &Scene<'_>) {
        assert!(scene.invoked.response()["report"].is_null());
        assert!(scene.invoked.response()["changed_rows"].is_u64());
    }

    pub async fn held(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.response()["action"], "list");
        assert!(scene.invoked.response()["held"].is_array());
    }

    pub async fn quarantined(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.response()["action"], "list");
        for object in scene.invoked.response()["objects"].as_array().unwrap() {
            let refused = object["quarantined"].as_array().unwrap();
            assert!(refused.iter().any(|rows| rows["reason"] == "wrong_type"), "{object}");
        }
    }

    pub async fn landed(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.response()["action"], "list");
        for object in scene.invoked.response()["objects"].as_array().unwrap() {
            let key = object["read_again"]["key"].as_str().unwrap();
            assert!(key.starts_with("google-ads/reports/"), "{key}");
        }
    }

    pub async fn observed_committed(scene: &Scene<'_>) {
        use shared::observation::{Grain, Volume, key};
        use shared::state::{StateTable, Store as _};

        assert_eq!(scene.invoked.metric("ObservedRuns"), 1);
        let client = scene.stack.dynamodb.clone();
        let observations = StateTable::new(client, output("OBSERVATIONS_TABLE"));
        let day = Grain::EVENT_DAY.bucket("2026-11-23T00:00:00Z".parse().unwrap());
        let volume = observations.get(&key::volume("samples.observed", day)).await.unwrap();
        let volume: Volume = volume.unwrap().read().unwrap();
        // However often the sample is run.
        assert_eq!((volume.rows, volume.runs), (1, 1));
    }

    pub async fn observed_held(scene: &Scene<'_>) {
        use shared::incident::IncidentTable;

        let client = scene.stack.dynamodb.clone();
        let incidents = IncidentTable::new(client, output("INCIDENTS_TABLE"), 400);
        let cause = "check_failed:pages_have_a_name";
        let open = incidents.find_open("samples.held", cause).await.unwrap();
        assert_eq!(open.len(), 1);
    }

    pub async fn watch(scene: &Scene<'_>) {
        let watched = scene.invoked.response();
        assert!(watched["datasets"].is_u64() && watched["dead_letters"].is_u64(), "{watched}");
        assert_eq!(scene.invoked.metric("DeadLetters"), watched["dead_letters"].as_u64().unwrap());
    }

    pub async fn sweep(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.response()["has_more"], false);
        assert!(scene.invoked.response()["unread"].is_u64());
    }

    pub async fn incidents(scene: &Scene<'_>) {
        assert!(scene.invoked.response()["incidents"].is_array());
    }

    pub async fn acknowledge(scene: &Scene<'_>) {
        let refused = scene.invoked.response()["refused"].as_str().unwrap();
        assert!(refused.contains("no incident"), "{refused}");
    }

    pub async fn mute(scene: &Scene<'_>) {
        let refused = scene.invoked.response()["refused"].as_str().unwrap();
        assert!(refused.contains("no incident"), "{refused}");
    }

    pub use self::mute as close;

    pub async fn downtime(scene: &Scene<'_>) {
        let answer = scene.invoked.response();
        assert!(answer["datasets"]["shop.orders"]["attainment"].is_f64(), "{answer}");
        assert!(answer["domains"]["segment"]["downtime_seconds"].is_f64(), "{answer}");
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

    pub async fn incident_opened(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("ToldChanges"), 1);
    }

    pub async fn judged_again(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("ToldChanges"), 0);
    }

    pub async fn digest(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("FailedInvocations"), 0);
    }

    /// No webhook is reached from there, so it waits.
    pub async fn alert_of_an_incident(scene: &Scene<'_>) {
        assert_eq!(scene.invoked.metric("PostponedAlerts"), 1);
    }
}

fn sample(function: &str, case: &str) -> PathBuf {
    root().join(format!("events/{function}/{case}.json"))
}

fn identity(object: ObjectCreated, checksum: String) -> InputIdentity {
    InputIdentity {
        bucket: object.bucket,
        key: object.key,
        version_id: None,
        checksum,
        supersedes: None,
        replay: None,
    }
}

/// The runs whose insertion a stream event tells of.
fn runs_of(event: &str) -> Vec<Run> {
    let event: dynamodb::Event = serde_json::from_str(event).expect("a stream event");
    let inserts = event.records.into_iter().filter(|record| record.event_name == "INSERT");
    inserts.map(|record| serde_dynamo::from_item(record.change.new_image).expect("a run")).collect()
}

/// Holds a value against the JSON Schema of a message.
fn assert_valid(name: &str, value: &Value) {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(schema_file(name)).unwrap()).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:?}");
}

fn schema_file(name: &str) -> PathBuf {
    root().join(format!("events/schemas/{name}.json"))
}

/// The names of a folder's entries that end in `suffix`, without it.
fn names_in(folder: &Path, suffix: &str) -> BTreeSet<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
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
    let expected: BTreeSet<String> =
        SAMPLES.iter().map(|(function, case, _)| format!("{function}/{case}")).collect();
    assert_eq!(found, expected, "samples on the left, expectations on the right");
}

#[test]
fn every_sample_is_understood() {
    for (function, case, failed) in SAMPLES {
        let event = fs::read_to_string(sample(function, case)).unwrap();
        if ["announce", "observe"].contains(function) {
            for run in runs_of(&event) {
                assert_valid("run", &serde_json::to_value(&run).unwrap());
                assert_valid(
                    "dataset-event",
                    &serde_json::to_value(DatasetEvent::of(run)).unwrap(),
                );
            }
            continue;
        }
        if ["database-capture", "dynamodb-capture"].contains(function) {
            serde_json::from_str::<Value>(&event).unwrap();
            continue;
        }
        if *function == "segment-collect" {
            let request: LambdaFunctionUrlRequest = serde_json::from_str(&event).unwrap();
            assert!(segment_collect::Endpoint::of(&request.raw_path.unwrap()).is_some(), "{case}");
            continue;
        }
        if *function == "alert" {
            assert_is_for_alert(&event);
            continue;
        }
        if *function == "report" {
            serde_json::from_str::<report::ReportRequest>(&event).unwrap();
            continue;
        }
        if *function == "replay" {
            serde_json::from_str::<replay::Order>(&event).unwrap();
            continue;
        }
        if *function == "watch" {
            serde_json::from_str::<watch::Order>(&event).unwrap();
            continue;
        }
        if *function == "google-ads-pull" {
            serde_json::from_str::<google_ads_pull::PullRequest>(&event).unwrap();
            continue;
        }
        let event: SqsEvent = serde_json::from_str(&event).unwrap();
        assert!(!event.records.is_empty(), "{function}/{case} has no message");
        for message in event.records {
            let (id, body) = (message.message_id.unwrap(), message.body.unwrap());
            let understood = match *function {
                "lake-commit" => is_pointer(&body),
                "land" => is_inbox_message(&body),
                "attribute" => is_for_attribution(&body),
                "lineage" => is_dataset_event(&body),
                // It waits for a webhook, which is no fault of the message.
                "alert-slack" => {
                    assert_valid("alert", &serde_json::from_str(&body).unwrap());
                    assert!(alert_slack::is_alert(&body));
                    false
                }
                _ => object_created_events(&body).is_ok(),
            };
            assert_eq!(
                understood,
                !failed.contains(&id.as_str()),
                "{function}/{case}: message {id}"
            );
        }
    }
}

/// What is told of an incident keeps to its schema, and so does the incident.
fn assert_is_for_alert(event: &str) {
    let request = alert::Request::of(serde_json::from_str(event).unwrap()).unwrap();
    let alert::Request::Changes(records) = request else {
        return;
    };
    for record in records {
        let Some(told) = alert::Told::of(record).unwrap() else {
            continue;
        };
        assert_valid("incident", &serde_json::to_value(&told.incident).unwrap());
        let alert = alert::Wording::default().alert(told, chrono::Utc::now());
        assert_valid("alert", &serde_json::to_value(alert).unwrap());
    }
}

fn is_pointer(body: &str) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(body) else {
        return false;
    };
    if serde_json::from_value::<CommitPointer>(value.clone()).is_err() {
        return false;
    }
    assert_valid("commit-pointer", &value);
    true
}

fn is_for_attribution(body: &str) -> bool {
    match attribute::Message::parse(body) {
        Ok(attribute::Message::Dataset(_)) => {
            assert_valid("dataset-event", &serde_json::from_str(body).unwrap());
            true
        }
        message => message.is_ok(),
    }
}

fn is_dataset_event(body: &str) -> bool {
    if lineage::dataset_event(body).is_err() {
        return false;
    }
    assert_valid("dataset-event", &serde_json::from_str(body).unwrap());
    true
}

fn is_inbox_message(body: &str) -> bool {
    let Ok(message) = InboxMessage::parse(body) else {
        return false;
    };
    assert_valid("inbox-message", &serde_json::from_str(body).unwrap());
    message.decode().is_ok()
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
            assert!(
                written == text,
                "events/schemas/{name}.json is stale: UPDATE_SCHEMAS=1 cargo test -p end-to-end --test samples schemas"
            );
        }
    }
    let names: BTreeSet<String> = generated.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(names_in(&root().join("events/schemas"), ".json"), names);
}
