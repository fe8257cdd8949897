//! The main job on the deployed stack: files of Segment's S3 destination are dropped, and what is in the ledger and in the
//! tables afterwards is exactly what was in the files.

use std::collections::BTreeSet;
use std::time::Instant;

use end_to_end::lake::{Row, pyiceberg_rows, rust_row_count};
use end_to_end::ledger::{check_dataset, check_input};
use end_to_end::river::{Bed, River};
use end_to_end::segment::{EventMix, Expected, SegmentGenerator};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique, unique_seed};
use end_to_end::subscriber::Subscriber;
use serde_json::json;
use shared::run::Outcome;

/// A key as Segment makes it, in a folder that no other test has.
fn key_of(generator: &SegmentGenerator) -> String {
    format!("segment/delivery-{}/{}", unique(), generator.key())
}

/// The id that every message of a generated file bears: Segment has it in the key as well.
fn project_of(generator: &SegmentGenerator) -> String {
    generator.key().split('/').nth(1).unwrap().to_owned()
}

fn damaged() -> SegmentGenerator {
    let generator = SegmentGenerator::new(unique_seed()).events(3_000).people(500).days(2);
    generator.duplicate_share(0.03).every_damage_share(0.004).blank_line_share(0.01)
}

/// The ledger's word on a file, for the input and for each of its datasets.
async fn check_ledger(stack: &Stack, dropped: &Dropped, expected: &Expected) {
    check_input(&stack.await_input(&dropped.input).await, expected);
    let runs = stack.await_datasets(&dropped.input, expected.datasets.len()).await;
    for (table, counts) in &expected.datasets {
        check_dataset(&runs[*table], counts);
    }
}

/// The tables' word: the rows of a project, each message once.
fn check_tables(prefix: &str, project: &str, expected: &Expected) {
    for (table, counts) in &expected.datasets {
        let rows = pyiceberg_rows(&format!("{prefix}segment.{table}"), "project_id", project);
        assert_eq!(rows.len() as u64, counts.committed, "{table}");
        let messages: BTreeSet<&str> =
            rows.iter().filter_map(|row| row["message_id"].as_str()).collect();
        assert_eq!(messages.len(), rows.len(), "{table} has a message twice");
        if *table == "order_completed" {
            assert_eq!(rows.iter().map(total).sum::<u64>(), expected.committed_order_total);
        }
    }
}

/// The total of an order in hundredths, from a decimal's text: `12.500000`.
fn total(row: &Row) -> u64 {
    let text = row["total"].as_str().expect("decimals are printed as text");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<2}");
    assert!(fraction[2..].chars().all(|digit| digit == '0'), "{text}");
    whole.parse::<u64>().unwrap() * 100 + fraction[..2].parse::<u64>().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_file_is_in_the_tables_to_the_last_row() {
    let stack = Stack::connect().await;
    let generator = damaged();
    let (lines, expected) = generator.file();
    let started = Instant::now();
    let dropped = stack.drop_object(&key_of(&generator), gzip(&lines)).await;
    check_ledger(&stack, &dropped, &expected).await;
    println!(
        "{} rows queryable {:.2} s after the drop",
        expected.committed(),
        started.elapsed().as_secs_f64()
    );
    check_tables("", &project_of(&generator), &expected);
}

/// The same code in databases of its own, where nothing but this file is: what Rust reads and what PyIceberg reads.
#[tokio::test(flavor = "multi_thread")]
async fn two_implementations_of_iceberg_read_the_same() {
    let stack = Stack::connect().await;
    let bed = Bed::dig(&stack).await;
    let river = River::over(&stack, &output("AWS_ENDPOINT_URL"), &bed).await;
    let mix = EventMix {
        orders: 30,
        groups: 0,
        aliases: 0,
        screens: 0,
        identifies: 0,
        ..EventMix::default()
    };
    let generator = damaged().events(600).mix(mix);
    let (lines, expected) = generator.file();
    // No notification tells of this prefix.
    let dropped = stack
        .drop_object(&format!("quiet-tests/{}/{}", unique(), generator.key()), gzip(&lines))
        .await;
    river.deliver(&dropped).await.unwrap();
    assert_eq!(river.commit_all().await.unwrap(), expected.datasets.len());
    assert_eq!(
        expected.datasets.keys().copied().collect::<Vec<_>>(),
        ["order_completed", "pages", "tracks"]
    );
    for (table, counts) in &expected.datasets {
        assert_eq!(
            rust_row_count(&format!("{}segment.{table}", bed.database_prefix)).await as u64,
            counts.committed,
            "{table}"
        );
    }
    check_tables(&bed.database_prefix, &project_of(&generator), &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn compression_is_known_by_the_bytes_and_not_by_the_key() {
    let stack = Stack::connect().await;
    let small = || SegmentGenerator::new(unique_seed()).events(200);
    let (plain, zstandard) = (small(), small());
    let (plain_lines, plain_expected) = plain.file();
    let (zstd_lines, zstd_expected) = zstandard.file();
    // Both keys end in `.gz`.
    let plain = stack.drop_object(&key_of(&plain), plain_lines).await;
    let zstandard = stack
        .drop_object(&key_of(&zstandard), zstd::encode_all(zstd_lines.as_slice(), 3).unwrap())
        .await;
    check_ledger(&stack, &plain, &plain_expected).await;
    check_ledger(&stack, &zstandard, &zstd_expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_twice_in_a_file_is_one_row() {
    let stack = Stack::connect().await;
    let generator = SegmentGenerator::new(unique_seed()).events(1).mix(EventMix::tracks_only());
    let (line, _) = generator.file();
    let dropped = stack
        .drop_object(&key_of(&generator), gzip(&[line.as_slice(), line.as_slice()].concat()))
        .await;
    let rows = stack.await_dataset(&dropped.input, "segment.tracks").await.rows.unwrap();
    assert_eq!((rows.routed, rows.committed, rows.deduplicated), (2, 1, 1));
    assert_eq!(pyiceberg_rows("segment.tracks", "project_id", &project_of(&generator)).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_under_a_key_name_what_they_supersede() {
    let stack = Stack::connect().await;
    let (first, second) = (
        SegmentGenerator::new(unique_seed()).events(5),
        SegmentGenerator::new(unique_seed()).events(7),
    );
    let key = key_of(&first);
    let first = stack.drop_object(&key, gzip(&first.file().0)).await;
    assert_eq!(stack.await_input(&first.input).await.input.supersedes, None);
    let second = stack.drop_object(&key, gzip(&second.file().0)).await;
    let run = stack.await_input(&second.input).await;
    assert_eq!(run.input.supersedes, Some(first.input.checksum));
    assert_eq!(run.input.version_id, second.input.version_id);
    assert_eq!(run.records.unwrap().records, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_is_told_of_its_dataset_and_where_the_rows_are() {
    let stack = Stack::connect().await;
    let subscriber = Subscriber::to(&stack, json!({"dataset": ["segment.identifies"]})).await;
    let generator = SegmentGenerator::new(unique_seed()).events(400);
    let (lines, expected) = generator.file();
    let dropped = stack.drop_object(&key_of(&generator), gzip(&lines)).await;
    // Filtered by the dataset, so that one message comes and no other of the file's.
    let events = subscriber.events_of(&dropped, 1).await;
    let event = &events[0];
    assert_eq!(event.run.dataset.as_deref(), Some("segment.identifies"));
    assert_eq!(event.run.outcome, Outcome::Committed);
    let run = stack.await_dataset(&dropped.input, "segment.identifies").await;
    assert_eq!(run.rows, event.run.rows);
    assert_eq!(run.rows.unwrap().committed, expected.datasets["identifies"].committed);
    assert_eq!(event.data_files, run.data_files);
    assert_eq!(event.data_file_count, run.data_files.len());
    for file in &event.data_files {
        let (bucket, key) = file.strip_prefix("s3://").unwrap().split_once('/').unwrap();
        assert!(stack.object(bucket, key).await.is_some(), "{file}");
    }
    subscriber.leave().await;
}
