//! How far the landing bucket was swept: what is remembered from one sweep to the next.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::observation::tally;
use shared::state::{ItemKey, Store};

use crate::error::WatchError;
use crate::memory::SUBJECT;

/// A stretch of time whose objects are looked for, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Objects that landed later than this …
    pub from: DateTime<Utc>,
    /// … and not later than this.
    pub to: DateTime<Utc>,
    /// The last key that was seen; empty at the beginning.
    pub after: String,
    /// When the first object landed that there was no room to remember.
    #[serde(default)]
    pub left_out: Option<DateTime<Utc>>,
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Until when everything that landed was looked at.
    pub until: Option<DateTime<Utc>>,
    /// A sweep that did not come to its end.
    pub under_way: Option<Stretch>,
}

/// What is remembered now.
pub async fn recall(store: &impl Store) -> Result<Swept, WatchError> {
    Ok(tally::read(store, &key()).await?.unwrap_or_default())
}

/// Remembers how far a sweep has come.
pub async fn remember(store: &impl Store, swept: &Swept) -> Result<(), WatchError> {
    tally::change(store, &key(), None, |known: &mut Swept| {
        let has_news = known != swept;
        known.clone_from(swept);
        has_news
    })
    .await?;
    Ok(())
}

fn key() -> ItemKey {
    ItemKey::new(SUBJECT, "sweep")
}

impl Swept {
    /// What to look at now: what is left of a sweep, else all that landed within `look_back`, and since the last
    /// sweep where that is longer ago. Stretches overlap: a large object counts as landed when its upload
    /// began, and shows when it ends.
    pub fn next(&self, look_back: TimeDelta, to: DateTime<Utc>) -> Stretch {
        if let Some(stretch) = &self.under_way {
            return stretch.clone();
        }
        let from = to - look_back;
        let from = self.until.map_or(from, |until| from.min(until));
        Stretch { from, to, after: String::new(), left_out: None }
    }

    /// What is remembered once a stretch has come so far.
    pub fn after(stretch: Stretch, is_done: bool, known: &Self) -> Self {
        if !is_done {
            return Self { until: known.until, under_way: Some(stretch) };
        }
        let until = stretch.left_out.map_or(stretch.to, |left_out| {
            // One that landed at this very moment is looked for again.
            stretch.to.min(left_out - TimeDelta::seconds(1))
        });
        Self { until: Some(until), under_way: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(minutes: i64) -> DateTime<Utc> {
        "2026-11-20T10:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
    }

    #[test]
    fn stretches_leave_no_gap() {
        let two_hours = TimeDelta::hours(2);
        let first = Swept::default().next(two_hours, moment(0));
        assert_eq!((first.from, first.to), (moment(-120), moment(0)));
        let swept = Swept::after(first, true, &Swept::default());
        let next = swept.next(two_hours, moment(60));
        assert_eq!((next.from, next.to), (moment(-60), moment(60)));
        // Nothing ran for a day.
        let next = swept.next(two_hours, moment(24 * 60));
        assert_eq!(next.from, moment(0));
        // What was cut off goes on, and the next begins where it began to look.
        let cut = Stretch { after: "segment/a".to_owned(), ..next };
        let swept = Swept::after(cut.clone(), false, &swept);
        assert_eq!(swept.next(two_hours, moment(25 * 60)), cut);
        let swept = Swept::after(cut, true, &swept);
        assert_eq!(swept.until, Some(moment(24 * 60)));
        // What there was no room for is looked for again.
        let full = Stretch { left_out: Some(moment(500)), ..swept.next(two_hours, moment(1600)) };
        let swept = Swept::after(full, true, &swept);
        assert!(swept.next(two_hours, moment(1660)).from < moment(500));
    }
}
