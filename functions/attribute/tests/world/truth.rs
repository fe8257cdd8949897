//! What is true of a world, from the list of its happenings alone: slow, simple, and by nothing that
//! `attribute` does.

use std::collections::{BTreeMap, BTreeSet};

use attribute::rule::Model;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use shared::attribution::advertising::{CampaignDay, Pull};
use shared::attribution::facts::Touch;
use shared::attribution::key::{CHANGED, Person};
use shared::attribution::order::AttributedOrder;
use shared::state::MemoryStore;

use super::{Happening, items};

/// An order that counts.
#[derive(Debug, PartialEq)]
pub struct TrueOrder {
    pub total: Decimal,
    pub ordered_at: DateTime<Utc>,
    customer: Option<String>,
    gclid: Option<String>,
}

/// The orders that count.
pub fn orders(world: &[Happening]) -> BTreeMap<String, TrueOrder> {
    let mut ids = BTreeSet::new();
    for happening in world {
        if let Happening::Change(change) = happening {
            ids.insert(change.order_id.clone());
        }
    }
    ids.into_iter().filter_map(|id| Some((id.clone(), order(world, &id)?))).collect()
}

fn order(world: &[Happening], id: &str) -> Option<TrueOrder> {
    let changes = world.iter().filter_map(|happening| match happening {
        Happening::Change(change) if change.order_id == id => Some(change),
        _ => None,
    });
    let deleted =
        changes.clone().filter(|change| change.is_deletion).map(|change| &change.sequence).max();
    let alive: Vec<_> = changes
        .clone()
        .filter(|change| !change.is_deletion && Some(&change.sequence) > deleted)
        .collect();
    alive.first()?;
    let value = |column: &str| {
        let told =
            alive.iter().filter_map(|change| Some((&change.sequence, change.columns.get(column)?)));
        told.max()?.1.clone()
    };
    let status = value("status").unwrap_or_default();
    if ["cancelled", "Refunded"].contains(&status.as_str()) {
        return None;
    }
    let ordered_at = value("ordered_at").map(|text| text.parse().unwrap());
    Some(TrueOrder {
        total: value("total").map_or(Decimal::ZERO, |total| total.parse().unwrap()),
        ordered_at: ordered_at
            .unwrap_or_else(|| changes.map(|change| change.committed_at).min().unwrap()),
        customer: value("customer_id"),
        gclid: value("gclid"),
    })
}

/// Everybody who is the same as a user, with their browsers.
fn names(world: &[Happening], user: &str) -> BTreeSet<Person> {
    let mut names = BTreeSet::from([Person::User(user.to_owned())]);
    loop {
        let before = names.len();
        for happening in world {
            let Happening::Link(one, other) = happening else { continue };
            for (from, to) in [(one, other), (other, one)] {
                if names.contains(from) && !matches!(from, Person::Anonymous(_)) {
                    names.insert(to.clone());
                }
            }
        }
        if names.len() == before {
            return names;
        }
    }
}

/// The click id and the message that an order is credited to, by a model that knows one touch.
fn credit(
    world: &[Happening],
    order: &TrueOrder,
    model: Model,
) -> Option<(Option<String>, String)> {
    let counts =
        |at: DateTime<Utc>| at > order.ordered_at - TimeDelta::days(3) && at <= order.ordered_at;
    let names = order.customer.as_ref().map(|customer| names(world, customer)).unwrap_or_default();
    let all: Vec<(&Person, &Touch)> = world
        .iter()
        .filter_map(|happening| match happening {
            Happening::Touch(person, touch) => Some((person, touch)),
            _ => None,
        })
        .collect();
    let mut paid: Vec<(DateTime<Utc>, String, Option<String>)> = Vec::new();
    for (person, touch) in &all {
        let is_paid = touch.gclid.is_some() || touch.medium.as_deref() != Some("email");
        if names.contains(person) && is_paid && counts(touch.at) {
            paid.push((touch.at, touch.message_id.clone(), touch.gclid.clone()));
        }
    }
    if let Some(own) = &order.gclid {
        let seen = all
            .iter()
            .filter(|(_, touch)| touch.gclid.as_ref() == Some(own))
            .map(|(_, touch)| touch.at)
            .min();
        let at = seen.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let is_there =
            paid.iter().any(|(time, _, gclid)| *time == at && gclid.as_ref() == Some(own));
        if seen.is_none_or(counts) && !is_there {
            paid.push((at, String::new(), Some(own.clone())));
        }
    }
    let credited =
        if model == Model::Last { paid.into_iter().max() } else { paid.into_iter().min() };
    credited.map(|(_, message, gclid)| (gclid, message))
}

/// Holds what came of a world against what is true of it.
pub fn hold(world: &[Happening], store: &MemoryStore, model: Model) {
    let truth = orders(world);
    let mut sums = (Decimal::ZERO, Decimal::ZERO);
    let mut found = BTreeSet::new();
    for item in items(store, "day#", "order#") {
        let day = item.key.subject.clone();
        let attributed: AttributedOrder = item.read().unwrap();
        let order = truth.get(&attributed.order_id).expect("only orders that count have a day");
        assert_eq!(day, format!("day#{}", order.ordered_at.date_naive()));
        assert!(found.insert(attributed.order_id.clone()), "an order has one day");
        for credit in &attributed.credits {
            sums = (sums.0 + credit.orders, sums.1 + credit.revenue);
            if let Some(gclid) = credit.touch.as_ref().and_then(|touch| touch.gclid.as_ref()) {
                let is_told = world.iter().any(
                    |happening| matches!(happening, Happening::Click(told, _) if told == gclid),
                );
                assert_eq!(credit.click.is_some(), is_told, "the click {gclid}");
            }
        }
        if model != Model::Linear {
            let [credited] = attributed.credits.as_slice() else { panic!("one credit") };
            let credited = credited.touch.clone().map(|touch| (touch.gclid, touch.message_id));
            assert_eq!(credited, credit(world, order, model), "{}", attributed.order_id);
        }
        assert_marked(store, &day["day#".len()..]);
    }
    for item in items(store, "day#", "idle#") {
        assert!(!truth.contains_key(&item.key.part["idle#".len()..]), "{:?} counts", item.key);
    }
    let totals: Decimal = truth.values().map(|order| order.total).sum();
    assert_eq!(sums, (Decimal::from(truth.len()), totals));
    hold_advertising(world, store);
}

fn hold_advertising(world: &[Happening], store: &MemoryStore) {
    let mut latest = BTreeMap::new();
    for happening in world {
        if let Happening::Report(key, report) = happening {
            let day = (key.date, key.customer_id.clone());
            let known = latest.entry(day).or_insert((key, report));
            if known.0.pulled_at < key.pulled_at {
                *known = (key, report);
            }
        }
    }
    let mut costs = BTreeMap::new();
    for ((date, customer), (_, report)) in &latest {
        for (campaign, figures) in &report.campaigns {
            costs.insert((date.to_string(), customer.clone(), campaign.clone()), figures.cost);
        }
    }
    let mut found = BTreeMap::new();
    for item in items(store, "ads#", "campaign#") {
        let date = item.key.subject["ads#".len()..].to_owned();
        assert_marked(store, &date);
        let day: CampaignDay = item.read().unwrap();
        found.insert((date, day.customer_id, day.campaign_id.unwrap()), day.cost);
    }
    assert_eq!(found, costs);
    let pulls: Vec<Pull> =
        items(store, "ads#", "pull#").into_iter().map(|item| item.read().unwrap()).collect();
    assert_eq!(pulls.len(), latest.len());
}

fn assert_marked(store: &MemoryStore, date: &str) {
    assert_eq!(items(store, CHANGED, date).len(), 1, "{date} is not marked");
}
