//! Incidents in DynamoDB.
//!
//! Partition key `dataset`, sort key `incident` (`{monitor}#{cause}#{occurrence}`). Occurrence 0 is no
//! incident: it says for which moment the key was last cleared; with an empty cause, the monitor. What
//! is open of a dataset is in a local index, which is read consistently; what is open, or was closed on
//! a day, of all datasets, and what has an id, in two global ones.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, KeysAndAttributes, Put, TransactWriteItem,
};
use chrono::{DateTime, Days, NaiveDate, SecondsFormat, Utc};

use super::{Batch, Incident, IncidentKey, Incidents, Store, StoreError};
use crate::aws::explain;

/// Incidents in the table of the stack.
pub type IncidentTable = Incidents<DynamoStore>;

/// The table of incidents.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    table: String,
}

pub(super) type Item = HashMap<String, AttributeValue>;

/// The local index of what is open of a dataset, by when it was opened.
const OPEN_OF_DATASET: &str = "open-of-dataset";

/// The global index of what is open, or was closed on a day.
const BY_STATE: &str = "by-state";

/// The global index of ids.
const BY_ID: &str = "by-id";

/// The greatest occurrence that a sort key holds.
const LAST: u32 = 999_999;

/// For how long a clearing is remembered: a judgement waits in a queue and its dead letters for less.
const CLEARING_DAYS: u64 = 30;

/// Others write the same clearing in a transaction: how often it is tried.
const MOST_TRIES: u32 = 8;

impl IncidentTable {
    /// The table of a name, which forgets an incident so many days after it was resolved.
    pub fn new(client: Client, table: String, retention_days: u32) -> Self {
        let kept = chrono::Duration::days(i64::from(retention_days));
        Self::within(DynamoStore { client, table }, kept)
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn sortable(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn place(key: &IncidentKey, occurrence: u32) -> Item {
    HashMap::from([
        ("dataset".to_owned(), text(&key.dataset)),
        ("incident".to_owned(), text(key.part(occurrence))),
    ])
}

fn closed_on(day: NaiveDate) -> String {
    format!("closed#{day}")
}

fn whole_monitor(key: &IncidentKey) -> IncidentKey {
    IncidentKey::new(&key.dataset, key.monitor, "")
}

impl DynamoStore {
    fn failed<E: std::error::Error>(
        &self,
        operation: &'static str,
        subject: &str,
        error: &SdkError<E>,
    ) -> StoreError
    where
        SdkError<E>: std::error::Error,
    {
        StoreError {
            operation,
            table: self.table.clone(),
            subject: subject.to_owned(),
            reason: explain(error),
            is_retryable: true,
        }
    }

    fn malformed(&self, operation: &'static str, subject: &str, reason: String) -> StoreError {
        StoreError {
            operation,
            table: self.table.clone(),
            subject: subject.to_owned(),
            reason,
            is_retryable: false,
        }
    }

    pub(super) fn item(&self, incident: &Incident) -> Result<Item, StoreError> {
        let item = serde_dynamo::to_item(incident);
        let mut item: Item = item.map_err(|error| {
            self.malformed("serialising", &incident.key.to_string(), error.to_string())
        })?;
        item.extend(place(&incident.key, incident.occurrence));
        let opened = sortable(incident.opened_at);
        let state = match incident.closed_at {
            Some(closed) if !incident.is_open() => closed_on(closed.date_naive()),
            _ => {
                item.insert("open_since".to_owned(), text(&opened));
                "open".to_owned()
            }
        };
        item.insert("state_partition".to_owned(), text(state));
        item.insert("opened_at".to_owned(), text(opened));
        Ok(item)
    }

    pub(super) fn incident(&self, subject: &str, item: Item) -> Result<Incident, StoreError> {
        serde_dynamo::from_item(item)
            .map_err(|error| self.malformed("deserialising", subject, error.to_string()))
    }

    fn incidents(&self, subject: &str, items: Vec<Item>) -> Result<Vec<Incident>, StoreError> {
        items.into_iter().map(|item| self.incident(subject, item)).collect()
    }

    /// Everything of an index under one key.
    async fn under(
        &self,
        index: &str,
        attribute: &str,
        value: &str,
    ) -> Result<Vec<Item>, StoreError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .consistent_read(index == OPEN_OF_DATASET)
            .key_condition_expression("#attribute = :value")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", text(value))
            .into_paginator()
            .items()
            .send();
        let found = pages.collect::<Result<Vec<Item>, _>>().await;
        found.map_err(|error| self.failed("Query", value, &error))
    }

    /// A write that others may be in the way of, and what must hold for it.
    fn writes(&self, batch: &Batch) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut writes = Vec::new();
        for put in &batch.puts {
            let write = Put::builder().table_name(&self.table).set_item(Some(self.item(put)?));
            let write = if put.version == 1 {
                write.condition_expression("attribute_not_exists(dataset)")
            } else {
                write
                    .condition_expression("#version = :version")
                    .expression_attribute_names("#version", "version")
                    .expression_attribute_values(":version", number(put.version - 1))
            };
            let write = write.build().map_err(|error| {
                self.malformed("TransactWriteItems", &put.key.to_string(), error.to_string())
            })?;
            writes.push(TransactWriteItem::builder().put(write).build());
        }
        for check in self.checks(batch)? {
            writes.push(TransactWriteItem::builder().condition_check(check).build());
        }
        Ok(writes)
    }

    fn checks(&self, batch: &Batch) -> Result<Vec<ConditionCheck>, StoreError> {
        let check = |key: &IncidentKey, occurrence| {
            ConditionCheck::builder().table_name(&self.table).set_key(Some(place(key, occurrence)))
        };
        let mut checks = Vec::new();
        if let Some(known) = &batch.unchanged {
            let same = check(&known.key, known.occurrence)
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", number(known.version));
            checks.push(same);
        }
        if let Some((key, occurrence)) = &batch.absent {
            let absent = check(key, *occurrence);
            checks.push(absent.condition_expression("attribute_not_exists(dataset)"));
        }
        if let Some((key, as_of)) = &batch.not_cleared_after {
            for key in [key.clone(), whole_monitor(key)] {
                let not_later = check(&key, 0)
                    .condition_expression("attribute_not_exists(dataset) OR cleared_for <= :as_of")
                    .expression_attribute_values(":as_of", micros(*as_of));
                checks.push(not_later);
            }
        }
        let subject = batch.puts.first().map(|put| put.key.to_string()).unwrap_or_default();
        let malformed = |error: aws_sdk_dynamodb::error::BuildError| {
            self.malformed("TransactWriteItems", &subject, error.to_string())
        };
        checks.into_iter().map(|check| check.build().map_err(malformed)).collect()
    }
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn micros(at: DateTime<Utc>) -> AttributeValue {
    AttributeValue::N(at.timestamp_micros().to_string())
}

impl Store for DynamoStore {
    async fn latest(&self, key: &IncidentKey) -> Result<Option<Incident>, StoreError> {
        let sent = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(1)
            .key_condition_expression("#dataset = :dataset AND #incident BETWEEN :first AND :last")
            .expression_attribute_names("#dataset", "dataset")
            .expression_attribute_names("#incident", "incident")
            .expression_attribute_values(":dataset", text(&key.dataset))
            .expression_attribute_values(":first", text(key.part(1)))
            .expression_attribute_values(":last", text(key.part(LAST)))
            .send()
            .await;
        let subject = key.to_string();
        let found = sent.map_err(|error| self.failed("Query", &subject, &error))?;
        let found = found.items.unwrap_or_default().pop();
        found.map(|item| self.incident(&subject, item)).transpose()
    }

    async fn get(
        &self,
        key: &IncidentKey,
        occurrence: u32,
    ) -> Result<Option<Incident>, StoreError> {
        let subject = key.to_string();
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let sent = get.set_key(Some(place(key, occurrence))).send().await;
        let found = sent.map_err(|error| self.failed("GetItem", &subject, &error))?.item;
        found.map(|item| self.incident(&subject, item)).transpose()
    }

    async fn by_id(&self, id: &str) -> Result<Option<Incident>, StoreError> {
        let Some(mut found) = self.under(BY_ID, "id", id).await?.pop() else {
            return Ok(None);
        };
        found.retain(|name, _| matches!(name.as_str(), "dataset" | "incident"));
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let sent = get.set_key(Some(found)).send().await;
        let found = sent.map_err(|error| self.failed("GetItem", id, &error))?.item;
        found.map(|item| self.incident(id, item)).transpose()
    }

    async fn open_of(&self, dataset: &str) -> Result<Vec<Incident>, StoreError> {
        self.incidents(dataset, self.under(OPEN_OF_DATASET, "dataset", dataset).await?)
    }

    async fn all_open(&self) -> Result<Vec<Incident>, StoreError> {
        self.incidents("open", self.under(BY_STATE, "state_partition", "open").await?)
    }

    async fn resolved_on(&self, day: NaiveDate) -> Result<Vec<Incident>, StoreError> {
        let day = closed_on(day);
        self.incidents(&day, self.under(BY_STATE, "state_partition", &day).await?)
    }

    async fn of_dataset(&self, dataset: &str) -> Result<Vec<Incident>, StoreError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#dataset = :dataset")
            .filter_expression("attribute_exists(occurrence)")
            .expression_attribute_names("#dataset", "dataset")
            .expression_attribute_values(":dataset", text(dataset))
            .into_paginator()
            .items()
            .send();
        let found = pages.collect::<Result<Vec<Item>, _>>().await;
        self.incidents(dataset, found.map_err(|error| self.failed("Query", dataset, &error))?)
    }

    async fn cleared_for(&self, key: &IncidentKey) -> Result<Option<DateTime<Utc>>, StoreError> {
        let subject = key.to_string();
        let asked = KeysAndAttributes::builder()
            .consistent_read(true)
            .keys(place(key, 0))
            .keys(place(&whole_monitor(key), 0))
            .build()
            .map_err(|error| self.malformed("BatchGetItem", &subject, error.to_string()))?;
        let sent = self.client.batch_get_item().request_items(&self.table, asked).send().await;
        let output = sent.map_err(|error| self.failed("BatchGetItem", &subject, &error))?;
        if output.unprocessed_keys().is_some_and(|left| !left.is_empty()) {
            let reason = "keys were left unread".to_owned();
            let error = self.malformed("BatchGetItem", &subject, reason);
            return Err(StoreError { is_retryable: true, ..error });
        }
        let found = output.responses.and_then(|mut all| all.remove(&self.table));
        let moments = found.unwrap_or_default();
        let moments = moments.iter().filter_map(|item| item.get("cleared_for")?.as_n().ok());
        let moments = moments.filter_map(|micros| micros.parse().ok());
        Ok(moments.filter_map(DateTime::from_timestamp_micros).max())
    }

    async fn remember_clearing(
        &self,
        key: &IncidentKey,
        as_of: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let expires_at = as_of + Days::new(CLEARING_DAYS);
        for attempt in 1.. {
            let sent = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(place(key, 0)))
                .update_expression("SET cleared_for = :as_of, expires_at = :expires_at")
                .condition_expression("attribute_not_exists(dataset) OR cleared_for < :as_of")
                .expression_attribute_values(":as_of", micros(as_of))
                .expression_attribute_values(
                    ":expires_at",
                    AttributeValue::N(expires_at.timestamp().to_string()),
                )
                .send()
                .await;
            let Err(error) = sent else {
                return Ok(());
            };
            let service = error.as_service_error();
            if service.is_some_and(UpdateItemError::is_conditional_check_failed_exception) {
                return Ok(());
            }
            let is_conflict =
                service.is_some_and(UpdateItemError::is_transaction_conflict_exception);
            if !is_conflict || attempt >= MOST_TRIES {
                return Err(self.failed("UpdateItem", &key.to_string(), &error));
            }
            super::register::pause(attempt).await;
        }
        Ok(())
    }

    async fn write(&self, batch: Batch) -> Result<bool, StoreError> {
        let subject = batch.puts.first().map(|put| put.key.to_string()).unwrap_or_default();
        let writes = self.writes(&batch)?;
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_lost(&error) => Ok(false),
            Err(error) => Err(self.failed("TransactWriteItems", &subject, &error)),
        }
    }
}

/// Whether somebody else has written meanwhile, or is about to.
fn is_lost(error: &SdkError<TransactWriteItemsError>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    else {
        return false;
    };
    canceled.cancellation_reasons().iter().any(|reason| {
        matches!(reason.code(), Some("ConditionalCheckFailed" | "TransactionConflict"))
    })
}
