//! What a day's campaigns cost and earned, from what the state knows: values in, values out.

mod channel;
mod dictionary;
mod identity;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use shared::attribution::advertising::CampaignDay;
use shared::attribution::money::SCALE;
use shared::attribution::order::{AttributedOrder, Credit};
use shared::attribution::performance::{Dating, PerformanceRow};

use crate::rates::Rates;

pub use dictionary::{Dictionary, Zones};
pub use identity::{CampaignIdentity, UNATTRIBUTED, UNKNOWN_CLICK};

/// What holds for all rows.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The report's time zone: it dates what belongs to no account.
    pub time_zone: Tz,
    /// Exchange rates.
    pub rates: Rates,
    /// The model: `last`, `first` or `linear`.
    pub model: String,
    /// The look-back window in days.
    pub window_days: u32,
}

/// What is known of a local day.
#[derive(Debug, Clone, Copy)]
pub struct Day<'a> {
    /// The day.
    pub date: NaiveDate,
    /// The orders of the UTC day and of its neighbours; those of other local days are passed over.
    pub orders: &'a [&'a [AttributedOrder]],
    /// What was advertised on the day, of the reports that hold.
    pub advertising: &'a [CampaignDay],
}

/// The rows of a day, in the order of currency and key. Those that say nothing are left out.
pub fn performance(
    day: Day<'_>,
    dictionary: &Dictionary,
    terms: &Terms,
    as_of: DateTime<Utc>,
) -> Vec<PerformanceRow> {
    let mut rows = Rows { date: day.date, terms, as_of, by_key: BTreeMap::new() };
    for line in day.advertising {
        rows.advertise(line, dictionary);
    }
    for order in day.orders.iter().copied().flatten() {
        for credit in &order.credits {
            rows.credit(order, credit, dictionary);
        }
    }
    rows.finish()
}

/// How the orders of a UTC day are dated.
pub fn dating(orders: &[AttributedOrder], dictionary: &Dictionary, terms: &Terms) -> Dating {
    let mut dated = Vec::with_capacity(orders.len());
    for order in orders {
        for credit in &order.credits {
            let campaign = CampaignIdentity::credited(credit, dictionary);
            let day = local_date(order, &campaign, dictionary, terms);
            dated.push((order.order_id.as_str(), day));
        }
    }
    Dating::of(&dated)
}

/// The day, in its campaign's calendar, that a credit belongs to.
fn local_date(
    order: &AttributedOrder,
    to: &CampaignIdentity,
    dictionary: &Dictionary,
    terms: &Terms,
) -> NaiveDate {
    let account = to.customer_id.as_deref().and_then(|customer| dictionary.time_zone(customer));
    order.ordered_at.with_timezone(&account.unwrap_or(terms.time_zone)).date_naive()
}

struct Rows<'a> {
    date: NaiveDate,
    terms: &'a Terms,
    as_of: DateTime<Utc>,
    by_key: BTreeMap<(String, String), PerformanceRow>,
}

impl Rows<'_> {
    fn advertise(&mut self, line: &CampaignDay, dictionary: &Dictionary) {
        let currency = dictionary.currency(line);
        let row = self.row(dictionary.advertised(line), &currency);
        row.cost = row.cost.saturating_add(line.cost);
        row.impressions = row.impressions.saturating_add(line.impressions);
        row.clicks = row.clicks.saturating_add(line.clicks);
        row.conversions = row.conversions.saturating_add(line.conversions);
        row.conversions_value = row.conversions_value.saturating_add(line.conversions_value);
    }

    fn credit(&mut self, order: &AttributedOrder, credit: &Credit, dictionary: &Dictionary) {
        let campaign = CampaignIdentity::credited(credit, dictionary);
        if local_date(order, &campaign, dictionary, self.terms) != self.date {
            return;
        }
        let terms = self.terms;
        let row = self.row(campaign, &order.currency);
        row.orders = row.orders.saturating_add(credit.orders);
        row.revenue = row.revenue.saturating_add(credit.revenue);
        name_rule(row, (order.model.as_str(), order.window_days), terms);
    }

    fn row(&mut self, campaign: CampaignIdentity, currency: &str) -> &mut PerformanceRow {
        match self.by_key.entry((currency.to_owned(), campaign.key.clone())) {
            Entry::Vacant(place) => {
                place.insert(empty(self.date, campaign, currency, self.terms, self.as_of))
            }
            Entry::Occupied(place) => {
                let row = place.into_mut();
                // The address of a page is written in several ways: the first in the order of text stands,
                // whichever came first.
                if campaign.source == "utm" {
                    row.campaign = row.campaign.take().into_iter().chain(campaign.name).min();
                    if campaign.channel < row.channel.as_str() {
                        campaign.channel.clone_into(&mut row.channel);
                    }
                }
                row
            }
        }
    }

    fn finish(self) -> Vec<PerformanceRow> {
        let mut finished: BTreeMap<(String, String), PerformanceRow> = BTreeMap::new();
        for mut row in self.by_key.into_values() {
            self.terms.rates.convert(&mut row);
            let key = (row.currency.clone(), row.campaign_key.clone());
            match finished.get_mut(&key) {
                Some(same) => add(same, &row, self.terms),
                None => {
                    finished.insert(key, row);
                }
            }
        }
        let mut rows: Vec<PerformanceRow> = finished.into_values().collect();
        rows.retain(|row| !row.is_nothing());
        for row in &mut rows {
            row.roas = roas(row.revenue, row.cost);
        }
        rows
    }
}

fn empty(
    date: NaiveDate,
    campaign: CampaignIdentity,
    currency: &str,
    terms: &Terms,
    as_of: DateTime<Utc>,
) -> PerformanceRow {
    PerformanceRow {
        date,
        currency: currency.to_owned(),
        campaign_key: campaign.key,
        source: campaign.source.to_owned(),
        customer_id: campaign.customer_id,
        campaign_id: campaign.campaign_id,
        campaign: campaign.name,
        channel: campaign.channel.to_owned(),
        cost: Decimal::ZERO,
        impressions: 0,
        clicks: 0,
        conversions: Decimal::ZERO,
        conversions_value: Decimal::ZERO,
        orders: Decimal::ZERO,
        revenue: Decimal::ZERO,
        roas: None,
        model: terms.model.clone(),
        window_days: terms.window_days,
        as_of,
    }
}

/// Has a row name the rule that its orders were attributed by. Where they were by several, it names one that
/// is not what is set, and of several such the first in the order of text: so the difference shows.
fn name_rule(row: &mut PerformanceRow, (model, window_days): (&str, u32), terms: &Terms) {
    let is_set = |model: &str, days: u32| model == terms.model && days == terms.window_days;
    let is_first = (model, window_days) < (row.model.as_str(), row.window_days);
    if !is_set(model, window_days) && (is_first || is_set(&row.model, row.window_days)) {
        model.clone_into(&mut row.model);
        row.window_days = window_days;
    }
}

/// Adds the amounts of the same campaign that were in another currency.
fn add(row: &mut PerformanceRow, other: &PerformanceRow, terms: &Terms) {
    name_rule(row, (other.model.as_str(), other.window_days), terms);
    row.cost = row.cost.saturating_add(other.cost);
    row.impressions = row.impressions.saturating_add(other.impressions);
    row.clicks = row.clicks.saturating_add(other.clicks);
    row.conversions = row.conversions.saturating_add(other.conversions);
    row.conversions_value = row.conversions_value.saturating_add(other.conversions_value);
    row.orders = row.orders.saturating_add(other.orders);
    row.revenue = row.revenue.saturating_add(other.revenue);
}

/// Revenue by cost to the sixth digit, where there is a cost.
pub fn roas(revenue: Decimal, cost: Decimal) -> Option<Decimal> {
    if cost <= Decimal::ZERO {
        return None;
    }
    revenue.checked_div(cost).map(|roas| roas.round_dp(SCALE).normalize())
}
