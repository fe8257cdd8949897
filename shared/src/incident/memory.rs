//! Incidents in memory: what the table does, for tests of what is made of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};

use super::{Batch, Incident, IncidentKey, Monitor, Store, StoreError};

/// A store that ends with the process. Every call yields once, so that concurrent writers meet.
#[derive(Debug, Default)]
pub struct MemoryStore {
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    incidents: BTreeMap<(IncidentKey, u32), Incident>,
    clearings: BTreeMap<(String, Monitor, String), DateTime<Utc>>,
    written: Vec<Incident>,
}

impl MemoryStore {
    /// Every incident as it is now.
    pub fn incidents(&self) -> Vec<Incident> {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.incidents.values().cloned().collect()
    }

    /// Every version of every incident, in the order in which they were written: the table's stream.
    pub fn written(&self) -> Vec<Incident> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).written.clone()
    }

    async fn locked<T>(&self, work: impl FnOnce(&mut Content) -> T + Send) -> T {
        tokio::task::yield_now().await;
        work(&mut self.content.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn those(&self, wanted: impl Fn(&Incident) -> bool + Send + Sync) -> Vec<Incident> {
        let find = |content: &mut Content| {
            content.incidents.values().filter(|incident| wanted(incident)).cloned().collect()
        };
        self.locked(find).await
    }
}

impl Content {
    fn version(&self, key: &IncidentKey, occurrence: u32) -> u64 {
        self.incidents.get(&(key.clone(), occurrence)).map_or(0, |incident| incident.version)
    }

    fn cleared_for(&self, key: &IncidentKey) -> Option<DateTime<Utc>> {
        let clearing = |cause: &str| {
            self.clearings.get(&(key.dataset.clone(), key.monitor, cause.to_owned())).copied()
        };
        clearing(&key.cause).max(clearing(""))
    }

    fn allows(&self, batch: &Batch) -> bool {
        let is_next = |put: &Incident| self.version(&put.key, put.occurrence) + 1 == put.version;
        let is_same =
            |known: &Incident| self.version(&known.key, known.occurrence) == known.version;
        let is_absent =
            |(key, occurrence): &(IncidentKey, u32)| self.version(key, *occurrence) == 0;
        let is_not_cleared = |(key, as_of): &(IncidentKey, DateTime<Utc>)| {
            self.cleared_for(key).is_none_or(|cleared| cleared <= *as_of)
        };
        batch.puts.iter().all(is_next)
            && batch.unchanged.as_ref().is_none_or(is_same)
            && batch.absent.as_ref().is_none_or(is_absent)
            && batch.not_cleared_after.as_ref().is_none_or(is_not_cleared)
    }
}

impl Store for MemoryStore {
    async fn latest(&self, key: &IncidentKey) -> Result<Option<Incident>, StoreError> {
        let mut found = self.those(|incident| incident.key == *key).await;
        found.sort_by_key(|incident| incident.occurrence);
        Ok(found.pop())
    }

    async fn get(
        &self,
        key: &IncidentKey,
        occurrence: u32,
    ) -> Result<Option<Incident>, StoreError> {
        let place = (key.clone(), occurrence);
        Ok(self.locked(|content| content.incidents.get(&place).cloned()).await)
    }

    async fn by_id(&self, id: &str) -> Result<Option<Incident>, StoreError> {
        Ok(self.those(|incident| incident.id == id).await.pop())
    }

    async fn open_of(&self, dataset: &str) -> Result<Vec<Incident>, StoreError> {
        Ok(self.those(|incident| incident.key.dataset == dataset && incident.is_open()).await)
    }

    async fn all_open(&self) -> Result<Vec<Incident>, StoreError> {
        let mut found = self.those(Incident::is_open).await;
        found.sort_by_key(|incident| incident.opened_at);
        Ok(found)
    }

    async fn resolved_on(&self, day: NaiveDate) -> Result<Vec<Incident>, StoreError> {
        let is_of_day = |at: DateTime<Utc>| at.date_naive() == day;
        Ok(self.those(|incident| incident.closed_at.is_some_and(is_of_day)).await)
    }

    async fn of_dataset(&self, dataset: &str) -> Result<Vec<Incident>, StoreError> {
        Ok(self.those(|incident| incident.key.dataset == dataset).await)
    }

    async fn cleared_for(&self, key: &IncidentKey) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.locked(|content| content.cleared_for(key)).await)
    }

    async fn remember_clearing(
        &self,
        key: &IncidentKey,
        as_of: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let place = (key.dataset.clone(), key.monitor, key.cause.clone());
        let remember = |content: &mut Content| {
            let known = content.clearings.entry(place).or_insert(as_of);
            *known = as_of.max(*known);
        };
        self.locked(remember).await;
        Ok(())
    }

    async fn write(&self, batch: Batch) -> Result<bool, StoreError> {
        let write = |content: &mut Content| {
            if !content.allows(&batch) {
                return false;
            }
            for put in batch.puts {
                content.written.push(put.clone());
                content.incidents.insert((put.key.clone(), put.occurrence), put);
            }
            true
        };
        Ok(self.locked(write).await)
    }
}
