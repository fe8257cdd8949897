//! Taking in facts: they are written, then the orders are found that they may bear on, then these are
//! computed.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use shared::attribution::key::{
    self, IDLE_ORDERS, ORDERS, Person, all_with, day_subject, has_ordered, links, moment, name,
};
use shared::state::{Item, ItemKey, Store, StoreError};

use crate::changes::{self, Ways};
use crate::concurrency::{ITEMS_AT_ONCE, all, read_all};
use crate::counts::Counts;
use crate::facts::Facts;
use crate::marks::Marks;
use crate::recompute::Recomputation;
use crate::rounds::AttributionError;
use crate::rule::Rule;
use crate::{advertising, identity, links, touches};

/// Attribution: its state, and the rule.
#[derive(Debug)]
pub struct Attribution<S> {
    store: S,
    rule: Rule,
    touch_retention: TimeDelta,
}

/// What may bear on orders.
#[derive(Debug, Default)]
struct Affected {
    /// Orders themselves, as their keys name them.
    orders: BTreeSet<String>,
    /// Persons who have orders, or may be somebody who has.
    persons: BTreeSet<Person>,
}

impl<S: Store> Attribution<S> {
    /// Attribution by a rule. Touches, clicks and links expire so many days after they happened.
    pub fn new(store: S, rule: Rule, touch_retention_days: u32) -> Self {
        let touch_retention = TimeDelta::days(i64::from(touch_retention_days));
        Self { store, rule, touch_retention }
    }

    /// The state.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Takes in facts. When this is done, every result is what follows from them and from all that was
    /// taken in before; when it fails, it can be done again.
    pub async fn learn(&self, facts: &Facts) -> Result<Counts, AttributionError> {
        let marks = Marks::default();
        let mut counts = facts.counts();
        counts.conflicts += changes::write(&self.store, &facts.changes).await?;
        self.write_ways(facts).await?;
        self.write_touches(facts).await?;
        links::write(&self.store, &facts.links, self.touch_retention).await?;
        self.write_clicks(facts).await?;
        counts.campaign_days += advertising::write(&self.store, &facts.reports, &marks).await?;
        let orders = self.affected(facts).await?;
        counts += self.recompute(orders, &marks).await?;
        Ok(counts)
    }

    /// Attributes every order of a UTC day again, also those that do not count: the rule may be another.
    pub async fn recompute_day(&self, date: NaiveDate) -> Result<Counts, AttributionError> {
        let mut orders = BTreeSet::new();
        for kind in [ORDERS, IDLE_ORDERS] {
            let (first, last) = all_with(kind);
            for item in self.store.query(&day_subject(date), &first, &last).await? {
                orders.extend(item.key.part.strip_prefix(kind).map(str::to_owned));
            }
        }
        self.recompute(orders, &Marks::default()).await
    }

    async fn recompute(
        &self,
        orders: BTreeSet<String>,
        marks: &Marks,
    ) -> Result<Counts, AttributionError> {
        Recomputation { store: &self.store, rule: &self.rule, marks }.of(orders).await
    }

    async fn write_ways(&self, facts: &Facts) -> Result<(), StoreError> {
        let Ways { items, customers, gclids } = Ways::of(&facts.changes);
        let markers =
            customers.iter().map(has_ordered).chain(gclids.iter().map(|id| key::ordered(id)));
        self.put_missing(markers.collect()).await?;
        self.put(items.into_iter().map(Item::bare).collect()).await
    }

    async fn write_touches(&self, facts: &Facts) -> Result<(), StoreError> {
        let mut items = Vec::with_capacity(facts.touches.len());
        let mut seen: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
        for (person, touch) in &facts.touches {
            let expires_at = self.expires_at(touch.at);
            items.push(Item::of(touch.key(person), touch)?.expiring(expires_at));
            if let Some(key) = touch.key_under_click(person) {
                items.push(Item::bare(key).expiring(expires_at));
            }
            if let Some(gclid) = touch.gclid.as_deref() {
                let latest = seen.entry(gclid).or_insert(touch.at);
                *latest = touch.at.max(*latest);
            }
        }
        self.write_touched(seen).await?;
        self.put(items).await
    }

    /// Marks click ids that somebody was seen with. A mark stays as long as the latest of the touches that
    /// it stands for, in whatever order they come.
    async fn write_touched(&self, seen: BTreeMap<&str, DateTime<Utc>>) -> Result<(), StoreError> {
        let mut puts = Vec::with_capacity(seen.len());
        for (gclid, latest) in seen {
            let newest = AttributeValue::S(moment(not_to_come(latest)));
            let mut mark = Item::bare(key::touched(gclid)).expiring(self.expires_at(latest));
            mark.attributes.insert("newest".to_owned(), newest);
            puts.push(self.store.put_newest(mark));
        }
        all(puts).await?;
        Ok(())
    }

    async fn write_clicks(&self, facts: &Facts) -> Result<(), StoreError> {
        let mut items = Vec::with_capacity(facts.clicks.len());
        for (gclid, click) in &facts.clicks {
            let expires_at = self.expires_at(click.date.and_time(NaiveTime::MIN).and_utc());
            items.push(Item::of(key::click(gclid), click)?.expiring(expires_at));
        }
        self.put(items).await
    }

    /// The orders that facts may bear on. Everything that leads to them is there by now, for whoever
    /// writes it does so before reading facts.
    async fn affected(&self, facts: &Facts) -> Result<BTreeSet<String>, StoreError> {
        let mut affected = Affected::default();
        let changed = facts.changes.iter().map(|change| name(&change.order_id));
        affected.orders.extend(changed);
        for (one, other) in &facts.links {
            // What a browser did becomes somebody's; for other browsers nothing changes.
            let ends = [one, other].into_iter().filter(|end| !matches!(end, Person::Anonymous(_)));
            affected.persons.extend(ends.cloned());
        }
        self.affected_by_touches(facts, &mut affected).await?;
        self.affected_by_clicks(facts, &mut affected).await?;
        let Affected { mut orders, persons } = affected;
        orders.extend(identity::orders_of(&self.store, persons).await?);
        Ok(orders)
    }

    async fn affected_by_touches(
        &self,
        facts: &Facts,
        affected: &mut Affected,
    ) -> Result<(), StoreError> {
        let persons = facts.touches.iter().map(|(person, _)| person.clone()).collect();
        affected.persons.extend(self.known_among(persons).await?);
        let gclids = facts.touches.iter().filter_map(|(_, touch)| touch.gclid.as_deref());
        for of_click in self.of_clicks(gclids, &[key::ordered]).await? {
            affected.orders.extend(of_click.orders);
        }
        Ok(())
    }

    async fn affected_by_clicks(
        &self,
        facts: &Facts,
        affected: &mut Affected,
    ) -> Result<(), StoreError> {
        let gclids = facts.clicks.keys().map(String::as_str);
        let mut persons = BTreeSet::new();
        for of_click in self.of_clicks(gclids, &[key::ordered, key::touched]).await? {
            affected.orders.extend(of_click.orders);
            persons.extend(of_click.persons);
        }
        affected.persons.extend(self.known_among(persons).await?);
        Ok(())
    }

    /// Those of some persons of whom anything but touches is known. Most visitors are nobody's customer,
    /// and a hundred are asked for at once.
    async fn known_among(
        &self,
        mut persons: BTreeSet<Person>,
    ) -> Result<BTreeSet<Person>, StoreError> {
        let keys = persons.iter().flat_map(|person| [links(person), has_ordered(person)]);
        let found = self.found_among(keys.collect()).await?;
        persons.retain(|person| {
            found.contains(&links(person)) || found.contains(&has_ordered(person))
        });
        Ok(persons)
    }

    /// What click ids lead to, of those that have one of some markers.
    async fn of_clicks(
        &self,
        gclids: impl Iterator<Item = &str>,
        markers: &[fn(&str) -> ItemKey],
    ) -> Result<Vec<touches::OfClick>, StoreError> {
        let mut gclids: BTreeSet<&str> = gclids.collect();
        let keys = gclids.iter().flat_map(|gclid| markers.iter().map(|marker| marker(gclid)));
        let found = self.found_among(keys.collect()).await?;
        gclids.retain(|gclid| markers.iter().any(|marker| found.contains(&marker(gclid))));
        all(gclids.into_iter().map(|gclid| touches::of_click(&self.store, gclid)).collect()).await
    }

    /// Those of some items that there are.
    async fn found_among(&self, keys: Vec<ItemKey>) -> Result<BTreeSet<ItemKey>, StoreError> {
        Ok(read_all(&self.store, keys).await?.into_iter().map(|item| item.key).collect())
    }

    /// Writes markers, which say nothing and stay, where there are none.
    async fn put_missing(&self, keys: Vec<ItemKey>) -> Result<(), StoreError> {
        let found = self.found_among(keys.clone()).await?;
        let missing = keys.into_iter().filter(|key| !found.contains(key));
        self.put(missing.map(Item::bare).collect()).await
    }

    async fn put(&self, mut items: Vec<Item>) -> Result<(), StoreError> {
        let mut puts = Vec::with_capacity(items.len() / ITEMS_AT_ONCE + 1);
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(ITEMS_AT_ONCE));
            puts.push(self.store.put_all(std::mem::replace(&mut items, rest)));
        }
        all(puts).await?;
        Ok(())
    }

    /// When what happened at a moment is forgotten, in Unix seconds.
    fn expires_at(&self, at: DateTime<Utc>) -> i64 {
        not_to_come(at).timestamp().saturating_add(self.touch_retention.num_seconds())
    }
}

/// A moment, or now: what a device says of a later day, its clock has made up, and nothing stays for that
/// long.
fn not_to_come(at: DateTime<Utc>) -> DateTime<Utc> {
    at.min(Utc::now())
}
