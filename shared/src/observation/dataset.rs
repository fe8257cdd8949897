//! What is known of a dataset as a whole.

use chrono::{DateTime, Utc};
use detect::Deadline;
use serde::{Deserialize, Serialize};

use super::key;
use super::tally::{self, TallyError};
use crate::state::{Store, StoreError};

/// A run that an alert points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReference {
    /// The run.
    pub run_id: String,
    /// When its input arrived.
    pub arrived_at: DateTime<Utc>,
}

/// A time in which nothing came although something was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When something was due.
    pub from: DateTime<Utc>,
    /// When it came.
    pub to: DateTime<Utc>,
}

/// When data came, and when it is due. What is learnt of it stands here, so that who looks at the clock
/// reads one item a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DatasetState {
    /// The dataset.
    pub dataset: String,
    /// When its first input arrived.
    pub first_arrival: Option<DateTime<Utc>>,
    /// When its newest input arrived.
    pub last_arrival: Option<DateTime<Utc>>,
    /// When the next is due, as learnt from the arrivals.
    #[serde(default)]
    pub deadline: Option<Deadline>,
    /// The last time that data was late: from when it was due to when it came.
    #[serde(default)]
    pub last_gap: Option<Gap>,
    /// The newest run that brought rows.
    #[serde(default)]
    pub last_good_run: Option<RunReference>,
    /// Up to where closed buckets were judged, by the names of their series.
    #[serde(default)]
    pub judged_until: std::collections::BTreeMap<String, DateTime<Utc>>,
}

/// All datasets that anything came for.
pub async fn all(store: &impl Store) -> Result<Vec<DatasetState>, StoreError> {
    let mut states = Vec::new();
    for item in store.query(key::DATASETS, " ", "~").await? {
        states.push(item.read()?);
    }
    Ok(states)
}

/// The state of a dataset; none where nothing came for it.
pub async fn get(store: &impl Store, dataset: &str) -> Result<Option<DatasetState>, StoreError> {
    tally::read(store, &key::dataset(dataset)).await
}

/// Changes the state of a dataset; `change` says whether there is something to write.
pub async fn change(
    store: &impl Store,
    dataset: &str,
    mut change: impl FnMut(&mut DatasetState) -> bool + Send,
) -> Result<DatasetState, TallyError> {
    tally::change(store, &key::dataset(dataset), None, |state: &mut DatasetState| {
        dataset.clone_into(&mut state.dataset);
        change(state)
    })
    .await
}
