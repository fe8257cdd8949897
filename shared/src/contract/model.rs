//! The compiled form of a data contract: what the functions need of it, and nothing else.
//!
//! The build script writes these values from the ODCS files; the functions read them back at
//! start-up. This file is compiled into both, so it depends on serde and the detectors' settings alone.

use serde::{Deserialize, Serialize};

use super::evolution::{Evolution, EvolutionMode, KeptValues};
use super::expectation::{Check, Metric, ValidValues};
use super::monitor::Monitors;

/// One dataset's contract, compiled from its ODCS file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// The contract's `id`.
    pub id: String,
    /// The contract's semantic version; a table follows the newest it has seen.
    pub version: String,
    /// The business domain, and the name of the Glue database (before any prefix).
    pub domain: String,
    /// The table's name.
    pub table: String,
    /// Which records of which source belong to this dataset.
    pub route: Route,
    /// Columns in the order of their field ids.
    pub columns: Vec<Column>,
    /// Names of the columns whose values, taken together, name a row. Empty: rows are not de-duplicated.
    pub deduplicate_by: Vec<String>,
    /// How many days before and after its own partition a row's key is looked for among the rows that
    /// other inputs brought. Zero: a row is unique in its input alone.
    pub look_back_days: u16,
    /// Groups of columns of which at least one must have a value.
    pub require_one_of: Vec<Vec<String>>,
    /// Objects of the source record whose members leave name and type in `extra` when no column takes them.
    pub unknown_members_of: Vec<String>,
    /// What to do with what the contract does not know.
    pub evolution: Evolution,
    /// What `extra` holds of it, where the contract says so.
    #[serde(default)]
    pub extra_values: Option<KeptValues>,
    /// How the tables of databases that this dataset is captured from are written.
    #[serde(default)]
    pub captured_table: Option<CapturedTable>,
    /// What an input's rows must be, taken together.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// How many minutes after they arose rows can be queried at the latest, where the contract promises it.
    #[serde(default)]
    pub latency_minutes: Option<u32>,
    /// What the monitors that watch the dataset go by.
    #[serde(default)]
    pub monitors: Monitors,
    /// Who answers for it: the team's name, else its owner.
    #[serde(default)]
    pub owner: Option<String>,
    /// Field ids of columns that were dropped; they are never given again.
    #[serde(default)]
    pub retired_field_ids: Vec<i32>,
}

/// Which records of a source a dataset takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// The source's name: `segment`.
    pub source: String,
    /// The record's type: `track`.
    #[serde(rename = "type")]
    pub record_type: String,
    /// The event's name, where the dataset holds one event only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// One column: where it is read from, what it must be, and what is done to it before it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The Iceberg field id; append-only.
    pub field_id: i32,
    /// The column's name in the table.
    pub name: String,
    /// The Iceberg type.
    pub column_type: ColumnType,
    /// A row without a value is quarantined.
    pub required: bool,
    /// Dotted paths in the source record; the first that holds a value wins.
    pub sources: Vec<String>,
    /// Take this query parameter of the URL found at the source, instead of the whole.
    pub query_parameter: Option<String>,
    /// The column is made by the transform, not read from the record.
    pub generated: Option<Generated>,
    /// What is done to a value before it is written.
    pub privacy: Privacy,
    /// The column takes an object or an array of the record whole, as text.
    #[serde(default)]
    pub json: Option<JsonColumn>,
    /// What is done to a value before it is hashed.
    pub normalize: Option<Normalize>,
    /// The region (ISO 3166-1 alpha-2) whose national phone numbers the column holds: `DE`.
    #[serde(default)]
    pub phone_region: Option<String>,
    /// The contract's classification, kept for lineage and for whoever asks.
    pub classification: String,
    /// The partition transform, where the table is partitioned by this column.
    pub partition: Option<PartitionTransform>,
    /// The longest string allowed, in characters.
    pub max_length: Option<usize>,
    /// The shortest string allowed, in characters.
    #[serde(default)]
    pub min_length: Option<usize>,
    /// A regular expression that is found in every string, as it comes from the source.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The strings allowed, as they come from the source.
    #[serde(default)]
    pub valid: Option<ValidValues>,
    /// No two rows of an input have the same value.
    #[serde(default)]
    pub unique: bool,
    /// The earliest timestamp allowed (microseconds since 1970) or the smallest number.
    pub minimum: Option<Bound>,
    /// The latest timestamp allowed (microseconds since 1970) or the largest number.
    pub maximum: Option<Bound>,
    /// Columns of other datasets, or of this one, whose values the column's are.
    #[serde(default)]
    pub references: Vec<Reference>,
    /// The column's description.
    pub description: String,
}

/// A column that another refers to, as ODCS `relationships` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The domain of its dataset.
    pub domain: String,
    /// The table of its dataset.
    pub table: String,
    /// Its name.
    pub column: String,
}

impl std::fmt::Display for Reference {
    /// `shop.customers.id`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}.{}", self.domain, self.table, self.column)
    }
}

/// A column that takes an object or an array of the record whole: its value is compact JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonColumn {
    /// Which of the two it takes; the other is not of the column's type.
    pub shape: JsonShape,
    /// What is kept of the values within.
    pub values: KeptValues,
}

/// What a [`JsonColumn`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JsonShape {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
}

/// A limit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// For `timestamp`: microseconds since 1970-01-01 UTC. For `date`: days. For `long`: the number.
    Integer(i64),
    /// For `double` and `decimal`.
    Number(f64),
}

/// The Iceberg types that contracts use. They are wide, so that no column ever needs widening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// 64-bit signed integer.
    Long,
    /// 64-bit IEEE 754.
    Double,
    /// True or false.
    Boolean,
    /// Exact decimal number.
    Decimal {
        /// Digits in all, at most 38.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Microseconds since 1970-01-01, UTC, without a zone.
    Timestamp,
    /// Days since 1970-01-01.
    Date,
}

impl std::fmt::Display for ColumnType {
    /// As a contract writes it: `decimal(38,6)`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::String => formatter.write_str("string"),
            Self::Long => formatter.write_str("long"),
            Self::Double => formatter.write_str("double"),
            Self::Boolean => formatter.write_str("boolean"),
            Self::Decimal { precision, scale } => write!(formatter, "decimal({precision},{scale})"),
            Self::Timestamp => formatter.write_str("timestamp"),
            Self::Date => formatter.write_str("date"),
        }
    }
}

/// A column that the transform makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Generated {
    /// Names and JSON types of the members that are no column, as a JSON object; never their values.
    Extra,
    /// Names of the columns of which the record says nothing, not even null, joined by commas: a change
    /// record need not bring every column, and what it does not bring overwrites nothing.
    Absent,
}

/// What happens to a classified value before anything is written to the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Privacy {
    /// Written as it came.
    Keep,
    /// Written as it came, but for e-mail addresses, phone and card numbers and IP addresses in it: a
    /// text that people write, or that may hold what they wrote.
    Scan,
    /// Replaced by its keyed SHA-256: the same person has the same pseudonym in every source.
    Hmac,
    /// Replaced by the text `[redacted]`.
    Redact,
    /// Never written: the column stays empty.
    Drop,
    /// IPv4 to /24, IPv6 to /48.
    TruncateIp,
    /// A URL without its query and fragment.
    TruncateUrl,
    /// The first day of the month.
    TruncateDate,
}

/// How a value is brought to one form before it is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Normalize {
    /// White space around it removed.
    Trim,
    /// Trimmed and lower-cased.
    Email,
    /// E.164, national numbers as of the column's region; digits alone, after a `+` where there was
    /// one, where it is no phone number.
    Phone,
}

/// Iceberg partition transforms in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PartitionTransform {
    /// The UTC day of a timestamp.
    Day,
    /// The value itself.
    Identity,
}

impl Column {
    /// Whether values are not written as they came. Then nothing of them may come out elsewhere either:
    /// neither in `extra` nor within a JSON column.
    pub fn is_private(&self) -> bool {
        self.privacy != Privacy::Keep
    }
}

impl Contract {
    /// The dataset's name: `segment.tracks`.
    pub fn dataset(&self) -> String {
        format!("{}.{}", self.domain, self.table)
    }

    /// Whether this is the dataset that a reference names.
    pub fn is_referred_to(&self, reference: &Reference) -> bool {
        (&self.domain, &self.table) == (&reference.domain, &reference.table)
    }

    /// Whether rows are looked for in the tables that columns refer to.
    pub fn checks_references(&self) -> bool {
        self.checks.iter().any(|check| matches!(check.metric, Metric::UnknownReferences { .. }))
    }

    /// The position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// What `extra` holds of members that no column takes.
    pub fn extra_of_members(&self) -> KeptValues {
        let evolves = self.evolution.columns == EvolutionMode::Evolve;
        self.extra_values.unwrap_or(if evolves { KeptValues::Scanned } else { KeptValues::Names })
    }

    /// What `extra` holds of values that are not of their column's type.
    pub fn extra_of_types(&self) -> KeptValues {
        match self.evolution.types {
            EvolutionMode::Evolve => self.extra_values.unwrap_or(KeptValues::Scanned),
            _ => KeptValues::Names,
        }
    }

    /// The position of a column that the transform makes.
    pub fn generated_position(&self, generated: Generated) -> Option<usize> {
        self.columns.iter().position(|column| column.generated == Some(generated))
    }

    /// The position of the column that tells when an event happened, a timestamp or a date: the one named
    /// `timestamp`, else the one that the table is partitioned by.
    pub fn event_time_position(&self) -> Option<usize> {
        let partition = self.partition_column().map(|(position, _)| position);
        let is_time = |position: &usize| {
            matches!(self.columns[*position].column_type, ColumnType::Timestamp | ColumnType::Date)
        };
        self.position("timestamp").filter(is_time).or(partition.filter(is_time))
    }

    /// The column by which the table is partitioned. The build refuses a contract without exactly one.
    pub fn partition_column(&self) -> Option<(usize, PartitionTransform)> {
        self.columns
            .iter()
            .enumerate()
            .find_map(|(position, column)| column.partition.map(|transform| (position, transform)))
    }
}

/// How captures of a database table are written: nothing of it can be told from the files themselves,
/// for `I` is also a value and a header also a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CapturedTable {
    /// Other names of the table, beside the route's type; one that begins with `*` stands for all that
    /// end with the rest.
    pub also_known_as: Vec<String>,
    /// The columns of a file in their order, without the operation. Empty: as the contract reads them.
    pub columns: Vec<String>,
    /// Whether files begin with the names of their columns (`AddColumnName`).
    pub has_header: bool,
    /// Whether rows of a full load begin with their operation (`IncludeOpForFullLoad`).
    pub load_has_operation: bool,
    /// Whether rows of change data begin with their operation; those of inserts alone may not.
    pub change_has_operation: bool,
    /// Stands for null where it is not quoted (`CsvNullValue`).
    pub null_value: String,
    /// Stands for a column of which the change says nothing (`CsvNoSupValue`).
    pub absent_value: Option<String>,
    /// The column that tells when a row was committed or loaded (`TimestampColumnName`). It comes first
    /// where `columns` does not say otherwise.
    pub timestamp_column: Option<String>,
    /// The column that holds `$AR_H_CHANGE_SEQ`. It comes last where `columns` does not say otherwise.
    pub sequence_column: Option<String>,
    /// What stands between fields (`CsvDelimiter`).
    pub delimiter: char,
}

impl Default for CapturedTable {
    /// As the Database Migration Service writes when nothing is set.
    fn default() -> Self {
        Self {
            also_known_as: Vec::new(),
            columns: Vec::new(),
            has_header: false,
            load_has_operation: false,
            change_has_operation: true,
            null_value: "NULL".to_owned(),
            absent_value: None,
            timestamp_column: None,
            sequence_column: None,
            delimiter: ',',
        }
    }
}
