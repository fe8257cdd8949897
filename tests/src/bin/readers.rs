//! How the JSON of Segment is best read: the scanner of `shared::govern` beside other readers, in one run, as ratios.
//!
//! Each reader goes over the same generated messages, refuses what is no JSON, and finds the values at every path that a contract
//! names; how many each has found is printed with it. The scanner also lists the members that no contract names, which the others do not.
//!
//! ```text
//! cargo run --release -p end-to-end --bin readers
//! ```

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use end_to_end::segment::SegmentGenerator;
use shared::govern::{Plan, Scanner};
use shared::transform::plan;

const EVENTS: u64 = 40_000;
const ROUNDS: usize = 7;

type Failure = Box<dyn std::error::Error>;
type Reader<'a> = (&'static str, Box<dyn FnMut(&[&[u8]]) -> Result<u64, Failure> + 'a>);

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("readers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failure> {
    let mut bytes = Vec::new();
    SegmentGenerator::new(1).events(EVENTS).write_to(&mut bytes)?;
    let lines: Vec<&[u8]> =
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let source = segment_transform::source();
    let plan = Arc::new(plan(source.router.paths(), &source.contracts));
    let paths: Vec<&str> = (0..plan.slot_count()).map(|slot| plan.path(slot)).collect();
    let mut readers = readers(&plan, &paths);
    let mut seconds = vec![Vec::new(); readers.len()];
    let mut found = vec![0; readers.len()];
    // Round by round, so that a slow moment of the machine is everybody's.
    for _ in 0..ROUNDS {
        for (position, (_, read)) in readers.iter_mut().enumerate() {
            let started = Instant::now();
            found[position] = read(&lines)?;
            seconds[position].push(started.elapsed());
        }
    }
    println!("{} messages, {} bytes, {} paths", lines.len(), bytes.len(), paths.len());
    let fastest = median(&mut seconds[0]);
    for (position, (name, _)) in readers.iter().enumerate() {
        let median = median(&mut seconds[position]);
        println!(
            "{name:<44} {:>6.0} MB/s  {:>5.2} times the scanner's time  {} values",
            bytes.len() as f64 / 1e6 / median.as_secs_f64(),
            median.as_secs_f64() / fastest.as_secs_f64(),
            found[position]
        );
    }
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn readers<'a>(plan: &Arc<Plan>, paths: &'a [&'a str]) -> Vec<Reader<'a>> {
    let mut scanner = Scanner::new(plan.clone());
    let slots = paths.len();
    let scan = move |lines: &[&[u8]]| {
        let mut found = 0;
        for line in lines {
            let scanned = scanner.scan(line)?;
            found += (0..slots).filter(|slot| scanned.has_value(*slot)).count() as u64;
        }
        Ok(found)
    };
    let mut tree = sonic_rs::PointerTree::new();
    for path in paths {
        tree.add_path(path.split('.'));
    }
    let get_many = move |lines: &[&[u8]]| {
        let mut found = 0;
        for line in lines {
            // It refuses a record that has null where a path goes on: `"app":null` for `context.app.name`.
            let Ok(values) = sonic_rs::get_many(str::from_utf8(line)?, &tree) else { continue };
            let has_value = |value: &Option<sonic_rs::LazyValue<'_>>| {
                value.as_ref().is_some_and(|value| value.as_raw_str() != "null")
            };
            found += values.iter().filter(|value| has_value(value)).count() as u64;
        }
        Ok(found)
    };
    let mut buffers = simd_json::Buffers::default();
    let mut copy = Vec::new();
    let tape = move |lines: &[&[u8]]| {
        let mut found = 0;
        for line in lines {
            copy.clear();
            copy.extend_from_slice(line);
            let tape = simd_json::to_tape_with_buffers(&mut copy, &mut buffers)?;
            found += on_tape(&tape, paths);
        }
        Ok(found)
    };
    let whole = move |lines: &[&[u8]]| {
        let mut found = 0;
        for line in lines {
            let value: serde_json::Value = serde_json::from_slice(line)?;
            let at = |path: &&&str| {
                let value = path.split('.').try_fold(&value, |value, name| value.get(name));
                value.is_some_and(|value| !value.is_null())
            };
            found += paths.iter().filter(at).count() as u64;
        }
        Ok(found)
    };
    vec![
        ("the scanner", Box::new(scan)),
        ("sonic-rs get_many", Box::new(get_many)),
        ("simd-json, as a tape", Box::new(tape)),
        ("serde_json, as a value", Box::new(whole)),
    ]
}

fn on_tape(tape: &simd_json::Tape<'_>, paths: &[&str]) -> u64 {
    use simd_json::prelude::TypedScalarValue;
    let mut found = 0;
    for path in paths {
        let value = path.split('.').try_fold(tape.as_value(), |value, name| value.get(name));
        found += u64::from(value.is_some_and(|value| !value.is_null()));
    }
    found
}
