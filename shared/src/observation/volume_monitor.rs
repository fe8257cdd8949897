//! The volume monitor: too many rows, too few, or none.
//!
//! Days are judged always, hours where rows come around the clock. What still fills can only be too much.
//! There is one incident for too few and one for too many, whichever series shows it; it is over when the
//! newest closed bucket of each series is usual again.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use detect::Direction;

use super::bucket::{Bucket, Clock, Grain, Length};
use super::dataset::{self, DatasetState};
use super::judgement::Judgement;
use super::metrics::Metrics;
use super::series::{JudgedBucket, JudgedSeries, judge_series, window};
use super::tally::TallyError;
use super::volume::Volume;
use crate::contract::MonitorSettings;
use crate::incident::{Evidence, Finding, IncidentKey, LastGoodRun, Monitor, Severity};
use crate::state::Store;

/// What says whether rows come around the clock.
const WEEK: TimeDelta = TimeDelta::days(7);

/// An hourly series is judged if so many of a hundred hours of the last week have rows …
const FILLED_HOURS: usize = 60;

/// … and half of them at least so many.
const ROWS_AN_HOUR: u64 = 20;

/// So far off, in widths of the interval, is grave.
const GRAVE: f64 = 2.5;

/// How many closed buckets an incident tells of.
const MOST_TOLD: usize = 5;

/// Judges the volume of a dataset as it stands, and keeps the verdicts. `changed` are buckets that were
/// written just now.
pub async fn judge<S: Store>(
    metrics: &Metrics<'_, S>,
    state: &DatasetState,
    settings: &MonitorSettings,
    changed: &[Bucket],
    now: DateTime<Utc>,
) -> Result<Option<Judgement>, TallyError> {
    if !settings.enabled {
        return Ok(None);
    }
    let clock = settings.bucket_by.unwrap_or(Clock::Event);
    let mut findings = Vec::new();
    let days = Grain { clock, length: Length::Day };
    let mut clock_used = clock;
    let mut volumes = read(metrics, &state.dataset, days, window(Length::Day), now).await?;
    if volumes.is_empty() && clock == Clock::Event {
        // Rows without an event time have arrived all the same.
        clock_used = Clock::Arrival;
        volumes =
            read(metrics, &state.dataset, Grain::ARRIVAL_DAY, window(Length::Day), now).await?;
    }
    let judged = judge_and_keep(metrics, state, settings, &volumes, now).await?;
    findings.extend(find(state, &judged, now));
    let hours = Grain { clock: clock_used, length: Length::Hour };
    if is_due(state, hours, changed, now) {
        let volumes = read(metrics, &state.dataset, hours, window(Length::Hour), now).await?;
        if is_around_the_clock(&volumes, now) {
            let judged = judge_and_keep(metrics, state, settings, &volumes, now).await?;
            findings.extend(find(state, &judged, now));
        }
    } else {
        findings.extend(find_kept(metrics, state, settings, hours, now).await?);
    }
    Ok(Some(Judgement { monitor: Monitor::Volume, findings: one_a_cause(findings) }))
}

/// What was found of the hours when they were judged last: it stands until they are judged again.
async fn find_kept<S: Store>(
    metrics: &Metrics<'_, S>,
    state: &DatasetState,
    settings: &MonitorSettings,
    hours: Grain,
    now: DateTime<Utc>,
) -> Result<Vec<Finding>, TallyError> {
    let volumes = read(metrics, &state.dataset, hours, WEEK, now).await?;
    if !is_around_the_clock(&volumes, now) {
        return Ok(Vec::new());
    }
    // A week is too little to judge what still fills by.
    let judged = judge_series(&volumes, &settings.detector, state.first_arrival, now);
    Ok(find(state, &JudgedSeries { overflowing: None, ..judged }, now))
}

async fn read<S: Store>(
    metrics: &Metrics<'_, S>,
    dataset: &str,
    grain: Grain,
    span: TimeDelta,
    now: DateTime<Utc>,
) -> Result<BTreeMap<Bucket, Volume>, TallyError> {
    Ok(metrics.volumes(dataset, grain, now - span, now).await?)
}

async fn judge_and_keep<S: Store>(
    metrics: &Metrics<'_, S>,
    state: &DatasetState,
    settings: &MonitorSettings,
    volumes: &BTreeMap<Bucket, Volume>,
    now: DateTime<Utc>,
) -> Result<JudgedSeries, TallyError> {
    let judged = judge_series(volumes, &settings.detector, state.first_arrival, now);
    for (bucket, verdict) in &judged.verdicts {
        metrics.keep_verdict(&state.dataset, *bucket, verdict).await?;
    }
    if let Some(last) = judged.closed.last() {
        let series = series_name(last.bucket.grain);
        let until = last.bucket.end();
        dataset::change(metrics.store, &state.dataset, |state| {
            let known = state.judged_until.get(&series).copied();
            let is_new = known.is_none_or(|known| known < until);
            if is_new {
                state.judged_until.insert(series.clone(), until);
            }
            is_new
        })
        .await?;
    }
    Ok(judged)
}

fn series_name(grain: Grain) -> String {
    format!("{}#{}", grain.clock.name(), grain.length.name())
}

/// Whether a bucket of a series has closed since it was judged, or one that was judged has changed.
fn is_due(state: &DatasetState, grain: Grain, changed: &[Bucket], now: DateTime<Utc>) -> bool {
    let Some(until) = state.judged_until.get(&series_name(grain)) else { return true };
    let has_closed = *until + grain.length.span() <= now;
    has_closed || changed.iter().any(|bucket| bucket.grain == grain && bucket.start < *until)
}

/// Whether a bucket may have closed since the volume of a dataset was judged, although nothing has come. What
/// was never judged is for who takes in a run.
pub fn is_due_by_clock(state: &DatasetState, now: DateTime<Utc>) -> bool {
    let judged = |clock| {
        [Length::Day, Length::Hour]
            .map(|length| Grain { clock, length })
            .into_iter()
            .filter(|grain| state.judged_until.contains_key(&series_name(*grain)))
    };
    // By arrival is judged what had no event time yet; what has is judged by that alone.
    let by_event = judged(Clock::Event).count() > 0;
    let clock = if by_event { Clock::Event } else { Clock::Arrival };
    judged(clock).any(|grain| is_due(state, grain, &[], now))
}

fn is_around_the_clock(volumes: &BTreeMap<Bucket, Volume>, now: DateTime<Utc>) -> bool {
    let week = now - WEEK;
    let mut rows: Vec<u64> = volumes
        .iter()
        .filter(|(bucket, volume)| bucket.start >= week && volume.rows > 0)
        .map(|(_, volume)| volume.rows)
        .collect();
    rows.sort_unstable();
    let median = rows.get(rows.len() / 2).copied().unwrap_or_default();
    rows.len() * 100 >= 7 * 24 * FILLED_HOURS && median >= ROWS_AN_HOUR
}

/// What is wrong with a series now: its newest closed bucket, or the one that fills.
fn find(state: &DatasetState, judged: &JudgedSeries, now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(last) = judged.closed.last()
        && let Some(side) = last.side
        && !is_freshness_concern(state, last, now)
    {
        findings.push(finding(state, &judged.closed, last, side));
    }
    if let Some(open) = &judged.overflowing {
        findings.push(finding(state, &judged.closed, open, Direction::Above));
    }
    findings
}

/// Whether a bucket is empty because nothing came: something was due and the dataset is or was late, which is told
/// already; or nothing was due.
fn is_freshness_concern(state: &DatasetState, last: &JudgedBucket, now: DateTime<Utc>) -> bool {
    if last.rows > 0 {
        return false;
    }
    let (start, end) = (last.bucket.start, last.bucket.end());
    let was_late = state.last_gap.is_some_and(|gap| start < gap.to && gap.from < end);
    let Some(deadline) = &state.deadline else { return was_late };
    // What arrives soon after a bucket has begun is of the one before.
    let began = start + last.bucket.grain.length.span() / 4;
    let nothing_came = state.last_arrival.is_some_and(|arrival| arrival < began);
    was_late || deadline.deadline < now || (nothing_came && deadline.expected_at >= end)
}

fn finding(
    state: &DatasetState,
    closed: &[JudgedBucket],
    bucket: &JudgedBucket,
    side: Direction,
) -> Finding {
    // The incident began with the first of the unusual buckets before it.
    let mut since = bucket.bucket.start;
    let mut details = Vec::new();
    for earlier in closed.iter().rev().take_while(|earlier| earlier.side == Some(side)) {
        since = since.min(earlier.bucket.start);
        if details.len() < MOST_TOLD && earlier.bucket != bucket.bucket {
            details.push(format!("{}: {} rows", earlier.bucket.when(), earlier.rows));
        }
    }
    let (cause, word) = match side {
        Direction::Below => ("rows_low", "fewer"),
        Direction::Above => ("rows_high", "more"),
    };
    let is_grave = bucket.rows == 0 || bucket.deviation() >= GRAVE;
    Finding {
        key: IncidentKey::new(state.dataset.clone(), Monitor::Volume, cause),
        severity: if is_grave { Severity::High } else { Severity::Medium },
        since,
        summary: summary(&state.dataset, bucket, word),
        evidence: Evidence {
            expected: bucket.expected,
            lower: bucket.lower,
            upper: bucket.upper,
            actual: Some(bucket.rows as f64),
            unit: Some("rows".to_owned()),
            learnt_from: Some(bucket.learnt_from),
            bucket: Some(bucket.bucket.label()),
            last_good_run: state
                .last_good_run
                .as_ref()
                .map(|run| LastGoodRun { run_id: run.run_id.clone(), at: run.arrived_at }),
            details,
            ..Evidence::default()
        },
    }
}

fn summary(dataset: &str, bucket: &JudgedBucket, word: &str) -> String {
    let when = bucket.bucket.when();
    let clock = bucket.bucket.grain.clock.name();
    let rows = bucket.rows;
    let Some(expected) = bucket.expected.filter(|expected| *expected > 0.0) else {
        return format!("{dataset} has {word} rows than usual of {when} (by {clock}): {rows}");
    };
    let percent = 100.0 * rows as f64 / expected;
    format!(
        "{dataset} has {word} rows than usual of {when} (by {clock}): {rows}, {percent:.0} % of the expected {expected:.0}"
    )
}

/// Of several findings of a cause the gravest; of equals the longest bucket.
fn one_a_cause(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        match kept.iter_mut().find(|known| known.key == finding.key) {
            Some(known) if known.severity >= finding.severity => {}
            Some(known) => *known = finding,
            None => kept.push(finding),
        }
    }
    kept
}
