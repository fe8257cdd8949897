//! What `watch` remembers from one tick to the next: one item of the observations table.
//!
//! SQS does not say how old a queue's messages are, and CloudWatch takes a dollar a hundred thousand times that
//! it is asked; so it is remembered since when a queue was neither empty nor had fewer messages than
//! before. Of a dataset it is remembered when its volume and its edges were last looked at.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::observation::tally;
use shared::state::{ItemKey, Store};

use crate::error::WatchError;

/// The subject of what `watch` remembers. No dataset has this name: theirs have a dot.
pub const SUBJECT: &str = "watch";

/// What was not seen for so long is forgotten.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(14);

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Queues that hold messages, by their names.
    #[serde(default)]
    pub queues: BTreeMap<String, Waiting>,
    /// When datasets were looked at.
    #[serde(default)]
    pub looks: BTreeMap<String, Look>,
}

/// A queue that holds messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Since when it was neither empty nor had fewer than before.
    pub since: DateTime<Utc>,
    /// How many it had.
    pub messages: u64,
    /// When that was.
    pub seen_at: DateTime<Utc>,
}

/// When a dataset was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Its volume.
    pub volume: Option<DateTime<Utc>>,
    /// Its edges.
    pub edges: Option<DateTime<Utc>>,
}

/// What a tick has seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// How many messages a queue holds.
    pub queues: BTreeMap<String, u64>,
    /// Datasets whose volume or edges were looked at.
    pub looks: BTreeMap<String, Look>,
}

/// What is remembered now.
pub async fn recall(store: &impl Store) -> Result<Memory, WatchError> {
    Ok(tally::read(store, &key()).await?.unwrap_or_default())
}

/// Remembers what a tick has seen; what a later one has seen before stays.
pub async fn remember(
    store: &impl Store,
    seen: &Seen,
    at: DateTime<Utc>,
) -> Result<(), WatchError> {
    tally::change(store, &key(), None, |memory: &mut Memory| {
        let before = memory.clone();
        memory.note(seen, at);
        *memory != before
    })
    .await?;
    Ok(())
}

fn key() -> ItemKey {
    ItemKey::new(SUBJECT, "clock")
}

impl Memory {
    /// Takes in what was seen at a moment.
    pub fn note(&mut self, seen: &Seen, at: DateTime<Utc>) {
        for (queue, messages) in &seen.queues {
            self.note_queue(queue, *messages, at);
        }
        for (dataset, look) in &seen.looks {
            let known = self.looks.entry(dataset.clone()).or_default();
            known.volume = known.volume.max(look.volume);
            known.edges = known.edges.max(look.edges);
        }
        let is_recent = |moment: DateTime<Utc>| moment + FORGOTTEN_AFTER > at;
        self.queues.retain(|_, waiting| is_recent(waiting.seen_at));
        self.looks.retain(|_, look| look.volume.max(look.edges).is_some_and(is_recent));
    }

    fn note_queue(&mut self, queue: &str, messages: u64, at: DateTime<Utc>) {
        let known = self.queues.get(queue);
        if known.is_some_and(|waiting| at <= waiting.seen_at) {
            return;
        }
        if messages == 0 {
            self.queues.remove(queue);
            return;
        }
        let stands = known.filter(|waiting| messages >= waiting.messages);
        let since = stands.map_or(at, |waiting| waiting.since);
        self.queues.insert(queue.to_owned(), Waiting { since, messages, seen_at: at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(minutes: i64) -> DateTime<Utc> {
        "2026-11-20T10:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
    }

    fn since(memory: &Memory) -> Option<DateTime<Utc>> {
        memory.queues.get("segment").map(|waiting| waiting.since)
    }

    #[test]
    fn a_queue_waits_since_it_was_empty_or_moved() {
        let mut memory = Memory::default();
        let mut see = |messages, minutes| {
            let queues = BTreeMap::from([("segment".to_owned(), messages)]);
            memory.note(&Seen { queues, ..Seen::default() }, moment(minutes));
            since(&memory)
        };
        assert_eq!(see(0, 0), None);
        assert_eq!(see(3, 5), Some(moment(5)));
        assert_eq!(see(3, 10), Some(moment(5)));
        assert_eq!(see(9, 15), Some(moment(5)), "more come, none goes");
        assert_eq!(see(0, 10), Some(moment(5)), "an earlier tick comes late");
        assert_eq!(see(1, 15), Some(moment(5)), "the same tick comes twice");
        assert_eq!(see(8, 20), Some(moment(20)), "one has gone");
        assert_eq!(see(0, 25), None);
    }

    #[test]
    fn what_is_not_seen_any_more_is_forgotten() {
        let mut memory = Memory::default();
        let queues = BTreeMap::from([("old".to_owned(), 1)]);
        let looks = BTreeMap::from([(
            "shop.orders".to_owned(),
            Look { volume: None, edges: Some(moment(0)) },
        )]);
        memory.note(&Seen { queues, looks }, moment(0));
        assert_eq!((memory.queues.len(), memory.looks.len()), (1, 1));
        memory.note(&Seen::default(), moment(15 * 24 * 60));
        assert_eq!(memory, Memory::default());
    }
}
