//! What the rows of data files say, before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use shared::attribution::facts::{Click, Touch};
use shared::attribution::key::Person;

use crate::counts::Counts;
use crate::order::OrderChange;
use crate::reports::{Report, ReportKey};

/// What some rows say; each thing once, however many rows say it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Touches, and whose they are.
    pub touches: BTreeSet<(Person, Touch)>,
    /// Two names of one person, the lesser first.
    pub links: BTreeSet<(Person, Person)>,
    /// Changes of orders.
    pub changes: Vec<OrderChange>,
    /// Clicks by their ids.
    pub clicks: BTreeMap<String, Click>,
    /// Reports of a customer and a day, as a whole.
    pub reports: BTreeMap<ReportKey, Report>,
    /// Amounts that no decimal of 28 digits can hold; they count as missing.
    pub unreadable_amounts: u64,
}

impl Facts {
    /// Adds that two names are of one person. Nobody is linked to themselves.
    pub fn link(&mut self, one: Person, other: Person) {
        if one != other {
            self.links.insert(if one < other { (one, other) } else { (other, one) });
        }
    }

    /// Says of rows that they were read again, from corrected bytes or on an order: of what has the same
    /// sequence, or was pulled at the same moment, the later reading stands.
    pub fn read_again(&mut self, generation: &str) {
        for change in &mut self.changes {
            change.sequence.push('#');
            change.sequence.push_str(generation);
        }
        let reports = std::mem::take(&mut self.reports);
        for (mut key, report) in reports {
            generation.clone_into(&mut key.generation);
            self.reports.insert(key, report);
        }
    }

    /// Adds what other rows say: rows of another file, never the same rows once more.
    pub fn extend(&mut self, other: Self) {
        self.touches.extend(other.touches);
        self.links.extend(other.links);
        self.changes.extend(other.changes);
        self.clicks.extend(other.clicks);
        for (key, report) in other.reports {
            match self.reports.entry(key) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(report);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    self.unreadable_amounts += entry.get_mut().extend(report);
                }
            }
        }
        self.unreadable_amounts += other.unreadable_amounts;
    }

    /// How much there is of each kind.
    pub fn counts(&self) -> Counts {
        Counts {
            touches: self.touches.len() as u64,
            links: self.links.len() as u64,
            order_changes: self.changes.len() as u64,
            clicks: self.clicks.len() as u64,
            unreadable_amounts: self.unreadable_amounts,
            ..Counts::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::attribution::order::OrderState;

    use super::*;
    use crate::order::merge;

    fn facts(total: &str, generation: Option<&str>) -> Facts {
        let change = OrderChange {
            order_id: "1".to_owned(),
            sequence: "5".to_owned(),
            committed_at: "2026-11-23T10:00:00Z".parse().unwrap(),
            is_deletion: false,
            columns: BTreeMap::from([("total".to_owned(), Some(total.to_owned()))]),
        };
        let key = ReportKey {
            customer_id: "1".to_owned(),
            date: "2026-11-23".parse().unwrap(),
            pulled_at: "2026-11-23T10:00:00Z".parse().unwrap(),
            source_object: "a".to_owned(),
            generation: String::new(),
        };
        let reports = BTreeMap::from([(key, Report::default())]);
        let mut facts = Facts { changes: vec![change], reports, ..Facts::default() };
        if let Some(generation) = generation {
            facts.read_again(generation);
        }
        facts
    }

    #[test]
    fn of_one_change_the_later_reading_stands_in_whatever_order_they_come() {
        let readings =
            [facts("80", None), facts("100", Some("2026#1")), facts("9", Some("2026#2"))];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let mut state = OrderState::default();
            for position in order {
                merge(&mut state, &readings[position].changes[0]);
            }
            assert_eq!(state.columns["total"].value.as_deref(), Some("9"), "{order:?}");
        }
        // The next change of the order comes after all of them.
        assert!(readings[2].changes[0].sequence.as_str() < "6");
    }

    #[test]
    fn a_report_that_was_read_again_takes_the_place_of_the_first() {
        let pull = |facts: Facts| facts.reports.into_keys().next().unwrap().pull();
        let (first, again) = (pull(facts("1", None)), pull(facts("1", Some("2026#1"))));
        assert!(first.newest < again.newest);
        assert_ne!(first.token, again.token, "the first's campaigns are not the again's");
    }
}
