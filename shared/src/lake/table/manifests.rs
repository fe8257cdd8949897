//! Manifests without some of their files, and a manifest of new ones.
//!
//! A manifest that names none of the files that go is carried over as it is. Others are written anew, with
//! the schema and the partitioning that they were written with: what stays keeps its snapshot and its
//! sequence numbers, what goes stands there as deleted, and what was deleted before no longer does
//! (<https://iceberg.apache.org/spec/#manifest-entry-fields>).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::future::try_join_all;
use iceberg::io::FileIO;
use iceberg::spec::{
    DataFile, FormatVersion, Manifest, ManifestContentType, ManifestEntry, ManifestFile,
    ManifestList, ManifestWriter, ManifestWriterBuilder, PartitionSpec, SchemaRef, Snapshot,
};
use iceberg::{Error, ErrorKind, Result};
use uuid::Uuid;

use super::merge::Merged;
use super::snapshot::FileFigures;

/// Manifests that are read at the same time, of appends nearly always, with a file or two each. A large one
/// is read alone: its entries take many times its bytes in memory.
const MOST_AT_ONCE: usize = 16;
const BYTES_AT_ONCE: i64 = 512 * 1024;

/// The sequence number that a new file is given when its manifest is listed.
const INHERITED: i64 = -1;

/// Takes files out of manifests. What was found out about a manifest holds for a further attempt too,
/// because manifests never change: the attempt reads only what others have written meanwhile.
pub(super) struct ManifestRewriter<'a> {
    storage: &'a FileIO,
    /// The snapshot that is being made.
    snapshot_id: i64,
    /// Names the manifests of this change.
    commit: Uuid,
    /// URIs of the files that go.
    removed: &'a BTreeSet<String>,
    inspected: HashMap<String, Inspected>,
    added: Option<Added>,
    pub(super) merged: Option<Merged>,
}

/// What a manifest has of the files that go.
#[derive(Default)]
struct Inspected {
    /// The manifest without them; none where it has none of them.
    rewritten: Option<ManifestFile>,
    removed: Vec<FileFigures>,
}

/// The manifest of the new files, and what it was written for.
struct Added {
    schema_id: i32,
    partition_spec_id: i32,
    manifest: ManifestFile,
}

/// A list of manifests without some files.
#[derive(Debug)]
pub(super) struct TakenOut {
    pub manifests: Vec<ManifestFile>,
    pub removed: Vec<FileFigures>,
}

impl<'a> ManifestRewriter<'a> {
    pub fn new(storage: &'a FileIO, snapshot_id: i64, removed: &'a BTreeSet<String>) -> Self {
        Self {
            storage,
            snapshot_id,
            commit: Uuid::now_v7(),
            removed,
            inspected: HashMap::new(),
            added: None,
            merged: None,
        }
    }

    pub fn snapshot_id(&self) -> i64 {
        self.snapshot_id
    }

    pub fn storage(&self) -> &FileIO {
        self.storage
    }

    /// Where a file of this change's metadata goes.
    pub fn metadata_path(&self, table_location: &str, name: &str) -> String {
        format!("{table_location}/metadata/{name}-{}.avro", self.commit)
    }

    /// The manifests of a snapshot without the files that go. A path stands in a table once, so nothing is
    /// read any more once all are found; the newest manifests are looked at first.
    pub async fn take_out(&mut self, location: &str, snapshot: &Snapshot) -> Result<TakenOut> {
        let listed = self.manifests_of(snapshot).await?;
        let mut missing = self.removed.len() - self.found_in(&listed);
        let unknown: Vec<&ManifestFile> =
            listed.iter().rev().filter(|manifest| self.is_unknown(manifest)).collect();
        let mut at = 0;
        while missing > 0 && at < unknown.len() {
            let group = &unknown[at..at + group_size(&unknown[at..])];
            at += group.len();
            let inspections = group.iter().map(|manifest| self.inspect(location, manifest));
            let inspected = try_join_all(inspections).await?;
            for (manifest, inspected) in group.iter().zip(inspected) {
                missing = missing.saturating_sub(inspected.removed.len());
                self.inspected.insert(manifest.manifest_path.clone(), inspected);
            }
        }
        Ok(self.without_removed(listed))
    }

    async fn manifests_of(&self, snapshot: &Snapshot) -> Result<Vec<ManifestFile>> {
        let bytes = self.storage.new_input(snapshot.manifest_list())?.read().await?;
        let list = ManifestList::parse_with_version(&bytes, FormatVersion::V2)?;
        Ok(list.consume_entries().into_iter().collect())
    }

    fn is_unknown(&self, manifest: &ManifestFile) -> bool {
        manifest.content == ManifestContentType::Data
            && has_live_files(manifest)
            && !self.inspected.contains_key(&manifest.manifest_path)
    }

    fn found_in(&self, listed: &[ManifestFile]) -> usize {
        let known = listed.iter().filter_map(|one| self.inspected.get(&one.manifest_path));
        known.map(|inspected| inspected.removed.len()).sum()
    }

    fn without_removed(&self, listed: Vec<ManifestFile>) -> TakenOut {
        let mut manifests = Vec::with_capacity(listed.len() + 1);
        let mut removed = Vec::new();
        for manifest in listed {
            let Some(inspected) = self.inspected.get(&manifest.manifest_path) else {
                // What was deleted before is in the list for the snapshot that deleted it.
                if has_live_files(&manifest) {
                    manifests.push(manifest);
                }
                continue;
            };
            removed.extend_from_slice(&inspected.removed);
            manifests.push(inspected.rewritten.clone().unwrap_or(manifest));
        }
        TakenOut { manifests, removed }
    }

    async fn inspect(&self, location: &str, listed: &ManifestFile) -> Result<Inspected> {
        let manifest = listed.load_manifest(self.storage).await?;
        let goes =
            |entry: &ManifestEntry| entry.is_alive() && self.removed.contains(entry.file_path());
        if !manifest.entries().iter().any(|entry| goes(entry)) {
            return Ok(Inspected::default());
        }
        let (writer, entries) = self.rewrite(location, manifest)?;
        let (mut writer, mut removed) = (writer, Vec::new());
        for entry in entries {
            let entry = Arc::unwrap_or_clone(entry);
            if !entry.is_alive() {
                continue;
            }
            let (sequence, file_sequence) = sequence_numbers(&entry)?;
            if goes(&entry) {
                removed.push(FileFigures::of(&entry.data_file, listed.partition_spec_id));
                writer.add_delete_file(entry.data_file, sequence, Some(file_sequence))?;
            } else {
                let added_by = entry.snapshot_id.ok_or_else(|| unassigned(&entry))?;
                let file = entry.data_file;
                writer.add_existing_file(file, added_by, sequence, Some(file_sequence))?;
            }
        }
        let rewritten = Some(writer.write_manifest_file().await?);
        Ok(Inspected { rewritten, removed })
    }

    fn rewrite(
        &self,
        location: &str,
        manifest: Manifest,
    ) -> Result<(ManifestWriter, Vec<Arc<ManifestEntry>>)> {
        let (entries, metadata) = manifest.into_parts();
        let spec = metadata.partition_spec().clone();
        Ok((self.writer(location, metadata.schema().clone(), spec)?, entries))
    }

    pub fn writer(
        &self,
        location: &str,
        schema: SchemaRef,
        spec: PartitionSpec,
    ) -> Result<ManifestWriter> {
        let name = format!("manifest-{}", Uuid::now_v7().simple());
        let output = self.storage.new_output(self.metadata_path(location, &name))?;
        let id = Some(self.snapshot_id);
        Ok(ManifestWriterBuilder::new(output, id, schema, spec).build_v2_data())
    }

    /// The manifest of new files; written again only where the table's columns or partitioning have changed
    /// since the last attempt.
    pub async fn add(
        &mut self,
        location: &str,
        schema: SchemaRef,
        spec: PartitionSpec,
        files: Vec<DataFile>,
    ) -> Result<ManifestFile> {
        let (schema_id, partition_spec_id) = (schema.schema_id(), spec.spec_id());
        if let Some(added) = &self.added
            && (added.schema_id, added.partition_spec_id) == (schema_id, partition_spec_id)
        {
            return Ok(added.manifest.clone());
        }
        let mut writer = self.writer(location, schema, spec)?;
        for file in files {
            writer.add_file(file, INHERITED)?;
        }
        let manifest = writer.write_manifest_file().await?;
        self.added = Some(Added { schema_id, partition_spec_id, manifest: manifest.clone() });
        Ok(manifest)
    }
}

pub(super) fn has_live_files(manifest: &ManifestFile) -> bool {
    manifest.has_added_files() || manifest.has_existing_files()
}

/// How many of some manifests are read at the same time; one at least.
pub(super) fn group_size(manifests: &[&ManifestFile]) -> usize {
    let (mut size, mut bytes) = (0, 0);
    for manifest in manifests.iter().take(MOST_AT_ONCE) {
        bytes += manifest.manifest_length;
        if size > 0 && bytes > BYTES_AT_ONCE {
            break;
        }
        size += 1;
    }
    size
}

pub(super) fn sequence_numbers(entry: &ManifestEntry) -> Result<(i64, i64)> {
    match (entry.sequence_number, entry.file_sequence_number) {
        (Some(sequence), Some(file_sequence)) => Ok((sequence, file_sequence)),
        _ => Err(unassigned(entry)),
    }
}

pub(super) fn unassigned(entry: &ManifestEntry) -> Error {
    let problem = format!("{} has no snapshot or sequence number", entry.file_path());
    Error::new(ErrorKind::DataInvalid, problem)
}
