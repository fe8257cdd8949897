//! What is known of a dataset's schema: bounded, so that it fits an item of DynamoDB (400 KB).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chance;
use super::change::KnownChange;
use crate::contract::{ColumnType, Contract, JsonShape, Metric, Privacy};

/// Members that are remembered; a run tells of 500 at most, sources have far fewer.
pub(super) const MOST_MEMBERS: usize = 500;

/// Changes that last at the same time.
pub(super) const MOST_CHANGES: usize = 200;

/// Values of a list that are followed one by one.
const MOST_VALUES: usize = 50;

/// Rows that a share is learnt from; what is older counts less and less.
const MEMORY_ROWS: f64 = 100_000.0;

/// Runs in which something must have been seen before its absence says anything.
pub(super) const RUNS_TO_LEARN: u32 = 3;

/// What is known of a dataset's schema, and of what its source sends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaSnapshot {
    /// The contract's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_version: Option<String>,
    /// The table's columns as the contract has them, in their order.
    #[serde(default)]
    pub columns: Vec<KnownColumn>,
    /// How often columns have a value, by field id.
    #[serde(default)]
    pub presence: BTreeMap<i32, Presence>,
    /// Members that are no column, as `path:type`, and how often they are there.
    #[serde(default)]
    pub members: BTreeMap<String, Presence>,
    /// How often columns have a value that their list has not, by field id.
    #[serde(default)]
    pub unlisted: BTreeMap<i32, Presence>,
    /// How often columns have a value of their list, by field id and value.
    #[serde(default)]
    pub values: BTreeMap<i32, BTreeMap<String, Presence>>,
    /// Changes that last, by cause.
    #[serde(default)]
    pub changes: BTreeMap<String, KnownChange>,
    /// Paths that were columns once: as members they are no news.
    #[serde(default)]
    pub former_sources: BTreeSet<String>,
    /// Rows seen so far.
    #[serde(default)]
    pub rows: u64,
    /// Runs with rows seen so far.
    #[serde(default)]
    pub runs: u32,
    /// When the newest run arrived; an older one changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<DateTime<Utc>>,
    /// Runs that arrived at that moment and were looked at.
    #[serde(default)]
    pub newest_runs: BTreeSet<String>,
}

/// A column as its contract has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownColumn {
    /// The Iceberg field id: a column is its id, whatever its name.
    pub field_id: i32,
    /// Its name.
    pub name: String,
    /// Its type as a contract writes it: `decimal(38,6)`.
    #[serde(rename = "type")]
    pub column_type: String,
    /// Whether every row has a value.
    pub required: bool,
    /// The longest text allowed, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// The values allowed, or expected by a check; none where there is no list.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub listed: BTreeSet<String>,
    /// Whether a row with another value is quarantined.
    #[serde(default)]
    pub refuses_unlisted: bool,
    /// Of a column that takes JSON whole, whether that is an object or an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// Where it is read from in the source; empty where it is not, or where what is read says nothing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

/// How often something is there, and since when it is not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Presence {
    /// Rows that had it, of about the last 100,000.
    pub with: f64,
    /// Rows that had it not, before the present gap.
    pub without: f64,
    /// Runs in which it was seen.
    pub runs: u32,
    /// Rows in a row, over whole runs, that have it not.
    #[serde(default)]
    pub gap_rows: u64,
    /// Of these, those that had something else in its place: a value of another type.
    #[serde(default)]
    pub gap_refused: u64,
    /// The type that came instead, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_type: Option<String>,
    /// When the first run of the gap arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_since: Option<DateTime<Utc>>,
    /// The longest gap that ended by itself: shorter ones are nothing new.
    #[serde(default)]
    pub longest_gap: u64,
    /// When it was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<DateTime<Utc>>,
    /// When it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<DateTime<Utc>>,
    /// Rows of the dataset before it was first seen.
    #[serde(default)]
    pub rows_before: u64,
    /// Rows since, and how many had it, until it is known whether it is new.
    #[serde(default)]
    pub rows_since: u64,
    /// See `rows_since`.
    #[serde(default)]
    pub with_since: u64,
    /// Whether it belongs to how things are, or was told: its appearance is no news.
    #[serde(default)]
    pub is_known: bool,
    /// Whether its going away is no news: it is new itself, or took another's place.
    #[serde(default)]
    pub is_passing: bool,
}

impl Presence {
    /// The share of rows that have it.
    pub fn share(&self) -> f64 {
        self.with / (self.with + self.without).max(1.0)
    }

    /// Takes in a run's rows that could have it. `keeps_gap` where the gap before was an incident, not a part of how
    /// things are.
    pub(super) fn see(&mut self, rows: u64, with: u64, at: DateTime<Utc>, keeps_gap: bool) {
        if rows == 0 {
            return;
        }
        self.rows_since += rows;
        if with == 0 {
            self.gap_rows += rows;
            self.gap_since = self.gap_since.or(Some(at));
            return;
        }
        if keeps_gap {
            self.longest_gap = self.longest_gap.max(self.gap_rows);
            self.without += self.gap_rows as f64;
        }
        (self.gap_rows, self.gap_refused, self.gap_since, self.gap_type) = (0, 0, None, None);
        self.first_seen = self.first_seen.or(Some(at));
        self.last_seen = Some(at);
        self.with_since += with;
        self.learn(rows, with);
    }

    /// Learns the share from rows.
    pub(super) fn learn(&mut self, rows: u64, with: u64) {
        self.runs = self.runs.saturating_add(1);
        self.with += with as f64;
        self.without += rows.saturating_sub(with) as f64;
        let memory = MEMORY_ROWS / (self.with + self.without);
        if memory < 1.0 {
            self.with *= memory;
            self.without *= memory;
        }
    }

    /// Whether its absence is improbable by now, and longer than any before.
    pub(super) fn is_gone(&self) -> bool {
        self.runs >= RUNS_TO_LEARN
            && self.gap_rows > 2 * self.longest_gap
            && chance::absent(self.with, self.without, self.gap_rows as f64) < chance::IMPROBABLE
    }

    /// Whether its absence is improbable by now, though it came but lately.
    pub(super) fn is_over(&self) -> bool {
        chance::ended(self.with, self.without, self.gap_rows as f64) < chance::IMPROBABLE
    }

    /// Whether it was not there before, and that is no chance.
    pub(super) fn is_new(&self) -> bool {
        let [before, since, with] =
            [self.rows_before, self.rows_since, self.with_since].map(|rows| rows as f64);
        !self.is_known && chance::late(before, since, with) < chance::IMPROBABLE
    }
}

impl KnownColumn {
    /// The columns of a contract.
    pub(super) fn all_of(contract: &Contract) -> Vec<Self> {
        (0..contract.columns.len()).map(|position| Self::of(contract, position)).collect()
    }

    fn of(contract: &Contract, position: usize) -> Self {
        let column = &contract.columns[position];
        let rule = column.valid.iter().flat_map(|valid| &valid.valid_values);
        let mut listed: BTreeSet<String> = rule.cloned().collect();
        let refuses_unlisted = !listed.is_empty();
        for check in &contract.checks {
            if let Metric::InvalidValues { column: name, valid } = &check.metric
                && *name == column.name
            {
                listed.extend(valid.valid_values.iter().cloned());
            }
        }
        // A parameter of a URL is gone when the URL is, and that is told once.
        let is_part = column.query_parameter.is_some();
        let is_read = !is_part && column.privacy != Privacy::Drop;
        Self {
            field_id: column.field_id,
            name: column.name.clone(),
            column_type: column.column_type.to_string(),
            required: column.required,
            max_length: column.max_length,
            listed,
            refuses_unlisted,
            json: column.json.map(|json| match json.shape {
                JsonShape::Object => "object".to_owned(),
                JsonShape::Array => "array".to_owned(),
            }),
            sources: if is_read { column.sources.clone() } else { Vec::new() },
        }
    }

    /// Whether its listed values can be followed one by one: a run tells of 50, and of short ones.
    pub(super) fn follows_values(&self) -> bool {
        let is_short = |value: &String| value.len() <= 100;
        self.listed.len() <= MOST_VALUES && self.listed.iter().all(is_short)
    }

    /// Whether a member of a JSON type could hold the column's values.
    pub(super) fn may_be(&self, json_type: &str) -> bool {
        match (self.json.as_deref(), self.column_type.as_str()) {
            (Some(shape), _) => shape == json_type,
            (None, "string") => matches!(json_type, "string" | "number"),
            (None, "boolean") => matches!(json_type, "boolean" | "string"),
            (None, "timestamp" | "date") => json_type == "string",
            (None, _) => matches!(json_type, "number" | "string"),
        }
    }
}

/// The numbers of a type that has some: digits in all and after the point.
pub(super) fn parse_type(column_type: &str) -> Option<ColumnType> {
    Some(match column_type {
        "string" => ColumnType::String,
        "long" => ColumnType::Long,
        "double" => ColumnType::Double,
        "boolean" => ColumnType::Boolean,
        "timestamp" => ColumnType::Timestamp,
        "date" => ColumnType::Date,
        decimal => {
            let digits = decimal.strip_prefix("decimal(")?.strip_suffix(')')?;
            let (precision, scale) = digits.split_once(',')?;
            ColumnType::Decimal {
                precision: precision.trim().parse().ok()?,
                scale: scale.trim().parse().ok()?,
            }
        }
    })
}
