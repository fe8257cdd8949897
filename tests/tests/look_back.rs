//! A row that comes again in another file, hours later, is in the table once.
//!
//! The ledger knows inputs; these tests are about rows: a client that retries recomposes its batches, so
//! the same message stands in files that have nothing else in common.

use std::collections::BTreeSet;

use end_to_end::lake::{Row, pyiceberg_files, pyiceberg_rewrite, pyiceberg_table, rust_row_count};
use end_to_end::network::{Fault, Network};
use end_to_end::river::{Bed, River};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique};
use shared::run::{Outcome, RowCounts};

const DATASET: &str = "segment.pages";

/// Pages by number; the day that each was received on follows from its number alone.
fn file(numbers: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut lines = Vec::new();
    for number in numbers {
        let (day, second) = (1 + number / 1_000, number % 60);
        lines.push(format!(
            r#"{{"type":"page","messageId":"message-{number}","anonymousId":"visitor","name":"page {number}","receivedAt":"2026-03-{day:02}T23:59:{second:02}Z"}}"#
        ));
    }
    gzip(lines.join("\n").as_bytes())
}

/// Tables, a queue and a river that nobody else uses.
struct Shore {
    stack: Stack,
    bed: Bed,
    river: River,
}

impl Shore {
    async fn new() -> Self {
        let stack = Stack::connect().await;
        let bed = Bed::dig(&stack).await;
        let river = River::over(&stack, &output("AWS_ENDPOINT_URL"), &bed).await;
        Self { stack, bed, river }
    }

    fn table(&self) -> String {
        format!("{}{DATASET}", self.bed.database_prefix)
    }

    async fn drop(&self, numbers: impl IntoIterator<Item = usize>) -> Dropped {
        self.stack.drop_object(&format!("look-back-tests/{}.gz", unique()), file(numbers)).await
    }

    /// Drops a file and has it transformed, but not committed.
    async fn deliver(&self, numbers: impl IntoIterator<Item = usize>) -> Dropped {
        let dropped = self.drop(numbers).await;
        self.river.deliver(&dropped).await.unwrap();
        dropped
    }

    async fn commit(&self, numbers: impl IntoIterator<Item = usize>) -> Dropped {
        let dropped = self.deliver(numbers).await;
        self.river.commit_all().await.unwrap();
        dropped
    }

    async fn rows(&self, dropped: &Dropped) -> RowCounts {
        let run = self.stack.run(&dropped.input, Some(DATASET)).await.expect("the file has a run");
        let rows = run.rows.unwrap();
        assert!(rows.is_conserved(), "{rows:?}");
        let null_names = run.columns.iter().find(|column| column.name == "name").unwrap();
        assert_eq!(null_names.null_count, 0);
        assert_eq!(
            run.outcome,
            if rows.committed > 0 { Outcome::Committed } else { Outcome::Empty }
        );
        assert_eq!(run.snapshot_id.is_some(), rows.committed > 0);
        rows
    }

    /// The table has each of these pages once, for PyIceberg and for Rust.
    async fn assert_pages(&self, expected: impl IntoIterator<Item = usize>) {
        let expected: BTreeSet<String> =
            expected.into_iter().map(|number| format!("message-{number}")).collect();
        let table = pyiceberg_table(&self.table());
        let id = |row: &Row| row["message_id"].as_str().unwrap().to_owned();
        let found: BTreeSet<String> = table.iter().map(id).collect();
        assert_eq!(found, expected);
        assert_eq!(table.len(), expected.len());
        assert_eq!(rust_row_count(&self.table()).await, expected.len());
    }
}

fn counts(routed: u64, committed: u64) -> RowCounts {
    RowCounts { routed, committed, deduplicated: routed - committed, ..RowCounts::default() }
}

/// Retries recomposed: files that overlap in every way, over two days, one of them twice as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn recomposed_batches_leave_each_row_once() {
    let shore = Shore::new().await;
    for (numbers, committed) in [
        (900..1_100, 200),
        (1_000..1_200, 100),
        (800..900, 100),
        (0..2_000, 1_600),
        (900..1_100, 0),
    ] {
        let routed = numbers.len() as u64;
        // A blank line makes the same records another content.
        let mut body = file(numbers);
        body.extend_from_slice(&gzip(b"\n"));
        let key = format!("look-back-tests/{}.gz", unique());
        let dropped = shore.stack.drop_object(&key, body).await;
        shore.river.deliver(&dropped).await.unwrap();
        shore.river.commit_all().await.unwrap();
        assert_eq!(shore.rows(&dropped).await, counts(routed, committed));
    }
    shore.assert_pages(0..2_000).await;
}

/// Many small files, each with half of what the one before had: the index merges its segments meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn many_small_files_leave_each_row_once() {
    let shore = Shore::new().await;
    for step in 0..12 {
        let dropped = shore.commit(step * 10..step * 10 + 20).await;
        assert_eq!(shore.rows(&dropped).await, counts(20, if step == 0 { 20 } else { 10 }));
    }
    shore.assert_pages(0..130).await;
}

/// Requests that come in one batch share a snapshot, and rows among themselves.
#[tokio::test(flavor = "multi_thread")]
async fn repeats_within_one_batch_of_requests() {
    let shore = Shore::new().await;
    let first = shore.deliver(0..30).await;
    let second = shore.deliver(20..50).await;
    let third = shore.deliver(10..40).await;
    assert_eq!(shore.river.commit_all().await.unwrap(), 3);
    let mut committed = Vec::new();
    for dropped in [&first, &second, &third] {
        committed.push(shore.rows(dropped).await.committed);
    }
    assert_eq!(committed, [30, 20, 0]);
    shore.assert_pages(0..50).await;
}

/// A day that is landed again under other keys, after its neighbours have come and gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_day_adds_nothing() {
    let shore = Shore::new().await;
    for day in 0..4 {
        shore.commit(day * 1_000..day * 1_000 + 40).await;
    }
    for half in [0..20, 20..40] {
        let mut body = file(half);
        body.extend_from_slice(&gzip(b"\n"));
        let key = format!("look-back-tests/{}.gz", unique());
        let replayed = shore.stack.drop_object(&key, body).await;
        shore.river.deliver(&replayed).await.unwrap();
        shore.river.commit_all().await.unwrap();
        assert_eq!(shore.rows(&replayed).await, counts(20, 0));
    }
    shore.assert_pages((0..4).flat_map(|day| day * 1_000..day * 1_000 + 40)).await;
}

/// Rows of days long past come along, as from a device that was offline: each is compared with its own day.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_other_days_are_compared_with_their_own_days() {
    let shore = Shore::new().await;
    shore.commit((0..10).chain(25_000..25_010)).await;
    let dropped = shore.commit((5..15).chain(12_000..12_010).chain(25_005..25_015)).await;
    assert_eq!(shore.rows(&dropped).await, counts(30, 20));
    shore.assert_pages((0..15).chain(12_000..12_010).chain(25_000..25_015)).await;
}

/// Two committers at the same moment, each with files that repeat the other's rows.
#[tokio::test(flavor = "multi_thread")]
async fn repeats_committed_at_the_same_moment() {
    let shore = Shore::new().await;
    let other = River::over(&shore.stack, &output("AWS_ENDPOINT_URL"), &shore.bed).await;
    shore.commit(0..1).await;
    for round in 1..6 {
        let numbers = round * 100..round * 100 + 40;
        let one = shore.deliver(numbers.clone()).await;
        let first = take(&shore.river).await;
        let two = shore.deliver(numbers.start + 20..numbers.end + 20).await;
        let second = take(&shore.river).await;
        // The second request in both hands, as after a visibility time-out.
        let both = [first.clone(), second.clone()].concat();
        let (mine, theirs) = tokio::join!(shore.river.commit(&both), other.commit(&second));
        assert_eq!(mine.unwrap() + theirs.unwrap(), 2, "round {round}");
        runs_name_files_of_the_table(&shore, &[&one, &two]).await;
        let committed = shore.rows(&one).await.committed + shore.rows(&two).await.committed;
        assert_eq!(committed, 60, "round {round}");
    }
    let pages = (1..6).flat_map(|round| round * 100..round * 100 + 60);
    shore.assert_pages(pages.chain(0..1)).await;
}

/// Whoever was faster: the ledger tells of the files that are in the table, not of those of an attempt that was too late.
async fn runs_name_files_of_the_table(shore: &Shore, inputs: &[&Dropped]) {
    let in_table = pyiceberg_files(&shore.table());
    for dropped in inputs {
        let run = shore.stack.run(&dropped.input, Some(DATASET)).await.unwrap();
        for file in &run.data_files {
            assert!(in_table.contains(file), "{file} is not among {in_table:?}");
        }
    }
}

/// Takes what is on the commits queue out of it.
async fn take(river: &River) -> Vec<aws_sdk_sqs::types::Message> {
    let messages = river.receive().await;
    for message in &messages {
        river.delete(message).await;
    }
    messages
}

/// Another engine writes every file anew, and its snapshot knows nothing of keys.
#[tokio::test(flavor = "multi_thread")]
async fn compaction_does_not_make_it_forget() {
    let shore = Shore::new().await;
    shore.commit(0..20).await;
    pyiceberg_rewrite(&shore.table());
    let dropped = shore.commit(10..30).await;
    assert_eq!(shore.rows(&dropped).await, counts(20, 10));
    shore.assert_pages(0..30).await;
}

/// A file with repeats is written anew before it is committed: a crash at each step of that, and each
/// answer lost, leaves the same rows and the same counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_any_two_steps_of_a_rewrite() {
    let shore = Shore::new().await;
    shore.commit(0..20).await;
    let requests = crash(&shore, 1, Fault::None).await;
    assert!(
        requests.iter().any(|request| request.contains("_keys/")),
        "{requests:?} are not the whole way"
    );
    let mut steps = 1;
    for step in 0..requests.len() {
        for fault in [Fault::Cut(step), Fault::LostAnswer(step)] {
            steps += 1;
            crash(&shore, steps, fault).await;
        }
    }
    shore.assert_pages(0..20 + 10 * steps).await;
}

/// Commits a file of which the first ten rows are in the table, over a network that fails, and then again
/// as SQS would.
async fn crash(shore: &Shore, step: usize, fault: Fault) -> Vec<String> {
    let new = 10 + 10 * step;
    let dropped = shore.deliver(new - 10..new + 10).await;
    let messages = take(&shore.river).await;
    let network = Network::start(output("AWS_ENDPOINT_URL"), fault).await;
    let doomed = River::over(&shore.stack, &network.endpoint, &shore.bed).await;
    tokio::select! {
        _ = doomed.commit(&messages) => {}
        () = network.stopped() => {}
    }
    shore.river.commit(&messages).await.unwrap();
    assert_eq!(shore.rows(&dropped).await, counts(20, 10), "after {fault:?}");
    network.requests()
}
