//! The ledger: which inputs were seen, how far each has come, and every run.
//!
//! The Inputs table has, for an object's URI, one item a content that was seen under it
//! (`content#<checksum>`), one for each time that it was read again on an order
//! (`replay#<order>#<checksum>`), and one for each dataset that a reading gave rows: see [`super::reading`].

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use chrono::{DateTime, Days, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::explain;
use crate::run::Run;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The Inputs and the Runs table.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) client: Client,
    pub(super) inputs_table: String,
    pub(super) runs_table: String,
    run_retention_days: u32,
}

/// Why the ledger could not be read or written. A retry may help.
#[derive(Debug, thiserror::Error)]
#[error("{operation} on table {table} for {input} failed: {reason}")]
pub struct LedgerError {
    /// The DynamoDB operation.
    pub operation: &'static str,
    /// The table.
    pub table: String,
    /// The input's URI.
    pub input: String,
    /// What DynamoDB says.
    pub reason: String,
}

/// A content that was read to its end under an object's URI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// SHA-256 of the bytes.
    pub checksum: String,
    /// S3's tag of the object that had them first.
    pub entity_tag: String,
    /// When it was read.
    pub read_at: DateTime<Utc>,
}

/// A content that was read again on an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// The order: a `UUIDv7`, so that later ones sort behind.
    pub replay: String,
    /// The datasets that it was for; none for all of them.
    #[serde(default)]
    pub datasets: Vec<String>,
    /// The content.
    #[serde(flatten)]
    pub content: Content,
}

impl Replayed {
    /// Whether the rows of a dataset were read again, or what no dataset took, where none is given.
    pub fn covers(&self, dataset: Option<&str>) -> bool {
        match dataset {
            _ if self.datasets.is_empty() => true,
            Some(dataset) => self.datasets.iter().any(|covered| covered == dataset),
            None => false,
        }
    }
}

impl Ledger {
    /// The ledger in two tables. Runs expire after `run_retention_days`, inputs never do.
    pub fn new(
        client: Client,
        inputs_table: String,
        runs_table: String,
        run_retention_days: u32,
    ) -> Self {
        Self { client, inputs_table, runs_table, run_retention_days }
    }

    /// The contents that were read under an object's URI, the earliest first.
    pub async fn contents(&self, uri: &str) -> Result<Vec<Content>, LedgerError> {
        let items = self.parts(uri, "content#").await?;
        let contents: Result<Vec<Content>, _> = serde_dynamo::from_items(items);
        let mut contents =
            contents.map_err(|error| self.inputs_failed("Query", uri, error.to_string()))?;
        contents.sort_by_key(|content| content.read_at);
        Ok(contents)
    }

    /// The orders by which an object was read again, the earliest first.
    pub async fn replays(&self, uri: &str) -> Result<Vec<Replayed>, LedgerError> {
        let items = self.parts(uri, "replay#").await?;
        let replays: Result<Vec<Replayed>, _> = serde_dynamo::from_items(items);
        let mut replays =
            replays.map_err(|error| self.inputs_failed("Query", uri, error.to_string()))?;
        replays.sort_by(|one, other| one.replay.cmp(&other.replay));
        Ok(replays)
    }

    /// The items of an object whose name begins with a prefix.
    pub(super) async fn parts(&self, uri: &str, prefix: &str) -> Result<Vec<Item>, LedgerError> {
        let query = self
            .client
            .query()
            .table_name(&self.inputs_table)
            .consistent_read(true)
            .key_condition_expression("#input = :input AND begins_with(#part, :prefix)")
            .expression_attribute_names("#input", "input")
            .expression_attribute_names("#part", "part")
            .expression_attribute_values(":input", text(uri))
            .expression_attribute_values(":prefix", text(prefix));
        let items = query.into_paginator().items().send().collect::<Result<Vec<Item>, _>>().await;
        items.map_err(|error| self.inputs_failed("Query", uri, explain(&error)))
    }

    /// Notes that a content was read to its end, with its run; false when it was noted before. `datasets`
    /// are those that a replay was for; none for all.
    pub async fn finish_input(
        &self,
        run: &Run,
        entity_tag: &str,
        datasets: &[String],
    ) -> Result<bool, LedgerError> {
        let uri = run.input.uri();
        let content = Content {
            checksum: run.input.checksum.clone(),
            entity_tag: entity_tag.to_owned(),
            read_at: run.finished_at,
        };
        let (mut item, part) = match &run.input.replay {
            None => (self.item(&uri, &content)?, format!("content#{}", content.checksum)),
            Some(replay) => {
                let part = format!("replay#{replay}#{}", content.checksum);
                let (replay, datasets) = (replay.clone(), datasets.to_vec());
                (self.item(&uri, &Replayed { replay, datasets, content })?, part)
            }
        };
        item.insert("input".to_owned(), text(&uri));
        item.insert("part".to_owned(), text(&part));
        let put = self.put_new_input(&uri, item)?;
        let insert = self.insert_run(run)?;
        self.transact(&uri, vec![put, insert]).await
    }

    /// Notes a run that reads no content; an object that is gone, say. False when it was noted before.
    pub async fn note_run(&self, run: &Run) -> Result<bool, LedgerError> {
        let insert = self.insert_run(run)?;
        self.transact(&run.input.uri(), vec![insert]).await
    }

    pub(super) fn put_new_input(
        &self,
        uri: &str,
        item: Item,
    ) -> Result<TransactWriteItem, LedgerError> {
        let put = Put::builder()
            .table_name(&self.inputs_table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#part)")
            .expression_attribute_names("#part", "part")
            .build();
        match put {
            Ok(put) => Ok(TransactWriteItem::builder().put(put).build()),
            Err(error) => Err(self.inputs_failed("TransactWriteItems", uri, error.to_string())),
        }
    }

    pub(super) fn insert_run(&self, run: &Run) -> Result<TransactWriteItem, LedgerError> {
        let uri = run.input.uri();
        let mut item = self.item(&uri, run)?;
        let expires_at = run
            .finished_at
            .checked_add_days(Days::new(u64::from(self.run_retention_days)))
            .unwrap_or(run.finished_at);
        item.insert("expires_at".to_owned(), AttributeValue::N(expires_at.timestamp().to_string()));
        // A fixed number of digits, so that the index sorts as time does.
        item.insert(
            "finished_at".to_owned(),
            text(&run.finished_at.to_rfc3339_opts(SecondsFormat::Micros, true)),
        );
        let put = Put::builder()
            .table_name(&self.runs_table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(run_id)")
            .build();
        match put {
            Ok(put) => Ok(TransactWriteItem::builder().put(put).build()),
            Err(error) => Err(self.inputs_failed("TransactWriteItems", &uri, error.to_string())),
        }
    }

    /// False when a condition says that it was done before.
    pub(super) async fn transact(
        &self,
        uri: &str,
        items: Vec<TransactWriteItem>,
    ) -> Result<bool, LedgerError> {
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(true),
            Err(error) if done_before(&error) => Ok(false),
            Err(error) => Err(self.inputs_failed("TransactWriteItems", uri, explain(&error))),
        }
    }

    pub(super) fn item<T: Serialize>(&self, uri: &str, value: &T) -> Result<Item, LedgerError> {
        serde_dynamo::to_item(value)
            .map_err(|error| self.inputs_failed("serialising", uri, error.to_string()))
    }

    pub(super) fn inputs_failed(
        &self,
        operation: &'static str,
        uri: &str,
        reason: String,
    ) -> LedgerError {
        LedgerError { operation, table: self.inputs_table.clone(), input: uri.to_owned(), reason }
    }
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A transaction that failed by its conditions alone. A conflict with another transaction is a
/// failure that a retry mends.
fn done_before(error: &SdkError<TransactWriteItemsError>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    else {
        return false;
    };
    let mut by_condition = false;
    for reason in canceled.cancellation_reasons() {
        match reason.code() {
            Some("ConditionalCheckFailed") => by_condition = true,
            None | Some("None") => {}
            Some(_) => return false,
        }
    }
    by_condition
}
