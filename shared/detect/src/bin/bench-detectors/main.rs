//! `bench-detectors`: the detectors against those of others, on fleets made from seeds, as Markdown tables.

mod baselines;
mod fleet;
mod hourly;
mod incident;
mod other;
mod producers;
mod random;
mod score;

use std::ops::RangeInclusive;
use std::process::ExitCode;

use baselines::Build;
use hourly::Episodes;
use producers::Deadlines;
use score::Score;

const USAGE: &str = "usage: bench-detectors [--seeds verification|tuning] [--fleet default|other] [--part daily|hourly|freshness]...

The detectors were tuned on the seeds 1 to 20 of the default fleet alone; the verification seeds are 1001 to 1010.";

/// The seeds that the detectors were tuned on, and those that were kept for the end.
const TUNING: RangeInclusive<u64> = 1..=20;
const VERIFICATION: RangeInclusive<u64> = 1001..=1010;
/// How many series a seed has.
const DAILY: usize = 300;
const HOURLY: usize = 20;

/// What is asked for.
struct Request {
    seeds: RangeInclusive<u64>,
    is_other: bool,
    parts: Vec<String>,
}

fn main() -> ExitCode {
    let Some(request) = request(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let asked =
        |part: &str| request.parts.is_empty() || request.parts.iter().any(|asked| asked == part);
    if asked("daily") {
        daily(&request);
    }
    // The second fleet has daily series alone.
    if asked("hourly") && !request.is_other {
        hourly(&request.seeds);
    }
    if asked("freshness") && !request.is_other {
        freshness(&request.seeds);
    }
    ExitCode::SUCCESS
}

fn request(mut arguments: impl Iterator<Item = String>) -> Option<Request> {
    let mut request = Request { seeds: VERIFICATION, is_other: false, parts: Vec::new() };
    while let Some(option) = arguments.next() {
        let value = arguments.next()?;
        match (option.as_str(), value.as_str()) {
            ("--seeds", "verification") => request.seeds = VERIFICATION,
            ("--seeds", "tuning") => request.seeds = TUNING,
            ("--fleet", "default") => request.is_other = false,
            ("--fleet", "other") => request.is_other = true,
            ("--part", "daily" | "hourly" | "freshness") => request.parts.push(value),
            _ => return None,
        }
    }
    Some(request)
}

fn daily(request: &Request) {
    println!("{}", Score::head());
    for (name, build) in baselines::all() {
        println!("{}", score(build, &request.seeds, request.is_other).line(name));
    }
    println!();
}

fn score(build: Build, seeds: &RangeInclusive<u64>, is_other: bool) -> Score {
    let mut score = Score::default();
    for seed in seeds.clone() {
        let fleet = if is_other { other::daily(seed, DAILY) } else { fleet::daily(seed, DAILY) };
        score.run(build, &fleet);
    }
    score
}

fn hourly(seeds: &RangeInclusive<u64>) {
    println!("{}", Episodes::head());
    for (name, build) in baselines::of_hours() {
        let mut episodes = Episodes::default();
        for seed in seeds.clone() {
            episodes.run(build, &hourly::hourly(seed, HOURLY));
        }
        println!("{}", episodes.line(name));
    }
    println!();
}

fn freshness(seeds: &RangeInclusive<u64>) {
    println!("{}", Deadlines::head());
    for producer in producers::all() {
        let mut deadlines = Deadlines::default();
        for seed in seeds.clone() {
            producer.run(seed, &mut deadlines);
        }
        println!("{}", deadlines.line(producer.name));
    }
}

#[cfg(test)]
mod tests;
