//! How often a column has each of the values that its contract lists.

use std::collections::{BTreeMap, HashMap};

/// Values that a run tells of: an item of the ledger holds 400 KB.
const MOST_VALUES: usize = 50;

/// A value longer than this, in bytes, is not told.
const LONGEST_VALUE: usize = 100;

/// Stands for every value that is not told.
pub const OTHER_VALUES: &str = "…";

/// Counts values of a list. What is not on the list may be anything, a person's name too, and is counted
/// under `…`.
#[derive(Debug, Clone)]
pub struct ValueCounter {
    positions: HashMap<String, usize>,
    values: Vec<String>,
    counts: Vec<u64>,
    others: u64,
    /// Equal values often follow each other.
    last: Option<usize>,
}

impl ValueCounter {
    /// A counter of the values of a list.
    pub fn new(listed: impl IntoIterator<Item = String>) -> Self {
        let mut counter = Self {
            positions: HashMap::new(),
            values: Vec::new(),
            counts: Vec::new(),
            others: 0,
            last: None,
        };
        for value in listed {
            let next = counter.values.len();
            if *counter.positions.entry(value.clone()).or_insert(next) == next {
                counter.values.push(value);
                counter.counts.push(0);
            }
        }
        counter
    }

    /// Counts a value.
    pub fn insert(&mut self, value: &str) {
        if let Some(last) = self.last
            && self.values[last] == value
        {
            self.counts[last] += 1;
            return;
        }
        match self.positions.get(value) {
            Some(position) => {
                self.counts[*position] += 1;
                self.last = Some(*position);
            }
            None => self.others += 1,
        }
    }

    /// The values that were seen, at most 50, and how often; the most frequent where there are more, the rest
    /// under `…`.
    pub fn finish(self) -> BTreeMap<String, u64> {
        let mut others = self.others;
        let mut seen = Vec::new();
        for (value, count) in self.values.into_iter().zip(self.counts) {
            if value.len() > LONGEST_VALUE || value == OTHER_VALUES {
                others += count;
            } else if count > 0 {
                seen.push((value, count));
            }
        }
        seen.sort_by(|(one, count), (other, more)| more.cmp(count).then_with(|| one.cmp(other)));
        others += seen.iter().skip(MOST_VALUES).map(|(_, count)| count).sum::<u64>();
        seen.truncate(MOST_VALUES);
        let mut counts: BTreeMap<String, u64> = seen.into_iter().collect();
        if others > 0 {
            counts.insert(OTHER_VALUES.to_owned(), others);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(listed: &[&str], values: &[String]) -> BTreeMap<String, u64> {
        let mut counter = ValueCounter::new(listed.iter().map(|value| (*value).to_owned()));
        for value in values {
            counter.insert(value);
        }
        counter.finish()
    }

    #[test]
    fn what_is_not_listed_is_not_told() {
        let values = ["paid", "paid", "a@b.example", "open", "paid", "…"].map(str::to_owned);
        let expected = [("open", 1), ("paid", 3), (OTHER_VALUES, 2)];
        let expected = expected.map(|(value, count)| (value.to_owned(), count)).into();
        assert_eq!(counted(&["open", "paid", "open", "lost"], &values), expected);
    }

    #[test]
    fn the_most_frequent_values_are_told() {
        let listed: Vec<String> = (0..200).map(|number| format!("value-{number:03}")).collect();
        let mut counter = ValueCounter::new(listed.clone());
        for (number, value) in listed.iter().enumerate() {
            for _ in 0..=number {
                counter.insert(value);
            }
        }
        let counts = counter.finish();
        assert_eq!(counts.len(), MOST_VALUES + 1);
        assert_eq!((counts["value-199"], counts.get("value-149")), (200, None));
        assert_eq!(counts.values().sum::<u64>(), 200 * 201 / 2);
        assert_eq!(counted(&[&"x".repeat(101)], &["x".repeat(101)])[OTHER_VALUES], 1);
    }

    proptest! {
        #[test]
        fn the_counts_add_up(values in proptest::collection::vec("[a-h]", 0..200)) {
            let counts = counted(&["a", "b", "c"], &values);
            prop_assert_eq!(counts.values().sum::<u64>(), values.len() as u64);
            prop_assert!(counts.keys().all(|value| ["a", "b", "c", OTHER_VALUES].contains(&value.as_str())));
            for value in ["a", "b", "c"] {
                let expected = values.iter().filter(|one| *one == value).count() as u64;
                prop_assert_eq!(counts.get(value).copied().unwrap_or_default(), expected);
            }
        }
    }
}
