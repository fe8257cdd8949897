//! What was published, so that nothing is published twice.
//!
//! A notification is claimed before it is published and marked after it. A claim lasts for [`LEASE`]:
//! who claims it and ends is followed by another. Between publishing and marking lies the one window
//! in which a change is told twice, under the same id: what was published, but ended unmarked.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Days, Duration, Utc};
use shared::aws::explain;

/// Longer than an invocation may take.
const LEASE: Duration = Duration::seconds(60);

/// A record waits in the stream, its failure queue and a person's hands for less.
const KEPT_DAYS: u64 = 60;

/// How often it is tried to mark what was published.
const MOST_TRIES: u32 = 3;

/// The table of notifications: key `notification_id`, expiry by `expires_at`.
#[derive(Debug, Clone)]
pub struct Outbox {
    client: Client,
    table: String,
}

/// Why a notification could not be claimed. A retry helps.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// Somebody else is about to publish it, or has ended while they were.
    #[error("notification {id} is being published by another invocation")]
    Claimed {
        /// The notification.
        id: String,
    },
    /// The table failed.
    #[error("{operation} on table {table} for notification {id} failed: {reason}")]
    Table {
        /// The DynamoDB operation.
        operation: &'static str,
        /// The table.
        table: String,
        /// The notification.
        id: String,
        /// What DynamoDB says.
        reason: String,
    },
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

impl Outbox {
    /// The table of a name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    fn failed(&self, operation: &'static str, id: &str, reason: String) -> OutboxError {
        OutboxError::Table { operation, table: self.table.clone(), id: id.to_owned(), reason }
    }

    /// Claims a notification; false where it was published before.
    pub async fn claim(&self, id: &str, now: DateTime<Utc>) -> Result<bool, OutboxError> {
        let expires_at = now + Days::new(KEPT_DAYS);
        let item = HashMap::from([
            ("notification_id".to_owned(), text(id)),
            ("state".to_owned(), text("sending")),
            ("lease_until".to_owned(), number((now + LEASE).timestamp())),
            ("expires_at".to_owned(), number(expires_at.timestamp())),
        ]);
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(
                "attribute_not_exists(notification_id) OR (#state = :sending AND lease_until < :now)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":now", number(now.timestamp()))
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(true);
        };
        let is_taken = error.as_service_error().is_some_and(aws_sdk_dynamodb::operation::put_item::PutItemError::is_conditional_check_failed_exception);
        if !is_taken {
            return Err(self.failed("PutItem", id, explain(&error)));
        }
        match self.state_of(id).await? {
            Some(state) if state == "sent" => Ok(false),
            _ => Err(OutboxError::Claimed { id: id.to_owned() }),
        }
    }

    async fn item(&self, id: &str) -> Result<Option<HashMap<String, AttributeValue>>, OutboxError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let got = get.key("notification_id", text(id)).send().await;
        Ok(got.map_err(|error| self.failed("GetItem", id, explain(&error)))?.item)
    }

    async fn state_of(&self, id: &str) -> Result<Option<String>, OutboxError> {
        let state = self.item(id).await?.and_then(|mut item| item.remove("state"));
        Ok(state.and_then(|state| state.as_s().ok().cloned()))
    }

    /// When a notification was done with, if it was: by the moment that it is of.
    pub async fn done_at(&self, id: &str) -> Result<Option<DateTime<Utc>>, OutboxError> {
        let Some(item) = self.item(id).await? else {
            return Ok(None);
        };
        let is_sent = item.get("state").and_then(|state| state.as_s().ok());
        let done = item.get("done_at").and_then(|at| at.as_n().ok()?.parse().ok());
        Ok(done
            .filter(|_| is_sent.is_some_and(|state| state == "sent"))
            .and_then(DateTime::from_timestamp_micros))
    }

    /// Marks a notification as published as of a moment.
    ///
    /// A failure is no reason to publish again, so it is logged alone: then only the lease, and the
    /// order of the stream, keep it from being told again.
    pub async fn mark_sent(&self, id: &str, at: DateTime<Utc>) {
        for attempt in 1..=MOST_TRIES {
            let marked = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("notification_id", text(id))
                .update_expression("SET #state = :sent, done_at = :at REMOVE lease_until")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":sent", text("sent"))
                .expression_attribute_values(":at", number(at.timestamp_micros()))
                .send()
                .await;
            let Err(error) = marked else {
                return;
            };
            let error = explain(&error);
            tracing::warn!(notification_id = id, attempt, error, "told, and not yet marked so");
        }
    }

    /// Lets another invocation claim a notification that was not published. A failure costs no more
    /// than the rest of the lease.
    pub async fn give_back(&self, id: &str) {
        let given = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("notification_id", text(id))
            .update_expression("SET lease_until = :past")
            .condition_expression("#state = :sending")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":past", number(0))
            .send()
            .await;
        if let Err(error) = given {
            tracing::warn!(notification_id = id, error = explain(&error), "the claim lasts");
        }
    }
}
