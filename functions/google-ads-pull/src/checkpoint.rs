//! What was pulled when, who is at it, and what waits: one item for each customer and unit of work.
//!
//! Moments are texts of fixed length, so that conditions compare them as time does.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use shared::aws::explain;

/// The unit under which a quota that is used up is noted.
pub const HOLD: &str = "hold";

/// The customer under which a quota of all customers together is noted.
pub const EVERYBODY: &str = "everybody";

/// A day cannot be asked for after 90 days, so its checkpoint is of no use for much longer.
const KEPT: TimeDelta = TimeDelta::days(180);

/// The table of checkpoints.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    client: Client,
    table: String,
}

/// Why a checkpoint could not be read or written. A retry may help.
#[derive(Debug, thiserror::Error)]
#[error("{operation} on table {table} for customer {customer} failed: {reason}")]
pub struct CheckpointError {
    /// The DynamoDB operation.
    pub operation: &'static str,
    /// The table.
    pub table: String,
    /// The customer.
    pub customer: String,
    /// What DynamoDB says.
    pub reason: String,
}

/// How far a unit has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Checkpoint {
    /// The unit.
    pub unit: String,
    /// When its latest whole pull began.
    pub pulled_at: Option<DateTime<Utc>>,
    /// Until when an invocation may be at it.
    pub lease_until: Option<DateTime<Utc>>,
    /// Not to be asked for before.
    pub not_before: Option<DateTime<Utc>>,
    /// What kind of failure the latest attempt ended with.
    pub error: Option<String>,
    /// Attempts that failed since the latest whole pull.
    #[serde(default)]
    pub failures: u32,
}

/// Names a checkpoint and the invocation that is at it.
#[derive(Debug, Clone, Copy)]
pub struct Lease<'a> {
    /// The customer.
    pub customer: &'a str,
    /// The unit.
    pub unit: &'a str,
    /// The invocation.
    pub owner: &'a str,
}

/// A pull that came to its end.
#[derive(Debug, Clone)]
pub struct Done {
    /// When it began.
    pub pulled_at: DateTime<Utc>,
    /// The object.
    pub key: String,
    /// Its rows.
    pub rows: u64,
}

impl Checkpoints {
    /// The checkpoints in a table.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The checkpoints of a customer, by unit.
    pub async fn of(
        &self,
        customer: &str,
    ) -> Result<BTreeMap<String, Checkpoint>, CheckpointError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("customer = :customer")
            .expression_attribute_values(":customer", text(customer));
        let items: Result<Vec<HashMap<String, AttributeValue>>, _> =
            query.into_paginator().items().send().collect().await;
        let items = items.map_err(|error| self.failed("Query", customer, explain(&error)))?;
        let checkpoints: Vec<Checkpoint> = serde_dynamo::from_items(items)
            .map_err(|error| self.failed("Query", customer, error.to_string()))?;
        Ok(checkpoints
            .into_iter()
            .map(|checkpoint| (checkpoint.unit.clone(), checkpoint))
            .collect())
    }

    /// Takes a unit for an invocation; false where another has it, or has pulled it since `seen`.
    pub async fn lease(
        &self,
        lease: Lease<'_>,
        seen: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<bool, CheckpointError> {
        let unchanged = match seen {
            Some(_) => "pulled_at = :seen",
            None => "attribute_not_exists(pulled_at)",
        };
        let mut update = self
            .update(lease)
            .update_expression(
                "SET lease_until = :until, lease_owner = :owner, expires_at = :expires",
            )
            .condition_expression(format!(
                "{unchanged} AND (attribute_not_exists(lease_until) OR lease_until < :now)"
            ))
            .expression_attribute_values(":until", moment(until))
            .expression_attribute_values(":owner", text(lease.owner))
            .expression_attribute_values(":now", moment(now))
            .expression_attribute_values(":expires", expiry(now));
        if let Some(seen) = seen {
            update = update.expression_attribute_values(":seen", moment(seen));
        }
        self.send(update, lease.customer).await
    }

    /// Notes a whole pull and ends the lease; false where the lease had passed to another.
    pub async fn finish(&self, lease: Lease<'_>, done: &Done) -> Result<bool, CheckpointError> {
        let update = self
            .update(lease)
            .update_expression(
                "SET pulled_at = :pulled, landed_key = :key, landed_rows = :rows, expires_at = :expires \
                 REMOVE lease_until, lease_owner, not_before, #error, error_text, failures",
            )
            .condition_expression("lease_owner = :owner")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":owner", text(lease.owner))
            .expression_attribute_values(":pulled", moment(done.pulled_at))
            .expression_attribute_values(":key", text(&done.key))
            .expression_attribute_values(":rows", AttributeValue::N(done.rows.to_string()))
            .expression_attribute_values(":expires", expiry(done.pulled_at));
        self.send(update, lease.customer).await
    }

    /// Notes a failure and ends the lease.
    pub async fn fail(
        &self,
        lease: Lease<'_>,
        error: &str,
        error_text: &str,
    ) -> Result<bool, CheckpointError> {
        let update = self
            .update(lease)
            .update_expression(
                "SET #error = :error, error_text = :text, failures = if_not_exists(failures, :zero) + :one \
                 REMOVE lease_until, lease_owner",
            )
            .condition_expression("lease_owner = :owner")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":owner", text(lease.owner))
            .expression_attribute_values(":error", text(error))
            .expression_attribute_values(":text", text(error_text))
            .expression_attribute_values(":zero", AttributeValue::N("0".to_owned()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        self.send(update, lease.customer).await
    }

    /// Ends a lease without any news.
    pub async fn release(&self, lease: Lease<'_>) -> Result<bool, CheckpointError> {
        let update = self
            .update(lease)
            .update_expression("REMOVE lease_until, lease_owner")
            .condition_expression("lease_owner = :owner")
            .expression_attribute_values(":owner", text(lease.owner));
        self.send(update, lease.customer).await
    }

    /// Lets a customer, or [`EVERYBODY`], alone until a moment.
    pub async fn hold(
        &self,
        customer: &str,
        now: DateTime<Utc>,
        not_before: DateTime<Utc>,
        error: &str,
    ) -> Result<(), CheckpointError> {
        let update = self
            .update(Lease { customer, unit: HOLD, owner: "" })
            .update_expression("SET not_before = :until, #error = :error, expires_at = :expires")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":until", moment(not_before))
            .expression_attribute_values(":error", text(error))
            .expression_attribute_values(":expires", expiry(now));
        self.send(update, customer).await.map(drop)
    }

    fn update(&self, lease: Lease<'_>) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("customer", text(lease.customer))
            .key("unit", text(lease.unit))
    }

    /// False where the condition did not hold.
    async fn send(
        &self,
        update: UpdateItemFluentBuilder,
        customer: &str,
    ) -> Result<bool, CheckpointError> {
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(self.failed("UpdateItem", customer, explain(&error))),
        }
    }

    fn failed(&self, operation: &'static str, customer: &str, reason: String) -> CheckpointError {
        CheckpointError {
            operation,
            table: self.table.clone(),
            customer: customer.to_owned(),
            reason,
        }
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn moment(at: DateTime<Utc>) -> AttributeValue {
    AttributeValue::S(at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

fn expiry(now: DateTime<Utc>) -> AttributeValue {
    AttributeValue::N((now + KEPT).timestamp().to_string())
}
