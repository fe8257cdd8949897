//! A file through the stretch of river on this machine.
//!
//! [`dry_run`] takes a local file through the decode, govern and Parquet code that the transforms run, with stores that
//! are folders: it is how the author of a contract tries a file. What needs AWS is not done and not pretended: nothing
//! is committed, repeats in other inputs are not looked for, and references to other tables are not looked up.

mod arguments;
mod memory;
mod progress;
mod source;
mod summary;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use chrono::{DateTime, Utc};
use shared::govern::Pseudonymizer;
use shared::lake::{Folder, Nowhere, ObjectStore};
use shared::run::InputIdentity;
use shared::transform::{Ended, Origin, Stretch, StretchError, StretchSettings, plan};

pub use arguments::{Arguments, Command, USAGE};
pub use memory::peak_memory_bytes;
pub use progress::FileReader;
pub use source::{SourceName, UnknownSource};
pub use summary::{ColumnSummary, DatasetSummary, Summary};

/// The bucket that a file is said to be in.
const BUCKET: &str = "dry-run";

/// Pseudonyms of dry runs are no secret, and equal none of a deployment.
const PUBLIC_KEY: &[u8] = b"the key of dry runs, known to all";

/// Why a file cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// A file cannot be read.
    #[error("{file} cannot be read: {source}", file = file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Such a file is passed by: its name says that it holds no data.
    #[error("{file} holds no data by its key {key}; --as gives it another one", file = file.display())]
    HoldsNoData {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
    },
    /// Data files or quarantined records cannot be written.
    #[error(transparent)]
    Stretch(#[from] StretchError),
}

/// Takes files through the stretch, so many at the same time; what became of each, in their order.
pub fn dry_run_all(files: &[Arguments], threads: usize) -> Vec<Result<Summary, DryRunError>> {
    let next = AtomicUsize::new(0);
    let mut done = Vec::new();
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..threads.clamp(1, files.len().max(1)) {
            workers.push(scope.spawn(|| {
                let mut done = Vec::new();
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    done.push((file.file.clone(), dry_run(file)));
                }
                done
            }));
        }
        for worker in workers {
            match worker.join() {
                Ok(of_worker) => done.extend(of_worker),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    done.sort_by_key(|(done, _)| files.iter().position(|file| file.file == *done));
    done.into_iter().map(|(_, result)| result).collect()
}

/// Takes a file through the stretch, and tells what became of it.
pub fn dry_run(arguments: &Arguments) -> Result<Summary, DryRunError> {
    let started = Instant::now();
    let path = &arguments.file;
    let unreadable = |source| DryRunError::Unreadable { file: path.clone(), source };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let key = arguments.key.clone().unwrap_or_else(|| arguments.source.key_of(path));
    let written_at = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let arrived_at = arguments.arrived_at.unwrap_or_else(|| written_at.into());
    let settings = settings(arguments, &key, arrived_at)?;
    let mut pseudonymizer = Pseudonymizer::new(&pseudonym_key(arguments.key_file.as_deref())?);

    let mut reader = FileReader::new(file, metadata.len());
    let mut stretch = Stretch::new(settings);
    let ended = stretch.read(&mut reader, &mut pseudonymizer)?;
    let counted = reader.finish().map_err(unreadable)?;
    let mut summary = Summary {
        source: arguments.source.name(),
        file: path.display().to_string(),
        key,
        checksum: counted.checksum,
        records: stretch.records(),
        quarantined_by_reason: BTreeMap::new(),
        quarantine: None,
        datasets: BTreeMap::new(),
        error: None,
        seconds: 0.0,
        peak_memory_bytes: None,
    };
    summary.records.bytes = counted.bytes;
    match ended {
        Ended::Whole => summary.add(stretch.finish()?),
        Ended::Damaged(damage) => summary.error = Some(damage.to_string()),
    }
    summary.seconds = started.elapsed().as_secs_f64();
    summary.peak_memory_bytes = peak_memory_bytes();
    Ok(summary)
}

fn settings(
    arguments: &Arguments,
    key: &str,
    arrived_at: DateTime<Utc>,
) -> Result<StretchSettings, DryRunError> {
    let source = arguments.source.source();
    if !(source.holds_data)(key) {
        return Err(DryRunError::HoldsNoData { file: arguments.file.clone(), key: key.to_owned() });
    }
    let store = |folder: &str| -> Arc<dyn ObjectStore> {
        match &arguments.out {
            Some(out) => Arc::new(Folder::new(out.join(folder))),
            None => Arc::new(Nowhere),
        }
    };
    // The same in every dry run of a file: the last one replaces what the one before has written.
    let input_token = InputIdentity::path_token(BUCKET, key, "");
    Ok(StretchSettings {
        plan: Arc::new(plan(source.router.paths(), &source.contracts)),
        contracts: source.contracts,
        format: source.format,
        router: source.router,
        lake: store(""),
        quarantine: store("quarantine"),
        database_prefix: String::new(),
        quarantine_key: format!("{input_token}.ndjson.gz"),
        input_token,
        attempt: BUCKET.to_owned(),
        chosen: None,
        counts_statistics: true,
        origin: Origin {
            bucket: BUCKET.to_owned(),
            key: key.to_owned(),
            version_id: None,
            arrived_at,
        },
    })
}

fn pseudonym_key(file: Option<&Path>) -> Result<Vec<u8>, DryRunError> {
    let Some(file) = file else { return Ok(PUBLIC_KEY.to_vec()) };
    std::fs::read(file).map_err(|source| DryRunError::Unreadable { file: file.to_owned(), source })
}
