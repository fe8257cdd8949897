//! Some columns of a data file, row by row, without the rest of it.
//!
//! Only the byte ranges of the columns that are asked for are fetched, a row group at a time; a small
//! file comes in one request.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};
use parquet::schema::types::BasicTypeInfo;

use crate::aws::explain;

/// Fetched with the first request: the footer of any file that is written here, and all of a small one.
const END_BYTES: u64 = 256 * 1024;

/// Rows of a batch.
const BATCH_ROWS: usize = 1024;

/// Why a data file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The name is that of no object.
    #[error("data file {uri} is not named as s3://bucket/key")]
    Name {
        /// The file's URI.
        uri: String,
    },
    /// There is no such file, or no longer: it may have been compacted. A retry does not help.
    #[error("data file {uri} does not exist")]
    Missing {
        /// The file's URI.
        uri: String,
    },
    /// The call failed. A retry may help.
    #[error("reading data file {uri} failed: {reason}")]
    Failed {
        /// The file's URI.
        uri: String,
        /// What S3 says.
        reason: String,
    },
    /// It is no Parquet, or lacks a column. A person must look.
    #[error("data file {uri}: {source}")]
    Parquet {
        /// The file's URI.
        uri: String,
        /// What the reader says.
        source: ParquetError,
    },
}

/// A data file, opened: its footer is read.
#[derive(Debug)]
pub struct DataFile {
    object: Object,
    metadata: Arc<ParquetMetaData>,
}

/// Gives the rows of a data file, batch by batch.
pub struct RowBatches {
    object: Object,
    decoder: ParquetPushDecoder,
}

#[derive(Debug, Clone)]
struct Object {
    client: Client,
    uri: String,
    bucket: String,
    key: String,
    /// The end of the file, and where it begins.
    end: Bytes,
    end_from: u64,
}

impl DataFile {
    /// Opens a data file by its URI.
    pub async fn open(client: &Client, uri: &str) -> Result<Self, ReadError> {
        let name = uri.strip_prefix("s3://").and_then(|path| path.split_once('/'));
        let Some((bucket, key)) = name else {
            return Err(ReadError::Name { uri: uri.to_owned() });
        };
        let mut object = Object {
            client: client.clone(),
            uri: uri.to_owned(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            end: Bytes::new(),
            end_from: 0,
        };
        let size = object.fetch_end().await?;
        let mut decoder = ParquetMetaDataPushDecoder::try_new(size)
            .map_err(|source| object.malformed(source))?
            .with_page_index_policy(PageIndexPolicy::Skip);
        loop {
            match decoder.try_decode().map_err(|source| object.malformed(source))? {
                DecodeResult::NeedsData(ranges) => {
                    let data = object.fetch(&ranges).await?;
                    decoder.push_ranges(ranges, data).map_err(|source| object.malformed(source))?;
                }
                DecodeResult::Data(metadata) => {
                    return Ok(Self { object, metadata: Arc::new(metadata) });
                }
                DecodeResult::Finished => {
                    let ended = ParquetError::General("the footer is missing".to_owned());
                    return Err(object.malformed(ended));
                }
            }
        }
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.metadata.file_metadata().num_rows() as u64
    }

    /// The name that the file has for a column of the table; none where the file is older than the column.
    pub fn column(&self, field_id: i32) -> Option<String> {
        let schema = self.metadata.file_metadata().schema_descr();
        let mut fields =
            schema.root_schema().get_fields().iter().map(|field| field.get_basic_info());
        let is_column = |info: &&BasicTypeInfo| info.has_id() && info.id() == field_id;
        fields.find(is_column).map(|info| info.name().to_owned())
    }

    /// Some of the rows, with the columns of these names, in the order of the file. A column that the file
    /// does not have (it is older than the column) is not there.
    pub fn read(self, columns: &[&str], rows: Range<u64>) -> Result<RowBatches, ReadError> {
        let Self { object, metadata } = self;
        // Others write data files as well, and what they say of Arrow's types there is theirs alone.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::try_new(metadata, options)
            .map_err(|source| object.malformed(source))?;
        let mask = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
        let decoder = ParquetPushDecoderBuilder::new_with_metadata(metadata)
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .with_offset(rows.start as usize)
            .with_limit(rows.end.saturating_sub(rows.start) as usize)
            .build();
        let decoder = decoder.map_err(|source| object.malformed(source))?;
        Ok(RowBatches { object, decoder })
    }
}

impl RowBatches {
    /// The next rows; none when there are no more.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, ReadError> {
        loop {
            let decoded = self.decoder.try_decode();
            match decoded.map_err(|source| self.object.malformed(source))? {
                DecodeResult::NeedsData(ranges) => {
                    let data = self.object.fetch(&ranges).await?;
                    self.decoder
                        .push_ranges(ranges, data)
                        .map_err(|source| self.object.malformed(source))?;
                }
                DecodeResult::Data(batch) => return Ok(Some(batch)),
                DecodeResult::Finished => return Ok(None),
            }
        }
    }

    /// The file's URI.
    pub fn uri(&self) -> &str {
        &self.object.uri
    }
}

impl Object {
    /// Fetches the end of the file, or all of a small one; the file's size.
    async fn fetch_end(&mut self) -> Result<u64, ReadError> {
        let got = self.get(format!("bytes=-{END_BYTES}")).await?;
        // `bytes 100-199/200`; without a range the whole file came.
        let size = got.0.as_deref().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        self.end = got.1;
        let size = size.unwrap_or(self.end.len() as u64);
        self.end_from = size - self.end.len() as u64;
        Ok(size)
    }

    async fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, ReadError> {
        let mut data = Vec::with_capacity(ranges.len());
        for range in ranges {
            if range.start >= self.end_from {
                let from = (range.start - self.end_from) as usize;
                let to = (range.end - self.end_from) as usize;
                if to <= self.end.len() {
                    data.push(self.end.slice(from..to));
                    continue;
                }
            }
            data.push(self.get(format!("bytes={}-{}", range.start, range.end - 1)).await?.1);
        }
        Ok(data)
    }

    /// A range, with what S3 says of it.
    async fn get(&self, range: String) -> Result<(Option<String>, Bytes), ReadError> {
        let get = self.client.get_object().bucket(&self.bucket).key(&self.key).range(range);
        let output = get.send().await.map_err(|error| self.failed(&error))?;
        let said = output.content_range.clone();
        match output.body.collect().await {
            Ok(body) => Ok((said, body.into_bytes())),
            Err(error) => Err(ReadError::Failed { uri: self.uri.clone(), reason: explain(&error) }),
        }
    }

    fn failed(&self, error: &SdkError<GetObjectError>) -> ReadError {
        let uri = self.uri.clone();
        if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) {
            return ReadError::Missing { uri };
        }
        ReadError::Failed { uri, reason: explain(error) }
    }

    fn malformed(&self, source: ParquetError) -> ReadError {
        ReadError::Parquet { uri: self.uri.clone(), source }
    }
}
