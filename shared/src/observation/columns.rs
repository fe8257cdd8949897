//! What was counted of a dataset's columns on a day, summed over the runs.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::bucket::{Bucket, Grain};
use super::key;
use super::tally::Tally;
use super::volume;
use crate::run::{ColumnStatistics, Outcome, Run};
use crate::state::ItemKey;

/// Values of a column that are told apart; a run tells no more of them.
const MOST_VALUES: usize = 64;

/// So many runs' least and greatest values are known of a day: what one takes back, the next one shows.
const MOST_ENDS: usize = 5;

/// Numbers beyond this, and nearer to zero than its inverse, are none to DynamoDB.
const LARGEST: f64 = 1e100;

/// A run counts for the day of its events if they lie closer together than this, else for that of its arrival.
const ONE_DAY: TimeDelta = TimeDelta::hours(26);

/// What was counted of one column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnDay {
    /// Rows of runs that counted the column.
    pub rows: u64,
    /// Of these, rows without a value.
    pub nulls: u64,
    /// The runs' numbers of different values, added up.
    pub distinct: u64,
    /// How often each listed value came, where the contract lists them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, u64>,
    /// Rows of runs that told quantiles.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub measured_rows: u64,
    /// Each quantile of each run, by its rows: divided by [`Self::measured_rows`] it is the day's, nearly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantile_sums: Vec<f64>,
    /// The least values of runs, the least of all first; of times, how many days they lie behind the day's beginning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub least: Vec<f64>,
    /// The greatest values of runs, the greatest of all first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub greatest: Vec<f64>,
}

/// What was counted on a day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DayColumns {
    /// Rows that came for the dataset.
    pub routed: u64,
    /// Of these, rows in quarantine.
    pub quarantined: u64,
    /// Runs.
    pub runs: u64,
    /// The columns by their names.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnDay>,
    /// What was unusual when the day was last judged, by the names of causes; such a value teaches nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub anomalies: BTreeSet<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_zero(rows: &u64) -> bool {
    *rows == 0
}

impl Tally for DayColumns {
    type Share = Self;

    fn add(&mut self, share: &Self) {
        self.routed += share.routed;
        self.quarantined += share.quarantined;
        self.runs += share.runs;
        for (name, column) in &share.columns {
            self.columns.entry(name.clone()).or_default().add(column);
        }
    }

    fn remove(&mut self, share: &Self) {
        self.routed = self.routed.saturating_sub(share.routed);
        self.quarantined = self.quarantined.saturating_sub(share.quarantined);
        self.runs = self.runs.saturating_sub(share.runs);
        for (name, column) in &share.columns {
            if let Some(sum) = self.columns.get_mut(name) {
                sum.remove(column);
            }
        }
    }
}

impl ColumnDay {
    /// What a run has counted on a day, of so many rows.
    fn of(statistics: &ColumnStatistics, rows: u64, day: DateTime<Utc>) -> Self {
        let quantiles: Option<Vec<f64>> =
            statistics.quantiles.iter().map(|text| number(text)).collect();
        let quantiles = quantiles.unwrap_or_default();
        let end = |text: &str| number(text).or_else(|| days_behind(day, text));
        let ends = |text: Option<&str>| -> Vec<f64> { text.and_then(end).into_iter().collect() };
        let filled = rows.saturating_sub(statistics.null_count);
        Self {
            rows,
            nulls: statistics.null_count,
            distinct: statistics.distinct_estimate,
            values: statistics.value_counts.clone(),
            measured_rows: if quantiles.is_empty() { 0 } else { filled },
            quantile_sums: quantiles.iter().map(|value| value * filled as f64).collect(),
            least: ends(statistics.minimum.as_deref()),
            greatest: ends(statistics.maximum.as_deref()),
        }
    }

    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.distinct += other.distinct;
        self.measured_rows += other.measured_rows;
        for (value, count) in &other.values {
            if self.values.len() < MOST_VALUES || self.values.contains_key(value) {
                *self.values.entry(value.clone()).or_default() += count;
            }
        }
        self.quantile_sums.resize(self.quantile_sums.len().max(other.quantile_sums.len()), 0.0);
        for (sum, more) in self.quantile_sums.iter_mut().zip(&other.quantile_sums) {
            *sum += more;
        }
        add_ends(&mut self.least, &other.least, f64::total_cmp);
        add_ends(&mut self.greatest, &other.greatest, |one, other| other.total_cmp(one));
    }

    fn remove(&mut self, other: &Self) {
        self.rows = self.rows.saturating_sub(other.rows);
        self.nulls = self.nulls.saturating_sub(other.nulls);
        self.distinct = self.distinct.saturating_sub(other.distinct);
        self.measured_rows = self.measured_rows.saturating_sub(other.measured_rows);
        for (value, count) in &other.values {
            if let Some(sum) = self.values.get_mut(value) {
                *sum = sum.saturating_sub(*count);
            }
        }
        for (sum, less) in self.quantile_sums.iter_mut().zip(&other.quantile_sums) {
            *sum -= less;
        }
        remove_ends(&mut self.least, &other.least);
        remove_ends(&mut self.greatest, &other.greatest);
    }

    /// The least and the greatest value of the day, where they are known.
    pub fn ends(&self) -> Option<(f64, f64)> {
        Some((*self.least.first()?, *self.greatest.first()?))
    }

    /// Different values that a run of the day had, on average.
    pub fn distinct_a_run(&self, runs: u64) -> f64 {
        self.distinct as f64 / runs.max(1) as f64
    }

    /// A quantile of the day, nearly: the mean of the runs', by their rows.
    pub fn quantile(&self, position: usize) -> Option<f64> {
        let sum = self.quantile_sums.get(position)?;
        (self.measured_rows > 0).then(|| sum / self.measured_rows as f64)
    }
}

/// A number that can be kept.
fn number(text: &str) -> Option<f64> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
    let is_nothing = number.abs() < 1.0 / LARGEST;
    Some(if is_nothing { 0.0 } else { number.clamp(-LARGEST, LARGEST) })
}

/// How many days a time or date lies behind the beginning of a day.
fn days_behind(day: DateTime<Utc>, text: &str) -> Option<f64> {
    let date = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    let moment = text.parse::<DateTime<Utc>>().ok().or_else(date)?;
    Some((moment - day).as_seconds_f64() / 86_400.0)
}

fn add_ends(ends: &mut Vec<f64>, more: &[f64], order: impl Fn(&f64, &f64) -> Ordering) {
    ends.extend_from_slice(more);
    ends.sort_by(order);
    ends.truncate(MOST_ENDS);
}

fn remove_ends(ends: &mut Vec<f64>, less: &[f64]) {
    for end in less {
        if let Some(place) = ends.iter().position(|known| known.total_cmp(end).is_eq()) {
            ends.remove(place);
        }
    }
}

/// What a run adds to its day; nothing where it tells nothing of a dataset's rows.
pub fn sum(dataset: &str, run: &Run, since: DateTime<Utc>) -> Option<(ItemKey, DayColumns)> {
    let rows = run.rows.filter(|rows| rows.routed > 0)?;
    let day = day_of(run);
    if day.start < since {
        return None;
    }
    let mut share = DayColumns {
        routed: rows.routed,
        quarantined: rows.quarantined,
        runs: 1,
        ..DayColumns::default()
    };
    if run.outcome == Outcome::Committed {
        for column in &run.columns {
            let counted = ColumnDay::of(column, rows.committed, day.start);
            share.columns.insert(column.name.clone(), counted);
        }
    }
    Some((key::columns(dataset, &day.label()), share))
}

/// The day that a run's columns are counted for: that of most of its events, where they lie close together.
pub fn day_of(run: &Run) -> Bucket {
    let arrival = Grain::ARRIVAL_DAY.bucket(run.arrived_at);
    let Some(range) = run.event_time.filter(|range| range.to - range.from < ONE_DAY) else {
        return arrival;
    };
    let days =
        volume::shares(run).into_iter().filter(|(bucket, _)| bucket.grain == Grain::EVENT_DAY);
    let most = days.max_by_key(|(_, share)| share.rows).map(|(day, _)| day.start);
    Grain::ARRIVAL_DAY.bucket(most.unwrap_or(range.to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::testing::run;

    #[test]
    fn what_is_added_can_be_taken_back() {
        let mut first = run("shop.orders", "2026-11-20T02:30:00Z", 100);
        first.columns = vec![ColumnStatistics {
            name: "total".to_owned(),
            null_count: 10,
            distinct_estimate: 70,
            minimum: Some("1".to_owned()),
            maximum: Some("9".to_owned()),
            quantiles: ["1", "2", "3", "4", "5"].map(str::to_owned).to_vec(),
            value_counts: BTreeMap::new(),
        }];
        let mut second = first.clone();
        second.columns[0].quantiles = ["3", "4", "5", "6", "7"].map(str::to_owned).to_vec();
        let since = first.arrived_at - TimeDelta::days(1);
        let (_, one) = sum("shop.orders", &first, since).unwrap();
        let (_, other) = sum("shop.orders", &second, since).unwrap();
        let mut day = DayColumns::default();
        day.add(&one);
        day.add(&other);
        let total = &day.columns["total"];
        assert_eq!((total.rows, total.nulls, total.quantile(2)), (200, 20, Some(4.0)));
        assert_eq!(total.ends(), Some((1.0, 9.0)));
        day.remove(&other);
        assert_eq!(day, one);
    }

    #[test]
    fn the_ends_of_a_day_are_those_of_the_runs_that_stand() {
        let of = |least: &str, greatest: &str| {
            let mut run = run("shop.orders", "2026-11-20T12:00:00Z", 100);
            run.columns = vec![ColumnStatistics {
                name: "total".to_owned(),
                null_count: 0,
                distinct_estimate: 70,
                minimum: Some(least.to_owned()),
                maximum: Some(greatest.to_owned()),
                quantiles: Vec::new(),
                value_counts: BTreeMap::new(),
            }];
            let since = run.arrived_at - TimeDelta::days(1);
            sum("shop.orders", &run, since).unwrap().1
        };
        let runs = [of("5", "90.5"), of("-1", "70"), of("7", "1e308")];
        let ends = |day: &DayColumns| day.columns["total"].ends();
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut day = DayColumns::default();
            for run in order {
                day.add(&runs[run]);
            }
            assert_eq!(ends(&day), Some((-1.0, LARGEST)));
            day.remove(&runs[2]);
            assert_eq!(ends(&day), Some((-1.0, 90.5)));
            day.remove(&runs[1]);
            assert_eq!(ends(&day), Some((5.0, 90.5)));
        }
        // Times are told by their distance from the day, texts and what is no number not at all.
        let times = of("2026-11-18T12:00:00+00:00", "2026-11-21");
        assert_eq!(ends(&times), Some((-1.5, 1.0)));
        assert_eq!(ends(&of("NaN", "1")), None);
        assert_eq!(ends(&of("true", "true")), None);
    }
}
