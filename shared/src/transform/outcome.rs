//! What became of an input, and the last steps to it: files and keys are completed.

use std::collections::BTreeMap;
use std::io;

use ring::digest;

use super::stretch::{StretchError, StretchSettings};
use crate::contract::Contract;
use crate::event::{DataFileDescription, KeySegment, RowKeys};
use crate::govern::{DatasetGovernor, DayGroup, Reason, UnknownReferences};
use crate::lake::{DatasetWriter, RowStatistics};
use crate::run::{CheckResult, ColumnStatistics, EventTimeRange, RecordCounts, RowCounts, hex};

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
    /// Quarantined rows whose reason names a column, as `reason:column`.
    pub reasons_by_column: BTreeMap<String, u64>,
    /// Members that were no column.
    pub unknown_members: BTreeMap<String, u64>,
    /// The files.
    pub data_files: Vec<DataFileDescription>,
    /// What was counted of each column.
    pub columns: Vec<ColumnStatistics>,
    /// The rows' event times.
    pub event_time: Option<EventTimeRange>,
    /// The rows by the hour or day of their event time.
    pub rows_by_event_time: BTreeMap<String, u64>,
    /// What became of the contract's checks.
    pub checks: Vec<CheckResult>,
    /// Values that are to be looked up in other tables, before the checks of them are what they say.
    pub references: Vec<UnknownReferences>,
    /// The rows' keys, where the contract looks for them among those of other inputs.
    pub row_keys: Option<RowKeys>,
}

impl DatasetOutcome {
    /// Of an input that has no record for a dataset.
    pub fn without_records(contract: &'static Contract) -> Self {
        Self {
            contract,
            rows: RowCounts::default(),
            reasons: BTreeMap::new(),
            reasons_by_column: BTreeMap::new(),
            unknown_members: BTreeMap::new(),
            data_files: Vec::new(),
            columns: Vec::new(),
            event_time: None,
            rows_by_event_time: BTreeMap::new(),
            checks: Vec::new(),
            references: Vec::new(),
            row_keys: row_keys(contract, Vec::new()),
        }
    }

    /// Columns and unknown members, names and types, as one hash: it changes when the source's shape does.
    pub fn schema_fingerprint(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for column in &self.contract.columns {
            context.update(format!("{}:{:?}\n", column.name, column.column_type).as_bytes());
        }
        for member in self.unknown_members.keys() {
            context.update(format!("?{member}\n").as_bytes());
        }
        hex(&context.finish().as_ref()[..16])
    }

    /// Whether a check of severity error failed, so that the rows are kept aside.
    pub fn is_held(&self) -> bool {
        self.checks.iter().any(CheckResult::holds_rows)
    }
}

/// The keys of rows as a request names them; none where the contract looks for no repeats.
fn row_keys(contract: &Contract, segments: Vec<KeySegment>) -> Option<RowKeys> {
    (contract.look_back_days > 0).then(|| RowKeys {
        columns: contract.deduplicate_by.clone(),
        look_back_days: contract.look_back_days,
        segments,
    })
}

pub(super) fn finish_dataset(
    settings: &StretchSettings,
    mut governor: DatasetGovernor,
    writer: Option<DatasetWriter>,
) -> Result<DatasetOutcome, StretchError> {
    let mut outcome = DatasetOutcome {
        rows: governor.counts(),
        reasons: by_name(governor.reasons()),
        reasons_by_column: governor.reasons_by_column(),
        unknown_members: governor.unknown_members(),
        checks: governor.check_results(),
        references: governor.take_references(),
        ..DatasetOutcome::without_records(governor.contract())
    };
    let Some(writer) = writer else { return Ok(outcome) };
    let written = writer.finish()?;
    outcome.data_files = written.data_files;
    let RowStatistics { columns, event_time, rows_by_event_time } = written.statistics;
    (outcome.columns, outcome.event_time) = (columns, event_time);
    outcome.rows_by_event_time = rows_by_event_time;
    if outcome.contract.look_back_days > 0 {
        outcome.row_keys = row_keys(outcome.contract, write_keys(settings, governor)?);
    }
    Ok(outcome)
}

/// Stores the keys of the rows, day by day, for `lake-commit` to look for them among those of other inputs.
fn write_keys(
    settings: &StretchSettings,
    governor: DatasetGovernor,
) -> Result<Vec<KeySegment>, StretchError> {
    let contract = governor.contract();
    let keys = governor.into_keys().into_sorted();
    let mut segments = Vec::with_capacity(keys.groups().len());
    for (position, group) in keys.groups().iter().enumerate() {
        let key = format!(
            "_keys/{}{}/{}/{}-{}-{position}",
            settings.database_prefix,
            contract.domain,
            contract.table,
            settings.input_token,
            settings.attempt
        );
        let store = || -> io::Result<()> {
            let mut sink = settings.lake.create(&key)?;
            keys.write(position, &mut sink)?;
            sink.complete()
        };
        store().map_err(|source| StretchError::Keys { key: key.clone(), source })?;
        let DayGroup { from_day, to_day, count } = *group;
        segments.push(KeySegment { key, count, from_day, to_day });
    }
    Ok(segments)
}

pub(super) fn by_name(reasons: &BTreeMap<Reason, u64>) -> BTreeMap<String, u64> {
    reasons.iter().map(|(reason, count)| (reason.name().to_owned(), *count)).collect()
}
