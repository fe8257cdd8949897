//! The keys that were seen in an input, in as few bytes as they need.

use std::io::{self, Write};

use twox_hash::XxHash3_128;

/// Bytes of a key that are kept: among a million rows of a file the chance that two different keys
/// meet is 4·10⁻¹³ (n²/2⁸¹); that a new key meets one of 100 million earlier ones, 8·10⁻¹⁷.
pub const KEY_BYTES: usize = 10;

/// A row's name: the first bytes of the hash of its key columns' values.
pub type Key = [u8; KEY_BYTES];

/// How full a shard may be before it grows, in 64ths; and by how much it grows.
const FULLEST: usize = 58;
const GROWTH_NUMERATOR: usize = 5;
const GROWTH_DENOMINATOR: usize = 4;

/// Growing copies one shard, not the whole set, so the peak is hardly above the size. A shard of a
/// million keys is large enough to be given back to the system as a whole when it has grown.
const SHARDS: usize = 16;
const SHARD_BITS: u32 = SHARDS.trailing_zeros();

/// Slots of a shard at first.
const FIRST_SLOTS: usize = 16;

/// No key: a hash that happens to be zero is taken as one.
const EMPTY: Key = [0; KEY_BYTES];

/// Keys that are written at once.
const CHUNK_KEYS: usize = 4_096;

/// Days that are told apart; rows of all further ones are one group. A file has one or two.
const MOST_DAYS: usize = 255;

/// Makes keys from the values of a row's key columns. The same values give the same key, whoever
/// reads them: the governor from its cells, the commit from a data file.
#[derive(Debug, Default)]
pub struct KeyHasher {
    values: Vec<u8>,
}

impl KeyHasher {
    /// Takes the next value: text as UTF-8, numbers in their little-endian bytes.
    pub fn value(&mut self, value: Option<&[u8]>) {
        // Lengths keep ("a", "bc") from ("ab", "c").
        let length = value.map_or(u32::MAX, |value| value.len() as u32);
        self.values.extend_from_slice(&length.to_le_bytes());
        self.values.extend_from_slice(value.unwrap_or_default());
    }

    /// The key of the values that were taken since the last one.
    pub fn finish(&mut self) -> Key {
        let key = key_of(XxHash3_128::oneshot(&self.values));
        self.values.clear();
        key
    }
}

fn key_of(hash: u128) -> Key {
    let mut key = EMPTY;
    key.copy_from_slice(&hash.to_be_bytes()[..KEY_BYTES]);
    if key == EMPTY {
        key[KEY_BYTES - 1] = 1;
    }
    key
}

/// A set of keys, each with the day of its row.
///
/// Open addressing with linear probing in shards that grow by a quarter: between 12.1 and 15.2 bytes
/// a key once there are a few thousand. A general hash set doubles, and would need up to 40. Slots
/// follow the order of the keys, so that sorting them at the end is next to nothing.
#[derive(Debug)]
pub struct KeySet {
    shards: Vec<Shard>,
    groups: Vec<DayGroup>,
    length: usize,
}

/// The keys of one day, or of all the days for which there was no group left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayGroup {
    /// The earliest day, counted from 1970-01-01.
    pub from_day: i32,
    /// The latest.
    pub to_day: i32,
    /// How many keys it has.
    pub count: u64,
}

#[derive(Debug, Default, Clone)]
struct Shard {
    slots: Vec<Slot>,
    used: usize,
}

/// A key and the position of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    key: Key,
    group: u8,
}

const EMPTY_SLOT: Slot = Slot { key: EMPTY, group: 0 };

impl Default for KeySet {
    fn default() -> Self {
        Self { shards: vec![Shard::default(); SHARDS], groups: Vec::new(), length: 0 }
    }
}

impl KeySet {
    /// Adds the key of a row of a day (counted from 1970-01-01); false when it was there, whatever its day.
    pub fn insert(&mut self, key: Key, day: i32) -> bool {
        let group = self.group_of(day);
        let shard = usize::from(key[0]) * SHARDS / 256;
        let inserted = self.shards[shard].insert(Slot { key, group: group as u8 });
        self.groups[group].count += u64::from(inserted);
        self.length += usize::from(inserted);
        inserted
    }

    /// Whether a key is there.
    pub fn contains(&self, key: Key) -> bool {
        self.shards[usize::from(key[0]) * SHARDS / 256].contains(&key)
    }

    /// The groups of days, in the order in which they came up.
    pub fn groups(&self) -> &[DayGroup] {
        &self.groups
    }

    fn group_of(&mut self, day: i32) -> usize {
        let known = |group: &DayGroup| (group.from_day, group.to_day) == (day, day);
        // The last is nearly always the one, and there are two or three.
        if let Some(found) = self.groups.iter().rposition(known) {
            return found;
        }
        if self.groups.len() < MOST_DAYS {
            self.groups.push(DayGroup { from_day: day, to_day: day, count: 0 });
            return self.groups.len() - 1;
        }
        let last = MOST_DAYS - 1;
        let group = &mut self.groups[last];
        group.from_day = group.from_day.min(day);
        group.to_day = group.to_day.max(day);
        last
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes in use for keys.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.slots.len() * size_of::<Slot>()).sum()
    }

    /// Sorts the keys where they are. Nothing can be added any more.
    pub fn into_sorted(mut self) -> SortedKeySet {
        for shard in &mut self.shards {
            shard.slots.retain(|slot| *slot != EMPTY_SLOT);
            shard.slots.sort_unstable();
        }
        SortedKeySet(self)
    }
}

/// The keys of an input, in order.
#[derive(Debug)]
pub struct SortedKeySet(KeySet);

impl SortedKeySet {
    /// The groups of days.
    pub fn groups(&self) -> &[DayGroup] {
        &self.0.groups
    }

    /// Writes the keys of a group, by its position, in ascending order, one behind the other.
    pub fn write(&self, group: usize, target: &mut dyn Write) -> io::Result<()> {
        let mut chunk = Vec::with_capacity(CHUNK_KEYS * KEY_BYTES);
        for slot in self.0.shards.iter().flat_map(|shard| &shard.slots) {
            if usize::from(slot.group) == group {
                chunk.extend_from_slice(&slot.key);
            }
            if chunk.len() == CHUNK_KEYS * KEY_BYTES {
                target.write_all(&chunk)?;
                chunk.clear();
            }
        }
        target.write_all(&chunk)
    }
}

impl Shard {
    fn insert(&mut self, slot: Slot) -> bool {
        if self.used * 64 >= self.slots.len() * FULLEST {
            self.grow();
        }
        let mut at = self.home(&slot.key);
        loop {
            if self.slots[at].key == slot.key {
                return false;
            }
            if self.slots[at].key == EMPTY {
                self.slots[at] = slot;
                self.used += 1;
                return true;
            }
            at += 1;
            if at == self.slots.len() {
                at = 0;
            }
        }
    }

    fn contains(&self, key: &Key) -> bool {
        if self.slots.is_empty() {
            return false;
        }
        let mut at = self.home(key);
        // A shard is never full, so there is an empty slot where the search ends.
        while self.slots[at].key != EMPTY {
            if self.slots[at].key == *key {
                return true;
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        false
    }

    /// Lemire's fast alternative to the modulo, since the size is no power of two. The first bits are
    /// the shard's.
    fn home(&self, key: &Key) -> usize {
        let [a, b, c, d, e, f, g, h, ..] = *key;
        let hash = u64::from_be_bytes([a, b, c, d, e, f, g, h]) << SHARD_BITS;
        ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
    }

    fn grow(&mut self) {
        let larger = (self.slots.len() * GROWTH_NUMERATOR / GROWTH_DENOMINATOR).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY_SLOT; larger]);
        self.used = 0;
        for slot in old {
            if slot.key != EMPTY {
                self.insert(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn key(number: u32) -> Key {
        key_of(XxHash3_128::oneshot(&number.to_le_bytes()))
    }

    #[test]
    fn a_key_costs_at_most_sixteen_bytes() {
        let mut keys = KeySet::default();
        for number in 0_u32..1_000_000 {
            assert!(keys.insert(key(number), 7));
            if number > 50_000 && number % 10_007 == 0 {
                assert!(
                    keys.bytes() <= 16 * keys.len(),
                    "{} bytes for {}",
                    keys.bytes(),
                    keys.len()
                );
            }
        }
        assert!(!keys.insert(key(7), 8));
        assert_eq!(keys.len(), 1_000_000);
    }

    #[test]
    fn the_days_beyond_the_last_group_are_one() {
        let mut keys = KeySet::default();
        for day in 0..300 {
            assert!(keys.insert(key(day as u32), day));
        }
        assert_eq!(keys.groups().len(), MOST_DAYS);
        assert_eq!(keys.groups()[3], DayGroup { from_day: 3, to_day: 3, count: 1 });
        let last = DayGroup { from_day: 254, to_day: 299, count: 46 };
        assert_eq!(keys.groups()[MOST_DAYS - 1], last);
    }

    proptest! {
        #[test]
        fn behaves_as_a_set_whose_keys_stay_with_their_first_day(rows in prop::collection::vec((0_u16..600, 0_i32..4), 0..2_000)) {
            let mut keys = KeySet::default();
            let mut expected: BTreeMap<Key, i32> = BTreeMap::new();
            for (number, day) in rows {
                let key = if number == 0 { key_of(0) } else { key(u32::from(number)) };
                prop_assert_eq!(keys.insert(key, day), !expected.contains_key(&key));
                expected.entry(key).or_insert(day);
            }
            prop_assert_eq!(keys.len(), expected.len());
            let keys = keys.into_sorted();
            let mut written = 0;
            for (position, group) in keys.groups().iter().enumerate() {
                let mut bytes = Vec::new();
                keys.write(position, &mut bytes).unwrap();
                let of_day: Vec<Key> = expected.iter().filter(|(_, day)| **day == group.from_day).map(|(key, _)| *key).collect();
                prop_assert_eq!(&bytes, of_day.as_flattened());
                prop_assert_eq!(group.count, of_day.len() as u64);
                written += of_day.len();
            }
            prop_assert_eq!(written, expected.len());
        }

        /// Values taken together are told apart by where one ends and by whether there is one.
        #[test]
        fn different_values_have_different_keys(one in values(), other in values()) {
            let key = |values: &Vec<Option<String>>| {
                let mut hasher = KeyHasher::default();
                for value in values {
                    hasher.value(value.as_deref().map(str::as_bytes));
                }
                hasher.finish()
            };
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }
    }
    fn values() -> impl Strategy<Value = Vec<Option<String>>> {
        prop::collection::vec(prop::option::of("[ab]{0,2}"), 2)
    }
}
