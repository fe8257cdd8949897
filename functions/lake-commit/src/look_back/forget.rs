//! Keys of rows that leave their table: they leave the index of keys as well.

use chrono::Utc;
use shared::event::{CommitRequest, KeySegment, RowKeys};
use shared::lake::{FileKeys, KeyIndex};

use super::{LookBack, LookBackError, finished, new_key, on_disk};

impl LookBack {
    /// Takes the keys of a file that leaves the table out of the index; whether there were any. A key that
    /// stayed would keep its row from ever coming back.
    pub(super) async fn forget_superseded(
        &self,
        index: &mut KeyIndex,
        request: &CommitRequest,
        path: &str,
    ) -> Result<bool, LookBackError> {
        let Some(row_keys) = &request.row_keys else { return Ok(false) };
        let FileKeys { mut keys, days } = self.keys_in(request, row_keys, path).await?;
        let Some((from_day, to_day)) = days else { return Ok(false) };
        keys.sort_unstable();
        let around: Vec<KeySegment> =
            index.around(from_day, to_day, 0).into_iter().cloned().collect();
        let mut changes = false;
        for segment in around {
            let left = self.load_keys(&segment).await?.without(&keys);
            if left.len() as u64 == segment.count {
                continue;
            }
            changes = true;
            if left.is_empty() {
                index.remove(&segment);
                continue;
            }
            let key = new_key(request, "left", "");
            let smaller = KeySegment { key, count: left.len() as u64, ..segment.clone() };
            let bytes = left.into_flattened();
            self.lake.put(&smaller.key, "application/octet-stream", bytes).await?;
            index.replace(&[segment], smaller, Utc::now());
        }
        Ok(changes)
    }

    async fn keys_in(
        &self,
        request: &CommitRequest,
        row_keys: &RowKeys,
        path: &str,
    ) -> Result<FileKeys, LookBackError> {
        let source = self.fetch(path).await?;
        let (columns, schema) = (row_keys.columns.clone(), request.schema.clone());
        let (path, named) = (path.to_owned(), path.to_owned());
        let work = tokio::task::spawn_blocking(move || {
            let source = on_disk(source)
                .map_err(|source| LookBackError::Disk { path: path.clone(), source })?;
            Ok(FileKeys::read(source, &path, &schema, &columns)?)
        });
        finished(work, named).await
    }
}
