//! The rules that say when the next arrival is due.

use chrono::{DateTime, Utc};

use super::Calendar;
use super::monthly;
use crate::calendar::{DAY, WEEK, is_excluded, local_seconds, moment, weekday};
use crate::robust::median;
use crate::settings::Settings;

/// A rule that says what follows an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Interval,
    Daily,
    Weekly,
    Monthly,
}

impl Rule {
    /// Those that know least of the calendar first.
    pub const ALL: [Self; 4] = [Self::Interval, Self::Daily, Self::Weekly, Self::Monthly];

    pub fn calendar(self) -> Calendar {
        match self {
            Self::Interval => Calendar::Interval,
            Self::Daily => Calendar::Daily,
            Self::Weekly => Calendar::Weekly,
            Self::Monthly => Calendar::Monthly,
        }
    }
}

/// The arrivals that are learnt from, in order, in seconds since 1970.
pub(crate) struct Arrivals<'a> {
    pub moments: Vec<i64>,
    /// The median of the distances.
    pub typical: i64,
    settings: &'a Settings,
}

/// How far back arrivals are looked at.
const MEMORY: i64 = 400 * DAY;
/// The most arrivals that are kept: five weeks of one a minute.
const MOST: usize = 50_400;
/// How many earlier days or weeks are asked what followed then.
const ASKED: i64 = 10;
/// The most arrivals that are stepped over because they fall into holidays.
const MOST_SKIPPED: usize = 2_000;

impl<'a> Arrivals<'a> {
    pub fn new(arrivals: &[DateTime<Utc>], now: DateTime<Utc>, settings: &'a Settings) -> Self {
        let mut moments: Vec<i64> =
            arrivals.iter().filter(|arrival| **arrival <= now).map(DateTime::timestamp).collect();
        moments.sort_unstable();
        moments.dedup();
        let from = now.timestamp().saturating_sub(MEMORY);
        let old = moments.partition_point(|&moment| moment < from);
        let first =
            old.min(moments.len().saturating_sub(4)).max(moments.len().saturating_sub(MOST));
        moments.drain(..first);
        let recent = moments.len().saturating_sub(200);
        let mut apart: Vec<f64> =
            moments[recent..].windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let typical = median(&mut apart).unwrap_or(0.0) as i64;
        Self { moments, typical: typical.max(1), settings }
    }

    /// When a rule expects the next arrival after the last one: the first that does not fall into a time at which nothing is due.
    pub fn due(&self, rule: Rule, last: i64) -> Option<i64> {
        let mut expected = self.next(rule, last, self.moments.len())?;
        for _ in 0..MOST_SKIPPED {
            if !self.is_excluded(expected) {
                break;
            }
            let next = self.next(rule, expected, self.moments.len())?;
            if next <= expected {
                break;
            }
            expected = next;
        }
        Some(self.not_excluded(self.after_unknown_weekend(last, expected)))
    }

    /// What a rule says follows an arrival, by the arrivals before an index.
    pub fn next(&self, rule: Rule, last: i64, before: usize) -> Option<i64> {
        match rule {
            Rule::Interval => self.after_typical(last, before),
            Rule::Daily if self.typical > 3 * DAY / 2 => None,
            Rule::Daily => {
                let mut next = self.after_the_same(last, before, DAY);
                Some(self.moment(median(&mut next)? as i64))
            }
            Rule::Weekly if self.typical > 8 * DAY => None,
            Rule::Weekly => self.after_the_same_week(last, before),
            Rule::Monthly => {
                monthly::next(&self.moments[..before], last, self.settings.time_zone.0)
            }
        }
    }

    fn after_typical(&self, last: i64, before: usize) -> Option<i64> {
        let known = &self.moments[before.saturating_sub(21)..before];
        let mut apart: Vec<f64> = known.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        Some(last + median(&mut apart)? as i64)
    }

    /// What followed at the same time of earlier weeks, on the median. Earlier days that say about the same are asked as well: there are more.
    fn after_the_same_week(&self, last: i64, before: usize) -> Option<i64> {
        let mut next = self.after_the_same(last, before, WEEK);
        let weekly = median(&mut next)?;
        if self.typical <= 3 * DAY / 2 {
            let daily = self.after_the_same(last, before, DAY);
            let near = self.typical as f64 / 2.0;
            next.extend(daily.into_iter().filter(|daily| (daily - weekly).abs() <= near));
        }
        Some(self.moment(median(&mut next)? as i64))
    }

    /// What followed at the same time on the clock one, two, … periods ago, moved to now, in local seconds.
    fn after_the_same(&self, last: i64, before: usize, period: i64) -> Vec<f64> {
        let known = &self.moments[..before];
        let local = self.local(last);
        let mut next = Vec::with_capacity(ASKED as usize);
        for periods in 1..=ASKED {
            let then = self.moment(local - periods * period);
            let Some(index) = nearest(known, then) else { continue };
            let away = (known[index] - then).abs();
            if away > (self.typical / 2).min(period / 4).max(60) || index + 1 >= known.len() {
                continue;
            }
            if known[index] >= last || self.has_excluded(known[index], known[index + 1]) {
                continue;
            }
            let followed = self.local(known[index + 1]) + periods * period;
            if followed > local {
                next.push(followed as f64);
            }
        }
        next
    }

    /// Before the first weekend was seen, nobody knows whether anything is due on it: then it is due on Monday. Where
    /// arrivals go on through the night, they will go on through the weekend.
    fn after_unknown_weekend(&self, last: i64, expected: i64) -> i64 {
        let first = self.moments.first().copied().unwrap_or(last);
        let (from, due) = (self.local(last), self.local(expected));
        if last - first >= 6 * DAY || weekday(due) < 5 || weekday(from) >= 5 {
            return expected;
        }
        let longest = self.moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let rests_at_night = longest > 6 * self.typical && longest > 6 * 3_600;
        if self.typical < DAY / 2 && !rests_at_night {
            return expected;
        }
        let seen = self.moments.iter().any(|&moment| weekday(self.local(moment)) >= 5);
        if seen { expected } else { self.moment(due + (7 - weekday(due) as i64) * DAY) }
    }

    /// The first moment from a given one on that is not excluded.
    pub fn not_excluded(&self, at: i64) -> i64 {
        let mut moment = at;
        for _ in 0..400 * 24 {
            if !self.is_excluded(moment) {
                break;
            }
            moment += 3_600;
        }
        moment
    }

    fn is_excluded(&self, at: i64) -> bool {
        DateTime::from_timestamp(at, 0).is_some_and(|at| is_excluded(at, self.settings))
    }

    /// Whether part of the time between two arrivals is excluded.
    pub fn has_excluded(&self, from: i64, to: i64) -> bool {
        if self.settings.holidays.is_empty() && self.settings.maintenance_windows.is_empty() {
            return false;
        }
        let step = ((to - from) / 200).clamp(900, DAY / 2).max(1);
        (from..to).step_by(step as usize).skip(1).any(|at| self.is_excluded(at))
    }

    fn local(&self, at: i64) -> i64 {
        DateTime::from_timestamp(at, 0)
            .map_or(at, |at| local_seconds(at, self.settings.time_zone.0))
    }

    fn moment(&self, local: i64) -> i64 {
        DateTime::from_timestamp(local, 0)
            .map_or(local, |shown| moment(shown.naive_utc(), self.settings.time_zone.0).timestamp())
    }
}

/// The index of the arrival nearest to a moment.
fn nearest(moments: &[i64], to: i64) -> Option<usize> {
    let after = moments.partition_point(|&moment| moment < to);
    match (after.checked_sub(1), moments.get(after)) {
        (Some(before), Some(&next)) if to - moments[before] <= next - to => Some(before),
        (_, Some(_)) => Some(after),
        (before, None) => before,
    }
}
