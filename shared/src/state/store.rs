//! What is asked of the state: a few operations on keyed items.

use std::collections::HashMap;
use std::future::Future;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// What it is about: the partition key.
    pub subject: String,
    /// What of it: the sort key.
    pub part: String,
}

/// An item: its key and whatever it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The key.
    pub key: ItemKey,
    /// The content.
    pub attributes: HashMap<String, AttributeValue>,
}

/// A write that counts only if nobody has written the item since it was read; with it go others.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// The item, with an attribute `version`.
    pub item: Item,
    /// The version that was read; none where there was no item.
    pub over: Option<u64>,
    /// Items that are written with it.
    pub puts: Vec<Item>,
    /// Items that are deleted with it.
    pub deletes: Vec<ItemKey>,
}

/// Some attributes of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// The item.
    pub key: ItemKey,
    /// Attributes that it has from now on.
    pub set: HashMap<String, AttributeValue>,
    /// Attributes that it has no longer.
    pub removed: Vec<String>,
}

/// Why the state could not be read or written. A retry may help.
#[derive(Debug, thiserror::Error)]
#[error("{operation} on {table} for {subject} failed: {reason}")]
pub struct StoreError {
    /// The operation.
    pub operation: &'static str,
    /// The table.
    pub table: String,
    /// What kind of thing the item is about. It is logged, and an order's id or a click's is somebody's.
    pub subject: String,
    /// What DynamoDB, or serde, says.
    pub reason: String,
}

impl StoreError {
    /// An operation that failed for an item, or several of one kind.
    pub(super) fn of(operation: &'static str, table: &str, subject: &str, reason: String) -> Self {
        Self { operation, table: table.to_owned(), subject: kind(subject).to_owned(), reason }
    }
}

/// What stands before the name in a subject or a part: `gclid` of `gclid#…`.
fn kind(key: &str) -> &str {
    key.split_once('#').map_or(key, |(kind, _)| kind)
}

impl ItemKey {
    /// A key.
    pub fn new(subject: impl Into<String>, part: impl Into<String>) -> Self {
        Self { subject: subject.into(), part: part.into() }
    }
}

impl Item {
    /// An item that says nothing beside its key.
    pub fn bare(key: ItemKey) -> Self {
        Self { key, attributes: HashMap::new() }
    }

    /// An item that holds a value.
    pub fn of<T: Serialize>(key: ItemKey, content: &T) -> Result<Self, StoreError> {
        match serde_dynamo::to_item(content) {
            Ok(attributes) => Ok(Self { key, attributes }),
            Err(error) => Err(Self::failed("serialising", &key, &error)),
        }
    }

    /// The same item, which expires at a moment (Unix seconds).
    #[must_use]
    pub fn expiring(mut self, at: i64) -> Self {
        self.attributes.insert("expires_at".to_owned(), AttributeValue::N(at.to_string()));
        self
    }

    /// The value that it holds.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, StoreError> {
        serde_dynamo::from_item(self.attributes)
            .map_err(|error| Self::failed("deserialising", &self.key, &error))
    }

    fn failed(operation: &'static str, key: &ItemKey, error: &serde_dynamo::Error) -> StoreError {
        let reason = format!("{}: {error}", kind(&key.part));
        StoreError::of(operation, "the state", &key.subject, reason)
    }
}

/// Keyed items. What one call has written, the next call sees, whoever makes it.
pub trait Store: Send + Sync {
    /// An item; none where there is none.
    fn get(&self, key: &ItemKey) -> impl Future<Output = Result<Option<Item>, StoreError>> + Send;

    /// Those of some items that there are, in any order. A key may be asked for twice.
    fn get_all(
        &self,
        keys: &[ItemKey],
    ) -> impl Future<Output = Result<Vec<Item>, StoreError>> + Send;

    /// The items of a subject with parts from the first to the last, both included, in their order.
    fn query(
        &self,
        subject: &str,
        from: &str,
        to: &str,
    ) -> impl Future<Output = Result<Vec<Item>, StoreError>> + Send;

    /// Writes items over whatever is there. Of two with one key the later one stays.
    fn put_all(&self, items: Vec<Item>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes items, where there are such.
    fn delete_all(&self, keys: Vec<ItemKey>)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes an item unless there is one whose attribute `newest` (text) is as large or larger; whether it
    /// was written.
    fn put_newest(&self, item: Item) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Sets attributes of an item and takes others away; whatever else it has stays. Where there is no
    /// item, it is made.
    fn amend(&self, amendment: Amendment) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes an item, and what goes with it, if its version is still what was read; all or nothing,
    /// whether it was written.
    fn replace(
        &self,
        replacement: Replacement,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Deletes an item if an attribute still has a text; whether it was deleted.
    fn delete_if(
        &self,
        key: &ItemKey,
        attribute: &str,
        text: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::facts::Touch;

    #[test]
    fn an_error_tells_of_nobody() {
        let key = ItemKey::new("gclid#EAIaIQ", "touch#2026-11-23#anonymous#somebody");
        let told = Item::bare(key).read::<Touch>().unwrap_err().to_string();
        assert!(told.starts_with("deserialising on the state for gclid failed: touch: "), "{told}");
        for name in ["EAIaIQ", "2026-11-23", "somebody"] {
            assert!(!told.contains(name), "{told}");
        }
        let of_order = StoreError::of("GetItem", "attribution", "order#4711", "no".to_owned());
        assert_eq!(of_order.to_string(), "GetItem on attribution for order failed: no");
        let of_dataset = StoreError::of("Query", "attribution", "campaigns", "no".to_owned());
        assert_eq!(of_dataset.to_string(), "Query on attribution for campaigns failed: no");
    }
}
