//! Reports of what was advertised: rows taken together.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use shared::attribution::advertising::{Account, Campaign, CampaignDay, Pull};
use shared::attribution::key::moment;
use shared::run::InputIdentity;

use crate::order::currency;

/// A report of a customer and a day: of several the one that came last holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReportKey {
    /// The customer.
    pub customer_id: String,
    /// The day, in the account's calendar.
    pub date: NaiveDate,
    /// When it was asked for.
    pub pulled_at: DateTime<Utc>,
    /// The object that it came in.
    pub source_object: String,
    /// Which reading of the object, where it is not the first: see [`shared::run::Run::generation`].
    pub generation: String,
}

impl ReportKey {
    /// Text that sorts as reports supersede each other.
    pub fn newest(&self) -> String {
        let newest = format!("{}#{}", moment(self.pulled_at), self.source_object);
        if self.generation.is_empty() { newest } else { format!("{newest}#{}", self.generation) }
    }

    /// The header of its day, should it hold.
    pub fn pull(&self) -> Pull {
        let object = InputIdentity::path_token("", &self.source_object, &self.generation);
        Pull {
            newest: self.newest(),
            token: format!("{}-{object}", self.pulled_at.timestamp_micros()),
            customer_id: self.customer_id.clone(),
            pulled_at: self.pulled_at,
        }
    }
}

/// A row of a report, or several of one campaign together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CampaignFigures {
    /// The campaign's id; reports that people download need not have it.
    pub campaign_id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its kind.
    pub channel_type: Option<String>,
    /// The account's currency, where the report says so.
    pub currency: Option<String>,
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

/// A day of a customer as one report has it, devices and networks taken together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The account's time zone, where the report says so.
    pub time_zone: Option<String>,
    /// By id, else by name.
    pub campaigns: BTreeMap<String, CampaignFigures>,
}

impl Report {
    /// Adds a row; how many of its amounts had to be left out, because no decimal holds the sum.
    pub fn add(&mut self, time_zone: Option<&str>, row: CampaignFigures) -> u64 {
        self.time_zone = self.time_zone.take().max(time_zone.map(str::to_owned));
        let key = match &row.campaign_id {
            Some(id) => id.clone(),
            None => format!("name:{}", row.name.as_deref().unwrap_or_default()),
        };
        match self.campaigns.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(row);
                0
            }
            Entry::Occupied(mut entry) => entry.get_mut().add(row),
        }
    }

    /// Adds the rows of another file; as [`Self::add`].
    pub fn extend(&mut self, other: Self) -> u64 {
        let mut left_out = 0;
        for row in other.campaigns.into_values() {
            left_out += self.add(other.time_zone.as_deref(), row);
        }
        left_out
    }

    /// The account; none where the report does not know its time zone, for which alone one looks it up.
    pub fn account(&self, key: &ReportKey) -> Option<Account> {
        Some(Account {
            newest: key.newest(),
            customer_id: key.customer_id.clone(),
            currency: self.campaigns.values().filter_map(|row| row.currency.clone()).max(),
            time_zone: Some(self.time_zone.clone()?),
        })
    }
}

impl CampaignFigures {
    fn add(&mut self, other: Self) -> u64 {
        // Rows of a report say the same here; should they not, the choice is always the same.
        self.name = self.name.take().max(other.name);
        self.channel_type = self.channel_type.take().max(other.channel_type);
        self.currency = self.currency.take().max(other.currency);
        self.impressions = self.impressions.saturating_add(other.impressions);
        self.clicks = self.clicks.saturating_add(other.clicks);
        let mut left_out = 0;
        for (sum, amount) in [
            (&mut self.cost, other.cost),
            (&mut self.conversions, other.conversions),
            (&mut self.conversions_value, other.conversions_value),
        ] {
            match sum.checked_add(amount) {
                Some(added) => *sum = added.normalize(),
                None => left_out += 1,
            }
        }
        left_out
    }

    /// The content of the campaign's item.
    pub fn day(&self, key: &ReportKey) -> CampaignDay {
        CampaignDay {
            customer_id: key.customer_id.clone(),
            campaign_id: self.campaign_id.clone(),
            name: self.name.clone(),
            channel_type: self.channel_type.clone(),
            currency: currency(self.currency.as_deref()),
            cost: self.cost,
            impressions: self.impressions,
            clicks: self.clicks,
            conversions: self.conversions,
            conversions_value: self.conversions_value,
        }
    }

    /// What the dictionary of campaigns learns; none where there is no id, or no name for it.
    pub fn campaign(&self, key: &ReportKey) -> Option<Campaign> {
        Some(Campaign {
            newest: format!("{}#{}", key.date, key.newest()),
            customer_id: key.customer_id.clone(),
            campaign_id: self.campaign_id.clone()?,
            name: Some(self.name.clone()?),
            channel_type: self.channel_type.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(id: Option<&str>, cost: i64) -> CampaignFigures {
        CampaignFigures {
            campaign_id: id.map(str::to_owned),
            name: Some("Brand".to_owned()),
            cost: Decimal::new(cost, 2),
            clicks: 1,
            ..CampaignFigures::default()
        }
    }

    #[test]
    fn devices_and_networks_are_taken_together() {
        let mut report = Report::default();
        for row in [figures(Some("7"), 110), figures(Some("7"), 40), figures(None, 5)] {
            assert_eq!(report.add(None, row), 0);
        }
        assert_eq!(report.campaigns["7"].cost, Decimal::new(15, 1));
        assert_eq!(report.campaigns["7"].clicks, 2);
        assert_eq!(report.campaigns["name:Brand"].cost, Decimal::new(5, 2));
    }

    #[test]
    fn a_sum_that_no_decimal_holds_is_counted() {
        let mut report = Report::default();
        let huge = CampaignFigures { cost: Decimal::MAX, ..figures(Some("7"), 0) };
        report.add(None, huge.clone());
        assert_eq!(report.add(None, huge), 1);
        assert_eq!(report.campaigns["7"].cost, Decimal::MAX);
    }
}
