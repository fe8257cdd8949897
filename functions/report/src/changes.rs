//! Which rows must be written: those that say something else than the state does.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use shared::attribution::performance::PerformanceRow;
use shared::state::{Item, ItemKey, StoreError};

/// The attribute of a row in the state that may not be in the lake yet.
const UNSETTLED: &str = "unsettled";

/// A row of the state.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The row.
    pub row: PerformanceRow,
    /// Whether the lake is known to say the same of it. Of what a refresh left behind that came to no end,
    /// nobody knows.
    pub is_settled: bool,
}

impl Stored {
    /// A row as the state has it.
    pub fn read(item: Item) -> Result<Self, StoreError> {
        let is_settled = !item.attributes.contains_key(UNSETTLED);
        Ok(Self { row: item.read()?, is_settled })
    }

    /// The item of a row that is about to be appended to the lake.
    pub fn unsettled(row: &PerformanceRow) -> Result<Item, StoreError> {
        let mut item = Self::settled(row)?;
        item.attributes.insert(UNSETTLED.to_owned(), AttributeValue::Bool(true));
        Ok(item)
    }

    /// The item of a row that the lake has as well.
    pub fn settled(row: &PerformanceRow) -> Result<Item, StoreError> {
        Item::of(row.key(), row)
    }
}

/// The rows of a day that must be written: new ones, other ones, and with nothing in them those that are
/// gone.
pub fn changes(
    computed: Vec<PerformanceRow>,
    stored: Vec<Stored>,
    as_of: DateTime<Utc>,
) -> Vec<PerformanceRow> {
    let there: BTreeSet<ItemKey> = computed.iter().map(PerformanceRow::key).collect();
    let mut known: BTreeMap<ItemKey, Stored> = BTreeMap::new();
    let mut changed = Vec::new();
    for stored in stored {
        let key = stored.row.key();
        if there.contains(&key) {
            known.insert(key, stored);
        } else if !(stored.is_settled && stored.row.is_nothing()) {
            changed.push(emptied(stored.row, as_of));
        }
    }
    for row in computed {
        let is_known = known
            .get(&row.key())
            .is_some_and(|stored| stored.is_settled && stored.row.says_the_same(&row));
        if !is_known {
            changed.push(row);
        }
    }
    changed
}

/// What is left of a row when nothing of it is true any more.
fn emptied(row: PerformanceRow, as_of: DateTime<Utc>) -> PerformanceRow {
    PerformanceRow {
        cost: Decimal::ZERO,
        impressions: 0,
        clicks: 0,
        conversions: Decimal::ZERO,
        conversions_value: Decimal::ZERO,
        orders: Decimal::ZERO,
        revenue: Decimal::ZERO,
        roas: None,
        as_of,
        ..row
    }
}
