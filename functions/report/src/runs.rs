//! How the datasets that the report rests on have been doing, by the runs of the ledger.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use shared::aws::explain;
use shared::run::{Outcome, RowCounts};

/// The index of the Runs table.
const INDEX: &str = "by-dataset";

/// Pages of runs that are looked through for a dataset, each of 1 MB at most. Beyond them the counts are
/// what was found until then.
const MOST_PAGES: usize = 12;

/// Why the ledger cannot be asked. A retry may help.
#[derive(Debug, thiserror::Error)]
#[error("Query on table {table} for the runs of {dataset} failed: {reason}")]
pub struct RunsError {
    table: String,
    dataset: String,
    reason: String,
}

/// What is read of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RunNote {
    /// How it ended.
    pub outcome: Outcome,
    /// When its outcome stood.
    pub finished_at: DateTime<Utc>,
    /// The counts of the dataset's rows.
    #[serde(default)]
    pub rows: Option<RowCounts>,
}

/// The runs of a dataset since a moment, taken together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatasetRuns {
    /// When the last run ended that left the dataset up to date.
    pub latest: Option<DateTime<Utc>>,
    /// Runs whose rows were kept aside because a check failed; also those whose rows were released later.
    pub held: u64,
    /// Runs that cannot be done.
    pub failed: u64,
    /// Runs of inputs that nobody could read.
    pub quarantined: u64,
    /// Rows in quarantine.
    pub quarantined_rows: u64,
    /// Whether there were more runs than were looked through.
    pub has_more: bool,
}

impl DatasetRuns {
    /// Counts a run that ended since the report's first day; an earlier one says no more than when data
    /// came last.
    pub fn count(&mut self, run: &RunNote, since: DateTime<Utc>) {
        // Nothing to commit is news as well: the source is alive.
        let is_current = matches!(run.outcome, Outcome::Committed | Outcome::Empty);
        if is_current && self.latest.is_none_or(|latest| latest < run.finished_at) {
            self.latest = Some(run.finished_at);
        }
        if run.finished_at < since {
            return;
        }
        match run.outcome {
            Outcome::Held => self.held += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Quarantined => self.quarantined += 1,
            Outcome::Committed | Outcome::Transformed | Outcome::Empty => {}
        }
        self.quarantined_rows += run.rows.map_or(0, |rows| rows.quarantined);
    }
}

/// The Runs table, by dataset.
#[derive(Debug, Clone)]
pub struct Runs {
    client: Client,
    table: String,
}

impl Runs {
    /// The runs of a table.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The runs of a dataset since a moment, and when data came last, however long ago.
    pub async fn since(
        &self,
        dataset: &str,
        since: DateTime<Utc>,
    ) -> Result<DatasetRuns, RunsError> {
        let failed =
            |reason| RunsError { table: self.table.clone(), dataset: dataset.to_owned(), reason };
        let mut runs = DatasetRuns::default();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("#dataset = :dataset")
            .projection_expression("#outcome, #finished_at, #rows")
            .expression_attribute_names("#dataset", "dataset")
            .expression_attribute_names("#outcome", "outcome")
            .expression_attribute_names("#finished_at", "finished_at")
            .expression_attribute_names("#rows", "rows")
            .expression_attribute_values(":dataset", AttributeValue::S(dataset.to_owned()))
            .scan_index_forward(false)
            .into_paginator()
            .send();
        for _ in 0..MOST_PAGES {
            let Some(page) = pages.next().await else { return Ok(runs) };
            let page = page.map_err(|error| failed(explain(&error)))?;
            let notes: Result<Vec<RunNote>, _> =
                serde_dynamo::from_items(page.items.unwrap_or_default());
            let notes = notes.map_err(|error| failed(error.to_string()))?;
            for note in &notes {
                runs.count(note, since);
            }
            // The newest come first.
            let is_through = notes.last().is_some_and(|last| last.finished_at < since);
            if is_through && runs.latest.is_some() {
                return Ok(runs);
            }
        }
        runs.has_more = true;
        Ok(runs)
    }
}
