//! Distribution: shares of rows, and quantities such as distinct counts and quantiles.

use chrono::{DateTime, Utc};

use crate::engine::{Cache, Measure, Observation};
use crate::series::{judge_with, observations};
use crate::settings::Settings;
use crate::verdict::{Judged, JudgedShare, Reason, Verdict};

/// Judges a share of rows (0 to 1: nulls, an enum's value) by the points before it. Its noise is never below that of a sample of
/// `rows`; where the settings give no `ignoreBelow`, changes of less than half a percentage point are ignored.
pub fn judge_share(
    history: &[JudgedShare],
    at: DateTime<Utc>,
    share: f64,
    rows: u64,
    settings: &Settings,
) -> Verdict {
    if rows == 0 {
        return Verdict::quiet(Reason::Missing);
    }
    let points = history
        .iter()
        .filter(|point| point.rows > 0)
        .map(|point| (point.at, point.share, point.rows as f64, point.anomaly));
    let observations = observations(points, at, settings);
    let target = Observation::new(at, share, rows as f64, false, settings);
    judge_with(&observations, &target, Measure::Share, (at, settings), &mut Cache::default()).0
}

/// Judges a quantity (a distinct count or ratio, a quantile, a mean) by the points before it. It may be
/// negative, and nothing at all is a value like others.
pub fn judge_quantity(
    history: &[Judged],
    at: DateTime<Utc>,
    value: f64,
    settings: &Settings,
) -> Verdict {
    let points = history.iter().map(|point| (point.at, point.value, 1.0, point.anomaly));
    let observations = observations(points, at, settings);
    let target = Observation::new(at, value, 1.0, false, settings);
    judge_with(&observations, &target, Measure::Quantity, (at, settings), &mut Cache::default()).0
}

#[cfg(test)]
#[path = "distribution_tests.rs"]
mod tests;
