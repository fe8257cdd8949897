//! What a contract expects of the rows of an input taken together, and of single values by a list or a
//! pattern.
//!
//! Compiled from ODCS `quality`. Like the model, this file is compiled into the build script as well.

use serde::{Deserialize, Serialize};

/// A check of an input's rows in one dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name in the contract, else one made of metric and column.
    pub name: String,
    /// What is counted.
    pub metric: Metric,
    /// Whether it is counted in rows or in percent of them.
    pub unit: Unit,
    /// What the count must be.
    pub expectation: Expectation,
    /// What happens where it is not.
    pub severity: Severity,
}

/// What a check counts: the library metrics of ODCS, and two of our own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// Rows to be written.
    RowCount,
    /// Rows to be written in which a column is empty.
    NullValues {
        /// The column.
        column: String,
    },
    /// Values of rows to be written that are not valid.
    InvalidValues {
        /// The column.
        column: String,
        /// What is valid.
        valid: ValidValues,
    },
    /// Rows to be written whose values stood in an earlier row of the input.
    DuplicateValues {
        /// The columns.
        columns: Vec<String>,
    },
    /// Rows that were quarantined, of all that were routed to the dataset.
    InvalidRows,
    /// Rows to be written whose value in a column has no row in the table that the column refers to, of those
    /// whose value is not null.
    UnknownReferences {
        /// The column; it has exactly one [`super::Reference`].
        column: String,
    },
}

/// Which texts are valid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidValues {
    /// These and no others; any where there is none.
    #[serde(default)]
    pub valid_values: Vec<String>,
    /// Those in which this regular expression is found.
    #[serde(default)]
    pub pattern: Option<String>,
}

/// In what a count is expressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Rows.
    Rows,
    /// Percent of the rows.
    Percent,
}

/// What happens where a check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The rows are held: written aside, not committed, not announced as data.
    Error,
    /// It is told, and the rows are committed.
    Warning,
}

/// The comparison operators of ODCS.
#[allow(clippy::enum_variant_names)] // The standard's names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expectation {
    /// `=`
    MustBe(f64),
    /// `≠`
    MustNotBe(f64),
    /// `>`
    MustBeGreaterThan(f64),
    /// `≥`
    MustBeGreaterOrEqualTo(f64),
    /// `<`
    MustBeLessThan(f64),
    /// `≤`
    MustBeLessOrEqualTo(f64),
    /// From the one to the other, both included.
    MustBeBetween(f64, f64),
    /// Below the one or above the other.
    MustNotBeBetween(f64, f64),
}

impl Expectation {
    /// Whether a count is as expected.
    #[allow(clippy::float_cmp)] // Counts are whole, and a bound of percent is what somebody wrote.
    pub fn holds(self, count: f64) -> bool {
        match self {
            Self::MustBe(bound) => count == bound,
            Self::MustNotBe(bound) => count != bound,
            Self::MustBeGreaterThan(bound) => count > bound,
            Self::MustBeGreaterOrEqualTo(bound) => count >= bound,
            Self::MustBeLessThan(bound) => count < bound,
            Self::MustBeLessOrEqualTo(bound) => count <= bound,
            Self::MustBeBetween(from, to) => (from..=to).contains(&count),
            Self::MustNotBeBetween(from, to) => !(from..=to).contains(&count),
        }
    }
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MustBe(bound) => write!(formatter, "must be {bound}"),
            Self::MustNotBe(bound) => write!(formatter, "must not be {bound}"),
            Self::MustBeGreaterThan(bound) => write!(formatter, "must be greater than {bound}"),
            Self::MustBeGreaterOrEqualTo(bound) => write!(formatter, "must be at least {bound}"),
            Self::MustBeLessThan(bound) => write!(formatter, "must be less than {bound}"),
            Self::MustBeLessOrEqualTo(bound) => write!(formatter, "must be at most {bound}"),
            Self::MustBeBetween(from, to) => write!(formatter, "must be from {from} to {to}"),
            Self::MustNotBeBetween(from, to) => {
                write!(formatter, "must not be from {from} to {to}")
            }
        }
    }
}

impl Metric {
    /// Its name in the standard.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RowCount => "rowCount",
            Self::NullValues { .. } => "nullValues",
            Self::InvalidValues { .. } => "invalidValues",
            Self::DuplicateValues { .. } => "duplicateValues",
            Self::InvalidRows => "invalidRows",
            Self::UnknownReferences { .. } => "unknownReferences",
        }
    }

    /// The column that it looks at, or the columns, with commas between them.
    pub fn column(&self) -> Option<String> {
        match self {
            Self::RowCount | Self::InvalidRows => None,
            Self::NullValues { column }
            | Self::InvalidValues { column, .. }
            | Self::UnknownReferences { column } => Some(column.clone()),
            Self::DuplicateValues { columns } => Some(columns.join(",")),
        }
    }
}

impl Unit {
    /// Its name in the standard.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Percent => "percent",
        }
    }
}

impl Severity {
    /// Its name in the standard.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}
