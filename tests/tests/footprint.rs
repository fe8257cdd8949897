//! Memory does not grow with the file: a file of a million events (1.3 GB) and one of 10 MB have the same peak, apart from the keys of
//! de-duplication and the buffers, which a file must be large enough to fill. Each is taken through the stretch by a process
//! of its own (`src/bin/stretch.rs`), for a peak is a process's and is never given back.

use std::path::Path;
use std::process::Command;

use end_to_end::stack::{Stack, unique};
use serde_json::Value;

const MEGABYTE: u64 = 1_000_000;
/// What a row's key of de-duplication may take.
const KEY_BYTES: u64 = 16;
/// What is there once, however large the file: 12 MB of unfinished row groups, and a zstd compressor for each column of each open
/// file that has filled a page. A file of 10 MB fills next to none of it, one of 100 MB all.
const FILLED: u64 = 24 * MEGABYTE;
/// The footers of the open files, which tell of each row group: they end with the file, at 256 MB.
const FOOTERS: u64 = 5 * MEGABYTE;
/// A million events within this, with the parts that are on their way to S3: up to 5 MiB of each open file, and two more.
const MOST: u64 = 128 * MEGABYTE;
/// What a function has of that for its program: `make measure-functions` tells 25 MB of `segment-transform`, as the peak less its own.
/// Here the program is one of the tests, of which 31 MB are touched, so its own size is not counted.
const PROGRAM: u64 = 25 * MEGABYTE;

/// Takes a file of so many bytes through the stretch of a source, into a bucket where one is given.
fn stretch(source: &str, bytes: u64, bucket: Option<&str>) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stretch"));
    // As in template.yaml.
    command.env("MALLOC_MMAP_THRESHOLD_", "16384");
    let run = command.args([source, &bytes.to_string()]).args(bucket).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let report = serde_json::from_slice(&run.stdout).unwrap();
    println!("{report}");
    report
}

fn can_be_measured() -> bool {
    let measurable = Path::new("/proc/self/status").exists();
    if !measurable {
        println!(
            "skipped: the peak of a process is read from /proc, which this system does not have"
        );
    }
    measurable
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("{name} is no number in {report}"))
}

fn assert_no_growth(smaller: &Value, larger: &Value, once: u64) {
    let growth = number(larger, "peak_rss_bytes").saturating_sub(number(smaller, "peak_rss_bytes"));
    let keys = KEY_BYTES * (number(larger, "rows") - number(smaller, "rows"));
    let decoded = (number(smaller, "decoded_bytes"), number(larger, "decoded_bytes"));
    println!(
        "from {} to {} bytes: {growth} bytes more, {keys} of which keys may take",
        decoded.0, decoded.1
    );
    assert!(
        growth <= keys + once,
        "from {} to {} bytes: {growth} bytes more",
        decoded.0,
        decoded.1
    );
}

#[test]
fn memory_does_not_grow_with_the_file() {
    if !can_be_measured() {
        return;
    }
    let [small, medium, large] =
        [10, 100, 1_300].map(|megabytes| stretch("segment", megabytes * MEGABYTE, None));
    assert_no_growth(&small, &large, FILLED);
    assert_no_growth(&medium, &large, FOOTERS);
    assert!(number(&large, "key_bytes") <= KEY_BYTES * number(&large, "rows"));
    assert!(number(&large, "records") >= 1_000_000);
}

#[test]
fn memory_does_not_grow_with_a_delimited_file_either() {
    if !can_be_measured() {
        return;
    }
    let [small, large] = [10, 130].map(|megabytes| stretch("database", megabytes * MEGABYTE, None));
    assert_no_growth(&small, &large, FILLED);
    assert!(number(&large, "records") >= 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_events_on_their_way_to_s3_fit_in_128_mb() {
    if !can_be_measured() {
        return;
    }
    let stack = Stack::connect().await;
    // Not the lake's own bucket, which other tests read as a whole.
    let bucket = format!("footprint-{}", unique());
    stack.s3.create_bucket().bucket(&bucket).send().await.unwrap();
    let name = bucket.clone();
    let large =
        tokio::task::spawn_blocking(move || stretch("segment", 1_300 * MEGABYTE, Some(&name)))
            .await;
    let listed = stack.s3.list_objects_v2().bucket(&bucket).send().await.unwrap();
    let mut stored = 0;
    for object in listed.contents() {
        stored += object.size().unwrap_or_default() as u64;
        let key = object.key().unwrap();
        stack.s3.delete_object().bucket(&bucket).key(key).send().await.unwrap();
    }
    stack.s3.delete_bucket().bucket(&bucket).send().await.unwrap();
    let large = large.unwrap();
    assert_eq!(stored, number(&large, "written_bytes"));
    assert!(number(&large, "records") >= 1_000_000);
    let own = number(&large, "peak_rss_bytes") - number(&large, "program_bytes");
    assert!(own + PROGRAM < MOST, "{own} bytes beside the program");
}
