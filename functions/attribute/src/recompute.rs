//! Results: an order, and what follows for it from all that is known now.
//!
//! What is read comes first and last: the orders' states with their versions, then everybody's links,
//! touches and clicks. A result is written only over the version that was read, together with the item
//! of its day. Then everything is read once more: an order is done when a whole reading changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use shared::attribution::facts::{Click, Touch};
use shared::attribution::key::{self, click, click_subject};
use shared::attribution::order::{AttributedOrder, CreditedTouches, OrderState};
use shared::state::{Item, ItemKey, Replacement, Store, StoreError};

use crate::attribution::{attribute, credited_touches};
use crate::concurrency::all;
use crate::counts::Counts;
use crate::marks::Marks;
use crate::order::Order;
use crate::rounds::{AttributionError, Rounds};
use crate::rule::Rule;
use crate::{identity, touches};

/// Orders whose states are read together.
const ORDERS_AT_ONCE: usize = 200;

/// What computes results needs.
pub(crate) struct Recomputation<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) rule: &'a Rule,
    pub(crate) marks: &'a Marks,
}

/// What became of an order in a round.
enum Outcome {
    Unchanged,
    Written(ItemKey),
    Lost(ItemKey),
}

/// An order as it was read.
struct Held {
    key: ItemKey,
    state: OrderState,
    order: Option<Order>,
}

/// What is known of a customer, whatever the order.
#[derive(Default)]
struct Journey {
    touches: Vec<Touch>,
    /// When click ids that the shop knows were first seen.
    seen_at: BTreeMap<String, DateTime<Utc>>,
}

impl<S: Store> Recomputation<'_, S> {
    /// Computes orders, given as their keys name them, until they stand.
    pub(crate) async fn of(&self, orders: BTreeSet<String>) -> Result<Counts, AttributionError> {
        let mut counts = Counts::default();
        let orders: Vec<ItemKey> = orders.iter().map(|order| key::order(order)).collect();
        for chunk in orders.chunks(ORDERS_AT_ONCE) {
            let mut pending = chunk.to_vec();
            let mut rounds = Rounds::default();
            while !pending.is_empty() {
                rounds.next(pending.len()).await?;
                let outcomes = self.round(&pending).await?;
                pending.clear();
                for outcome in outcomes {
                    match outcome {
                        Outcome::Unchanged => {}
                        Outcome::Written(key) => {
                            counts.attributed_orders += 1;
                            pending.push(key);
                        }
                        Outcome::Lost(key) => {
                            counts.conflicts += 1;
                            pending.push(key);
                        }
                    }
                }
            }
        }
        Ok(counts)
    }

    async fn round(&self, orders: &[ItemKey]) -> Result<Vec<Outcome>, StoreError> {
        let mut customers: BTreeMap<Option<String>, Vec<Held>> = BTreeMap::new();
        for item in self.store.get_all(orders).await? {
            let key = item.key.clone();
            let state: OrderState = item.read()?;
            let order = Order::of(&state);
            let customer = order.as_ref().and_then(|order| order.customer.clone());
            customers.entry(customer).or_default().push(Held { key, state, order });
        }
        let mut work = Vec::with_capacity(customers.len());
        for (customer, held) in customers {
            work.push(self.customer(customer, held));
        }
        Ok(all(work).await?.into_iter().flatten().collect())
    }

    /// Computes orders of one customer, or of nobody who is known.
    async fn customer(
        &self,
        customer: Option<String>,
        held: Vec<Held>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let journey = self.journey(customer.as_deref(), &held).await?;
        let credited: Vec<Vec<Touch>> =
            held.iter().map(|held| self.credited(held, &journey)).collect();
        let clicks = self.clicks(&credited).await?;
        let mut writes = Vec::with_capacity(held.len());
        for (held, credited) in held.into_iter().zip(credited) {
            writes.push(self.write(held, credited, &journey, &clicks));
        }
        all(writes).await
    }

    async fn journey(&self, customer: Option<&str>, held: &[Held]) -> Result<Journey, StoreError> {
        let orders: Vec<&Order> = held.iter().filter_map(|held| held.order.as_ref()).collect();
        let mut journey = Journey::default();
        let times = orders.iter().map(|order| order.ordered_at);
        if let (Some(customer), Some(first), Some(last)) =
            (customer, times.clone().min(), times.max())
        {
            let from = self.rule.window_start(first);
            let names = identity::names_of(self.store, customer).await?;
            journey.touches = touches::of(self.store, names, from, last).await?;
        }
        let gclids: BTreeSet<&str> =
            orders.iter().filter_map(|order| order.gclid.as_deref()).collect();
        let mut reads = Vec::with_capacity(gclids.len());
        for gclid in gclids {
            reads.push(async move {
                Ok::<_, StoreError>((gclid, touches::first_of_click(self.store, gclid).await?))
            });
        }
        for (gclid, first) in all(reads).await? {
            journey.seen_at.extend(first.map(|first| (gclid.to_owned(), first)));
        }
        Ok(journey)
    }

    /// The touches that an order is credited to: of those that are there, and of those that were
    /// credited before and may have expired since.
    fn credited(&self, held: &Held, journey: &Journey) -> Vec<Touch> {
        let Some(order) = &held.order else { return Vec::new() };
        let mut touches = journey.touches.clone();
        let before = credited_before(&held.state, order);
        touches.extend(before.iter().filter(|touch| !touch.message_id.is_empty()).cloned());
        credited_touches(order, &touches, own_click_seen_at(held, order, journey), self.rule)
    }

    async fn clicks(&self, credited: &[Vec<Touch>]) -> Result<BTreeMap<String, Click>, StoreError> {
        let gclids: BTreeSet<&str> =
            credited.iter().flatten().filter_map(|touch| touch.gclid.as_deref()).collect();
        let keys: Vec<ItemKey> = gclids.iter().map(|gclid| click(gclid)).collect();
        let mut by_subject: BTreeMap<String, Click> = BTreeMap::new();
        for item in self.store.get_all(&keys).await? {
            by_subject.insert(item.key.subject.clone(), item.read()?);
        }
        let known = |gclid: &&str| {
            let click = by_subject.get(&click_subject(gclid))?;
            Some(((*gclid).to_owned(), click.clone()))
        };
        Ok(gclids.iter().filter_map(known).collect())
    }

    async fn write(
        &self,
        held: Held,
        credited: Vec<Touch>,
        journey: &Journey,
        clicks: &BTreeMap<String, Click>,
    ) -> Result<Outcome, StoreError> {
        let Held { key, state, order } = &held;
        let mut next = state.clone();
        next.attributed = order.as_ref().and_then(|order| {
            let clicks = with_those_of_before(clicks, state, &credited);
            attribute(order, &credited, &clicks, self.rule)
        });
        let seen_at = order.as_ref().and_then(|order| own_click_seen_at(&held, order, journey));
        next.credited = order.as_ref().and_then(|order| kept(order, credited, seen_at));
        next.idle_on = idle_on(order.as_ref(), next.attributed.as_ref());
        if next == *state {
            return Ok(Outcome::Unchanged);
        }
        next.version += 1;
        let mut replacement = Replacement {
            item: Item::of(key.clone(), &next)?,
            over: Some(state.version),
            puts: Vec::new(),
            deletes: Vec::new(),
        };
        let (old, new) = (Place::of(state), Place::of(&next));
        if old != new || next.attributed != state.attributed {
            let days: BTreeSet<NaiveDate> =
                [&old, &new].into_iter().flatten().map(|place| place.day).collect();
            self.marks.mark(self.store, days).await?;
            replacement.deletes.extend(old.filter(|old| Some(old) != new.as_ref()).map(Place::key));
            if let Some(place) = new {
                replacement.puts.push(match &next.attributed {
                    Some(attributed) => Item::of(place.key(), attributed)?,
                    None => Item::bare(place.key()),
                });
            }
        }
        let is_written = self.store.replace(replacement).await?;
        Ok(if is_written { Outcome::Written(held.key) } else { Outcome::Lost(held.key) })
    }
}

/// Where an order is found among those of its day.
#[derive(PartialEq)]
struct Place {
    day: NaiveDate,
    part: String,
}

impl Place {
    /// The place of an order; none where it was deleted.
    fn of(state: &OrderState) -> Option<Self> {
        if let Some(attributed) = &state.attributed {
            let part = key::order_part(&state.order_id);
            return Some(Self { day: attributed.ordered_at.date_naive(), part });
        }
        Some(Self { day: state.idle_on?, part: key::idle_part(&state.order_id) })
    }

    fn key(self) -> ItemKey {
        ItemKey::new(key::day_subject(self.day), self.part)
    }
}

/// The day of an order that is there and does not count.
fn idle_on(order: Option<&Order>, attributed: Option<&AttributedOrder>) -> Option<NaiveDate> {
    let idle = order.filter(|_| attributed.is_none())?;
    Some(idle.ordered_at.date_naive())
}

/// The touches that the order was credited to, if it has not become another customer's.
fn credited_before<'a>(state: &'a OrderState, order: &Order) -> &'a [Touch] {
    match &state.credited {
        Some(credited) if credited.customer == order.customer => &credited.touches,
        _ => &[],
    }
}

/// When the click id of the order was first seen, also where that has expired since it was credited.
fn own_click_seen_at(held: &Held, order: &Order, journey: &Journey) -> Option<DateTime<Utc>> {
    let gclid = order.gclid.as_ref()?;
    let before = credited_before(&held.state, order).iter();
    let before = before.filter(|touch| touch.gclid.as_ref() == Some(gclid)).map(|touch| touch.at);
    journey.seen_at.get(gclid).copied().or(before.min())
}

/// What the order keeps of its credits. It does so also while it is cancelled, so that it can come back.
/// A click that nobody has seen is the order's own; its place in time was none.
fn kept(
    order: &Order,
    mut credited: Vec<Touch>,
    own_click_seen_at: Option<DateTime<Utc>>,
) -> Option<CreditedTouches> {
    credited.retain(|touch| !touch.message_id.is_empty() || own_click_seen_at.is_some());
    let customer = order.customer.clone();
    (!credited.is_empty()).then_some(CreditedTouches { customer, touches: credited })
}

/// Clicks that are there, and those that the order was credited with before and that may have expired
/// since.
fn with_those_of_before(
    clicks: &BTreeMap<String, Click>,
    state: &OrderState,
    credited: &[Touch],
) -> BTreeMap<String, Click> {
    let mut known = BTreeMap::new();
    for credit in state.attributed.iter().flat_map(|attributed| &attributed.credits) {
        let gclid = credit.touch.as_ref().and_then(|touch| touch.gclid.clone());
        known.extend(gclid.zip(credit.click.clone()));
    }
    for gclid in credited.iter().filter_map(|touch| touch.gclid.as_ref()) {
        known.extend(clicks.get(gclid).map(|click| (gclid.clone(), click.clone())));
    }
    known
}
