//! One input from its bytes to complete files: pure but for the stores that it writes to.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Router;
use super::quarantine::{Origin, QuarantineWriter};
use crate::aws::SourceFailed;
use crate::contract::Contract;
use crate::decode::{DecodeError, Line, LineReader, open};
use crate::event::DataFileDescription;
use crate::govern::{
    DatasetGovernor, Plan, Pseudonymizer, Reason, Rejection, ScanError, Scanner, Verdict,
};
use crate::lake::{DatasetWriter, ObjectStore, WriteError};
use crate::run::{ColumnStatistics, EventTimeRange, RecordCounts, RowCounts};

/// Unfinished row groups of all datasets together. With parts on their way to S3 and the keys of a
/// million rows, a function stays within 128 MB.
const ROW_GROUPS_BYTES: usize = 16 * 1024 * 1024;

/// How many records pass between two looks at the memory in use.
const RECORDS_BETWEEN_LOOKS: u64 = 4_096;

/// What a stretch works with.
#[derive(Clone)]
pub struct StretchSettings {
    /// The contracts, in the order that the router knows.
    pub contracts: Vec<&'static Contract>,
    /// Their plan.
    pub plan: Arc<Plan>,
    /// Says where a record belongs.
    pub router: Arc<dyn Router>,
    /// Takes data files.
    pub lake: Arc<dyn ObjectStore>,
    /// Takes quarantined records.
    pub quarantine: Arc<dyn ObjectStore>,
    /// Prefix of the Glue databases' names.
    pub database_prefix: String,
    /// Names the input in paths, the same in every attempt.
    pub input_token: String,
    /// Names the attempt.
    pub attempt: String,
    /// Key of the quarantine object.
    pub quarantine_key: String,
    /// Where the input stands.
    pub bucket: String,
    /// Where the input stands.
    pub key: String,
    /// Where the input stands.
    pub version_id: Option<String>,
}

/// Why a stretch was given up.
#[derive(Debug, thiserror::Error)]
pub enum StretchError {
    /// The input's source failed.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Data files cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Quarantine cannot be written. A retry may help.
    #[error("writing quarantine object {key} failed: {source}")]
    Quarantine {
        /// The object's key.
        key: String,
        /// What the store says.
        source: io::Error,
    },
}

/// How the reading of an input ended.
#[derive(Debug)]
pub enum Ended {
    /// At its end.
    Whole,
    /// It cannot be read further. Nothing of it may be committed.
    Damaged(DecodeError),
}

/// What became of an input.
#[derive(Debug)]
pub struct StretchOutcome {
    /// The counts of the input.
    pub records: RecordCounts,
    /// Records that no dataset took, by reason.
    pub reasons: BTreeMap<String, u64>,
    /// The quarantine object, if there is one.
    pub quarantine: Option<String>,
    /// Whether a record was too long to hold, so that the whole input must be kept.
    pub has_too_long: bool,
    /// One entry for each dataset that a record was routed to.
    pub datasets: Vec<DatasetOutcome>,
    /// Bytes that the de-duplication keys took.
    pub key_bytes: usize,
}

/// What became of an input in one dataset.
#[derive(Debug)]
pub struct DatasetOutcome {
    /// The contract.
    pub contract: &'static Contract,
    /// The counts; `committed` are the rows in the data files.
    pub rows: RowCounts,
    /// Quarantined rows by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Members that were no column.
    pub unknown_members: BTreeMap<String, u64>,
    /// The files.
    pub data_files: Vec<DataFileDescription>,
    /// What was counted of each column.
    pub columns: Vec<ColumnStatistics>,
    /// The rows' event times.
    pub event_time: Option<EventTimeRange>,
}

/// An input on its way.
pub struct Stretch {
    settings: StretchSettings,
    scanner: Scanner,
    governors: Vec<DatasetGovernor>,
    writers: Vec<Option<DatasetWriter>>,
    quarantine: QuarantineWriter,
    records: RecordCounts,
    reasons: BTreeMap<Reason, u64>,
    has_too_long: bool,
    routed_to: Vec<usize>,
}

impl Stretch {
    /// Begins with an input.
    pub fn new(settings: StretchSettings) -> Self {
        let mut governors = Vec::with_capacity(settings.contracts.len());
        for contract in &settings.contracts {
            governors.push(DatasetGovernor::new(
                contract,
                settings.plan.clone(),
                settings.router.paths(),
            ));
        }
        let origin = Origin {
            bucket: settings.bucket.clone(),
            key: settings.key.clone(),
            version_id: settings.version_id.clone(),
        };
        let quarantine = QuarantineWriter::new(
            settings.quarantine.clone(),
            settings.quarantine_key.clone(),
            origin,
        );
        Self {
            scanner: Scanner::new(settings.plan.clone()),
            writers: governors.iter().map(|_| None).collect(),
            governors,
            quarantine,
            records: RecordCounts::default(),
            reasons: BTreeMap::new(),
            has_too_long: false,
            routed_to: Vec::new(),
            settings,
        }
    }

    /// Reads an input to its end, or to where it breaks off.
    pub fn read(
        &mut self,
        source: impl Read + Send,
        pseudonymizer: &mut Pseudonymizer,
    ) -> Result<Ended, StretchError> {
        let (compression, decoded) = match open(source) {
            Ok(opened) => opened,
            Err(source) => return Err(DecodeError::Source { decoded: 0, source }.into()),
        };
        let mut lines = LineReader::new(decoded);
        loop {
            let line = match lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(source) if SourceFailed::caused(&source) => {
                    return Err(DecodeError::Source { decoded: lines.offset(), source }.into());
                }
                Err(source) => {
                    self.records.decoded_bytes = lines.offset();
                    let damage =
                        DecodeError::Damaged { compression, decoded: lines.offset(), source };
                    return Ok(Ended::Damaged(damage));
                }
            };
            match line {
                Line::Record { number, bytes } => self.record(number, bytes, pseudonymizer)?,
                Line::TooLong { number, offset, length } => {
                    self.too_long(number, offset, length)?;
                }
            }
        }
        self.records.decoded_bytes = lines.offset();
        Ok(Ended::Whole)
    }

    /// Completes every file and tells what became of the input.
    pub fn finish(self) -> Result<StretchOutcome, StretchError> {
        let key_bytes = self.governors.iter().map(DatasetGovernor::key_bytes).sum();
        let mut datasets = Vec::new();
        for (governor, writer) in self.governors.iter().zip(self.writers) {
            if governor.counts().routed > 0 {
                datasets.push(finish_dataset(governor, writer)?);
            }
        }
        let quarantine = self.quarantine.finish();
        let key = self.settings.quarantine_key;
        let quarantine = quarantine.map_err(|source| StretchError::Quarantine { key, source })?;
        Ok(StretchOutcome {
            records: self.records,
            reasons: by_name(&self.reasons),
            quarantine,
            has_too_long: self.has_too_long,
            datasets,
            key_bytes,
        })
    }

    /// The counts of the input so far.
    pub fn records(&self) -> RecordCounts {
        self.records
    }

    fn record(
        &mut self,
        number: u64,
        bytes: &[u8],
        pseudonymizer: &mut Pseudonymizer,
    ) -> Result<(), StretchError> {
        self.records.records += 1;
        if self.records.records.is_multiple_of(RECORDS_BETWEEN_LOOKS) {
            self.relieve()?;
        }
        let scanned = match self.scanner.scan(bytes) {
            Ok(scanned) => scanned,
            Err(error) => {
                let reason = match error {
                    ScanError::NotJson => Reason::NotJson,
                    ScanError::NotAnObject => Reason::NotAnObject,
                };
                return self.refuse(number, reason, &error.to_string(), bytes);
            }
        };
        self.routed_to.clear();
        self.settings.router.route(&scanned, &mut self.routed_to);
        if self.routed_to.is_empty() {
            return self.refuse(number, Reason::UnknownType, "route", bytes);
        }
        self.records.routed += 1;
        for dataset in &self.routed_to {
            let governor = &mut self.governors[*dataset];
            match governor.judge(&scanned, pseudonymizer) {
                Verdict::Row(row) => {
                    let writer = match &mut self.writers[*dataset] {
                        Some(writer) => writer,
                        unopened => unopened.insert(new_writer(&self.settings, *dataset)),
                    };
                    writer.append(&row)?;
                }
                Verdict::Rejected(rejection) => {
                    let name = Some(governor.contract().dataset());
                    let kept = self.quarantine.record(number, name, &rejection, bytes);
                    kept.map_err(|source| StretchError::Quarantine {
                        key: self.settings.quarantine_key.clone(),
                        source,
                    })?;
                }
                Verdict::Duplicate | Verdict::Discarded => {}
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        number: u64,
        reason: Reason,
        clause: &str,
        bytes: &[u8],
    ) -> Result<(), StretchError> {
        self.records.quarantined += 1;
        *self.reasons.entry(reason).or_insert(0) += 1;
        let rejection = Rejection { reason, clause: clause.to_owned() };
        let kept = self.quarantine.record(number, None, &rejection, bytes);
        kept.map_err(|source| StretchError::Quarantine {
            key: self.settings.quarantine_key.clone(),
            source,
        })
    }

    fn too_long(&mut self, number: u64, offset: u64, length: u64) -> Result<(), StretchError> {
        self.records.records += 1;
        self.records.quarantined += 1;
        self.has_too_long = true;
        *self.reasons.entry(Reason::TooLong).or_insert(0) += 1;
        let kept = self.quarantine.too_long(number, offset, length);
        kept.map_err(|source| StretchError::Quarantine {
            key: self.settings.quarantine_key.clone(),
            source,
        })
    }

    /// Closes row groups until all of them together are within their bounds.
    fn relieve(&mut self) -> Result<(), StretchError> {
        let mut memory: usize = self.writers.iter().flatten().map(DatasetWriter::memory).sum();
        while memory > ROW_GROUPS_BYTES {
            let Some(largest) =
                self.writers.iter_mut().flatten().max_by_key(|writer| writer.memory())
            else {
                break;
            };
            let before = largest.memory();
            largest.relieve()?;
            let freed = before - largest.memory();
            if freed == 0 {
                break;
            }
            memory -= freed;
        }
        Ok(())
    }
}

fn new_writer(settings: &StretchSettings, dataset: usize) -> DatasetWriter {
    let contract = settings.contracts[dataset];
    let folder = format!("{}{}/{}/data", settings.database_prefix, contract.domain, contract.table);
    let file_token = format!("{}-{}", settings.input_token, settings.attempt);
    DatasetWriter::new(contract, settings.lake.clone(), folder, file_token)
}

fn finish_dataset(
    governor: &DatasetGovernor,
    writer: Option<DatasetWriter>,
) -> Result<DatasetOutcome, StretchError> {
    let mut outcome = DatasetOutcome {
        contract: governor.contract(),
        rows: governor.counts(),
        reasons: by_name(governor.reasons()),
        unknown_members: governor.unknown_members(),
        data_files: Vec::new(),
        columns: Vec::new(),
        event_time: None,
    };
    if let Some(writer) = writer {
        let written = writer.finish()?;
        outcome.data_files = written.data_files;
        outcome.columns = written.columns;
        outcome.event_time = written.event_time.and_then(|(from, to)| {
            Some(EventTimeRange {
                from: DateTime::<Utc>::from_timestamp_micros(from)?,
                to: DateTime::<Utc>::from_timestamp_micros(to)?,
            })
        });
    }
    Ok(outcome)
}

fn by_name(reasons: &BTreeMap<Reason, u64>) -> BTreeMap<String, u64> {
    reasons.iter().map(|(reason, count)| (reason.name().to_owned(), *count)).collect()
}
