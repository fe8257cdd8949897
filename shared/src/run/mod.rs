//! Runs: one input through one microservice, counted while the data streams past.
//!
//! The word is OpenLineage's. A run is inserted into the ledger (the Runs table) once, with its
//! outcome, and that insert triggers everything else.

mod check;
mod identity;
mod statistics;

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use check::CheckResult;
pub(crate) use identity::hex;
pub use identity::{InputIdentity, run_id};
pub use statistics::{ColumnStatistics, DistinctCounter};

/// One input through one microservice, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// A UUID derived from job, input and dataset: the same run has the same id in every attempt.
    pub run_id: String,
    /// The microservice that read the input.
    pub job: String,
    /// What was read.
    pub input: InputIdentity,
    /// The dataset that was written; none for the run of the input as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// When the input arrived.
    pub arrived_at: DateTime<Utc>,
    /// When this attempt began.
    pub started_at: DateTime<Utc>,
    /// When the outcome stood.
    pub finished_at: DateTime<Utc>,
    /// The counts of an input as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordCounts>,
    /// The counts of an input and a dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowCounts>,
    /// Rows or records in quarantine, by reason.
    #[serde(default)]
    pub quarantined_by_reason: BTreeMap<String, u64>,
    /// The object with the quarantined records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    /// The copy of the whole input in quarantine: it could not be read, or a record of it not be held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_copy: Option<String>,
    /// Bytes written to data files.
    #[serde(default)]
    pub bytes_written: u64,
    /// Data files written.
    #[serde(default)]
    pub data_files: Vec<String>,
    /// The contract's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_version: Option<String>,
    /// Names and types of the table's columns and of the unknown members that were seen, hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_fingerprint: Option<String>,
    /// Members that were no column, with their JSON types and how many records had them.
    #[serde(default)]
    pub unknown_members: BTreeMap<String, u64>,
    /// The earliest and latest event time of the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<EventTimeRange>,
    /// What was counted of each column.
    #[serde(default)]
    pub columns: Vec<ColumnStatistics>,
    /// What became of the contract's checks.
    #[serde(default)]
    pub checks: Vec<CheckResult>,
    /// The snapshot that holds the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<i64>,
    /// The runs whose rows made way for this one's: earlier readings of the same object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded_runs: Vec<String>,
    /// Why the run failed or the input was quarantined whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Run {
    /// Orders the readings of one object, as text: what arrived later comes later, and of the same content
    /// what was read again later.
    pub fn generation(&self) -> String {
        let moment = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let replay = self.input.replay.as_deref().unwrap_or_default();
        format!("{}#{replay}#{}", moment(self.arrived_at), moment(self.started_at))
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Rows are in the table.
    Committed,
    /// Read to its end; the datasets' own runs say what became of the rows.
    Transformed,
    /// There was nothing to commit.
    Empty,
    /// Nothing could be read; the input is in quarantine as it came.
    Quarantined,
    /// A check of severity error failed; the rows are kept aside.
    Held,
    /// It cannot be done, however often it is tried.
    Failed,
}

/// `records = routed + quarantined + ignored`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordCounts {
    /// Records in the input; a blank line is none.
    pub records: u64,
    /// Records that went to at least one dataset.
    pub routed: u64,
    /// Records that no dataset could take, in quarantine.
    pub quarantined: u64,
    /// Records that are none of this job's business.
    pub ignored: u64,
    /// Bytes of the input as stored.
    pub bytes: u64,
    /// Bytes of the input decompressed.
    pub decoded_bytes: u64,
}

impl RecordCounts {
    /// The law of conservation for an input.
    pub fn is_conserved(&self) -> bool {
        self.records == self.routed + self.quarantined + self.ignored
    }
}

/// `routed = committed + quarantined + deduplicated + discarded + held`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowCounts {
    /// Records that were routed to the dataset.
    pub routed: u64,
    /// Rows in the table.
    pub committed: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// Rows whose key was seen before.
    pub deduplicated: u64,
    /// Rows that are left out: the contract says so, or a later reading of the object came first.
    pub discarded: u64,
    /// Rows kept aside because a check failed.
    pub held: u64,
}

impl RowCounts {
    /// The law of conservation for an input and a dataset.
    pub fn is_conserved(&self) -> bool {
        self.routed
            == self.committed + self.quarantined + self.deduplicated + self.discarded + self.held
    }
}

/// The earliest and latest event time of a run's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventTimeRange {
    /// The earliest.
    pub from: DateTime<Utc>,
    /// The latest.
    pub to: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arrived: i64, replay: Option<&str>, started: i64) -> Run {
        let moment = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let input = InputIdentity {
            bucket: "landing".to_owned(),
            key: "a".to_owned(),
            version_id: None,
            checksum: "c".to_owned(),
            supersedes: None,
            replay: replay.map(str::to_owned),
        };
        crate::transform::base_run("job", input, moment(arrived), moment(started))
    }

    #[test]
    fn readings_follow_the_bytes_and_then_the_orders() {
        let generations = [
            run(9, None, 90),
            run(9, Some("01"), 80),
            run(9, Some("02"), 70),
            // Read before all others, but its bytes came last.
            run(10, None, 60),
        ]
        .map(|run| run.generation());
        assert!(generations.is_sorted_by(|one, next| one < next), "{generations:?}");
    }
}
