//! What became of a contract's checks in a run.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A check of an input's rows, made. It holds no value of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// The check's name in the contract.
    pub name: String,
    /// What was counted: `rowCount`, `nullValues`, `invalidValues`, `duplicateValues`, `invalidRows` or
    /// `unknownReferences`.
    pub metric: String,
    /// The column, where one was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The count, in the unit.
    pub value: f64,
    /// `rows` or `percent`.
    pub unit: String,
    /// What the contract expects: `must be at most 5`.
    pub expectation: String,
    /// `error` or `warning`.
    pub severity: String,
    /// Whether it is as expected.
    pub passed: bool,
    /// Rows that were too many to be looked at, and are not in the count. It passes only if it does so whether
    /// none or all of them count.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unchecked_rows: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_none(rows: &u64) -> bool {
    *rows == 0
}

impl CheckResult {
    /// Whether it keeps the rows from their table.
    pub fn holds_rows(&self) -> bool {
        !self.passed && self.severity == "error"
    }
}

impl fmt::Display for CheckResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, expectation, .. } = self;
        let rounded = (value * 100.0).round() / 100.0;
        write!(formatter, "{name}: {rounded} {unit}, {expectation}")?;
        match self.unchecked_rows {
            0 => Ok(()),
            rows => write!(formatter, "; {rows} rows were not looked up"),
        }
    }
}
