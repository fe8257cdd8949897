//! The keys of the observations table's items.
//!
//! | subject | part | content |
//! |---|---|---|
//! | `datasets` | `<dataset>` | [`DatasetState`](super::DatasetState): when data came, when it is due |
//! | `<dataset>` | `volume#<clock>#<length>#<bucket>` | [`Volume`](super::Volume): rows and bytes, and the verdict on them |
//! | | `columns#<day>` | what was counted of the columns on a day |
//! | | `arrivals#<day>` | [`Arrivals`](super::Arrivals): the minutes of the day at which inputs arrived |
//! | | `schema` | what is known of the schema |
//! | | `governance` | which of its inputs are kept from the table, and what the newest says of itself |
//! | | `edge#<job>#<input>` | [`Edge`](super::Edge): a job that writes the dataset, and what it read |
//! | `<dataset>#runs` | `volume#<clock>#<length>#<bucket>#<run>` | [`RunShare`](super::RunShare): what a run has added to a bucket |
//! | | `columns#<day>#<run>` | likewise, of the columns |
//! | `run#<run>` | `volume`, `columns` | where a run's shares are; or that the run was superseded before it was seen |

use crate::state::ItemKey;

use super::bucket::{Bucket, Grain};

/// The subject of all [`DatasetState`](super::DatasetState)s.
pub const DATASETS: &str = "datasets";

/// A dataset's state.
pub fn dataset(dataset: &str) -> ItemKey {
    ItemKey::new(DATASETS, dataset)
}

/// The rows of a bucket.
pub fn volume(dataset: &str, bucket: Bucket) -> ItemKey {
    ItemKey::new(dataset, format!("volume#{bucket}"))
}

/// What stands before the bucket in the parts of a series.
pub fn series(grain: Grain) -> String {
    format!("volume#{}#{}#", grain.clock.name(), grain.length.name())
}

/// The columns of a day.
pub fn columns(dataset: &str, day: &str) -> ItemKey {
    ItemKey::new(dataset, format!("columns#{day}"))
}

/// What a run has added to an item.
pub fn share(of: &ItemKey, run_id: &str) -> ItemKey {
    ItemKey::new(format!("{}#runs", of.subject), format!("{}#{run_id}", of.part))
}

/// Where a run's shares are.
pub fn run(run_id: &str, what: &str) -> ItemKey {
    ItemKey::new(format!("run#{run_id}"), what)
}

/// The arrivals of a day.
pub fn arrivals(dataset: &str, day: &str) -> ItemKey {
    ItemKey::new(dataset, format!("arrivals#{day}"))
}

/// What is known of the schema.
pub fn schema(dataset: &str) -> ItemKey {
    ItemKey::new(dataset, "schema")
}

/// What stands of the inputs of a dataset, or of a folder.
pub fn governance(subject: &str) -> ItemKey {
    ItemKey::new(subject, "governance")
}

/// A job that writes the dataset, and what it reads for it.
pub fn edge(dataset: &str, job: &str, input: &str) -> ItemKey {
    ItemKey::new(dataset, format!("edge#{job}#{input}"))
}
