//! When inputs of a dataset arrived, to the minute.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize};

use super::bucket::{Grain, parse_label};
use super::key;
use super::tally::{self, TallyError};
use crate::state::{Item, Store, StoreError};

/// Arrivals within so many minutes are one: a cadence finer than that is not watched.
const SLOT_MINUTES: u16 = 5;

/// The minutes of a day at which inputs arrived: of each five minutes the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrivals {
    /// The minutes of the day, in their order.
    pub minutes: Vec<u16>,
}

impl Arrivals {
    /// Takes in an arrival at a minute of the day; whether that says anything new.
    pub fn note(&mut self, minute: u16) -> bool {
        let slot = |minute: &u16| *minute / SLOT_MINUTES;
        match self.minutes.iter_mut().find(|known| slot(known) == slot(&minute)) {
            Some(known) if *known <= minute => return false,
            Some(known) => *known = minute,
            None => self.minutes.push(minute),
        }
        self.minutes.sort_unstable();
        true
    }
}

/// Notes an arrival; noting it again changes nothing.
pub async fn note(
    store: &impl Store,
    dataset: &str,
    at: DateTime<Utc>,
    retention_days: u32,
) -> Result<(), TallyError> {
    let day = Grain::ARRIVAL_DAY.bucket(at);
    let minute = (at.hour() * 60 + at.minute()) as u16;
    let key = key::arrivals(dataset, &day.label());
    let expires_at = tally::expiry(at, retention_days);
    tally::change(store, &key, Some(expires_at), |day: &mut Arrivals| day.note(minute)).await?;
    Ok(())
}

/// The arrivals of the days before a moment, and of its day, in their order.
pub async fn since(
    store: &impl Store,
    dataset: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, StoreError> {
    let part =
        |at: DateTime<Utc>| key::arrivals(dataset, &Grain::ARRIVAL_DAY.bucket(at).label()).part;
    let mut arrivals = Vec::new();
    for item in store.query(dataset, &part(from), &part(to)).await? {
        let label = item.key.part.trim_start_matches("arrivals#").to_owned();
        let Some((_, day)) = parse_label(&label) else { continue };
        let read: Arrivals = Item::read(item)?;
        for minute in read.minutes {
            arrivals.push(day + TimeDelta::minutes(i64::from(minute)));
        }
    }
    Ok(arrivals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::MemoryStore;

    #[tokio::test]
    async fn arrivals_are_the_same_in_any_order() {
        let moments = ["2026-11-20T23:58:30Z", "2026-11-20T23:56:00Z", "2026-11-21T00:01:00Z"]
            .map(|text| text.parse::<DateTime<Utc>>().unwrap());
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let store = MemoryStore::default();
            for position in order.into_iter().chain(order) {
                note(&store, "shop.orders", moments[position], 100).await.unwrap();
            }
            let from = moments[1] - TimeDelta::days(2);
            let known = since(&store, "shop.orders", from, moments[2]).await.unwrap();
            // The first two are within five minutes.
            assert_eq!(known, [moments[1], moments[2]]);
        }
    }
}
