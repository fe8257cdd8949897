use iceberg::spec::{ManifestStatus, Transform, UnboundPartitionSpec};
use proptest::prelude::*;

use super::*;
use crate::lake::table::ColumnChange;
use crate::lake::table::evolution::ChangeColumns;
use crate::lake::table::memory::{Fault, MemoryTable, Raw, file, replacement};

async fn with_files(files: &[&[&str]]) -> MemoryTable {
    let table = MemoryTable::create(&[]).await;
    for (number, files) in files.iter().enumerate() {
        table.replace(&replacement(&format!("append-{number}"), &[], files)).await.unwrap();
    }
    table
}

#[tokio::test]
async fn what_stays_keeps_its_origin_and_what_goes_is_told_once() {
    let table = with_files(&[&["a", "b"], &["c"]]).await;
    let before = table.metadata().await;
    let [first, second] = [1, 2].map(|sequence| {
        let snapshot = before.snapshots().find(|one| one.sequence_number() == sequence);
        snapshot.unwrap().clone()
    });
    let replaced = table.replace(&replacement("replace", &["a"], &["d"])).await.unwrap();
    let after = table.metadata().await;
    let current = after.current_snapshot().unwrap();
    assert_eq!(replaced, Replaced { snapshot_id: Some(current.snapshot_id()), before: false });
    assert_eq!(current.parent_snapshot_id(), Some(second.snapshot_id()));
    let entries = table.entries(current).await;
    for (path, status, snapshot_id, sequence) in [
        ("a", ManifestStatus::Deleted, current.snapshot_id(), 1),
        ("b", ManifestStatus::Existing, first.snapshot_id(), 1),
        ("c", ManifestStatus::Added, second.snapshot_id(), 2),
        ("d", ManifestStatus::Added, current.snapshot_id(), 3),
    ] {
        let entry = &entries[path];
        assert_eq!((entry.status, entry.snapshot_id), (status, snapshot_id), "{path}");
        assert_eq!((entry.sequence_number, entry.file_sequence_number), (sequence, sequence));
    }
    // The manifest without a removed file is the one that it was.
    assert_eq!(entries["c"].manifest, table.entries(&second).await["c"].manifest);
    // Earlier snapshots have what they had; the next one no longer tells of the deleted file.
    assert_eq!(table.live(&second).await, ["a", "b", "c"]);
    table.replace(&replacement("next", &["b"], &[])).await.unwrap();
    let after = table.metadata().await;
    let entries = table.entries(after.current_snapshot().unwrap()).await;
    assert_eq!(entries.into_keys().collect::<Vec<_>>(), ["b", "c", "d"]);
}

#[tokio::test]
async fn the_summary_counts_and_names_the_requests() {
    let table = with_files(&[&["a", "b", "c"]]).await;
    let mut replacement = replacement("one", &["a", "b"], &["d"]);
    replacement.request_ids.push("two".to_owned());
    replacement.summary.insert("reason".to_owned(), "test".to_owned());
    replacement.properties.insert("tributary.test".to_owned(), "set".to_owned());
    table.replace(&replacement).await.unwrap();
    let metadata = table.metadata().await;
    let summary = metadata.current_snapshot().unwrap().summary();
    assert_eq!(summary.operation, Operation::Overwrite);
    for (name, value) in [
        ("added-data-files", "1"),
        ("deleted-data-files", "2"),
        ("added-records", "10"),
        ("deleted-records", "20"),
        ("added-files-size", "1000"),
        ("removed-files-size", "2000"),
        ("changed-partition-count", "1"),
        ("total-data-files", "2"),
        ("total-records", "20"),
        ("total-files-size", "2000"),
        ("total-delete-files", "0"),
        ("tributary.request-ids", "one,two"),
        ("reason", "test"),
    ] {
        assert_eq!(summary.additional_properties[name], value, "{name}");
    }
    assert_eq!(metadata.properties()["tributary.test"], "set");
}

#[tokio::test]
async fn the_operation_says_what_became_of_the_rows() {
    let table = with_files(&[&["a", "b"]]).await;
    let operation = async || {
        let metadata = table.metadata().await;
        metadata.current_snapshot().unwrap().summary().operation.clone()
    };
    assert_eq!(operation().await, Operation::Append);
    let mut compaction = replacement("compaction", &["a"], &["c"]);
    compaction.effect = Effect::Layout;
    table.replace(&compaction).await.unwrap();
    assert_eq!(operation().await, Operation::Replace);
    table.replace(&replacement("delete", &["b"], &[])).await.unwrap();
    assert_eq!(operation().await, Operation::Delete);
    // A compaction that loses rows is none.
    let mut lossy = replacement("lossy", &["c"], &["d", "e"]);
    lossy.effect = Effect::Layout;
    let error = table.replace(&lossy).await.unwrap_err();
    assert!(error.to_string().contains("20 rows come for 10"), "{error}");
    assert_eq!(table.live_now().await, ["c"]);
}

#[tokio::test]
async fn a_lost_answer_applies_once() {
    let table = with_files(&[&["a", "b"]]).await;
    table.fail_with([Fault::SentTwice]);
    let sent_twice = replacement("sent twice", &["a"], &["c"]);
    assert!(table.replace(&sent_twice).await.unwrap().before);
    table.fail_with([Fault::Unanswered]);
    let unanswered = replacement("unanswered", &["b"], &["d"]);
    assert!(table.replace(&unanswered).await.unwrap_err().is_retryable());
    let again = table.replace(&unanswered).await.unwrap();
    let metadata = table.metadata().await;
    assert_eq!(again, Replaced { snapshot_id: metadata.current_snapshot_id(), before: true });
    assert_eq!(metadata.snapshots().count(), 3);
    assert_eq!(table.live_now().await, ["c", "d"]);
}

#[tokio::test]
async fn requests_that_were_not_replaced_together_are_not_taken_for_done() {
    let table = with_files(&[&["a"]]).await;
    let mut both = replacement("append-0", &[], &["b"]);
    both.request_ids.push("another".to_owned());
    assert!(matches!(table.replace(&both).await, Err(TableError::Moved { .. })));
}

#[tokio::test]
async fn others_who_are_faster_are_kept() {
    let table = with_files(&[&["a", "b", "c"], &["d"]]).await;
    table.fail_with([
        Fault::Overtaken(Box::new(replacement("append", &[], &["e"]))),
        Fault::Overtaken(Box::new(replacement("disjoint", &["b"], &["f"]))),
    ]);
    table.replace(&replacement("slow", &["a", "d"], &["g"])).await.unwrap();
    assert_eq!(table.live_now().await, ["c", "e", "f", "g"]);
    let metadata = table.metadata().await;
    let summary = metadata.current_snapshot().unwrap().summary();
    assert_eq!(summary.additional_properties["total-data-files"], "4");
}

#[tokio::test]
async fn a_file_that_is_gone_is_named() {
    let table = with_files(&[&["a", "b"]]).await;
    table.fail_with([Fault::Overtaken(Box::new(replacement("fast", &["a"], &["c"])))]);
    let mut slow = replacement("slow", &["a", "b"], &["d"]);
    match table.replace(&slow).await {
        Err(TableError::NotInTable { files, .. }) => assert_eq!(files, ["a"]),
        other => panic!("{other:?}"),
    }
    assert_eq!(table.live_now().await, ["b", "c"]);
    slow.missing = Missing::Ignore;
    table.replace(&slow).await.unwrap();
    assert_eq!(table.live_now().await, ["c", "d"]);
    // Nothing to remove or to add makes no snapshot.
    let mut nothing = replacement("nothing", &["a"], &[]);
    nothing.missing = Missing::Ignore;
    let replaced = table.replace(&nothing).await.unwrap();
    assert_eq!(replaced, Replaced { snapshot_id: None, before: false });
}

#[tokio::test]
async fn the_index_of_keys_changes_with_the_files_or_not_at_all() {
    let table = with_files(&[&["a"]]).await;
    let opened = table.metadata().await;
    let mut first = replacement("first", &["a"], &["b"]);
    first.key_index = Some("index-1".to_owned());
    table.replace_since(&opened, &first).await.unwrap();
    assert_eq!(key_index(&table.metadata().await), Some("index-1"));
    let mut second = replacement("second", &["b"], &["c"]);
    second.key_index = Some("index-2".to_owned());
    let moved = table.replace_since(&opened, &second).await;
    assert!(matches!(moved, Err(TableError::Moved { .. })), "{moved:?}");
    assert_eq!(table.live_now().await, ["b"]);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let table = with_files(&[&["a"]]).await;
    for wrong in [
        replacement("both", &["a"], &["a"]),
        replacement("twice", &[], &["b", "b"]),
        replacement("one,two", &["a"], &[]),
        Replacement::default(),
    ] {
        let refused = table.replace(&wrong).await;
        assert!(matches!(refused, Err(TableError::Malformed { .. })), "{refused:?}");
    }
}

/// Manifests of another partitioning, and of narrower types, beside those of today.
#[tokio::test]
async fn manifests_of_earlier_columns_and_partitions_are_rewritten_as_they_were() {
    let table = with_files(&[&["a", "b"]]).await;
    let changes = [
        ColumnChange::Widen { field_id: 2, column_type: iceberg::spec::PrimitiveType::Long },
        ColumnChange::Rename { field_id: 3, name: "placed_at".to_owned() },
    ];
    let mut change = ChangeColumns { table: "shop.orders", changes: &changes };
    table.change(&mut change).await.unwrap();
    let by_month = |builder: iceberg::spec::TableMetadataBuilder| {
        let spec = UnboundPartitionSpec::builder();
        let spec = spec.add_partition_field(3, "placed_at_month", Transform::Month)?.build();
        builder.add_default_partition_spec(spec)
    };
    table.change(&mut Raw(by_month)).await.unwrap();
    table.replace(&replacement("wider", &["a"], &["c"])).await.unwrap();
    let metadata = table.metadata().await;
    assert_eq!(metadata.default_partition_spec_id(), 1);
    let current = metadata.current_snapshot().unwrap();
    assert_eq!(table.live(current).await, ["b", "c"]);
    let list = table.storage.new_input(current.manifest_list()).unwrap().read().await.unwrap();
    let list = iceberg::spec::ManifestList::parse_with_version(&list, FormatVersion::V2).unwrap();
    for listed in list.entries() {
        let manifest = listed.load_manifest(&table.storage).await.unwrap();
        for entry in manifest.entries() {
            let is_new = entry.file_path() == "c";
            assert_eq!(listed.partition_spec_id, i32::from(is_new));
            // The bounds of the new file came as four bytes.
            let bound = &entry.data_file().lower_bounds()[&2];
            let expected =
                if is_new { iceberg::spec::Datum::long(-7) } else { iceberg::spec::Datum::int(-7) };
            assert_eq!(*bound, expected);
        }
    }
}

#[tokio::test]
async fn earlier_metadata_is_remembered_as_often_as_the_table_says() {
    let table = MemoryTable::create(&[("write.metadata.previous-versions-max", "3")]).await;
    for number in 0..6 {
        let name = format!("file-{number}");
        table.replace(&replacement(&name, &[], &[&name])).await.unwrap();
    }
    assert_eq!(table.metadata().await.metadata_log().len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any sequence of replacements, with others who are faster, leaves what a list of paths would have.
    #[test]
    fn every_snapshot_has_the_files_of_the_model(
        steps in prop::collection::vec((0_usize..4, 0_usize..3, any::<u64>(), any::<bool>()), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let table = MemoryTable::create(&[]).await;
            let mut model: Vec<String> = Vec::new();
            let mut history = Vec::new();
            for (step, (added, removed, seed, overtaken)) in steps.into_iter().enumerate() {
                let mut change = Replacement { request_ids: vec![format!("{step}")], ..Replacement::default() };
                for _ in 0..removed.min(model.len()) {
                    let position = seed as usize % model.len();
                    change.removed.insert(model.swap_remove(position));
                }
                for number in 0..added {
                    let path = format!("{step}-{number}");
                    change.added.push(file(&path, number as i32));
                    model.push(path);
                }
                if change.added.is_empty() && change.removed.is_empty() {
                    continue;
                }
                if overtaken {
                    let path = format!("{step}-faster");
                    table.fail_with([Fault::Overtaken(Box::new(replacement(&path, &[], &[&path])))]);
                    model.push(path);
                }
                table.replace(&change).await.unwrap();
                model.sort();
                history.push((table.metadata().await.current_snapshot().unwrap().clone(), model.clone()));
            }
            for (snapshot, expected) in history {
                assert_eq!(table.live(&snapshot).await, expected);
                let summary = &snapshot.summary().additional_properties;
                assert_eq!(summary["total-data-files"], expected.len().to_string());
                assert_eq!(summary["total-records"], (expected.len() * 10).to_string());
            }
        });
    }
}
