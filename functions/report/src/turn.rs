//! One refresh at a time.
//!
//! Two at once would each compare with a state that the other is changing, and the older of two rows
//! could come to the lake as the newer. So a refresh takes its turn: an item of the state that one
//! holder has until the time by which Lambda has ended its invocation. It also keeps `as_of` growing,
//! though the clocks of two machines differ.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::state::{Item, ItemKey, Replacement, Store, StoreError};

/// Lambda ends every invocation by then, whatever its deadline is said to be.
const LONGEST: TimeDelta = TimeDelta::minutes(15);

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    /// Counts the writes of the item.
    version: u64,
    /// Until when nobody else may.
    until: DateTime<Utc>,
    /// What the holder's rows are known as of: a later holder's are so later.
    as_of: DateTime<Utc>,
}

/// A turn that was taken.
#[derive(Debug)]
pub struct Turn {
    holder: Holder,
}

fn key() -> ItemKey {
    ItemKey::new("refresh", "turn")
}

impl Turn {
    /// Takes the turn until a time; none while somebody else has it.
    pub async fn take<S: Store>(
        store: &S,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Self>, StoreError> {
        let found = store.get(&key()).await?.map(Item::read::<Holder>).transpose()?;
        if found.as_ref().is_some_and(|found| found.until > now) {
            return Ok(None);
        }
        let over = found.as_ref().map(|found| found.version);
        let holder = Holder {
            version: over.unwrap_or_default() + 1,
            until: until.min(now + LONGEST),
            as_of: found.map_or(now, |found| now.max(found.as_of + TimeDelta::microseconds(1))),
        };
        let is_taken = write(store, &holder, over).await?;
        Ok(is_taken.then_some(Self { holder }))
    }

    /// What the rows of this turn are known as of.
    pub fn as_of(&self) -> DateTime<Utc> {
        self.holder.as_of
    }

    /// Gives it to the next. One that is not given ends by itself.
    pub async fn give<S: Store>(self, store: &S) -> Result<(), StoreError> {
        let Holder { version, as_of, .. } = self.holder;
        let free = Holder { version: version + 1, until: DateTime::UNIX_EPOCH, as_of };
        // Not written where the turn has ended and somebody else has it: then it is theirs.
        write(store, &free, Some(version)).await.map(drop)
    }
}

async fn write<S: Store>(
    store: &S,
    holder: &Holder,
    over: Option<u64>,
) -> Result<bool, StoreError> {
    let item = Item::of(key(), holder)?;
    store.replace(Replacement { item, over, puts: Vec::new(), deletes: Vec::new() }).await
}

#[cfg(test)]
mod tests {
    use shared::state::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn one_has_it_until_it_is_given_or_its_time_is_up() {
        let store = MemoryStore::default();
        let now: DateTime<Utc> = "2026-11-23T06:00:00Z".parse().unwrap();
        let later = |minutes| now + TimeDelta::minutes(minutes);
        let first = Turn::take(&store, now, later(5)).await.unwrap().unwrap();
        assert!(Turn::take(&store, later(4), later(9)).await.unwrap().is_none());
        first.give(&store).await.unwrap();
        // The clock of the second is behind, and its rows are the newer nevertheless.
        let second = Turn::take(&store, now - TimeDelta::seconds(1), later(4)).await.unwrap();
        let second = second.unwrap();
        assert_eq!(second.as_of(), now + TimeDelta::microseconds(1));
        // It never gave it, and the third waits no longer than its time.
        let third = Turn::take(&store, later(4), later(600)).await.unwrap().unwrap();
        second.give(&store).await.unwrap();
        assert!(Turn::take(&store, later(18), later(20)).await.unwrap().is_none(), "the third's");
        assert_eq!(third.holder.version, 4);
        assert!(Turn::take(&store, later(19), later(20)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn of_two_at_once_one_has_it() {
        let store = MemoryStore::default();
        let now = Utc::now();
        let take = || Turn::take(&store, now, now + TimeDelta::minutes(1));
        let (one, other) = tokio::join!(take(), take());
        assert!(one.unwrap().is_some() != other.unwrap().is_some());
    }
}
