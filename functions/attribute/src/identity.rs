//! Who is whom: the names that are of one person, and the orders of everybody behind them.
//!
//! Users and e-mail addresses are followed along their links, however far. A browser is not: two users
//! of one browser are two people. So a browser counts for every user that was seen on it, and links
//! nobody. Whoever is linked to too many others is left out: an address like info@, a browser in a shop
//! window, a user id that a test has used.

use std::collections::{BTreeSet, HashMap};

use shared::attribution::key::{Person, all_with, has_ordered, links};
use shared::state::{Item, Store, StoreError};

use crate::concurrency::{all, read_all};
use crate::links::others;

/// Who is linked to more users and addresses than these is nobody in particular.
const MOST_LINKS: usize = 64;

/// What is found when links are followed.
#[derive(Debug, Default)]
struct Found {
    /// Users and addresses.
    persons: BTreeSet<Person>,
    /// Browsers that they were seen on.
    browsers: BTreeSet<Person>,
}

/// A person, and the names that are linked to them.
struct Known {
    person: Person,
    others: Vec<Person>,
}

impl Known {
    fn links_too_many(&self) -> bool {
        self.others.iter().filter(|other| !is_browser(other)).count() > MOST_LINKS
    }
}

fn is_browser(person: &Person) -> bool {
    matches!(person, Person::Anonymous(_))
}

/// Everybody who is the same person as a customer, with the browsers of them all.
pub async fn names_of<S: Store>(store: &S, customer: &str) -> Result<BTreeSet<Person>, StoreError> {
    let start = BTreeSet::from([Person::User(customer.to_owned())]);
    let Found { persons: mut names, browsers } = follow(store, start).await?;
    for browser in read(store, browsers).await? {
        if !browser.links_too_many() {
            names.insert(browser.person);
        }
    }
    Ok(names)
}

/// The orders of everybody who may be the same person as one of some persons, as their keys name them.
pub async fn orders_of<S: Store>(
    store: &S,
    persons: BTreeSet<Person>,
) -> Result<BTreeSet<String>, StoreError> {
    let mut customers = follow(store, persons).await?.persons;
    customers.retain(|person| matches!(person, Person::User(_)));
    let markers = read_all(store, customers.iter().map(has_ordered).collect()).await?;
    let (first, last) = all_with("order#");
    let mut reads = Vec::with_capacity(markers.len());
    for marker in &markers {
        reads.push(store.query(&marker.key.subject, &first, &last));
    }
    let orders = all::<Vec<Item>, _, _>(reads).await?.into_iter().flatten();
    Ok(orders.filter_map(|item| item.key.part.strip_prefix("order#").map(str::to_owned)).collect())
}

/// Follows links from some persons.
///
/// Who is linked to too many is followed no further, and found only where it is the start itself: then
/// what is found from one person finds that person again.
async fn follow<S: Store>(store: &S, start: BTreeSet<Person>) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let mut seen = start.clone();
    let mut next = start.clone();
    while !next.is_empty() {
        for known in read(store, std::mem::take(&mut next)).await? {
            let stands_alone = known.links_too_many();
            if stands_alone && !start.contains(&known.person) {
                continue;
            }
            if !stands_alone {
                let (browsers, others): (Vec<Person>, Vec<Person>) =
                    known.others.into_iter().partition(is_browser);
                found.browsers.extend(browsers);
                next.extend(others.into_iter().filter(|other| seen.insert(other.clone())));
            }
            if !is_browser(&known.person) {
                found.persons.insert(known.person);
            }
        }
    }
    Ok(found)
}

/// Persons with their links; who has none is there as well.
async fn read<S: Store>(store: &S, persons: BTreeSet<Person>) -> Result<Vec<Known>, StoreError> {
    let items = read_all(store, persons.iter().map(links).collect()).await?;
    let mut of: HashMap<String, Vec<Person>> =
        items.into_iter().map(|item| (item.key.subject.clone(), others(&item))).collect();
    let known = |person: Person| {
        let others = of.remove(&person.to_string()).unwrap_or_default();
        Known { person, others }
    };
    Ok(persons.into_iter().map(known).collect())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use shared::attribution::key::order_part;
    use shared::state::{ItemKey, MemoryStore};

    use super::*;
    use crate::links::write;

    fn person(text: &str) -> Person {
        Person::of(text).unwrap()
    }

    async fn world(links: &[(&str, &str)], orders: &[(&str, &str)]) -> MemoryStore {
        let store = MemoryStore::default();
        let said: BTreeSet<_> =
            links.iter().map(|(one, other)| (person(one), person(other))).collect();
        write(&store, &said, TimeDelta::days(90)).await.unwrap();
        let mut items = Vec::new();
        for (customer, order) in orders {
            items.push(Item::bare(has_ordered(&person(customer))));
            items.push(Item::bare(ItemKey::new(*customer, order_part(order))));
        }
        store.put_all(items).await.unwrap();
        store
    }

    async fn names(store: &MemoryStore, customer: &str) -> Vec<String> {
        let names = names_of(store, customer).await.unwrap();
        names.iter().map(ToString::to_string).collect()
    }

    async fn orders(store: &MemoryStore, seed: &str) -> Vec<String> {
        orders_of(store, BTreeSet::from([person(seed)])).await.unwrap().into_iter().collect()
    }

    #[tokio::test]
    async fn a_shared_browser_links_nobody() {
        let links =
            [("anonymous#b", "user#1"), ("anonymous#b", "user#2"), ("anonymous#c", "user#2")];
        let store = world(&links, &[("user#1", "one"), ("user#2", "two")]).await;
        assert_eq!(names(&store, "1").await, ["user#1", "anonymous#b"]);
        assert_eq!(orders(&store, "anonymous#b").await, ["one", "two"]);
        assert_eq!(orders(&store, "anonymous#c").await, ["two"]);
        assert_eq!(orders(&store, "user#1").await, ["one"]);
    }

    #[tokio::test]
    async fn a_browser_leads_to_the_customer_by_an_address() {
        let links = [("anonymous#b", "email#e"), ("email#e", "user#1")];
        let store = world(&links, &[("user#1", "one")]).await;
        assert!(names(&store, "1").await.contains(&"anonymous#b".to_owned()));
        assert_eq!(orders(&store, "anonymous#b").await, ["one"]);
    }

    #[tokio::test]
    async fn a_chain_is_followed_to_its_end_and_a_ring_once() {
        let links = [
            ("user#1", "email#e"),
            ("email#e", "user#2"),
            ("user#2", "email#f"),
            ("email#f", "user#1"),
        ];
        let store = world(&links, &[("user#2", "two")]).await;
        assert_eq!(names(&store, "1").await, ["user#1", "user#2", "email#e", "email#f"]);
        assert_eq!(orders(&store, "user#1").await, ["two"]);
    }

    #[tokio::test]
    async fn who_is_linked_to_too_many_is_left_out() {
        for (users, is_linked) in [(64, true), (65, false)] {
            let users: Vec<String> = (0..users).map(|number| format!("user#{number}")).collect();
            let links: Vec<(&str, &str)> = users
                .iter()
                .flat_map(|user| {
                    [(user.as_str(), "email#info"), (user.as_str(), "anonymous#window")]
                })
                .collect();
            let store = world(&links, &[("user#0", "one"), ("user#1", "two")]).await;
            for other in ["user#1", "email#info", "anonymous#window"] {
                assert_eq!(
                    names(&store, "0").await.contains(&other.to_owned()),
                    is_linked,
                    "{other}"
                );
            }
            assert_eq!(orders(&store, "user#0").await.len(), if is_linked { 2 } else { 1 });
            assert_eq!(
                orders(&store, "anonymous#window").await.len(),
                if is_linked { 2 } else { 0 }
            );
        }
    }
}
