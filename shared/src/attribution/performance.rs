//! What `report` makes of it all: `marketing.campaign_performance`.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::key::{name, performance_subject};
use crate::state::ItemKey;

/// A day whose performance must be computed again.
///
/// `attribute` writes the mark before it changes anything of the day. `report` takes it away once it
/// has read the day, and only when it is older than any invocation of `attribute` can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The UTC day of orders, or the day of a report in its account's calendar.
    pub date: NaiveDate,
    /// When the mark was written, as [`moment`](super::key::moment) writes it.
    pub marked_at: String,
}

/// How a campaign did on a day, in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerformanceRow {
    /// The day, in the time zone of the account (or of the report, where there is no account).
    pub date: NaiveDate,
    /// Of cost and revenue, ISO 4217.
    pub currency: String,
    /// Names the campaign: `google_ads/<customer>/<campaign id>`, `utm/<source>/<campaign>`, `unattributed`.
    pub campaign_key: String,
    /// `google_ads`, `utm` or `unattributed`.
    pub source: String,
    /// The customer of Google Ads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The campaign's id in Google Ads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    /// The campaign's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The channel, by the names of Google Analytics' default channel group.
    pub channel: String,
    /// What was paid.
    pub cost: Decimal,
    /// How often an advertisement was seen.
    pub impressions: i64,
    /// How often one was clicked.
    pub clicks: i64,
    /// Conversions as Google counts them.
    pub conversions: Decimal,
    /// Their value as Google counts it.
    pub conversions_value: Decimal,
    /// Orders that are credited to the campaign; models that share give fractions.
    pub orders: Decimal,
    /// Their revenue.
    pub revenue: Decimal,
    /// Revenue by cost, where there is a cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roas: Option<Decimal>,
    /// The model: `last`, `first` or `linear`.
    pub model: String,
    /// The look-back window in days.
    pub window_days: u32,
    /// What this is known as of.
    pub as_of: DateTime<Utc>,
}

impl PerformanceRow {
    /// The row's key: it names it within the table of the lake as well.
    pub fn key(&self) -> ItemKey {
        let part = format!("{}#{}#{}", self.date, self.currency, name(&self.campaign_key));
        ItemKey::new(performance_subject(self.date), part)
    }

    /// Whether nothing was paid, seen, clicked, ordered: what is left of a row that was taken back.
    pub fn is_nothing(&self) -> bool {
        self.cost.is_zero()
            && self.impressions == 0
            && self.clicks == 0
            && self.conversions.is_zero()
            && self.conversions_value.is_zero()
            && self.orders.is_zero()
            && self.revenue.is_zero()
    }

    /// Whether two rows say the same, whenever they were computed.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let other = Self { as_of: self.as_of, ..other.clone() };
        *self == other
    }
}
