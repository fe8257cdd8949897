//! The turn of the month: what a day at the end or the beginning of a month deviated by a month ago, it may deviate by again.

use chrono::{Datelike, NaiveDate};

use crate::calendar::{DAY, date, days_to_month_end};
use crate::engine::{Observation, Pace};
use crate::interval::Known;
use crate::robust::median;

/// How many days before the end of a month and after its beginning are looked at.
const TURN: u32 = 3;

/// How far the same day of the last month (of the last two, on average) was from the level around it, anomaly or not. Of daily series
/// alone, and of the days at the turn of a month.
pub(crate) fn usual_deviation(
    known: &Known<'_>,
    window: &[Observation],
    target: &Observation,
) -> Option<f64> {
    if known.pace != Pace::Daily {
        return None;
    }
    let today = date(target.local);
    let place = place_in_month(today)?;
    let mates = window.iter().filter(|point| {
        let day = date(point.local);
        day < today
            && (day.year(), day.month()) != (today.year(), today.month())
            && place_in_month(day) == Some(place)
    });
    let mut deviations: Vec<f64> =
        mates.filter_map(|mate| deviation(known, window, mate)).collect();
    let count = deviations.len();
    let last = deviations.split_off(count.saturating_sub(2));
    if last.is_empty() { None } else { Some(last.iter().sum::<f64>() / last.len() as f64) }
}

/// The place of a day at the turn of a month: negative before its end, positive after its beginning.
fn place_in_month(day: NaiveDate) -> Option<i64> {
    let (before_end, after_beginning) = (days_to_month_end(day), day.day0());
    match (before_end < TURN, after_beginning < TURN) {
        (true, _) => Some(-1 - i64::from(before_end)),
        (_, true) => Some(i64::from(after_beginning)),
        _ => None,
    }
}

/// How far a point is from the ordinary ones of the week around it, without the season. None of what was nothing at all: an outage says
/// nothing of the next month.
fn deviation(known: &Known<'_>, window: &[Observation], of: &Observation) -> Option<f64> {
    let flat = |point: &Observation| point.place(known.scale) - known.profile.at(point.local);
    let first = window.partition_point(|point| point.local < of.local - 6 * DAY);
    let mut around: Vec<f64> = window[first..]
        .iter()
        .take_while(|point| point.local <= of.local + 6 * DAY)
        .filter(|point| !point.is_anomaly && point.local != of.local)
        .map(flat)
        .collect();
    if of.value == 0.0 || around.len() < 4 {
        return None;
    }
    Some(flat(of) - median(&mut around)?)
}
