//! The ends of a column: its least and its greatest value. One row makes them, so they jump about by their nature; what
//! is told lies far outside of all that was learnt.

use std::f64::consts::LN_2;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::is_excluded;
use crate::robust::median;
use crate::settings::Settings;
use crate::verdict::{Direction, Reason, Verdict};

/// From how many points on anything is said.
const FEWEST: usize = 14;

/// How far back is looked.
const MEMORY: TimeDelta = TimeDelta::days(70);

/// How many anomalies in a row are how things are from then on, unless the settings say otherwise.
const ADOPT_AFTER: usize = 5;

/// One in so many points may be told of by chance. The greatest of n values exceeds all before it by a factor f with
/// probability 1 / (1 + n · f^a) where the tail is a power law, the longest there is in practice.
const CHANCE: f64 = 100_000.0;

/// The deviation of the logarithm of the greatest of many such values is π / √6 / a.
const GUMBEL: f64 = 1.2825;

/// Distances are taken as no smaller than this part of the largest: their logarithms are compared.
const SMALLEST: f64 = 1e-3;

/// The least and the greatest value of a stretch of time, with what was said of one of both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedRange {
    /// The beginning of the bucket.
    pub at: DateTime<Utc>,
    /// The least value.
    pub least: f64,
    /// The greatest value.
    pub greatest: f64,
    /// Whether the end that is judged was judged to be an anomaly: such points teach nothing.
    pub anomaly: bool,
}

/// Judges an end of a column by those before it: above the greatest value, below the least. It is an anomaly if it lies
/// at least twice as far from where the other end usually is as any did before, and further the more the ends vary.
/// `deviation` is in distances that would still be usual.
pub fn judge_end(
    history: &[JudgedRange],
    at: DateTime<Utc>,
    value: f64,
    end: Direction,
    settings: &Settings,
) -> Verdict {
    if !value.is_finite() {
        return Verdict::quiet(Reason::Missing);
    }
    if is_excluded(at, settings) {
        return Verdict::quiet(Reason::Excluded);
    }
    let known = taught(history, at, settings);
    let learning = Verdict { learnt_from: known.len(), ..Verdict::quiet(Reason::Learning) };
    if known.len() < FEWEST {
        return learning;
    }
    // The least of the values is the greatest of their negatives.
    let sign = if end == Direction::Below { -1.0 } else { 1.0 };
    let (mut ends, mut others): (Vec<f64>, Vec<f64>) =
        known.iter().map(|range| of(range, end)).unzip();
    let origin = median(&mut others).unwrap_or_default();
    let Some(far) = far(&ends, origin, settings) else { return learning };
    let distance = sign * value - origin;
    let is_far = distance > far;
    let bound = sign * (origin + far);
    Verdict {
        anomaly: is_far,
        reason: if is_far { Reason::Unusual } else { Reason::Expected },
        direction: is_far.then_some(end),
        expected: median(&mut ends).map(|usual| sign * usual),
        lower: (end == Direction::Below).then_some(bound),
        upper: (end == Direction::Above).then_some(bound),
        deviation: (distance / far).clamp(0.0, 1e6),
        learnt_from: known.len(),
    }
}

/// The end that is judged and the other one, mirrored where it is the lower.
fn of(range: &JudgedRange, end: Direction) -> (f64, f64) {
    match end {
        Direction::Above => (range.greatest, range.least),
        Direction::Below => (-range.least, -range.greatest),
    }
}

/// What is learnt from: no anomaly, unless the last ones lasted.
fn taught(history: &[JudgedRange], at: DateTime<Utc>, settings: &Settings) -> Vec<JudgedRange> {
    let is_known = |range: &&JudgedRange| {
        let is_number = range.least.is_finite() && range.greatest.is_finite();
        at - MEMORY <= range.at && range.at < at && is_number && !is_excluded(range.at, settings)
    };
    let mut known: Vec<JudgedRange> = history.iter().filter(is_known).copied().collect();
    known.sort_by_key(|range| range.at);
    let run = known.iter().rev().take_while(|range| range.anomaly).count();
    let lasting = known.len() - run;
    let lasts = run >= settings.adopt_after.unwrap_or(ADOPT_AFTER);
    let mut place = 0;
    known.retain(|range| {
        place += 1;
        !range.anomaly || (lasts && place > lasting)
    });
    known
}

/// How far from the origin an end may lie. None where all are as large as nothing: then nothing says what is far.
fn far(ends: &[f64], origin: f64, settings: &Settings) -> Option<f64> {
    // A value is known no better than by its size: numbers that rise all the time are quiet.
    let distances: Vec<f64> = ends.iter().map(|end| (end - origin).max(origin.abs())).collect();
    let greatest = distances.iter().copied().fold(0.0, f64::max);
    if greatest <= 0.0 {
        return None;
    }
    let logarithms: Vec<f64> =
        distances.iter().map(|distance| distance.max(greatest * SMALLEST).ln()).collect();
    let count = logarithms.len() as f64;
    let mean = logarithms.iter().sum::<f64>() / count;
    let squares = logarithms.iter().map(|logarithm| (logarithm - mean).powi(2)).sum::<f64>();
    let deviation = (squares / (count - 1.0)).sqrt();
    let beyond = deviation / GUMBEL * (CHANCE / count).ln();
    let width = settings.sensitivity.width() * beyond.max(LN_2);
    Some((greatest * width.exp()).min(f64::MAX / 4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_409_600, 0).unwrap() + TimeDelta::days(number)
    }

    /// Judges day after day, each by those before it; the days that are told.
    fn told(end: Direction, days: i64, ends: impl Fn(i64) -> (f64, f64)) -> Vec<i64> {
        let mut history: Vec<JudgedRange> = Vec::new();
        let mut told = Vec::new();
        for number in 0..days {
            let (least, greatest) = ends(number);
            let value = if end == Direction::Above { greatest } else { least };
            let verdict = judge_end(&history, day(number), value, end, &Settings::default());
            if verdict.anomaly {
                assert_eq!(verdict.direction, Some(end));
                told.push(number);
            }
            history.push(JudgedRange {
                at: day(number),
                least,
                greatest,
                anomaly: verdict.anomaly,
            });
        }
        told
    }

    fn wobble(number: i64) -> f64 {
        (number * 7919 % 13) as f64 / 13.0
    }

    #[test]
    fn what_lies_far_outside_is_told_on_its_day_alone() {
        let (above, below) = (Direction::Above, Direction::Below);
        let orders = |number: i64| (1.0 + wobble(number), 180.0 + 40.0 * wobble(number + 5));
        assert!(told(above, 60, orders).is_empty());
        assert!(told(below, 60, orders).is_empty());
        let jumps = |number: i64| {
            let (least, greatest) = orders(number);
            (least, if number == 30 { greatest * 100.0 } else { greatest })
        };
        assert_eq!(told(above, 60, jumps), [30]);
        assert!(told(below, 60, jumps).is_empty());
        let falls = |number: i64| if number == 30 { (-9_000.0, 190.0) } else { orders(number) };
        assert_eq!(told(below, 60, falls), [30]);
        // Days after the beginning of a day: some events are late, one says that it is of 1970.
        let times = |number: i64| {
            let late = if number % 9 == 0 { -12.0 } else { -0.5 - wobble(number) };
            (if number == 40 { -20_500.0 } else { late }, 1.0)
        };
        assert_eq!(told(below, 60, times), [40]);
    }

    #[test]
    fn what_lasts_is_adopted() {
        let grows =
            |number: i64| (1.0, if number < 30 { 200.0 } else { 50_000.0 + wobble(number) });
        assert_eq!(told(Direction::Above, 60, grows), [30, 31, 32, 33, 34]);
    }

    #[test]
    fn what_rises_varies_or_is_always_the_same_is_quiet() {
        for end in [Direction::Above, Direction::Below] {
            let rising =
                |number: i64| (1e6 + 500.0 * number as f64, 1e6 + 500.0 * (number + 1) as f64);
            assert!(told(end, 90, rising).is_empty());
            assert!(told(end, 90, |_| (0.0, 0.0)).is_empty());
            assert!(told(end, 90, |_| (2.0, 2.0)).is_empty());
            // Nearly always nothing, seldom something.
            let seldom = |number: i64| (0.0, if number % 11 == 3 { 20.0 } else { 0.0 });
            assert!(told(end, 90, seldom).is_empty());
            // The greatest of heavy tails: each tenth is ten times as large, each fiftieth a hundred times.
            let heavy = |number: i64| match (number % 50, number % 10) {
                (7, _) => (1.0, 10_000.0),
                (_, 3) => (1.0, 1_000.0),
                _ => (1.0, 100.0 + wobble(number)),
            };
            assert!(told(end, 90, heavy).is_empty());
        }
    }

    #[test]
    fn little_is_known_of_less_than_two_weeks() {
        let early = |number: i64| (1.0, if number == 13 { 1e9 } else { 10.0 });
        assert!(told(Direction::Above, 30, early).is_empty());
        let later = |number: i64| (1.0, if number == 14 { 1e9 } else { 10.0 });
        assert_eq!(told(Direction::Above, 30, later), [14]);
    }
}
