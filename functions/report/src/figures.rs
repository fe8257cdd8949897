//! The figures of a report: performance added up by currency, by campaign and by day.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use shared::attribution::performance::PerformanceRow;

use crate::performance::{Terms, UNATTRIBUTED, UNKNOWN_CLICK, roas};
use crate::period::{Period, before};
use crate::text::visible;

/// Longer periods are shown by week.
const MOST_DAYS_ONE_BY_ONE: i64 = 92;

/// A report's figures in one currency.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The currency.
    pub currency: String,
    /// All of it.
    pub totals: Totals,
    /// By campaign: the largest revenue first, the unattributed last.
    pub campaigns: Vec<CampaignFigures>,
    /// By day, or by week, in their order and without gaps.
    pub steps: Vec<StepFigures>,
    /// Whether the steps are weeks.
    pub is_by_week: bool,
    /// The rules that orders were attributed by.
    pub rules: BTreeSet<AppliedRule>,
}

/// A rule that orders were attributed by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppliedRule {
    /// The model: `last`, `first` or `linear`.
    pub model: String,
    /// The look-back window in days.
    pub window_days: u32,
}

impl AppliedRule {
    /// The rule that is set.
    pub fn set(terms: &Terms) -> Self {
        Self { model: terms.model.clone(), window_days: terms.window_days }
    }
}

/// The rules that the orders of all figures were attributed by; without orders, the one that is set.
pub fn applied_rules(figures: &[Figures], terms: &Terms) -> BTreeSet<AppliedRule> {
    let mut rules: BTreeSet<AppliedRule> =
        figures.iter().flat_map(|figures| &figures.rules).cloned().collect();
    if rules.is_empty() {
        rules.insert(AppliedRule::set(terms));
    }
    rules
}

/// Sums of everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Of all orders.
    pub revenue: Decimal,
    /// Of orders without a touch.
    pub unattributed: Decimal,
    /// Of clicks whose campaign is not known.
    pub unknown_clicks: Decimal,
    /// Of campaigns that nobody tells the cost of.
    pub without_cost: Decimal,
    /// What was paid.
    pub cost: Decimal,
    /// How many orders.
    pub orders: Decimal,
    /// How often advertisements were seen.
    pub impressions: i64,
    /// How often they were clicked.
    pub clicks: i64,
    /// Conversions as Google counts them.
    pub conversions: Decimal,
}

impl Totals {
    /// The revenue that campaigns are credited with.
    pub fn attributed(&self) -> Decimal {
        self.revenue.saturating_sub(self.unattributed)
    }

    /// Attributed revenue by cost.
    pub fn roas(&self) -> Option<Decimal> {
        roas(self.attributed(), self.cost)
    }

    fn add(&mut self, row: &PerformanceRow) {
        add(&mut self.revenue, row.revenue);
        match row.campaign_key.as_str() {
            UNATTRIBUTED => add(&mut self.unattributed, row.revenue),
            UNKNOWN_CLICK => add(&mut self.unknown_clicks, row.revenue),
            _ if row.source == "utm" => add(&mut self.without_cost, row.revenue),
            _ => {}
        }
        add(&mut self.cost, row.cost);
        add(&mut self.orders, row.orders);
        self.impressions = self.impressions.saturating_add(row.impressions);
        self.clicks = self.clicks.saturating_add(row.clicks);
        add(&mut self.conversions, row.conversions);
    }
}

/// A campaign's sums.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignFigures {
    /// The campaign: its row of the latest day, which has the name last heard.
    pub latest: PerformanceRow,
    /// What was paid.
    pub cost: Decimal,
    /// How often an advertisement was seen.
    pub impressions: i64,
    /// How often one was clicked.
    pub clicks: i64,
    /// Conversions as Google counts them.
    pub conversions: Decimal,
    /// Orders credited.
    pub orders: Decimal,
    /// Their revenue.
    pub revenue: Decimal,
}

impl CampaignFigures {
    /// Revenue by cost.
    pub fn roas(&self) -> Option<Decimal> {
        roas(self.revenue, self.cost)
    }

    /// Whether these are the orders without a touch.
    pub fn is_unattributed(&self) -> bool {
        self.latest.campaign_key == UNATTRIBUTED
    }

    /// What the campaign is called.
    pub fn name(&self) -> String {
        match self.latest.campaign_key.as_str() {
            UNATTRIBUTED => "Unattributed".to_owned(),
            UNKNOWN_CLICK => "Google Ads, click not reported yet".to_owned(),
            key => {
                let last = key.rsplit('/').next().unwrap_or(key);
                let id = self.latest.campaign_id.as_ref().map(|id| format!("Campaign {id}"));
                visible(self.latest.campaign.as_ref().or(id.as_ref()).map_or(last, String::as_str))
            }
        }
    }

    /// Adds another campaign's sums.
    pub fn absorb(&mut self, other: &Self) {
        add(&mut self.cost, other.cost);
        self.impressions = self.impressions.saturating_add(other.impressions);
        self.clicks = self.clicks.saturating_add(other.clicks);
        add(&mut self.conversions, other.conversions);
        add(&mut self.orders, other.orders);
        add(&mut self.revenue, other.revenue);
    }

    fn of(row: &PerformanceRow) -> Self {
        Self {
            latest: row.clone(),
            cost: Decimal::ZERO,
            impressions: 0,
            clicks: 0,
            conversions: Decimal::ZERO,
            orders: Decimal::ZERO,
            revenue: Decimal::ZERO,
        }
    }

    fn add(&mut self, row: &PerformanceRow) {
        if row.date > self.latest.date {
            self.latest = row.clone();
        }
        add(&mut self.cost, row.cost);
        self.impressions = self.impressions.saturating_add(row.impressions);
        self.clicks = self.clicks.saturating_add(row.clicks);
        add(&mut self.conversions, row.conversions);
        add(&mut self.orders, row.orders);
        add(&mut self.revenue, row.revenue);
    }
}

/// A day's or a week's sums.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFigures {
    /// The day, or the week's first day within the period.
    pub from: NaiveDate,
    /// Revenue that campaigns are credited with.
    pub attributed: Decimal,
    /// The other revenue.
    pub unattributed: Decimal,
    /// What was paid.
    pub cost: Decimal,
}

/// The figures of a period, one for each currency; that with the most orders first.
pub fn figures(rows: &[PerformanceRow], period: Period) -> Vec<Figures> {
    let mut by_currency: BTreeMap<&str, Vec<&PerformanceRow>> = BTreeMap::new();
    for row in rows {
        by_currency.entry(&row.currency).or_default().push(row);
    }
    let mut figures = Vec::with_capacity(by_currency.len());
    for (currency, rows) in by_currency {
        figures.push(of_currency(currency, &rows, period));
    }
    figures.sort_by_key(|figures| Reverse(figures.totals.orders));
    figures
}

fn of_currency(currency: &str, rows: &[&PerformanceRow], period: Period) -> Figures {
    let mut totals = Totals::default();
    let mut campaigns: BTreeMap<&str, CampaignFigures> = BTreeMap::new();
    for row in rows {
        totals.add(row);
        let campaign =
            campaigns.entry(&row.campaign_key).or_insert_with(|| CampaignFigures::of(row));
        campaign.add(row);
    }
    let mut campaigns: Vec<CampaignFigures> = campaigns.into_values().collect();
    campaigns.sort_by(|one, other| {
        let by_place = one.is_unattributed().cmp(&other.is_unattributed());
        by_place
            .then_with(|| other.revenue.cmp(&one.revenue))
            .then_with(|| other.cost.cmp(&one.cost))
            .then_with(|| one.latest.campaign_key.cmp(&other.latest.campaign_key))
    });
    let with_orders = rows.iter().filter(|row| !row.orders.is_zero());
    let rules = with_orders
        .map(|row| AppliedRule { model: row.model.clone(), window_days: row.window_days });
    let is_by_week = period.len() > MOST_DAYS_ONE_BY_ONE;
    Figures {
        currency: currency.to_owned(),
        totals,
        campaigns,
        steps: steps(rows, period, is_by_week),
        is_by_week,
        rules: rules.collect(),
    }
}

fn steps(rows: &[&PerformanceRow], period: Period, is_by_week: bool) -> Vec<StepFigures> {
    let first_of = |day: NaiveDate| {
        if !is_by_week {
            return day;
        }
        before(day, u64::from(day.weekday().num_days_from_monday())).max(period.from)
    };
    let mut steps: BTreeMap<NaiveDate, StepFigures> = BTreeMap::new();
    for from in period.days().map(first_of) {
        steps.entry(from).or_insert_with(|| StepFigures {
            from,
            attributed: Decimal::ZERO,
            unattributed: Decimal::ZERO,
            cost: Decimal::ZERO,
        });
    }
    for row in rows {
        let Some(step) = steps.get_mut(&first_of(row.date)) else { continue };
        if row.campaign_key == UNATTRIBUTED {
            add(&mut step.unattributed, row.revenue);
        } else {
            add(&mut step.attributed, row.revenue);
        }
        add(&mut step.cost, row.cost);
    }
    steps.into_values().collect()
}

/// Adds an amount; beyond 28 digits, which is no money, a sum stays where it is.
fn add(sum: &mut Decimal, amount: Decimal) {
    *sum = sum.saturating_add(amount);
}
