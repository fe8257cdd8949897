//! Changes of orders into the state, before anything is made of them.

use std::collections::{BTreeMap, BTreeSet};

use shared::attribution::key::{self, Person, click_subject, order_part};
use shared::attribution::order::OrderState;
use shared::state::{Item, ItemKey, Replacement, Store, StoreError};

use crate::concurrency::all;
use crate::order::{OrderChange, merge};
use crate::rounds::{AttributionError, Rounds};

/// Orders whose states are read together.
const ORDERS_AT_ONCE: usize = 100;

type ChangesByOrder<'a> = BTreeMap<ItemKey, Vec<&'a OrderChange>>;

/// Adds changes to the states of their orders; how often somebody else was faster.
pub(crate) async fn write<S: Store>(
    store: &S,
    changes: &[OrderChange],
) -> Result<u64, AttributionError> {
    let mut by_order: ChangesByOrder<'_> = BTreeMap::new();
    for change in changes {
        by_order.entry(key::order(&change.order_id)).or_default().push(change);
    }
    let orders: Vec<ItemKey> = by_order.keys().cloned().collect();
    let mut conflicts = 0;
    for chunk in orders.chunks(ORDERS_AT_ONCE) {
        let mut pending = chunk.to_vec();
        let mut rounds = Rounds::default();
        while !pending.is_empty() {
            rounds.next(pending.len()).await?;
            pending = round(store, &by_order, pending).await?;
            conflicts += pending.len() as u64;
        }
    }
    Ok(conflicts)
}

/// Writes states; those orders that somebody else wrote meanwhile.
async fn round<S: Store>(
    store: &S,
    changes: &ChangesByOrder<'_>,
    orders: Vec<ItemKey>,
) -> Result<Vec<ItemKey>, StoreError> {
    let mut states: BTreeMap<ItemKey, OrderState> = BTreeMap::new();
    for item in store.get_all(&orders).await? {
        states.insert(item.key.clone(), item.read()?);
    }
    let mut writes = Vec::with_capacity(orders.len());
    for order in orders {
        let known = states.remove(&order);
        let mut state = known.clone().unwrap_or_default();
        for change in changes.get(&order).into_iter().flatten() {
            merge(&mut state, change);
        }
        if known.as_ref() == Some(&state) {
            continue;
        }
        state.version += 1;
        let replacement = Replacement {
            item: Item::of(order.clone(), &state)?,
            over: known.map(|known| known.version),
            puts: Vec::new(),
            deletes: Vec::new(),
        };
        writes.push(async move {
            let is_written = store.replace(replacement).await?;
            Ok::<_, StoreError>((!is_written).then_some(order))
        });
    }
    Ok(all(writes).await?.into_iter().flatten().collect())
}

/// The ways from customers and click ids to their orders. A change that has been superseded tells of
/// them as well: what is there then depends on no order of things, and to look once too often does no
/// harm.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    /// The items.
    pub(crate) items: BTreeSet<ItemKey>,
    /// Customers.
    pub(crate) customers: BTreeSet<Person>,
    /// Click ids.
    pub(crate) gclids: BTreeSet<String>,
}

impl Ways {
    /// Those of some changes.
    pub(crate) fn of(changes: &[OrderChange]) -> Self {
        let mut ways = Self::default();
        for change in changes {
            let part = order_part(&change.order_id);
            if let Some(customer) = change.value("customer_id") {
                let customer = Person::User(customer.to_owned());
                ways.items.insert(ItemKey::new(customer.to_string(), part.clone()));
                ways.customers.insert(customer);
            }
            if let Some(gclid) = change.value("gclid") {
                ways.items.insert(ItemKey::new(click_subject(gclid), part));
                ways.gclids.insert(gclid.to_owned());
            }
        }
        ways
    }
}
