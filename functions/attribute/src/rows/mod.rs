//! The datasets that are read, and what their rows say.

mod google_ads;
mod segment;
mod shop;

use arrow_array::RecordBatch;

use crate::columns::RowError;
use crate::facts::Facts;

/// A dataset that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataset {
    /// What people did.
    Tracks,
    /// Which pages they saw.
    Pages,
    /// Who they said they are.
    Identifies,
    /// Which of two names is the other.
    Aliases,
    /// The shop's customers.
    Customers,
    /// The shop's orders.
    Orders,
    /// What campaigns cost.
    CampaignDaily,
    /// Clicks with their ids.
    ClickView,
}

impl Dataset {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Tracks,
        Self::Pages,
        Self::Identifies,
        Self::Aliases,
        Self::Customers,
        Self::Orders,
        Self::CampaignDaily,
        Self::ClickView,
    ];

    /// The dataset of a name; none where it is not read.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dataset| dataset.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tracks => "segment.tracks",
            Self::Pages => "segment.pages",
            Self::Identifies => "segment.identifies",
            Self::Aliases => "segment.aliases",
            Self::Customers => "shop.customers",
            Self::Orders => "shop.orders",
            Self::CampaignDaily => "google_ads.campaign_daily",
            Self::ClickView => "google_ads.click_view",
        }
    }

    /// The columns of it that are read.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Tracks | Self::Pages => &segment::TOUCH_COLUMNS,
            Self::Identifies => &segment::IDENTIFY_COLUMNS,
            Self::Aliases => &segment::ALIAS_COLUMNS,
            Self::Customers => &shop::CUSTOMER_COLUMNS,
            Self::Orders => &shop::ORDER_COLUMNS,
            Self::CampaignDaily => &google_ads::CAMPAIGN_COLUMNS,
            Self::ClickView => &google_ads::CLICK_COLUMNS,
        }
    }

    /// Whether its rows can be read in parts. A report replaces a day as a whole, so it is read as one.
    pub fn is_read_in_parts(self) -> bool {
        self != Self::CampaignDaily
    }

    /// Adds what rows say.
    pub fn collect(self, rows: &RecordBatch, facts: &mut Facts) -> Result<(), RowError> {
        match self {
            Self::Tracks | Self::Pages => segment::touches(rows, facts),
            Self::Identifies => segment::identifies(rows, facts),
            Self::Aliases => segment::aliases(rows, facts),
            Self::Customers => shop::customers(rows, facts),
            Self::Orders => shop::orders(rows, facts),
            Self::CampaignDaily => google_ads::campaigns(rows, facts),
            Self::ClickView => google_ads::clicks(rows, facts),
        }
    }
}

#[cfg(test)]
mod tests;
