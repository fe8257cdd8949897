//! Which campaign a credit belongs to.

use shared::attribution::facts::{Click, Touch};
use shared::attribution::order::Credit;

use super::channel::{self, PAID_OTHER};
use super::dictionary::Dictionary;

/// The key of orders without a touch.
pub const UNATTRIBUTED: &str = "unattributed";

/// The key of clicks of Google Ads whose campaign is not known: Google reports them hours later.
pub const UNKNOWN_CLICK: &str = "google_ads/unknown";

/// A campaign: what its rows are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignIdentity {
    /// Names it.
    pub key: String,
    /// `google_ads`, `utm` or `unattributed`.
    pub source: &'static str,
    /// The customer of Google Ads.
    pub customer_id: Option<String>,
    /// The id in Google Ads.
    pub campaign_id: Option<String>,
    /// What it is called.
    pub name: Option<String>,
    /// Its channel.
    pub channel: &'static str,
}

impl CampaignIdentity {
    /// A campaign of Google Ads.
    pub fn of_google(
        customer: &str,
        id: &str,
        name: Option<&str>,
        channel_type: Option<&str>,
    ) -> Self {
        Self {
            key: format!("google_ads/{customer}/{id}"),
            source: "google_ads",
            customer_id: Some(customer.to_owned()),
            campaign_id: Some(id.to_owned()),
            name: name.map(str::to_owned),
            channel: channel::of_google(channel_type),
        }
    }

    /// A campaign of Google Ads of which a report tells the name alone.
    pub fn of_google_by_name(
        customer: &str,
        name: Option<&str>,
        channel_type: Option<&str>,
    ) -> Self {
        Self {
            key: format!("google_ads/{customer}/name:{}", name.unwrap_or("(none)")),
            source: "google_ads",
            customer_id: Some(customer.to_owned()),
            campaign_id: None,
            name: name.map(str::to_owned),
            channel: channel::of_google(channel_type),
        }
    }

    /// The campaign that a credit is owed to.
    pub fn credited(credit: &Credit, dictionary: &Dictionary) -> Self {
        let Some(touch) = &credit.touch else { return Self::unattributed() };
        if let Some(Click { customer_id, campaign_id: Some(id), .. }) = &credit.click {
            return dictionary.campaign(customer_id, id);
        }
        let name = said(touch.campaign.as_deref());
        let has_click = said(touch.gclid.as_deref()).is_some();
        let is_google = has_click || names_google(touch);
        if let Some(known) = name.filter(|_| is_google).and_then(|name| dictionary.named(name)) {
            return known;
        }
        if has_click { Self::unknown_click() } else { Self::of_address(touch) }
    }

    fn unattributed() -> Self {
        Self {
            key: UNATTRIBUTED.to_owned(),
            source: "unattributed",
            customer_id: None,
            campaign_id: None,
            name: None,
            channel: channel::UNATTRIBUTED,
        }
    }

    fn unknown_click() -> Self {
        Self {
            key: UNKNOWN_CLICK.to_owned(),
            source: "google_ads",
            customer_id: None,
            campaign_id: None,
            name: None,
            channel: PAID_OTHER,
        }
    }

    /// What the address of a page says. A slash in the source is written otherwise in the key, so that
    /// one key is one source and one campaign.
    fn of_address(touch: &Touch) -> Self {
        let source = said(touch.source.as_deref());
        let name = said(touch.campaign.as_deref());
        let source_in_key = source.unwrap_or("(none)").replace('%', "%25").replace('/', "%2F");
        let key = format!("utm/{source_in_key}/{}", name.unwrap_or("(none)")).to_lowercase();
        Self {
            key,
            source: "utm",
            customer_id: None,
            campaign_id: None,
            name: name.map(str::to_owned),
            channel: channel::of_address(source, touch.medium.as_deref()),
        }
    }
}

fn names_google(touch: &Touch) -> bool {
    touch.source.as_deref().is_some_and(|source| source.to_lowercase().contains("google"))
}

/// A parameter's value, unless it is blank.
fn said(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}
