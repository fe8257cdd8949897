//! Runs for tests.

use chrono::{DateTime, Utc};

use crate::run::{InputIdentity, Outcome, RowCounts, Run};

/// A run that committed rows of a dataset, of an input of its own.
pub(crate) fn run(dataset: &str, arrived_at: &str, rows: u64) -> Run {
    let at: DateTime<Utc> = arrived_at.parse().unwrap();
    let input = InputIdentity {
        bucket: "landing".to_owned(),
        key: format!("files/{arrived_at}"),
        version_id: None,
        checksum: arrived_at.to_owned(),
        supersedes: None,
        replay: None,
    };
    let base = crate::transform::base_run("job", input, at, at);
    Run {
        run_id: crate::run::run_id("job", &base.input, Some(dataset)),
        dataset: Some(dataset.to_owned()),
        outcome: Outcome::Committed,
        rows: Some(RowCounts { routed: rows, committed: rows, ..RowCounts::default() }),
        ..base
    }
}
