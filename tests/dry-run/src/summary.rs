//! What became of a file, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use shared::run::{CheckResult, EventTimeRange, RecordCounts, RowCounts};
use shared::transform::{DatasetOutcome, StretchOutcome};

/// What became of a file. Its `Display` is JSON; `{:#}` is JSON for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The source that it was read as.
    pub source: &'static str,
    /// The file.
    pub file: String,
    /// The key that it was read under.
    pub key: String,
    /// SHA-256 of its bytes.
    pub checksum: String,
    /// The counts of the file: `records = routed + quarantined + ignored`.
    pub records: RecordCounts,
    /// Records that no dataset took, by reason.
    pub quarantined_by_reason: BTreeMap<String, u64>,
    /// The file with the quarantined records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    /// What became of it in each dataset.
    pub datasets: BTreeMap<String, DatasetSummary>,
    /// Why it cannot be read; it would go to quarantine whole, and nothing of it would be committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long that took.
    pub seconds: f64,
    /// The most memory that the program had, as the system counts it; none where it does not tell.
    pub peak_memory_bytes: Option<u64>,
}

/// What became of a file in one dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetSummary {
    /// The version of its contract.
    pub contract_version: String,
    /// Columns and unknown members, names and types, hashed: another one is another schema.
    pub schema_fingerprint: String,
    /// The counts: `routed = committed + quarantined + deduplicated + discarded + held`.
    pub rows: RowCounts,
    /// Quarantined rows by reason.
    pub quarantined_by_reason: BTreeMap<String, u64>,
    /// Quarantined rows whose reason names a column, as `reason:column`.
    pub quarantined_by_column: BTreeMap<String, u64>,
    /// Members that are no column, with their JSON types.
    pub unknown_members: BTreeMap<String, u64>,
    /// What became of the contract's checks.
    pub checks: Vec<CheckResult>,
    /// Checks that need the table of another dataset; here there is none.
    pub not_checked: Vec<String>,
    /// The columns.
    pub columns: Vec<ColumnSummary>,
    /// The rows' event times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<EventTimeRange>,
    /// The data files.
    pub data_files: Vec<String>,
    /// Their bytes.
    pub bytes_written: u64,
}

/// What was counted of a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// The share of rows without a value, 0 to 1.
    pub null_share: f64,
    /// About how many different values there are.
    pub distinct_estimate: u64,
    /// The smallest number, time or date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// The largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<String>,
}

impl Summary {
    /// Whether the file could be read to its end.
    pub fn is_readable(&self) -> bool {
        self.error.is_none()
    }

    pub(crate) fn add(&mut self, outcome: StretchOutcome) {
        self.records = RecordCounts { bytes: self.records.bytes, ..outcome.records };
        self.quarantined_by_reason = outcome.reasons;
        self.quarantine = outcome.quarantine;
        for dataset in outcome.datasets {
            self.datasets.insert(dataset.contract.dataset(), DatasetSummary::of(dataset));
        }
    }
}

impl DatasetSummary {
    fn of(mut dataset: DatasetOutcome) -> Self {
        let not_checked = leave_out_references(&mut dataset);
        let (schema_fingerprint, is_held) = (dataset.schema_fingerprint(), dataset.is_held());
        let written = dataset.rows.committed;
        let mut rows = dataset.rows;
        if is_held {
            (rows.committed, rows.held) = (0, written);
        }
        let mut columns = Vec::with_capacity(dataset.columns.len());
        for column in dataset.columns {
            columns.push(ColumnSummary {
                name: column.name,
                null_share: column.null_count as f64 / (written.max(1)) as f64,
                distinct_estimate: column.distinct_estimate,
                minimum: column.minimum,
                maximum: column.maximum,
            });
        }
        Self {
            contract_version: dataset.contract.version.clone(),
            schema_fingerprint,
            rows,
            quarantined_by_reason: dataset.reasons,
            quarantined_by_column: dataset.reasons_by_column,
            unknown_members: dataset.unknown_members,
            not_checked,
            checks: dataset.checks,
            columns,
            event_time: dataset.event_time,
            bytes_written: dataset.data_files.iter().map(|file| file.file_size_in_bytes).sum(),
            data_files: dataset.data_files.into_iter().map(|file| file.path).collect(),
        }
    }
}

/// Takes checks that need another table out of those that were made; their names.
fn leave_out_references(dataset: &mut DatasetOutcome) -> Vec<String> {
    let mut names = Vec::new();
    let mut unknown = std::mem::take(&mut dataset.references);
    // From the last on, so that the positions of the others stay.
    unknown.sort_by_key(|unknown| std::cmp::Reverse(unknown.position()));
    for unknown in unknown {
        if unknown.is_empty() {
            dataset.checks[unknown.position()] = unknown.result();
        } else {
            names.push(dataset.checks.remove(unknown.position()).name);
        }
    }
    names
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = if formatter.alternate() {
            serde_json::to_string_pretty(self)
        } else {
            serde_json::to_string(self)
        };
        formatter.write_str(&json.map_err(|_| fmt::Error)?)
    }
}
