//! What the world is told of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::{Outcome, Run};

/// A message on the `datasets` topic: a run and its outcome.
///
/// `data_files` names data only for what passed its contract; a consumer that reads no more than
/// this message never sees a file that was held or quarantined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetEvent {
    /// The run as it stands in the ledger.
    pub run: Run,
    /// The files that the run added to the table; more than [`Self::MOST_FILES`] are left out.
    pub data_files: Vec<String>,
    /// How many files the run added, also where they are not all named.
    pub data_file_count: usize,
}

impl DatasetEvent {
    /// An SNS message holds 256 KB; beyond this many files, the table's snapshot names them.
    pub const MOST_FILES: usize = 200;

    /// The event for a run.
    pub fn of(mut run: Run) -> Self {
        let shared = run.outcome == Outcome::Committed;
        let mut data_files = std::mem::take(&mut run.data_files);
        let data_file_count = if shared { data_files.len() } else { 0 };
        if !shared || data_files.len() > Self::MOST_FILES {
            data_files.clear();
        }
        Self { run, data_files, data_file_count }
    }
}
