//! What `report` reads of the state.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};
use shared::attribution::advertising::{CampaignDay, Pull};
use shared::attribution::key;
use shared::attribution::order::AttributedOrder;
use shared::attribution::performance::{Changed, Dating, PerformanceRow};
use shared::state::{Item, ItemKey, Store, StoreError};

use crate::changes::Stored;
use crate::performance::{Dictionary, Zones};
use crate::period::Period;

/// Parts of any kind: DynamoDB does not take an empty text in a key.
const ALL: (&str, &str) = (" ", "\u{10ffff}");

/// The days that must be computed again.
pub async fn marks<S: Store>(store: &S) -> Result<Vec<(Item, Changed)>, StoreError> {
    let mut marks = Vec::new();
    for item in store.query(key::CHANGED, ALL.0, ALL.1).await? {
        marks.push((item.clone(), item.read()?));
    }
    Ok(marks)
}

/// Marks days, so that they are computed even if this invocation breaks off.
///
/// These marks stand beside those of `attribute` and never over them. They announce nothing that is yet to
/// be written, so they are as old as can be, and go once their days are computed.
pub async fn mark<S: Store>(
    store: &S,
    days: Vec<NaiveDate>,
) -> Result<Vec<(Item, Changed)>, StoreError> {
    let mut marks = Vec::with_capacity(days.len());
    for date in days {
        let mark = Changed { date, marked_at: key::moment(DateTime::UNIX_EPOCH) };
        let key = ItemKey::new(key::CHANGED, format!("{date}#report"));
        marks.push((Item::of(key, &mark)?, mark));
    }
    store.put_all(marks.iter().map(|(item, _)| item.clone()).collect()).await?;
    Ok(marks)
}

/// What is known of campaigns and accounts.
pub async fn dictionary<S: Store>(store: &S) -> Result<Dictionary, StoreError> {
    let campaigns = read_all(store.query(key::CAMPAIGNS, ALL.0, ALL.1).await?)?;
    let accounts = read_all(store.query(key::ACCOUNTS, ALL.0, ALL.1).await?)?;
    Ok(Dictionary::new(campaigns, accounts))
}

/// Marks every day with orders if a time zone is not what it was when this was called last.
pub async fn mark_where_zones_differ<S: Store>(store: &S, zones: &Zones) -> Result<(), StoreError> {
    let key = ItemKey::new("refresh", "zones");
    let known: Option<Zones> = store.get(&key).await?.map(Item::read).transpose()?;
    if known.as_ref() == Some(zones) {
        return Ok(());
    }
    let dated = store.query(key::DATED, ALL.0, ALL.1).await?;
    let days: Vec<NaiveDate> = dated.iter().filter_map(|item| item.key.part.parse().ok()).collect();
    mark(store, days).await?;
    store.put_all(vec![Item::of(key, zones)?]).await
}

/// How the orders of a UTC day were dated when they were computed last.
pub async fn dating<S: Store>(store: &S, day: NaiveDate) -> Result<Dating, StoreError> {
    let item = store.get(&dating_key(day)).await?;
    Ok(item.map(Item::read).transpose()?.unwrap_or_default())
}

/// Keeps how the orders of a UTC day are dated.
pub async fn keep_dating<S: Store>(
    store: &S,
    day: NaiveDate,
    dating: &Dating,
) -> Result<(), StoreError> {
    store.put_all(vec![Item::of(dating_key(day), dating)?]).await
}

fn dating_key(day: NaiveDate) -> ItemKey {
    ItemKey::new(key::DATED, day.to_string())
}

/// What was advertised on a day, of the reports that hold.
pub async fn advertising<S: Store>(
    store: &S,
    date: NaiveDate,
) -> Result<Vec<CampaignDay>, StoreError> {
    let mut lines = Vec::new();
    let mut holding = Vec::new();
    for item in store.query(&key::advertising_subject(date), ALL.0, ALL.1).await? {
        // Headers and lines come together; the headers are few.
        if let Some(customer) = item.key.part.strip_prefix("pull#") {
            let customer = customer.to_owned();
            let pull: Pull = item.read()?;
            holding.push(format!("campaign#{customer}#{}#", pull.token));
        } else {
            lines.push(item);
        }
    }
    lines.retain(|item| holding.iter().any(|prefix| item.key.part.starts_with(prefix)));
    read_all(lines)
}

/// The rows that are stored of a day.
pub async fn stored<S: Store>(store: &S, date: NaiveDate) -> Result<Vec<Stored>, StoreError> {
    let (first, last) = key::all_with(&format!("{date}#"));
    let items = store.query(&key::performance_subject(date), &first, &last).await?;
    items.into_iter().map(Stored::read).collect()
}

/// The performance of a period, in the order of days; what was taken back is left out.
pub async fn performance<S: Store>(
    store: &S,
    period: Period,
) -> Result<Vec<PerformanceRow>, StoreError> {
    let months: BTreeSet<String> = period.days().map(key::performance_subject).collect();
    let (first, last) = (period.from.to_string(), key::all_with(&format!("{}#", period.to)).1);
    let mut rows: Vec<PerformanceRow> = Vec::new();
    for month in months {
        rows.extend(read_all::<PerformanceRow>(store.query(&month, &first, &last).await?)?);
    }
    rows.retain(|row| !row.is_nothing());
    Ok(rows)
}

fn read_all<T: serde::de::DeserializeOwned>(items: Vec<Item>) -> Result<Vec<T>, StoreError> {
    items.into_iter().map(Item::read).collect()
}

/// The orders of a few days, each read once while days that lie side by side are computed.
#[derive(Debug, Default)]
pub struct Orders {
    by_day: BTreeMap<NaiveDate, Vec<AttributedOrder>>,
}

impl Orders {
    /// The orders of some UTC days, in their order; those of days after the last are forgotten.
    pub async fn of<S: Store>(
        &mut self,
        store: &S,
        days: [NaiveDate; 3],
    ) -> Result<[&[AttributedOrder]; 3], StoreError> {
        self.by_day.retain(|day, _| *day <= days[2]);
        for day in days {
            if let Entry::Vacant(place) = self.by_day.entry(day) {
                let (first, last) = key::all_with(key::ORDERS);
                let items = store.query(&key::day_subject(day), &first, &last).await?;
                place.insert(read_all(items)?);
            }
        }
        Ok(days.map(|day| self.by_day.get(&day).map_or(&[][..], Vec::as_slice)))
    }
}
