//! Orders, put together from their changes in whatever order these come.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use shared::attribution::order::{Dated, OrderState};
use shared::attribution::performance::within_days;

/// The columns of an order that are kept.
pub const COLUMNS: [&str; 6] =
    ["customer_id", "status", "currency", "total", "gclid", "ordered_at"];

/// Bytes of a currency's code. ISO 4217 has three letters, and shops have others; what is longer is none.
const LONGEST_CURRENCY: usize = 16;

/// A change of an order, as the shop's database made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChange {
    /// The order's id.
    pub order_id: String,
    /// Orders all changes of an order; it compares as text.
    pub sequence: String,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
    /// Whether the order was deleted by it.
    pub is_deletion: bool,
    /// The columns that it tells of, with their values as text; a deletion tells of none.
    pub columns: BTreeMap<String, Option<String>>,
}

impl OrderChange {
    /// A column's value, where the change tells of it and it is not null.
    pub fn value(&self, column: &str) -> Option<&str> {
        self.columns.get(column)?.as_deref()
    }
}

/// Adds a change to what is known of its order. The outcome is the same in whatever order, and however
/// often, changes are added.
pub fn merge(state: &mut OrderState, change: &OrderChange) {
    state.order_id.clone_from(&change.order_id);
    if state.sequence < change.sequence {
        state.sequence.clone_from(&change.sequence);
    }
    let earliest = state
        .first_committed_at
        .map_or(change.committed_at, |known| known.min(change.committed_at));
    state.first_committed_at = Some(earliest);
    if change.is_deletion && state.deleted.as_ref() < Some(&change.sequence) {
        state.deleted = Some(change.sequence.clone());
    }
    if !change.is_deletion {
        for (column, value) in &change.columns {
            tell(&mut state.columns, column, &change.sequence, value.as_ref());
        }
    }
    let deleted = state.deleted.as_ref();
    state.columns.retain(|_, told| Some(&told.sequence) > deleted);
}

fn tell(
    columns: &mut BTreeMap<String, Dated>,
    column: &str,
    sequence: &str,
    value: Option<&String>,
) {
    let told = Dated { sequence: sequence.to_owned(), value: value.cloned() };
    // Of two changes with one sequence, the larger value stands: any choice will do that is always the
    // same.
    if columns.get(column).is_none_or(|known| *known < told) {
        columns.insert(column.to_owned(), told);
    }
}

/// An order as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// The customer's pseudonym.
    pub customer: Option<String>,
    /// Its state.
    pub status: Option<String>,
    /// ISO 4217; `XXX` where the shop does not say.
    pub currency: String,
    /// What the customer pays.
    pub total: Decimal,
    /// The click id that the shop has kept with it.
    pub gclid: Option<String>,
    /// When it was placed. Where the shop does not say, or names a moment that no report can be of, when its
    /// first change was committed.
    pub ordered_at: DateTime<Utc>,
}

impl Order {
    /// The order that a state describes; none where it was deleted.
    pub fn of(state: &OrderState) -> Option<Self> {
        if state.deleted.as_ref() >= Some(&state.sequence) {
            return None;
        }
        let value = |column: &str| state.columns.get(column).and_then(|told| told.value.as_deref());
        let told: Option<DateTime<Utc>> = value("ordered_at").and_then(|text| text.parse().ok());
        let told = told.filter(|at| within_days(*at) == *at);
        Some(Self {
            id: state.order_id.clone(),
            customer: value("customer_id").map(str::to_owned),
            status: value("status").map(str::to_owned),
            currency: currency(value("currency")),
            total: value("total").and_then(|text| text.parse().ok()).unwrap_or_default(),
            gclid: value("gclid").map(str::to_owned),
            ordered_at: told.or(state.first_committed_at).map(within_days)?,
        })
    }
}

/// A currency's code in capitals, or that of no currency.
pub fn currency(code: Option<&str>) -> String {
    match code.map(|code| code.trim().to_uppercase()) {
        Some(code) if (1..=LONGEST_CURRENCY).contains(&code.len()) => code,
        _ => "XXX".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn change(sequence: &str, told: &[(&str, Option<&str>)]) -> OrderChange {
        OrderChange {
            order_id: "1".to_owned(),
            sequence: sequence.to_owned(),
            committed_at: "2026-11-23T10:00:00Z".parse().unwrap(),
            is_deletion: false,
            columns: told
                .iter()
                .map(|(column, value)| ((*column).to_owned(), value.map(str::to_owned)))
                .collect(),
        }
    }

    fn deletion(sequence: &str) -> OrderChange {
        OrderChange { is_deletion: true, ..change(sequence, &[]) }
    }

    fn merged(changes: &[OrderChange]) -> OrderState {
        let mut state = OrderState::default();
        for change in changes {
            merge(&mut state, change);
        }
        state
    }

    #[test]
    fn an_update_before_its_insert_keeps_what_it_tells() {
        let insert = change("1", &[("total", Some("10")), ("status", Some("open"))]);
        let update = change("2", &[("status", Some("paid"))]);
        let order = Order::of(&merged(&[update, insert])).unwrap();
        assert_eq!((order.total, order.status.as_deref()), (Decimal::from(10), Some("paid")));
    }

    #[test]
    fn a_null_is_told_as_well() {
        let insert = change("1", &[("gclid", Some("g"))]);
        let update = change("2", &[("gclid", None)]);
        assert_eq!(Order::of(&merged(&[update, insert])).unwrap().gclid, None);
    }

    #[test]
    fn a_deletion_voids_what_was_before_it_alone() {
        let insert = change("1", &[("total", Some("10")), ("status", Some("open"))]);
        let again = change("3", &[("status", Some("paid"))]);
        assert_eq!(Order::of(&merged(&[deletion("2"), insert.clone()])), None);
        let order = Order::of(&merged(&[again, deletion("2"), insert])).unwrap();
        assert_eq!((order.total, order.status.as_deref()), (Decimal::ZERO, Some("paid")));
    }

    #[test]
    fn what_is_missing_has_a_value_all_the_same() {
        let order = Order::of(&merged(&[change("1", &[("currency", Some(" eur"))])])).unwrap();
        assert_eq!(order.ordered_at, change("1", &[]).committed_at);
        assert_eq!((order.total, order.currency.as_str()), (Decimal::ZERO, "EUR"));
        for none in [None, Some(" "), Some("a sentence about money")] {
            assert_eq!(currency(none), "XXX");
        }
    }

    #[test]
    fn an_order_is_of_a_day_that_a_report_can_be_of() {
        let placed = |ordered_at: &str, committed_at: &str| {
            let mut change = change("1", &[("ordered_at", Some(ordered_at))]);
            change.committed_at = committed_at.parse().unwrap();
            Order::of(&merged(&[change])).unwrap().ordered_at.to_rfc3339()
        };
        let (epoch, now) = ("1970-01-01T00:00:00Z", "2026-11-23T10:00:00Z");
        assert_eq!(placed("2020-02-29T10:00:00Z", now), "2020-02-29T10:00:00+00:00");
        assert_eq!(placed(epoch, now), "2026-11-23T10:00:00+00:00");
        assert_eq!(placed("2100-01-01T00:00:00Z", now), "2026-11-23T10:00:00+00:00");
        assert_eq!(placed(epoch, epoch), "2000-01-02T00:00:00+00:00");
    }

    prop_compose! {
        fn any_change()(
            sequence in 0_u8..8,
            minute in 0_u32..60,
            is_deletion in prop::bool::weighted(0.2),
            told in prop::collection::btree_map(prop::sample::select(&COLUMNS[..]), prop::option::of("[ab]"), 0..4),
        ) -> OrderChange {
            let told: Vec<(&str, Option<&str>)> =
                told.iter().map(|(column, value)| (*column, value.as_deref())).collect();
            let mut change = change(&sequence.to_string(), if is_deletion { &[] } else { &told });
            change.is_deletion = is_deletion;
            change.committed_at += chrono::TimeDelta::minutes(i64::from(minute));
            change
        }
    }

    proptest! {
        #[test]
        fn changes_commute_and_may_be_repeated(
            changes in prop::collection::vec(any_change(), 1..8),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut shuffled: Vec<OrderChange> = order.iter().map(|index| index.get(&changes).clone()).collect();
            shuffled.extend(changes.iter().rev().cloned());
            prop_assert_eq!(merged(&shuffled), merged(&changes));
        }
    }
}
