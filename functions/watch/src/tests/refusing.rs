//! A table that does not take one of its items.

#![allow(clippy::missing_panics_doc)] // Tests panic.

use std::sync::Mutex;

use shared::state::{Amendment, Item, ItemKey, MemoryStore, Replacement, Store, StoreError};

/// A store in memory.
#[derive(Debug, Default)]
pub struct Refusing {
    inner: MemoryStore,
    /// The part of the item that is not taken.
    refused: Mutex<String>,
}

impl Refusing {
    /// Takes every item but one, by its part, from now on.
    pub fn refuse(&self, part: &str) {
        part.clone_into(&mut self.refused.lock().unwrap());
    }
}

impl Store for Refusing {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn get_all(&self, keys: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        self.inner.get_all(keys).await
    }

    async fn query(&self, subject: &str, from: &str, to: &str) -> Result<Vec<Item>, StoreError> {
        self.inner.query(subject, from, to).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.inner.put_all(items).await
    }

    async fn delete_all(&self, keys: Vec<ItemKey>) -> Result<(), StoreError> {
        self.inner.delete_all(keys).await
    }

    async fn put_newest(&self, item: Item) -> Result<bool, StoreError> {
        self.inner.put_newest(item).await
    }

    async fn amend(&self, amendment: Amendment) -> Result<(), StoreError> {
        self.inner.amend(amendment).await
    }

    async fn replace(&self, replacement: Replacement) -> Result<bool, StoreError> {
        let is_refused = *self.refused.lock().unwrap() == replacement.item.key.part;
        if is_refused {
            return Err(StoreError {
                operation: "TransactWriteItems",
                table: "observations".to_owned(),
                subject: replacement.item.key.subject,
                reason: "it is too large".to_owned(),
            });
        }
        self.inner.replace(replacement).await
    }

    async fn delete_if(
        &self,
        key: &ItemKey,
        attribute: &str,
        text: &str,
    ) -> Result<bool, StoreError> {
        self.inner.delete_if(key, attribute, text).await
    }
}
