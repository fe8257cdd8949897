//! The days that must be computed again.

use std::collections::BTreeSet;

use chrono::{NaiveDate, Utc};
use shared::attribution::key::{CHANGED, moment};
use shared::attribution::performance::Changed;
use shared::state::{Item, ItemKey, Store, StoreError};
use tokio::sync::Mutex;

/// The days that were marked for one message.
///
/// `report` takes a mark away only when it is older than any invocation can be. So one mark a day is
/// enough for all that a message changes there, if it was written before the first of it.
#[derive(Debug, Default)]
pub struct Marks {
    marked: Mutex<BTreeSet<NaiveDate>>,
}

impl Marks {
    /// Marks days. When this is done, each mark stands, whoever has written it.
    pub async fn mark<S: Store>(
        &self,
        store: &S,
        dates: impl IntoIterator<Item = NaiveDate>,
    ) -> Result<(), StoreError> {
        let mut marked = self.marked.lock().await;
        let dates: BTreeSet<NaiveDate> =
            dates.into_iter().filter(|date| !marked.contains(date)).collect();
        if dates.is_empty() {
            return Ok(());
        }
        let mut items = Vec::with_capacity(dates.len());
        let marked_at = moment(Utc::now());
        for date in &dates {
            let mark = Changed { date: *date, marked_at: marked_at.clone() };
            items.push(Item::of(ItemKey::new(CHANGED, date.to_string()), &mark)?);
        }
        store.put_all(items).await?;
        marked.extend(dates);
        Ok(())
    }
}
