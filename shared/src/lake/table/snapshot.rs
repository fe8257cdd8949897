//! A snapshot that neither the crate's appends nor anybody else has made: its id, its summary, its list.

use std::collections::{BTreeMap, HashMap, HashSet};

use iceberg::Result;
use iceberg::io::FileIO;
use iceberg::spec::{
    DataFile, ManifestFile, ManifestListWriter, Operation, Snapshot, Struct, Summary, TableMetadata,
};
use uuid::Uuid;

/// What a snapshot's summary says of a file that came or went.
#[derive(Debug, Clone)]
pub(super) struct FileFigures {
    pub path: String,
    pub records: u64,
    bytes: u64,
    partition: Option<(i32, Struct)>,
}

impl FileFigures {
    pub fn of(file: &DataFile, partition_spec_id: i32) -> Self {
        let partition = file.partition();
        let partition =
            (!partition.fields().is_empty()).then(|| (partition_spec_id, partition.clone()));
        Self {
            path: file.file_path().to_owned(),
            records: file.record_count(),
            bytes: file.file_size_in_bytes(),
            partition,
        }
    }
}

/// The rows of some files.
pub(super) fn records(files: &[FileFigures]) -> u64 {
    files.iter().map(|file| file.records).sum()
}

/// An id that no snapshot of the table has.
pub(super) fn new_snapshot_id(metadata: &TableMetadata) -> i64 {
    loop {
        let (high, low) = Uuid::now_v7().as_u64_pair();
        let id = (high ^ low) as i64 & i64::MAX;
        if metadata.snapshot_by_id(id).is_none() {
            return id;
        }
    }
}

/// A snapshot's summary: what the caller says, the counters of the files that came and went, and the totals
/// of the table.
pub(super) fn summary(
    operation: Operation,
    caller: &BTreeMap<String, String>,
    added: &[FileFigures],
    removed: &[FileFigures],
    previous: Option<&Summary>,
) -> Summary {
    let mut properties: HashMap<String, String> =
        caller.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut set = |name: &str, value: u64| {
        if value > 0 {
            properties.insert(name.to_owned(), value.to_string());
        }
    };
    let bytes = |files: &[FileFigures]| files.iter().map(|file| file.bytes).sum::<u64>();
    let (new_files, old_files) = (added.len() as u64, removed.len() as u64);
    set("added-data-files", new_files);
    set("deleted-data-files", old_files);
    set("added-records", records(added));
    set("deleted-records", records(removed));
    set("added-files-size", bytes(added));
    set("removed-files-size", bytes(removed));
    let partitions: HashSet<_> =
        added.iter().chain(removed).filter_map(|file| file.partition.as_ref()).collect();
    set("changed-partition-count", partitions.len() as u64);
    for (name, came, went) in [
        ("total-data-files", new_files, old_files),
        ("total-records", records(added), records(removed)),
        ("total-files-size", bytes(added), bytes(removed)),
        ("total-delete-files", 0, 0),
        ("total-position-deletes", 0, 0),
        ("total-equality-deletes", 0, 0),
    ] {
        if let Some(total) = total(name, came, went, previous) {
            properties.insert(name.to_owned(), total.to_string());
        }
    }
    Summary { operation, additional_properties: properties }
}

/// A total after a snapshot; none where the one before does not tell it.
fn total(name: &str, came: u64, went: u64, previous: Option<&Summary>) -> Option<u64> {
    let before = match previous {
        Some(summary) => summary.additional_properties.get(name)?.parse::<u64>().ok()?,
        None => 0,
    };
    (before + came).checked_sub(went)
}

/// Writes the list of a snapshot's manifests.
pub(super) async fn write_manifest_list(
    storage: &FileIO,
    path: &str,
    snapshot_id: i64,
    metadata: &TableMetadata,
    manifests: Vec<ManifestFile>,
) -> Result<()> {
    let writer = storage.new_output(path)?.writer().await?;
    let parent = metadata.current_snapshot_id();
    let sequence_number = metadata.next_sequence_number();
    let mut list = ManifestListWriter::v2(writer, snapshot_id, parent, sequence_number);
    list.add_manifests(manifests.into_iter())?;
    list.close().await
}

/// The snapshot that follows the table's current one.
pub(super) fn next_snapshot(
    snapshot_id: i64,
    manifest_list: String,
    summary: Summary,
    metadata: &TableMetadata,
) -> Snapshot {
    Snapshot::builder()
        .with_snapshot_id(snapshot_id)
        .with_parent_snapshot_id(metadata.current_snapshot_id())
        .with_sequence_number(metadata.next_sequence_number())
        .with_timestamp_ms(chrono::Utc::now().timestamp_millis())
        .with_manifest_list(manifest_list)
        .with_summary(summary)
        .with_schema_id(metadata.current_schema_id())
        .build()
}
