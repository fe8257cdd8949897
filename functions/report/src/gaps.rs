//! What a report does not know: each in one line.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use shared::contract::contracts;

use crate::figures::{AppliedRule, Figures, applied_rules};
use crate::performance::Terms;
use crate::period::Period;
use crate::runs::DatasetRuns;
use crate::text::{NO_CURRENCY, currency_name, day, money, rule, several, share};

/// The datasets that the report rests on.
pub const DATASETS: [&str; 8] = [
    "segment.pages",
    "segment.tracks",
    "segment.identifies",
    "segment.aliases",
    "shop.orders",
    "shop.customers",
    "google_ads.campaign_daily",
    "google_ads.click_view",
];

/// The one of them that need not come: many shops say by `identify` alone who is whom.
const MAY_BE_SILENT: &str = "segment.aliases";

/// What the gaps are told from.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The report's days.
    pub period: Period,
    /// When the report is made.
    pub now: DateTime<Utc>,
    /// What holds for all rows.
    pub terms: &'a Terms,
    /// The figures, one for each currency.
    pub figures: &'a [Figures],
    /// The runs of the datasets.
    pub sources: &'a [(&'static str, DatasetRuns)],
    /// Days that have changed and that there was no time to compute.
    pub dates_left: u64,
}

/// What is not known, the gravest first.
pub fn gaps(known: Known<'_>) -> Vec<String> {
    let mut gaps = Vec::new();
    for (dataset, runs) in known.sources {
        gaps.extend(lateness(dataset, runs, known));
        gaps.extend(losses(dataset, runs, known.period));
    }
    if known.dates_left > 0 {
        let days = several(known.dates_left, "day has", "days have");
        gaps.push(format!(
            "{days} changed and could not be computed in time; the next refresh goes on."
        ));
    }
    let rules = applied_rules(known.figures, known.terms);
    gaps.extend(of_rules(&rules, known.terms));
    let window_days = rules.iter().map(|rule| rule.window_days).max().unwrap_or_default();
    for figures in known.figures {
        gaps.extend(of_revenue(figures, window_days));
    }
    gaps.extend(of_currencies(known));
    if known.now < known.period.ends_at(known.terms.time_zone) {
        gaps.push(format!("{} is not over yet.", day(known.period.to)));
    }
    gaps
}

/// Whether a dataset is behind what its contract promises. For days long gone it is enough that data came
/// after them.
fn lateness(dataset: &str, runs: &DatasetRuns, known: Known<'_>) -> Option<String> {
    if dataset == MAY_BE_SILENT {
        return None;
    }
    let Some(latest) = runs.latest else {
        return Some(format!("{dataset}: nothing has come yet."));
    };
    let promised = TimeDelta::minutes(i64::from(latency_minutes(dataset)?));
    let needed = known.now.min(known.period.ends_at(known.terms.time_zone));
    if needed - latest <= promised {
        return None;
    }
    Some(format!(
        "{dataset} is late: nothing came after {}, which is {} ago; its contract promises {}.",
        latest.format("%-d %b %Y %H:%M UTC"),
        span(known.now - latest),
        span(promised),
    ))
}

fn latency_minutes(dataset: &str) -> Option<u32> {
    let contract = contracts().iter().find(|contract| contract.dataset() == dataset)?;
    contract.latency_minutes
}

/// What of a dataset did not come through.
fn losses(dataset: &str, runs: &DatasetRuns, period: Period) -> Option<String> {
    let mut losses = Vec::new();
    for (count, one, many) in [
        // Some may have been released since.
        (runs.held, "run was held", "runs were held"),
        (runs.failed, "run failed", "runs failed"),
        (runs.quarantined, "input in quarantine", "inputs in quarantine"),
        (runs.quarantined_rows, "row in quarantine", "rows in quarantine"),
    ] {
        if count > 0 {
            losses.push(several(count, one, many));
        }
    }
    if losses.is_empty() {
        return None;
    }
    let at_least = if runs.has_more { "at least " } else { "" };
    Some(format!("{dataset}: {at_least}{} since {}.", losses.join(", "), day(period.from)))
}

/// Orders that were attributed by another rule than is set now.
fn of_rules(rules: &BTreeSet<AppliedRule>, terms: &Terms) -> Option<String> {
    let set = AppliedRule::set(terms);
    let others = rules.iter().filter(|applied| **applied != set);
    let others: Vec<String> =
        others.map(|applied| rule(&applied.model, applied.window_days)).collect();
    if others.is_empty() {
        return None;
    }
    Some(format!(
        "Orders of before the setting was changed are credited to {}, and not to {}: until their days are recomputed.",
        others.join(", or to "),
        rule(&set.model, set.window_days),
    ))
}

fn of_revenue(figures: &Figures, window_days: u32) -> Vec<String> {
    let totals = &figures.totals;
    let currency = &figures.currency;
    let mut gaps = Vec::new();
    if !totals.unattributed.is_zero() {
        gaps.push(format!(
            "{} of the revenue ({}) is unattributed: the customer came by no campaign in the {} before the order.",
            share(totals.unattributed, totals.revenue),
            money(totals.unattributed, currency),
            several(u64::from(window_days), "day", "days"),
        ));
    }
    if !totals.unknown_clicks.is_zero() {
        gaps.push(format!(
            "{} of the revenue ({}) came by clicks whose campaign Google Ads has not reported yet.",
            share(totals.unknown_clicks, totals.revenue),
            money(totals.unknown_clicks, currency),
        ));
    }
    if !totals.without_cost.is_zero() && totals.cost > Decimal::ZERO {
        gaps.push(format!(
            "{} came by campaigns outside Google Ads, whose cost is not known here: the ROAS of all campaigns together is too high by that.",
            money(totals.without_cost, currency),
        ));
    }
    gaps
}

fn of_currencies(known: Known<'_>) -> Vec<String> {
    let mut gaps = Vec::new();
    let rates = &known.terms.rates;
    for Figures { currency, .. } in known.figures {
        if currency == NO_CURRENCY {
            gaps.push(
                "The currency of some orders or accounts is not known; they are kept apart."
                    .to_owned(),
            );
        } else if let Some(to) = rates.currency().filter(|to| *to != currency) {
            let from = currency_name(currency);
            gaps.push(format!("There is no exchange rate from {from} to {to} for some days; they are kept apart in {from}."));
        }
    }
    if rates.unreadable_lines() > 0 {
        let lines = several(rates.unreadable_lines(), "line", "lines");
        gaps.push(format!("{lines} of the exchange rates cannot be read."));
    }
    gaps
}

/// A time in the unit that fits: `40 minutes`, `31 hours`, `5 days`.
fn span(time: TimeDelta) -> String {
    let count = |count: i64| count.unsigned_abs();
    if time < TimeDelta::hours(2) {
        several(count(time.num_minutes()), "minute", "minutes")
    } else if time <= TimeDelta::hours(48) {
        several(count(time.num_hours()), "hour", "hours")
    } else {
        several(count(time.num_days()), "day", "days")
    }
}
