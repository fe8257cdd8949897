//! Rows that a check of severity error keeps from their table: written aside, not committed, not
//! announced as data, until somebody releases or drops them.

use chrono::Utc;

use super::input::{Transform, TransformError};
use crate::event::{CommitPointer, CommitRequest, HeldRows};
use crate::run::{CheckResult, Outcome, Run};

impl Transform {
    /// Copies the rows to quarantine and writes the run to the ledger. Every step can be repeated: the
    /// keys are the same in every attempt.
    pub(super) async fn hold(
        &self,
        request: CommitRequest,
        input_token: &str,
    ) -> Result<(), TransformError> {
        let folder = format!("held/{}/{input_token}", request.dataset);
        let mut copies = Vec::with_capacity(request.data_files.len());
        for (number, file) in request.data_files.iter().enumerate() {
            let copy = format!("{folder}/{number:05}.parquet");
            let prefix = self.lake().uri_of("");
            let key = file.path.strip_prefix(&prefix).unwrap_or(&file.path);
            self.quarantine().copy_from(self.lake().name(), key, None, &copy).await?;
            copies.push(self.quarantine().uri_of(&copy));
        }
        let dataset = request.dataset.clone();
        let run = held_run(&request.run, copies.clone());
        let held = HeldRows { request, copies };
        let body = serde_json::to_vec(&held)
            .map_err(|source| TransformError::Serialise { dataset: dataset.clone(), source })?;
        let key = format!("{folder}/request.json");
        self.quarantine().put(&key, "application/json", body).await?;
        let pointer = CommitPointer { bucket: self.quarantine().name().to_owned(), key };
        self.ledger().hold(&run, &dataset, &pointer).await?;
        tracing::warn!(
            dataset,
            run_id = run.run_id,
            rows = run.rows.map_or(0, |rows| rows.held),
            checks = run.error,
            "rows are held: checks of their contract failed"
        );
        Ok(())
    }
}

/// The run as it stands while its rows are held.
fn held_run(run: &Run, copies: Vec<String>) -> Run {
    let mut run = run.clone();
    if let Some(rows) = &mut run.rows {
        rows.held = std::mem::take(&mut rows.committed);
    }
    let failed: Vec<String> =
        run.checks.iter().filter(|check| check.holds_rows()).map(CheckResult::to_string).collect();
    run.error = Some(failed.join("; "));
    run.outcome = Outcome::Held;
    run.data_files = copies;
    run.finished_at = Utc::now();
    run
}
