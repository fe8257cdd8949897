//! What a commit takes as a table grows: appends one data file after the other to a table of its own on the stack that
//! runs, and prints the median of the last fifty commits at some numbers of commits, beside that of the first fifty.
//!
//! ```text
//! commits 10000
//! ```
//!
//! Only the metadata is real: an append reads no data file, so there is one.

use std::process::ExitCode;
use std::time::Instant;

use end_to_end::orders::{Orders, Partitioning, Version, orders};
use serde_json::json;
use shared::lake::Append;
use uuid::Uuid;

/// Commits that a median is taken of.
const WINDOW: usize = 50;

/// After so many commits a median is told.
const MARKS: [usize; 8] = [50, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];

#[tokio::main]
async fn main() -> ExitCode {
    let Some(commits) = std::env::args().nth(1).and_then(|commits| commits.parse().ok()) else {
        eprintln!("usage: commits NUMBER");
        return ExitCode::from(2);
    };
    let table = Orders::new(Partitioning::Day).await;
    let template = table.file(Version::First, orders(0..10, 0, 10)).await;
    let mut milliseconds: Vec<f64> = Vec::new();
    for number in 1..=commits {
        let mut file = template.clone();
        file.description.path = format!("{}-{number}", template.description.path);
        let request = table.request(&Uuid::now_v7().to_string(), Version::First, &[&file]);
        let started = Instant::now();
        let opened = match table.lake.open(&[&request]).await {
            Ok(Some(opened)) => opened,
            other => return failed(number, &format!("{other:?}")),
        };
        let appends = [Append { request: &request, rewritten: None }];
        if let Err(error) = opened.append(&appends, None).await {
            return failed(number, &error.to_string());
        }
        milliseconds.push(started.elapsed().as_secs_f64() * 1_000.0);
        if MARKS.contains(&number) || number == commits {
            let last = &milliseconds[milliseconds.len().saturating_sub(WINDOW)..];
            let (median, slowest) = of(last);
            println!(
                "{}",
                json!({"commits": number, "median_milliseconds": median, "slowest_milliseconds": slowest})
            );
        }
    }
    ExitCode::SUCCESS
}

fn failed(number: usize, problem: &str) -> ExitCode {
    eprintln!("commits: commit {number}: {problem}");
    ExitCode::FAILURE
}

/// The median and the largest, to a tenth.
fn of(values: &[f64]) -> (f64, f64) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    (tenth(values[values.len() / 2]), tenth(values[values.len() - 1]))
}
