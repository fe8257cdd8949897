//! What a commit takes as a table grows: appends one data file after the other to a table of its own on the stack that
//! runs. At some numbers of commits it prints, of the last fifty, the median of the time from the first call to the answer of the
//! last one, and the processor time of this process: what a commit takes beyond the calls themselves. Beside them stand how
//! many snapshots and manifests the table knows then, and how large its metadata is.
//!
//! ```text
//! cargo run --release -p end-to-end --bin commits 10000
//! ```
//!
//! Only the metadata is real: an append reads no data file, so there is one.

use std::process::ExitCode;
use std::time::Instant;

use end_to_end::lake::rust_table;
use end_to_end::orders::{OrderFile, Orders, Partitioning, Version, orders};
use end_to_end::processor::processor_seconds;
use serde_json::{Value, json};
use shared::lake::Append;
use uuid::Uuid;

/// Commits that a median is taken of.
const WINDOW: usize = 50;

/// After so many commits a median is told.
const MARKS: [usize; 9] = [1, 50, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];

type Failure = Box<dyn std::error::Error>;

/// What one commit took, in milliseconds.
struct Took {
    wall: f64,
    processor: f64,
}

// One thread, so that what it computes is all that is computed.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(commits) = std::env::args().nth(1).and_then(|commits| commits.parse().ok()) else {
        eprintln!("usage: commits NUMBER");
        return ExitCode::from(2);
    };
    match measure(commits).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("commits: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(commits: usize) -> Result<(), Failure> {
    let table = Orders::new(Partitioning::Day).await;
    let template = table.file(Version::First, orders(0..10, 0, 10)).await;
    let mut took = Vec::new();
    for number in 1..=commits {
        let commit = commit(&table, &template, number).await;
        took.push(commit.map_err(|error| format!("commit {number}: {error}"))?);
        if MARKS.contains(&number) || number == commits {
            println!("{}", report(&table, &took).await?);
        }
    }
    Ok(())
}

async fn commit(table: &Orders, template: &OrderFile, number: usize) -> Result<Took, Failure> {
    let mut file = template.clone();
    file.description.path = format!("{}-{number}", template.description.path);
    let request = table.request(&Uuid::now_v7().to_string(), Version::First, &[&file]);
    let (started, computed) = (Instant::now(), processor_seconds()?);
    let opened = table.lake.open(&[&request]).await?.ok_or("there is no table")?;
    opened.append(&[Append { request: &request, rewritten: None }], None).await?;
    Ok(Took {
        wall: started.elapsed().as_secs_f64() * 1_000.0,
        processor: (processor_seconds()? - computed) * 1_000.0,
    })
}

async fn report(table: &Orders, took: &[Took]) -> Result<Value, Failure> {
    let last = &took[took.len().saturating_sub(WINDOW)..];
    let (wall, slowest) = median_and_most(last.iter().map(|one| one.wall).collect());
    let (processor, _) = median_and_most(last.iter().map(|one| one.processor).collect());
    let found = rust_table(&table.table()).await;
    let metadata = found.metadata();
    let snapshot = metadata.current_snapshot().ok_or("there is no snapshot")?;
    let list = found.manifest_list_reader(snapshot).load().await?;
    Ok(json!({
        "commits": took.len(),
        "median_milliseconds": wall,
        "median_processor_milliseconds": processor,
        "slowest_milliseconds": slowest,
        "snapshots": metadata.snapshots().len(),
        "manifests": list.entries().len(),
        "metadata_bytes": serde_json::to_vec(metadata)?.len(),
    }))
}

/// To a tenth.
fn median_and_most(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    (tenth(values[values.len() / 2]), tenth(values[values.len() - 1]))
}
