//! Links: two names of one person. They stand on both sides, as attributes of one item a person, so that
//! a hundred persons' links are read with one call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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

/// Names that a person keeps, of browsers as of users and addresses: an item has 400 KB, and a name with its
/// time takes a hundred bytes. Who is linked to far fewer users and addresses is left out by `identity`
/// already, and nobody has so many browsers.
const MOST_NAMES: usize = 1_000;

const EXPIRES_AT: &str = "expires_at";

/// The other names of a person that an item tells of.
pub(crate) fn others(item: &Item) -> Vec<Person> {
    item.attributes.keys().filter_map(|name| Person::of(name)).collect()
}

/// Writes links on both sides. Those that nobody has said for `retention` are taken away on the way. A side
/// that has too many takes no new ones; the other side has its link all the same.
///
/// A link counts from when it was learnt, whatever the clock of who said it. So it is no matter who is last
/// of two that write it at the same time.
pub(crate) async fn write<S: Store>(
    store: &S,
    said: &BTreeSet<(Person, Person)>,
    retention: TimeDelta,
) -> Result<(), StoreError> {
    let now = Utc::now();
    let mut sides: BTreeMap<&Person, BTreeSet<String>> = BTreeMap::new();
    for (one, other) in said {
        sides.entry(one).or_default().insert(other.to_string());
        sides.entry(other).or_default().insert(one.to_string());
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
    mut names: BTreeSet<String>,
    known: &HashMap<String, AttributeValue>,
    now: DateTime<Utc>,
    retention: TimeDelta,
) -> Vec<Amendment> {
    let mut latest = now;
    let mut removed = Vec::new();
    let mut kept = BTreeSet::new();
    for (name, newest) in known {
        let newest: Option<DateTime<Utc>> = newest.as_s().ok().and_then(|text| text.parse().ok());
        let Some(newest) = newest.filter(|_| Person::of(name).is_some()) else { continue };
        if newest < now - retention && !names.contains(name) {
            removed.push(name.clone());
            continue;
        }
        latest = latest.max(newest);
        kept.insert(name.as_str());
        if newest > now - REFRESH {
            names.remove(name);
        }
    }
    leave_out(&mut names, &kept);
    if names.is_empty() {
        return Vec::new();
    }
    let expires_at = latest.timestamp().saturating_add(retention.num_seconds());
    let names: Vec<String> = names.into_iter().collect();
    let mut amendments = Vec::with_capacity(1);
    for chunk in names.chunks(ATTRIBUTES_AT_ONCE) {
        let mut set: HashMap<String, AttributeValue> =
            chunk.iter().map(|name| (name.clone(), AttributeValue::S(moment(now)))).collect();
        set.insert(EXPIRES_AT.to_owned(), AttributeValue::N(expires_at.to_string()));
        let rest = removed.split_off(removed.len().min(ATTRIBUTES_AT_ONCE));
        let removed = std::mem::replace(&mut removed, rest);
        amendments.push(Amendment { key: links(person), set, removed });
    }
    amendments
}

/// Leaves out the new names for which there is no room beside those that are kept.
fn leave_out(names: &mut BTreeSet<String>, kept: &BTreeSet<&str>) {
    for of_browsers in [false, true] {
        let is_one =
            |name: &str| matches!(Person::of(name), Some(Person::Anonymous(_))) == of_browsers;
        let count = kept.iter().filter(|name| is_one(name)).count();
        let mut room = MOST_NAMES.saturating_sub(count);
        names.retain(|name| {
            if kept.contains(name.as_str()) || !is_one(name) {
                return true;
            }
            let has_room = room > 0;
            room = room.saturating_sub(1);
            has_room
        });
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use shared::state::MemoryStore;

    use super::*;

    const RETENTION: TimeDelta = TimeDelta::days(90);

    fn person(text: &str) -> Person {
        Person::of(text).unwrap()
    }

    fn said(one: &str, other: &str) -> BTreeSet<(Person, Person)> {
        BTreeSet::from([(person(one), person(other))])
    }

    /// Somebody and so many others, each of a kind.
    fn said_of_many(one: &str, kind: &str, numbers: Range<usize>) -> BTreeSet<(Person, Person)> {
        numbers.flat_map(|number| said(one, &format!("{kind}#{number:04}"))).collect()
    }

    async fn of(store: &MemoryStore, subject: &str) -> HashMap<String, AttributeValue> {
        store.get(&links(&person(subject))).await.unwrap().unwrap().attributes
    }

    /// How many names of a kind somebody has.
    async fn count(store: &MemoryStore, subject: &str, kind: &str) -> usize {
        of(store, subject).await.keys().filter(|name| name.starts_with(kind)).count()
    }

    async fn put(store: &MemoryStore, subject: &str, names: Range<usize>, days_ago: i64) {
        let at = moment(Utc::now() - TimeDelta::days(days_ago));
        let set = names.map(|name| (format!("user#{name:04}"), AttributeValue::S(at.clone())));
        let key = links(&person(subject));
        store.amend(Amendment { key, set: set.collect(), removed: Vec::new() }).await.unwrap();
    }

    #[tokio::test]
    async fn a_link_stands_on_both_sides_and_counts_from_when_it_was_learnt() {
        let store = MemoryStore::default();
        let before = Utc::now();
        write(&store, &said("anonymous#b", "user#1"), RETENTION).await.unwrap();
        for (one, other) in [("anonymous#b", "user#1"), ("user#1", "anonymous#b")] {
            let attributes = of(&store, one).await;
            let newest: DateTime<Utc> = attributes[other].as_s().unwrap().parse().unwrap();
            assert!(newest >= before - TimeDelta::seconds(1) && newest <= Utc::now());
            let expires_at: i64 = attributes[EXPIRES_AT].as_n().unwrap().parse().unwrap();
            assert_eq!(expires_at, newest.timestamp() + RETENTION.num_seconds());
        }
    }

    #[tokio::test]
    async fn what_was_just_said_is_not_written_again_and_what_is_old_is_taken_away() {
        let store = MemoryStore::default();
        put(&store, "email#e", 0..1, 91).await;
        write(&store, &said("email#e", "user#1"), RETENTION).await.unwrap();
        let written = of(&store, "email#e").await;
        assert_eq!(written.keys().filter(|name| name.starts_with("user#")).count(), 1);
        write(&store, &said("email#e", "user#1"), RETENTION).await.unwrap();
        assert_eq!(of(&store, "email#e").await, written);
    }

    #[tokio::test]
    async fn more_links_than_one_call_takes_are_all_written() {
        let store = MemoryStore::default();
        let many = said_of_many("anonymous#b", "user", 0..250);
        write(&store, &many, RETENTION).await.unwrap();
        let item = store.get(&links(&person("anonymous#b"))).await.unwrap().unwrap();
        assert_eq!(others(&item).len(), 250);
    }

    #[tokio::test]
    async fn who_has_too_many_names_takes_no_new_one_and_the_other_side_has_its_link() {
        let store = MemoryStore::default();
        let many = said_of_many("email#info", "user", 0..MOST_NAMES + 10);
        write(&store, &many, RETENTION).await.unwrap();
        assert_eq!(count(&store, "email#info", "user#").await, MOST_NAMES);
        write(&store, &said("email#info", "user#new"), RETENTION).await.unwrap();
        assert_eq!(count(&store, "email#info", "user#").await, MOST_NAMES);
        assert_eq!(count(&store, "user#new", "email#").await, 1);
        // Of another kind there is room.
        write(&store, &said("email#info", "anonymous#b"), RETENTION).await.unwrap();
        assert_eq!(count(&store, "email#info", "anonymous#").await, 1);
    }

    #[tokio::test]
    async fn at_its_most_a_person_keeps_what_is_said_again_and_has_room_for_what_is_forgotten() {
        let store = MemoryStore::default();
        put(&store, "email#info", 0..MOST_NAMES - 1, 2).await;
        put(&store, "email#info", MOST_NAMES - 1..MOST_NAMES, 91).await;
        let again = said_of_many("email#info", "user", 0..1);
        write(&store, &again, RETENTION).await.unwrap();
        let learnt = of(&store, "email#info").await["user#0000"].as_s().unwrap().clone();
        assert!(learnt > moment(Utc::now() - TimeDelta::days(1)), "{learnt}");
        assert_eq!(count(&store, "email#info", "user#").await, MOST_NAMES - 1);
        write(&store, &said("email#info", "user#new"), RETENTION).await.unwrap();
        assert_eq!(count(&store, "email#info", "user#").await, MOST_NAMES);
        assert!(of(&store, "email#info").await.contains_key("user#new"));
    }
}
