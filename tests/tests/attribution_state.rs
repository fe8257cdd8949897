//! The state of attribution in DynamoDB does what the state in memory does, which the tests of the rules rest on.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::stack::{Stack, output, unique};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use shared::state::{Amendment, Item, ItemKey, MemoryStore, Replacement, StateTable, Store};

/// An operation on a few items; numbers name parts and contents.
#[derive(Debug, Clone)]
enum Operation {
    Get(u8),
    GetAll(Vec<u8>),
    Query(u8, u8),
    PutAll(Vec<(u8, u8)>),
    DeleteAll(Vec<u8>),
    PutNewest(u8, u8),
    Amend { part: u8, set: Vec<(u8, u8)>, removed: Vec<u8> },
    Replace { part: u8, over: Option<u64>, puts: Vec<u8>, deletes: Vec<u8> },
    DeleteIf(u8, u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    let part = 0_u8..6;
    prop_oneof![
        part.clone().prop_map(Operation::Get),
        prop::collection::vec(part.clone(), 1..4).prop_map(Operation::GetAll),
        (part.clone(), part.clone())
            .prop_map(|(from, to)| Operation::Query(from.min(to), from.max(to))),
        prop::collection::vec((part.clone(), 0_u8..9), 1..4).prop_map(Operation::PutAll),
        prop::collection::vec(part.clone(), 1..3).prop_map(Operation::DeleteAll),
        (part.clone(), 0_u8..9).prop_map(|(part, newest)| Operation::PutNewest(part, newest)),
        (
            part.clone(),
            prop::collection::vec((0_u8..4, 0_u8..9), 0..3),
            prop::collection::vec(4_u8..8, 0..3)
        )
            .prop_filter("amends something", |(_, set, removed)| set.len() + removed.len() > 0)
            .prop_map(|(part, set, removed)| Operation::Amend { part, set, removed }),
        (
            part.clone(),
            prop::option::of(1_u64..4),
            prop::collection::vec(6_u8..9, 0..2),
            prop::collection::vec(9_u8..12, 0..2)
        )
            .prop_map(|(part, over, puts, deletes)| Operation::Replace {
                part,
                over,
                puts,
                deletes
            }),
        (part, 0_u8..9).prop_map(|(part, newest)| Operation::DeleteIf(part, newest)),
    ]
}

fn key(subject: &str, part: u8) -> ItemKey {
    ItemKey::new(subject, format!("part#{part:02}"))
}

fn item(subject: &str, part: u8, newest: u8) -> Item {
    let mut item = Item::bare(key(subject, part)).expiring(4_000_000_000);
    item.attributes.insert("newest".to_owned(), AttributeValue::S(newest.to_string()));
    item
}

/// What an operation answers, as text.
async fn answer(store: &impl Store, subject: &str, operation: &Operation) -> String {
    let text = |items: Vec<Item>| {
        let mut lines: Vec<String> = Vec::new();
        for item in items {
            let mut content: Vec<_> = item.attributes.iter().collect();
            content.sort_by_key(|(name, _)| name.as_str());
            lines.push(format!("{} {content:?}", item.key.part));
        }
        lines
    };
    match operation.clone() {
        Operation::Get(part) => {
            let found = store.get(&key(subject, part)).await.unwrap();
            format!("{:?}", text(found.into_iter().collect()))
        }
        Operation::GetAll(parts) => {
            let keys: Vec<ItemKey> = parts.iter().map(|part| key(subject, *part)).collect();
            let mut found = text(store.get_all(&keys).await.unwrap());
            found.sort();
            format!("{found:?}")
        }
        Operation::Query(from, to) => {
            let (from, to) = (key(subject, from).part, key(subject, to).part);
            format!("{:?}", text(store.query(subject, &from, &to).await.unwrap()))
        }
        Operation::PutAll(parts) => {
            let items = parts.iter().map(|(part, newest)| item(subject, *part, *newest)).collect();
            format!("{:?}", store.put_all(items).await)
        }
        Operation::DeleteAll(parts) => {
            let keys = parts.iter().map(|part| key(subject, *part)).collect();
            format!("{:?}", store.delete_all(keys).await)
        }
        Operation::PutNewest(part, newest) => {
            format!("{:?}", store.put_newest(item(subject, part, newest)).await)
        }
        Operation::Amend { part, set, removed } => {
            let name = |number: &u8| format!("user#{number}");
            let value = |value: &u8| AttributeValue::S(value.to_string());
            let amendment = Amendment {
                key: key(subject, part),
                set: set.iter().map(|(number, text)| (name(number), value(text))).collect(),
                removed: removed.iter().collect::<BTreeSet<_>>().into_iter().map(name).collect(),
            };
            format!("{:?}", store.amend(amendment).await)
        }
        Operation::Replace { part, over, puts, deletes } => {
            let mut replaced = item(subject, part, 0);
            let version = over.unwrap_or_default() + 1;
            replaced
                .attributes
                .insert("version".to_owned(), AttributeValue::N(version.to_string()));
            let replacement = Replacement {
                item: replaced,
                over,
                puts: puts.iter().map(|put| item(subject, *put, 5)).collect(),
                deletes: deletes.iter().map(|delete| key(subject, *delete)).collect(),
            };
            format!("{:?}", store.replace(replacement).await)
        }
        Operation::DeleteIf(part, newest) => {
            let (key, newest) = (key(subject, part), newest.to_string());
            format!("{:?}", store.delete_if(&key, "newest", &newest).await)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_and_the_state_in_memory_answer_the_same() {
    let stack = Stack::connect().await;
    let table = StateTable::new(stack.dynamodb.clone(), output("ATTRIBUTION_TABLE"));
    let memory = MemoryStore::default();
    let subject = format!("test#{}", unique());
    let mut runner = TestRunner::deterministic();
    let operations =
        prop::collection::vec(operation(), 400).new_tree(&mut runner).unwrap().current();
    for (number, operation) in operations.iter().enumerate() {
        let (by_table, in_memory) =
            (answer(&table, &subject, operation).await, answer(&memory, &subject, operation).await);
        assert_eq!(by_table, in_memory, "{number}: {operation:?}");
    }
}

/// More than one call takes.
#[tokio::test(flavor = "multi_thread")]
async fn many_items_are_written_read_and_deleted() {
    let stack = Stack::connect().await;
    let table = StateTable::new(stack.dynamodb.clone(), output("ATTRIBUTION_TABLE"));
    let subject = format!("test#{}", unique());
    let keys: Vec<ItemKey> =
        (0..230).map(|number| ItemKey::new(&subject, format!("{number:05}"))).collect();
    table.put_all(keys.iter().cloned().map(Item::bare).collect()).await.unwrap();
    assert_eq!(table.get_all(&keys).await.unwrap().len(), 230);
    let found = table.query(&subject, "00010", "00199").await.unwrap();
    assert_eq!(found.len(), 190);
    assert!(found.is_sorted_by_key(|item| item.key.part.clone()));
    table.delete_all(keys.clone()).await.unwrap();
    assert_eq!(table.get_all(&keys).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_write_at_once_one_wins() {
    let stack = Stack::connect().await;
    let table = StateTable::new(stack.dynamodb.clone(), output("ATTRIBUTION_TABLE"));
    let subject = format!("test#{}", unique());
    let tries = (0..8).map(|_| {
        let (table, subject) = (table.clone(), subject.clone());
        tokio::spawn(async move {
            let mut first = item(&subject, 0, 0);
            first.attributes.insert("version".to_owned(), AttributeValue::N("1".to_owned()));
            let replacement =
                Replacement { item: first, over: None, puts: Vec::new(), deletes: Vec::new() };
            table.replace(replacement).await.unwrap()
        })
    });
    let mut won = 0;
    for attempt in tries.collect::<Vec<_>>() {
        won += usize::from(attempt.await.unwrap());
    }
    assert_eq!(won, 1);
}
