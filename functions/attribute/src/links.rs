//! Links: two names of one person. They stand on both sides, as attributes of one item a person, so that
//! a hundred persons' links are read with one call.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use shared::attribution::key::{Person, links, moment};
use shared::state::{Amendment, Item, Store, StoreError};

use crate::concurrency::{all, read_all};

/// A link that was written so lately is not written again: who comes back every day says the same every
/// day.
const REFRESH: TimeDelta = TimeDelta::days(1);

/// Attributes of one call: DynamoDB takes 4 KB of expression.
const ATTRIBUTES_AT_ONCE: usize = 100;

const EXPIRES_AT: &str = "expires_at";

/// When two names were last said to be of one person, the lesser first.
type Said = BTreeMap<(Person, Person), DateTime<Utc>>;

/// The other names of a person that an item tells of.
pub(crate) fn others(item: &Item) -> Vec<Person> {
    item.attributes.keys().filter_map(|name| Person::of(name)).collect()
}

/// Writes links on both sides. Those that nobody has said for `retention` are taken away on the way.
///
/// A link counts from when it was learnt, or said if that is later. So it is no matter who is last of
/// two that write it at the same time.
pub(crate) async fn write<S: Store>(
    store: &S,
    said: &Said,
    retention: TimeDelta,
) -> Result<(), StoreError> {
    let now = Utc::now();
    let mut sides: BTreeMap<&Person, BTreeMap<String, DateTime<Utc>>> = BTreeMap::new();
    for ((one, other), said_at) in said {
        let newest = now.max(*said_at);
        sides.entry(one).or_default().insert(other.to_string(), newest);
        sides.entry(other).or_default().insert(one.to_string(), newest);
    }
    let keys = sides.keys().map(|person| links(person)).collect();
    let mut known: HashMap<_, _> =
        read_all(store, keys).await?.into_iter().map(|item| (item.key, item.attributes)).collect();
    let mut writes = Vec::with_capacity(sides.len());
    for (person, names) in sides {
        let known = known.remove(&links(person)).unwrap_or_default();
        for amendment in amendments(person, names, &known, now, retention) {
            writes.push(store.amend(amendment));
        }
    }
    all(writes).await?;
    Ok(())
}

/// What must be written of a person's links; nothing where everything stands already.
fn amendments(
    person: &Person,
    mut names: BTreeMap<String, DateTime<Utc>>,
    known: &HashMap<String, AttributeValue>,
    now: DateTime<Utc>,
    retention: TimeDelta,
) -> Vec<Amendment> {
    let mut latest = now;
    let mut removed = Vec::new();
    for (name, newest) in known {
        let newest: Option<DateTime<Utc>> = newest.as_s().ok().and_then(|text| text.parse().ok());
        let Some(newest) = newest.filter(|_| Person::of(name).is_some()) else { continue };
        latest = latest.max(newest);
        if newest > now - REFRESH {
            names.remove(name);
        } else if newest < now - retention && !names.contains_key(name) {
            removed.push(name.clone());
        }
    }
    if names.is_empty() {
        return Vec::new();
    }
    latest = names.values().copied().fold(latest, DateTime::max);
    let expires_at = latest.timestamp().saturating_add(retention.num_seconds());
    let names: Vec<(String, DateTime<Utc>)> = names.into_iter().collect();
    let mut amendments = Vec::with_capacity(1);
    for chunk in names.chunks(ATTRIBUTES_AT_ONCE) {
        let mut set: HashMap<String, AttributeValue> = chunk
            .iter()
            .map(|(name, newest)| (name.clone(), AttributeValue::S(moment(*newest))))
            .collect();
        set.insert(EXPIRES_AT.to_owned(), AttributeValue::N(expires_at.to_string()));
        let rest = removed.split_off(removed.len().min(ATTRIBUTES_AT_ONCE));
        let removed = std::mem::replace(&mut removed, rest);
        amendments.push(Amendment { key: links(person), set, removed });
    }
    amendments
}

#[cfg(test)]
mod tests {
    use shared::state::MemoryStore;

    use super::*;

    const RETENTION: TimeDelta = TimeDelta::days(90);

    fn person(text: &str) -> Person {
        Person::of(text).unwrap()
    }

    fn said(one: &str, other: &str, days_ago: i64) -> Said {
        let at = Utc::now() - TimeDelta::days(days_ago);
        BTreeMap::from([((person(one), person(other)), at)])
    }

    async fn of(store: &MemoryStore, subject: &str) -> HashMap<String, AttributeValue> {
        store.get(&links(&person(subject))).await.unwrap().unwrap().attributes
    }

    #[tokio::test]
    async fn a_link_stands_on_both_sides_and_counts_from_when_it_was_learnt() {
        let store = MemoryStore::default();
        let before = Utc::now();
        write(&store, &said("anonymous#b", "user#1", 300), RETENTION).await.unwrap();
        for (one, other) in [("anonymous#b", "user#1"), ("user#1", "anonymous#b")] {
            let attributes = of(&store, one).await;
            let newest: DateTime<Utc> = attributes[other].as_s().unwrap().parse().unwrap();
            assert!(newest >= before - TimeDelta::seconds(1));
            let expires_at: i64 = attributes[EXPIRES_AT].as_n().unwrap().parse().unwrap();
            assert_eq!(expires_at, newest.timestamp() + RETENTION.num_seconds());
        }
    }

    #[tokio::test]
    async fn what_was_just_said_is_not_written_again_and_what_is_old_is_taken_away() {
        let store = MemoryStore::default();
        let old = moment(Utc::now() - TimeDelta::days(91));
        let set = HashMap::from([("user#0".to_owned(), AttributeValue::S(old))]);
        let key = links(&person("email#e"));
        store.amend(Amendment { key, set, removed: Vec::new() }).await.unwrap();
        write(&store, &said("email#e", "user#1", 0), RETENTION).await.unwrap();
        let written = of(&store, "email#e").await;
        assert_eq!(written.keys().filter(|name| name.starts_with("user#")).count(), 1);
        write(&store, &said("email#e", "user#1", 0), RETENTION).await.unwrap();
        assert_eq!(of(&store, "email#e").await, written);
    }

    #[tokio::test]
    async fn more_links_than_one_call_takes_are_all_written() {
        let store = MemoryStore::default();
        let mut many = Said::new();
        for number in 0..250 {
            many.extend(said("anonymous#b", &format!("user#{number}"), 0));
        }
        write(&store, &many, RETENTION).await.unwrap();
        let item = store.get(&links(&person("anonymous#b"))).await.unwrap().unwrap();
        assert_eq!(others(&item).len(), 250);
    }
}
