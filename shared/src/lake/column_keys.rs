//! The keys of one column's values in a data file, read from where it lies.

use std::ops::Range;

use aws_sdk_s3::Client;

use super::read::{DataFile, ReadError};
use super::without_rows::{RewriteError, keys_of};
use crate::govern::Key;

/// Why the values of a column cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ColumnKeysError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its values cannot be keys: a defect, since contracts have no other types.
    #[error(transparent)]
    Keys(#[from] RewriteError),
}

impl ColumnKeysError {
    /// Whether a later attempt can end differently without anybody's doing. A file that is gone was replaced:
    /// the table's next snapshot names others.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Read(ReadError::Missing { .. } | ReadError::Failed { .. }) => true,
            Self::Read(ReadError::Name { .. } | ReadError::Parquet { .. }) => false,
            Self::Keys(error) => error.is_retryable(),
        }
    }
}

/// The keys of the values of a column, by its Iceberg field id, in some rows of a data file: in ascending
/// order, each once. None where the file is older than the column.
///
/// # Errors
/// Where the file cannot be read, or is no Parquet.
pub async fn column_keys(
    client: &Client,
    uri: &str,
    field_id: i32,
    rows: Range<u64>,
) -> Result<Vec<Key>, ColumnKeysError> {
    let file = DataFile::open(client, uri).await?;
    let Some(column) = file.column(field_id) else { return Ok(Vec::new()) };
    let mut batches = file.read(&[&column], rows)?;
    let columns = [column];
    let mut keys = Vec::new();
    while let Some(batch) = batches.next().await? {
        keys.extend(keys_of(uri, &columns, &batch)?);
    }
    keys.sort_unstable();
    keys.dedup();
    keys.shrink_to_fit();
    Ok(keys)
}
