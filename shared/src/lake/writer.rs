//! Rows of one dataset into Parquet files, one open file a partition.

use std::io;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDate;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::bounds::Bounds;
use super::columns::{ColumnBuilder, arrow_schema};
use super::describe::describe;
use super::statistics::{RowCounter, RowStatistics};
use super::store::{ObjectSink, ObjectStore};
use crate::contract::{ColumnType, Contract, PartitionTransform};
use crate::event::DataFileDescription;
use crate::govern::Row;

/// Rows that are collected before they are encoded. A dozen open files of fifty columns hold as many
/// unencoded rows each: 2,048 of them would be 30 MB more, and no faster.
const BATCH_ROWS: usize = 256;

/// A row group is closed at about this size; a group is held in memory until then.
pub(super) const ROW_GROUP_BYTES: usize = 16 * 1024 * 1024;

/// A column's values are compressed in pieces of about this size. Until then they lie in memory as they are, a piece for each
/// column of each open file.
const PAGE_BYTES: usize = 64 * 1024;

/// A column with more bytes of different values than this in a row group is written without a dictionary from there on: ids and
/// moments hardly ever repeat, and looking each of them up takes longer than writing it. Row groups become half as many, for
/// large dictionaries are what fills them.
const DICTIONARY_BYTES: usize = 64 * 1024;

/// A data file is closed at about this size, Iceberg's usual target being 128 to 512 MB.
const DATA_FILE_BYTES: usize = 256 * 1024 * 1024;

/// Partitions of a dataset that are written at the same time. A Segment file opens one or two.
const MOST_OPEN_FILES: usize = 8;

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The place that takes the files failed. A retry may help.
    #[error("writing data file {path} failed: {source}")]
    Store {
        /// The file's key.
        path: String,
        /// What the store says.
        source: io::Error,
    },
    /// The rows cannot be encoded. A retry does not help.
    #[error("encoding data file {path} failed: {source}")]
    Encode {
        /// The file's key.
        path: String,
        /// What the encoder says.
        source: ParquetError,
    },
    /// A row has no value in the partition column; the contract says that it must.
    #[error("dataset {dataset} has a row without a partition value")]
    NoPartition {
        /// The dataset.
        dataset: String,
    },
}

/// What was written of one dataset.
#[derive(Debug)]
pub struct Written {
    /// The files, all complete.
    pub data_files: Vec<DataFileDescription>,
    /// What was counted of the rows.
    pub statistics: RowStatistics,
}

/// Writes the rows of one dataset.
pub struct DatasetWriter {
    contract: &'static Contract,
    schema: Arc<Schema>,
    store: Arc<dyn ObjectStore>,
    /// `segment/tracks/data`
    folder: String,
    /// Names the input and the attempt in every file's name.
    file_token: String,
    partition: (usize, PartitionTransform),
    open: Vec<OpenFile>,
    finished: Vec<DataFileDescription>,
    /// Field id and type of each column.
    column_types: Vec<(i32, ColumnType)>,
    files_started: usize,
    bounds: Vec<Bounds>,
    /// None where nothing is to be told of the rows.
    counter: Option<RowCounter>,
}

/// A file that takes rows of one partition.
struct OpenFile {
    partition: i32,
    path: String,
    builders: Vec<ColumnBuilder>,
    rows: usize,
    writer: ArrowWriter<Box<dyn ObjectSink>>,
}

impl DatasetWriter {
    /// A writer of files `{folder}/{partition}/{file_token}-{n}.parquet`.
    pub fn new(
        contract: &'static Contract,
        store: Arc<dyn ObjectStore>,
        folder: String,
        file_token: String,
    ) -> Self {
        let columns = contract.columns.len();
        Self {
            schema: arrow_schema(contract),
            // The build refuses a contract without a partition column; the first would be a harmless choice.
            partition: contract.partition_column().unwrap_or((0, PartitionTransform::Identity)),
            contract,
            store,
            folder,
            file_token,
            open: Vec::new(),
            finished: Vec::new(),
            column_types: column_types(contract),
            files_started: 0,
            bounds: vec![Bounds::default(); columns],
            counter: Some(RowCounter::of_contract(contract)),
        }
    }

    /// The same writer, which counts nothing: what counting costs is the difference.
    #[must_use]
    pub fn without_statistics(mut self) -> Self {
        self.counter = None;
        self
    }

    /// Takes a row.
    pub fn append(&mut self, row: &Row<'_>) -> Result<(), WriteError> {
        let partition = self.partition_of(row)?;
        let position = match self.open.iter().position(|file| file.partition == partition) {
            Some(position) => position,
            None => self.start_file(partition)?,
        };
        let file = &mut self.open[position];
        for (builder, cell) in file.builders.iter_mut().zip(row.cells()) {
            builder.append(*cell, row);
        }
        file.rows += 1;
        if file.rows == BATCH_ROWS {
            self.encode(position)?;
        }
        Ok(())
    }

    /// Bytes held in unfinished row groups.
    pub fn memory(&self) -> usize {
        self.open.iter().map(|file| file.writer.memory_size()).sum()
    }

    /// Closes the largest unfinished row group, so that its memory is free.
    pub fn relieve(&mut self) -> Result<(), WriteError> {
        let largest = self.open.iter_mut().max_by_key(|file| file.writer.memory_size());
        match largest {
            Some(file) => file.writer.flush().map_err(|error| failed(&file.path, error)),
            None => Ok(()),
        }
    }

    /// Completes every file.
    pub fn finish(mut self) -> Result<Written, WriteError> {
        while !self.open.is_empty() {
            self.complete_file(0)?;
        }
        let statistics = self.counter.map(|counter| counter.finish(&self.bounds));
        Ok(Written { data_files: self.finished, statistics: statistics.unwrap_or_default() })
    }

    fn partition_of(&self, row: &Row<'_>) -> Result<i32, WriteError> {
        let day = row.cells()[self.partition.0].day();
        day.ok_or_else(|| WriteError::NoPartition { dataset: self.contract.dataset() })
    }

    fn start_file(&mut self, partition: i32) -> Result<usize, WriteError> {
        if self.open.len() == MOST_OPEN_FILES {
            // The first is the one that was started longest ago.
            self.complete_file(0)?;
        }
        let path = self.path(partition);
        self.files_started += 1;
        let sink = match self.store.create(&path) {
            Ok(sink) => sink,
            Err(source) => return Err(WriteError::Store { path, source }),
        };
        let options = writer_options(&self.contract.deduplicate_by);
        let writer = match ArrowWriter::try_new_with_options(sink, self.schema.clone(), options) {
            Ok(writer) => writer,
            Err(error) => return Err(failed(&path, error)),
        };
        let builders = self.contract.columns.iter().map(ColumnBuilder::new).collect();
        self.open.push(OpenFile { partition, path, builders, rows: 0, writer });
        Ok(self.open.len() - 1)
    }

    fn path(&self, partition: i32) -> String {
        let column = &self.contract.columns[self.partition.0].name;
        let field = match self.partition.1 {
            PartitionTransform::Day => format!("{column}_day"),
            PartitionTransform::Identity => column.clone(),
        };
        let day = NaiveDate::from_epoch_days(partition)
            .map_or_else(|| partition.to_string(), |day| day.to_string());
        format!(
            "{}/{field}={day}/{}-{:05}.parquet",
            self.folder, self.file_token, self.files_started
        )
    }

    /// Encodes the collected rows of an open file.
    fn encode(&mut self, position: usize) -> Result<(), WriteError> {
        let file = &mut self.open[position];
        let mut arrays = Vec::with_capacity(file.builders.len());
        for (position, builder) in file.builders.iter_mut().enumerate() {
            let array = builder.finish().map_err(|error| failed(&file.path, error.into()))?;
            if let Some(counter) = &mut self.counter {
                counter.array(position, &array);
            }
            arrays.push(array);
        }
        file.rows = 0;
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|error| failed(&file.path, error.into()))?;
        file.writer.write(&batch).map_err(|error| failed(&file.path, error))?;
        let (_, arrays, _) = batch.into_parts();
        for (builder, array) in file.builders.iter_mut().zip(arrays) {
            builder.take_back(array);
        }
        if file.writer.memory_size() > ROW_GROUP_BYTES {
            file.writer.flush().map_err(|error| failed(&file.path, error))?;
        }
        if file.writer.bytes_written() > DATA_FILE_BYTES {
            self.complete_file(position)?;
        }
        Ok(())
    }

    fn complete_file(&mut self, position: usize) -> Result<(), WriteError> {
        if self.open[position].rows > 0 {
            self.encode(position)?;
        }
        // Encoding may have completed the file already.
        if position >= self.open.len() {
            return Ok(());
        }
        let mut file = self.open.remove(position);
        let metadata = file.writer.finish().map_err(|error| failed(&file.path, error))?;
        let size = file.writer.bytes_written() as u64;
        if let Err(source) = file.writer.inner_mut().complete() {
            return Err(WriteError::Store { path: file.path, source });
        }
        let partition = Some(STANDARD.encode(file.partition.to_le_bytes()));
        let uri = self.store.uri(&file.path);
        let described = describe(&self.column_types, uri, partition, &metadata, size);
        for (position, bounds) in described.bounds.iter().enumerate() {
            self.bounds[position].include(bounds);
        }
        self.finished.push(described.description);
        Ok(())
    }
}

/// How data files are written. A dictionary of the values of `unique_columns`, which never come twice,
/// would be work for nothing.
pub(super) fn writer_options(unique_columns: &[String]) -> ArrowWriterOptions {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(usize::MAX))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        // It says where pages begin, and without bounds a page cannot be left out anyway.
        .set_offset_index_disabled(true)
        .set_created_by(concat!("tributary ", env!("CARGO_PKG_VERSION")).to_owned());
    for name in unique_columns {
        properties =
            properties.set_column_dictionary_enabled(ColumnPath::new(vec![name.clone()]), false);
    }
    ArrowWriterOptions::new()
        .with_properties(properties.build())
        // Iceberg's schema says it all; Arrow's own copy would be a kilobyte in every file.
        .with_skip_arrow_metadata(true)
}

fn column_types(contract: &Contract) -> Vec<(i32, ColumnType)> {
    contract.columns.iter().map(|column| (column.field_id, column.column_type)).collect()
}

fn failed(path: &str, error: ParquetError) -> WriteError {
    let path = path.to_owned();
    match store_failure(error) {
        Ok(source) => WriteError::Store { path, source },
        Err(source) => WriteError::Encode { path, source },
    }
}

/// What the store said, where that is what the encoder wraps: the store's failure may pass, an encoder's
/// own does not, and is given back.
pub(super) fn store_failure(error: ParquetError) -> Result<io::Error, ParquetError> {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(source) => Ok(*source),
            Err(inner) => Err(ParquetError::External(inner)),
        },
        error => Err(error),
    }
}

impl WriteError {
    /// Whether a later attempt can end differently.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store { .. })
    }
}
