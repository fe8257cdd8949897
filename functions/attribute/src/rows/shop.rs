//! Rows of the shop's database: customers, and changes of orders.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use shared::attribution::key::{Person, moment};

use crate::columns::{Columns, RowError};
use crate::facts::Facts;
use crate::order::OrderChange;

pub(super) const CUSTOMER_COLUMNS: [&str; 2] = ["id", "email"];

pub(super) const ORDER_COLUMNS: [&str; 11] = [
    "_op",
    "_sequence",
    "_committed_at",
    "id",
    "customer_id",
    "status",
    "currency",
    "total",
    "gclid",
    "ordered_at",
    "_absent",
];

const DELETION: &str = "D";

/// Customers: a user and the user's address.
pub(super) fn customers(rows: &RecordBatch, facts: &mut Facts) -> Result<(), RowError> {
    let columns = Columns(rows);
    let (id, email) = (columns.text("id")?, columns.text("email")?);
    for row in 0..rows.num_rows() {
        if let (Some(id), Some(email)) = (id.at(row), email.at(row)) {
            let (user, address) = (Person::User(id.to_owned()), Person::Email(email.to_owned()));
            facts.link(user, address);
        }
    }
    Ok(())
}

/// Changes of orders.
pub(super) fn orders(rows: &RecordBatch, facts: &mut Facts) -> Result<(), RowError> {
    let columns = Columns(rows);
    let (id, operation) = (columns.text("id")?, columns.text("_op")?);
    let sequence = columns.text("_sequence")?;
    let committed_at = columns.timestamp("_committed_at")?;
    let absent = columns.text("_absent")?;
    let mut texts = Vec::new();
    for name in ["customer_id", "status", "currency", "gclid"] {
        texts.push((name, columns.text(name)?));
    }
    let (total, ordered_at) = (columns.amount("total")?, columns.timestamp("ordered_at")?);
    for row in 0..rows.num_rows() {
        let is_deletion = operation.required(row)? == DELETION;
        let mut told: BTreeMap<String, Option<String>> = BTreeMap::new();
        if !is_deletion {
            for (name, text) in &texts {
                told.insert((*name).to_owned(), text.at(row).map(str::to_owned));
            }
            let total = total.at(row).unwrap_or_else(|_| {
                facts.unreadable_amounts += 1;
                None
            });
            told.insert("total".to_owned(), total.map(|total| total.to_string()));
            told.insert("ordered_at".to_owned(), ordered_at.at(row).map(moment));
            let absent: BTreeSet<&str> = absent.at(row).unwrap_or_default().split(',').collect();
            told.retain(|name, _| !absent.contains(name.as_str()));
        }
        facts.changes.push(OrderChange {
            order_id: id.required(row)?.to_owned(),
            sequence: sequence.required(row)?.to_owned(),
            committed_at: committed_at.required(row)?,
            is_deletion,
            columns: told,
        });
    }
    Ok(())
}
