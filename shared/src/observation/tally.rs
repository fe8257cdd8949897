//! Sums over runs that stay right whatever is delivered twice, late or out of order.
//!
//! A run's share of a sum is an item of its own, written in one transaction with the sum: a share that is
//! there already adds nothing, and one that was taken back stays so. So a sum is always that of the
//! shares, and no step counts blindly.

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
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Traces {
    version: u64,
    /// Whether a later run took its place.
    superseded: bool,
    /// The sums that it has a share of: subject and part.
    sums: Vec<(String, String)>,
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

/// Adds a run's shares to their sums, once. A run that was superseded before adds nothing; whether it counts.
pub async fn add_run<T: Tally>(
    store: &impl Store,
    what: &str,
    run_id: &str,
    shares: &[(ItemKey, T::Share)],
    expires_at: i64,
) -> Result<bool, TallyError> {
    let sums = shares.iter().map(|(sum, _)| (sum.subject.clone(), sum.part.clone())).collect();
    if trace(store, what, run_id, sums, false, expires_at).await?.superseded {
        return Ok(false);
    }
    for (sum, share) in shares {
        set_share::<T>(store, sum, run_id, Some(share.clone()), expires_at).await?;
    }
    Ok(true)
}

/// Takes a run's shares out of their sums, also those that it has not added yet; but for those that stay.
pub async fn remove_run<T: Tally>(
    store: &impl Store,
    what: &str,
    run_id: &str,
    stays: impl Fn(&ItemKey) -> bool + Send + Sync,
    expires_at: i64,
) -> Result<Vec<ItemKey>, TallyError> {
    let traces = trace(store, what, run_id, Vec::new(), true, expires_at).await?;
    let mut removed = Vec::with_capacity(traces.sums.len());
    for (subject, part) in traces.sums {
        let sum = ItemKey { subject, part };
        if stays(&sum) {
            continue;
        }
        set_share::<T>(store, &sum, run_id, None, expires_at).await?;
        removed.push(sum);
    }
    Ok(removed)
}

/// Writes down where a run's shares are, or that it was superseded; what stands then.
async fn trace(
    store: &impl Store,
    what: &str,
    run_id: &str,
    sums: Vec<(String, String)>,
    superseded: bool,
    expires_at: i64,
) -> Result<Traces, TallyError> {
    let key = key::run(run_id, what);
    for _ in 0..MOST_TRIES {
        let there: Option<Traces> = read(store, &key).await?;
        let over = there.as_ref().map(|traces| traces.version);
        let mut traces = match there {
            Some(traces) if traces.superseded || traces.superseded == superseded => {
                return Ok(traces);
            }
            Some(traces) => traces,
            None => Traces { version: 0, superseded: false, sums: sums.clone() },
        };
        traces.superseded |= superseded;
        traces.version += 1;
        let item = Item::of(key.clone(), &traces)?.expiring(expires_at);
        if store.replace(only(item, over)).await? {
            return Ok(traces);
        }
    }
    Err(TallyError::Contended { subject: key.subject, part: key.part })
}

/// Sets a run's share of a sum; none takes it back for good.
async fn set_share<T: Tally>(
    store: &impl Store,
    sum_key: &ItemKey,
    run_id: &str,
    share: Option<T::Share>,
    expires_at: i64,
) -> Result<(), TallyError> {
    let share_key = key::share(sum_key, run_id);
    for _ in 0..MOST_TRIES {
        // The sum first: who writes a share between the two readings raises the version that was read.
        let versioned: Option<Versioned<T>> = read(store, sum_key).await?;
        let there: Option<Kept<T::Share>> = read(store, &share_key).await?;
        match &there {
            // Taken back, or as it is to be.
            Some(kept) if kept.share.is_none() || kept.share == share => return Ok(()),
            _ => {}
        }
        let over = versioned.as_ref().map(|versioned| versioned.version);
        let mut sum = versioned.map(|versioned| versioned.sum).unwrap_or_default();
        if let Some(before) = there.and_then(|kept| kept.share) {
            sum.remove(&before);
        }
        if let Some(share) = &share {
            sum.add(share);
        }
        let next = Versioned { sum, version: over.unwrap_or_default() + 1 };
        let replacement = Replacement {
            item: Item::of(sum_key.clone(), &next)?.expiring(expires_at),
            over,
            puts: vec![
                Item::of(share_key.clone(), &Kept { share: share.clone() })?.expiring(expires_at),
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
