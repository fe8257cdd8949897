//! A crash between any two steps, and the same rows in the end.
//!
//! The functions' own code runs against the local AWS over a network that fails at one request: it stops
//! before it, or loses its answer. What had to be done is then delivered again, as SQS would. Every
//! request of the whole way is tried, both ways.

use std::collections::BTreeMap;

use end_to_end::lake::{pyiceberg_tables, rust_row_count};
use end_to_end::network::{Fault, Network};
use end_to_end::river::{Bed, River};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique};
use shared::run::Outcome;

/// Scenarios that run at the same time, each lane with tables of its own.
const LANES: usize = 4;

/// One page and two tracks, one of which is an order: three datasets, and a repeat in the file.
fn file(scenario: &str) -> Vec<u8> {
    let common = format!(
        r#""anonymousId":"visitor","receivedAt":"2026-03-01T10:00:00Z","projectId":"{scenario}""#
    );
    let lines = [
        format!(r#"{{"type":"page","messageId":"{scenario}-page",{common}}}"#),
        format!(
            r#"{{"type":"track","event":"Signed Up","messageId":"{scenario}-track",{common}}}"#
        ),
        format!(
            r#"{{"type":"track","event":"Order Completed","messageId":"{scenario}-order",{common},"properties":{{"order_id":"1","total":19.99}}}}"#
        ),
        format!(r#"{{"type":"page","messageId":"{scenario}-page",{common}}}"#),
        "no json".to_owned(),
    ];
    gzip(lines.join("\n").as_bytes())
}

/// Everything from the news of a file to its rows; errors end it, and SQS will deliver again.
async fn whole_way(river: &River, dropped: &Dropped) -> Option<()> {
    river.deliver(dropped).await.ok()?;
    river.commit_all().await.ok()?;
    Some(())
}

/// Runs the way over a network with a fault. Dropping the future is the crash: nothing after it happens.
async fn attempt(stack: &Stack, bed: &Bed, dropped: &Dropped, fault: Fault) -> Vec<String> {
    let network = Network::start(output("AWS_ENDPOINT_URL"), fault).await;
    let river = River::over(stack, &network.endpoint, bed).await;
    tokio::select! {
        _ = whole_way(&river, dropped) => {}
        () = network.stopped() => {}
    }
    network.requests()
}

/// Tables and a queue of their own, and a river that carries out what an attempt has left.
struct Lane {
    stack: Stack,
    bed: Bed,
    river: River,
}

impl Lane {
    async fn new() -> Self {
        let stack = Stack::connect().await;
        let bed = Bed::dig(&stack).await;
        let river = River::over(&stack, &output("AWS_ENDPOINT_URL"), &bed).await;
        Self { stack, bed, river }
    }

    /// One scenario: an attempt over a network with a fault, and what SQS does after it.
    async fn scenario(&self, fault: Fault) -> (String, Vec<String>) {
        let name = unique();
        let dropped = self.stack.drop_object(&format!("crash-tests/{name}.gz"), file(&name)).await;
        let requests = attempt(&self.stack, &self.bed, &dropped, fault).await;
        // The news of the file comes again whatever had become of it, and so do unfinished requests.
        self.river.deliver(&dropped).await.unwrap();
        self.river.commit_all().await.unwrap();
        check_ledger(&self.stack, &dropped, fault).await;
        (name, requests)
    }

    /// Every file of the lane has its rows, once.
    async fn check_tables(&self, names: &[(String, Fault)]) {
        let tables = ["pages", "tracks", "order_completed"]
            .map(|table| format!("{}segment.{table}", self.bed.database_prefix));
        let read = pyiceberg_tables(&tables);
        for ((table, rows_each), found) in tables.into_iter().zip([1, 2, 1]).zip(read) {
            let mut rows: BTreeMap<String, usize> = BTreeMap::new();
            for row in found {
                *rows.entry(row["project_id"].as_str().unwrap().to_owned()).or_default() += 1;
            }
            for (name, fault) in names {
                assert_eq!(rows.get(name), Some(&rows_each), "{table} after {fault:?}");
            }
            assert_eq!(rows.len(), names.len(), "{table}");
            assert_eq!(rust_row_count(&table).await, names.len() * rows_each, "{table}");
        }
    }
}

async fn check_ledger(stack: &Stack, dropped: &Dropped, fault: Fault) {
    let input = stack
        .run(&dropped.input, None)
        .await
        .unwrap_or_else(|| panic!("{fault:?}: the input has no run"));
    let records = input.records.unwrap();
    assert!(
        records.is_conserved() && (records.records, records.quarantined) == (5, 1),
        "{fault:?}: {records:?}"
    );
    for (dataset, routed, deduplicated) in
        [("segment.pages", 2, 1), ("segment.tracks", 2, 0), ("segment.order_completed", 1, 0)]
    {
        let run = stack
            .run(&dropped.input, Some(dataset))
            .await
            .unwrap_or_else(|| panic!("{fault:?}: {dataset} has no run"));
        let rows = run.rows.unwrap();
        assert!(
            rows.is_conserved() && (rows.routed, rows.deduplicated) == (routed, deduplicated),
            "{fault:?}: {dataset}: {rows:?}"
        );
        assert_eq!(run.outcome, Outcome::Committed, "{fault:?}: {dataset}");
        assert!(run.snapshot_id.is_some(), "{fault:?}: {dataset}");
    }
}

/// Runs scenarios in lanes side by side.
async fn run_all(faults: Vec<Fault>) {
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        let faults: Vec<Fault> = faults.iter().copied().skip(lane).step_by(LANES).collect();
        lanes.push(tokio::spawn(async move {
            let lane = Lane::new().await;
            let mut names = Vec::new();
            for fault in faults {
                let (name, _) = lane.scenario(fault).await;
                names.push((name, fault));
            }
            lane.check_tables(&names).await;
        }));
    }
    for lane in lanes {
        lane.await.unwrap();
    }
}

/// The requests of the whole way, over tables that exist.
async fn requests_of_the_way() -> Vec<String> {
    let lane = Lane::new().await;
    lane.scenario(Fault::None).await;
    let (_, requests) = lane.scenario(Fault::None).await;
    assert!(
        requests.iter().any(|request| request.ends_with("TransactWriteItems")),
        "{requests:?} are not the whole way"
    );
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_any_two_steps_changes_no_row() {
    let requests = requests_of_the_way().await;
    run_all((0..requests.len()).map(Fault::Cut).collect()).await;
}

/// The client asks again for what AWS has done already; a commit that meets its own snapshot, say.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_at_any_step_changes_no_row() {
    let requests = requests_of_the_way().await;
    run_all((0..requests.len()).map(Fault::LostAnswer).collect()).await;
}

/// The very first commit creates database and table: a crash there is no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_the_tables_are_created_changes_no_row() {
    let (_, requests) = Lane::new().await.scenario(Fault::None).await;
    for (number, request) in requests.iter().enumerate() {
        // The other steps are as those of later commits.
        if request.starts_with("AWSGlue.Create") || request.contains("/metadata/00000-") {
            let lane = Lane::new().await;
            let fault = Fault::Cut(number + 1);
            let (name, _) = lane.scenario(fault).await;
            lane.check_tables(&[(name, fault)]).await;
        }
    }
}
