//! The ledger's part about rows that a check keeps from their table.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};

use super::explain;
use super::ledger::{Ledger, LedgerError, text};
use super::reading::{ReadingState, reading_key};
use crate::event::CommitPointer;
use crate::run::{InputIdentity, Run};

/// The index of the Runs table.
const BY_DATASET: &str = "by-dataset";

impl Ledger {
    /// The runs of a dataset that held rows, from one moment until before another, the earliest first.
    pub async fn held_runs(
        &self,
        dataset: &str,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<Run>, LedgerError> {
        let failed = |reason| LedgerError {
            operation: "Query",
            table: self.runs_table.clone(),
            input: dataset.to_owned(),
            reason,
        };
        let moment = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let from = from.map_or_else(|| "0".to_owned(), moment);
        // Sorts behind every moment.
        let to = to.map_or_else(|| "a".to_owned(), moment);
        let query = self
            .client
            .query()
            .table_name(&self.runs_table)
            .index_name(BY_DATASET)
            .key_condition_expression("#dataset = :dataset AND #at BETWEEN :from AND :to")
            .filter_expression("#outcome = :held")
            .expression_attribute_names("#dataset", "dataset")
            .expression_attribute_names("#at", "finished_at")
            .expression_attribute_names("#outcome", "outcome")
            .expression_attribute_values(":dataset", text(dataset))
            .expression_attribute_values(":from", text(&from))
            .expression_attribute_values(":to", text(&to))
            .expression_attribute_values(":held", text(ReadingState::Held.name()));
        let pages = query.into_paginator().items().send();
        let found = pages.collect::<Result<Vec<HashMap<String, AttributeValue>>, _>>().await;
        let found = found.map_err(|error| failed(explain(&error)))?;
        serde_dynamo::from_items(found).map_err(|error| failed(error.to_string()))
    }

    /// Gives held rows to a request; false where somebody was faster.
    pub async fn release(
        &self,
        input: &InputIdentity,
        dataset: &str,
        held: &CommitPointer,
        request: &CommitPointer,
    ) -> Result<bool, LedgerError> {
        self.leave_held(input, dataset, held, ReadingState::Committing, request).await
    }

    /// Leaves held rows out for good; false where somebody was faster.
    pub async fn drop_held(
        &self,
        input: &InputIdentity,
        dataset: &str,
        held: &CommitPointer,
    ) -> Result<bool, LedgerError> {
        self.leave_held(input, dataset, held, ReadingState::Dropped, held).await
    }

    async fn leave_held(
        &self,
        input: &InputIdentity,
        dataset: &str,
        held: &CommitPointer,
        state: ReadingState,
        request: &CommitPointer,
    ) -> Result<bool, LedgerError> {
        let uri = input.uri();
        let update = self
            .client
            .update_item()
            .table_name(&self.inputs_table)
            .set_key(Some(reading_key(input, dataset)))
            .update_expression(
                "SET #state = :state, request_bucket = :bucket, request_key = :request, left_held_at = :now",
            )
            .condition_expression("#state = :held AND request_key = :kept")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(state.name()))
            .expression_attribute_values(":bucket", text(&request.bucket))
            .expression_attribute_values(":request", text(&request.key))
            .expression_attribute_values(":now", text(&Utc::now().to_rfc3339()))
            .expression_attribute_values(":held", text(ReadingState::Held.name()))
            .expression_attribute_values(":kept", text(&held.key));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(self.inputs_failed("UpdateItem", &uri, explain(&error))),
        }
    }
}
