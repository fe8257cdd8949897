//! Runs: one input through one microservice, counted while the data streams past.
//!
//! The word is OpenLineage's. A run is inserted into the ledger (the Runs table) once, with its
//! outcome, and that insert triggers everything else.

mod check;
mod event_time;
mod identity;
mod sample;
mod statistics;
mod values;

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use check::CheckResult;
pub use event_time::EventTimeCounter;
pub use identity::{InputIdentity, hex, run_id};
pub use sample::Reservoir;
pub use statistics::{ColumnStatistics, DistinctCounter};
pub use values::{OTHER_VALUES, ValueCounter};

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
    /// Rows in quarantine whose reason names a column, as `reason:column` (`wrong_type:total`); the 200 most
    /// frequent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quarantined_by_column: BTreeMap<String, u64>,
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
    /// The earliest and latest event time of the rows in the data files; of a date, the beginning of its day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<EventTimeRange>,
    /// The rows in the data files by the hour of their event time in UTC (`2026-11-20T13`); by the day
    /// (`2026-11-20`) where event times are dates or there are more than 240 hours. Of more than 1,000 days the
    /// newest are told, and what is older is counted under the oldest of these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows_by_event_time: BTreeMap<String, u64>,
    /// What was counted of each column of the rows in the data files: they are committed, or held.
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
    /// Why rows that passed their contract are not in the table all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
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

    /// Whether the source had nothing to say: the input was read, and had no record for the dataset, or none at
    /// all where the run is the input's. Rows that were refused, repeated or left out are no silence.
    pub fn is_silent(&self) -> bool {
        let brought = self.rows.map(|rows| rows.routed);
        let brought = brought.or(self.records.map(|records| records.records));
        self.outcome == Outcome::Empty && brought == Some(0)
    }

    /// Whether something kept from the table what it should have: nothing could be read, a check failed, or
    /// there is no table. A later reading of the same object is no failure.
    pub fn is_failure(&self) -> bool {
        let is_refused =
            matches!(self.outcome, Outcome::Quarantined | Outcome::Held | Outcome::Failed);
        is_refused || self.left_out == Some(LeftOut::TableMissing)
    }
}

/// Why rows that passed their contract were left out of their table; they are counted as discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// There is no table, and the contract says that rows do not make it.
    TableMissing,
    /// A later reading of the same object is in the table, or about to be.
    Superseded,
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

    #[test]
    fn silence_and_failure_differ() {
        let counted = |outcome, routed, discarded, left_out| {
            let rows = Some(RowCounts { routed, discarded, ..RowCounts::default() });
            let run = Run { outcome, rows, left_out, ..run(0, None, 0) };
            (run.is_silent(), run.is_failure())
        };
        assert_eq!(counted(Outcome::Empty, 0, 0, None), (true, false));
        // All were repeats, say.
        assert_eq!(counted(Outcome::Empty, 5, 0, None), (false, false));
        assert_eq!(counted(Outcome::Committed, 5, 0, None), (false, false));
        assert_eq!(counted(Outcome::Empty, 5, 5, Some(LeftOut::Superseded)), (false, false));
        assert_eq!(counted(Outcome::Empty, 5, 5, Some(LeftOut::TableMissing)), (false, true));
        assert_eq!(counted(Outcome::Held, 5, 0, None), (false, true));
        let mut input = run(0, None, 0);
        assert!(!input.is_silent());
        input.outcome = Outcome::Empty;
        input.records = Some(RecordCounts::default());
        assert!(input.is_silent());
        // The object is gone: nobody knows what was in it.
        input.outcome = Outcome::Failed;
        assert!(!input.is_silent() && input.is_failure());
    }
}
