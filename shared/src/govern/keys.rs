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

/// A set of keys.
///
/// Open addressing with linear probing in shards that grow by a quarter: between 11.1 and 13.9 bytes
/// a key once there are a few thousand. A general hash set doubles, and would need up to 36. Slots
/// follow the order of the keys, so that sorting them at the end is next to nothing.
#[derive(Debug)]
pub struct KeySet {
    shards: Vec<Shard>,
    length: usize,
}

#[derive(Debug, Default, Clone)]
struct Shard {
    slots: Vec<Key>,
    used: usize,
}

impl Default for KeySet {
    fn default() -> Self {
        Self { shards: vec![Shard::default(); SHARDS], length: 0 }
    }
}

impl KeySet {
    /// Adds a key; false when it was there.
    pub fn insert(&mut self, key: Key) -> bool {
        let shard = usize::from(key[0]) * SHARDS / 256;
        let inserted = self.shards[shard].insert(key);
        self.length += usize::from(inserted);
        inserted
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
        self.shards.iter().map(|shard| shard.slots.len() * KEY_BYTES).sum()
    }

    /// Writes the keys in ascending order, one behind the other, in the memory that they have.
    pub fn write_sorted(self, target: &mut dyn Write) -> io::Result<()> {
        for shard in self.shards {
            let mut keys = shard.slots;
            keys.retain(|key| *key != EMPTY);
            keys.sort_unstable();
            target.write_all(keys.as_flattened())?;
        }
        Ok(())
    }
}

impl Shard {
    fn insert(&mut self, key: Key) -> bool {
        if self.used * 64 >= self.slots.len() * FULLEST {
            self.grow();
        }
        let mut slot = self.home(&key);
        loop {
            if self.slots[slot] == key {
                return false;
            }
            if self.slots[slot] == EMPTY {
                self.slots[slot] = key;
                self.used += 1;
                return true;
            }
            slot += 1;
            if slot == self.slots.len() {
                slot = 0;
            }
        }
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
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; larger]);
        self.used = 0;
        for key in old {
            if key != EMPTY {
                self.insert(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn key(number: u32) -> Key {
        key_of(XxHash3_128::oneshot(&number.to_le_bytes()))
    }

    #[test]
    fn a_key_costs_at_most_sixteen_bytes() {
        let mut keys = KeySet::default();
        for number in 0_u32..1_000_000 {
            assert!(keys.insert(key(number)));
            if number > 50_000 && number % 10_007 == 0 {
                assert!(
                    keys.bytes() <= 16 * keys.len(),
                    "{} bytes for {}",
                    keys.bytes(),
                    keys.len()
                );
            }
        }
        assert!(!keys.insert(key(7)));
        assert_eq!(keys.len(), 1_000_000);
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(numbers in prop::collection::vec(0_u16..600, 0..2_000)) {
            let mut keys = KeySet::default();
            let mut expected = HashSet::new();
            for number in numbers {
                let key = if number == 0 { key_of(0) } else { key(u32::from(number)) };
                prop_assert_eq!(keys.insert(key), expected.insert(key));
            }
            prop_assert_eq!(keys.len(), expected.len());
            let mut written = Vec::new();
            keys.write_sorted(&mut written).unwrap();
            let mut sorted: Vec<Key> = expected.into_iter().collect();
            sorted.sort_unstable();
            prop_assert_eq!(written, sorted.as_flattened());
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
