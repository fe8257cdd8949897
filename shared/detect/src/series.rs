//! A series that is judged point by point, and what all monitors of values have in common.

use chrono::{DateTime, Utc};

use crate::calendar::is_excluded;
use crate::engine::{Cache, Measure, Observation, forecast, memory, pace, spacing};
use crate::settings::Settings;
use crate::verdict::{Direction, Reason, Verdict};
use crate::volume::{is_dead, judge_observed};

/// A volume series that keeps what it has seen: judging it point by point says the same as [`crate::judge`] over its history,
/// in less time.
#[derive(Debug, Clone, Default)]
pub struct Series {
    settings: Settings,
    observations: Vec<Observation>,
    cache: Cache,
}

impl Series {
    /// A series without points.
    pub fn new(settings: Settings) -> Self {
        Self { settings, observations: Vec::new(), cache: Cache::default() }
    }

    /// Judges a point and learns from it. Points must come in the order of time; one of the same moment as the last one
    /// replaces it, an earlier one is judged by what came before it and not learnt from.
    pub fn push(&mut self, at: DateTime<Utc>, value: f64) -> Verdict {
        let before =
            self.observations.partition_point(|observation| observation.at < at.timestamp());
        if before + 1 < self.observations.len() {
            return judge_observed(
                &self.observations[..before],
                at,
                value,
                &self.settings,
                &mut Cache::default(),
            );
        }
        self.observations.truncate(before);
        let verdict =
            judge_observed(&self.observations, at, value, &self.settings, &mut self.cache);
        if value.is_finite() && !is_excluded(at, &self.settings) {
            self.observations.push(Observation::new(
                at,
                value,
                1.0,
                verdict.anomaly,
                &self.settings,
            ));
        }
        verdict
    }
}

/// The observations before a moment, in order, one a moment, as far back as anything is learnt from.
pub(crate) fn observations(
    points: impl Iterator<Item = (DateTime<Utc>, f64, f64, bool)>,
    before: DateTime<Utc>,
    settings: &Settings,
) -> Vec<Observation> {
    let mut observations: Vec<Observation> = points
        .filter(|(at, value, _, _)| at.timestamp() < before.timestamp() && value.is_finite())
        .filter(|(at, _, _, _)| !is_excluded(*at, settings))
        .map(|(at, value, rows, is_anomaly)| {
            Observation::new(at, value, rows, is_anomaly, settings)
        })
        .collect();
    observations.sort_by_key(|observation| observation.at);
    observations.dedup_by(|later, earlier| {
        let is_same = later.at == earlier.at;
        if is_same {
            *earlier = *later;
        }
        is_same
    });
    observations
}

/// Judges a value by contract and statistics; also how probable it was that nothing comes, NaN if there are no statistics yet.
pub(crate) fn judge_with(
    observations: &[Observation],
    target: &Observation,
    measure: Measure,
    (at, settings): (DateTime<Utc>, &Settings),
    cache: &mut Cache,
) -> (Verdict, f64) {
    if target.value.is_nan() {
        return (Verdict::quiet(Reason::Missing), 1.0);
    }
    if is_excluded(at, settings) {
        return (Verdict::quiet(Reason::Excluded), 1.0);
    }
    if measure == Measure::Volume && is_dead(observations, target) && settings.least.is_none() {
        return (Verdict { expected: Some(0.0), ..Verdict::quiet(Reason::Dead) }, 1.0);
    }
    let (mut verdict, nothing) = by_the_past(observations, target, measure, settings, cache);
    by_the_contract(target.value, settings, &mut verdict);
    (verdict, nothing)
}

/// Judges a value by the points before it.
fn by_the_past(
    observations: &[Observation],
    target: &Observation,
    measure: Measure,
    settings: &Settings,
    cache: &mut Cache,
) -> (Verdict, f64) {
    let Some(interval) = forecast(observations, target, measure, settings, cache) else {
        let from = target.at - memory(pace(spacing(observations, target.at)));
        let learnt_from =
            observations.iter().filter(|point| point.at >= from && !point.is_anomaly).count();
        return (Verdict { learnt_from, ..Verdict::quiet(Reason::Learning) }, f64::NAN);
    };
    let value = target.value;
    let direction = match value {
        _ if value < interval.lower => Some(Direction::Below),
        _ if value > interval.upper => Some(Direction::Above),
        _ => None,
    };
    let is_ignored =
        direction.is_some() && is_too_small(value, interval.expected, measure, settings);
    let reason = match direction {
        Some(_) if is_ignored => Reason::Ignored,
        Some(_) => Reason::Unusual,
        None if interval.is_other_level => Reason::NewLevel,
        None => Reason::Expected,
    };
    let verdict = Verdict {
        anomaly: direction.is_some() && !is_ignored,
        reason,
        direction,
        expected: Some(interval.expected),
        lower: Some(interval.lower),
        upper: Some(interval.upper),
        deviation: deviation(value, interval.expected, (interval.lower, interval.upper)),
        learnt_from: interval.learnt_from,
    };
    (verdict, interval.nothing)
}

/// Whether a difference is too small for anyone to care.
fn is_too_small(value: f64, expected: f64, measure: Measure, settings: &Settings) -> bool {
    match (settings.ignore_below, measure) {
        (Some(least), Measure::Share) => (value - expected).abs() < least,
        (None, Measure::Share) => (value - expected).abs() < 0.005,
        (Some(least), _) => value.abs() < least && expected.abs() < least,
        (None, _) => false,
    }
}

/// How far a value is from what was expected, in widths of the interval on its side.
fn deviation(value: f64, expected: f64, (lower, upper): (f64, f64)) -> f64 {
    let width = if value < expected { expected - lower } else { upper - expected };
    let distance = (value - expected).abs();
    if distance == 0.0 {
        return 0.0;
    }
    (distance / width.max(f64::MIN_POSITIVE)).min(1e6)
}

/// Judges a value by the bounds of the contract, which hold whatever the past was.
fn by_the_contract(value: f64, settings: &Settings, verdict: &mut Verdict) {
    let (bound, reason, direction) = match (settings.least, settings.most) {
        (Some(least), _) if value < least => (least, Reason::BelowLeast, Direction::Below),
        (_, Some(most)) if value > most => (most, Reason::AboveMost, Direction::Above),
        _ => return,
    };
    verdict.anomaly = true;
    verdict.reason = reason;
    verdict.direction = Some(direction);
    match direction {
        Direction::Below => {
            verdict.lower = Some(verdict.lower.map_or(bound, |lower| lower.max(bound)));
        }
        Direction::Above => {
            verdict.upper = Some(verdict.upper.map_or(bound, |upper| upper.min(bound)));
        }
    }
    verdict.deviation = verdict.deviation.max(1.0);
}
