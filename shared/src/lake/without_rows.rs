//! A data file written anew without some of its rows: those whose keys came before.

use std::fs::File;
use std::io;

use arrow_array::builder::BooleanBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType};
use arrow_select::filter::filter_record_batch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::errors::ParquetError;

use super::describe::describe;
use super::statistics::Recount;
use super::store::ObjectStore;
use super::writer::{ROW_GROUP_BYTES, store_failure, writer_options};
use crate::contract::ColumnType;
use crate::event::{DataFileDescription, TableSchema};
use crate::govern::{Key, KeyHasher};

/// Rows that are read at once.
const BATCH_ROWS: usize = 1_024;

/// Why a data file could not be written anew.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The file has not the columns that its request says. A person must look.
    #[error("data file {path} has no column {column}")]
    NoColumn {
        /// The file.
        path: String,
        /// The column.
        column: String,
    },
    /// The file cannot be decoded or encoded. A retry does not help.
    #[error("data file {path}: {source}")]
    Parquet {
        /// The file.
        path: String,
        /// What the Parquet library says.
        source: ParquetError,
    },
    /// A value cannot be part of a key: a defect, since contracts have no other types.
    #[error("data file {path}: {source}")]
    Arrow {
        /// The file.
        path: String,
        /// What Arrow says.
        source: ArrowError,
    },
    /// The new file cannot be stored. A retry may help.
    #[error("storing data file {path} failed: {source}")]
    Store {
        /// The new file.
        path: String,
        /// What the store says.
        source: io::Error,
    },
}

/// A data file that is to be written anew.
#[derive(Debug)]
pub struct Rewrite<'a> {
    /// The file as it stands in its request.
    pub description: &'a DataFileDescription,
    /// The table as the file was written for it.
    pub schema: &'a TableSchema,
    /// The columns that make up a row's key.
    pub key_columns: &'a [String],
    /// The keys whose rows are left out, in ascending order.
    pub left_out: &'a [Key],
    /// Key of the new object.
    pub target: &'a str,
}

impl Rewrite<'_> {
    /// Copies the file without the rows that are left out, row group by row group; none where no row
    /// is left, the same description where every row is. The rows that stay are counted.
    pub fn run(
        &self,
        source: File,
        store: &dyn ObjectStore,
        recount: &mut Recount,
    ) -> Result<Option<DataFileDescription>, RewriteError> {
        let columns = self.columns()?;
        let first = self.reader(source.try_clone().map_err(|source| self.store(source))?)?;
        let metadata = first.metadata().clone();
        let kept = self.count_kept(first.build().map_err(|error| self.parquet(error))?, recount)?;
        if kept == 0 {
            return Ok(None);
        }
        let DataFileDescription { path, partition, file_size_in_bytes: size, .. } =
            self.description.clone();
        if kept == self.description.record_count {
            let described = describe(&columns, path, partition, &metadata, size);
            recount.bounds(&described.bounds);
            return Ok(Some(self.description.clone()));
        }
        let reader = self.reader(source)?.build().map_err(|error| self.parquet(error))?;
        let sink = store.create(self.target).map_err(|source| self.store(source))?;
        let options = writer_options(self.key_columns);
        let mut writer = ArrowWriter::try_new_with_options(sink, reader.schema(), options)
            .map_err(|error| self.parquet(error))?;
        for batch in reader {
            let kept = self.kept_of(&batch.map_err(|source| self.arrow(source))?)?;
            writer.write(&kept).map_err(|error| self.parquet(error))?;
            if writer.memory_size() > ROW_GROUP_BYTES {
                writer.flush().map_err(|error| self.parquet(error))?;
            }
        }
        let metadata = writer.finish().map_err(|error| self.parquet(error))?;
        let size = writer.bytes_written() as u64;
        writer.inner_mut().complete().map_err(|source| self.store(source))?;
        let described = describe(&columns, store.uri(self.target), partition, &metadata, size);
        recount.bounds(&described.bounds);
        Ok(Some(described.description))
    }

    fn reader(&self, source: File) -> Result<ParquetRecordBatchReaderBuilder<File>, RewriteError> {
        ParquetRecordBatchReaderBuilder::try_new(source)
            .map(|builder| builder.with_batch_size(BATCH_ROWS))
            .map_err(|error| self.parquet(error))
    }

    /// Counts the rows that stay, and what is told of them; how many there are.
    fn count_kept(
        &self,
        batches: ParquetRecordBatchReader,
        recount: &mut Recount,
    ) -> Result<u64, RewriteError> {
        let mut rows = 0;
        for batch in batches {
            let batch = self.kept_of(&batch.map_err(|source| self.arrow(source))?)?;
            rows += batch.num_rows() as u64;
            recount.batch(&batch);
        }
        Ok(rows)
    }

    fn kept_of(&self, batch: &RecordBatch) -> Result<RecordBatch, RewriteError> {
        filter_record_batch(batch, &self.kept(batch)?).map_err(|source| self.arrow(source))
    }

    fn kept(&self, batch: &RecordBatch) -> Result<BooleanArray, RewriteError> {
        let mut kept = BooleanBuilder::with_capacity(batch.num_rows());
        for key in keys_of(&self.description.path, self.key_columns, batch)? {
            kept.append_value(self.left_out.binary_search(&key).is_err());
        }
        Ok(kept.finish())
    }

    fn columns(&self) -> Result<Vec<(i32, ColumnType)>, RewriteError> {
        let mut columns = Vec::with_capacity(self.schema.columns.len());
        for column in &self.schema.columns {
            let Some(column_type) = column.parsed_type() else {
                return Err(RewriteError::NoColumn {
                    path: self.description.path.clone(),
                    column: format!("{} of type {}", column.name, column.column_type),
                });
            };
            columns.push((column.field_id, column_type));
        }
        Ok(columns)
    }

    fn parquet(&self, source: ParquetError) -> RewriteError {
        match store_failure(source) {
            Ok(source) => self.store(source),
            Err(source) => RewriteError::Parquet { path: self.description.path.clone(), source },
        }
    }

    fn arrow(&self, source: ArrowError) -> RewriteError {
        RewriteError::Arrow { path: self.description.path.clone(), source }
    }

    fn store(&self, source: io::Error) -> RewriteError {
        RewriteError::Store { path: self.target.to_owned(), source }
    }
}

impl RewriteError {
    /// Whether a later attempt can end differently.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store { .. })
    }
}

/// The keys of a batch's rows, in their order.
pub(super) fn keys_of(
    path: &str,
    key_columns: &[String],
    batch: &RecordBatch,
) -> Result<Vec<Key>, RewriteError> {
    let mut columns = Vec::with_capacity(key_columns.len());
    for name in key_columns {
        let Some(column) = batch.column_by_name(name) else {
            return Err(RewriteError::NoColumn { path: path.to_owned(), column: name.clone() });
        };
        columns.push(column);
    }
    let mut hasher = KeyHasher::default();
    let mut keys = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        for column in &columns {
            take_value(&mut hasher, column, row)
                .map_err(|source| RewriteError::Arrow { path: path.to_owned(), source })?;
        }
        keys.push(hasher.finish());
    }
    Ok(keys)
}

/// Gives the hasher a value as the governor gave it when the row was new.
fn take_value(hasher: &mut KeyHasher, column: &ArrayRef, row: usize) -> Result<(), ArrowError> {
    if column.is_null(row) {
        hasher.value(None);
        return Ok(());
    }
    match column.data_type() {
        DataType::Utf8 => hasher.value(Some(column.as_string::<i32>().value(row).as_bytes())),
        DataType::Int64 => {
            hasher.value(Some(&column.as_primitive::<Int64Type>().value(row).to_le_bytes()));
        }
        DataType::Float64 => {
            hasher.value(Some(&column.as_primitive::<Float64Type>().value(row).to_le_bytes()));
        }
        DataType::Boolean => hasher.value(Some(&[u8::from(column.as_boolean().value(row))])),
        DataType::Decimal128(..) => {
            hasher.value(Some(&column.as_primitive::<Decimal128Type>().value(row).to_le_bytes()));
        }
        DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, _) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            hasher.value(Some(&values.value(row).to_le_bytes()));
        }
        DataType::Date32 => {
            hasher.value(Some(&column.as_primitive::<Date32Type>().value(row).to_le_bytes()));
        }
        other => {
            return Err(ArrowError::NotYetImplemented(format!("a key of type {other}")));
        }
    }
    Ok(())
}
