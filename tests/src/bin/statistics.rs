//! What counting costs: the same bytes through the same stretch with and without the statistics of runs, in turns, in one
//! process. Prints the medians of the processor time and their ratio; and the ratio of the fastest rounds, for what else the
//! machine does can only make a round slower.
//!
//! ```text
//! statistics segment|database 100000000 [rounds]
//! ```

use std::io;
use std::process::ExitCode;

use end_to_end::processor::processor_seconds;
use end_to_end::stretch::{GeneratedInput, settings_of};
use serde_json::json;
use shared::govern::Pseudonymizer;
use shared::lake::Nowhere;
use shared::transform::{Ended, Stretch};

/// Records that say how long a record is.
const SAMPLE: u64 = 10_000;
const ROUNDS: usize = 11;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let bytes = arguments.get(1).and_then(|bytes| bytes.parse().ok());
    let rounds = arguments.get(2).and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    let (Some(name), Some(bytes)) = (arguments.first(), bytes) else {
        eprintln!("usage: statistics segment|database <decoded bytes> [<rounds>]");
        return ExitCode::FAILURE;
    };
    match measure(name, bytes, rounds) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("statistics: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(name: &str, bytes: u64, rounds: usize) -> Result<serde_json::Value, Failure> {
    let unknown = || format!("{name} is neither segment nor database");
    let input = GeneratedInput::named(name).ok_or_else(unknown)?;
    let sample = (input.generate)(SAMPLE, &mut io::sink())?;
    let mut decoded = Vec::new();
    let generated = (input.generate)((bytes * SAMPLE).div_ceil(sample.bytes).max(1), &mut decoded)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    // The first round warms up. Of each later pair either comes first as often.
    for round in 0..=rounds {
        for counts in [round % 2 == 0, round % 2 == 1] {
            let seconds = take_through(name, &decoded, counts, generated.rows)?;
            if round > 0 {
                if counts { &mut with } else { &mut without }.push(seconds);
            }
        }
    }
    let of_fastest = fastest(&with) / fastest(&without);
    let (with, without) = (median(with), median(without));
    Ok(json!({
        "source": name,
        "rows": generated.rows,
        "decoded_bytes": decoded.len(),
        "rounds": rounds,
        "seconds_with": with,
        "seconds_without": without,
        "nanoseconds_a_row": (with - without) * 1e9 / generated.rows as f64,
        "ratio": with / without,
        "ratio_of_fastest": of_fastest,
    }))
}

/// Processor time of the stretch in seconds.
fn take_through(name: &str, decoded: &[u8], counts: bool, rows: u64) -> Result<f64, Failure> {
    let input = GeneratedInput::named(name).ok_or("no such input")?;
    // What is not compressed need not have the key of what is.
    let mut settings = settings_of(input.source, input.key, Nowhere, Nowhere);
    settings.counts_statistics = counts;
    let mut pseudonymizer = Pseudonymizer::new(b"a key for tests that has 32 bytes");
    let start = processor_seconds()?;
    let mut stretch = Stretch::new(settings);
    if let Ended::Damaged(damage) = stretch.read(decoded, &mut pseudonymizer)? {
        return Err(damage.into());
    }
    let outcome = stretch.finish()?;
    let seconds = processor_seconds()? - start;
    let written: u64 = outcome.datasets.iter().map(|dataset| dataset.rows.committed).sum();
    if written != rows {
        return Err(format!("{written} rows were written, {rows} expected").into());
    }
    Ok(seconds)
}

fn fastest(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::INFINITY, f64::min)
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}
