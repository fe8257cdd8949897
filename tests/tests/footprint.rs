//! Memory does not grow with the file: a file of 1 GB and one of 10 MB have the same peak, apart from the keys of
//! de-duplication. Each is taken through the stretch by a process of its own (`src/bin/stretch.rs`), for a peak is a
//! process's and is never given back.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const MEGABYTE: u64 = 1_000_000;

fn stretch(bytes: u64) -> Value {
    let run = Command::new(env!("CARGO_BIN_EXE_stretch")).arg(bytes.to_string()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let report = serde_json::from_slice(&run.stdout).unwrap();
    println!("{report}");
    report
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("{name} is no number in {report}"))
}

#[test]
fn memory_does_not_grow_with_the_file() {
    if !Path::new("/proc/self/status").exists() {
        println!("skipped: the peak of a process is read from /proc, which this system does not have");
        return;
    }
    let (small, large) = (stretch(10 * MEGABYTE), stretch(1_000 * MEGABYTE));
    assert!(number(&large, "records") > 90 * number(&small, "records"));
}
