//! Columns that change what they hold: each way is found on the day it happens, with its name; the day after, back to
//! usual, is quiet, and so are columns that only vary.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use detect::Settings;
use observe::distribution::{JudgedDay, judge};
use shared::incident::Severity;
use shared::observation::columns::{ColumnDay, DayColumns};

const DATASET: &str = "shop.orders";
const DAYS: i64 = 28;
const SEEDS: u64 = 60;

/// On which day something happens.
const DAY: i64 = 21;

/// What happens to a column.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mutation {
    NullsAppear,
    NullsVanish,
    AllNull,
    ValuesCollapse,
    UnitChanges,
    ValueSurges,
    ValueVanishes,
    RowsAreRefused,
    MaximumJumps,
    MinimumFalls,
}

impl Mutation {
    const ALL: [Self; 10] = [
        Self::NullsAppear,
        Self::NullsVanish,
        Self::AllNull,
        Self::ValuesCollapse,
        Self::UnitChanges,
        Self::ValueSurges,
        Self::ValueVanishes,
        Self::RowsAreRefused,
        Self::MaximumJumps,
        Self::MinimumFalls,
    ];

    /// The incident that it must open, and how grave it is at least.
    fn cause(self) -> (&'static str, Severity) {
        match self {
            Self::NullsAppear => ("null_share:total", Severity::Medium),
            Self::AllNull => ("null_share:total", Severity::High),
            Self::NullsVanish => ("null_share:note", Severity::High),
            Self::ValuesCollapse => ("distinct:customer", Severity::Medium),
            Self::UnitChanges => ("quantile:total:median", Severity::High),
            Self::ValueSurges => ("value_share:status=refunded", Severity::Medium),
            Self::ValueVanishes => ("value_share:status=paid", Severity::High),
            Self::RowsAreRefused => ("quarantined_share", Severity::Medium),
            Self::MaximumJumps => ("maximum:total", Severity::Medium),
            Self::MinimumFalls => ("minimum:total", Severity::Medium),
        }
    }

    /// What else may be told of it: the same column, seen in another way.
    fn touches(self, cause: &str) -> bool {
        let column = match self {
            Self::NullsAppear
            | Self::AllNull
            | Self::UnitChanges
            | Self::MaximumJumps
            | Self::MinimumFalls => "total",
            Self::NullsVanish => "note",
            Self::ValuesCollapse => "customer",
            Self::ValueSurges | Self::ValueVanishes => "status",
            Self::RowsAreRefused => "quarantined",
        };
        cause.contains(column)
    }
}

/// Chance that is the same on every machine (Steele et al., `SplitMix64`, 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About a standard normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }

    /// About a binomial count, whose share wobbles a little from day to day.
    fn count(&mut self, rows: u64, share: f64) -> u64 {
        let share = (share * (1.0 + 0.03 * self.normal())).clamp(0.0, 1.0);
        let mean = rows as f64 * share;
        let deviation = (mean * (1.0 - share)).sqrt();
        (mean + deviation * self.normal()).round().clamp(0.0, rows as f64) as u64
    }
}

/// The least and the greatest total of a day: the latter has a long tail, and both move with the unit.
fn ends(chance: &Chance, mutation: Option<Mutation>) -> (f64, f64) {
    let mut chance = Chance(chance.0 ^ 0x5eed);
    let unit = if mutation == Some(Mutation::UnitChanges) { 100.0 } else { 1.0 };
    let least = (1.0 + 0.1 * chance.normal()) * unit;
    let greatest = 600.0 * (0.4 * chance.normal()).exp() * unit;
    match mutation {
        Some(Mutation::MaximumJumps) => (least, greatest * 1_000.0),
        Some(Mutation::MinimumFalls) => (-1e6, greatest),
        _ => (least, greatest),
    }
}

fn day(chance: &mut Chance, number: i64, mutation: Option<Mutation>) -> DayColumns {
    let is = |kind| mutation == Some(kind);
    let weekend = number % 7 >= 5;
    let rows = ((if weekend { 1_400.0 } else { 2_000.0 }) * (1.0 + 0.08 * chance.normal())) as u64;
    let mut columns = BTreeMap::new();
    let share = if is(Mutation::AllNull) {
        1.0
    } else if is(Mutation::NullsAppear) {
        0.2
    } else {
        0.02
    };
    let nulls = if is(Mutation::AllNull) { rows } else { chance.count(rows, share) };
    let unit = if is(Mutation::UnitChanges) { 100.0 } else { 1.0 };
    let filled = rows - nulls;
    let ends = Some(ends(chance, mutation)).filter(|_| filled > 0);
    let quantiles = [5.0, 20.0, 40.0, 80.0, 220.0];
    let quantile_sums =
        quantiles.map(|value| value * unit * (1.0 + 0.03 * chance.normal()) * filled as f64);
    columns.insert(
        "total".to_owned(),
        ColumnDay {
            rows,
            nulls,
            distinct: chance.count(filled, 0.7),
            measured_rows: filled,
            quantile_sums: if filled > 0 { quantile_sums.to_vec() } else { Vec::new() },
            least: ends.map(|(least, _)| least).into_iter().collect(),
            greatest: ends.map(|(_, greatest)| greatest).into_iter().collect(),
            ..ColumnDay::default()
        },
    );
    let nulls = chance.count(rows, if is(Mutation::NullsVanish) { 0.03 } else { 0.6 });
    columns.insert(
        "note".to_owned(),
        ColumnDay { rows, nulls, distinct: rows - nulls, ..ColumnDay::default() },
    );
    let distinct = chance.count(rows, if is(Mutation::ValuesCollapse) { 0.05 } else { 0.8 });
    columns.insert("customer".to_owned(), ColumnDay { rows, distinct, ..ColumnDay::default() });
    let refunded = chance.count(rows, if is(Mutation::ValueSurges) { 0.2 } else { 0.03 });
    let paid = if is(Mutation::ValueVanishes) { 0 } else { chance.count(rows - refunded, 0.85) };
    let values = [("refunded", refunded), ("paid", paid), ("open", rows - refunded - paid)];
    let values = values.map(|(value, count)| (value.to_owned(), count)).into();
    columns.insert(
        "status".to_owned(),
        ColumnDay { rows, distinct: 3, values, ..ColumnDay::default() },
    );
    let quarantined =
        if is(Mutation::RowsAreRefused) { rows / 8 } else { chance.count(rows, 0.001) };
    DayColumns { routed: rows, quarantined, runs: 24, columns, ..DayColumns::default() }
}

/// Judges day after day as `observe` does: what was an anomaly is kept with its day.
fn judge_days(seed: u64, mutation: Option<Mutation>) -> Vec<JudgedDay> {
    let mut chance = Chance(seed);
    let first: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
    let mut days: Vec<(DateTime<Utc>, DayColumns)> = Vec::new();
    let mut judged = Vec::new();
    for number in 0..DAYS {
        let happens = mutation.filter(|_| number == DAY);
        days.push((first + TimeDelta::days(number), day(&mut chance, number, happens)));
        let today = judge(DATASET, &days, &Settings::default()).expect("a day with enough rows");
        days.last_mut().unwrap().1.anomalies.clone_from(&today.anomalies);
        judged.push(today);
    }
    judged
}

#[test]
fn every_mutation_is_found_on_its_day_and_over_on_the_next() {
    for mutation in Mutation::ALL {
        let (cause, least) = mutation.cause();
        for seed in 1..=10 {
            let judged = judge_days(seed, Some(mutation));
            let day = &judged[DAY as usize];
            let found = day.judgement.findings.iter().find(|finding| finding.key.cause == cause);
            let found =
                found.unwrap_or_else(|| panic!("{mutation:?} of seed {seed}: {:?}", day.anomalies));
            assert!(found.severity >= least, "{mutation:?} of seed {seed}: {:?}", found.severity);
            assert_eq!(found.since, day.day);
            for other in &day.anomalies {
                assert!(mutation.touches(other), "{mutation:?} of seed {seed} is told as {other}");
            }
            let next = &judged[DAY as usize + 1].anomalies;
            assert!(next.iter().all(|told| !mutation.touches(told)), "{mutation:?}: {next:?}");
        }
    }
}

/// Inputs that are dropped by the day instead of by the hour have fewer different values a row, and all of them.
#[test]
fn larger_inputs_are_no_collapse() {
    let first: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
    let mut days = Vec::new();
    for number in 0..20 {
        let runs = if number < 19 { 24 } else { 1 };
        let channel = ColumnDay { rows: 4_800, distinct: 3 * runs, ..ColumnDay::default() };
        let columns = BTreeMap::from([("channel".to_owned(), channel)]);
        let day = DayColumns { routed: 4_800, runs, columns, ..DayColumns::default() };
        days.push((first + TimeDelta::days(number), day));
    }
    let judged = judge(DATASET, &days, &Settings::default()).unwrap();
    assert!(judged.anomalies.is_empty(), "{:?}", judged.anomalies);
}

/// Thirteen figures a day, four weeks, sixty datasets: at most one in five thousand may be told of by chance.
#[test]
fn columns_that_only_vary_are_quiet() {
    let mut told = Vec::new();
    for seed in 100..100 + SEEDS {
        for day in judge_days(seed, None) {
            told.extend(day.anomalies);
        }
    }
    let figures = 13 * DAYS as usize * SEEDS as usize;
    assert!(told.len() * 5_000 <= figures, "{} of {figures}: {told:?}", told.len());
}
