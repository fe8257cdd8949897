//! Objects into a bucket, part by part, from code that writes blockingly.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::explain;
use crate::lake::{ObjectSink, ObjectStore};

/// S3 wants 5 MiB at least for every part but the last, and takes 10,000 parts.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// By how much a part's buffer grows.
const BUFFER_GROWTH_BYTES: usize = 256 * 1024;

/// Parts that are under way to a bucket at the same time, of all objects together: they are held in
/// memory until they are there.
const PARTS_UNDER_WAY: usize = 2;

/// A bucket that objects are written to.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
    runtime: Handle,
    under_way: Arc<Semaphore>,
}

/// Why an object could not be stored. A retry may help.
#[derive(Debug, thiserror::Error)]
#[error("{operation} s3://{bucket}/{key} failed: {reason}")]
pub struct BucketError {
    /// The S3 operation.
    pub operation: &'static str,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// What S3 says.
    pub reason: String,
}

impl Bucket {
    /// A bucket, written to from the current runtime.
    pub fn new(client: Client, name: String) -> Self {
        let under_way = Arc::new(Semaphore::new(PARTS_UNDER_WAY));
        Self { client, name, runtime: Handle::current(), under_way }
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client that it is reached with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The URI of an object.
    pub fn uri_of(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// Stores a small object.
    pub async fn put(
        &self,
        key: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(), BucketError> {
        let sent = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(content_type)
            .body(ByteStream::from(body))
            .send()
            .await;
        sent.map(drop).map_err(|error| self.failed("PutObject", key, &error))
    }

    /// Stores a small object unless there is one under its key already; whether it was stored.
    pub async fn put_new(
        &self,
        key: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<bool, BucketError> {
        let sent = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(content_type)
            .if_none_match("*")
            .body(ByteStream::from(body))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("PreconditionFailed") => Ok(false),
            Err(error) => Err(self.failed("PutObject", key, &error)),
        }
    }

    /// Reads a small object; none where there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, BucketError> {
        let output = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(output) => output,
            Err(error)
                if error.as_service_error().is_some_and(
                    aws_sdk_s3::operation::get_object::GetObjectError::is_no_such_key,
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(self.failed("GetObject", key, &error)),
        };
        let body =
            output.body.collect().await.map_err(|error| self.failed("GetObject", key, &error))?;
        Ok(Some(body.into_bytes()))
    }

    /// Copies an object of another bucket here, at a version where one is given.
    pub async fn copy_from(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        target: &str,
    ) -> Result<(), BucketError> {
        let mut source =
            format!("{bucket}/{}", percent_encoding::utf8_percent_encode(key, UNRESERVED));
        if let Some(version) = version_id {
            source.push_str("?versionId=");
            source.push_str(version);
        }
        let sent = self
            .client
            .copy_object()
            .bucket(&self.name)
            .key(target)
            .copy_source(source)
            // The tags of a landing object are not the quarantine's, and reading them needs a right of its own.
            .tagging_directive(aws_sdk_s3::types::TaggingDirective::Replace)
            .send()
            .await;
        sent.map(drop).map_err(|error| self.failed("CopyObject", target, &error))
    }

    pub(super) fn failed<E: std::error::Error>(
        &self,
        operation: &'static str,
        key: &str,
        error: &E,
    ) -> BucketError {
        BucketError {
            operation,
            bucket: self.name.clone(),
            key: key.to_owned(),
            reason: explain(error),
        }
    }
}

/// What a copy source need not escape: RFC 3986's unreserved characters and the slash.
const UNRESERVED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

impl ObjectStore for Bucket {
    fn create(&self, key: &str) -> io::Result<Box<dyn ObjectSink>> {
        Ok(Box::new(Upload {
            bucket: self.clone(),
            key: key.to_owned(),
            buffer: Vec::new(),
            upload_id: None,
            under_way: VecDeque::new(),
            parts: Vec::new(),
            completed: false,
        }))
    }

    fn uri(&self, key: &str) -> String {
        self.uri_of(key)
    }
}

/// An object on its way. It is a multipart upload only once it is larger than a part.
struct Upload {
    bucket: Bucket,
    key: String,
    buffer: Vec<u8>,
    upload_id: Option<String>,
    under_way: VecDeque<JoinHandle<Result<CompletedPart, BucketError>>>,
    parts: Vec<CompletedPart>,
    completed: bool,
}

impl Upload {
    fn send_part(&mut self, body: Bytes) -> io::Result<()> {
        let upload_id = self.started()?;
        // A part that failed ends the upload now, not after everything else was sent.
        while self.under_way.front().is_some_and(JoinHandle::is_finished) {
            self.await_part()?;
        }
        let under_way = self.bucket.under_way.clone().acquire_owned();
        let under_way = self.bucket.runtime.block_on(under_way).map_err(io::Error::other)?;
        let number = (self.parts.len() + self.under_way.len() + 1) as i32;
        let (bucket, key) = (self.bucket.clone(), self.key.clone());
        self.under_way.push_back(self.bucket.runtime.spawn(async move {
            let sent = bucket
                .client
                .upload_part()
                .bucket(&bucket.name)
                .key(&key)
                .upload_id(upload_id)
                .part_number(number)
                .body(ByteStream::from(body))
                .send()
                .await;
            drop(under_way);
            match sent {
                Ok(part) => {
                    Ok(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build())
                }
                Err(error) => Err(bucket.failed("UploadPart", &key, &error)),
            }
        }));
        Ok(())
    }

    fn started(&mut self) -> io::Result<String> {
        if let Some(upload_id) = &self.upload_id {
            return Ok(upload_id.clone());
        }
        let create = self
            .bucket
            .client
            .create_multipart_upload()
            .bucket(&self.bucket.name)
            .key(&self.key)
            .send();
        let created = match self.bucket.runtime.block_on(create) {
            Ok(created) => created,
            Err(error) => {
                return Err(io::Error::other(self.bucket.failed(
                    "CreateMultipartUpload",
                    &self.key,
                    &error,
                )));
            }
        };
        let upload_id = created.upload_id.unwrap_or_default();
        self.upload_id = Some(upload_id.clone());
        Ok(upload_id)
    }

    fn await_part(&mut self) -> io::Result<()> {
        let Some(part) = self.under_way.pop_front() else {
            return Ok(());
        };
        let part = self.bucket.runtime.block_on(part).map_err(io::Error::other)?;
        self.parts.push(part.map_err(io::Error::other)?);
        Ok(())
    }

    fn complete_multipart(&mut self, upload_id: String) -> io::Result<()> {
        if !self.buffer.is_empty() {
            let rest = std::mem::take(&mut self.buffer);
            self.send_part(rest.into())?;
        }
        while !self.under_way.is_empty() {
            self.await_part()?;
        }
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(std::mem::take(&mut self.parts)))
            .build();
        let complete = self
            .bucket
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket.name)
            .key(&self.key)
            .upload_id(upload_id)
            .multipart_upload(parts)
            .send();
        match self.bucket.runtime.block_on(complete) {
            Ok(_) => Ok(()),
            Err(error) => Err(io::Error::other(self.bucket.failed(
                "CompleteMultipartUpload",
                &self.key,
                &error,
            ))),
        }
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PART_BYTES - self.buffer.len()));
            if self.buffer.capacity() - self.buffer.len() < now.len() {
                // Doubling would hold half as much again, in each of a dozen files.
                self.buffer.reserve_exact(now.len().max(BUFFER_GROWTH_BYTES));
            }
            self.buffer.extend_from_slice(now);
            if self.buffer.len() == PART_BYTES {
                let part = std::mem::take(&mut self.buffer);
                self.send_part(part.into())?;
            }
            rest = later;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectSink for Upload {
    fn complete(&mut self) -> io::Result<()> {
        match self.upload_id.clone() {
            Some(upload_id) => self.complete_multipart(upload_id)?,
            None => {
                let body = std::mem::take(&mut self.buffer);
                let put = self
                    .bucket
                    .client
                    .put_object()
                    .bucket(&self.bucket.name)
                    .key(&self.key)
                    .body(ByteStream::from(body))
                    .send();
                if let Err(error) = self.bucket.runtime.block_on(put) {
                    return Err(io::Error::other(self.bucket.failed(
                        "PutObject",
                        &self.key,
                        &error,
                    )));
                }
            }
        }
        self.completed = true;
        Ok(())
    }
}

impl Drop for Upload {
    /// An upload that was given up costs storage until it is aborted; the bucket's lifecycle would do
    /// it after some days if this does not come through.
    fn drop(&mut self) {
        let Some(upload_id) = self.upload_id.take() else {
            return;
        };
        for part in &self.under_way {
            part.abort();
        }
        if !self.completed {
            let (bucket, key) = (self.bucket.clone(), self.key.clone());
            self.bucket.runtime.spawn(async move {
                let abort = bucket
                    .client
                    .abort_multipart_upload()
                    .bucket(&bucket.name)
                    .key(&key)
                    .upload_id(upload_id)
                    .send()
                    .await;
                if let Err(error) = abort {
                    tracing::warn!(
                        bucket = bucket.name,
                        key,
                        error = explain(&error),
                        "an unfinished upload was left behind"
                    );
                }
            });
        }
    }
}
