use std::collections::HashMap;

use iceberg::transaction::{ApplyTransactionAction, Transaction};

use super::*;
use crate::lake::table::ColumnChange;
use crate::lake::table::data_file::data_file;
use crate::lake::table::evolution::ChangeColumns;
use crate::lake::table::memory::{Fault, MemoryTable, file, replacement};
use crate::lake::table::requests::{KEY_INDEX, REQUEST_IDS};

/// The guard's transaction: one file of one request.
async fn append(table: &MemoryTable, guard: &Guard<'_>, path: &str) -> Result<Table> {
    let opened = Guard::new(table, &table.storage, &[], ExpectedIndex::Any);
    let opened = opened.load_table(&table.identifier).await?;
    let file = data_file("shop.orders", &file(path, 1), opened.metadata()).unwrap();
    let summary = [(REQUEST_IDS.to_owned(), guard.request_ids.join(","))];
    let transaction = Transaction::new(&opened);
    let append = transaction
        .fast_append()
        .with_check_duplicate(false)
        .set_snapshot_properties(HashMap::from(summary))
        .add_data_files([file]);
    append.apply(transaction)?.commit(guard).await
}

#[tokio::test]
async fn an_append_goes_the_way_of_every_other_change() {
    let table = MemoryTable::create(&[]).await;
    let changes = [ColumnChange::Rename { field_id: 2, name: "total".to_owned() }];
    table.change(&mut ChangeColumns { table: "shop.orders", changes: &changes }).await.unwrap();
    let guard = Guard::new(&table, &table.storage, &["one"], ExpectedIndex::Any);
    let appended = append(&table, &guard, "a").await.unwrap();
    let metadata = table.metadata().await;
    assert_eq!(*appended.metadata(), metadata);
    assert!(find_request(&metadata, "one").is_some());
    assert_eq!(table.live_now().await, ["a"]);
    assert_eq!(metadata.current_schema().name_by_field_id(2), Some("total"));
}

/// The update went through, but the call that was repeated for want of an answer found another version.
#[tokio::test]
async fn a_lost_answer_appends_once() {
    let table = MemoryTable::create(&[]).await;
    table.fail_with([Fault::SentTwice]);
    let guard = Guard::new(&table, &table.storage, &["one"], ExpectedIndex::Any);
    assert!(append(&table, &guard, "a").await.is_err());
    assert!(guard.has_stopped());
    assert_eq!(table.metadata().await.snapshots().count(), 1);
}

#[tokio::test]
async fn others_who_are_faster_are_kept() {
    let table = MemoryTable::create(&[]).await;
    table.fail_with([Fault::Overtaken(Box::new(replacement("fast", &[], &["b"])))]);
    let guard = Guard::new(&table, &table.storage, &["one"], ExpectedIndex::Any);
    append(&table, &guard, "a").await.unwrap();
    assert!(!guard.has_stopped());
    assert_eq!(table.live_now().await, ["a", "b"]);
}

#[tokio::test]
async fn an_index_of_keys_that_has_changed_stops_the_append() {
    let table = MemoryTable::create(&[(KEY_INDEX, "index-1")]).await;
    for (expected, stops) in [(None, true), (Some("index-0"), true), (Some("index-1"), false)] {
        let expected = ExpectedIndex::Exactly(expected);
        let guard = Guard::new(&table, &table.storage, &["one"], expected);
        assert_eq!(append(&table, &guard, "a").await.is_err(), stops);
        assert_eq!(guard.has_stopped(), stops);
    }
}
