//! What is in a bucket, page by page.

use chrono::{DateTime, Utc};

use super::object_store::{Bucket, BucketError};

/// A part of what is in a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects, in the order of their keys.
    pub objects: Vec<Listed>,
    /// Whether there is more behind the last. A page may be short all the same.
    pub is_truncated: bool,
}

/// An object as a listing names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// When it came to be.
    pub last_modified: Option<DateTime<Utc>>,
    /// Names the content: equal tags under a key are equal bytes.
    pub entity_tag: Option<String>,
}

impl Bucket {
    /// The objects whose keys begin with a prefix, behind a key: a thousand at most.
    pub async fn list(&self, prefix: &str, after: &str) -> Result<Page, BucketError> {
        let list = self.client().list_objects_v2().bucket(self.name()).prefix(prefix);
        let list = if after.is_empty() { list } else { list.start_after(after) };
        let page =
            list.send().await.map_err(|error| self.failed("ListObjectsV2", prefix, &error))?;
        let mut objects = Vec::with_capacity(page.contents().len());
        for object in page.contents() {
            let Some(key) = object.key() else { continue };
            let last_modified = object.last_modified();
            let last_modified =
                last_modified.and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos()));
            let entity_tag = object.e_tag().map(str::to_owned);
            objects.push(Listed { key: key.to_owned(), last_modified, entity_tag });
        }
        // A page without an object has nothing to go on from; S3 gives none but at the end.
        let is_truncated = page.is_truncated() == Some(true) && !objects.is_empty();
        Ok(Page { objects, is_truncated })
    }
}
