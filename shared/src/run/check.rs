//! What became of a contract's checks in a run.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A check of an input's rows, made. It holds no value of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// The check's name in the contract.
    pub name: String,
    /// What was counted: `rowCount`, `nullValues`, `invalidValues`, `duplicateValues` or `invalidRows`.
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
        write!(formatter, "{name}: {rounded} {unit}, {expectation}")
    }
}
