//! Touches in the state: of persons, and of click ids.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use shared::attribution::facts::Touch;
use shared::attribution::key::{Person, all_with, click_subject};
use shared::state::{Item, Store, StoreError};

use crate::concurrency::all;

/// What a click id leads to.
#[derive(Debug, Default)]
pub(crate) struct OfClick {
    /// Orders, as their keys name them.
    pub(crate) orders: BTreeSet<String>,
    /// Who was seen with it.
    pub(crate) persons: BTreeSet<Person>,
}

/// The touches of some persons, from one moment to another.
pub(crate) async fn of<S: Store>(
    store: &S,
    persons: BTreeSet<Person>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Touch>, StoreError> {
    let (first, (_, last)) = (&Touch::part_at(from), &all_with(&Touch::part_at(to)));
    let mut reads = Vec::with_capacity(persons.len());
    for person in persons {
        // Nobody touches anything by an address alone.
        if !matches!(person, Person::Email(_)) {
            reads.push(async move { store.query(&person.to_string(), first, last).await });
        }
    }
    all(reads).await?.into_iter().flatten().map(Item::read).collect()
}

/// When a click id was first seen, by anybody.
pub(crate) async fn first_of_click<S: Store>(
    store: &S,
    gclid: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let (first, last) = all_with("touch#");
    let items = store.query(&click_subject(gclid), &first, &last).await?;
    Ok(items.first().and_then(|item| time_and_person(&item.key.part)).map(|(at, _)| at))
}

/// Whatever a click id leads to.
pub(crate) async fn of_click<S: Store>(store: &S, gclid: &str) -> Result<OfClick, StoreError> {
    let (_, last) = all_with("touch#");
    let mut found = OfClick::default();
    for item in store.query(&click_subject(gclid), "order#", &last).await? {
        if let Some(order) = item.key.part.strip_prefix("order#") {
            found.orders.insert(order.to_owned());
        } else if let Some((_, person)) = time_and_person(&item.key.part) {
            found.persons.insert(person);
        }
    }
    Ok(found)
}

/// `touch#<time>#<person>`.
fn time_and_person(part: &str) -> Option<(DateTime<Utc>, Person)> {
    let (time, person) = part.strip_prefix("touch#")?.split_once('#')?;
    Some((time.parse().ok()?, Person::of(person)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_person_are_read_back_from_the_key() {
        let touch = Touch {
            at: "2026-11-23T10:00:00.000001Z".parse().unwrap(),
            message_id: "m".to_owned(),
            gclid: Some("g".to_owned()),
            campaign: None,
            source: None,
            medium: None,
        };
        let person = Person::Anonymous("a#b".to_owned());
        let key = touch.key_under_click(&person).unwrap();
        assert_eq!(time_and_person(&key.part), Some((touch.at, person)));
        assert_eq!(time_and_person("order#1"), None);
    }
}
