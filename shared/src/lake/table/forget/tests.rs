use std::collections::BTreeSet;

use iceberg::spec::{SnapshotReference, SnapshotRetention};

use super::*;
use crate::lake::table::memory::{MemoryTable, Raw, replacement};
use crate::lake::table::replace::Replacement;

/// A table of so many snapshots.
async fn with_snapshots(properties: &[(&str, &str)], count: usize) -> MemoryTable {
    let table = MemoryTable::create(properties).await;
    for number in 0..count {
        append(&table, number).await;
    }
    table
}

async fn append(table: &MemoryTable, number: usize) {
    table.replace(&request(number)).await.unwrap();
}

/// One file that every snapshot has another of, so that lists stay short.
fn request(number: usize) -> Replacement {
    let (this, last) = (format!("file-{number}"), format!("file-{}", number.wrapping_sub(1)));
    let removed: Vec<&str> = if number > 0 { vec![&last] } else { Vec::new() };
    replacement(&format!("append-{number}"), &removed, &[&this])
}

fn ids(metadata: &TableMetadata) -> BTreeSet<i64> {
    metadata.snapshots().map(|snapshot| snapshot.snapshot_id()).collect()
}

const AGED: [(&str, &str); 3] = [
    (LONGEST_AGE_PROPERTY, "-1000"),
    (LEAST_SNAPSHOTS_PROPERTY, "5"),
    ("write.metadata.delete-after-commit.enabled", "true"),
];

#[tokio::test]
async fn old_snapshots_go_and_their_requests_are_still_known() {
    let table = with_snapshots(&AGED, BATCH + 4).await;
    assert_eq!(table.metadata().await.snapshots().len(), BATCH + 4, "none before a batch");
    append(&table, BATCH + 4).await;
    append(&table, BATCH + 5).await;
    let metadata = table.metadata().await;
    assert_eq!(metadata.snapshots().len(), 6);
    assert_eq!(metadata.history().len(), 6);
    let notes = table.notes();
    for number in 0..BATCH + 6 {
        let id = format!("append-{number}");
        let in_table = crate::lake::table::requests::find_request(&metadata, &id);
        let noted = notes.find(&metadata, &id).await.unwrap();
        assert_eq!(
            (in_table.is_some(), noted.is_some()),
            (number >= BATCH, number < BATCH),
            "{id}"
        );
    }
    assert_eq!(notes.find(&metadata, "never-seen").await.unwrap(), None);
    assert_eq!(table.live_now().await, [format!("file-{}", BATCH + 5)]);
}

#[tokio::test]
async fn the_lists_of_forgotten_snapshots_are_deleted_and_no_other() {
    let table = with_snapshots(&AGED, BATCH + 5).await;
    let before = table.metadata().await;
    append(&table, BATCH + 5).await;
    let after = table.metadata().await;
    for snapshot in before.snapshots() {
        let list = table.storage.new_input(snapshot.manifest_list()).unwrap();
        let is_kept = ids(&after).contains(&snapshot.snapshot_id());
        assert_eq!(list.exists().await.unwrap(), is_kept);
    }
    for snapshot in after.snapshots() {
        assert!(!table.entries(snapshot).await.is_empty());
    }
}

#[tokio::test]
async fn a_young_table_keeps_its_snapshots_and_no_table_more_than_it_can_bear() {
    let table = with_snapshots(&[], 3).await;
    let metadata = table.metadata().await;
    assert!(to_forget(&metadata).unwrap().is_empty());
    // A thousand snapshots would be a minute of the test: so many as if they had been made.
    let template = metadata.current_snapshot().unwrap().clone();
    let grow = |builder: iceberg::spec::TableMetadataBuilder| {
        let mut builder = builder;
        for number in 0..MOST_SNAPSHOTS as i64 + 150 {
            let snapshot = iceberg::spec::Snapshot::builder()
                .with_snapshot_id(10_000 + number)
                .with_sequence_number(100 + number)
                .with_timestamp_ms(template.timestamp_ms() + number)
                .with_manifest_list(template.manifest_list())
                .with_summary(template.summary().clone())
                .with_schema_id(0)
                .with_parent_snapshot_id(Some(template.snapshot_id()))
                .build();
            builder = builder.set_branch_snapshot(snapshot, MAIN_BRANCH)?;
        }
        Ok(builder)
    };
    table.change(&mut Raw(grow)).await.unwrap();
    let forgotten = to_forget(&table.metadata().await).unwrap();
    assert_eq!(forgotten.len(), BATCH);
    assert!(forgotten.is_sorted_by_key(|snapshot| snapshot.sequence_number()));
    assert_eq!(forgotten[0].sequence_number(), 1);
}

#[tokio::test]
async fn a_tag_keeps_its_snapshot_and_a_branch_keeps_all() {
    let tag = |name: &'static str, retention: SnapshotRetention| {
        move |builder: iceberg::spec::TableMetadataBuilder| {
            let reference = SnapshotReference { snapshot_id: 10_007, retention: retention.clone() };
            builder.set_ref(name, reference)
        }
    };
    let table = with_snapshots(&AGED, 1).await;
    let template = table.metadata().await.current_snapshot().unwrap().clone();
    let grow = move |mut builder: iceberg::spec::TableMetadataBuilder| {
        for number in 0..BATCH as i64 + 20 {
            let snapshot = iceberg::spec::Snapshot::builder()
                .with_snapshot_id(10_000 + number)
                .with_sequence_number(10 + number)
                .with_timestamp_ms(template.timestamp_ms() + number)
                .with_manifest_list(template.manifest_list())
                .with_summary(template.summary().clone())
                .with_schema_id(0)
                .build();
            builder = builder.set_branch_snapshot(snapshot, MAIN_BRANCH)?;
        }
        Ok(builder)
    };
    table.change(&mut Raw(grow)).await.unwrap();
    let of_tag = SnapshotRetention::Tag { max_ref_age_ms: None };
    table.change(&mut Raw(tag("audit", of_tag))).await.unwrap();
    let forgotten = to_forget(&table.metadata().await).unwrap();
    assert_eq!(forgotten.len(), BATCH - 1);
    assert!(forgotten.iter().all(|snapshot| snapshot.snapshot_id() != 10_007));
    let of_branch = SnapshotRetention::Branch {
        min_snapshots_to_keep: None,
        max_snapshot_age_ms: None,
        max_ref_age_ms: None,
    };
    table.change(&mut Raw(tag("experiment", of_branch))).await.unwrap();
    assert!(to_forget(&table.metadata().await).unwrap().is_empty());
}

#[test]
fn a_request_that_was_made_after_the_oldest_snapshot_is_not_looked_for() {
    let now = Uuid::now_v7();
    let made = made_at(&now.to_string()).unwrap();
    assert!((made - Utc::now().timestamp_millis()).abs() < 60_000);
    assert_eq!(made_at("append-1"), None);
    assert_eq!(made_at(&Uuid::nil().to_string()), None);
}
