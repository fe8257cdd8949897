//! The ledger: which inputs were seen, how far each has come, and every run.
//!
//! The Inputs table has, for an object's URI, one item a content that was seen under it
//! (`content#<checksum>`), one for each time that it was read again on an order
//! (`replay#<order>#<checksum>`), and one for each dataset that a reading gave rows: see [`super::reading`].

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use chrono::{DateTime, Days, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::explain;
use super::reading::Reading;
use crate::run::{Outcome, Run};

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
    /// S3's tag of the object that had them last.
    pub entity_tag: String,
    /// When it was read.
    pub read_at: DateTime<Utc>,
    /// Orders the readings of an object: see [`Run::generation`]. Empty where it could not be read.
    #[serde(default)]
    pub generation: String,
    /// The datasets that it had records for.
    #[serde(default)]
    pub routed_to: Vec<String>,
}

/// A reading that came to its end.
#[derive(Debug, Clone)]
pub struct FinishedReading<'a> {
    /// S3's tag of the object.
    pub entity_tag: &'a str,
    /// The datasets that a replay was for; none for all.
    pub chosen: &'a [String],
    /// The datasets that it had records for.
    pub routed_to: Vec<String>,
}

/// What is known of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The contents that were read under its URI, the earliest first.
    pub contents: Vec<Content>,
    /// The orders by which it was read again, the earliest first.
    pub replays: Vec<Replayed>,
    /// What each reading gave each dataset, in no order.
    pub readings: Vec<Reading>,
}

impl History {
    fn add(&mut self, item: Item) -> Result<(), serde_dynamo::Error> {
        let part = item.get("part").and_then(|part| part.as_s().ok()).cloned().unwrap_or_default();
        match part.split('#').next() {
            Some("content") => self.contents.push(serde_dynamo::from_item(item)?),
            Some("replay") => self.replays.push(serde_dynamo::from_item(item)?),
            Some("dataset") => self.readings.push(serde_dynamo::from_item(item)?),
            _ => {}
        }
        Ok(())
    }

    /// Whether a reading that came later than a generation, and was for a dataset, gave it nothing: not even
    /// a request.
    pub fn has_later_without(&self, dataset: &str, generation: &str) -> bool {
        let is_later = |content: &Content, reading: &str| {
            content.generation.as_str() > generation
                && !self.readings.iter().any(|known| known.is_named(reading, dataset))
        };
        let mut replays = self.replays.iter().filter(|replay| replay.covers(Some(dataset)));
        self.contents.iter().any(|content| is_later(content, &content.checksum))
            || replays.any(|again| {
                let reading = format!("{}@{}", again.content.checksum, again.replay);
                is_later(&again.content, &reading)
            })
    }

    /// The datasets that readings before a generation had records for, or may still have rows in.
    pub fn datasets_before(&self, generation: &str) -> BTreeSet<String> {
        let mut datasets = BTreeSet::new();
        for reading in &self.readings {
            if reading.state.is_live() && reading.generation.as_str() < generation {
                datasets.insert(reading.dataset().to_owned());
            }
        }
        let again = self.replays.iter().map(|replay| &replay.content);
        for content in self.contents.iter().chain(again) {
            if !content.generation.is_empty() && content.generation.as_str() < generation {
                datasets.extend(content.routed_to.iter().cloned());
            }
        }
        datasets
    }
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

    /// What is known of an object.
    pub async fn history(&self, uri: &str) -> Result<History, LedgerError> {
        let query = self
            .client
            .query()
            .table_name(&self.inputs_table)
            .consistent_read(true)
            .key_condition_expression("#input = :input")
            .expression_attribute_names("#input", "input")
            .expression_attribute_values(":input", text(uri));
        let items = query.into_paginator().items().send().collect::<Result<Vec<Item>, _>>().await;
        let items = items.map_err(|error| self.inputs_failed("Query", uri, explain(&error)))?;
        let mut history = History::default();
        for item in items {
            let added = history.add(item);
            added.map_err(|error| self.inputs_failed("Query", uri, error.to_string()))?;
        }
        history.contents.sort_by_key(|content| content.read_at);
        history.replays.sort_by(|one, other| one.replay.cmp(&other.replay));
        Ok(history)
    }

    /// Notes that a content was read to its end, with its run; false when it was noted before.
    pub async fn finish_input(
        &self,
        run: &Run,
        read: FinishedReading<'_>,
    ) -> Result<bool, LedgerError> {
        let uri = run.input.uri();
        // What breaks off takes nobody's place.
        let is_damaged = run.outcome == Outcome::Quarantined;
        let content = Content {
            checksum: run.input.checksum.clone(),
            entity_tag: read.entity_tag.to_owned(),
            read_at: run.finished_at,
            generation: if is_damaged { String::new() } else { run.generation() },
            routed_to: read.routed_to,
        };
        let (mut item, part) = match &run.input.replay {
            None => (self.item(&uri, &content)?, format!("content#{}", content.checksum)),
            Some(replay) => {
                let part = format!("replay#{replay}#{}", content.checksum);
                let (replay, datasets) = (replay.clone(), read.chosen.to_vec());
                (self.item(&uri, &Replayed { replay, datasets, content })?, part)
            }
        };
        item.insert("input".to_owned(), text(&uri));
        item.insert("part".to_owned(), text(&part));
        let put = self.put_new_input(&uri, item)?;
        let insert = self.insert_run(run)?;
        self.transact(&uri, vec![put, insert]).await
    }

    /// Notes that a content that was read came again, under another tag: it is known by that from now on.
    pub async fn note_entity_tag(
        &self,
        uri: &str,
        checksum: &str,
        entity_tag: &str,
    ) -> Result<(), LedgerError> {
        self.client
            .update_item()
            .table_name(&self.inputs_table)
            .key("input", text(uri))
            .key("part", text(&format!("content#{checksum}")))
            .condition_expression("attribute_exists(#part)")
            .update_expression("SET #entity_tag = :entity_tag")
            .expression_attribute_names("#part", "part")
            .expression_attribute_names("#entity_tag", "entity_tag")
            .expression_attribute_values(":entity_tag", text(entity_tag))
            .send()
            .await
            .map_err(|error| self.inputs_failed("UpdateItem", uri, explain(&error)))?;
        Ok(())
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn history(items: &[Value]) -> History {
        let mut history = History::default();
        for item in items {
            history.add(serde_dynamo::to_item(item).unwrap()).unwrap();
        }
        history
    }

    fn content(part: &str, generation: &str, routed_to: &[&str]) -> Value {
        let mut names = part.split('#');
        let (kind, name) = (names.next().unwrap(), names.next().unwrap());
        let replay = if kind == "replay" { name } else { "" };
        let checksum = names.next().unwrap_or(name);
        json!({"part": part, "checksum": checksum, "entity_tag": "e", "read_at": Utc::now(),
            "generation": generation, "routed_to": routed_to, "replay": replay, "datasets": []})
    }

    fn reading(part: &str, state: &str, generation: &str) -> Value {
        json!({"part": part, "state": state, "generation": generation, "request_bucket": "b", "request_key": "k"})
    }

    #[test]
    fn a_later_reading_that_gave_nothing_is_told_from_one_that_is_on_its_way() {
        let known = [content("content#a", "1", &["d"]), content("content#b", "2", &[])];
        assert!(history(&known).has_later_without("d", "1"));
        assert!(!history(&known).has_later_without("d", "2"));
        // It has asked for a commit, or holds its rows: that is looked at by itself.
        let mut asked = known.to_vec();
        asked.push(reading("dataset#b#d", "held", "2"));
        assert!(!history(&asked).has_later_without("d", "1"));
        assert!(history(&asked).has_later_without("other", "1"));
        // What breaks off has no generation, and takes nobody's place.
        let damaged = [content("content#a", "1", &["d"]), content("content#b", "", &[])];
        assert!(!history(&damaged).has_later_without("d", "1"));
        let again = [content("content#a", "1", &["d"]), content("replay#r#a", "3", &[])];
        assert!(history(&again).has_later_without("d", "1"));
    }

    #[test]
    fn the_datasets_of_earlier_readings_are_known_before_their_commits() {
        let known = [
            content("content#a", "1", &["pages", "tracks"]),
            content("content#b", "3", &["groups"]),
            reading("dataset#c#screens", "committing", "1"),
            reading("dataset#d#aliases", "superseded", "1"),
        ];
        let before: Vec<String> = history(&known).datasets_before("2").into_iter().collect();
        assert_eq!(before, ["pages", "screens", "tracks"]);
        assert!(history(&known).datasets_before("1").is_empty());
    }
}
