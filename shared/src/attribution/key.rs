//! The keys of the state table's items.
//!
//! | subject | part | content |
//! |---|---|---|
//! | `user#…`, `anonymous#…`, `email#…` | `links` | the other names of the same person, an attribute each: when this was last learnt; stands on both sides, unless one has too many |
//! | | `ordered` | none: there is an order of the customer |
//! | | `order#<order>` | none: an order of the customer |
//! | | `touch#<time>#<message>` | [`Touch`](super::facts::Touch) |
//! | `gclid#…` | `click` | [`Click`](super::facts::Click) |
//! | | `order#<order>` | none: the shop says that the click led to the order |
//! | | `ordered` | none: there is such an order |
//! | | `touch#<time>#<person>` | none: a touch with the click id |
//! | | `touched` | `newest`: when the latest such touch was; it stays as long as that |
//! | `order#…` | `order` | [`OrderState`](super::order::OrderState) |
//! | `day#<date>` | `order#<order>` | [`AttributedOrder`](super::order::AttributedOrder), by the UTC day of the order |
//! | | `idle#<order>` | none: an order of that day that was not deleted and does not count |
//! | `ads#<date>` | `pull#<customer>` | [`Pull`](super::advertising::Pull): the report that holds |
//! | | `campaign#<customer>#<pull>#<campaign>` | [`CampaignDay`](super::advertising::CampaignDay) |
//! | `campaigns` | `<customer>#<campaign>` | [`Campaign`](super::advertising::Campaign) |
//! | `accounts` | `<customer>` | [`Account`](super::advertising::Account) |
//! | `changed` | `<date>`, `<date>#report` | [`Changed`](super::performance::Changed) |
//! | `dated` | `<date>` | [`Dating`](super::performance::Dating): on which local days the orders of the UTC day were reported; `report`'s own |
//! | `performance#<month>` | `<date>#<currency>#<campaign>` | [`PerformanceRow`](super::performance::PerformanceRow) |
//! | `refresh` | `turn` | whose turn it is to compute performance: `report`'s own |
//! | | `zones` | the time zones that days were last told apart by: `report`'s own |

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use ring::digest;

use crate::run::hex;
use crate::state::ItemKey;

/// The subject of all campaigns.
pub const CAMPAIGNS: &str = "campaigns";

/// The subject of all accounts.
pub const ACCOUNTS: &str = "accounts";

/// The subject of the days that must be computed again.
pub const CHANGED: &str = "changed";

/// The subject of how the orders of each day were dated.
pub const DATED: &str = "dated";

/// What the parts of orders that count begin with.
pub const ORDERS: &str = "order#";

/// What the parts of orders that do not count begin with, under their day.
pub const IDLE_ORDERS: &str = "idle#";

/// DynamoDB takes 1,024 bytes of sort key; a part may hold two names.
const LONGEST_NAME: usize = 300;

/// Somebody, under one of the names that sources have for them; always a pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Person {
    /// A user id, or a customer's id: they are the same where the shop calls Segment with its own ids.
    User(String),
    /// A browser or device of somebody who need not be known.
    Anonymous(String),
    /// An e-mail address.
    Email(String),
}

impl fmt::Display for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, pseudonym) = match self {
            Self::User(pseudonym) => ("user", pseudonym),
            Self::Anonymous(pseudonym) => ("anonymous", pseudonym),
            Self::Email(pseudonym) => ("email", pseudonym),
        };
        write!(formatter, "{kind}#{}", name(pseudonym))
    }
}

impl Person {
    /// A person from its subject.
    pub fn of(subject: &str) -> Option<Self> {
        let (kind, pseudonym) = subject.split_once('#')?;
        let pseudonym = pseudonym.to_owned();
        match kind {
            "user" => Some(Self::User(pseudonym)),
            "anonymous" => Some(Self::Anonymous(pseudonym)),
            "email" => Some(Self::Email(pseudonym)),
            _ => None,
        }
    }
}

/// A name as it stands in keys: itself, or its hash where it is too long. Click ids and order ids are
/// whatever somebody else writes.
pub fn name(text: &str) -> String {
    if text.len() <= LONGEST_NAME {
        return text.to_owned();
    }
    format!("sha256-{}", hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref()))
}

/// A moment as text that sorts as time does.
pub fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The other names of a person.
pub fn links(person: &Person) -> ItemKey {
    ItemKey::new(person.to_string(), "links")
}

/// That a person has an order.
pub fn has_ordered(person: &Person) -> ItemKey {
    ItemKey::new(person.to_string(), "ordered")
}

/// The subject of a click id.
pub fn click_subject(gclid: &str) -> String {
    format!("gclid#{}", name(gclid))
}

/// What Google Ads says of a click.
pub fn click(gclid: &str) -> ItemKey {
    ItemKey::new(click_subject(gclid), "click")
}

/// That the shop has kept a click id with an order.
pub fn ordered(gclid: &str) -> ItemKey {
    ItemKey::new(click_subject(gclid), "ordered")
}

/// That somebody was seen with a click id.
pub fn touched(gclid: &str) -> ItemKey {
    ItemKey::new(click_subject(gclid), "touched")
}

/// An order.
pub fn order(id: &str) -> ItemKey {
    ItemKey::new(format!("order#{}", name(id)), "order")
}

/// The part under which a customer, a click id or a day names an order.
pub fn order_part(id: &str) -> String {
    format!("{ORDERS}{}", name(id))
}

/// The part under which a day names an order that does not count, so that it is found when the rule
/// changes.
pub fn idle_part(id: &str) -> String {
    format!("{IDLE_ORDERS}{}", name(id))
}

/// The orders of a UTC day.
pub fn day_subject(date: NaiveDate) -> String {
    format!("day#{date}")
}

/// What was advertised on a day of the accounts' own calendars.
pub fn advertising_subject(date: NaiveDate) -> String {
    format!("ads#{date}")
}

/// The performance of a month.
pub fn performance_subject(date: NaiveDate) -> String {
    format!("performance#{}", date.format("%Y-%m"))
}

/// The parts that begin with a prefix, as the first and the last of them.
pub fn all_with(prefix: &str) -> (String, String) {
    (prefix.to_owned(), format!("{prefix}\u{10ffff}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_its_hash_and_a_short_one_itself() {
        assert_eq!(name("EAIaIQob"), "EAIaIQob");
        let (one, other) = (name(&"x".repeat(2_000)), name(&"x".repeat(2_001)));
        assert_ne!(one, other);
        assert!(one.len() < 100);
    }

    #[test]
    fn a_person_is_read_back_from_its_subject() {
        for person in [
            Person::User("a#b".to_owned()),
            Person::Anonymous("a".to_owned()),
            Person::Email("e".to_owned()),
        ] {
            assert_eq!(Person::of(&person.to_string()), Some(person));
        }
        assert_eq!(Person::of("order#1"), None);
    }
}
