//! Memory does not grow with the file: a file of a million events (1.3 GB) and one of 10 MB have the same peak, apart from the keys of
//! de-duplication and the row groups, which a file must be large enough to fill. Each is taken through the stretch by a process
//! of its own (`src/bin/stretch.rs`), for a peak is a process's and is never given back.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const MEGABYTE: u64 = 1_000_000;
/// What a row's key of de-duplication may take.
const KEY_BYTES: u64 = 16;
/// What is there once, however large the file: 16 MB of unfinished row groups, a zstd compressor for each column of each open
/// file that has filled a page (600 of them, 50 KB each), and as much again for the holes between them. A file of 10 MB fills
/// next to none of it, one of 200 MB most.
const FILLED: u64 = 44 * MEGABYTE;
const FILLED_BEYOND_200_MB: u64 = 18 * MEGABYTE;
/// A million events within this, whatever their file's size.
const MOST: u64 = 128 * MEGABYTE;

fn stretch(bytes: u64) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stretch"));
    // As in template.yaml.
    command.env("MALLOC_MMAP_THRESHOLD_", "65536");
    let run = command.arg(bytes.to_string()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let report = serde_json::from_slice(&run.stdout).unwrap();
    println!("{report}");
    report
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
    if !Path::new("/proc/self/status").exists() {
        println!(
            "skipped: the peak of a process is read from /proc, which this system does not have"
        );
        return;
    }
    let [small, medium, large] = [10, 200, 1_300].map(|megabytes| stretch(megabytes * MEGABYTE));
    assert_no_growth(&small, &large, FILLED);
    assert_no_growth(&medium, &large, FILLED_BEYOND_200_MB);
    assert!(number(&large, "key_bytes") <= KEY_BYTES * number(&large, "rows"));
    assert!(number(&large, "records") >= 1_000_000);
    assert!(number(&large, "peak_rss_bytes") < MOST);
}
