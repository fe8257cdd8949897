//! Data files that make way for others, in one snapshot.
//!
//! The crate can only append. A file that is superseded, rows that are erased and small files that become
//! one all need the same: some files go, others come, and no reader sees anything in between.

use std::collections::{BTreeMap, BTreeSet};

use iceberg::spec::{FormatVersion, MAIN_BRANCH, ManifestFile, Operation, TableMetadata};

use super::data_file;
use super::error::{TableError, failed, malformed};
use super::forget::{Notes, to_forget};
use super::manifests::{ManifestRewriter, TakenOut};
use super::requests::{Append, KEY_INDEX, REQUEST_IDS, find_request, key_index, summary};
use super::snapshot::{self, FileFigures};
use super::update::{Applied, Base, TableChange, invalid};
use crate::event::DataFileDescription;

/// Which files of a table go, and which come.
#[derive(Debug, Clone, Default)]
pub struct Replacement {
    /// Name the replacement: one that is in the table is not applied again. At least one, and none that was
    /// used for anything else.
    pub request_ids: Vec<String>,
    /// URIs of the data files that go. They stay in storage, for readers of earlier snapshots.
    pub removed: BTreeSet<String>,
    /// The data files that come, of the table's current partitioning.
    pub added: Vec<DataFileDescription>,
    /// Whether the table has other rows afterwards.
    pub effect: Effect,
    /// What to do about files that are not in the table.
    pub missing: Missing,
    /// Further properties of the snapshot's summary.
    pub summary: BTreeMap<String, String>,
    /// Properties of the table that change in the same commit.
    pub properties: BTreeMap<String, String>,
    /// The index of the table's keys from now on, where it changes: see [`super::OpenTable::key_index`].
    pub key_index: Option<String>,
}

/// What a replacement does to the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effect {
    /// The table has other rows afterwards. Iceberg's `overwrite`, or `delete` where no file comes.
    #[default]
    Rows,
    /// The same rows stand in other files, as after compaction: Iceberg's `replace`.
    Layout,
}

/// What to do about files to be removed that the table does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// Nothing is replaced, and the error names them.
    #[default]
    Refuse,
    /// They are gone already, and that is all right.
    Ignore,
}

/// A replacement that is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// The snapshot that holds it; none where there was no file to remove or to add.
    pub snapshot_id: Option<i64>,
    /// It was in the table before.
    pub before: bool,
}

impl Replacement {
    /// The replacement of files by those of commit requests.
    pub fn by_requests(requests: &[Append<'_>], removed: BTreeSet<String>) -> Self {
        let ids = requests.iter().map(|append| append.request.request_id.clone());
        let added = requests.iter().flat_map(|append| append.request.data_files.clone());
        let mut summary = summary(requests);
        summary.remove(REQUEST_IDS);
        Self {
            request_ids: ids.collect(),
            removed,
            added: added.collect(),
            summary: summary.into_iter().collect(),
            ..Self::default()
        }
    }

    fn operation(&self, removed: &[FileFigures]) -> Operation {
        match (self.effect, removed.is_empty(), self.added.is_empty()) {
            (Effect::Layout, ..) => Operation::Replace,
            (Effect::Rows, true, _) => Operation::Append,
            (Effect::Rows, false, true) => Operation::Delete,
            (Effect::Rows, false, false) => Operation::Overwrite,
        }
    }

    pub(super) fn check(&self, table: &str) -> Result<(), TableError> {
        if self.request_ids.is_empty() || self.request_ids.iter().any(|id| id.contains(',')) {
            return Err(malformed(table, "a replacement needs ids, and none with a comma"));
        }
        let mut paths = BTreeSet::new();
        for file in &self.added {
            if self.removed.contains(&file.path) || !paths.insert(&file.path) {
                return Err(malformed(
                    table,
                    format!("{} comes twice, or goes as well", file.path),
                ));
            }
        }
        Ok(())
    }
}

/// A replacement on its way into a table.
pub(super) struct ReplaceFiles<'a> {
    pub table: &'a str,
    pub replacement: &'a Replacement,
    /// The index of keys that the replacement was made with.
    pub key_index: Option<&'a str>,
    pub storage: &'a iceberg::io::FileIO,
    pub manifests: ManifestRewriter<'a>,
    /// Where requests are noted whose snapshots the table forgets.
    pub notes: Notes<'a>,
}

impl TableChange for ReplaceFiles<'_> {
    type Outcome = Replaced;

    async fn apply(&mut self, base: &Base) -> Result<Applied<Replaced>, TableError> {
        let metadata = &base.metadata;
        if let Some(snapshot_id) = self.applied_before(metadata)? {
            let replaced = Replaced { snapshot_id: Some(snapshot_id), before: true };
            return Ok(Applied::Unchanged(replaced));
        }
        self.check_base(metadata)?;
        let taken = self.take_out(metadata).await?;
        let mut builder = base.builder();
        let properties = self.properties();
        let is_empty = taken.removed.is_empty() && self.replacement.added.is_empty();
        if is_empty
            && properties.iter().all(|(name, value)| metadata.properties().get(name) == Some(value))
        {
            return Ok(Applied::Unchanged(Replaced { snapshot_id: None, before: false }));
        }
        if !is_empty {
            let snapshot = self.snapshot(metadata, taken).await?;
            builder = builder
                .set_branch_snapshot(snapshot, MAIN_BRANCH)
                .map_err(|error| invalid(self.table, error))?;
            builder = builder.remove_snapshots(&self.forget(metadata).await?);
        }
        let builder = builder
            .set_properties(properties.into_iter().collect())
            .map_err(|error| invalid(self.table, error))?;
        let snapshot_id = (!is_empty).then_some(self.manifests.snapshot_id());
        Ok(Applied::Changed(Box::new(builder), Replaced { snapshot_id, before: false }))
    }
}

impl ReplaceFiles<'_> {
    /// The snapshot that an earlier attempt has made. Ids that were not together then are not this
    /// replacement's doing.
    fn applied_before(&self, metadata: &TableMetadata) -> Result<Option<i64>, TableError> {
        let mut snapshots = Vec::new();
        for id in &self.replacement.request_ids {
            snapshots.push(find_request(metadata, id).map(|found| found.snapshot_id));
        }
        let first = snapshots.first().copied().flatten();
        if snapshots.iter().any(|snapshot| *snapshot != first) {
            return Err(TableError::Moved { table: self.table.to_owned() });
        }
        Ok(first)
    }

    fn check_base(&self, metadata: &TableMetadata) -> Result<(), TableError> {
        if metadata.format_version() != FormatVersion::V2 {
            let problem = format!("format version {} is not 2", metadata.format_version());
            return Err(malformed(self.table, problem));
        }
        if self.replacement.key_index.is_some() && self.key_index != key_index(metadata) {
            return Err(TableError::Moved { table: self.table.to_owned() });
        }
        Ok(())
    }

    fn properties(&self) -> BTreeMap<String, String> {
        let mut properties = self.replacement.properties.clone();
        if let Some(key) = &self.replacement.key_index {
            properties.insert(KEY_INDEX.to_owned(), key.clone());
        }
        properties
    }

    /// The snapshots that the table forgets with this change; their requests are noted.
    async fn forget(&self, metadata: &TableMetadata) -> Result<Vec<i64>, TableError> {
        let at = |error| failed(self.table, error);
        let forgotten = to_forget(metadata).map_err(at)?;
        self.notes.write(&forgotten).await.map_err(at)?;
        Ok(forgotten.iter().map(|snapshot| snapshot.snapshot_id()).collect())
    }

    /// The manifests of the current snapshot without the files that go.
    async fn take_out(&mut self, metadata: &TableMetadata) -> Result<TakenOut, TableError> {
        let taken = match metadata.current_snapshot() {
            Some(current) => {
                let taken = self.manifests.take_out(metadata.location(), current).await;
                taken.map_err(|error| invalid(self.table, error))?
            }
            None => TakenOut { manifests: Vec::new(), removed: Vec::new() },
        };
        if self.replacement.missing == Missing::Refuse {
            let found: BTreeSet<&str> =
                taken.removed.iter().map(|file| file.path.as_str()).collect();
            let removed = self.replacement.removed.iter();
            let files: Vec<String> =
                removed.filter(|path| !found.contains(path.as_str())).cloned().collect();
            if !files.is_empty() {
                return Err(TableError::NotInTable { table: self.table.to_owned(), files });
            }
        }
        Ok(taken)
    }

    async fn snapshot(
        &mut self,
        metadata: &TableMetadata,
        taken: TakenOut,
    ) -> Result<iceberg::spec::Snapshot, TableError> {
        let TakenOut { manifests, removed } = taken;
        let merged = self.manifests.merge(metadata, manifests).await;
        let mut manifests = merged.map_err(|error| invalid(self.table, error))?;
        let mut added = Vec::new();
        if !self.replacement.added.is_empty() {
            let (manifest, figures) = self.added(metadata).await?;
            manifests.push(manifest);
            added = figures;
        }
        self.check_effect(&added, &removed)?;
        let mut caller = self.replacement.summary.clone();
        caller.insert(REQUEST_IDS.to_owned(), self.replacement.request_ids.join(","));
        let previous = metadata.current_snapshot().map(|snapshot| snapshot.summary());
        let operation = self.replacement.operation(&removed);
        let summary = snapshot::summary(operation, &caller, &added, &removed, previous);
        let id = self.manifests.snapshot_id();
        // An attempt writes a list of its own: the one before may be the table's by now.
        let name = format!("snap-{id}-{}", metadata.next_sequence_number());
        let list = self.manifests.metadata_path(metadata.location(), &name);
        snapshot::write_manifest_list(self.storage, &list, id, metadata, manifests)
            .await
            .map_err(|error| failed(self.table, error))?;
        Ok(snapshot::next_snapshot(id, list, summary, metadata))
    }

    async fn added(
        &mut self,
        metadata: &TableMetadata,
    ) -> Result<(ManifestFile, Vec<FileFigures>), TableError> {
        let mut files = Vec::with_capacity(self.replacement.added.len());
        let mut figures = Vec::with_capacity(self.replacement.added.len());
        let spec = metadata.default_partition_spec();
        for description in &self.replacement.added {
            let file = data_file::data_file(self.table, description, metadata)?;
            figures.push(FileFigures::of(&file, spec.spec_id()));
            files.push(file);
        }
        let schema = metadata.current_schema().clone();
        let location = metadata.location();
        let manifest = self.manifests.add(location, schema, spec.as_ref().clone(), files).await;
        Ok((manifest.map_err(|error| invalid(self.table, error))?, figures))
    }

    /// Files that are said to hold the same rows must at least hold as many.
    fn check_effect(
        &self,
        added: &[FileFigures],
        removed: &[FileFigures],
    ) -> Result<(), TableError> {
        let (came, went) = (snapshot::records(added), snapshot::records(removed));
        if self.replacement.effect == Effect::Layout && came != went {
            let problem = format!("{came} rows come for {went}, but none were to change");
            return Err(malformed(self.table, problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
