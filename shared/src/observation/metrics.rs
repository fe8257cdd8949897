//! What is measured of a dataset, from the runs: recorded once each, read as series.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::bucket::{Bucket, Clock, Grain};
use super::columns::{self, DayColumns};
use super::key;
use super::tally::{self, TallyError};
use super::volume::{self, Measure, StoredVerdict, Volume};
use crate::run::Run;
use crate::state::{Item, ItemKey, Store, StoreError};

/// The observations table, as far as metrics go.
#[derive(Debug)]
pub struct Metrics<'a, S> {
    /// Where the items are.
    pub store: &'a S,
    /// How many days a bucket is remembered.
    pub retention_days: u32,
}

impl<S: Store> Metrics<'_, S> {
    /// Records what a run has added to the table, and that it took the place of others; the buckets that
    /// changed. Recording it again changes nothing.
    pub async fn record(&self, run: &Run, now: DateTime<Utc>) -> Result<Vec<Bucket>, TallyError> {
        let Some(dataset) = &run.dataset else { return Ok(Vec::new()) };
        let since = now - TimeDelta::days(i64::from(self.retention_days));
        let mut changed = Vec::new();
        for superseded in &run.superseded_runs {
            changed.extend(self.forget(superseded, run).await?);
        }
        let sums = volume::sums(dataset, run, since);
        let expires_at = tally::expiry(now.max(run.arrived_at), self.retention_days);
        let (store, id) = (self.store, &run.run_id);
        let counted =
            tally::add_run::<Volume>(store, "volume", id, &sums, stays, expires_at).await?;
        changed.extend(counted.iter().filter_map(|key| volume::bucket_of(&key.part)));
        let sums: Vec<_> = columns::sum(dataset, run, since).into_iter().collect();
        tally::add_run::<DayColumns>(store, "columns", id, &sums, nothing_stays, expires_at)
            .await?;
        changed.sort();
        changed.dedup();
        Ok(changed)
    }

    /// Takes back what a run has added, for another took its place.
    async fn forget(&self, run_id: &str, by: &Run) -> Result<Vec<Bucket>, TallyError> {
        let (store, at) = (self.store, by.arrived_at);
        let expires_at = tally::expiry(at, self.retention_days);
        let removed =
            tally::remove_run::<Volume>(store, "volume", run_id, at, stays, expires_at).await?;
        tally::remove_run::<DayColumns>(store, "columns", run_id, at, nothing_stays, expires_at)
            .await?;
        Ok(removed.iter().filter_map(|key| volume::bucket_of(&key.part)).collect())
    }

    /// The buckets of a series that have something, between two moments, in their order.
    pub async fn volumes(
        &self,
        dataset: &str,
        grain: Grain,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<BTreeMap<Bucket, Volume>, StoreError> {
        let series = key::series(grain);
        let first = format!("{series}{}", grain.bucket(from).label());
        let last = format!("{series}{}", grain.bucket(to).label());
        let mut volumes = BTreeMap::new();
        for item in self.store.query(dataset, &first, &last).await? {
            if let Some(bucket) = volume::bucket_of(&item.key.part) {
                volumes.insert(bucket, item.read()?);
            }
        }
        Ok(volumes)
    }

    /// The columns of the days between two, in their order.
    pub async fn columns(
        &self,
        dataset: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, DayColumns)>, StoreError> {
        let part =
            |at: DateTime<Utc>| key::columns(dataset, &Grain::ARRIVAL_DAY.bucket(at).label()).part;
        let mut days = Vec::new();
        for item in self.store.query(dataset, &part(from), &part(to)).await? {
            let label = item.key.part.trim_start_matches("columns#").to_owned();
            if let Some((_, day)) = super::bucket::parse_label(&label) {
                days.push((day, item.read()?));
            }
        }
        Ok(days)
    }

    /// Keeps the verdicts on a bucket with it, also on one that nothing came for.
    pub async fn keep_verdicts(
        &self,
        dataset: &str,
        bucket: Bucket,
        verdicts: &[(Measure, StoredVerdict)],
    ) -> Result<(), TallyError> {
        let key = key::volume(dataset, bucket);
        let judged_at = verdicts.iter().map(|(_, verdict)| verdict.judged_at).max();
        let of = judged_at.map_or(bucket.start, |at| bucket.start.max(at));
        let expires_at = tally::expiry(of, self.retention_days);
        tally::change(self.store, &key, Some(expires_at), |volume: &mut Volume| {
            let mut is_new = false;
            for (measure, verdict) in verdicts {
                // What has changed since it was judged is judged again by who has changed it.
                let is_of_this = measure.of(volume) == Some(verdict.rows);
                let known = measure.verdict(volume);
                if is_of_this && known.is_none_or(|known| !is_same(known, verdict)) {
                    measure.keep(volume, verdict.clone());
                    is_new = true;
                }
            }
            is_new
        })
        .await?;
        Ok(())
    }

    /// Keeps what is unusual of a day's columns with them.
    pub async fn keep_anomalies(
        &self,
        dataset: &str,
        day: DateTime<Utc>,
        anomalies: &BTreeSet<String>,
    ) -> Result<(), TallyError> {
        let key = key::columns(dataset, &Grain::ARRIVAL_DAY.bucket(day).label());
        let expires_at = tally::expiry(day, self.retention_days);
        tally::change(self.store, &key, Some(expires_at), |columns: &mut DayColumns| {
            let is_new = columns.anomalies != *anomalies;
            columns.anomalies.clone_from(anomalies);
            is_new
        })
        .await?;
        Ok(())
    }

    /// An item and its content.
    pub async fn item<T: serde::de::DeserializeOwned>(
        &self,
        key: &ItemKey,
    ) -> Result<Option<T>, StoreError> {
        self.store.get(key).await?.map(Item::read).transpose()
    }
}

fn is_same(one: &StoredVerdict, other: &StoredVerdict) -> bool {
    (one.rows, one.anomaly, one.expected) == (other.rows, other.anomaly, other.expected)
}

/// Whether a run's share of a bucket stays although another took its place, whose input arrived at a moment. That its
/// own input arrived when it did stays true: only where both arrived in the same bucket do they count as one.
fn stays(sum: &ItemKey, other_arrived_at: DateTime<Utc>) -> bool {
    volume::bucket_of(&sum.part).is_some_and(|bucket| {
        bucket.grain.clock == Clock::Arrival && bucket != bucket.grain.bucket(other_arrived_at)
    })
}

/// What is in the columns of a run that made way is in the table no more.
fn nothing_stays(_: &ItemKey, _: DateTime<Utc>) -> bool {
    false
}
