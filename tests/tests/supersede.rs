//! Other bytes under an object's key take the place of what the object gave before.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use end_to_end::lake::{pyiceberg_rewrite, pyiceberg_table, rust_row_count};
use end_to_end::network::{Fault, Network};
use end_to_end::river::{Bed, River};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique};
use shared::run::{Outcome, Run};
use shared::transform::Transformed;

/// Messages by number, of a type.
fn file(message_type: &str, numbers: Range<usize>) -> String {
    let mut lines = String::new();
    for number in numbers {
        let day = 1 + number % 3;
        writeln!(
            lines,
            "{{\"type\":\"{message_type}\",\"event\":\"Seen\",\"messageId\":\"message-{number}\",\
             \"anonymousId\":\"visitor\",\"receivedAt\":\"2026-03-{day:02}T10:00:00Z\"}}"
        )
        .unwrap();
    }
    lines
}

/// An object whose bytes change.
struct Key {
    stack: Stack,
    bed: Bed,
    river: River,
    key: String,
}

impl Key {
    async fn new() -> Self {
        let stack = Stack::connect().await;
        let bed = Bed::dig(&stack).await;
        let river = River::over(&stack, &output("AWS_ENDPOINT_URL"), &bed).await;
        Self { stack, bed, river, key: format!("supersede-tests/{}.gz", unique()) }
    }

    async fn deliver(&self, text: &str) -> Dropped {
        self.deliver_under(&self.key, text).await
    }

    async fn deliver_under(&self, key: &str, text: &str) -> Dropped {
        let dropped = self.stack.drop_object(key, gzip(text.as_bytes())).await;
        let outcomes = self.river.deliver(&dropped).await.unwrap();
        assert!(matches!(outcomes[..], [Transformed::Done { .. }]), "{outcomes:?}");
        dropped
    }

    async fn commit(&self) -> usize {
        self.river.commit_all().await.unwrap()
    }

    fn table(&self, name: &str) -> String {
        format!("{}segment.{name}", self.bed.database_prefix)
    }

    async fn run(&self, dropped: &Dropped, dataset: &str) -> Run {
        let run = self.stack.run(&dropped.input, Some(dataset)).await.expect("it has a run");
        assert!(run.rows.unwrap().is_conserved());
        run
    }

    /// The pages are in the table, each once, for PyIceberg and for Rust.
    async fn assert_pages(&self, expected: impl IntoIterator<Item = usize>) {
        let expected: BTreeSet<String> =
            expected.into_iter().map(|number| format!("message-{number}")).collect();
        let rows = pyiceberg_table(&self.table("pages"));
        let found: BTreeSet<String> =
            rows.iter().map(|row| row["message_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found, expected);
        assert_eq!(rows.len(), expected.len(), "each once");
        assert_eq!(rust_row_count(&self.table("pages")).await, expected.len());
    }
}

const PAGES: &str = "segment.pages";

#[tokio::test(flavor = "multi_thread")]
async fn corrected_bytes_take_the_place_of_the_first() {
    let key = Key::new().await;
    let first = key.deliver(&file("page", 0..100)).await;
    assert_eq!(key.commit().await, 1);
    let second = key.deliver(&file("page", 50..150)).await;
    assert_eq!(key.commit().await, 1);
    key.assert_pages(50..150).await;
    let run = key.run(&second, PAGES).await;
    assert_eq!(run.outcome, Outcome::Committed);
    assert_eq!(run.rows.unwrap().committed, 100, "its own keys are no repeats");
    assert_eq!(run.superseded_runs, [key.run(&first, PAGES).await.run_id]);
    assert_eq!(run.input.supersedes, Some(first.input.checksum));

    // What left the table may come again; what is there is a repeat.
    key.deliver_under(&format!("{}-other.gz", key.key), &file("page", 0..60)).await;
    key.commit().await;
    key.assert_pages(0..150).await;
    // And once more under the same key.
    key.deliver(&file("page", 140..150)).await;
    key.commit().await;
    key.assert_pages((0..50).chain(140..150)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_in_the_wrong_order_leave_the_later_bytes() {
    let key = Key::new().await;
    let first = key.deliver(&file("page", 0..10)).await;
    let early = key.river.receive().await;
    for message in &early {
        key.river.delete(message).await;
    }
    let second = key.deliver(&file("page", 5..15)).await;
    assert_eq!(key.commit().await, 1);
    assert_eq!(key.river.commit(&early).await.unwrap(), 1);
    key.assert_pages(5..15).await;
    let run = key.run(&first, PAGES).await;
    let rows = run.rows.unwrap();
    assert_eq!((run.outcome, rows.committed, rows.discarded), (Outcome::Empty, 0, 10));
    assert_eq!(run.error.as_deref(), Some("a later reading of the object is in the table"));
    assert!(run.data_files.is_empty() && run.snapshot_id.is_none());
    assert_eq!(key.run(&second, PAGES).await.rows.unwrap().committed, 10);
    // Nothing of it comes back.
    assert_eq!(key.river.commit(&early).await.unwrap(), 0);
    key.assert_pages(5..15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_in_one_batch_leave_the_later_bytes() {
    let key = Key::new().await;
    key.deliver(&file("page", 0..10)).await;
    key.deliver(&file("page", 5..15)).await;
    assert_eq!(key.commit().await, 2);
    key.assert_pages(5..15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_the_later_bytes_lack_loses_the_rows() {
    let key = Key::new().await;
    let both = file("page", 0..5) + &file("track", 5..9);
    key.deliver(&both).await;
    key.commit().await;
    assert_eq!(rust_row_count(&key.table("tracks")).await, 4);
    let second = key.deliver(&file("page", 0..3)).await;
    key.commit().await;
    assert_eq!(rust_row_count(&key.table("tracks")).await, 0);
    key.assert_pages(0..3).await;
    let run = key.run(&second, "segment.tracks").await;
    assert_eq!((run.outcome, run.superseded_runs.len()), (Outcome::Empty, 1));
}

/// The first bytes were read, but their commits wait while others come that have nothing for one of the datasets.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_still_wait_for_their_commit_are_left_out() {
    let key = Key::new().await;
    let first = key.deliver(&(file("page", 0..5) + &file("track", 5..9))).await;
    let waiting = key.river.receive().await;
    assert_eq!(waiting.len(), 2);
    for message in &waiting {
        key.river.delete(message).await;
    }
    key.deliver(&file("page", 0..3)).await;
    key.commit().await;
    key.river.commit(&waiting).await.unwrap();
    key.assert_pages(0..3).await;
    assert_eq!(rust_row_count(&key.table("tracks")).await, 0);
    for (dataset, rows) in [(PAGES, 5), ("segment.tracks", 4)] {
        assert_eq!(key.run(&first, dataset).await.rows.unwrap().discarded, rows, "{dataset}");
    }
}

/// The later request stands first in the batch.
#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_order_within_a_batch_is_told_as_well() {
    let key = Key::new().await;
    let first = key.deliver(&file("page", 0..10)).await;
    let mut batch = key.river.receive().await;
    for message in &batch {
        key.river.delete(message).await;
    }
    key.deliver(&file("page", 5..15)).await;
    let later = key.river.receive().await;
    batch.splice(0..0, later);
    key.river.commit(&batch).await.unwrap();
    key.assert_pages(5..15).await;
    assert_eq!(key.run(&first, PAGES).await.rows.unwrap().discarded, 10);
}

/// Somebody has put the wrong file there: nothing makes way for records that belong nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_nobody_understands_take_no_place() {
    let key = Key::new().await;
    key.deliver(&file("page", 0..10)).await;
    key.commit().await;
    let wrong = key.deliver(&file("invoice", 0..10)).await;
    key.commit().await;
    key.assert_pages(0..10).await;
    let run = key.run(&wrong, PAGES).await;
    assert_eq!(run.outcome, Outcome::Held);
    assert!(run.error.unwrap().starts_with("records_belong_to_a_dataset: 10 rows"));
}

/// The ledger's transaction is the last step: the table has the later bytes already.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_behind_the_replacement_is_finished() {
    let key = Key::new().await;
    let first = key.deliver(&file("page", 0..10)).await;
    key.commit().await;
    let second = key.deliver(&file("page", 5..15)).await;
    let messages = key.river.receive().await;
    let network =
        Network::start(output("AWS_ENDPOINT_URL"), Fault::CutAt("TransactWriteItems")).await;
    let doomed = River::over(&key.stack, &network.endpoint, &key.bed).await;
    tokio::select! {
        done = doomed.commit(&messages) => panic!("the crash did not come: {done:?}"),
        () = network.stopped() => {}
    }
    key.assert_pages(5..15).await;
    assert_eq!(key.river.commit(&messages).await.unwrap(), 1);
    key.assert_pages(5..15).await;
    let run = key.run(&second, PAGES).await;
    assert_eq!(run.superseded_runs, [key.run(&first, PAGES).await.run_id]);
}

/// Another engine has written the rows together with others: they cannot be told apart, and nothing changes.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_compacted_is_not_replaced() {
    let key = Key::new().await;
    key.deliver(&file("page", 0..10)).await;
    key.commit().await;
    pyiceberg_rewrite(&key.table("pages"));
    key.deliver(&file("page", 5..15)).await;
    let refused = key.river.commit_all().await.unwrap_err().to_string();
    assert!(refused.contains("pages") && refused.contains(".parquet"), "{refused}");
    key.assert_pages(0..10).await;
}
