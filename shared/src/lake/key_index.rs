//! Which keys a table has, for de-duplication over a look-back.
//!
//! Keys stand in segments: sorted, written once, never changed. The index lists the segments that
//! count, by the days of the rows that they name. A table's property says which index holds, and it
//! changes in the transaction that appends the rows: an index apart from its table would let a retry
//! find its own keys and drop every row. Small segments are merged as they come, so that a day has no
//! more of them than the logarithm of its keys.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::KeySegment;
use crate::govern::{KEY_BYTES, Key};

/// The segments of a table's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyIndex {
    /// The segments, those of the same days by descending size.
    pub segments: Vec<IndexedSegment>,
}

/// A segment that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedSegment {
    /// The segment.
    #[serde(flatten)]
    pub segment: KeySegment,
    /// When its object was written, or earlier: objects of keys expire.
    pub created_at: DateTime<Utc>,
}

/// Why keys cannot be read: the object is none of ours, or cut off. A person must look.
#[derive(Debug, thiserror::Error)]
#[error("key segment {key} has {bytes} bytes, expected {expected}")]
pub struct SegmentError {
    /// The object's key.
    pub key: String,
    /// How many bytes it has.
    pub bytes: usize,
    /// How many its entry asks for.
    pub expected: u64,
}

impl KeyIndex {
    /// The segments that may name rows of the days from `from_day` to `to_day`, give or take
    /// `look_back_days`.
    pub fn around(&self, from_day: i32, to_day: i32, look_back_days: u16) -> Vec<&KeySegment> {
        let from = from_day.saturating_sub(i32::from(look_back_days));
        let to = to_day.saturating_add(i32::from(look_back_days));
        let mut found = Vec::new();
        for IndexedSegment { segment, .. } in &self.segments {
            if segment.from_day <= to && segment.to_day >= from {
                found.push(segment);
            }
        }
        found
    }

    /// Forgets segments that were written before a moment: their objects expire.
    pub fn forget(&mut self, oldest: DateTime<Utc>) {
        self.segments.retain(|entry| entry.created_at >= oldest);
    }

    /// Adds a segment where it belongs: those of the same days stand by descending size.
    pub fn add(&mut self, segment: KeySegment, created_at: DateTime<Utc>) {
        let behind = self.segments.iter().position(|entry| {
            same_days(&entry.segment, &segment) && entry.segment.count < segment.count
        });
        let position = behind.unwrap_or(self.segments.len());
        self.segments.insert(position, IndexedSegment { segment, created_at });
    }

    /// The segments of the same days as `like` that are to be merged into one: all up to the largest that
    /// has less than twice the keys of all smaller ones together. What stays is at least twice as large as
    /// what is below it, so a day has few segments; and with each merge a key comes into a segment half
    /// as large again at least, so it is not copied often.
    pub fn to_merge(&self, like: &KeySegment) -> Vec<KeySegment> {
        let mut merged = Vec::new();
        let mut passed = Vec::new();
        let mut smaller = 0;
        for IndexedSegment { segment, .. } in self.segments.iter().rev() {
            if !same_days(segment, like) {
                continue;
            }
            passed.push(segment.clone());
            if segment.count < 2 * smaller {
                merged.append(&mut passed);
            }
            smaller += segment.count;
        }
        merged
    }

    /// Takes a segment out: none of its keys stands in the table any more.
    pub fn remove(&mut self, segment: &KeySegment) {
        self.segments.retain(|entry| entry.segment != *segment);
    }

    /// Puts one segment in the place of those that it was merged from.
    pub fn replace(&mut self, merged: &[KeySegment], segment: KeySegment, now: DateTime<Utc>) {
        self.segments.retain(|entry| !merged.contains(&entry.segment));
        self.add(segment, now);
    }
}

fn same_days(one: &KeySegment, other: &KeySegment) -> bool {
    (one.from_day, one.to_day) == (other.from_day, other.to_day)
}

/// The keys of a segment.
#[derive(Debug, Clone, Default)]
pub struct SortedKeys(Bytes);

impl SortedKeys {
    /// Keys as they were stored.
    pub fn read(segment: &KeySegment, bytes: Bytes) -> Result<Self, SegmentError> {
        if bytes.len() as u64 == segment.count * KEY_BYTES as u64 {
            return Ok(Self(bytes));
        }
        let expected = segment.count * KEY_BYTES as u64;
        Err(SegmentError { key: segment.key.clone(), bytes: bytes.len(), expected })
    }

    /// The keys in ascending order.
    pub fn keys(&self) -> &[Key] {
        self.0.as_chunks().0
    }

    /// Bytes in use.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Those of `others`, in ascending order, that are among these keys.
    pub fn intersection(&self, others: &[Key]) -> Vec<Key> {
        let mut found = Vec::new();
        let mut rest = self.keys();
        for other in others {
            // Both ascend, so what was passed need not be looked at again.
            let at = rest.partition_point(|key| key < other);
            rest = &rest[at..];
            if rest.first() == Some(other) {
                found.push(*other);
            }
        }
        found
    }

    /// Those of these keys, in ascending order, that are not among `others`, which ascend too.
    pub fn without(&self, others: &[Key]) -> Vec<Key> {
        let mut left = Vec::with_capacity(self.keys().len());
        let mut rest = others;
        for key in self.keys() {
            let at = rest.partition_point(|other| other < key);
            rest = &rest[at..];
            if rest.first() != Some(key) {
                left.push(*key);
            }
        }
        left
    }

    /// All keys of several segments, each once, in ascending order.
    #[allow(clippy::stable_sort_primitive)]
    pub fn union(segments: &[Self]) -> Vec<Key> {
        let mut keys = Vec::with_capacity(segments.iter().map(|one| one.keys().len()).sum());
        for segment in segments {
            keys.extend_from_slice(segment.keys());
        }
        // The parts ascend already, which the standard library's stable sort finds and uses.
        keys.sort();
        keys.dedup();
        keys
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn segment(name: usize, count: u64, day: i32) -> KeySegment {
        KeySegment { key: name.to_string(), count, from_day: day, to_day: day }
    }

    fn sorted(numbers: &BTreeSet<u16>) -> SortedKeys {
        let mut bytes = Vec::new();
        for number in numbers {
            let mut key: Key = [0; KEY_BYTES];
            key[..2].copy_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(&key);
        }
        SortedKeys(bytes.into())
    }

    #[test]
    fn a_day_and_its_neighbours_are_looked_through() {
        let mut index = KeyIndex::default();
        for (name, days) in [(0, 10), (1, 11), (2, 12), (3, 13)] {
            index.add(segment(name, 1, days), Utc::now());
        }
        index.add(
            KeySegment { key: "wide".to_owned(), count: 1, from_day: 0, to_day: 99 },
            Utc::now(),
        );
        let found = |from, to, days| -> Vec<&str> {
            index.around(from, to, days).iter().map(|segment| segment.key.as_str()).collect()
        };
        assert_eq!(found(11, 11, 0), ["1", "wide"]);
        assert_eq!(found(12, 12, 1), ["1", "2", "3", "wide"]);
        assert_eq!(found(10, 11, 1), ["0", "1", "2", "wide"]);
    }

    #[test]
    fn a_segment_cut_off_is_not_taken() {
        let cut = SortedKeys::read(&segment(7, 2, 0), Bytes::from(vec![0; 19])).unwrap_err();
        assert_eq!(cut.to_string(), "key segment 7 has 19 bytes, expected 20");
    }

    #[test]
    fn segments_are_forgotten_before_their_objects_expire() {
        let now = Utc::now();
        let mut index = KeyIndex::default();
        index.add(segment(0, 1, 0), now - chrono::TimeDelta::days(91));
        index.add(segment(1, 1, 0), now - chrono::TimeDelta::days(89));
        index.forget(now - chrono::TimeDelta::days(90));
        assert_eq!(index.segments.len(), 1);
    }

    proptest! {
        #[test]
        fn sets_of_keys_are_met_and_joined(one in prop::collection::btree_set(0_u16..300, 0..80), other in prop::collection::btree_set(0_u16..300, 0..80)) {
            let (left, right) = (sorted(&one), sorted(&other));
            let met: BTreeSet<u16> = one.intersection(&other).copied().collect();
            let (met, joined_keys) = (sorted(&met), SortedKeys::union(&[left.clone(), right.clone()]));
            prop_assert_eq!(left.intersection(right.keys()), met.keys());
            let joined: BTreeSet<u16> = one.union(&other).copied().collect();
            let joined = sorted(&joined);
            prop_assert_eq!(joined_keys, joined.keys());
        }

        /// However sizes come, no key is lost, a day has few segments, and few keys are copied.
        #[test]
        fn merging_keeps_segments_few(sizes in prop::collection::vec(1_u64..2_000, 1..200)) {
            let mut index = KeyIndex::default();
            let mut total = 0;
            let mut copied = 0;
            for (name, size) in sizes.iter().enumerate() {
                total += size;
                let added = segment(name, *size, 1);
                index.add(added.clone(), Utc::now());
                let merged = index.to_merge(&added);
                if !merged.is_empty() {
                    let count = merged.iter().map(|segment| segment.count).sum();
                    copied += count;
                    index.replace(&merged, segment(1_000 + name, count, 1), Utc::now());
                }
                prop_assert_eq!(index.segments.iter().map(|entry| entry.segment.count).sum::<u64>(), total);
            }
            let logarithm = u64::from(total.ilog2()) + 1;
            prop_assert!(index.segments.len() as u64 <= logarithm + 1, "{} segments", index.segments.len());
            prop_assert!(copied <= 2 * total * logarithm, "{} copied of {}", copied, total);
        }

        #[test]
        fn what_is_taken_away_and_what_is_left_make_the_whole(
            numbers in prop::collection::btree_set(0_u16..300, 0..80),
            others in prop::collection::btree_set(0_u16..300, 0..80),
        ) {
            let (segment, others) = (sorted(&numbers), sorted(&others));
            let mut whole = segment.without(others.keys());
            prop_assert!(whole.iter().all(|key| !others.keys().contains(key)));
            whole.extend(segment.intersection(others.keys()));
            whole.sort_unstable();
            prop_assert_eq!(&whole[..], segment.keys());
        }
    }
}
