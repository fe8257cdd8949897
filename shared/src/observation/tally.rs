//! Sums over runs that stay right whatever is delivered twice, late or out of order.
//!
//! A run's share of a sum is an item of its own, written in one transaction with the sum: a share that is
//! there already adds nothing, and one that was taken back stays so. So a sum is always that of the
//! shares, and no step counts blindly.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::key;
use crate::state::{Item, ItemKey, Replacement, Store, StoreError};

/// How often a write is begun anew because another was faster.
const MOST_TRIES: usize = 50;

/// Something that shares are added to and taken from.
pub trait Tally: Default + Clone + Serialize + DeserializeOwned + Send + Sync {
    /// What one run adds.
    type Share: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync;

    /// Adds a share.
    fn add(&mut self, share: &Self::Share);

    /// Takes a share back.
    fn remove(&mut self, share: &Self::Share);
}

/// A share as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept<S> {
    /// None: it was taken back, and does not come again.
    share: Option<S>,
}

/// A sum as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Versioned<T> {
    #[serde(flatten)]
    sum: T,
    #[serde(default)]
    version: u64,
}

/// Where a run's shares are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Traces {
    version: u64,
    /// Whether a later run took its place.
    superseded: bool,
    /// When the inputs of those that did arrived.
    #[serde(default)]
    superseded_by: BTreeSet<DateTime<Utc>>,
    /// The sums that it has a share of: subject and part.
    sums: Vec<(String, String)>,
}

impl Traces {
    /// Whether a share of a sum stands: nobody took the run's place, or all who did let that share stay.
    fn leave(&self, sum: &ItemKey, stays: impl Fn(&ItemKey, DateTime<Utc>) -> bool) -> bool {
        // Of what was superseded before it was written down by whom, nothing stands.
        let is_known = !self.superseded_by.is_empty();
        !self.superseded || (is_known && self.superseded_by.iter().all(|at| stays(sum, *at)))
    }
}

/// Why a sum was not written. A retry helps.
#[derive(Debug, thiserror::Error)]
pub enum TallyError {
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others were faster again and again.
    #[error("{subject} {part} was written by others {MOST_TRIES} times")]
    Contended {
        /// What it is about.
        subject: String,
        /// What of it.
        part: String,
    },
}

/// Adds a run's shares to their sums, once; the sums that they count in. Of a run that was superseded before, whose
/// input's arrival `stays` is asked with, those that stay: the same as if it had been superseded afterwards.
pub async fn add_run<T: Tally>(
    store: &impl Store,
    what: &str,
    run_id: &str,
    shares: &[(ItemKey, T::Share)],
    stays: impl Fn(&ItemKey, DateTime<Utc>) -> bool + Send + Sync,
    expires_at: i64,
) -> Result<Vec<ItemKey>, TallyError> {
    let sums: Vec<(String, String)> =
        shares.iter().map(|(sum, _)| (sum.subject.clone(), sum.part.clone())).collect();
    let note = |traces: &mut Traces| {
        let is_new = traces.sums.is_empty() && !sums.is_empty();
        if is_new {
            traces.sums.clone_from(&sums);
        }
        is_new
    };
    let traces = trace(store, what, run_id, note, expires_at).await?;
    let mut counted = Vec::with_capacity(shares.len());
    for (sum, share) in shares {
        let stands = traces.leave(sum, &stays);
        set_share::<T>(store, sum, run_id, Some(share), stands, expires_at).await?;
        if stands {
            counted.push(sum.clone());
        }
    }
    Ok(counted)
}

/// Takes a run's shares out of their sums, also those that it has not added yet; but for those that stay. `by` is
/// when the input of the run that took its place arrived.
pub async fn remove_run<T: Tally>(
    store: &impl Store,
    what: &str,
    run_id: &str,
    by: DateTime<Utc>,
    stays: impl Fn(&ItemKey, DateTime<Utc>) -> bool + Send + Sync,
    expires_at: i64,
) -> Result<Vec<ItemKey>, TallyError> {
    let note = |traces: &mut Traces| {
        let is_first = !std::mem::replace(&mut traces.superseded, true);
        traces.superseded_by.insert(by) || is_first
    };
    let traces = trace(store, what, run_id, note, expires_at).await?;
    let mut removed = Vec::with_capacity(traces.sums.len());
    for (subject, part) in &traces.sums {
        let sum = ItemKey::new(subject, part);
        if traces.leave(&sum, &stays) {
            continue;
        }
        set_share::<T>(store, &sum, run_id, None, false, expires_at).await?;
        removed.push(sum);
    }
    Ok(removed)
}

/// Writes down where a run's shares are, or that it was superseded; what stands then. `note` says whether there is
/// something to write.
async fn trace(
    store: &impl Store,
    what: &str,
    run_id: &str,
    note: impl Fn(&mut Traces) -> bool + Send + Sync,
    expires_at: i64,
) -> Result<Traces, TallyError> {
    let key = key::run(run_id, what);
    for _ in 0..MOST_TRIES {
        let there: Option<Traces> = read(store, &key).await?;
        let over = there.as_ref().map(|traces| traces.version);
        let mut traces = there.unwrap_or_default();
        if !note(&mut traces) && over.is_some() {
            return Ok(traces);
        }
        traces.version += 1;
        let item = Item::of(key.clone(), &traces)?.expiring(expires_at);
        if store.replace(only(item, over)).await? {
            return Ok(traces);
        }
    }
    Err(TallyError::Contended { subject: key.subject, part: key.part })
}

/// Sets a run's share of a sum. One that does not stand is taken back for good, and leaves the sum as if it had been
/// there before.
async fn set_share<T: Tally>(
    store: &impl Store,
    sum_key: &ItemKey,
    run_id: &str,
    share: Option<&T::Share>,
    stands: bool,
    expires_at: i64,
) -> Result<(), TallyError> {
    let share_key = key::share(sum_key, run_id);
    let standing = share.filter(|_| stands);
    for _ in 0..MOST_TRIES {
        // The sum first: who writes a share between the two readings raises the version that was read.
        let versioned: Option<Versioned<T>> = read(store, sum_key).await?;
        let there: Option<Kept<T::Share>> = read(store, &share_key).await?;
        match &there {
            // Taken back, or as it is to be.
            Some(kept) if kept.share.is_none() || kept.share.as_ref() == standing => return Ok(()),
            _ => {}
        }
        let over = versioned.as_ref().map(|versioned| versioned.version);
        let mut sum = versioned.map(|versioned| versioned.sum).unwrap_or_default();
        let before = there.and_then(|kept| kept.share);
        if let Some(added) = standing.or(share.filter(|_| before.is_none())) {
            sum.add(added);
        }
        if let Some(removed) = before.as_ref().or(share.filter(|_| !stands)) {
            sum.remove(removed);
        }
        let next = Versioned { sum, version: over.unwrap_or_default() + 1 };
        let replacement = Replacement {
            item: Item::of(sum_key.clone(), &next)?.expiring(expires_at),
            over,
            puts: vec![
                Item::of(share_key.clone(), &Kept { share: standing.cloned() })?
                    .expiring(expires_at),
            ],
            deletes: Vec::new(),
        };
        if store.replace(replacement).await? {
            return Ok(());
        }
    }
    Err(TallyError::Contended { subject: sum_key.subject.clone(), part: sum_key.part.clone() })
}

/// Changes an item over the version that was read; what it holds then. `change` says whether there is
/// something to write.
pub async fn change<T: Default + Serialize + DeserializeOwned + Send + Sync>(
    store: &impl Store,
    key: &ItemKey,
    expires_at: Option<i64>,
    mut change: impl FnMut(&mut T) -> bool + Send,
) -> Result<T, TallyError> {
    for _ in 0..MOST_TRIES {
        let there: Option<Versioned<T>> = read(store, key).await?;
        let over = there.as_ref().map(|versioned| versioned.version);
        let mut content = there.map(|versioned| versioned.sum).unwrap_or_default();
        if !change(&mut content) {
            return Ok(content);
        }
        let next = Versioned { sum: content, version: over.unwrap_or_default() + 1 };
        let mut item = Item::of(key.clone(), &next)?;
        if let Some(expires_at) = expires_at {
            item = item.expiring(expires_at);
        }
        if store.replace(only(item, over)).await? {
            return Ok(next.sum);
        }
    }
    Err(TallyError::Contended { subject: key.subject.clone(), part: key.part.clone() })
}

/// An item's content.
pub async fn read<T: DeserializeOwned>(
    store: &impl Store,
    key: &ItemKey,
) -> Result<Option<T>, StoreError> {
    store.get(key).await?.map(Item::read).transpose()
}

fn only(item: Item, over: Option<u64>) -> Replacement {
    Replacement { item, over, puts: Vec::new(), deletes: Vec::new() }
}

/// The moment until which an item of a time is kept, in Unix seconds.
pub fn expiry(of: DateTime<Utc>, retention_days: u32) -> i64 {
    of.timestamp() + i64::from(retention_days) * 86_400
}
