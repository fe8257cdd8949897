//! Takes a generated Segment file of about so many decoded bytes through the stretch, and prints what memory that took.
//!
//! The file is made and compressed by a thread on the other end of a pipe, and what is written is counted and forgotten: all
//! that is held is what the stretch itself holds, and what the generator does, which is the same whatever the size.
//!
//! ```text
//! stretch 1000000000
//! ```

use std::io::{self, PipeWriter, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use end_to_end::segment::{Expected, SegmentGenerator};
use end_to_end::stretch::settings;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use shared::govern::Pseudonymizer;
use shared::lake::{ObjectSink, ObjectStore};
use shared::transform::{Ended, Stretch, StretchOutcome};

const SEED: u64 = 1;
/// Events that say how long an event is.
const SAMPLE: u64 = 10_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let bytes = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    let Some(bytes) = bytes else {
        eprintln!("usage: stretch <decoded bytes>");
        return ExitCode::FAILURE;
    };
    match measure(bytes) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("stretch: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(bytes: u64) -> Result<serde_json::Value, Failure> {
    let sample = SegmentGenerator::new(SEED).events(SAMPLE).write_to(&mut io::sink())?;
    let events = (bytes * SAMPLE).div_ceil(sample.bytes).max(1);
    let (reader, writer) = io::pipe()?;
    let generating = thread::spawn(move || generate(events, writer));
    let written = Counter::default();
    let outcome = take_through(reader, written.clone())?;
    let expected = generating.join().map_err(|_| "the generator panicked")??;
    let rows: u64 = outcome.datasets.iter().map(|dataset| dataset.rows.committed).sum();
    if rows != expected.committed() {
        return Err(format!("{rows} rows were written, {} expected", expected.committed()).into());
    }
    Ok(json!({
        "records": outcome.records.records,
        "rows": rows,
        "decoded_bytes": outcome.records.decoded_bytes,
        "written_bytes": written.0.load(Ordering::Relaxed),
        "key_bytes": outcome.key_bytes,
        "peak_rss_bytes": peak_rss_bytes()?,
    }))
}

fn generate(events: u64, pipe: PipeWriter) -> io::Result<Expected> {
    let mut encoder = GzEncoder::new(pipe, Compression::fast());
    let expected = SegmentGenerator::new(SEED).events(events).days(2).write_to(&mut encoder)?;
    encoder.finish()?;
    Ok(expected)
}

fn take_through(source: impl Read + Send, store: Counter) -> Result<StretchOutcome, Failure> {
    let mut stretch = Stretch::new(settings(store.clone(), store));
    let mut pseudonymizer = Pseudonymizer::new(b"a key for tests that has 32 bytes");
    match stretch.read(source, &mut pseudonymizer)? {
        Ended::Whole => Ok(stretch.finish()?),
        Ended::Damaged(damage) => Err(damage.into()),
    }
}

/// A store that counts what it is given and keeps nothing.
#[derive(Debug, Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl ObjectStore for Counter {
    fn create(&self, _: &str) -> io::Result<Box<dyn ObjectSink>> {
        Ok(Box::new(CounterSink(self.clone())))
    }

    fn uri(&self, key: &str) -> String {
        key.to_owned()
    }
}

struct CounterSink(Counter);

impl Write for CounterSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectSink for CounterSink {
    fn complete(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The most memory that this process ever had, as Linux counts it.
fn peak_rss_bytes() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no VmHWM in /proc/self/status")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
