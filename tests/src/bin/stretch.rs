//! Takes a generated Segment file of about so many decoded bytes through the stretch, and prints what memory that took.
//!
//! The file is made and compressed by a thread on the other end of a pipe. What is written goes to a bucket as it does in the
//! function, or is counted and forgotten where none is given: all that is held is what the stretch itself holds, and what the
//! generator does, which is the same whatever the size.
//!
//! ```text
//! stretch 1000000000 [bucket]
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
use shared::aws::{Bucket, load_config, s3_client};
use shared::govern::Pseudonymizer;
use shared::lake::{ObjectSink, ObjectStore};
use shared::transform::{Ended, Stretch, StretchOutcome};

const SEED: u64 = 1;
/// Events that say how long an event is.
const SAMPLE: u64 = 10_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let bytes = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    let Some(bytes) = bytes else {
        eprintln!("usage: stretch <decoded bytes> [<bucket>]");
        return ExitCode::FAILURE;
    };
    let store: Arc<dyn ObjectStore> = match std::env::args().nth(2) {
        Some(bucket) => Arc::new(Bucket::new(s3_client(&load_config().await), bucket)),
        None => Arc::new(Nowhere),
    };
    let measured = tokio::task::spawn_blocking(move || measure(bytes, store)).await;
    match measured.unwrap_or_else(|panic| Err(panic.into())) {
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

fn measure(bytes: u64, store: Arc<dyn ObjectStore>) -> Result<serde_json::Value, Failure> {
    let sample = SegmentGenerator::new(SEED).events(SAMPLE).write_to(&mut io::sink())?;
    let events = (bytes * SAMPLE).div_ceil(sample.bytes).max(1);
    let (reader, writer) = io::pipe()?;
    let generating = thread::spawn(move || generate(events, writer));
    let written = Arc::new(AtomicU64::new(0));
    let outcome = take_through(reader, &Counter { store, written: written.clone() })?;
    let expected = generating.join().map_err(|_| "the generator panicked")??;
    let rows: u64 = outcome.datasets.iter().map(|dataset| dataset.rows.committed).sum();
    if rows != expected.committed() {
        return Err(format!("{rows} rows were written, {} expected", expected.committed()).into());
    }
    Ok(json!({
        "records": outcome.records.records,
        "rows": rows,
        "decoded_bytes": outcome.records.decoded_bytes,
        "written_bytes": written.load(Ordering::Relaxed),
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

fn take_through(source: impl Read + Send, store: &Counter) -> Result<StretchOutcome, Failure> {
    let mut stretch = Stretch::new(settings(store.clone(), store.clone()));
    let mut pseudonymizer = Pseudonymizer::new(b"a key for tests that has 32 bytes");
    match stretch.read(source, &mut pseudonymizer)? {
        Ended::Whole => Ok(stretch.finish()?),
        Ended::Damaged(damage) => Err(damage.into()),
    }
}

/// A store that counts what goes to another.
#[derive(Clone)]
struct Counter {
    store: Arc<dyn ObjectStore>,
    written: Arc<AtomicU64>,
}

impl ObjectStore for Counter {
    fn create(&self, key: &str) -> io::Result<Box<dyn ObjectSink>> {
        let sink = self.store.create(key)?;
        Ok(Box::new(CounterSink { sink, written: self.written.clone() }))
    }

    fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }
}

struct CounterSink {
    sink: Box<dyn ObjectSink>,
    written: Arc<AtomicU64>,
}

impl Write for CounterSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl ObjectSink for CounterSink {
    fn complete(&mut self) -> io::Result<()> {
        self.sink.complete()
    }
}

/// A store that keeps nothing.
struct Nowhere;

impl ObjectStore for Nowhere {
    fn create(&self, _: &str) -> io::Result<Box<dyn ObjectSink>> {
        Ok(Box::new(Self))
    }

    fn uri(&self, key: &str) -> String {
        key.to_owned()
    }
}

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectSink for Nowhere {
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
