//! The distribution monitor: what the columns of a dataset hold, day by day.
//!
//! Judged are the share of rows without a value, the number of different values, the quantiles of
//! numbers, the least and greatest of numbers and times, the shares of listed values, and the share of rows in
//! quarantine. A day is judged once it has
//! a fair part of a day's rows, and again with every run of it; what was an anomaly is kept with its day
//! and teaches nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use detect::{
    Direction, Judged, JudgedRange, JudgedShare, Settings, Verdict, judge_end, judge_quantity,
    judge_share,
};
use shared::incident::{Evidence, Finding, IncidentKey, Monitor, Severity};
use shared::observation::Judgement;
use shared::observation::columns::{ColumnDay, DayColumns};

/// A day is judged once it has so many rows …
const LEAST_ROWS: u64 = 30;

/// … and so many of a hundred rows of a usual day.
const LEAST_PERCENT: u64 = 20;

/// The quantiles that are judged: their places among those that a run tells, and their names.
const QUANTILES: [(usize, &str); 3] =
    [(0, "5th percentile"), (2, "median"), (4, "95th percentile")];

/// So far off, in widths of the interval, is grave.
const GRAVE_DEVIATION: f64 = 3.0;

/// So large a change of a share is grave.
const GRAVE_SHARE: f64 = 0.5;

/// The number of different values is told of where it falls below this part of the usual.
const COLLAPSED: f64 = 0.5;

/// A day, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedDay {
    /// The day.
    pub day: DateTime<Utc>,
    /// What is unusual of it.
    pub judgement: Judgement,
    /// The names of what is unusual, to be kept with the day.
    pub anomalies: BTreeSet<String>,
}

/// Judges the newest day that has enough rows; none where there is no such day.
pub fn judge(
    dataset: &str,
    days: &[(DateTime<Utc>, DayColumns)],
    settings: &Settings,
) -> Option<JudgedDay> {
    let usual = usual_rows(days);
    let is_judged =
        |day: &DayColumns| day.routed >= LEAST_ROWS && day.routed * 100 >= usual * LEAST_PERCENT;
    let newest = days.iter().rposition(|(_, day)| is_judged(day))?;
    let (day, columns) = &days[newest];
    let look = Look { dataset, history: &days[..newest], day: *day, columns, settings };
    let mut findings = Vec::new();
    look.quarantine(&mut findings);
    for (name, column) in &columns.columns {
        look.column(name, column, &mut findings);
    }
    let anomalies = findings.iter().map(|finding| finding.key.cause.clone()).collect();
    let judgement = Judgement { monitor: Monitor::Distribution, findings };
    Some(JudgedDay { day: *day, judgement, anomalies })
}

/// Rows of a usual day: the median of the days before the last.
fn usual_rows(days: &[(DateTime<Utc>, DayColumns)]) -> u64 {
    let before = &days[..days.len().saturating_sub(1)];
    let mut rows: Vec<u64> = before.iter().map(|(_, day)| day.routed).collect();
    rows.sort_unstable();
    rows.get(rows.len() / 2).copied().unwrap_or_default()
}

/// Different values of a column in a usual input: the median of the days.
fn usual_distinct(days: &[(DateTime<Utc>, DayColumns)], name: &str) -> f64 {
    let of_day = |day: &DayColumns| Some(day.columns.get(name)?.distinct_a_run(day.runs));
    let mut usual: Vec<f64> = days.iter().filter_map(|(_, day)| of_day(day)).collect();
    usual.sort_by(f64::total_cmp);
    usual.get(usual.len() / 2).copied().unwrap_or_default()
}

/// A day and those before it.
struct Look<'a> {
    dataset: &'a str,
    history: &'a [(DateTime<Utc>, DayColumns)],
    day: DateTime<Utc>,
    columns: &'a DayColumns,
    settings: &'a Settings,
}

/// A share of rows.
#[derive(Clone, Copy)]
struct Share {
    part: u64,
    rows: u64,
}

impl Share {
    fn value(self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.part as f64 / self.rows as f64 }
    }
}

impl Look<'_> {
    fn quarantine(&self, findings: &mut Vec<Finding>) {
        let share = |day: &DayColumns| {
            Some(Share { part: day.quarantined.min(day.routed), rows: day.routed })
        };
        self.share("quarantined_share", "rows in quarantine", share, findings);
    }

    fn column(&self, name: &str, column: &ColumnDay, findings: &mut Vec<Finding>) {
        let of = |day: &DayColumns| day.columns.get(name).cloned();
        let nulls = |day: &DayColumns| {
            of(day).map(|column| Share { part: column.nulls.min(column.rows), rows: column.rows })
        };
        self.share(
            &format!("null_share:{name}"),
            &format!("{name} without a value"),
            nulls,
            findings,
        );
        for value in column.values.keys() {
            let share = |day: &DayColumns| {
                let column = of(day)?;
                let part = column.values.get(value).copied().unwrap_or_default();
                Some(Share { part: part.min(column.rows), rows: column.rows })
            };
            let what = format!("{name} = {value}");
            self.share(&format!("value_share:{name}={value}"), &what, share, findings);
        }
        let distinct = |day: &DayColumns| {
            let column = of(day)?;
            (column.rows > column.nulls)
                .then(|| column.distinct as f64 / (column.rows - column.nulls) as f64)
        };
        let cause = format!("distinct:{name}");
        let what = format!("different values a row of {name}");
        // A column of few values has fewer a row in a larger input; only fewer an input too is a collapse.
        let usual = usual_distinct(self.history, name);
        let has_fewer = column.distinct_a_run(self.columns.runs) < usual * COLLAPSED;
        let collapsed = |verdict: &Verdict, actual: f64| {
            verdict.direction == Some(Direction::Below)
                && has_fewer
                && verdict.expected.is_some_and(|expected| actual < expected * COLLAPSED)
        };
        self.quantity(&cause, &what, distinct, collapsed, findings);
        for (place, quantile) in QUANTILES {
            let value = |day: &DayColumns| of(day)?.quantile(place);
            let cause = format!("quantile:{name}:{quantile}");
            let what = format!("the {quantile} of {name}");
            self.quantity(&cause, &what, value, |_, _| true, findings);
        }
        if let Some((least, greatest)) = column.ends() {
            self.end(name, least, Direction::Below, findings);
            self.end(name, greatest, Direction::Above, findings);
        }
    }

    fn share(
        &self,
        cause: &str,
        what: &str,
        share: impl Fn(&DayColumns) -> Option<Share>,
        findings: &mut Vec<Finding>,
    ) {
        let mut history = Vec::new();
        for (at, day) in self.history {
            if let Some(share) = share(day).filter(|share| share.rows > 0) {
                let anomaly = day.anomalies.contains(cause);
                history.push(JudgedShare {
                    at: *at,
                    share: share.value(),
                    rows: share.rows,
                    anomaly,
                });
            }
        }
        let Some(now) = share(self.columns).filter(|share| share.rows > 0) else { return };
        let verdict = judge_share(&history, self.day, now.value(), now.rows, self.settings);
        if verdict.anomaly {
            let change = verdict.expected.map_or(0.0, |expected| (now.value() - expected).abs());
            let is_grave = change >= GRAVE_SHARE;
            findings.push(self.finding(cause, what, &verdict, now.value(), "share", is_grave));
        }
    }

    fn quantity(
        &self,
        cause: &str,
        what: &str,
        value: impl Fn(&DayColumns) -> Option<f64>,
        counts: impl Fn(&Verdict, f64) -> bool,
        findings: &mut Vec<Finding>,
    ) {
        let mut history = Vec::new();
        for (at, day) in self.history {
            if let Some(value) = value(day) {
                let anomaly = day.anomalies.contains(cause);
                history.push(Judged { at: *at, value, anomaly });
            }
        }
        let Some(now) = value(self.columns) else { return };
        let verdict = judge_quantity(&history, self.day, now, self.settings);
        if verdict.anomaly && counts(&verdict, now) {
            let is_grave = verdict.deviation >= GRAVE_DEVIATION;
            findings.push(self.finding(cause, what, &verdict, now, "value", is_grave));
        }
    }

    /// The least or the greatest value. Where the whole column has moved, its ends say nothing more.
    fn end(&self, name: &str, value: f64, end: Direction, findings: &mut Vec<Finding>) {
        let (cause, word) = match end {
            Direction::Below => (format!("minimum:{name}"), "least"),
            Direction::Above => (format!("maximum:{name}"), "greatest"),
        };
        let moved = format!("quantile:{name}:");
        let mut history = Vec::new();
        for (at, day) in self.history {
            let ends = day.columns.get(name).and_then(ColumnDay::ends);
            let Some((least, greatest)) = ends else { continue };
            let is_told = |told: &String| *told == cause || told.starts_with(&moved);
            let anomaly = day.anomalies.iter().any(is_told);
            history.push(JudgedRange { at: *at, least, greatest, anomaly });
        }
        let verdict = judge_end(&history, self.day, value, end, self.settings);
        let has_moved = findings.iter().any(|finding| finding.key.cause.starts_with(&moved));
        if verdict.anomaly && !has_moved {
            findings.push(self.end_finding(name, word, &cause, &verdict));
        }
    }

    /// It tells how far out, not which value: that is one of a row.
    fn end_finding(&self, name: &str, word: &str, cause: &str, verdict: &Verdict) -> Finding {
        let (dataset, day, times) = (self.dataset, self.day.format("%Y-%m-%d"), verdict.deviation);
        Finding {
            key: IncidentKey::new(dataset, Monitor::Distribution, cause),
            severity: Severity::Medium,
            since: self.since(cause),
            summary: format!(
                "{dataset}: the {word} {name} of {day} is far outside what was learnt: {times:.1} times as far out as would be usual"
            ),
            evidence: Evidence {
                upper: Some(1.0),
                actual: Some(times),
                unit: Some("times".to_owned()),
                learnt_from: Some(verdict.learnt_from as u64),
                bucket: Some(day.to_string()),
                ..Evidence::default()
            },
        }
    }

    fn finding(
        &self,
        cause: &str,
        what: &str,
        verdict: &Verdict,
        actual: f64,
        unit: &str,
        is_grave: bool,
    ) -> Finding {
        let dataset = self.dataset;
        let day = self.day.format("%Y-%m-%d");
        let shown = |value: f64| match unit {
            "share" => format!("{:.1} %", value * 100.0),
            _ => format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        };
        let usual = verdict
            .expected
            .map_or_else(String::new, |expected| format!(", {} was expected", shown(expected)));
        Finding {
            key: IncidentKey::new(dataset, Monitor::Distribution, cause),
            severity: if is_grave { Severity::High } else { Severity::Medium },
            since: self.since(cause),
            summary: format!("{dataset}: {what} is {} on {day}{usual}", shown(actual)),
            evidence: Evidence {
                expected: verdict.expected,
                lower: verdict.lower,
                upper: verdict.upper,
                actual: Some(actual),
                unit: Some(unit.to_owned()),
                learnt_from: Some(verdict.learnt_from as u64),
                bucket: Some(day.to_string()),
                ..Evidence::default()
            },
        }
    }

    /// The first of the days in a row on which it was unusual.
    fn since(&self, cause: &str) -> DateTime<Utc> {
        let mut since = self.day;
        for (at, day) in self.history.iter().rev() {
            if !day.anomalies.contains(cause) {
                break;
            }
            since = *at;
        }
        since
    }
}
