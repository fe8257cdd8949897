//! An object that is read again on an order: what differs from one that arrived by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::input::{Transform, TransformError};
use super::outcome::{DatasetOutcome, StretchOutcome};
use crate::aws::LedgerError;
use crate::event::{ReadAgain, ReplayOutcome, ReplayResult, ReplayedDataset};
use crate::govern::checks_without_rows;
use crate::run::{CheckResult, RecordCounts, Run};

impl Transform {
    /// The positions of the datasets that an order is for; none for all.
    pub(super) fn chosen(&self, again: Option<&ReadAgain>) -> Option<BTreeSet<usize>> {
        let datasets = &again.filter(|again| !again.datasets.is_empty())?.datasets;
        let mut chosen = BTreeSet::new();
        for (position, contract) in self.contracts().iter().enumerate() {
            if datasets.contains(&contract.dataset()) {
                chosen.insert(position);
            }
        }
        Some(chosen)
    }

    /// The datasets that earlier readings of an object gave rows and this one does not: those rows make
    /// way for none.
    pub(super) async fn left_without_rows(
        &self,
        base: &Run,
        again: Option<&ReadAgain>,
        outcome: &StretchOutcome,
    ) -> Result<Vec<DatasetOutcome>, LedgerError> {
        if again.is_none() && base.input.supersedes.is_none() {
            return Ok(Vec::new());
        }
        let chosen = self.chosen(again);
        let history = self.ledger().history(&base.input.uri()).await?;
        let earlier = history.datasets_before(&base.generation());
        let mut without = Vec::new();
        for (position, contract) in self.contracts().iter().enumerate() {
            let name = contract.dataset();
            let is_chosen = chosen.as_ref().is_none_or(|chosen| chosen.contains(&position));
            let has_rows = outcome.datasets.iter().any(|had| had.contract.dataset() == name);
            if is_chosen && !has_rows && earlier.contains(&name) {
                let mut checks = checks_without_rows(contract);
                checks.extend(understood(outcome.records.quarantined));
                let nothing = DatasetOutcome::without_records(contract);
                without.push(DatasetOutcome { checks, ..nothing });
            }
        }
        Ok(without)
    }

    /// Answers for an object that holds no data by its name.
    pub(super) async fn pass_by(&self, again: &ReadAgain) -> Result<(), TransformError> {
        let why = "it holds no data by its name";
        let counts = RecordCounts::default();
        self.answer(&unreadable(again, ReplayOutcome::PassedBy, &why, counts)).await
    }

    /// Stores what came of an order for an object. The same attempt again writes the same.
    pub(super) async fn answer(&self, result: &ReplayResult) -> Result<(), TransformError> {
        let body = serde_json::to_vec(result).map_err(|source| TransformError::Serialise {
            dataset: "the answer to a replay".to_owned(),
            source,
        })?;
        Ok(self.quarantine().put(&result.key(), "application/json", body).await?)
    }
}

/// A check that fails where records belong to no dataset: perhaps they are those that are missed, and then
/// nothing must make way.
fn understood(quarantined: u64) -> Option<CheckResult> {
    (quarantined > 0).then(|| CheckResult {
        name: "records_belong_to_a_dataset".to_owned(),
        metric: "invalidRows".to_owned(),
        column: None,
        value: quarantined as f64,
        unit: "rows".to_owned(),
        expectation: "must be 0 before earlier rows make way for none".to_owned(),
        severity: "error".to_owned(),
        passed: false,
        unchecked_rows: 0,
    })
}

/// What came of an object that was read to its end.
pub(super) fn read(
    again: &ReadAgain,
    records: RecordCounts,
    outcome: &StretchOutcome,
) -> ReplayResult {
    let mut datasets = Vec::with_capacity(outcome.datasets.len());
    for dataset in &outcome.datasets {
        let failed = dataset.checks.iter().filter(|check| check.holds_rows());
        datasets.push(ReplayedDataset {
            dataset: dataset.contract.dataset(),
            rows: dataset.rows,
            quarantined_by_reason: dataset.reasons.clone(),
            failed_checks: failed.map(CheckResult::to_string).collect(),
        });
    }
    ReplayResult {
        read_again: again.clone(),
        outcome: ReplayOutcome::Read,
        error: None,
        records,
        quarantined_by_reason: outcome.reasons.clone(),
        datasets,
    }
}

/// What came of an object that could not be read.
pub(super) fn unreadable(
    again: &ReadAgain,
    outcome: ReplayOutcome,
    error: &impl ToString,
    records: RecordCounts,
) -> ReplayResult {
    ReplayResult {
        read_again: again.clone(),
        outcome,
        error: Some(error.to_string()),
        records,
        quarantined_by_reason: BTreeMap::new(),
        datasets: Vec::new(),
    }
}
