//! The state in DynamoDB.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, DeleteRequest, KeysAndAttributes, Put, PutRequest, TransactWriteItem,
    WriteRequest,
};

use super::{Amendment, Item, ItemKey, Replacement, Store, StoreError};
use crate::aws::explain;

/// What `BatchWriteItem` takes.
const MOST_WRITES: usize = 25;

/// What `BatchGetItem` takes.
const MOST_READS: usize = 100;

/// How often what DynamoDB left undone of a batch is asked for again.
const MOST_TRIES: u32 = 8;

/// The first pause before that; it doubles.
const PAUSE: Duration = Duration::from_millis(25);

const SUBJECT: &str = "subject";
const PART: &str = "part";

type Attributes = HashMap<String, AttributeValue>;

/// The table of the state: key `subject` and `part`, expiry by `expires_at`.
#[derive(Debug, Clone)]
pub struct StateTable {
    client: Client,
    table: String,
}

impl StateTable {
    /// The table of a name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    fn failed(&self, operation: &'static str, subject: &str, reason: String) -> StoreError {
        StoreError::of(operation, &self.table, subject, reason)
    }

    /// Writes and deletes in batches; of two requests with one key the later one stays.
    async fn write(&self, requests: BTreeMap<ItemKey, WriteRequest>) -> Result<(), StoreError> {
        let mut requests: Vec<(ItemKey, WriteRequest)> = requests.into_iter().collect();
        while !requests.is_empty() {
            let rest = requests.split_off(requests.len().min(MOST_WRITES));
            let subject = requests[0].0.subject.clone();
            let batch = requests.into_iter().map(|(_, request)| request).collect();
            self.write_batch(&subject, batch).await?;
            requests = rest;
        }
        Ok(())
    }

    async fn write_batch(
        &self,
        subject: &str,
        mut batch: Vec<WriteRequest>,
    ) -> Result<(), StoreError> {
        for attempt in 0..MOST_TRIES {
            let sent =
                self.client.batch_write_item().request_items(&self.table, batch).send().await;
            let output =
                sent.map_err(|error| self.failed("BatchWriteItem", subject, explain(&error)))?;
            let left = output.unprocessed_items.and_then(|mut left| left.remove(&self.table));
            match left {
                Some(left) if !left.is_empty() => batch = left,
                _ => return Ok(()),
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
        }
        let reason = format!("{} items were left unwritten again and again", batch.len());
        Err(self.failed("BatchWriteItem", subject, reason))
    }

    async fn read_batch(&self, keys: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        let subject = keys.first().map_or("", |key| key.subject.as_str());
        let failed = |reason| self.failed("BatchGetItem", subject, reason);
        let mut asked = KeysAndAttributes::builder().consistent_read(true);
        for key in keys {
            asked = asked.keys(attributes_of(key));
        }
        let mut asked = asked.build().map_err(|error| failed(error.to_string()))?;
        let mut found = Vec::new();
        for attempt in 0..MOST_TRIES {
            let sent = self.client.batch_get_item().request_items(&self.table, asked).send().await;
            let output = sent.map_err(|error| failed(explain(&error)))?;
            for attributes in
                output.responses.and_then(|mut all| all.remove(&self.table)).unwrap_or_default()
            {
                found.push(self.item(attributes)?);
            }
            match output.unprocessed_keys.and_then(|mut left| left.remove(&self.table)) {
                Some(left) => asked = left,
                None => return Ok(found),
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
        }
        Err(failed("keys were left unread again and again".to_owned()))
    }

    /// An item of the table: its key taken out of its attributes.
    fn item(&self, mut attributes: Attributes) -> Result<Item, StoreError> {
        let mut take = |name: &str| match attributes.remove(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(self.failed("reading", "", format!("an item has no text {name}"))),
        };
        let key = ItemKey { subject: take(SUBJECT)?, part: take(PART)? };
        Ok(Item { key, attributes })
    }
}

fn attributes_of(key: &ItemKey) -> Attributes {
    HashMap::from([
        (SUBJECT.to_owned(), AttributeValue::S(key.subject.clone())),
        (PART.to_owned(), AttributeValue::S(key.part.clone())),
    ])
}

fn whole(item: Item) -> Attributes {
    let mut attributes = item.attributes;
    attributes.extend(attributes_of(&item.key));
    attributes
}

impl Store for StateTable {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        match get.set_key(Some(attributes_of(key))).send().await {
            Ok(output) => output.item.map(|attributes| self.item(attributes)).transpose(),
            Err(error) => Err(self.failed("GetItem", &key.subject, explain(&error))),
        }
    }

    async fn get_all(&self, keys: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        let mut distinct = keys.to_vec();
        distinct.sort();
        distinct.dedup();
        let mut found = Vec::new();
        for batch in distinct.chunks(MOST_READS) {
            found.extend(self.read_batch(batch).await?);
        }
        Ok(found)
    }

    async fn query(&self, subject: &str, from: &str, to: &str) -> Result<Vec<Item>, StoreError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#subject = :subject AND #part BETWEEN :from AND :to")
            .expression_attribute_names("#subject", SUBJECT)
            .expression_attribute_names("#part", PART)
            .expression_attribute_values(":subject", AttributeValue::S(subject.to_owned()))
            .expression_attribute_values(":from", AttributeValue::S(from.to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(to.to_owned()))
            .into_paginator()
            .items()
            .send();
        let found = pages.collect::<Result<Vec<Attributes>, _>>().await;
        let found = found.map_err(|error| self.failed("Query", subject, explain(&error)))?;
        found.into_iter().map(|attributes| self.item(attributes)).collect()
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let mut requests = BTreeMap::new();
        for item in items {
            let key = item.key.clone();
            let put = PutRequest::builder().set_item(Some(whole(item))).build();
            let put = put
                .map_err(|error| self.failed("BatchWriteItem", &key.subject, error.to_string()))?;
            requests.insert(key, WriteRequest::builder().put_request(put).build());
        }
        self.write(requests).await
    }

    async fn delete_all(&self, keys: Vec<ItemKey>) -> Result<(), StoreError> {
        let mut requests = BTreeMap::new();
        for key in keys {
            let delete = DeleteRequest::builder().set_key(Some(attributes_of(&key))).build();
            let delete = delete
                .map_err(|error| self.failed("BatchWriteItem", &key.subject, error.to_string()))?;
            requests.insert(key, WriteRequest::builder().delete_request(delete).build());
        }
        self.write(requests).await
    }

    async fn put_newest(&self, item: Item) -> Result<bool, StoreError> {
        let subject = item.key.subject.clone();
        let Some(newest) = item.attributes.get("newest").cloned() else {
            return Err(self.failed("PutItem", &subject, "the item has no `newest`".to_owned()));
        };
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(whole(item)))
            .condition_expression("attribute_not_exists(#part) OR #newest < :newest")
            .expression_attribute_names("#part", PART)
            .expression_attribute_names("#newest", "newest")
            .expression_attribute_values(":newest", newest)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(aws_sdk_dynamodb::operation::put_item::PutItemError::is_conditional_check_failed_exception) => Ok(false),
            Err(error) => Err(self.failed("PutItem", &subject, explain(&error))),
        }
    }

    async fn amend(&self, amendment: Amendment) -> Result<(), StoreError> {
        let Amendment { key, set, removed } = amendment;
        let mut update =
            self.client.update_item().table_name(&self.table).set_key(Some(attributes_of(&key)));
        let mut clauses = (Vec::new(), Vec::new());
        for (number, (name, value)) in set.into_iter().enumerate() {
            clauses.0.push(format!("#s{number} = :s{number}"));
            update = update
                .expression_attribute_names(format!("#s{number}"), name)
                .expression_attribute_values(format!(":s{number}"), value);
        }
        for (number, name) in removed.into_iter().enumerate() {
            clauses.1.push(format!("#r{number}"));
            update = update.expression_attribute_names(format!("#r{number}"), name);
        }
        let mut expression = Vec::with_capacity(2);
        for (word, clauses) in [("SET", clauses.0), ("REMOVE", clauses.1)] {
            if !clauses.is_empty() {
                expression.push(format!("{word} {}", clauses.join(", ")));
            }
        }
        match update.update_expression(expression.join(" ")).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed("UpdateItem", &key.subject, explain(&error))),
        }
    }

    async fn replace(&self, replacement: Replacement) -> Result<bool, StoreError> {
        let Replacement { item, over, puts, deletes } = replacement;
        let subject = item.key.subject.clone();
        let failed = |reason| self.failed("TransactWriteItems", &subject, reason);
        let mut put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(whole(item)))
            .expression_attribute_names("#version", "version");
        put = match over {
            None => put.condition_expression("attribute_not_exists(#version)"),
            Some(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_values(":version", AttributeValue::N(version.to_string())),
        };
        let put = put.build().map_err(|error| failed(error.to_string()))?;
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        for other in puts {
            let put = Put::builder().table_name(&self.table).set_item(Some(whole(other))).build();
            let put = put.map_err(|error| failed(error.to_string()))?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        for key in deletes {
            let delete = Delete::builder().table_name(&self.table);
            let delete = delete.set_key(Some(attributes_of(&key))).build();
            let delete = delete.map_err(|error| failed(error.to_string()))?;
            writes.push(TransactWriteItem::builder().delete(delete).build());
        }
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_lost(&error) => Ok(false),
            Err(error) => Err(failed(explain(&error))),
        }
    }

    async fn delete_if(
        &self,
        key: &ItemKey,
        attribute: &str,
        text: &str,
    ) -> Result<bool, StoreError> {
        let sent = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(attributes_of(key)))
            .condition_expression("#attribute = :text")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":text", AttributeValue::S(text.to_owned()))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(aws_sdk_dynamodb::operation::delete_item::DeleteItemError::is_conditional_check_failed_exception) => Ok(false),
            Err(error) => Err(self.failed("DeleteItem", &key.subject, explain(&error))),
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
