//! Rows that a check keeps from their table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommitRequest;

/// What an input gave a dataset, held because a check of severity error failed: an object in the
/// quarantine bucket, with everything that is needed to commit the rows after all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeldRows {
    /// The request that was not made. Its run has the rows as committed, as they would have been.
    pub request: CommitRequest,
    /// Where the data files are kept, in the order of the request's: URIs in the quarantine bucket. The
    /// files in the lake belong to no snapshot, and maintenance of the tables may delete them.
    pub copies: Vec<String>,
}
