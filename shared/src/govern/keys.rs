//! The keys that were seen in an input, in as few bytes as they need.

/// Bytes of a key that are kept: among a million rows of a file the chance that two different keys
/// meet is 4·10⁻¹³ (n²/2⁸¹).
const KEY_BYTES: usize = 10;

/// How full a shard may be before it grows, in 64ths; and by how much it grows.
const FULLEST: usize = 58;
const GROWTH_NUMERATOR: usize = 5;
const GROWTH_DENOMINATOR: usize = 4;

/// Growing copies one shard, not the whole set, so the peak is hardly above the size. A shard of a
/// million keys is large enough to be given back to the system as a whole when it has grown.
const SHARDS: usize = 16;

/// Slots of a shard at first.
const FIRST_SLOTS: usize = 16;

/// No key: a hash that happens to be zero is taken as one.
const EMPTY: [u8; KEY_BYTES] = [0; KEY_BYTES];

/// A set of 128-bit hashes that keeps 80 bits of each.
///
/// Open addressing with linear probing in shards that grow by a quarter: between 11.1 and 13.9 bytes
/// a key once there are a few thousand. A general hash set doubles, and would need up to 36.
#[derive(Debug)]
pub struct KeySet {
    shards: Vec<Shard>,
    length: usize,
}

#[derive(Debug, Default, Clone)]
struct Shard {
    slots: Vec<[u8; KEY_BYTES]>,
    used: usize,
}

impl Default for KeySet {
    fn default() -> Self {
        Self { shards: vec![Shard::default(); SHARDS], length: 0 }
    }
}

impl KeySet {
    /// Adds a key; false when it was there.
    pub fn insert(&mut self, hash: u128) -> bool {
        let bytes = hash.to_le_bytes();
        let mut key = EMPTY;
        key.copy_from_slice(&bytes[..KEY_BYTES]);
        if key == EMPTY {
            key[0] = 1;
        }
        let inserted = self.shards[usize::from(bytes[KEY_BYTES]) % SHARDS].insert(key);
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
}

impl Shard {
    fn insert(&mut self, key: [u8; KEY_BYTES]) -> bool {
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

    /// Lemire's fast alternative to the modulo, since the size is no power of two.
    fn home(&self, key: &[u8; KEY_BYTES]) -> usize {
        let [a, b, c, d, e, f, g, h, ..] = *key;
        let hash = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
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
    use twox_hash::XxHash3_128;

    use super::*;

    #[test]
    fn a_key_costs_at_most_sixteen_bytes() {
        let mut keys = KeySet::default();
        for number in 0_u32..1_000_000 {
            assert!(keys.insert(XxHash3_128::oneshot(&number.to_le_bytes())));
            if number > 50_000 && number % 10_007 == 0 {
                assert!(
                    keys.bytes() <= 16 * keys.len(),
                    "{} bytes for {}",
                    keys.bytes(),
                    keys.len()
                );
            }
        }
        assert!(!keys.insert(XxHash3_128::oneshot(&7_u32.to_le_bytes())));
        assert_eq!(keys.len(), 1_000_000);
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(numbers in prop::collection::vec(0_u16..600, 0..2_000)) {
            let mut keys = KeySet::default();
            let mut expected = HashSet::new();
            for number in numbers {
                let hash = if number == 0 { 0 } else { XxHash3_128::oneshot(&number.to_le_bytes()) };
                prop_assert_eq!(keys.insert(hash), expected.insert(number));
            }
            prop_assert_eq!(keys.len(), expected.len());
        }
    }
}
