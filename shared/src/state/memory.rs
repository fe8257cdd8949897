//! The state in memory: what the table does, for tests of what is computed from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Amendment, Item, ItemKey, Replacement, Store, StoreError};

/// A state that ends with the process. Every call yields once, so that concurrent writers meet.
#[derive(Debug, Default)]
pub struct MemoryStore {
    items: Mutex<BTreeMap<ItemKey, HashMap<String, AttributeValue>>>,
}

impl MemoryStore {
    /// Everything that there is, in the order of the keys.
    pub fn items(&self) -> Vec<Item> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let item = |(key, attributes): (&ItemKey, &HashMap<_, _>)| Item {
            key: key.clone(),
            attributes: attributes.clone(),
        };
        items.iter().map(item).collect()
    }

    async fn locked<T>(
        &self,
        work: impl FnOnce(&mut BTreeMap<ItemKey, HashMap<String, AttributeValue>>) -> T + Send,
    ) -> T {
        tokio::task::yield_now().await;
        work(&mut self.items.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn text<'a>(attributes: &'a HashMap<String, AttributeValue>, name: &str) -> Option<&'a str> {
    attributes.get(name)?.as_s().ok().map(String::as_str)
}

fn version(attributes: &HashMap<String, AttributeValue>) -> Option<u64> {
    attributes.get("version")?.as_n().ok()?.parse().ok()
}

impl Store for MemoryStore {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        let found = self.locked(|items| items.get(key).cloned()).await;
        Ok(found.map(|attributes| Item { key: key.clone(), attributes }))
    }

    async fn get_all(&self, keys: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        let mut found = BTreeMap::new();
        for key in keys {
            if let Some(item) = self.get(key).await? {
                found.insert(key.clone(), item);
            }
        }
        Ok(found.into_values().collect())
    }

    async fn query(&self, subject: &str, from: &str, to: &str) -> Result<Vec<Item>, StoreError> {
        let range = ItemKey::new(subject, from)..=ItemKey::new(subject, to);
        Ok(self
            .locked(|items| {
                let mut found = Vec::new();
                for (key, attributes) in items.range(range) {
                    found.push(Item { key: key.clone(), attributes: attributes.clone() });
                }
                found
            })
            .await)
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        for item in items {
            self.locked(|items| items.insert(item.key, item.attributes)).await;
        }
        Ok(())
    }

    async fn delete_all(&self, keys: Vec<ItemKey>) -> Result<(), StoreError> {
        for key in keys {
            self.locked(|items| items.remove(&key)).await;
        }
        Ok(())
    }

    async fn put_newest(&self, item: Item) -> Result<bool, StoreError> {
        Ok(self
            .locked(|items| {
                let there = items.get(&item.key).and_then(|there| text(there, "newest"));
                let is_newer = there < text(&item.attributes, "newest");
                if is_newer {
                    items.insert(item.key, item.attributes);
                }
                is_newer
            })
            .await)
    }

    async fn amend(&self, amendment: Amendment) -> Result<(), StoreError> {
        self.locked(|items| {
            let attributes = items.entry(amendment.key).or_default();
            attributes.extend(amendment.set);
            attributes.retain(|name, _| !amendment.removed.contains(name));
        })
        .await;
        Ok(())
    }

    async fn replace(&self, replacement: Replacement) -> Result<bool, StoreError> {
        Ok(self
            .locked(|items| {
                let Replacement { item, over, puts, deletes } = replacement;
                if items.get(&item.key).and_then(version) != over {
                    return false;
                }
                for key in deletes {
                    items.remove(&key);
                }
                for put in puts.into_iter().chain([item]) {
                    items.insert(put.key, put.attributes);
                }
                true
            })
            .await)
    }

    async fn delete_if(
        &self,
        key: &ItemKey,
        attribute: &str,
        expected: &str,
    ) -> Result<bool, StoreError> {
        Ok(self
            .locked(|items| {
                let is_so =
                    items.get(key).and_then(|there| text(there, attribute)) == Some(expected);
                if is_so {
                    items.remove(key);
                }
                is_so
            })
            .await)
    }
}
