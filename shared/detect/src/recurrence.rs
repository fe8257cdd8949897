//! What comes back every week is no incident: anomalies whose like comes at the same time of the next two
//! weeks, alike and among ordinary points, are a season that was not known yet.

use crate::calendar::{DAY, WEEK};
use crate::engine::{Observation, Pace};

/// How much higher than the least the greatest of the points of three weeks may be.
const ALIKE: f64 = 1.6;

/// The observations, those that recur no longer called anomalies. None if there are none such.
/// Points from `until` (local seconds) on have no say.
pub(crate) fn pardon(
    window: &[Observation],
    until: i64,
    pace: Pace,
    spacing: i64,
) -> Option<Vec<Observation>> {
    if pace == Pace::Slow {
        return None;
    }
    let anomalies: Vec<usize> = window
        .iter()
        .enumerate()
        .filter(|(_, point)| point.is_anomaly)
        .map(|(index, _)| index)
        .collect();
    if anomalies.len() < 2 || anomalies.len() * 2 > window.len() {
        return None;
    }
    let known = &window[..window.partition_point(|point| point.local < until)];
    let is_stray = |index: usize| is_among_ordinary(known, index);
    let tolerance = spacing / 2;
    let mut pardoned: Option<Vec<Observation>> = None;
    for &first in &anomalies {
        let Some(second) = at_week_after(window, first, tolerance) else { continue };
        let Some(third) = at_week_after(window, second, tolerance) else { continue };
        if third < known.len()
            && are_alike(&window[first], &window[second], &window[third])
            && is_stray(first)
            && is_stray(second)
            && is_stray(third)
        {
            let points = pardoned.get_or_insert_with(|| window.to_vec());
            for index in [first, second, third] {
                points[index].is_anomaly = false;
            }
        }
    }
    pardoned
}

/// Whether a point is like the anomalies at the same time one and two weeks before it; of a series of less than three weeks, one.
pub(crate) fn recurs(window: &[Observation], target: &Observation, spacing: i64) -> bool {
    let at = |weeks: i64| {
        let then = target.local - weeks * WEEK;
        let index = window.partition_point(|point| point.local < then - spacing / 2);
        (index < window.len() && window[index].local - then <= spacing / 2).then_some(index)
    };
    let Some(second) = at(1) else { return false };
    let is_young = window.first().is_none_or(|first| target.at - first.at < 3 * WEEK);
    let Some(first) = at(2) else {
        return is_young
            && window[second].is_anomaly
            && are_alike(&window[second], &window[second], target)
            && is_among_ordinary(window, second);
    };
    window[first].is_anomaly
        && window[second].is_anomaly
        && are_alike(&window[first], &window[second], target)
        && is_among_ordinary(window, first)
        && is_among_ordinary(window, second)
}

/// The point a week after another one.
fn at_week_after(window: &[Observation], of: usize, tolerance: i64) -> Option<usize> {
    let then = window[of].local + WEEK;
    let index = window.partition_point(|point| point.local < then - tolerance);
    (window.get(index)?.local - then <= tolerance).then_some(index)
}

fn are_alike(first: &Observation, second: &Observation, third: &Observation) -> bool {
    let values = [first.value, second.value, third.value];
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most <= least * ALIKE || (least >= 0.0 && most <= least + 2.0)
}

/// Whether most points of the three days around a point are ordinary: else it is part of an incident that lasts.
fn is_among_ordinary(window: &[Observation], index: usize) -> bool {
    let (from, to) = (window[index].local - 3 * DAY, window[index].local + 3 * DAY);
    let first = window.partition_point(|point| point.local < from);
    let around = window[first..].iter().take_while(|point| point.local <= to);
    let (mut ordinary, mut all) = (0, 0);
    for point in around {
        all += 1;
        ordinary += usize::from(!point.is_anomaly);
    }
    ordinary * 2 > all
}
