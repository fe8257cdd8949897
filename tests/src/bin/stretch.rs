//! Takes a generated file of about so many decoded bytes through the stretch, and prints what memory that took: gzip NDJSON of
//! Segment, or a full load of orders as the Database Migration Service writes it.
//!
//! The file is made and compressed by a thread on the other end of a pipe. What is written goes to a bucket as it does in the
//! function, or is counted and forgotten where none is given: all that is held is what the stretch itself holds, and what the
//! generator does, which is the same whatever the size.
//!
//! ```text
//! stretch segment|database 1000000000 [bucket]
//! ```

use std::io::{self, PipeWriter, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use end_to_end::stretch::{Generated, GeneratedInput, settings_of};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use shared::aws::{Bucket, load_config, s3_client};
use shared::govern::Pseudonymizer;
use shared::lake::{Nowhere, ObjectSink, ObjectStore};
use shared::transform::{Ended, Stretch, StretchOutcome, StretchSettings};

/// Records that say how long a record is.
const SAMPLE: u64 = 10_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (source, bytes) = match arguments.as_slice() {
        [source, bytes, ..] => (source.as_str(), bytes.parse().ok()),
        _ => ("", None),
    };
    let (Some(input), Some(bytes)) = (GeneratedInput::named(source), bytes) else {
        eprintln!("usage: stretch segment|database <decoded bytes> [<bucket>]");
        return ExitCode::FAILURE;
    };
    let store: Arc<dyn ObjectStore> = match arguments.get(2) {
        Some(bucket) => Arc::new(Bucket::new(s3_client(&load_config().await), bucket.clone())),
        None => Arc::new(Nowhere),
    };
    let measured = tokio::task::spawn_blocking(move || measure(input, bytes, store)).await;
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

fn measure(
    input: GeneratedInput,
    bytes: u64,
    store: Arc<dyn ObjectStore>,
) -> Result<serde_json::Value, Failure> {
    let GeneratedInput { source, key, generate } = input;
    let sample = generate(SAMPLE, &mut io::sink())?;
    let records = (bytes * SAMPLE).div_ceil(sample.bytes).max(1);
    let (reader, writer) = io::pipe()?;
    let generating = thread::spawn(move || compressed(generate, records, writer));
    let written = Arc::new(AtomicU64::new(0));
    let store = Counter { store, written: written.clone() };
    let outcome = take_through(reader, settings_of(source, key, store.clone(), store))?;
    let expected = generating.join().map_err(|_| "the generator panicked")??;
    let rows: u64 = outcome.datasets.iter().map(|dataset| dataset.rows.committed).sum();
    if rows != expected.rows {
        return Err(format!("{rows} rows were written, {} expected", expected.rows).into());
    }
    Ok(json!({
        "records": outcome.records.records,
        "rows": rows,
        "decoded_bytes": outcome.records.decoded_bytes,
        "written_bytes": written.load(Ordering::Relaxed),
        "key_bytes": outcome.key_bytes,
        "peak_rss_bytes": memory_bytes("VmHWM")?,
        // The program itself, as far as it was touched. In a build for tests it is larger than in a function.
        "program_bytes": memory_bytes("RssFile")?,
    }))
}

fn compressed(
    generate: fn(u64, &mut dyn Write) -> io::Result<Generated>,
    records: u64,
    pipe: PipeWriter,
) -> io::Result<Generated> {
    let mut encoder = GzEncoder::new(pipe, Compression::fast());
    let generated = generate(records, &mut encoder)?;
    encoder.finish()?;
    Ok(generated)
}

fn take_through(
    source: impl Read + Send,
    settings: StretchSettings,
) -> Result<StretchOutcome, Failure> {
    let mut stretch = Stretch::new(settings);
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

/// Bytes of memory that this process has, by the name of the line in which Linux tells of them.
fn memory_bytes(name: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned());
    let value = status.lines().find_map(value).ok_or(format!("no {name} in /proc/self/status"))?;
    let kilobytes: u64 = value.trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
