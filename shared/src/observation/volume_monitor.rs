//! The volume monitor: too many rows, too few, or none; and bytes that the rows do not explain.
//!
//! Days are judged always, hours where rows come around the clock. What still fills can only be too much.
//! There is one incident for too few and one for too many, whichever series shows it; it is over when the
//! newest closed bucket of each series is usual again.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use detect::Settings;

use super::bucket::{Bucket, Clock, Grain, Length};
use super::dataset::{self, DatasetState};
use super::judgement::Judgement;
use super::metrics::Metrics;
use super::series::{judge_series, window};
use super::tally::TallyError;
use super::volume::{Measure, StoredVerdict, Volume};
use super::volume_findings::{Judged, find, one_a_cause};
use crate::contract::MonitorSettings;
use crate::incident::{Finding, Monitor};
use crate::state::Store;

/// What says whether rows come around the clock.
const WEEK: TimeDelta = TimeDelta::days(7);

/// An hourly series is judged if so many of a hundred hours of the last week have rows …
const FILLED_HOURS: usize = 60;

/// … and half of them at least so many.
const ROWS_AN_HOUR: u64 = 20;

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
    findings.extend(find(state, &judged, &settings.detector, now));
    let hours = Grain { clock: clock_used, length: Length::Hour };
    if is_due(state, hours, changed, now) {
        let volumes = read(metrics, &state.dataset, hours, window(Length::Hour), now).await?;
        if is_around_the_clock(&volumes, now) {
            let judged = judge_and_keep(metrics, state, settings, &volumes, now).await?;
            findings.extend(find(state, &judged, &settings.detector, now));
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
    let mut judged = judge_both(&volumes, state, &settings.detector, now);
    (judged.rows.filling, judged.bytes.filling) = (None, None);
    Ok(find(state, &judged, &settings.detector, now))
}

/// A series, judged by its rows and by its bytes. Bounds that a contract sets are of rows.
fn judge_both(
    volumes: &BTreeMap<Bucket, Volume>,
    state: &DatasetState,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Judged {
    let of_bytes = Settings { ignore_below: None, least: None, most: None, ..settings.clone() };
    let known_since = state.first_arrival;
    Judged {
        rows: judge_series(volumes, Measure::Rows, settings, known_since, now),
        bytes: judge_series(volumes, Measure::Bytes, &of_bytes, known_since, now),
    }
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
) -> Result<Judged, TallyError> {
    let judged = judge_both(volumes, state, &settings.detector, now);
    let mut verdicts: BTreeMap<Bucket, Vec<(Measure, StoredVerdict)>> = BTreeMap::new();
    for (measure, series) in [(Measure::Rows, &judged.rows), (Measure::Bytes, &judged.bytes)] {
        for (bucket, verdict) in &series.verdicts {
            verdicts.entry(*bucket).or_default().push((measure, verdict.clone()));
        }
    }
    for (bucket, verdicts) in &verdicts {
        metrics.keep_verdicts(&state.dataset, *bucket, verdicts).await?;
    }
    if let Some(last) = judged.rows.closed.last() {
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
