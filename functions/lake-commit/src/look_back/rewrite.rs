//! Requests whose rows are repeats in part: their files are written anew without these.

use shared::event::{CommitRequest, DataFileDescription, RowKeys};
use shared::govern::Key;
use shared::lake::{Recount, Rewrite, RowStatistics};
use uuid::Uuid;

use super::{LookBack, LookBackError, finished, on_disk};

impl LookBack {
    /// Writes a request's files anew without the rows that the table has.
    pub(super) async fn rewrite(
        &self,
        request: &CommitRequest,
        row_keys: &RowKeys,
        repeated: &[Key],
    ) -> Result<(CommitRequest, String), LookBackError> {
        let mut rewritten = request.clone();
        rewritten.data_files.clear();
        let mut recount = Recount::of(request).ok_or_else(|| LookBackError::Malformed {
            key: request.request_id.clone(),
            problem: "its table has a column of a type that no contract uses".to_owned(),
        })?;
        for description in &request.data_files {
            let work = self.without_rows(request, row_keys, description, repeated, recount);
            let (file, counted) = work.await?;
            rewritten.data_files.extend(file);
            recount = counted;
        }
        let removed = rows_of(request) - rows_of(&rewritten);
        if removed != repeated.len() as u64 {
            return Err(LookBackError::Malformed {
                key: request.request_id.clone(),
                problem: format!(
                    "{} of the request's keys are repeats, but {removed} of its rows have them",
                    repeated.len()
                ),
            });
        }
        count_anew(&mut rewritten, recount.finish(), removed);
        let key = format!(
            "_requests/{}/{}/{}-{}.json",
            request.database,
            request.table,
            request.request_id,
            Uuid::now_v7().simple()
        );
        let body = serde_json::to_vec(&rewritten).map_err(|error| LookBackError::Malformed {
            key: key.clone(),
            problem: error.to_string(),
        })?;
        self.lake.put(&key, "application/json", body).await?;
        tracing::info!(
            dataset = request.dataset,
            request = request.request_id,
            repeats = removed,
            left = rows_of(&rewritten),
            supersedes = request.run.input.supersedes,
            "rows that other inputs brought before were left out"
        );
        Ok((rewritten, key))
    }

    async fn without_rows(
        &self,
        request: &CommitRequest,
        row_keys: &RowKeys,
        description: &DataFileDescription,
        repeated: &[Key],
        mut recount: Recount,
    ) -> Result<(Option<DataFileDescription>, Recount), LookBackError> {
        let source = self.fetch(&description.path).await?;
        let key = self.key_of(&description.path)?;
        let stem = key.strip_suffix(".parquet").unwrap_or(key);
        let target = format!("{stem}-{}.parquet", Uuid::now_v7().simple());
        let (description, schema) = (description.clone(), request.schema.clone());
        let (key_columns, left_out) = (row_keys.columns.clone(), repeated.to_vec());
        let store = self.lake.clone();
        let path = description.path.clone();
        let work = tokio::task::spawn_blocking(move || {
            let path = description.path.clone();
            let source = on_disk(source).map_err(|source| LookBackError::Disk { path, source })?;
            let rewrite = Rewrite {
                description: &description,
                schema: &schema,
                key_columns: &key_columns,
                left_out: &left_out,
                target: &target,
            };
            let file = rewrite.run(source, &store, &mut recount)?;
            Ok((file, recount))
        });
        finished(work, path).await
    }
}

fn rows_of(request: &CommitRequest) -> u64 {
    request.data_files.iter().map(|file| file.record_count).sum()
}

/// Brings what the run tells of its rows to those that are left. Checks and unknown members stay: they are
/// told of what the input brought.
fn count_anew(rewritten: &mut CommitRequest, left: RowStatistics, removed: u64) {
    let run = &mut rewritten.run;
    if let Some(rows) = &mut run.rows {
        rows.committed -= removed;
        rows.deduplicated += removed;
    }
    run.bytes_written = rewritten.data_files.iter().map(|file| file.file_size_in_bytes).sum();
    run.data_files = rewritten.data_files.iter().map(|file| file.path.clone()).collect();
    run.columns = left.columns;
    run.event_time = left.event_time;
    run.rows_by_event_time = left.rows_by_event_time;
}
