//! Worlds by chance.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::Index;
use shared::attribution::facts::Touch;
use shared::attribution::key::{Person, moment};

use super::{Happening, change, click, deletion, hour, person, placed, report};

/// A world lasts so many hours; the window of an order is three days of them.
const HOURS: i64 = 200;

/// In which order happenings are told, how often, and how many at once.
#[derive(Debug, Clone)]
pub struct Telling {
    /// By their places in the world.
    pub batches: Vec<Vec<usize>>,
    /// What chance makes of the store.
    pub seed: u64,
}

pub fn worlds() -> impl Strategy<Value = Vec<Happening>> {
    prop::collection::vec(happening(), 1..45).prop_map(|mut world| {
        let mut pulls = BTreeSet::new();
        world.retain(|happening| match happening {
            // What is pulled once is one report.
            Happening::Report(key, _) => pulls.insert(key.clone()),
            _ => true,
        });
        for (place, happening) in world.iter_mut().enumerate() {
            if let Happening::Touch(_, touch) = happening {
                touch.message_id = format!("message-{place:02}");
            }
        }
        world
    })
}

/// Every happening once at least, some again, in any order and any company.
pub fn tellings(happenings: usize) -> impl Strategy<Value = Telling> {
    let again = prop::collection::vec(any::<Index>(), 0..=happenings);
    let places = again.prop_flat_map(move |again| {
        let mut places: Vec<usize> = (0..happenings).collect();
        places.extend(again.iter().map(|index| index.index(happenings)));
        Just(places).prop_shuffle()
    });
    (places, prop::collection::vec(1_usize..7, 1..100), any::<u64>()).prop_map(
        |(mut places, sizes, seed)| {
            let mut batches = Vec::new();
            for size in sizes.iter().cycle() {
                if places.is_empty() {
                    break;
                }
                let rest = places.split_off((*size).min(places.len()));
                batches.push(std::mem::replace(&mut places, rest));
            }
            Telling { batches, seed }
        },
    )
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => touch(),
        3 => link(),
        2 => insert(),
        3 => update(),
        1 => (order(), 0..HOURS).prop_map(|(order, at)| Happening::Change(deletion(&order, at))),
        1 => gclid().prop_map(|gclid| Happening::Click(gclid.clone(), click(&gclid))),
        1 => a_report(),
    ]
}

fn gclid() -> impl Strategy<Value = String> {
    (0..4).prop_map(|number| format!("g{number}"))
}

fn order() -> impl Strategy<Value = String> {
    (0..4).prop_map(|number| format!("order-{number}"))
}

fn user() -> impl Strategy<Value = String> {
    (0..3).prop_map(|number| format!("u{number}"))
}

fn anybody() -> impl Strategy<Value = Person> {
    prop_oneof![
        user().prop_map(Person::User),
        (0..3).prop_map(|number| person(&format!("anonymous#a{number}"))),
        (0..2).prop_map(|number| person(&format!("email#e{number}"))),
    ]
}

fn touch() -> impl Strategy<Value = Happening> {
    let campaign = prop::option::of(prop::sample::select(vec!["Brand", "Sale"]));
    let medium = prop::option::of(prop::sample::select(vec!["cpc", "email"]));
    let toucher = anybody()
        .prop_filter("an address touches nothing", |person| !matches!(person, Person::Email(_)));
    (toucher, 0..HOURS, prop::option::of(gclid()), campaign, medium).prop_map(
        |(person, at, gclid, campaign, medium)| {
            // Without either it were no touch.
            let campaign = campaign.or(gclid.is_none().then_some("Brand"));
            let touch = Touch {
                at: hour(at) + TimeDelta::minutes(20),
                message_id: String::new(),
                gclid,
                campaign: campaign.map(str::to_owned),
                source: None,
                medium: medium.map(str::to_owned),
            };
            Happening::Touch(person, touch)
        },
    )
}

fn link() -> impl Strategy<Value = Happening> {
    (anybody(), anybody())
        .prop_filter("browsers are linked to somebody", |(one, other)| {
            one != other
                && !(matches!(one, Person::Anonymous(_)) && matches!(other, Person::Anonymous(_)))
        })
        .prop_map(|(one, other)| Happening::Link(one, other))
}

fn insert() -> impl Strategy<Value = Happening> {
    (order(), user(), 0..HOURS, 1..100_000_i64, prop::option::of(gclid())).prop_map(
        |(order, user, at, cents, gclid)| {
            let mut change =
                placed(&order, &user, at, &format!("{}.{:02}", cents / 100, cents % 100));
            change.columns.insert("gclid".to_owned(), gclid);
            Happening::Change(change)
        },
    )
}

fn update() -> impl Strategy<Value = Happening> {
    let told = prop_oneof![
        prop::sample::select(vec!["paid", "cancelled", "Refunded", "shipped"])
            .prop_map(|status| ("status", status.to_owned())),
        (0..10_000_i64).prop_map(|thousandths| (
            "total",
            format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
        )),
        prop::option::of(user()).prop_map(|user| ("customer_id", user.unwrap_or_default())),
        prop::option::of(gclid()).prop_map(|gclid| ("gclid", gclid.unwrap_or_default())),
        (0..HOURS).prop_map(|at| ("ordered_at", moment(hour(at)))),
    ];
    (order(), 0..HOURS, prop::collection::vec(told, 1..3)).prop_map(|(order, at, told)| {
        let told: Vec<(&str, &str)> =
            told.iter().map(|(column, value)| (*column, value.as_str())).collect();
        Happening::Change(change(&order, at, &told))
    })
}

fn a_report() -> impl Strategy<Value = Happening> {
    let campaigns =
        prop::collection::btree_map(prop::sample::select(vec!["7", "8", "9"]), 0..1_000_i64, 1..4);
    (prop::sample::select(vec!["1", "2"]), 0..2_i64, 0..4_i64, campaigns).prop_map(
        |(customer, day, pulled, campaigns)| {
            let campaigns: Vec<(&str, i64)> = campaigns.into_iter().collect();
            report(customer, day, pulled, &campaigns)
        },
    )
}
