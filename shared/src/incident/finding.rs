//! What a monitor has found.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IncidentKey, Severity};

/// Something is wrong with data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What it is about.
    pub key: IncidentKey,
    /// How bad it is.
    pub severity: Severity,
    /// When the data became bad, which is before it was found.
    pub since: DateTime<Utc>,
    /// A sentence for people. No value of a row is in it: names, counts and times alone.
    pub summary: String,
    /// What the monitor goes by.
    pub evidence: Evidence,
}

/// What a monitor goes by: what it expected, and what there was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The expected value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// The least value that would have been taken for normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// The greatest value that would have been taken for normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// The value that there was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<f64>,
    /// What the values count: `rows`, `bytes`, `seconds`, `share`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How many points the expectation was learnt from; none where a contract says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learnt_from: Option<u64>,
    /// The stretch of time that was judged, such as `2026-07-01` or `2026-07-01T05`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The run that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The last run of the dataset that was good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good_run: Option<LastGoodRun>,
    /// More sentences for people, under the same rule as the summary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// The last run that was good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastGoodRun {
    /// Its id in the Runs table.
    pub run_id: String,
    /// When it ended.
    pub at: DateTime<Utc>,
}

/// Where a dataset stands among the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Context {
    /// Its domain.
    pub domain: String,
    /// Who answers for it, from the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The datasets that it is made from, over however many steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstream: Vec<String>,
    /// The datasets that are made from it, over however many steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downstream: Vec<String>,
}
