//! Keys that are kept between invocations: a segment never changes, so what is here is always true.

use std::collections::{HashMap, VecDeque};

use shared::lake::SortedKeys;

/// The segments that came last, as many as fit.
#[derive(Debug)]
pub(crate) struct SegmentCache {
    segments: HashMap<String, SortedKeys>,
    /// Their keys, in the order in which they came.
    order: VecDeque<String>,
    bytes: usize,
    most_bytes: usize,
}

impl SegmentCache {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { segments: HashMap::new(), order: VecDeque::new(), bytes: 0, most_bytes }
    }

    pub(crate) fn get(&self, key: &str) -> Option<SortedKeys> {
        self.segments.get(key).cloned()
    }

    /// Keeps a segment in the place of those that came first; not one that is larger than all there is.
    pub(crate) fn keep(&mut self, key: &str, keys: &SortedKeys) {
        if keys.bytes() > self.most_bytes || self.segments.contains_key(key) {
            return;
        }
        while self.bytes + keys.bytes() > self.most_bytes {
            let Some(first) = self.order.pop_front() else { break };
            if let Some(gone) = self.segments.remove(&first) {
                self.bytes -= gone.bytes();
            }
        }
        self.bytes += keys.bytes();
        self.order.push_back(key.to_owned());
        self.segments.insert(key.to_owned(), keys.clone());
    }
}

#[cfg(test)]
mod tests {
    use shared::event::KeySegment;

    use super::*;

    fn keys(count: u64) -> SortedKeys {
        let segment = KeySegment { key: String::new(), count, from_day: 0, to_day: 0 };
        SortedKeys::read(&segment, vec![0; 10 * count as usize].into()).unwrap()
    }

    #[test]
    fn what_came_first_makes_room() {
        let mut cache = SegmentCache::new(100);
        for (key, count) in [("a", 4), ("b", 4), ("too large", 11), ("c", 6)] {
            cache.keep(key, &keys(count));
        }
        let kept = ["a", "b", "c", "too large"].map(|key| cache.get(key).is_some());
        assert_eq!(kept, [false, true, true, false]);
        assert_eq!(cache.bytes, 100);
    }
}
