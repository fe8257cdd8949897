//! The values of a column that refers to another dataset's: counted while the rows pass, looked up once they
//! all have.
//!
//! A row is not judged alone: in a log of changes a child may come before its parent.

use super::keys::{Key, KeySet};
use crate::contract::{Check, Reference};
use crate::run::CheckResult;

/// Different values of an input that are remembered to be looked up. Sixteen bytes each.
pub const MOST_VALUES: usize = 1_000_000;

/// Values that are remembered as they come, before they are sorted in among the others.
const MOST_FRESH: usize = 65_536;

/// A value's key and how many rows have it.
type Counted = (Key, u32);

/// Counts the rows of each value of a column.
#[derive(Debug)]
pub(super) struct ReferenceCounter {
    /// In the order of the keys, each once.
    counted: Vec<Counted>,
    fresh: Vec<Key>,
    /// What the input itself says is known, where the table refers to itself.
    own: KeySet,
    own_is_full: bool,
    rows: u64,
    unchecked: u64,
    most: usize,
}

/// The values of an input that no row is known of in the table that they refer to, as long as nobody has looked:
/// all of them.
#[derive(Debug)]
pub struct UnknownReferences {
    /// The check, and its position among those of its contract.
    pub(super) check: &'static Check,
    pub(super) position: usize,
    pub(super) reference: &'static Reference,
    counted: Vec<Counted>,
    left: usize,
    rows: u64,
    unchecked: u64,
}

impl ReferenceCounter {
    /// A counter that remembers so many different values at most.
    pub(super) fn within(most: usize) -> Self {
        Self {
            counted: Vec::new(),
            fresh: Vec::new(),
            own: KeySet::default(),
            own_is_full: false,
            rows: 0,
            unchecked: 0,
            most,
        }
    }

    /// Counts a row that has a value.
    pub(super) fn value(&mut self, key: Key) {
        self.rows += 1;
        self.fresh.push(key);
        if self.fresh.len() >= MOST_FRESH.min(self.most) {
            self.settle();
        }
    }

    /// Takes a value that a row of the input itself makes known.
    pub(super) fn own(&mut self, key: Key) {
        if self.own.len() < self.most {
            self.own.insert(key, 0);
        } else if !self.own.contains(key) {
            self.own_is_full = true;
        }
    }

    /// Rows that have a value.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that the values take.
    pub(super) fn bytes(&self) -> usize {
        self.counted.capacity() * size_of::<Counted>()
            + self.fresh.capacity() * size_of::<Key>()
            + self.own.bytes()
    }

    /// Sorts the fresh values in among the others, as far as there is room.
    fn settle(&mut self) {
        self.fresh.sort_unstable();
        let mut new: Vec<Counted> = Vec::new();
        let room = self.most - self.counted.len();
        for same in self.fresh.chunk_by(|one, other| one == other) {
            let count = same.len() as u32;
            match position(&self.counted, &same[0]) {
                Ok(at) => self.counted[at].1 = self.counted[at].1.saturating_add(count),
                Err(_) if new.len() < room => new.push((same[0], count)),
                Err(_) => self.unchecked += u64::from(count),
            }
        }
        self.fresh.clear();
        // By a quarter, as far as it goes: doubling would take twice the memory at the end.
        let short = (self.counted.len() + new.len()).saturating_sub(self.counted.capacity());
        if short > 0 {
            self.counted.reserve_exact(new.len().max(self.counted.len() / 4));
        }
        self.counted.extend(new);
        // The stable sort finds two sorted runs and merges them.
        self.counted.sort_by_key(|(key, _)| *key);
    }

    /// What is to be looked up, once every row has passed.
    pub(super) fn finish(
        mut self,
        check: &'static Check,
        position: usize,
        reference: &'static Reference,
    ) -> UnknownReferences {
        self.settle();
        let mut counted = self.counted;
        counted.retain(|(key, _)| !self.own.contains(*key));
        let mut unchecked = self.unchecked;
        if self.own_is_full {
            // Any of them may be among the input's own values that were not remembered.
            unchecked += counted.drain(..).map(|(_, rows)| u64::from(rows)).sum::<u64>();
        }
        let left = counted.len();
        UnknownReferences { check, position, reference, counted, left, rows: self.rows, unchecked }
    }
}

impl UnknownReferences {
    /// The column that the values refer to.
    pub fn reference(&self) -> &'static Reference {
        self.reference
    }

    /// The position of the check among those of its contract.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether every value that is looked up is known.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Rows whose values are not looked up, because the input has too many different ones.
    pub fn unchecked(&self) -> u64 {
        self.unchecked
    }

    /// Takes values that the table has, in ascending order.
    pub fn known(&mut self, keys: &[Key]) {
        // The shorter list is gone through, and looked up in the longer one.
        if keys.len() < self.counted.len() {
            for key in keys {
                if let Ok(at) = position(&self.counted, key)
                    && std::mem::take(&mut self.counted[at].1) > 0
                {
                    self.left -= 1;
                }
            }
        } else {
            self.counted.retain(|(key, rows)| *rows > 0 && keys.binary_search(key).is_err());
            self.left = self.counted.len();
        }
    }

    /// What becomes of the check, with what is known by now.
    pub fn result(&self) -> CheckResult {
        let unknown = self.counted.iter().map(|(_, rows)| u64::from(*rows)).sum();
        super::checks::bounded_result(self.check, unknown, self.unchecked, self.rows)
    }
}

fn position(counted: &[Counted], key: &Key) -> Result<usize, usize> {
    counted.binary_search_by(|(known, _)| known.cmp(key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Expectation, Metric, Severity, Unit};

    fn check(expectation: Expectation, unit: Unit) -> &'static Check {
        Box::leak(Box::new(Check {
            name: "parents_are_known".to_owned(),
            metric: Metric::UnknownReferences { column: "parent".to_owned() },
            unit,
            expectation,
            severity: Severity::Error,
        }))
    }

    fn reference() -> &'static Reference {
        Box::leak(Box::new(Reference {
            domain: "shop".to_owned(),
            table: "parents".to_owned(),
            column: "id".to_owned(),
        }))
    }

    fn key(value: u16) -> Key {
        let mut hasher = super::super::KeyHasher::default();
        hasher.value(Some(&value.to_le_bytes()));
        hasher.finish()
    }

    fn counted(
        most: usize,
        values: &[u16],
        own: &[u16],
        check: &'static Check,
    ) -> UnknownReferences {
        let mut counter = ReferenceCounter::within(most);
        for value in values {
            counter.value(key(*value));
        }
        for value in own {
            counter.own(key(*value));
        }
        counter.finish(check, 0, reference())
    }

    fn sorted(values: &[u16]) -> Vec<Key> {
        let keys: BTreeSet<Key> = values.iter().map(|value| key(*value)).collect();
        keys.into_iter().collect()
    }

    proptest! {
        #[test]
        fn unknown_rows_are_those_of_a_naive_count(
            values in prop::collection::vec(0_u16..60, 0..300),
            files in prop::collection::vec(prop::collection::vec(0_u16..80, 0..90), 0..4),
            own in prop::collection::vec(0_u16..60, 0..5),
        ) {
            let mut unknown = counted(60, &values, &own, check(Expectation::MustBe(0.0), Unit::Rows));
            let mut known: BTreeSet<u16> = own.into_iter().collect();
            for file in &files {
                unknown.known(&sorted(file));
                known.extend(file);
            }
            let naive = values.iter().filter(|value| !known.contains(value)).count();
            let result = unknown.result();
            prop_assert_eq!((result.value, result.unchecked_rows), (naive as f64, 0));
            prop_assert_eq!(result.passed, naive == 0);
            prop_assert_eq!(unknown.is_empty(), naive == 0);
        }

        /// With too many values it is told how many rows were not looked up, and no more are claimed known.
        #[test]
        fn every_row_is_known_or_unknown_or_told_of(
            values in prop::collection::vec(0_u16..60, 0..300),
            file in prop::collection::vec(0_u16..60, 0..90),
            most in 1_usize..20,
        ) {
            let check = check(Expectation::MustBeLessOrEqualTo(10.0), Unit::Rows);
            let mut unknown = counted(most, &values, &[], check);
            unknown.known(&sorted(&file));
            let result = unknown.result();
            let naive = values.iter().filter(|value| !file.contains(value)).count() as f64;
            prop_assert!(result.value <= naive);
            prop_assert!(naive <= result.value + result.unchecked_rows as f64);
            prop_assert!(!result.passed || naive <= 10.0, "it passes only where the truth does");
        }
    }

    #[test]
    fn what_cannot_all_be_looked_up_passes_only_if_it_did_in_any_case() {
        let values: Vec<u16> = (0..20).collect();
        let check = check(Expectation::MustBeLessOrEqualTo(50.0), Unit::Percent);
        for (most, unchecked, passed) in [(20, 0, true), (12, 8, true), (9, 11, false)] {
            let mut unknown = counted(most, &values, &[], check);
            unknown.known(&sorted(&values));
            assert!(unknown.is_empty());
            let result = unknown.result();
            assert_eq!((result.value, result.unchecked_rows), (0.0, unchecked));
            assert_eq!((result.passed, result.holds_rows()), (passed, !passed));
        }
        let mut unknown = counted(9, &values, &[], check);
        unknown.known(&sorted(&values));
        let shown = "parents_are_known: 0 percent, must be at most 50; 11 rows were not looked up";
        assert_eq!(unknown.result().to_string(), shown);
    }

    #[test]
    fn too_many_of_its_own_values_leave_the_rest_unchecked() {
        let unknown =
            counted(2, &[7, 7, 8], &[8, 1, 2, 3], check(Expectation::MustBe(0.0), Unit::Rows));
        let result = unknown.result();
        assert_eq!((result.value, result.unchecked_rows, result.passed), (0.0, 2, false));
    }

    #[test]
    fn a_million_values_take_little_more_than_sixteen_bytes_each() {
        let mut counter = ReferenceCounter::within(MOST_VALUES);
        for value in 0..MOST_VALUES as u64 + 5 {
            let mut hasher = super::super::KeyHasher::default();
            hasher.value(Some(&value.to_le_bytes()));
            counter.value(hasher.finish());
        }
        assert!(counter.bytes() < 21 * MOST_VALUES, "{}", counter.bytes());
        let unknown = counter.finish(check(Expectation::MustBe(0.0), Unit::Rows), 0, reference());
        assert_eq!(unknown.unchecked(), 5);
    }
}
