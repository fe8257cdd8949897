//! A store in bad weather: calls wait for others, and fail now and then, before or after they have done
//! their work.

use std::sync::atomic::{AtomicU64, Ordering};

use shared::attribution::key::CHANGED;
use shared::state::{Amendment, Item, ItemKey, MemoryStore, Replacement, Store, StoreError};

/// A store whose calls overtake each other by chance.
#[derive(Debug)]
pub struct Unsteady {
    pub store: MemoryStore,
    chance: AtomicU64,
    /// One in so many calls fails; none with nought.
    fails: AtomicU64,
}

impl Unsteady {
    pub fn new(seed: u64, fails: u64) -> Self {
        Self {
            store: MemoryStore::default(),
            chance: AtomicU64::new(seed),
            fails: AtomicU64::new(fails),
        }
    }

    /// From now on no call fails.
    pub fn calm(&self) {
        self.fails.store(0, Ordering::Relaxed);
    }

    /// A day may change only when it is marked.
    fn assert_marked(&self, key: &ItemKey) {
        let (_, date) = key.subject.split_once('#').expect("a day");
        let is_marked =
            self.store.items().iter().any(|item| item.key == ItemKey::new(CHANGED, date));
        assert!(is_marked, "{date} changes and is not marked");
    }

    /// The next number by chance: splitmix64.
    fn next(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = self.chance.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        next = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        next ^ (next >> 31)
    }

    async fn call<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        // Most calls wait a little, and some for so long that others get far ahead.
        let most = if self.next().is_multiple_of(8) { 100 } else { 4 };
        for _ in 0..self.next() % most {
            tokio::task::yield_now().await;
        }
        self.fail()?;
        let done = work.await?;
        self.fail()?;
        Ok(done)
    }

    fn fail(&self) -> Result<(), StoreError> {
        let fails = self.fails.load(Ordering::Relaxed);
        if fails == 0 || !self.next().is_multiple_of(fails) {
            return Ok(());
        }
        Err(StoreError {
            operation: "a call",
            table: "in bad weather".to_owned(),
            subject: String::new(),
            reason: "by chance".to_owned(),
        })
    }
}

impl Store for Unsteady {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.call(self.store.get(key)).await
    }

    async fn get_all(&self, keys: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        self.call(self.store.get_all(keys)).await
    }

    async fn query(&self, subject: &str, from: &str, to: &str) -> Result<Vec<Item>, StoreError> {
        self.call(self.store.query(subject, from, to)).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        // A batch may be done in part.
        for item in items {
            self.call(self.store.put_all(vec![item])).await?;
        }
        Ok(())
    }

    async fn delete_all(&self, keys: Vec<ItemKey>) -> Result<(), StoreError> {
        for key in keys {
            self.call(self.store.delete_all(vec![key])).await?;
        }
        Ok(())
    }

    async fn put_newest(&self, item: Item) -> Result<bool, StoreError> {
        if item.key.part.starts_with("pull#") {
            self.assert_marked(&item.key);
        }
        self.call(self.store.put_newest(item)).await
    }

    async fn amend(&self, amendment: Amendment) -> Result<(), StoreError> {
        self.call(self.store.amend(amendment)).await
    }

    async fn replace(&self, replacement: Replacement) -> Result<bool, StoreError> {
        for key in replacement.puts.iter().map(|put| &put.key).chain(&replacement.deletes) {
            self.assert_marked(key);
        }
        self.call(self.store.replace(replacement)).await
    }

    async fn delete_if(
        &self,
        key: &ItemKey,
        attribute: &str,
        text: &str,
    ) -> Result<bool, StoreError> {
        self.call(self.store.delete_if(key, attribute, text)).await
    }
}
