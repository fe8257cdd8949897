//! What sources say, one item a fact.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::key;
use super::key::{Person, moment, name};
use crate::state::ItemKey;

/// Somebody came to a page, or did something there, by way of a campaign: the address had a `gclid` or
/// an `utm_campaign`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Touch {
    /// When.
    pub at: DateTime<Utc>,
    /// The message that told of it.
    pub message_id: String,
    /// Google's click id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gclid: Option<String>,
    /// `utm_campaign`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// `utm_source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `utm_medium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
}

impl Touch {
    /// Its key under the person.
    pub fn key(&self, person: &Person) -> ItemKey {
        ItemKey::new(
            person.to_string(),
            format!("{}#{}", Self::part_at(self.at), name(&self.message_id)),
        )
    }

    /// The key that leads from its click id to the person; none where it has none.
    pub fn key_under_click(&self, person: &Person) -> Option<ItemKey> {
        let gclid = self.gclid.as_deref()?;
        Some(ItemKey::new(
            key::click_subject(gclid),
            format!("{}#{person}", Self::part_at(self.at)),
        ))
    }

    /// What the parts of the touches of a moment begin with.
    pub fn part_at(at: DateTime<Utc>) -> String {
        format!("touch#{}", moment(at))
    }
}

/// What Google Ads says of a click: it is the same in every pull.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Click {
    /// The customer whose account it is.
    pub customer_id: String,
    /// The campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    /// The day, in the account's time zone.
    pub date: NaiveDate,
}
