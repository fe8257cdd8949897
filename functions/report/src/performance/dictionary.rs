//! What is known of campaigns and accounts, whatever the day.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use shared::attribution::advertising::{Account, Campaign, CampaignDay};

use super::identity::CampaignIdentity;
use crate::text::NO_CURRENCY;

/// A campaign of Google Ads: customer and id.
type GoogleCampaign = (String, String);

/// The time zones that days are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zones {
    /// The report's, for what belongs to no account.
    pub report: String,
    /// Those of accounts, by customer.
    pub accounts: BTreeMap<String, String>,
}

/// Campaigns and accounts, to look them up by.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    campaigns: BTreeMap<GoogleCampaign, Campaign>,
    /// By name or id, in lower case; names need not be one campaign's alone.
    by_text: BTreeMap<String, BTreeSet<GoogleCampaign>>,
    accounts: BTreeMap<String, Account>,
}

impl Dictionary {
    /// A dictionary of campaigns and accounts.
    pub fn new(campaigns: Vec<Campaign>, accounts: Vec<Account>) -> Self {
        let mut dictionary = Self::default();
        for campaign in campaigns {
            let key = (campaign.customer_id.clone(), campaign.campaign_id.clone());
            let names = [campaign.name.as_deref(), Some(campaign.campaign_id.as_str())];
            for name in names.into_iter().flatten().map(folded).filter(|name| !name.is_empty()) {
                dictionary.by_text.entry(name).or_default().insert(key.clone());
            }
            dictionary.campaigns.insert(key, campaign);
        }
        for account in accounts {
            dictionary.accounts.insert(account.customer_id.clone(), account);
        }
        dictionary
    }

    /// The time zone of an account, where it is known.
    pub fn time_zone(&self, customer: &str) -> Option<Tz> {
        self.accounts.get(customer)?.time_zone.as_deref()?.parse().ok()
    }

    /// All time zones, with that of the report.
    pub fn zones(&self, report: Tz) -> Zones {
        let mut accounts = BTreeMap::new();
        for customer in self.accounts.keys() {
            if let Some(zone) = self.time_zone(customer) {
                accounts.insert(customer.clone(), zone.name().to_owned());
            }
        }
        Zones { report: report.name().to_owned(), accounts }
    }

    /// A campaign of Google Ads by its id, as it was last called.
    pub fn campaign(&self, customer: &str, id: &str) -> CampaignIdentity {
        let known = self.campaigns.get(&(customer.to_owned(), id.to_owned()));
        let name = known.and_then(|campaign| campaign.name.as_deref());
        let channel_type = known.and_then(|campaign| campaign.channel_type.as_deref());
        CampaignIdentity::of_google(customer, id, name, channel_type)
    }

    /// The one campaign that a text names, by name or id; none where it is no campaign's or several'.
    pub fn named(&self, text: &str) -> Option<CampaignIdentity> {
        let found = self.by_text.get(&folded(text))?;
        let (customer, id) = found.first().filter(|_| found.len() == 1)?;
        Some(self.campaign(customer, id))
    }

    /// The campaign that a line of a report is about.
    pub fn advertised(&self, day: &CampaignDay) -> CampaignIdentity {
        let customer = day.customer_id.as_str();
        let name = day.name.as_deref();
        let id = day.campaign_id.clone().or_else(|| self.id_by_name(customer, name?));
        let Some(id) = id else {
            return CampaignIdentity::of_google_by_name(
                customer,
                name,
                day.channel_type.as_deref(),
            );
        };
        if self.campaigns.contains_key(&(customer.to_owned(), id.clone())) {
            return self.campaign(customer, &id);
        }
        CampaignIdentity::of_google(customer, &id, name, day.channel_type.as_deref())
    }

    /// The currency of a line of a report: the account's, where the report does not say.
    pub fn currency(&self, day: &CampaignDay) -> String {
        let account = self.accounts.get(&day.customer_id);
        match account.and_then(|account| account.currency.clone()) {
            Some(currency) if day.currency == NO_CURRENCY => currency,
            _ => day.currency.clone(),
        }
    }

    /// The one campaign of an account that has this name.
    fn id_by_name(&self, customer: &str, name: &str) -> Option<String> {
        let named = self.by_text.get(&folded(name))?;
        let mut found = named.iter().filter(|key| {
            key.0 == customer
                && self.campaigns[*key].name.as_deref().map(folded) == Some(folded(name))
        });
        let (_, id) = found.next()?;
        found.next().is_none().then(|| id.clone())
    }
}

/// A name as it is compared.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(customer: &str, id: &str, name: &str) -> Campaign {
        Campaign {
            newest: String::new(),
            customer_id: customer.to_owned(),
            campaign_id: id.to_owned(),
            name: Some(name.to_owned()),
            channel_type: Some("SEARCH".to_owned()),
        }
    }

    fn line(customer: &str, id: Option<&str>, name: Option<&str>) -> CampaignDay {
        CampaignDay {
            customer_id: customer.to_owned(),
            campaign_id: id.map(str::to_owned),
            name: name.map(str::to_owned),
            currency: NO_CURRENCY.to_owned(),
            ..CampaignDay::default()
        }
    }

    fn dictionary() -> Dictionary {
        let campaigns = vec![
            campaign("1", "11", "Brand"),
            campaign("1", "12", "Sale"),
            campaign("2", "21", "Sale"),
            campaign("2", "22", "Twice"),
            campaign("2", "23", "twice"),
        ];
        let account = Account {
            newest: String::new(),
            customer_id: "1".to_owned(),
            currency: Some("CHF".to_owned()),
            time_zone: Some("Europe/Zurich".to_owned()),
        };
        Dictionary::new(campaigns, vec![account])
    }

    #[test]
    fn a_text_names_one_campaign_or_none() {
        let key = |text| dictionary().named(text).map(|found| found.key);
        assert_eq!(key(" brand").as_deref(), Some("google_ads/1/11"));
        assert_eq!(key("22").as_deref(), Some("google_ads/2/22"));
        assert_eq!(key("Sale"), None);
        assert_eq!(key("unheard"), None);
    }

    #[test]
    fn a_line_without_an_id_finds_it_by_its_name() {
        let key = |customer, id, name| dictionary().advertised(&line(customer, id, name)).key;
        assert_eq!(key("1", Some("12"), None), "google_ads/1/12");
        assert_eq!(key("1", None, Some("SALE")), "google_ads/1/12");
        assert_eq!(key("2", None, Some("Twice")), "google_ads/2/name:Twice");
        assert_eq!(key("3", None, Some("Brand")), "google_ads/3/name:Brand");
        assert_eq!(key("3", None, None), "google_ads/3/name:(none)");
        // The name last heard stands, whatever the line says.
        let renamed = dictionary().advertised(&line("1", Some("11"), Some("Old")));
        assert_eq!(renamed.name.as_deref(), Some("Brand"));
    }

    #[test]
    fn an_account_says_what_its_reports_do_not() {
        assert_eq!(dictionary().currency(&line("1", None, None)), "CHF");
        assert_eq!(dictionary().currency(&line("2", None, None)), NO_CURRENCY);
        assert_eq!(dictionary().time_zone("1"), Some(chrono_tz::Europe::Zurich));
        assert_eq!(dictionary().time_zone("2"), None);
    }
}
