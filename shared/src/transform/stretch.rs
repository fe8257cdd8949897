//! One input from its bytes to complete files: pure but for the stores that it writes to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::Arc;

use super::Router;
use super::format::{Format, Origin, Original, RecordSink};
use super::outcome::{StretchOutcome, by_name, finish_dataset};
use super::quarantine::QuarantineWriter;
use crate::contract::Contract;
use crate::decode::DecodeError;
use crate::govern::{
    DatasetGovernor, Plan, Pseudonymizer, Reason, Rejection, ScanError, Scanned, Scanner, Verdict,
};
use crate::lake::{DatasetWriter, ObjectStore, WriteError};
use crate::run::RecordCounts;

/// Unfinished row groups of all datasets together. With a compressor for each column of each open file, parts on their way to
/// S3 and the keys of a million rows, a function stays within 128 MB.
const ROW_GROUPS_BYTES: usize = 12 * 1024 * 1024;

/// How many records pass between two looks at the memory in use.
const RECORDS_BETWEEN_LOOKS: u64 = 4_096;

/// What a stretch works with.
#[derive(Clone)]
pub struct StretchSettings {
    /// The contracts, in the order that the router knows.
    pub contracts: Vec<&'static Contract>,
    /// Their plan.
    pub plan: Arc<Plan>,
    /// Turns the input's bytes into records.
    pub format: Arc<dyn Format>,
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
    /// Positions of the contracts whose datasets the input is read for; none for all. Records of others are
    /// passed by.
    pub chosen: Option<BTreeSet<usize>>,
    /// Whether what streams past is counted for those who watch over the data; off, columns are not told of.
    pub counts_statistics: bool,
    /// The input.
    pub origin: Origin,
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
    /// Row keys cannot be written. A retry may help.
    #[error("writing row keys {key} failed: {source}")]
    Keys {
        /// The object's key.
        key: String,
        /// What the store says.
        source: io::Error,
    },
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

/// An input on its way.
pub struct Stretch {
    settings: StretchSettings,
    /// Set aside while it is at work, for the scanned record borrows from it.
    scanner: Option<Scanner>,
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
        let quarantine = QuarantineWriter::new(
            settings.quarantine.clone(),
            settings.quarantine_key.clone(),
            settings.origin.clone(),
        );
        Self {
            scanner: Some(Scanner::new(settings.plan.clone())),
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
        mut source: impl Read + Send,
        pseudonymizer: &mut Pseudonymizer,
    ) -> Result<Ended, StretchError> {
        let format = self.settings.format.clone();
        let origin = self.settings.origin.clone();
        format.read(&origin, &mut source, &mut RecordSink::new(self, pseudonymizer))
    }

    /// Completes every file and tells what became of the input.
    pub fn finish(self) -> Result<StretchOutcome, StretchError> {
        let key_bytes = self.governors.iter().map(DatasetGovernor::key_bytes).sum();
        let mut datasets = Vec::new();
        for (governor, writer) in self.governors.into_iter().zip(self.writers) {
            if governor.counts().routed > 0 {
                datasets.push(finish_dataset(&self.settings, governor, writer)?);
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

    pub(super) fn plan(&self) -> Arc<Plan> {
        self.settings.plan.clone()
    }

    pub(super) fn contracts(&self) -> &[&'static Contract] {
        &self.settings.contracts
    }

    pub(super) fn ignore(&mut self) {
        self.records.records += 1;
        self.records.ignored += 1;
    }

    pub(super) fn decoded(&mut self, bytes: u64) {
        self.records.decoded_bytes = bytes;
    }

    pub(super) fn json(
        &mut self,
        line: u64,
        bytes: &[u8],
        pseudonymizer: &mut Pseudonymizer,
    ) -> Result<(), StretchError> {
        let mut scanner =
            self.scanner.take().unwrap_or_else(|| Scanner::new(self.settings.plan.clone()));
        let done = match scanner.scan(bytes) {
            Ok(scanned) => self.fields(line, bytes.into(), &scanned, pseudonymizer),
            Err(error) => {
                let reason = match error {
                    ScanError::NotJson => Reason::NotJson,
                    ScanError::NotAnObject => Reason::NotAnObject,
                };
                self.refuse(line, reason, &error.to_string(), bytes)
            }
        };
        self.scanner = Some(scanner);
        done
    }

    pub(super) fn fields(
        &mut self,
        line: u64,
        original: Original<'_>,
        scanned: &Scanned<'_>,
        pseudonymizer: &mut Pseudonymizer,
    ) -> Result<(), StretchError> {
        self.routed_to.clear();
        self.settings.router.route(scanned, &mut self.routed_to);
        if self.routed_to.is_empty() {
            return self.refuse(line, Reason::UnknownType, "route", &original.bytes());
        }
        if let Some(chosen) = &self.settings.chosen {
            self.routed_to.retain(|dataset| chosen.contains(dataset));
            if self.routed_to.is_empty() {
                self.ignore();
                return Ok(());
            }
        }
        self.count_record()?;
        self.records.routed += 1;
        for dataset in &self.routed_to {
            let governor = &mut self.governors[*dataset];
            match governor.judge(scanned, pseudonymizer) {
                Verdict::Row(row) => {
                    let writer = match &mut self.writers[*dataset] {
                        Some(writer) => writer,
                        unopened => unopened.insert(new_writer(&self.settings, *dataset)),
                    };
                    writer.append(&row)?;
                }
                Verdict::Rejected(rejection) => {
                    let name = Some(governor.contract().dataset());
                    let kept = self.quarantine.record(line, name, &rejection, &original.bytes());
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

    fn count_record(&mut self) -> Result<(), StretchError> {
        self.records.records += 1;
        if self.records.records.is_multiple_of(RECORDS_BETWEEN_LOOKS) {
            self.relieve()?;
        }
        Ok(())
    }

    pub(super) fn refuse(
        &mut self,
        line: u64,
        reason: Reason,
        clause: &str,
        bytes: &[u8],
    ) -> Result<(), StretchError> {
        if self.settings.chosen.is_some() {
            self.ignore();
            return Ok(());
        }
        self.count_record()?;
        self.records.quarantined += 1;
        *self.reasons.entry(reason).or_insert(0) += 1;
        let rejection = Rejection { reason, clause: clause.to_owned() };
        let kept = self.quarantine.record(line, None, &rejection, bytes);
        kept.map_err(|source| StretchError::Quarantine {
            key: self.settings.quarantine_key.clone(),
            source,
        })
    }

    pub(super) fn too_long(
        &mut self,
        line: u64,
        offset: u64,
        length: u64,
    ) -> Result<(), StretchError> {
        if self.settings.chosen.is_some() {
            self.ignore();
            return Ok(());
        }
        self.records.records += 1;
        self.records.quarantined += 1;
        self.has_too_long = true;
        *self.reasons.entry(Reason::TooLong).or_insert(0) += 1;
        let kept = self.quarantine.too_long(line, offset, length);
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
    let writer = DatasetWriter::new(contract, settings.lake.clone(), folder, file_token);
    if settings.counts_statistics { writer } else { writer.without_statistics() }
}
