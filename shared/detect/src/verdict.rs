//! What a detector is given and what it answers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A point of a series together with what was said of it when it came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// The beginning of the bucket, or the moment of the measurement.
    pub at: DateTime<Utc>,
    /// The value.
    pub value: f64,
    /// Whether it was judged to be an anomaly: such points teach nothing.
    pub anomaly: bool,
}

/// A share of rows together with what was said of it when it came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedShare {
    /// The beginning of the bucket, or the moment of the measurement.
    pub at: DateTime<Utc>,
    /// The share, 0 to 1.
    pub share: f64,
    /// Of how many rows. A share of few rows says little.
    pub rows: u64,
    /// Whether it was judged to be an anomaly: such points teach nothing.
    pub anomaly: bool,
}

/// On which side of the interval a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Above what is expected.
    Above,
    /// Below what is expected.
    Below,
}

/// Why a verdict is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// Within the interval.
    Expected,
    /// Too little is known to say anything.
    Learning,
    /// No value, or a share of no rows.
    Missing,
    /// A holiday or a maintenance window.
    Excluded,
    /// Outside of the interval, but below what the settings care for.
    Ignored,
    /// Outside of the interval that the past gives.
    Unusual,
    /// Nothing came, where something always came.
    Nothing,
    /// Less than the contract's `least`.
    BelowLeast,
    /// More than the contract's `most`.
    AboveMost,
    /// Nothing came, as for the last four weeks: the series is taken as dead.
    Dead,
    /// Far from the former level, but as the points before it: a new level is adopted.
    NewLevel,
}

/// What is said of a point. Stored with it, for the points that follow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Whether the point is an anomaly.
    pub anomaly: bool,
    /// Why.
    pub reason: Reason,
    /// On which side of the interval the value lies; none if inside.
    pub direction: Option<Direction>,
    /// The value that was expected, if anything is known.
    pub expected: Option<f64>,
    /// The least value that would be normal.
    pub lower: Option<f64>,
    /// The greatest value that would be normal.
    pub upper: Option<f64>,
    /// How far the value is from what was expected, in widths of the interval on that side: 1 is its bound, more is an
    /// anomaly. For the severity.
    pub deviation: f64,
    /// How many points were learnt from.
    pub learnt_from: usize,
}

impl Verdict {
    /// A verdict of nothing but a reason.
    pub(crate) fn quiet(reason: Reason) -> Self {
        Self {
            anomaly: false,
            reason,
            direction: None,
            expected: None,
            lower: None,
            upper: None,
            deviation: 0.0,
            learnt_from: 0,
        }
    }
}
