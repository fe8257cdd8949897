//! Freshness: when the next arrival of a dataset is due, learnt from the moments of those before it.

mod backtest;
mod monthly;
mod predict;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use backtest::Lateness;
use predict::{Arrivals, Rule};

/// How the arrivals of a dataset follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Calendar {
    /// At a distance from one another, whatever the time of day.
    Interval,
    /// At the same times every day.
    Daily,
    /// At the same times every week: working days, business hours, one day of the week.
    Weekly,
    /// At a place in the month, counted from its beginning or its end, in days or working days.
    Monthly,
}

/// When the next arrival is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deadline {
    /// When it is expected.
    pub expected_at: DateTime<Utc>,
    /// After which moment it is late: what is expected and what producers like this one are late by.
    pub deadline: DateTime<Utc>,
    /// The typical distance of arrivals, in seconds.
    pub typical_interval: i64,
    /// How many arrivals were learnt from.
    pub learnt_from: usize,
    /// How arrivals follow each other.
    pub calendar: Calendar,
}

/// The fewest arrivals that say anything.
const FEWEST: usize = 4;

/// When the next arrival after those up to `now` is due. None before the fourth arrival. The arrivals may come in any
/// order; holidays and maintenance windows of the settings are times at which nothing is due.
///
/// Several rules (the typical distance; what followed at the same time on earlier days, in earlier weeks, in earlier months)
/// are tried on the past; the one that has missed least says when the next arrival is expected, and how much it has missed by
/// says how long to wait beyond that: at least 2.5 minutes or 5 % of the typical distance.
pub fn cadence(
    arrivals: &[DateTime<Utc>],
    now: DateTime<Utc>,
    settings: &Settings,
) -> Option<Deadline> {
    let arrivals = Arrivals::new(arrivals, now, settings);
    if arrivals.moments.len() < FEWEST {
        return None;
    }
    let last = *arrivals.moments.last()?;
    let mut best: Option<(Rule, i64, Lateness)> = None;
    for rule in Rule::ALL {
        let Some(expected) = arrivals.due(rule, last) else { continue };
        let Some(lateness) = backtest::lateness(&arrivals, rule) else { continue };
        // A rule that knows less of the calendar is preferred if it does as well.
        if best.is_none_or(|(_, _, best)| lateness.cost < best.cost * 0.8) {
            best = Some((rule, expected, lateness));
        }
    }
    let (rule, expected, lateness) = best?;
    let deadline = arrivals.not_excluded(expected.saturating_add(lateness.wait));
    Some(Deadline {
        expected_at: DateTime::from_timestamp(expected, 0)?,
        deadline: DateTime::from_timestamp(deadline, 0)?,
        typical_interval: arrivals.typical,
        learnt_from: arrivals.moments.len(),
        calendar: rule.calendar(),
    })
}

#[cfg(test)]
mod tests;
