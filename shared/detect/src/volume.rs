//! Volume: rows or bytes per bucket.

use chrono::{DateTime, Utc};

use crate::engine::{Cache, DEAD_AFTER, Measure, Observation, Pace, memory, pace, recent, spacing};
use crate::settings::Settings;
use crate::tail::nothing;
use crate::verdict::{Direction, Judged, Reason, Verdict};

/// Judges a volume (rows, bytes) by the points before it. `history` may be in any order and may hold points that are not
/// before `at`, which are left out; of several points of one moment the last one counts.
///
/// Contract bounds hold from the first point on, nothing at all is noticed as soon as something always came, and there are
/// statistics from 7 points on, with a weekly season from three weeks on.
pub fn judge(history: &[Judged], at: DateTime<Utc>, value: f64, settings: &Settings) -> Verdict {
    let points = history.iter().map(|point| (point.at, point.value, 1.0, point.anomaly));
    let observations = crate::series::observations(points, at, settings);
    judge_observed(&observations, at, value, settings, &mut Cache::default())
}

/// Judges a volume by observations that are in order and all before it.
pub(crate) fn judge_observed(
    observations: &[Observation],
    at: DateTime<Utc>,
    value: f64,
    settings: &Settings,
    cache: &mut Cache,
) -> Verdict {
    let target = Observation::new(at, value, 1.0, false, settings);
    let (mut verdict, chance) =
        crate::series::judge_with(observations, &target, Measure::Volume, (at, settings), cache);
    if value == 0.0
        && !verdict.anomaly
        && !matches!(verdict.reason, Reason::Excluded | Reason::Dead)
    {
        judge_nothing(observations, &target, chance, settings, &mut verdict);
    }
    verdict
}

/// Nothing came. That is an outage if it is no chance: if something always came, of such a size that nothing cannot be part of its noise,
/// or if nothing came several times in a row where that seldom happens once.
fn judge_nothing(
    observations: &[Observation],
    target: &Observation,
    chance: f64,
    settings: &Settings,
    verdict: &mut Verdict,
) {
    if is_ignored(verdict, settings) {
        return;
    }
    let pace = pace(spacing(observations, target.at));
    let window = recent(observations, target.at - memory(pace));
    let taught = || window.iter().filter(|point| !point.is_anomaly);
    let count = taught().count();
    // Of an hour of a day that was not seen before nothing is known.
    if count == 0 || (pace == Pace::Fine && count < 24) {
        return;
    }
    let least = taught().map(|point| point.value).fold(f64::INFINITY, f64::min);
    let empty = taught().filter(|point| point.value == 0.0).count();
    let seen = if empty == 0 { 0.0 } else { (empty as f64 + 1.0) / (count as f64 + 2.0) };
    let chance = if chance.is_nan() { nothing(least, NOISE_OF_NOTHING) } else { chance };
    let chance = chance.max(seen);
    let before = window.iter().rev().take_while(|point| point.value == 0.0);
    let is_ongoing = window.last().is_some_and(|point| point.is_anomaly && point.value == 0.0);
    let chance_of_all = chance.powi(before.count().min(20) as i32 + 1);
    if chance_of_all > CHANCE_OF_NOTHING && !(is_ongoing && chance < 0.2) {
        return;
    }
    verdict.anomaly = true;
    verdict.reason = Reason::Nothing;
    verdict.direction = Some(Direction::Below);
    verdict.lower =
        Some(verdict.lower.unwrap_or(0.0).max(if least > 0.0 { least.min(1.0) } else { 1.0 }));
    verdict.deviation = verdict.deviation.max(1.0);
    verdict.learnt_from = count;
}

/// The variance of the logarithm of the mean that is assumed while there are no statistics.
const NOISE_OF_NOTHING: f64 = 0.05;
/// How improbable nothing must be.
const CHANCE_OF_NOTHING: f64 = 1e-3;

fn is_ignored(verdict: &Verdict, settings: &Settings) -> bool {
    settings
        .ignore_below
        .is_some_and(|least| verdict.expected.is_some_and(|expected| expected < least))
}

/// Whether nothing came for four weeks.
pub(crate) fn is_dead(observations: &[Observation], target: &Observation) -> bool {
    let mut since = None;
    for observation in observations.iter().rev() {
        if observation.value != 0.0 {
            break;
        }
        since = Some(observation.at);
    }
    target.value == 0.0 && since.is_some_and(|since| target.at - since >= DEAD_AFTER)
}

#[cfg(test)]
#[path = "volume_tests.rs"]
mod tests;
