//! A crash between any two steps, and the same rows in the end.
//!
//! The functions' own code runs against the local AWS over a network that stops at one request: before
//! AWS has seen it, or after AWS has done it. What had to be done is then delivered again, as SQS would.
//! Every request of the whole way is tried, both ways.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use end_to_end::lake::{pyiceberg_table, rust_row_count};
use end_to_end::network::{Cut, Network};
use end_to_end::river::{Bed, River};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique};
use shared::run::Outcome;

/// One page and two tracks, one of which is an order: three datasets, and a repeat in the file.
fn file(scenario: &str) -> Vec<u8> {
    let common = format!(r#""anonymousId":"visitor","receivedAt":"2026-03-01T10:00:00Z","projectId":"{scenario}""#);
    let lines = [
        format!(r#"{{"type":"page","messageId":"{scenario}-page",{common}}}"#),
        format!(r#"{{"type":"track","event":"Signed Up","messageId":"{scenario}-track",{common}}}"#),
        format!(r#"{{"type":"track","event":"Order Completed","messageId":"{scenario}-order",{common},"properties":{{"order_id":"1","total":19.99}}}}"#),
        format!(r#"{{"type":"page","messageId":"{scenario}-page",{common}}}"#),
        "no json".to_owned(),
    ];
    gzip(lines.join("\n").as_bytes())
}

/// Everything from the news of a file to its rows; errors end it as a crash would.
async fn whole_way(river: &River, dropped: &Dropped) -> Option<()> {
    river.deliver(dropped).await.ok()?;
    river.commit_all().await.ok()?;
    Some(())
}

/// Runs the way until the network stops. Dropping the future is the crash: nothing after it happens.
async fn until_cut(stack: &Stack, bed: &Bed, dropped: &Dropped, cut: Cut) -> Vec<String> {
    let network = Network::start(output("AWS_ENDPOINT_URL"), cut).await;
    let river = River::over(stack, &network.endpoint, bed).await;
    tokio::select! {
        _ = whole_way(&river, dropped) => {}
        () = network.stopped() => {}
    }
    network.requests()
}

/// One scenario: an attempt that is cut off, and what SQS does after it.
async fn scenario(stack: &Stack, bed: &Bed, cut: Cut) -> (String, Dropped, Vec<String>) {
    let name = unique();
    let dropped = stack.drop_object(&format!("crash-tests/{name}.gz"), file(&name)).await;
    let requests = until_cut(stack, bed, &dropped, cut).await;
    let river = River::over(stack, &output("AWS_ENDPOINT_URL"), bed).await;
    // The news of the file comes again whatever had become of it, and so do unfinished requests.
    river.deliver(&dropped).await.unwrap();
    river.commit_all().await.unwrap();
    (name, dropped, requests)
}

async fn check_ledger(stack: &Stack, dropped: &Dropped, cut: Cut) {
    let input = stack.run(&dropped.input, None).await.unwrap_or_else(|| panic!("{cut:?}: the input has no run"));
    let records = input.records.unwrap();
    assert!(records.is_conserved() && (records.records, records.quarantined) == (5, 1), "{cut:?}: {records:?}");
    for (dataset, routed, deduplicated) in [("segment.pages", 2, 1), ("segment.tracks", 2, 0), ("segment.order_completed", 1, 0)] {
        let run = stack.run(&dropped.input, Some(dataset)).await.unwrap_or_else(|| panic!("{cut:?}: {dataset} has no run"));
        let rows = run.rows.unwrap();
        assert!(rows.is_conserved() && (rows.routed, rows.deduplicated) == (routed, deduplicated), "{cut:?}: {dataset}: {rows:?}");
        assert_eq!(run.outcome, Outcome::Committed, "{cut:?}: {dataset}");
        assert!(run.snapshot_id.is_some(), "{cut:?}: {dataset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_any_two_steps_changes_no_row() {
    let stack = Stack::connect().await;
    let bed = Bed::dig(&stack).await;
    // The first way also creates the tables; the second shows how many requests there are.
    scenario(&stack, &bed, Cut::Never).await;
    let (_, _, requests) = scenario(&stack, &bed, Cut::Never).await;
    assert!(requests.iter().any(|request| request.ends_with("TransactWriteItems")) && requests.len() > 40, "{requests:?} are too few to be the whole way");
    let mut names = Vec::new();
    for request in 0..requests.len() {
        for cut in [Cut::Before(request), Cut::After(request)] {
            let (name, dropped, _) = scenario(&stack, &bed, cut).await;
            check_ledger(&stack, &dropped, cut).await;
            names.push((name, cut));
        }
    }
    let expected = names.len() + 2;
    for (table, rows_each) in [("pages", 1), ("tracks", 2), ("order_completed", 1)] {
        let table = format!("{}segment.{table}", bed.database_prefix);
        let mut rows: BTreeMap<String, usize> = BTreeMap::new();
        for row in pyiceberg_table(&table) {
            *rows.entry(row["project_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        for (name, cut) in &names {
            assert_eq!(rows.get(name), Some(&rows_each), "{table} after {cut:?}");
        }
        assert_eq!(rust_row_count(&table).await, expected * rows_each, "{table}");
    }
}

/// The very first commit creates database and table: a crash there is no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_the_tables_are_created_changes_no_row() {
    let stack = Stack::connect().await;
    let bed = Bed::dig(&stack).await;
    let (_, _, requests) = scenario(&stack, &bed, Cut::Never).await;
    for request in 0..requests.len() {
        let bed = Bed::dig(&stack).await;
        let cut = Cut::After(request);
        let (_, dropped, _) = scenario(&stack, &bed, cut).await;
        check_ledger(&stack, &dropped, cut).await;
        for (table, rows) in [("pages", 1), ("tracks", 2), ("order_completed", 1)] {
            let table = format!("{}segment.{table}", bed.database_prefix);
            assert_eq!(rust_row_count(&table).await, rows, "{table} after {cut:?}");
        }
    }
}
