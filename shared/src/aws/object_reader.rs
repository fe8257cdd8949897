//! An S3 object as a stream of bytes for code that reads blockingly.

use std::io::{self, Read};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes};
use chrono::{DateTime, Utc};
use ring::digest::{Context, SHA256};
use tokio::sync::{mpsc, oneshot};

use super::explain;
use crate::run::hex;

/// Chunks that may wait for the reader; the network gives them in 16 to 64 KiB.
const CHUNKS_AHEAD: usize = 16;

/// How often a broken download is taken up where it broke off.
const RESUMPTIONS: u32 = 3;

/// Why an object cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// There is no such object, or no longer. S3 is consistent: a retry does not help.
    #[error("s3://{bucket}/{key} does not exist")]
    NotFound {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// The call failed. A retry may help.
    #[error("reading s3://{bucket}/{key} failed: {reason}")]
    Failed {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// What S3 says.
        reason: String,
    },
}

/// An object whose bytes are on their way.
pub struct Opened {
    /// The bytes.
    pub reader: ObjectReader,
    /// The version that is read.
    pub version_id: Option<String>,
    /// Names the content: equal tags under a key are equal bytes.
    pub entity_tag: String,
    /// When the object came to be.
    pub last_modified: Option<DateTime<Utc>>,
}

/// Reads the bytes of an object, for use on a thread that may block.
pub struct ObjectReader {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    digest: oneshot::Receiver<Digest>,
}

/// What was counted while the bytes passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 in lower-case hex.
    pub checksum: String,
    /// How many bytes there were.
    pub bytes: u64,
}

/// Opens an object, at a version where one is given.
pub async fn open_object(
    client: &Client,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> Result<Opened, ObjectError> {
    let place = Place {
        client: client.clone(),
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        version_id: version_id.map(str::to_owned),
        entity_tag: None,
    };
    let output = place.get(0).await.map_err(|error| place.failed(&error))?;
    let entity_tag = output.e_tag.clone().unwrap_or_default();
    let version_id = output.version_id.clone().filter(|version| version != "null");
    let last_modified = output
        .last_modified
        .as_ref()
        .and_then(|moment| DateTime::from_timestamp(moment.secs(), moment.subsec_nanos()));
    let place = Place { entity_tag: output.e_tag, ..place };
    let (send_chunk, chunks) = mpsc::channel(CHUNKS_AHEAD);
    let (send_digest, digest) = oneshot::channel();
    tokio::spawn(async move {
        if let Some(counted) = place.pump(output.body, &send_chunk).await {
            // Nobody waits for the digest of an input that was given up.
            let _ = send_digest.send(counted);
        }
    });
    let reader = ObjectReader { chunks, current: Bytes::new(), digest };
    Ok(Opened { reader, version_id, entity_tag, last_modified })
}

/// Where an object is.
struct Place {
    client: Client,
    bucket: String,
    key: String,
    version_id: Option<String>,
    /// A resumed download must be of the same bytes.
    entity_tag: Option<String>,
}

impl Place {
    async fn get(&self, from: u64) -> Result<GetObjectOutput, SdkError<GetObjectError>> {
        self.client
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_version_id(self.version_id.clone())
            .set_if_match(self.entity_tag.clone())
            .set_range((from > 0).then(|| format!("bytes={from}-")))
            .send()
            .await
    }

    fn failed(&self, error: &SdkError<GetObjectError>) -> ObjectError {
        let (bucket, key) = (self.bucket.clone(), self.key.clone());
        let status = error.raw_response().map(|response| response.status().as_u16());
        let no_such_key = error.as_service_error().is_some_and(GetObjectError::is_no_such_key);
        // 405 is the answer for a version that is a delete marker.
        if no_such_key || matches!(status, Some(404 | 405)) {
            return ObjectError::NotFound { bucket, key };
        }
        ObjectError::Failed { bucket, key, reason: explain(error) }
    }

    /// Sends the body's chunks on, taking a broken download up again; none when it was given up.
    async fn pump(
        &self,
        mut body: ByteStream,
        chunks: &mpsc::Sender<io::Result<Bytes>>,
    ) -> Option<Digest> {
        let mut digest = Context::new(&SHA256);
        let mut bytes = 0;
        let mut resumptions = 0;
        loop {
            let reason = match body.next().await {
                None => {
                    return Some(Digest { checksum: hex(digest.finish().as_ref()), bytes });
                }
                Some(Ok(chunk)) => {
                    digest.update(&chunk);
                    bytes += chunk.len() as u64;
                    chunks.send(Ok(chunk)).await.ok()?;
                    continue;
                }
                Some(Err(error)) => explain(&error),
            };
            let resumed = if resumptions < RESUMPTIONS { self.get(bytes).await.ok() } else { None };
            let Some(output) = resumed else {
                let failure = SourceFailed(format!(
                    "s3://{}/{} broke off after {bytes} bytes: {reason}",
                    self.bucket, self.key
                ));
                let _ = chunks.send(Err(io::Error::other(failure))).await;
                return None;
            };
            resumptions += 1;
            body = output.body;
        }
    }
}

/// Marks an error of the network, so that it is not taken for damage of the content.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceFailed(String);

impl SourceFailed {
    /// Whether an I/O error comes from the source, through whatever decoder.
    pub fn caused(error: &io::Error) -> bool {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).is_some()
    }
}

impl ObjectReader {
    /// Reads what is left and tells what passed in all; none when the source failed.
    pub fn finish(mut self) -> Option<Digest> {
        while let Some(chunk) = self.chunks.blocking_recv() {
            chunk.ok()?;
        }
        self.digest.blocking_recv().ok()
    }
}

impl Read for ObjectReader {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let length = target.len().min(self.current.len());
        self.current.copy_to_slice(&mut target[..length]);
        Ok(length)
    }
}
