//! A check of severity error keeps rows from their table: they are written aside, and nobody is told of
//! data that is not there.

use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use end_to_end::deployed::invoke;
use end_to_end::lake::{Row, pyiceberg_rows};
use end_to_end::stack::{Dropped, Stack, output, unique, unique_seed, wait_for};
use end_to_end::subscriber::Subscriber;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};
use shared::aws::{Begun, Ledger, ReadingState};
use shared::event::{CommitPointer, HeldRows};
use shared::run::{Outcome, Run};

const DATASET: &str = "google_ads.campaign_daily";

/// A report of a customer that no other test knows.
struct Report {
    stack: Stack,
    customer: String,
    dropped: Dropped,
}

impl Report {
    /// Of ten rows so many cannot be read.
    async fn drop(unreadable: usize) -> Self {
        let customer = format!("{:010}", unique_seed() % 10_000_000_000);
        let stack = Stack::connect().await;
        let mut report = "Day,Campaign,Clicks,Cost\n".to_owned();
        for row in 0..10 {
            let clicks = if row < unreadable { "many".to_owned() } else { row.to_string() };
            writeln!(report, "2026-03-01,Brand {row},{clicks},1.50").unwrap();
        }
        let key = format!("google-ads/reports/{customer}/{}/report.csv", unique());
        let dropped = stack.drop_object(&key, report.into_bytes()).await;
        Self { stack, customer, dropped }
    }

    async fn run(&self) -> Run {
        wait_for("the run of the report", || {
            self.stack.run_of("google-ads-transform", &self.dropped.input, Some(DATASET))
        })
        .await
    }

    fn rows(&self) -> Vec<Row> {
        pyiceberg_rows(DATASET, "customer_id", &self.customer)
    }

    /// What replay answers to an order about the report.
    fn replay(&self, action: &str) -> Value {
        let order = json!({"held": {"dataset": DATASET, "object": self.dropped.input.uri(), "action": action}});
        invoke(&output("REPLAY_FUNCTION_NAME"), &order)
    }

    /// How far the ledger says that the input has come in the dataset.
    async fn state(&self) -> String {
        let input = &self.dropped.input;
        let part = format!("dataset#{}#{DATASET}", input.checksum);
        let get = self.stack.dynamodb.get_item().table_name(output("INPUTS_TABLE"));
        let get = get.key("input", AttributeValue::S(input.uri()));
        let item = get.key("part", AttributeValue::S(part)).send().await.unwrap().item.unwrap();
        item["state"].as_s().unwrap().clone()
    }
}

async fn object(stack: &Stack, uri: &str) -> Vec<u8> {
    let (bucket, key) = uri.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    stack.object(bucket, key).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_which_too_much_cannot_be_read_is_held_as_a_whole() {
    let stack = Stack::connect().await;
    let subscriber = Subscriber::to(&stack, json!({"outcome": ["held"]})).await;
    let report = Report::drop(2).await;
    let run = report.run().await;
    assert_eq!(run.outcome, Outcome::Held);
    assert_eq!(run.error.as_deref(), Some("report_is_readable: 20 percent, must be at most 10"));
    let rows = run.rows.unwrap();
    assert_eq!((rows.routed, rows.quarantined, rows.held, rows.committed), (10, 2, 8, 0));
    assert!(rows.is_conserved());
    assert_eq!(report.state().await, "held");
    assert!(report.rows().is_empty(), "nothing of it is in the table");

    let [copy] = &run.data_files[..] else { panic!("one file: {:?}", run.data_files) };
    let file = Bytes::from(object(&report.stack, copy).await);
    let file = SerializedFileReader::new(file).unwrap();
    assert_eq!(file.metadata().file_metadata().num_rows(), 8);
    let request = format!("{}/request.json", copy.rsplit_once('/').unwrap().0);
    let held: HeldRows = serde_json::from_slice(&object(&report.stack, &request).await).unwrap();
    assert_eq!(held.copies, run.data_files);
    assert_eq!(held.request.run.rows.unwrap().committed, 8, "as it would have been");

    let [event] = &subscriber.events_of(&report.dropped, 1).await[..] else { panic!("one event") };
    assert_eq!(event.run.outcome, Outcome::Held);
    assert_eq!((event.data_file_count, event.data_files.len()), (0, 0));
    subscriber.leave().await;
}

/// An attempt may die behind the holding; the next may read the input under a contract that lets it pass.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_rows_that_are_held_has_nothing_to_do() {
    let report = Report::drop(2).await;
    let run = report.run().await;
    let dynamodb = report.stack.dynamodb.clone();
    let ledger = Ledger::new(dynamodb, output("INPUTS_TABLE"), output("RUNS_TABLE"), 90);
    let request = CommitPointer { bucket: output("LAKE_BUCKET"), key: "_requests/a".to_owned() };
    let begun = ledger.begin_commit(&run, DATASET, &request).await.unwrap();
    assert_eq!(begun, Begun::Done(ReadingState::Held));
    assert_eq!(report.state().await, "held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_with_few_bad_rows_is_committed_without_them() {
    let report = Report::drop(1).await;
    let run = report.run().await;
    assert_eq!(run.outcome, Outcome::Committed);
    let [check] = &run.checks[..] else { panic!("one check: {:?}", run.checks) };
    assert!(check.passed);
    assert_eq!((check.name.as_str(), check.value), ("report_is_readable", 10.0));
    assert_eq!(report.rows().len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_listed_and_released_once() {
    let report = Report::drop(2).await;
    let held = report.run().await;
    for _ in 0..2 {
        let listed = report.replay("list");
        assert_eq!((&listed["rows"], &listed["has_more"]), (&json!(8), &json!(false)));
        let [one] = &listed["held"].as_array().unwrap()[..] else { panic!("{listed}") };
        assert_eq!((&one["run_id"], &one["state"]), (&json!(held.run_id), &json!("held")));
        assert_eq!(one["reason"], held.error.clone().unwrap());
    }
    let released = report.replay("release");
    assert_eq!(
        (&released["rows"], &released["held"][0]["state"]),
        (&json!(8), &json!("committing"))
    );
    let run = wait_for("the run of the released rows", || {
        report.stack.run_of("replay", &report.dropped.input, Some(DATASET))
    })
    .await;
    assert_eq!(run.outcome, Outcome::Committed);
    let rows = run.rows.unwrap();
    assert_eq!((rows.routed, rows.committed, rows.quarantined), (8, 8, 0));
    assert_eq!(report.rows().len(), 8);

    let again = report.replay("release");
    assert_eq!(again["held"][0]["state"], "committed");
    assert_eq!(report.replay("drop")["held"][0]["state"], "committed", "too late");
    assert_eq!(report.rows().len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_stays_out() {
    let report = Report::drop(5).await;
    report.run().await;
    let dropped = report.replay("drop");
    assert_eq!((&dropped["rows"], &dropped["held"][0]["state"]), (&json!(5), &json!("dropped")));
    let released = report.replay("release");
    assert_eq!((&released["rows"], &released["held"][0]["state"]), (&json!(0), &json!("dropped")));
    assert_eq!(report.state().await, "dropped");
    // Who waits for them hears that they are left out.
    let run = report.stack.run_of("replay", &report.dropped.input, Some(DATASET)).await.unwrap();
    let rows = run.rows.unwrap();
    assert_eq!((run.outcome, rows.routed, rows.discarded), (Outcome::Empty, 5, 5));
    assert!(report.rows().is_empty());
}
