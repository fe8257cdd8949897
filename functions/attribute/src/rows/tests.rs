use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use rust_decimal::Decimal;
use shared::attribution::key::Person;
use shared::lineage::{ATTRIBUTION_COLUMNS, ATTRIBUTION_TABLES};

use super::*;

const NOON: i64 = 1_795_435_200_000_000; // 2026-11-23T12:00:00Z
const DAY: i32 = 20_780; // 2026-11-23

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn times(values: &[i64]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values.to_vec()))
}

fn amounts(values: &[Option<i128>]) -> ArrayRef {
    let array = Decimal128Array::from(values.to_vec());
    Arc::new(array.with_precision_and_scale(38, 6).unwrap())
}

fn collect(dataset: &str, columns: Vec<(&str, ArrayRef)>) -> Result<Facts, RowError> {
    let mut facts = Facts::default();
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    Dataset::named(dataset).unwrap().collect(&rows.unwrap(), &mut facts)?;
    Ok(facts)
}

fn person(subject: &str) -> Person {
    Person::of(subject).unwrap()
}

#[test]
fn a_dataset_is_found_by_its_name() {
    for dataset in Dataset::ALL {
        assert_eq!(Dataset::named(dataset.name()), Some(dataset));
        let contract = shared::contract::contracts()
            .iter()
            .find(|contract| contract.dataset() == dataset.name());
        let columns = &contract.unwrap().columns;
        for read in dataset.columns() {
            assert!(columns.iter().any(|column| column.name == *read), "{} {read}", dataset.name());
        }
    }
    assert_eq!(Dataset::named("segment.groups"), None);
}

#[test]
fn what_has_a_click_id_or_a_campaign_is_a_touch() {
    let long = "ü".repeat(400);
    let facts = collect(
        "segment.pages",
        vec![
            ("message_id", texts(&[Some("1"), Some("2"), Some("3"), Some("4"), Some("5")])),
            ("timestamp", times(&[NOON; 5])),
            ("anonymous_id", texts(&[Some("a"), Some("a"), Some("a"), None, Some("a")])),
            ("user_id", texts(&[None, Some("u"), None, None, None])),
            ("gclid", texts(&[Some("g"), None, None, Some("h"), Some(&long)])),
            ("context_campaign_name", texts(&[None, Some(&long), Some(""), None, None])),
        ],
    )
    .unwrap();
    let found: Vec<(String, &str)> = facts
        .touches
        .iter()
        .map(|(person, touch)| (person.to_string(), touch.message_id.as_str()))
        .collect();
    assert_eq!(found, [("user#u".to_owned(), "2"), ("anonymous#a".to_owned(), "1")]);
    let campaign = facts.touches.first().and_then(|(_, touch)| touch.campaign.as_deref());
    assert_eq!(campaign, Some("ü".repeat(128).as_str()));
}

#[test]
fn a_row_whose_name_is_blank_keeps_none_of_the_others() {
    let facts = collect(
        "segment.pages",
        vec![
            ("message_id", texts(&[Some(" "), Some("2")])),
            ("timestamp", times(&[NOON; 2])),
            ("anonymous_id", texts(&[Some("a"), Some("b")])),
            ("gclid", texts(&[Some("g"), Some("h")])),
        ],
    )
    .unwrap();
    let messages = facts.touches.iter().map(|(_, touch)| touch.message_id.as_str());
    assert_eq!(messages.collect::<Vec<_>>(), [" ", "2"]);
}

#[test]
fn identifies_link_all_names_that_they_have() {
    let facts = collect(
        "segment.identifies",
        vec![
            ("anonymous_id", texts(&[Some("a"), Some("a"), Some("b")])),
            ("user_id", texts(&[Some("u"), Some("u"), None])),
            ("email", texts(&[Some("e"), None, Some("e")])),
        ],
    )
    .unwrap();
    let links: Vec<String> =
        facts.links.iter().map(|(one, other)| format!("{one} {other}")).collect();
    assert_eq!(
        links,
        ["user#u anonymous#a", "user#u email#e", "anonymous#a email#e", "anonymous#b email#e"]
    );
}

#[test]
fn an_alias_links_a_browser_or_a_user() {
    let facts = collect(
        "segment.aliases",
        vec![
            ("previous_id", texts(&[Some("p"), Some("u")])),
            ("user_id", texts(&[Some("u"), Some("u")])),
        ],
    )
    .unwrap();
    for previous in ["anonymous#p", "user#p", "anonymous#u"] {
        let (one, other) =
            (person(previous).min(person("user#u")), person(previous).max(person("user#u")));
        assert!(facts.links.contains(&(one, other)), "{previous}");
    }
    assert_eq!(facts.links.len(), 3, "nobody is linked to themselves");
}

#[test]
fn a_customer_has_the_address_that_is_there() {
    let facts = collect(
        "shop.customers",
        vec![("id", texts(&[Some("c"), Some("d")])), ("email", texts(&[Some("e"), None]))],
    )
    .unwrap();
    assert_eq!(facts.links.iter().collect::<Vec<_>>(), [&(person("user#c"), person("email#e"))]);
}

#[test]
fn a_change_tells_of_what_is_not_absent() {
    let facts = collect(
        "shop.orders",
        vec![
            ("_op", texts(&[Some("U"), Some("D"), Some("R")])),
            ("_sequence", texts(&[Some("2"), Some("3"), Some("1")])),
            ("_committed_at", times(&[NOON; 3])),
            ("id", texts(&[Some("1"), Some("1"), Some("2")])),
            ("customer_id", texts(&[Some("c"), Some("c"), Some("c")])),
            ("status", texts(&[None, Some("paid"), Some("paid")])),
            ("total", amounts(&[Some(12_340_000), Some(1), Some(i128::MAX)])),
            ("ordered_at", times(&[NOON; 3])),
            ("_absent", texts(&[Some("status,currency"), None, None])),
        ],
    )
    .unwrap();
    let [update, deletion, read] = facts.changes.as_slice() else { panic!("three changes") };
    let told: Vec<&str> = update.columns.keys().map(String::as_str).collect();
    assert_eq!(told, ["customer_id", "gclid", "ordered_at", "total"]);
    assert_eq!(update.value("total"), Some("12.34"));
    assert_eq!(update.value("ordered_at"), Some("2026-11-23T12:00:00.000000Z"));
    assert!(deletion.is_deletion && deletion.columns.is_empty());
    assert_eq!((read.columns.len(), read.value("total"), facts.unreadable_amounts), (6, None, 1));
    assert_eq!(read.columns.keys().collect::<Vec<_>>(), {
        let mut columns = crate::order::COLUMNS.to_vec();
        columns.sort_unstable();
        columns
    });
}

#[test]
fn a_report_is_of_a_customer_a_day_and_a_pull() {
    let object = texts(&[Some("o"); 3]);
    let facts = collect(
        "google_ads.campaign_daily",
        vec![
            ("date", Arc::new(Date32Array::from(vec![DAY, DAY, DAY + 1]))),
            ("customer_id", texts(&[Some("1"); 3])),
            ("currency_code", texts(&[Some("eur"), None, None])),
            ("campaign_id", texts(&[Some("7"), Some("7"), None])),
            ("campaign_name", texts(&[Some("Brand"), Some("Brand"), Some("Brand")])),
            ("clicks", Arc::new(Int64Array::from(vec![Some(2), Some(3), None]))),
            ("cost", amounts(&[Some(1_500_000), Some(250_000), None])),
            ("pulled_at", times(&[NOON; 3])),
            ("source_object", object),
        ],
    )
    .unwrap();
    assert_eq!(facts.reports.len(), 2);
    let (key, report) = facts.reports.first_key_value().unwrap();
    assert_eq!(
        (key.newest().as_str(), report.campaigns.len()),
        ("2026-11-23T12:00:00.000000Z#o", 1)
    );
    let day = report.campaigns["7"].day(key);
    assert_eq!((day.cost, day.clicks, day.currency.as_str()), (Decimal::new(175, 2), 5, "EUR"));
    let (other, report) = facts.reports.last_key_value().unwrap();
    assert_eq!(report.campaigns["name:Brand"].day(other).currency, "XXX");
}

#[test]
fn a_click_without_its_id_is_an_error() {
    let with = |gclid| {
        collect(
            "google_ads.click_view",
            vec![
                ("gclid", texts(&[gclid])),
                ("customer_id", texts(&[Some("1")])),
                ("campaign_id", texts(&[Some("7")])),
                ("date", Arc::new(Date32Array::from(vec![DAY]))),
            ],
        )
    };
    assert_eq!(with(Some("g")).unwrap().clicks["g"].campaign_id.as_deref(), Some("7"));
    assert_eq!(with(None), Err(RowError::Missing("gclid")));
}

#[test]
fn lineage_names_what_is_read() {
    let read = Dataset::ALL.map(Dataset::name);
    assert_eq!(read, ATTRIBUTION_TABLES);
    for derived in ATTRIBUTION_COLUMNS {
        let dataset = Dataset::named(derived.from.dataset).unwrap();
        assert!(dataset.columns().contains(&derived.from.column), "{:?}", derived.from);
    }
}
