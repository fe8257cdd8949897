//! The run of an input, and the commit request of each dataset that it went to.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::outcome::DatasetOutcome;
use crate::event::{CommitRequest, TableSchema};
use crate::run::{InputIdentity, Outcome, Run, run_id};

/// The request to commit what an input gave a dataset. `base` is the run of the input as a whole.
pub(super) fn commit_request(
    dataset: DatasetOutcome,
    base: &Run,
    database_prefix: &str,
) -> CommitRequest {
    let contract = dataset.contract;
    let name = contract.dataset();
    let schema_fingerprint = Some(dataset.schema_fingerprint());
    let run = Run {
        run_id: run_id(&base.job, &base.input, Some(&name)),
        dataset: Some(name.clone()),
        records: None,
        rows: Some(dataset.rows),
        quarantined_by_reason: dataset.reasons,
        quarantined_by_column: dataset.reasons_by_column,
        quarantine: base.quarantine.clone().filter(|_| dataset.rows.quarantined > 0),
        bytes_written: dataset.data_files.iter().map(|file| file.file_size_in_bytes).sum(),
        data_files: dataset.data_files.iter().map(|file| file.path.clone()).collect(),
        contract_version: Some(contract.version.clone()),
        schema_fingerprint,
        unknown_members: dataset.unknown_members,
        event_time: dataset.event_time,
        rows_by_event_time: dataset.rows_by_event_time,
        columns: dataset.columns,
        checks: dataset.checks,
        ..base.clone()
    };
    CommitRequest {
        request_id: Uuid::now_v7().to_string(),
        dataset: name,
        database: format!("{database_prefix}{}", contract.domain),
        table: contract.table.clone(),
        schema: TableSchema::of(contract),
        data_files: dataset.data_files,
        row_keys: dataset.row_keys,
        run,
    }
}

/// A run of which only the input and the times are known.
pub(crate) fn base_run(
    job: &str,
    input: InputIdentity,
    arrived_at: DateTime<Utc>,
    started_at: DateTime<Utc>,
) -> Run {
    Run {
        run_id: run_id(job, &input, None),
        job: job.to_owned(),
        input,
        dataset: None,
        outcome: Outcome::Transformed,
        arrived_at,
        started_at,
        finished_at: started_at,
        records: None,
        rows: None,
        quarantined_by_reason: BTreeMap::new(),
        quarantined_by_column: BTreeMap::new(),
        quarantine: None,
        input_copy: None,
        bytes_written: 0,
        data_files: Vec::new(),
        contract_version: None,
        schema_fingerprint: None,
        unknown_members: BTreeMap::new(),
        event_time: None,
        rows_by_event_time: BTreeMap::new(),
        columns: Vec::new(),
        checks: Vec::new(),
        snapshot_id: None,
        superseded_runs: Vec::new(),
        left_out: None,
        error: None,
    }
}
