//! A small world: what happens in it, and what each happening says to `attribute`.

#![allow(dead_code)] // Each of the tests uses a part of it.

pub mod generate;
pub mod truth;
pub mod unsteady;

use std::collections::BTreeMap;

use attribute::facts::Facts;
use attribute::order::OrderChange;
use attribute::reports::{CampaignFigures, Report, ReportKey};
use attribute::rule::{Model, Rule, list};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use shared::attribution::facts::{Click, Touch};
use shared::attribution::key::{CHANGED, Person, moment};
use shared::state::{Item, ItemKey, MemoryStore};

/// Days that touches are kept for.
pub const RETENTION_DAYS: u32 = 60;

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    Touch(Person, Touch),
    Link(Person, Person),
    Change(OrderChange),
    Click(String, Click),
    Report(ReportKey, Report),
}

impl Happening {
    pub fn tell(&self, facts: &mut Facts) {
        match self.clone() {
            Self::Touch(person, touch) => {
                facts.touches.insert((person, touch));
            }
            Self::Link(one, other) => facts.link(one, other),
            Self::Change(change) => facts.changes.push(change),
            Self::Click(gclid, click) => {
                facts.clicks.insert(gclid, click);
            }
            Self::Report(key, report) => {
                facts.reports.insert(key, report);
            }
        }
    }
}

/// What some happenings say.
pub fn facts(happenings: &[Happening]) -> Facts {
    let mut facts = Facts::default();
    for happening in happenings {
        happening.tell(&mut facts);
    }
    facts
}

pub fn rule(model: Model) -> Rule {
    Rule {
        model,
        window_days: 3,
        cancelled_statuses: list("cancelled,refunded"),
        unpaid_mediums: list("email"),
    }
}

pub fn person(subject: &str) -> Person {
    Person::of(subject).expect("a person's subject")
}

/// A moment of the world: so many hours after its beginning. It is past, as what is yet to come expires by
/// the clock.
pub fn hour(hours: i64) -> DateTime<Utc> {
    let beginning: DateTime<Utc> = "2025-11-01T00:00:00Z".parse().unwrap();
    beginning + TimeDelta::hours(hours)
}

pub fn touch(hours: i64, message_id: &str, gclid: Option<&str>) -> Touch {
    Touch {
        at: hour(hours),
        message_id: message_id.to_owned(),
        gclid: gclid.map(str::to_owned),
        // Without either it were no touch.
        campaign: gclid.is_none().then(|| "Brand".to_owned()),
        source: None,
        medium: None,
    }
}

/// A change with the columns that it tells of; an empty value is null.
pub fn change(order: &str, sequence: i64, told: &[(&str, &str)]) -> OrderChange {
    let told = told.iter().map(|(column, value)| {
        ((*column).to_owned(), Some(*value).filter(|value| !value.is_empty()).map(str::to_owned))
    });
    OrderChange {
        order_id: order.to_owned(),
        sequence: format!("{sequence:04}"),
        committed_at: hour(sequence),
        is_deletion: false,
        columns: told.collect(),
    }
}

pub fn deletion(order: &str, sequence: i64) -> OrderChange {
    OrderChange { is_deletion: true, ..change(order, sequence, &[]) }
}

/// An order of a customer, placed at an hour.
pub fn placed(order: &str, customer: &str, at: i64, total: &str) -> OrderChange {
    let ordered_at = moment(hour(at));
    let told =
        [("customer_id", customer), ("total", total), ("currency", "EUR"), ("status", "paid")];
    let mut change = change(order, at, &told);
    change.columns.insert("ordered_at".to_owned(), Some(ordered_at));
    change
}

pub fn click(gclid: &str) -> Click {
    Click {
        customer_id: "1".to_owned(),
        campaign_id: Some(format!("of {gclid}")),
        date: hour(0).date_naive(),
    }
}

/// A report of a day, pulled at an hour: campaigns with what they cost in cents.
pub fn report(customer: &str, day: i64, pulled: i64, campaigns: &[(&str, i64)]) -> Happening {
    let key = ReportKey {
        customer_id: customer.to_owned(),
        date: hour(day * 24).date_naive(),
        pulled_at: hour(pulled),
        source_object: format!("google_ads/{pulled}"),
        generation: String::new(),
    };
    let mut report = Report::default();
    for (campaign, cents) in campaigns {
        let figures = CampaignFigures {
            campaign_id: Some((*campaign).to_owned()),
            name: Some(format!("{campaign} at {pulled}")),
            currency: Some("EUR".to_owned()),
            cost: Decimal::new(*cents, 2),
            ..CampaignFigures::default()
        };
        report.add(Some("Europe/Berlin"), figures);
    }
    Happening::Report(key, report)
}

/// Everything that is known and follows from it, but not how often it was written.
pub fn state(store: &MemoryStore) -> BTreeMap<ItemKey, BTreeMap<String, AttributeValue>> {
    let mut state = BTreeMap::new();
    for mut item in store.items() {
        item.attributes.remove("version");
        if item.key.part == "links" {
            // Links count from when they were learnt, which is now.
            item.attributes.remove("expires_at");
            item.attributes.values_mut().for_each(|learnt| *learnt = AttributeValue::Null(true));
        }
        if item.key.subject != CHANGED {
            state.insert(item.key, item.attributes.into_iter().collect());
        }
    }
    state
}

/// The items whose subject and part begin with some text.
pub fn items(store: &MemoryStore, subject: &str, part: &str) -> Vec<Item> {
    let mut items = store.items();
    items.retain(|item| item.key.subject.starts_with(subject) && item.key.part.starts_with(part));
    items
}
