//! Which touches an order is credited to, and with how much: values in, values out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use shared::attribution::facts::{Click, Touch};
use shared::attribution::money::{SCALE, split, split_at};
use shared::attribution::order::{AttributedOrder, Credit};

use crate::order::Order;
use crate::rule::{Model, Rule};

/// Touches by one campaign that are so close to the first of them are one click.
const ONE_CLICK: TimeDelta = TimeDelta::minutes(30);

/// An item of the state has 400 KB. The latest clicks are kept, should anybody have more.
const MOST_CLICKS: usize = 100;

/// The touches that an order is credited to, the earliest first: none, or one, or with [`Model::Linear`]
/// many.
///
/// `own_click_seen_at` is when the click id that the shop has kept with the order was first seen.
pub fn credited_touches(
    order: &Order,
    touches: &[Touch],
    own_click_seen_at: Option<DateTime<Utc>>,
    rule: &Rule,
) -> Vec<Touch> {
    let counts =
        |touch: &&Touch| rule.is_in_window(touch.at, order.ordered_at) && rule.is_paid(touch);
    let mut candidates: BTreeSet<&Touch> = touches.iter().filter(counts).collect();
    let own = own_click(order, own_click_seen_at, rule);
    if let Some(own) = &own {
        // The touch itself says more than the click id alone.
        let is_there = |touch: &&Touch| touch.at == own.at && touch.gclid == own.gclid;
        if !candidates.iter().any(is_there) {
            candidates.insert(own);
        }
    }
    let credited: Vec<&Touch> = match rule.model {
        Model::Last => candidates.last().copied().into_iter().collect(),
        Model::First => candidates.first().copied().into_iter().collect(),
        Model::Linear => different_clicks(&candidates),
    };
    credited.into_iter().cloned().collect()
}

/// The click that the shop knows of, as a touch. Where nobody has seen it, it counts as the first in the
/// window: it led to the order, but whatever was seen came later.
fn own_click(order: &Order, seen_at: Option<DateTime<Utc>>, rule: &Rule) -> Option<Touch> {
    let gclid = order.gclid.clone()?;
    let at = match seen_at {
        Some(at) if rule.is_in_window(at, order.ordered_at) => at,
        Some(_) => return None,
        None => rule.window_start(order.ordered_at),
    };
    Some(Touch {
        at,
        message_id: String::new(),
        gclid: Some(gclid),
        campaign: None,
        source: None,
        medium: None,
    })
}

/// The earliest touch of each click. To leave out any other touch changes nothing, so touches may expire.
fn different_clicks<'a>(touches: &BTreeSet<&'a Touch>) -> Vec<&'a Touch> {
    let mut latest: HashMap<[Option<&str>; 4], DateTime<Utc>> = HashMap::new();
    let mut clicks = Vec::new();
    for touch in touches {
        let identity = identity(touch);
        let is_same =
            |first: &DateTime<Utc>| touch.gclid.is_some() || touch.at - *first <= ONE_CLICK;
        if latest.get(&identity).is_some_and(is_same) {
            continue;
        }
        latest.insert(identity, touch.at);
        clicks.push(*touch);
    }
    clicks.split_off(clicks.len().saturating_sub(MOST_CLICKS))
}

fn identity(touch: &Touch) -> [Option<&str>; 4] {
    match touch.gclid.as_deref() {
        Some(gclid) => [Some(gclid), None, None, None],
        None => [None, touch.campaign.as_deref(), touch.source.as_deref(), touch.medium.as_deref()],
    }
}

/// The order with its credits; none where it does not count. Without a touch it has one credit, to nobody.
pub fn attribute(
    order: &Order,
    credited: &[Touch],
    clicks: &BTreeMap<String, Click>,
    rule: &Rule,
) -> Option<AttributedOrder> {
    if !rule.counts(order.status.as_deref()) {
        return None;
    }
    let parts = credited.len().max(1);
    let shares = split_at(Decimal::ONE, parts, SCALE).into_iter().zip(split(order.total, parts));
    let mut credits = Vec::with_capacity(parts);
    for (number, (orders, revenue)) in shares.enumerate() {
        let touch = credited.get(number).cloned();
        let gclid = touch.as_ref().and_then(|touch| touch.gclid.as_ref());
        let click = gclid.and_then(|gclid| clicks.get(gclid)).cloned();
        credits.push(Credit { touch, click, orders, revenue });
    }
    Some(AttributedOrder {
        order_id: order.id.clone(),
        ordered_at: order.ordered_at,
        currency: order.currency.clone(),
        revenue: order.total,
        model: rule.model.name().to_owned(),
        window_days: rule.window_days,
        credits,
    })
}

#[cfg(test)]
#[path = "attribution_tests.rs"]
mod tests;
