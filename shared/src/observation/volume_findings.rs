//! What the volume monitor tells: of the newest closed bucket, and of the one that fills.

use chrono::{DateTime, Utc};
use detect::{Direction, Settings};

use super::dataset::DatasetState;
use super::freshness;
use super::series::{JudgedBucket, JudgedSeries};
use super::volume::Measure;
use crate::contract::contracts;
use crate::incident::{Evidence, Finding, IncidentKey, LastGoodRun, Monitor, Severity};

/// So far off, in widths of the interval, is grave.
const GRAVE: f64 = 2.5;

/// How many closed buckets an incident tells of.
const MOST_TOLD: usize = 5;

/// As long as a row has no more bytes than so many times what is usual, and no less than that part of it, the rows
/// explain the bytes.
const A_ROW: f64 = 1.25;

/// A series, judged by its rows and by its bytes.
pub(super) struct Judged {
    pub rows: JudgedSeries,
    pub bytes: JudgedSeries,
}

/// What is wrong with a series now: its newest closed bucket, or the one that fills.
pub(super) fn find(
    state: &DatasetState,
    judged: &Judged,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut findings = find_rows(state, &judged.rows, now);
    findings.extend(find_bytes(state, judged, settings));
    findings
}

fn find_rows(state: &DatasetState, judged: &JudgedSeries, now: DateTime<Utc>) -> Vec<Finding> {
    let of = |bucket, side| finding(state, Measure::Rows, &judged.closed, bucket, side);
    let mut findings = Vec::new();
    if let Some(last) = judged.closed.last()
        && let Some(side) = last.side
        && !is_freshness_concern(state, last, now)
    {
        findings.push(of(last, side));
    }
    if let Some(open) = &judged.filling
        && open.side == Some(Direction::Above)
    {
        findings.push(of(open, Direction::Above));
    }
    findings
}

/// What is wrong with the bytes of buckets whose rows are usual.
fn find_bytes(state: &DatasetState, judged: &Judged, settings: &Settings) -> Vec<Finding> {
    let Judged { rows, bytes } = judged;
    let closed = (rows.closed.last(), bytes.closed.last());
    let filling = (rows.filling.as_ref(), bytes.filling.as_ref());
    let mut findings = Vec::new();
    for ((rows, bytes), fills) in [(closed, false), (filling, true)] {
        let (Some(rows), Some(bytes)) = (rows, bytes) else { continue };
        let Some(side) = bytes.side else { continue };
        let is_same = rows.bucket == bytes.bucket;
        // What fills has fewer rows than usual without that being unusual.
        let is_usual =
            if fills { rows.side != Some(Direction::Above) } else { rows.side.is_none() };
        let counts = !fills || side == Direction::Above;
        let is_news = !is_ignored(rows, settings) && !is_explained(rows, bytes, side);
        if is_same && is_usual && counts && is_news {
            findings.push(finding(state, Measure::Bytes, &judged.bytes.closed, bytes, side));
        }
    }
    findings
}

/// Whether so few rows are none of the contract's care.
fn is_ignored(rows: &JudgedBucket, settings: &Settings) -> bool {
    let is_below = |value: f64| settings.ignore_below.is_some_and(|least| value < least);
    is_below(rows.value as f64) && rows.expected.is_none_or(is_below)
}

/// Whether a bucket has about as many bytes as so many rows usually have.
fn is_explained(rows: &JudgedBucket, bytes: &JudgedBucket, side: Direction) -> bool {
    let (Some(usual_rows), Some(usual_bytes)) = (rows.expected, bytes.expected) else {
        return false;
    };
    let usual = usual_bytes / usual_rows.max(1.0);
    let change = bytes.value as f64 / (rows.value as f64).max(1.0) / usual.max(f64::MIN_POSITIVE);
    match side {
        Direction::Above => change < A_ROW,
        Direction::Below => change > 1.0 / A_ROW,
    }
}

/// Whether a bucket is empty because nothing came: something was due and the dataset is or was late, which is told
/// already; or nothing was due.
fn is_freshness_concern(state: &DatasetState, last: &JudgedBucket, now: DateTime<Utc>) -> bool {
    if last.value > 0 {
        return false;
    }
    let (start, end) = (last.bucket.start, last.bucket.end());
    let contract = contracts().iter().find(|contract| contract.dataset() == state.dataset);
    // What the freshness monitor does not watch, it does not tell.
    let is_told = contract.is_none_or(|contract| contract.monitors.freshness.enabled);
    let was_late = state.last_gap.is_some_and(|gap| start < gap.to && gap.from < end);
    let promised = contract.and_then(|contract| contract.latency_minutes);
    let Some(due) = freshness::due(state, promised) else { return is_told && was_late };
    // What arrives soon after a bucket has begun is of the one before.
    let began = start + last.bucket.grain.length.span() / 4;
    let nothing_came = state.last_arrival.is_some_and(|arrival| arrival < began);
    let is_late = was_late || due.deadline < now;
    (is_told && is_late) || (nothing_came && due.expected_at >= end)
}

fn finding(
    state: &DatasetState,
    measure: Measure,
    closed: &[JudgedBucket],
    bucket: &JudgedBucket,
    side: Direction,
) -> Finding {
    let unit = measure.name();
    // The incident began with the first of the unusual buckets before it.
    let mut since = bucket.bucket.start;
    let mut details = Vec::new();
    for earlier in closed.iter().rev().take_while(|earlier| earlier.side == Some(side)) {
        since = since.min(earlier.bucket.start);
        if details.len() < MOST_TOLD && earlier.bucket != bucket.bucket {
            details.push(format!("{}: {} {unit}", earlier.bucket.when(), earlier.value));
        }
    }
    let (end, word) = match side {
        Direction::Below => ("low", "fewer"),
        Direction::Above => ("high", "more"),
    };
    let is_grave = bucket.value == 0 || bucket.deviation() >= GRAVE;
    Finding {
        key: IncidentKey::new(state.dataset.clone(), Monitor::Volume, format!("{unit}_{end}")),
        severity: if is_grave { Severity::High } else { Severity::Medium },
        since,
        summary: summary(&state.dataset, unit, bucket, word),
        evidence: Evidence {
            expected: bucket.expected,
            lower: bucket.lower,
            upper: bucket.upper,
            actual: Some(bucket.value as f64),
            unit: Some(unit.to_owned()),
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

fn summary(dataset: &str, unit: &str, bucket: &JudgedBucket, word: &str) -> String {
    let when = bucket.bucket.when();
    let clock = bucket.bucket.grain.clock.name();
    let value = bucket.value;
    let told = format!("{dataset} has {word} {unit} than usual of {when} (by {clock}): {value}");
    let Some(expected) = bucket.expected.filter(|expected| *expected > 0.0) else { return told };
    let percent = 100.0 * value as f64 / expected;
    format!("{told}, {percent:.0} % of the expected {expected:.0}")
}

/// Of several findings of a cause the gravest; of equals the longest bucket. Nothing is told of bytes on the side on
/// which rows are told, for these explain them.
pub(super) fn one_a_cause(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        match kept.iter_mut().find(|known| known.key == finding.key) {
            Some(known) if known.severity >= finding.severity => {}
            Some(known) => *known = finding,
            None => kept.push(finding),
        }
    }
    let causes: Vec<String> = kept.iter().map(|finding| finding.key.cause.clone()).collect();
    kept.retain(|finding| {
        let side = finding.key.cause.strip_prefix("bytes_");
        side.is_none_or(|side| !causes.contains(&format!("rows_{side}")))
    });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::bucket::Grain;

    fn bucket(value: u64, expected: f64) -> JudgedBucket {
        JudgedBucket {
            bucket: Grain::EVENT_DAY.bucket("2026-11-20T00:00:00Z".parse().unwrap()),
            value,
            side: None,
            expected: Some(expected),
            lower: Some(expected * 0.8),
            upper: Some(expected * 1.2),
            learnt_from: 20,
        }
    }

    #[test]
    fn rows_explain_bytes_as_long_as_a_row_is_as_large_as_usual() {
        let rows = bucket(850, 1_000.0);
        for (bytes, side, explained) in [
            (34_000, Direction::Below, true),
            (28_000, Direction::Below, true),
            (27_000, Direction::Below, false),
            (42_000, Direction::Above, true),
            (43_000, Direction::Above, false),
        ] {
            let bytes = bucket(bytes, 40_000.0);
            assert_eq!(is_explained(&rows, &bytes, side), explained, "{bytes:?}");
        }
    }

    #[test]
    fn bytes_are_not_told_beside_rows() {
        let state = DatasetState { dataset: "shop.orders".to_owned(), ..DatasetState::default() };
        let of = |measure, side| finding(&state, measure, &[], &bucket(10, 1_000.0), side);
        let causes = |findings: Vec<Finding>| -> Vec<String> {
            one_a_cause(findings).into_iter().map(|finding| finding.key.cause).collect()
        };
        let (rows, bytes) = (Measure::Rows, Measure::Bytes);
        let both = vec![of(bytes, Direction::Below), of(rows, Direction::Below)];
        assert_eq!(causes(both), ["rows_low"]);
        let apart = vec![of(bytes, Direction::Above), of(rows, Direction::Below)];
        assert_eq!(causes(apart), ["bytes_high", "rows_low"]);
    }

    #[test]
    fn what_is_empty_because_nothing_came_is_for_freshness_to_tell_once_a_contract_promises() {
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let empty = JudgedBucket { value: 0, side: Some(Direction::Below), ..bucket(0, 100.0) };
        let is_concern = |dataset: &str, now: &str| {
            let state = DatasetState {
                dataset: dataset.to_owned(),
                last_arrival: Some(moment("2026-11-19T23:00:00Z")),
                ..DatasetState::default()
            };
            is_freshness_concern(&state, &empty, moment(now))
        };
        // The aliases promise a day; no cadence is known of either.
        for now in ["2026-11-21T00:20:00Z", "2026-11-22T00:20:00Z"] {
            assert!(is_concern("segment.aliases", now), "{now}");
            assert!(!is_concern("shop.orders", now), "{now}: nobody else tells it");
        }
    }
}
