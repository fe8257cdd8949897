//! A series of buckets, judged in its order.
//!
//! A verdict is kept with its bucket and stands as long as the bucket's rows do. So what was an anomaly
//! teaches nothing, in whatever order buckets are filled and however often they are looked at.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use detect::{Direction, Judged, Reason, Settings, Verdict};

use super::bucket::{Bucket, Length};
use super::lateness::{first_open, lateness};
use super::volume::{Measure, StoredVerdict, Volume};

/// What a bucket is, next to what was expected of it.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedBucket {
    /// The bucket.
    pub bucket: Bucket,
    /// What it has of what is judged: rows or bytes.
    pub value: u64,
    /// On which side of the usual it is; none where it is usual.
    pub side: Option<Direction>,
    /// What was expected.
    pub expected: Option<f64>,
    /// The least that would be usual.
    pub lower: Option<f64>,
    /// The most that would be usual.
    pub upper: Option<f64>,
    /// How many buckets it was judged by.
    pub learnt_from: u64,
}

/// A series, judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JudgedSeries {
    /// The closed buckets in their order, from the first that had rows; those that nothing came for are among
    /// them.
    pub closed: Vec<JudgedBucket>,
    /// The bucket that still fills, as far as it has. It can be above the usual already; that it is below it says nothing.
    pub filling: Option<JudgedBucket>,
    /// Verdicts that are new, to be kept.
    pub verdicts: Vec<(Bucket, StoredVerdict)>,
}

impl JudgedBucket {
    /// How far it is from what was expected, in widths of the interval: 1 is its bound.
    pub fn deviation(&self) -> f64 {
        let (Some(expected), Some(lower), Some(upper)) = (self.expected, self.lower, self.upper)
        else {
            return 0.0;
        };
        let value = self.value as f64;
        let width = if value < expected { expected - lower } else { upper - expected };
        (value - expected).abs() / width.max(f64::MIN_POSITIVE)
    }
}

/// How far back a series is looked at.
pub fn window(length: Length) -> TimeDelta {
    match length {
        Length::Hour => TimeDelta::days(35),
        Length::Day => TimeDelta::days(120),
    }
}

/// Judges a series as far as it is closed at a moment, and the bucket that still fills. Buckets that nothing came for
/// are judged from `known_since` on, when the first input arrived: nobody knows whether what was before is all there.
pub fn judge_series(
    volumes: &BTreeMap<Bucket, Volume>,
    measure: Measure,
    settings: &Settings,
    known_since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> JudgedSeries {
    let mut judged = JudgedSeries::default();
    let Some((first, _)) = volumes.iter().find(|(_, volume)| volume.rows > 0) else {
        return judged;
    };
    let late = lateness(first.grain.clock, first.grain.length, volumes);
    let open = first_open(*first, late, now);
    let nothing = Volume::default();
    let mut history: Vec<Judged> = Vec::new();
    let mut bucket = *first;
    while bucket.start < open.start {
        let volume = volumes.get(&bucket).unwrap_or(&nothing);
        let is_before = volume.rows == 0 && known_since.is_none_or(|since| bucket.end() <= since);
        let Some(value) = measure.of(volume).filter(|_| !is_before) else {
            bucket = bucket.next();
            continue;
        };
        let stored = measure.verdict(volume).filter(|stored| stored.rows == value);
        let one = match stored {
            Some(stored) => kept(bucket, value, stored),
            None => {
                let verdict = judge(&history, bucket, value, settings);
                judged.verdicts.push((bucket, to_store(value, &verdict, now)));
                fresh(bucket, value, &verdict)
            }
        };
        let anomaly = one.side.is_some();
        history.push(Judged { at: bucket.start, value: value as f64, anomaly });
        judged.closed.push(one);
        bucket = bucket.next();
    }
    let filling = volumes.get(&open).filter(|volume| volume.rows > 0);
    if let Some(value) = filling.and_then(|volume| measure.of(volume)) {
        let verdict = judge(&history, open, value, settings);
        judged.filling = Some(fresh(open, value, &verdict));
    }
    judged
}

fn judge(history: &[Judged], bucket: Bucket, value: u64, settings: &Settings) -> Verdict {
    detect::judge(history, bucket.start, value as f64, settings)
}

fn to_store(value: u64, verdict: &Verdict, now: DateTime<Utc>) -> StoredVerdict {
    StoredVerdict {
        rows: value,
        expected: verdict.expected,
        lower: verdict.lower,
        upper: verdict.upper,
        anomaly: verdict.anomaly,
        learnt_from: verdict.learnt_from as u64,
        judged_at: now,
    }
}

fn fresh(bucket: Bucket, value: u64, verdict: &Verdict) -> JudgedBucket {
    let below = matches!(verdict.reason, Reason::Nothing | Reason::BelowLeast);
    let side = verdict.direction.or(below.then_some(Direction::Below));
    JudgedBucket {
        bucket,
        value,
        side: side.filter(|_| verdict.anomaly),
        expected: verdict.expected,
        lower: verdict.lower,
        upper: verdict.upper,
        learnt_from: verdict.learnt_from as u64,
    }
}

fn kept(bucket: Bucket, value: u64, stored: &StoredVerdict) -> JudgedBucket {
    let above = stored.expected.is_some_and(|expected| value as f64 > expected);
    let side = if above { Direction::Above } else { Direction::Below };
    JudgedBucket {
        bucket,
        value,
        side: stored.anomaly.then_some(side),
        expected: stored.expected,
        lower: stored.lower,
        upper: stored.upper,
        learnt_from: stored.learnt_from,
    }
}
