//! Rows and bytes in buckets of time: what each run adds, and what a bucket holds.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::bucket::{Bucket, Clock, Grain, Length, parse_label};
use super::key;
use super::tally::Tally;
use crate::run::{Outcome, Run};
use crate::state::ItemKey;

/// Rows that are older than this when they arrive are loaded from history: they count where they belong by
/// event time, and are no influx.
const HISTORY: TimeDelta = TimeDelta::hours(48);

/// What a run adds to a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunShare {
    /// Rows that are in the table.
    pub rows: u64,
    /// Bytes of data files, by the share of rows.
    pub bytes: u64,
    /// When the run's input arrived.
    pub arrived_at: DateTime<Utc>,
}

/// What is judged of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Its rows.
    Rows,
    /// Its bytes.
    Bytes,
}

/// What is judged of a bucket, and how it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredVerdict {
    /// The rows that were judged; of a verdict on bytes, the bytes.
    pub rows: u64,
    /// What was expected.
    pub expected: Option<f64>,
    /// The least that is usual.
    pub lower: Option<f64>,
    /// The most that is usual.
    pub upper: Option<f64>,
    /// Whether it is an anomaly; such a bucket teaches nothing.
    pub anomaly: bool,
    /// How many buckets it was judged by.
    #[serde(default)]
    pub learnt_from: u64,
    /// When it was judged.
    pub judged_at: DateTime<Utc>,
}

/// What a bucket holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// Rows.
    pub rows: u64,
    /// Bytes of data files.
    pub bytes: u64,
    /// Runs that have a share of it.
    pub runs: u64,
    /// When the first of them arrived.
    #[serde(default)]
    pub first_arrival: Option<DateTime<Utc>>,
    /// When the last of them arrived.
    #[serde(default)]
    pub last_arrival: Option<DateTime<Utc>>,
    /// The verdict, where there is one.
    #[serde(default)]
    pub verdict: Option<StoredVerdict>,
    /// The verdict on the bytes, where there is one.
    #[serde(default)]
    pub bytes_verdict: Option<StoredVerdict>,
}

impl Measure {
    /// What it counts, in causes, units and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bytes => "bytes",
        }
    }

    /// What a bucket has of it; none where that is not known. Rows whose runs tell no bytes have some all the same, and
    /// where no rows are there is nothing to say of their bytes.
    pub fn of(self, volume: &Volume) -> Option<u64> {
        match self {
            Self::Rows => Some(volume.rows),
            Self::Bytes => Some(volume.bytes).filter(|bytes| volume.rows > 0 && *bytes > 0),
        }
    }

    /// The verdict on it that is kept with a bucket.
    pub fn verdict(self, volume: &Volume) -> Option<&StoredVerdict> {
        match self {
            Self::Rows => volume.verdict.as_ref(),
            Self::Bytes => volume.bytes_verdict.as_ref(),
        }
    }

    /// Keeps a verdict on it with a bucket.
    pub fn keep(self, volume: &mut Volume, verdict: StoredVerdict) {
        match self {
            Self::Rows => volume.verdict = Some(verdict),
            Self::Bytes => volume.bytes_verdict = Some(verdict),
        }
    }
}

impl Tally for Volume {
    type Share = RunShare;

    fn add(&mut self, share: &RunShare) {
        self.rows += share.rows;
        self.bytes += share.bytes;
        self.runs += 1;
        let at = share.arrived_at;
        self.first_arrival = Some(self.first_arrival.map_or(at, |first| first.min(at)));
        self.last_arrival = Some(self.last_arrival.map_or(at, |last| last.max(at)));
    }

    fn remove(&mut self, share: &RunShare) {
        self.rows = self.rows.saturating_sub(share.rows);
        self.bytes = self.bytes.saturating_sub(share.bytes);
        self.runs = self.runs.saturating_sub(1);
    }
}

/// What a run adds to which buckets of its dataset; nothing where it has no rows in the table.
pub fn shares(run: &Run) -> Vec<(Bucket, RunShare)> {
    let rows = run.rows.map_or(0, |rows| rows.committed);
    if run.outcome != Outcome::Committed || rows == 0 {
        return Vec::new();
    }
    let of = |part: u64| RunShare {
        rows: part,
        bytes: proportion(run.bytes_written, part, rows),
        arrived_at: run.arrived_at,
    };
    let mut shares: Vec<(Bucket, RunShare)> = Vec::new();
    let mut timely = 0;
    let mut by_day: Vec<(Bucket, u64)> = Vec::new();
    for (label, part) in &run.rows_by_event_time {
        let Some((length, start)) = parse_label(label) else { continue };
        if length == Length::Hour {
            shares.push((Grain::EVENT_HOUR.bucket(start), of(*part)));
        }
        let day = Grain::EVENT_DAY.bucket(start);
        match by_day.last_mut() {
            Some((last, sum)) if *last == day => *sum += part,
            _ => by_day.push((day, *part)),
        }
        if start + length.span() + HISTORY > run.arrived_at {
            timely += part;
        }
    }
    shares.extend(by_day.into_iter().map(|(day, part)| (day, of(part))));
    if run.rows_by_event_time.is_empty() {
        timely = rows;
    }
    if timely > 0 {
        for grain in [Grain::ARRIVAL_HOUR, Grain::ARRIVAL_DAY] {
            shares.push((grain.bucket(run.arrived_at), of(timely)));
        }
    }
    shares
}

fn proportion(whole: u64, part: u64, of: u64) -> u64 {
    let share = u128::from(whole) * u128::from(part) / u128::from(of.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// The shares as sums of a dataset, without those of buckets that are forgotten by now.
pub fn sums(dataset: &str, run: &Run, since: DateTime<Utc>) -> Vec<(ItemKey, RunShare)> {
    let mut sums = Vec::new();
    for (bucket, share) in shares(run) {
        if bucket.start >= since {
            sums.push((key::volume(dataset, bucket), share));
        }
    }
    sums
}

/// The bucket that a key of [`key::volume`] names.
pub fn bucket_of(part: &str) -> Option<Bucket> {
    let mut parts = part.split('#');
    let (Some("volume"), Some(clock), Some(_), Some(label)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let clock = match clock {
        "event" => Clock::Event,
        "arrival" => Clock::Arrival,
        _ => return None,
    };
    let (length, start) = parse_label(label)?;
    Some(Bucket { grain: Grain { clock, length }, start })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::testing::run;

    #[test]
    fn a_run_counts_by_event_time_and_by_arrival() {
        let mut run = run("shop.orders", "2026-11-20T02:30:00Z", 100);
        run.bytes_written = 1_000;
        run.rows_by_event_time =
            [("2026-11-19T23", 60), ("2026-11-20T01", 30), ("2026-11-01T05", 10)]
                .map(|(label, rows)| (label.to_owned(), rows))
                .into();
        let counted: Vec<(String, u64, u64)> = shares(&run)
            .into_iter()
            .map(|(bucket, share)| (bucket.to_string(), share.rows, share.bytes))
            .collect();
        let expected = [
            ("event#hour#2026-11-01T05", 10, 100),
            ("event#hour#2026-11-19T23", 60, 600),
            ("event#hour#2026-11-20T01", 30, 300),
            ("event#day#2026-11-01", 10, 100),
            ("event#day#2026-11-19", 60, 600),
            ("event#day#2026-11-20", 30, 300),
            // The ten rows of three weeks ago are no influx of today's.
            ("arrival#hour#2026-11-20T02", 90, 900),
            ("arrival#day#2026-11-20", 90, 900),
        ];
        assert_eq!(counted, expected.map(|(bucket, rows, bytes)| (bucket.to_owned(), rows, bytes)));
        for (bucket, _) in shares(&run) {
            assert_eq!(bucket_of(&key::volume("shop.orders", bucket).part), Some(bucket));
        }
    }

    #[test]
    fn what_is_in_no_table_counts_nowhere() {
        let mut run = run("shop.orders", "2026-11-20T02:30:00Z", 100);
        run.outcome = Outcome::Held;
        assert_eq!(shares(&run), Vec::new());
    }
}
