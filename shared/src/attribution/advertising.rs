//! What Google Ads reports.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The report of a customer and a day that holds: the latest. Its campaigns replace those of all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// When it was asked for, and the object it came in, as text that sorts: the larger one holds.
    pub newest: String,
    /// Names the report in the keys of its campaigns.
    pub token: String,
    /// The customer.
    pub customer_id: String,
    /// When it was asked for.
    pub pulled_at: DateTime<Utc>,
}

/// A campaign on a day, devices and networks taken together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CampaignDay {
    /// The customer.
    pub customer_id: String,
    /// The campaign; reports that people download need not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its kind, as Google has it: `SEARCH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_type: Option<String>,
    /// The account's currency, ISO 4217; `XXX` where the report does not say.
    pub currency: String,
    /// What was paid.
    pub cost: Decimal,
    /// How often an advertisement was seen.
    pub impressions: i64,
    /// How often one was clicked.
    pub clicks: i64,
    /// Conversions as Google counts them.
    pub conversions: Decimal,
    /// Their value.
    pub conversions_value: Decimal,
}

/// A campaign by its id, as it was last called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// The day and the report that this is from, as text that sorts.
    pub newest: String,
    /// The customer.
    pub customer_id: String,
    /// The campaign.
    pub campaign_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_type: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The report that this is from, as text that sorts.
    pub newest: String,
    /// The customer.
    pub customer_id: String,
    /// Its currency, ISO 4217.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Its time zone, an IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}
