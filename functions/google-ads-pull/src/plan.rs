//! Which units of work are due. Pure: checkpoints and the time in, a list out.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::checkpoint::Checkpoint;
use crate::query::{Dates, Query, latest_day, settled_at};

/// How far back and how often.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The reports.
    pub queries: Vec<Query>,
    /// Days of the campaign report; conversions come in for so long.
    pub window_days: u32,
    /// Days of clicks; Google answers for 90.
    pub click_days: u32,
    /// A day's clicks are asked for again until so many days after it.
    pub recent_click_days: u32,
    /// What was pulled is not asked for again earlier than this.
    pub refresh: TimeDelta,
}

/// What one request to Google asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name in the checkpoints.
    pub name: String,
    /// The report.
    pub query: Query,
    /// The days.
    pub dates: Dates,
    /// When it was last pulled.
    pub pulled_at: Option<DateTime<Utc>>,
}

/// The units of one customer that are due, the most urgent first.
pub fn due(
    schedule: &Schedule,
    checkpoints: &BTreeMap<String, Checkpoint>,
    now: DateTime<Utc>,
) -> Vec<Unit> {
    let mut units = Vec::new();
    for query in &schedule.queries {
        match query {
            Query::CampaignDaily => {
                let dates = Dates::ending(latest_day(now), schedule.window_days);
                let unit = Unit::of(*query, "window", dates, checkpoints);
                if unit.is_stale(schedule.refresh, now) {
                    units.push(unit);
                }
            }
            Query::ClickView => {
                let days = Dates::ending(latest_day(now), schedule.click_days);
                for day in days.latest_first() {
                    let unit = Unit::of_day(*query, day, checkpoints);
                    // Clicks come in late as well: a day is done once it was pulled after it had settled.
                    let settled = settled_at(day, schedule.recent_click_days);
                    if unit.pulled_at.is_none_or(|pulled_at| pulled_at < settled)
                        && unit.is_stale(schedule.refresh, now)
                    {
                        units.push(unit);
                    }
                }
            }
        }
    }
    units.retain(|unit| is_free(checkpoints.get(&unit.name), now));
    units
}

/// The units of a range that somebody asks for, whenever it was pulled before.
pub fn asked(
    queries: &[Query],
    dates: Dates,
    checkpoints: &BTreeMap<String, Checkpoint>,
    now: DateTime<Utc>,
) -> Vec<Unit> {
    let mut units = Vec::new();
    for query in queries {
        match query {
            Query::CampaignDaily => {
                units.push(Unit::of(*query, &dates.to_string(), dates, checkpoints));
            }
            Query::ClickView => {
                for day in dates.latest_first() {
                    units.push(Unit::of_day(*query, day, checkpoints));
                }
            }
        }
    }
    units.retain(|unit| is_free(checkpoints.get(&unit.name), now));
    units
}

impl Unit {
    fn of(
        query: Query,
        part: &str,
        dates: Dates,
        checkpoints: &BTreeMap<String, Checkpoint>,
    ) -> Self {
        let name = format!("{}#{part}", query.name());
        let pulled_at = checkpoints.get(&name).and_then(|checkpoint| checkpoint.pulled_at);
        Self { name, query, dates, pulled_at }
    }

    fn of_day(query: Query, day: NaiveDate, checkpoints: &BTreeMap<String, Checkpoint>) -> Self {
        Self::of(query, &day.to_string(), Dates::day(day), checkpoints)
    }

    fn is_stale(&self, refresh: TimeDelta, now: DateTime<Utc>) -> bool {
        self.pulled_at.is_none_or(|pulled_at| pulled_at + refresh <= now)
    }
}

/// Whether nobody is at it, and it may be asked for.
pub fn is_free(checkpoint: Option<&Checkpoint>, now: DateTime<Utc>) -> bool {
    let Some(checkpoint) = checkpoint else { return true };
    checkpoint.lease_until.is_none_or(|until| until < now)
        && checkpoint.not_before.is_none_or(|not_before| not_before <= now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedule() -> Schedule {
        Schedule {
            queries: vec![Query::CampaignDaily, Query::ClickView],
            window_days: 30,
            click_days: 5,
            recent_click_days: 2,
            refresh: TimeDelta::hours(6),
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn names(units: &[Unit]) -> Vec<&str> {
        units.iter().map(|unit| unit.name.as_str()).collect()
    }

    fn pulled(unit: &str, pulled_at: &str) -> (String, Checkpoint) {
        let checkpoint = Checkpoint {
            unit: unit.to_owned(),
            pulled_at: Some(at(pulled_at)),
            ..Checkpoint::default()
        };
        (unit.to_owned(), checkpoint)
    }

    #[test]
    fn at_first_everything_is_due_the_window_and_the_latest_day_first() {
        let units = due(&schedule(), &BTreeMap::new(), at("2026-03-10T13:00:00Z"));
        assert_eq!(
            names(&units),
            [
                "campaign_daily#window",
                "click_view#2026-03-10",
                "click_view#2026-03-09",
                "click_view#2026-03-08",
                "click_view#2026-03-07",
                "click_view#2026-03-06"
            ]
        );
        assert_eq!(units[0].dates.to_string(), "2026-02-09_2026-03-10");
    }

    #[test]
    fn what_was_pulled_waits_for_its_refresh_and_what_has_settled_is_done() {
        let checkpoints = BTreeMap::from([
            pulled("campaign_daily#window", "2026-03-10T08:00:00Z"),
            pulled("click_view#2026-03-10", "2026-03-10T06:00:00Z"),
            // Pulled once, while it was not over: it must not stay so, however old it is.
            pulled("click_view#2026-03-06", "2026-03-06T13:00:00Z"),
            pulled("click_view#2026-03-07", "2026-03-10T12:00:00Z"),
            pulled("click_view#2026-03-08", "2026-03-10T11:00:00Z"),
            pulled("click_view#2026-03-09", "2026-03-10T12:30:00Z"),
        ]);
        let now = at("2026-03-10T13:00:00Z");
        assert_eq!(
            names(&due(&schedule(), &checkpoints, now)),
            ["click_view#2026-03-10", "click_view#2026-03-06"]
        );
    }

    #[test]
    fn what_is_leased_or_put_off_is_let_alone() {
        let mut checkpoints = BTreeMap::from([
            pulled("campaign_daily#window", "2026-03-01T00:00:00Z"),
            pulled("click_view#2026-03-10", "2026-03-01T00:00:00Z"),
        ]);
        let now = at("2026-03-10T13:00:00Z");
        checkpoints.get_mut("campaign_daily#window").unwrap().lease_until = Some(now);
        checkpoints.get_mut("click_view#2026-03-10").unwrap().not_before =
            Some(at("2026-03-11T00:00:00Z"));
        let units = due(&Schedule { click_days: 1, ..schedule() }, &checkpoints, now);
        assert!(units.is_empty(), "{units:?}");
        let later = now + TimeDelta::seconds(1);
        assert_eq!(due(&Schedule { click_days: 1, ..schedule() }, &checkpoints, later).len(), 1);
    }

    proptest! {
        /// Whenever the clock ticks, and however long it stood still: in the end each day was pulled
        /// after it had settled, and never again.
        #[test]
        fn every_day_ends_settled(ticks in prop::collection::vec(1_i64..40, 40..80)) {
            let schedule = Schedule { queries: vec![Query::ClickView], click_days: 90, ..schedule() };
            let mut checkpoints = BTreeMap::new();
            let mut now = at("2026-01-01T00:00:00Z");
            for hours in ticks {
                now += TimeDelta::hours(hours);
                for unit in due(&schedule, &checkpoints, now) {
                    let settled = settled_at(unit.dates.from, schedule.recent_click_days);
                    prop_assert!(unit.pulled_at.is_none_or(|before| before < settled));
                    checkpoints.insert(unit.name.clone(), Checkpoint { unit: unit.name, pulled_at: Some(now), ..Checkpoint::default() });
                }
            }
            for (name, checkpoint) in &checkpoints {
                let day: NaiveDate = name.rsplit('#').next().unwrap().parse().unwrap();
                let settled = settled_at(day, schedule.recent_click_days);
                let still_recent = now < settled + TimeDelta::hours(6);
                prop_assert!(checkpoint.pulled_at.unwrap() >= settled || still_recent, "{name}");
            }
        }
    }
}
