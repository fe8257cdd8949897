//! The ledger: which inputs were seen, how far each has come, and every run.
//!
//! The Inputs table has, for an object's URI, one item a content that was seen under it
//! (`content#<checksum>`) and one item for each dataset that the content went to
//! (`dataset#<checksum>#<dataset>`): absent, then `committing` with the request that does it, then
//! `committed` with the snapshot; or `held`, with where the rows are kept. The last step and the run's insert are one transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use chrono::{DateTime, Days, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::explain;
use crate::event::CommitPointer;
use crate::run::{InputIdentity, Run};

type Item = HashMap<String, AttributeValue>;

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

/// Who carries a commit out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// This request does.
    ByThis,
    /// An earlier request does; it is to be finished instead.
    ByEarlier(CommitPointer),
    /// It is done.
    Committed,
}

#[derive(Debug, Serialize, Deserialize)]
struct CommitState {
    state: String,
    request_bucket: String,
    request_key: String,
}

pub(super) const HELD: &str = "held";
pub(super) const COMMITTING: &str = "committing";
const COMMITTED: &str = "committed";

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
        let query = self
            .client
            .query()
            .table_name(&self.inputs_table)
            .consistent_read(true)
            .key_condition_expression("#input = :input AND begins_with(#part, :content)")
            .expression_attribute_names("#input", "input")
            .expression_attribute_names("#part", "part")
            .expression_attribute_values(":input", text(uri))
            .expression_attribute_values(":content", text("content#"));
        let items = query.into_paginator().items().send().collect::<Result<Vec<Item>, _>>().await;
        let items = items.map_err(|error| self.inputs_failed("Query", uri, explain(&error)))?;
        let contents: Result<Vec<Content>, _> = serde_dynamo::from_items(items);
        let mut contents =
            contents.map_err(|error| self.inputs_failed("Query", uri, error.to_string()))?;
        contents.sort_by_key(|content| content.read_at);
        Ok(contents)
    }

    /// Notes that a content was read to its end, with its run; false when it was noted before.
    pub async fn finish_input(&self, run: &Run, entity_tag: &str) -> Result<bool, LedgerError> {
        let uri = run.input.uri();
        let content = Content {
            checksum: run.input.checksum.clone(),
            entity_tag: entity_tag.to_owned(),
            read_at: run.finished_at,
        };
        let mut item = self.item(&uri, &content)?;
        item.insert("input".to_owned(), text(&uri));
        item.insert("part".to_owned(), text(&format!("content#{}", content.checksum)));
        let put = self.put_new_input(&uri, item)?;
        let insert = self.insert_run(run)?;
        self.transact(&uri, vec![put, insert]).await
    }

    /// Notes a run that reads no content; an object that is gone, say. False when it was noted before.
    pub async fn note_run(&self, run: &Run) -> Result<bool, LedgerError> {
        let insert = self.insert_run(run)?;
        self.transact(&run.input.uri(), vec![insert]).await
    }

    /// Notes that the rows of an input for a dataset are held, with their run, both or neither; false when
    /// it was noted before. `held` is where the request is that was not made.
    pub async fn hold(
        &self,
        run: &Run,
        dataset: &str,
        held: &CommitPointer,
    ) -> Result<bool, LedgerError> {
        let uri = run.input.uri();
        let state = CommitState {
            state: HELD.to_owned(),
            request_bucket: held.bucket.clone(),
            request_key: held.key.clone(),
        };
        let mut item = self.item(&uri, &state)?;
        item.extend(commit_key(&run.input, dataset));
        let put = self.put_new_input(&uri, item)?;
        let insert = self.insert_run(run)?;
        self.transact(&uri, vec![put, insert]).await
    }

    /// Claims the commit of an input to a dataset for a request.
    pub async fn begin_commit(
        &self,
        input: &InputIdentity,
        dataset: &str,
        request: &CommitPointer,
    ) -> Result<Begun, LedgerError> {
        let uri = input.uri();
        let state = CommitState {
            state: COMMITTING.to_owned(),
            request_bucket: request.bucket.clone(),
            request_key: request.key.clone(),
        };
        let mut item = self.item(&uri, &state)?;
        item.extend(commit_key(input, dataset));
        let put = self
            .client
            .put_item()
            .table_name(&self.inputs_table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#part)")
            .expression_attribute_names("#part", "part")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else {
            return Ok(Begun::ByThis);
        };
        if !error.as_service_error().is_some_and(aws_sdk_dynamodb::operation::put_item::PutItemError::is_conditional_check_failed_exception) {
            return Err(self.inputs_failed("PutItem", &uri, explain(&error)));
        }
        self.begun(input, dataset, request).await
    }

    /// How far an earlier attempt has come.
    async fn begun(
        &self,
        input: &InputIdentity,
        dataset: &str,
        request: &CommitPointer,
    ) -> Result<Begun, LedgerError> {
        let uri = input.uri();
        let get = self
            .client
            .get_item()
            .table_name(&self.inputs_table)
            .consistent_read(true)
            .set_key(Some(commit_key(input, dataset)))
            .send()
            .await;
        let item = match get {
            Ok(output) => output.item.unwrap_or_default(),
            Err(error) => return Err(self.inputs_failed("GetItem", &uri, explain(&error))),
        };
        let state: CommitState = serde_dynamo::from_item(item)
            .map_err(|error| self.inputs_failed("GetItem", &uri, error.to_string()))?;
        let earlier = CommitPointer { bucket: state.request_bucket, key: state.request_key };
        Ok(match state.state.as_str() {
            COMMITTED => Begun::Committed,
            _ if earlier == *request => Begun::ByThis,
            _ => Begun::ByEarlier(earlier),
        })
    }

    /// Marks a commit as done and inserts its run, both or neither; false when it was done before.
    pub async fn finish_commit(
        &self,
        run: &Run,
        dataset: &str,
        request: &CommitPointer,
    ) -> Result<bool, LedgerError> {
        let uri = run.input.uri();
        let snapshot = run
            .snapshot_id
            .map_or(AttributeValue::Null(true), |id| AttributeValue::N(id.to_string()));
        let update = Update::builder()
            .table_name(&self.inputs_table)
            .set_key(Some(commit_key(&run.input, dataset)))
            .update_expression("SET #state = :committed, snapshot_id = :snapshot")
            .condition_expression("#state = :committing AND request_key = :request")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":committed", text(COMMITTED))
            .expression_attribute_values(":committing", text(COMMITTING))
            .expression_attribute_values(":request", text(&request.key))
            .expression_attribute_values(":snapshot", snapshot)
            .build();
        let update = update
            .map_err(|error| self.inputs_failed("TransactWriteItems", &uri, error.to_string()))?;
        let insert = self.insert_run(run)?;
        self.transact(&uri, vec![TransactWriteItem::builder().update(update).build(), insert]).await
    }

    fn put_new_input(&self, uri: &str, item: Item) -> Result<TransactWriteItem, LedgerError> {
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

    fn insert_run(&self, run: &Run) -> Result<TransactWriteItem, LedgerError> {
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
    async fn transact(
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

    fn item<T: Serialize>(&self, uri: &str, value: &T) -> Result<Item, LedgerError> {
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

pub(super) fn commit_key(input: &InputIdentity, dataset: &str) -> Item {
    HashMap::from([
        ("input".to_owned(), text(&input.uri())),
        ("part".to_owned(), text(&format!("dataset#{}#{dataset}", input.checksum))),
    ])
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
