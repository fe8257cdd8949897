//! Orders: what is known of each, and to whom its revenue is credited.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::facts::{Click, Touch};

/// An order as the changes that have come so far make it, whatever their order.
///
/// Each column has the value of the latest change that told of it; a deletion makes void what came
/// before it. This is what the SQL that ships with `database-transform` calls the current row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderState {
    /// The order's id.
    pub order_id: String,
    /// Counts the writes of this item; see [`Store::replace`](crate::state::Store::replace).
    pub version: u64,
    /// Column by column.
    pub columns: BTreeMap<String, Dated>,
    /// The sequence of the latest change of any kind.
    pub sequence: String,
    /// The sequence of the latest deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
    /// When the earliest change was committed.
    pub first_committed_at: Option<DateTime<Utc>>,
    /// What follows from it and from the touches: none while the order does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributed: Option<AttributedOrder>,
    /// The UTC day under which it is found while it does not count; none where it counts or was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_on: Option<NaiveDate>,
    /// Touches that were credited once, with the customer that they are of: they count on when their own
    /// items have expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credited: Option<CreditedTouches>,
}

/// A column's value, and the change that told of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dated {
    /// The change's sequence; it compares as text.
    pub sequence: String,
    /// The value as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Touches that were credited once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditedTouches {
    /// The customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The touches.
    pub touches: Vec<Touch>,
}

/// An order that counts, with its credits. Orders that were deleted, cancelled or refunded have none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributedOrder {
    /// The order's id.
    pub order_id: String,
    /// When it was placed.
    pub ordered_at: DateTime<Utc>,
    /// ISO 4217; `XXX` where the shop does not say.
    pub currency: String,
    /// What the customer pays.
    pub revenue: Decimal,
    /// The model: `last`, `first` or `linear`.
    pub model: String,
    /// The look-back window in days.
    pub window_days: u32,
    /// One at least. Their revenue adds up to the order's, their shares of it to one.
    pub credits: Vec<Credit>,
}

/// A part of an order's revenue, and the touch that it is owed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credit {
    /// The touch; none where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touch: Option<Touch>,
    /// What Google Ads says of its click, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub click: Option<Click>,
    /// How much of the order, of one.
    pub orders: Decimal,
    /// How much of its revenue.
    pub revenue: Decimal,
}
