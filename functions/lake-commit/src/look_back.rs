//! Repeats across inputs: rows whose keys a table has already, taken out before they are appended.
//!
//! A client that retries recomposes its batches, so a message may come again in another file, hours
//! later. Commits to a table happen one after the other, so here is the place where all of its keys can
//! be known without a database write a row: [`KeyIndex`] says how. A file without repeats, nearly every
//! one, is not touched; one with repeats is written anew without them, and its run's counts with it.

use std::fs::File;
use std::io;

use chrono::{DateTime, Days, Utc};
use shared::aws::{Bucket, BucketError, ObjectError, ObjectReader, open_object};
use shared::event::{CommitRequest, KeySegment};
use shared::govern::Key;
use shared::lake::{KeyIndex, OpenTable, RewriteError, SegmentError, SortedKeys};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::segment_cache::SegmentCache;
use crate::supersede::Standing;

mod forget;
mod rewrite;

/// A segment is forgotten so many days before its object is deleted, which may be as slow to be seen.
const MARGIN_DAYS: u32 = 2;

/// Why repeats could not be taken out.
#[derive(Debug, thiserror::Error)]
pub enum LookBackError {
    /// An object cannot be read or written.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// A data file cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A data file cannot be written anew.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    /// A segment is cut off.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// An object that the table or the request names is gone. A person must look.
    #[error("{key} is named, but does not exist")]
    Missing {
        /// The object's key.
        key: String,
    },
    /// An object is not what it should be. A person must look.
    #[error("{key} is malformed: {problem}")]
    Malformed {
        /// The object's key, or the data file's URI.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// The disk failed. A retry may help.
    #[error("keeping {path} on disk for a moment failed: {source}")]
    Disk {
        /// The data file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
}

impl LookBackError {
    /// Whether a later attempt can end differently.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Bucket(_) | Self::Disk { .. } => true,
            Self::Object(error) => !matches!(error, ObjectError::NotFound { .. }),
            Self::Rewrite(error) => error.is_retryable(),
            Self::Segment(_) | Self::Missing { .. } | Self::Malformed { .. } => false,
        }
    }
}

/// A request that is about to be appended.
#[derive(Debug)]
pub struct Waiting<'a> {
    /// The request.
    pub request: &'a CommitRequest,
    /// What makes way for it.
    pub standing: Standing,
}

/// A request without its repeats.
#[derive(Debug)]
pub struct Prepared {
    /// The request.
    pub request: CommitRequest,
    /// Where it stands, if it is another than it was.
    pub rewritten: Option<String>,
    /// What makes way for it.
    pub standing: Standing,
}

/// Requests without repeats, and the index of keys that holds once they are appended.
#[derive(Debug)]
pub struct LookedBack {
    /// The requests in their order.
    pub prepared: Vec<Prepared>,
    /// The index, if there is a new one.
    pub key_index: Option<String>,
}

/// Looks for the keys of requests among those of their tables.
#[derive(Debug)]
pub struct LookBack {
    lake: Bucket,
    retention_days: u32,
    cache: Mutex<SegmentCache>,
}

impl LookBack {
    /// Over the lake bucket, which deletes objects of keys after `object_days`. At most `cache_bytes` of
    /// keys are kept between invocations.
    pub fn new(lake: Bucket, object_days: u32, cache_bytes: usize) -> Self {
        let retention_days = object_days.saturating_sub(MARGIN_DAYS);
        Self { lake, retention_days, cache: Mutex::new(SegmentCache::new(cache_bytes)) }
    }

    /// Takes the repeats out of requests that are about to be appended to a table.
    pub async fn take_out_repeats(
        &self,
        table: &OpenTable<'_>,
        waiting: Vec<Waiting<'_>>,
    ) -> Result<LookedBack, LookBackError> {
        let mut prepared = Vec::with_capacity(waiting.len());
        if waiting.iter().all(|one| one.request.row_keys.is_none()) {
            for Waiting { request, standing } in waiting {
                prepared.push(Prepared { request: request.clone(), rewritten: None, standing });
            }
            return Ok(LookedBack { prepared, key_index: None });
        }
        let mut index = self.load_index(table.key_index()).await?;
        index.forget(self.oldest());
        let mut changes = false;
        // Before any request is looked at: what makes way for one may be repeated in another.
        for Waiting { request, standing } in &waiting {
            for path in &standing.files {
                changes |= self.forget_superseded(&mut index, request, path).await?;
            }
        }
        let like = waiting.first().map(|one| one.request);
        for Waiting { request, standing } in waiting {
            let (repeated, has_new_keys) = self.take_in(&mut index, request).await?;
            changes |= has_new_keys;
            let (request, rewritten) = match &request.row_keys {
                Some(row_keys) if !repeated.is_empty() => {
                    let (request, key) = self.rewrite(request, row_keys, &repeated).await?;
                    (request, Some(key))
                }
                _ => (request.clone(), None),
            };
            prepared.push(Prepared { request, rewritten, standing });
        }
        let key_index = match like {
            Some(request) if changes => Some(self.store_index(&index, request).await?),
            _ => None,
        };
        Ok(LookedBack { prepared, key_index })
    }

    /// Adds a request's keys to the index. Those that it had before, in ascending order, and whether any
    /// was new.
    async fn take_in(
        &self,
        index: &mut KeyIndex,
        request: &CommitRequest,
    ) -> Result<(Vec<Key>, bool), LookBackError> {
        let Some(row_keys) = &request.row_keys else { return Ok((Vec::new(), false)) };
        let mut repeated = Vec::new();
        let mut has_new_keys = false;
        for segment in &row_keys.segments {
            let own = self.load_keys(segment).await?;
            let of_segment =
                self.repeated(index, segment, row_keys.look_back_days, own.keys()).await?;
            if of_segment.len() < own.keys().len() {
                has_new_keys = true;
                self.add_and_merge(index, request, segment).await?;
            }
            repeated.extend(of_segment);
        }
        repeated.sort_unstable();
        Ok((repeated, has_new_keys))
    }

    async fn load_index(&self, key: Option<&str>) -> Result<KeyIndex, LookBackError> {
        let Some(key) = key else { return Ok(KeyIndex::default()) };
        let Some(body) = self.lake.get(key).await? else {
            if written_at(key).is_some_and(|moment| moment < self.oldest()) {
                // Nothing came for so long that the index has expired, and every segment before it.
                tracing::warn!(key, "the index of keys has expired; it begins anew");
                return Ok(KeyIndex::default());
            }
            return Err(LookBackError::Missing { key: key.to_owned() });
        };
        serde_json::from_slice(&body).map_err(|error| LookBackError::Malformed {
            key: key.to_owned(),
            problem: error.to_string(),
        })
    }

    /// What was written before may have been deleted.
    fn oldest(&self) -> DateTime<Utc> {
        let now = Utc::now();
        now.checked_sub_days(Days::new(u64::from(self.retention_days))).unwrap_or(now)
    }

    async fn store_index(
        &self,
        index: &KeyIndex,
        request: &CommitRequest,
    ) -> Result<String, LookBackError> {
        let key = new_key(request, "index", ".json");
        let body = serde_json::to_vec(index).map_err(|error| LookBackError::Malformed {
            key: key.clone(),
            problem: error.to_string(),
        })?;
        self.lake.put(&key, "application/json", body).await?;
        Ok(key)
    }

    /// Those of a segment's keys that the table has, in ascending order.
    async fn repeated(
        &self,
        index: &KeyIndex,
        segment: &KeySegment,
        look_back_days: u16,
        own: &[Key],
    ) -> Result<Vec<Key>, LookBackError> {
        let mut repeated = Vec::new();
        for earlier in index.around(segment.from_day, segment.to_day, look_back_days) {
            // A request's own segments cannot have the key twice.
            repeated.extend(self.load_keys(earlier).await?.intersection(own));
        }
        repeated.sort_unstable();
        repeated.dedup();
        Ok(repeated)
    }

    /// Adds a request's keys to the index, and merges what has become many small segments.
    async fn add_and_merge(
        &self,
        index: &mut KeyIndex,
        request: &CommitRequest,
        segment: &KeySegment,
    ) -> Result<(), LookBackError> {
        // The object is older than this moment by as long as the request has waited.
        index.add(segment.clone(), request.run.started_at);
        let merged = index.to_merge(segment);
        if merged.is_empty() {
            return Ok(());
        }
        let mut parts = Vec::with_capacity(merged.len());
        for part in &merged {
            parts.push(self.load_keys(part).await?);
        }
        let keys = SortedKeys::union(&parts);
        drop(parts);
        let KeySegment { from_day, to_day, .. } = *segment;
        let key = new_key(request, "merged", "");
        let whole = KeySegment { key, count: keys.len() as u64, from_day, to_day };
        let bytes = keys.into_flattened();
        self.lake.put(&whole.key, "application/octet-stream", bytes).await?;
        index.replace(&merged, whole, Utc::now());
        Ok(())
    }

    /// The keys of a segment, from the cache if they are there.
    async fn load_keys(&self, segment: &KeySegment) -> Result<SortedKeys, LookBackError> {
        let mut cache = self.cache.lock().await;
        if let Some(keys) = cache.get(&segment.key) {
            return Ok(keys);
        }
        let Some(bytes) = self.lake.get(&segment.key).await? else {
            return Err(LookBackError::Missing { key: segment.key.clone() });
        };
        let keys = SortedKeys::read(segment, bytes)?;
        cache.keep(&segment.key, &keys);
        Ok(keys)
    }

    async fn fetch(&self, path: &str) -> Result<ObjectReader, LookBackError> {
        let key = self.key_of(path)?;
        Ok(open_object(self.lake.client(), self.lake.name(), key, None).await?.reader)
    }

    fn key_of<'a>(&self, path: &'a str) -> Result<&'a str, LookBackError> {
        let prefix = self.lake.uri_of("");
        path.strip_prefix(&prefix).ok_or_else(|| LookBackError::Malformed {
            key: path.to_owned(),
            problem: format!("it is not below {prefix}"),
        })
    }
}

/// What work on a thread that may block came to.
async fn finished<T>(
    work: JoinHandle<Result<T, LookBackError>>,
    path: String,
) -> Result<T, LookBackError> {
    match work.await {
        Ok(done) => done,
        Err(_) => {
            Err(LookBackError::Malformed { key: path, problem: "reading it panicked".to_owned() })
        }
    }
}

/// A Parquet file is read from its end, so it is kept on disk for as long as that takes.
fn on_disk(mut source: impl io::Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut source, &mut file)?;
    Ok(file)
}

/// When an object was written whose key [`new_key`] has made.
fn written_at(key: &str) -> Option<DateTime<Utc>> {
    let (_, name) = key.rsplit_once('-')?;
    let id = Uuid::parse_str(name.split('.').next()?).ok()?;
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(seconds as i64, nanoseconds)
}

/// The key of a new object among a table's keys.
fn new_key(request: &CommitRequest, name: &str, ending: &str) -> String {
    let id = Uuid::now_v7().simple();
    format!("_keys/{}/{}/{name}-{id}{ending}", request.database, request.table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_when_its_object_was_written() {
        let before = Utc::now() - chrono::TimeDelta::seconds(1);
        for ending in ["", ".json"] {
            let key = format!("_keys/segment/tracks/index-{}{ending}", Uuid::now_v7().simple());
            let moment = written_at(&key).unwrap();
            assert!(
                moment > before && moment < Utc::now() + chrono::TimeDelta::seconds(1),
                "{key}"
            );
        }
        assert_eq!(written_at("_keys/segment/tracks/somebody-elses.json"), None);
    }
}
