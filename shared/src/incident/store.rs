//! What is asked of the place where incidents are kept.

use std::future::Future;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Incident, IncidentKey};

/// Why incidents could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{operation} on table {table} for {subject} failed: {reason}")]
pub struct StoreError {
    /// The DynamoDB operation.
    pub operation: &'static str,
    /// The table.
    pub table: String,
    /// The dataset or the incident.
    pub subject: String,
    /// What DynamoDB, or serde, says.
    pub reason: String,
    /// Whether a retry may help.
    pub is_retryable: bool,
}

/// Writes that count together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Incidents, each at the version after the one that is stored; at version 1 none is.
    pub puts: Vec<Incident>,
    /// An incident that must be stored as it is.
    pub unchanged: Option<Incident>,
    /// An incident's occurrence that must not be stored.
    pub absent: Option<(IncidentKey, u32)>,
    /// A key that must not have been cleared for a later moment than this.
    pub not_cleared_after: Option<(IncidentKey, DateTime<Utc>)>,
}

/// Where incidents are kept. What one call has written, the next call sees, whoever makes it; only
/// what is asked across datasets may be a moment behind.
pub trait Store: Send + Sync {
    /// The last occurrence of a key.
    fn latest(
        &self,
        key: &IncidentKey,
    ) -> impl Future<Output = Result<Option<Incident>, StoreError>> + Send;

    /// An occurrence of a key.
    fn get(
        &self,
        key: &IncidentKey,
        occurrence: u32,
    ) -> impl Future<Output = Result<Option<Incident>, StoreError>> + Send;

    /// The incident of an id. It may be a moment behind.
    fn by_id(&self, id: &str) -> impl Future<Output = Result<Option<Incident>, StoreError>> + Send;

    /// What is open of a dataset.
    fn open_of(
        &self,
        dataset: &str,
    ) -> impl Future<Output = Result<Vec<Incident>, StoreError>> + Send;

    /// Everything that is open, the oldest first. It may be a moment behind.
    fn all_open(&self) -> impl Future<Output = Result<Vec<Incident>, StoreError>> + Send;

    /// Everything of which it was noticed on a day (UTC) that its data is good again. It may be a moment behind.
    fn resolved_on(
        &self,
        day: NaiveDate,
    ) -> impl Future<Output = Result<Vec<Incident>, StoreError>> + Send;

    /// Everything that is kept of a dataset.
    fn of_dataset(
        &self,
        dataset: &str,
    ) -> impl Future<Output = Result<Vec<Incident>, StoreError>> + Send;

    /// The latest moment that a key, or all of its monitor's keys, were cleared for.
    fn cleared_for(
        &self,
        key: &IncidentKey,
    ) -> impl Future<Output = Result<Option<DateTime<Utc>>, StoreError>> + Send;

    /// Remembers that a key was cleared for a moment, unless it was for a later one. An empty cause
    /// stands for all causes of the monitor.
    fn remember_clearing(
        &self,
        key: &IncidentKey,
        as_of: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes; false, and nothing is written, where a condition does not hold.
    fn write(&self, batch: Batch) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
