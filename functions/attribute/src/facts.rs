//! What the rows of data files say, before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
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
    /// Two names of one person, the lesser first, and when this was said last.
    pub links: BTreeMap<(Person, Person), DateTime<Utc>>,
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
    pub fn link(&mut self, one: Person, other: Person, said_at: DateTime<Utc>) {
        if one == other {
            return;
        }
        let names = if one < other { (one, other) } else { (other, one) };
        let newest = self.links.entry(names).or_insert(said_at);
        *newest = said_at.max(*newest);
    }

    /// Adds what other rows say: rows of another file, never the same rows once more.
    pub fn extend(&mut self, other: Self) {
        self.touches.extend(other.touches);
        for ((one, another), said_at) in other.links {
            self.link(one, another, said_at);
        }
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
