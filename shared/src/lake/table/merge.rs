//! Small manifests that become one.
//!
//! Every append adds a manifest, and every commit and every query reads the list of them all. So where a hundred
//! small ones have gathered, or fewer that fill a manifest, they are written as one, as Iceberg's own merging appends do
//! (`commit.manifest.min-count-to-merge`, <https://iceberg.apache.org/docs/latest/configuration/>). Data files stay
//! where they are, with the snapshots and the sequence numbers that brought them.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::try_join_all;
use iceberg::Result;
use iceberg::spec::{ManifestContentType, ManifestFile, TableMetadata};

use super::manifests::{ManifestRewriter, group_size, sequence_numbers, unassigned};

/// So many small manifests are merged, or as many as fill a manifest; not before.
const MERGED_AT: usize = 100;

/// A manifest of this size is not small any more. Entries take many times their bytes in memory.
const SMALL_BYTES: i64 = 256 * 1024;

/// What is merged at once has at most so many bytes.
const MERGED_BYTES: i64 = 2 * 1024 * 1024;

/// Manifests that were merged, and what became of them.
pub(super) struct Merged {
    paths: HashSet<String>,
    manifest: ManifestFile,
}

impl ManifestRewriter<'_> {
    /// The manifests, the small ones merged if there are many.
    pub async fn merge(
        &mut self,
        metadata: &TableMetadata,
        manifests: Vec<ManifestFile>,
    ) -> Result<Vec<ManifestFile>> {
        if let Some(merged) = &self.merged
            && let Some(manifests) = merged.take_the_place(&manifests)
        {
            return Ok(manifests);
        }
        let Some(small) = self.small(metadata, &manifests) else {
            return Ok(manifests);
        };
        let merged = self.merge_small(metadata, &small).await?;
        let manifests = merged.take_the_place(&manifests).unwrap_or(manifests);
        self.merged = Some(merged);
        Ok(manifests)
    }

    /// Those that are to be merged; none while they are few and small. What this change itself has written
    /// tells of files that it deletes, and stays as it is.
    fn small<'m>(
        &self,
        metadata: &TableMetadata,
        manifests: &'m [ManifestFile],
    ) -> Option<Vec<&'m ManifestFile>> {
        let mut small = Vec::new();
        let mut bytes = 0;
        for manifest in manifests {
            let is_small = manifest.manifest_length < SMALL_BYTES
                && manifest.content == ManifestContentType::Data
                && manifest.partition_spec_id == metadata.default_partition_spec_id()
                && manifest.added_snapshot_id != self.snapshot_id();
            if !is_small {
                continue;
            }
            if bytes + manifest.manifest_length > MERGED_BYTES {
                return Some(small);
            }
            bytes += manifest.manifest_length;
            small.push(manifest);
        }
        (small.len() >= MERGED_AT).then_some(small)
    }

    async fn merge_small(
        &self,
        metadata: &TableMetadata,
        small: &[&ManifestFile],
    ) -> Result<Merged> {
        let schema = metadata.current_schema().clone();
        let spec = metadata.default_partition_spec().as_ref().clone();
        let mut writer = self.writer(metadata.location(), schema, spec)?;
        let mut left = small;
        while !left.is_empty() {
            let (group, others) = left.split_at(group_size(left));
            left = others;
            let loaded = group.iter().map(|manifest| manifest.load_manifest(self.storage()));
            for manifest in try_join_all(loaded).await? {
                let (entries, _) = manifest.into_parts();
                for entry in entries {
                    let entry = Arc::unwrap_or_clone(entry);
                    if !entry.is_alive() {
                        continue;
                    }
                    let (sequence, file_sequence) = sequence_numbers(&entry)?;
                    let added_by = entry.snapshot_id.ok_or_else(|| unassigned(&entry))?;
                    let file = entry.data_file;
                    writer.add_existing_file(file, added_by, sequence, Some(file_sequence))?;
                }
            }
        }
        let paths = small.iter().map(|manifest| manifest.manifest_path.clone()).collect();
        Ok(Merged { paths, manifest: writer.write_manifest_file().await? })
    }
}

impl Merged {
    /// A list in which the merged manifest stands for its parts; none where one of them is not there any more.
    fn take_the_place(&self, manifests: &[ManifestFile]) -> Option<Vec<ManifestFile>> {
        let mut others = Vec::with_capacity(manifests.len());
        others.push(self.manifest.clone());
        for manifest in manifests {
            if !self.paths.contains(&manifest.manifest_path) {
                others.push(manifest.clone());
            }
        }
        let replaced = manifests.len() + 1 - others.len();
        (replaced == self.paths.len()).then_some(others)
    }
}

#[cfg(test)]
mod tests {
    use iceberg::spec::{FormatVersion, ManifestList, ManifestStatus};

    use super::*;
    use crate::lake::table::memory::{Fault, MemoryTable, replacement};

    async fn manifests(table: &MemoryTable) -> usize {
        let metadata = table.metadata().await;
        let list = metadata.current_snapshot().unwrap().manifest_list().to_owned();
        let list = table.storage.new_input(list).unwrap().read().await.unwrap();
        ManifestList::parse_with_version(&list, FormatVersion::V2).unwrap().entries().len()
    }

    async fn append(table: &MemoryTable, number: usize) {
        let (id, path) = (format!("append-{number}"), format!("file-{number:04}"));
        table.replace(&replacement(&id, &[], &[&path])).await.unwrap();
    }

    #[tokio::test]
    async fn many_small_manifests_become_one_and_no_file_is_lost() {
        let table = MemoryTable::create(&[]).await;
        for number in 0..MERGED_AT {
            append(&table, number).await;
        }
        assert_eq!(manifests(&table).await, MERGED_AT);
        let before = table.metadata().await;
        let before = table.entries(before.current_snapshot().unwrap()).await;
        append(&table, MERGED_AT).await;
        assert_eq!(manifests(&table).await, 2);
        let after = table.metadata().await;
        let after = table.entries(after.current_snapshot().unwrap()).await;
        assert_eq!(after.len(), MERGED_AT + 1);
        for (path, entry) in before {
            let now = &after[&path];
            assert_eq!(now.status, ManifestStatus::Existing);
            assert_eq!(
                (now.snapshot_id, now.sequence_number, now.file_sequence_number),
                (entry.snapshot_id, entry.sequence_number, entry.file_sequence_number)
            );
        }
    }

    /// Of appends with many files a few fill a manifest.
    #[tokio::test]
    async fn large_manifests_become_one_before_they_are_many() {
        const FILES: usize = 400;
        const APPENDS: usize = 60;
        let table = MemoryTable::create(&[]).await;
        let mut most = 0;
        for number in 0..APPENDS {
            let mut paths = Vec::new();
            for file in 0..FILES {
                // Compresses no better than the names of real files.
                let name = ((number * FILES + file) as u128 + 1)
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
                paths.push(format!("{name:032x}"));
            }
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            table.replace(&replacement(&format!("append-{number}"), &[], &paths)).await.unwrap();
            most = most.max(manifests(&table).await);
        }
        assert!(most < APPENDS, "{most} manifests");
        assert_eq!(table.live_now().await.len(), APPENDS * FILES);
    }

    #[tokio::test]
    async fn files_that_go_while_manifests_are_merged_are_gone() {
        let table = MemoryTable::create(&[]).await;
        for number in 0..=MERGED_AT {
            append(&table, number).await;
        }
        // In the merged manifest, and in a small one beside it.
        let last = format!("file-{MERGED_AT:04}");
        table.replace(&replacement("gone", &["file-0007", &last], &["new"])).await.unwrap();
        let live = table.live_now().await;
        assert_eq!(live.len(), MERGED_AT);
        assert!(!live.contains(&"file-0007".to_owned()) && !live.contains(&last));
    }

    /// The second attempt finds what somebody else has appended meanwhile.
    #[tokio::test]
    async fn others_who_are_faster_are_kept() {
        let table = MemoryTable::create(&[]).await;
        for number in 0..MERGED_AT {
            append(&table, number).await;
        }
        let faster = replacement("faster", &["file-0003"], &["faster"]);
        table.fail_with([Fault::Overtaken(Box::new(faster))]);
        append(&table, MERGED_AT).await;
        let live = table.live_now().await;
        assert_eq!(live.len(), MERGED_AT + 1);
        assert!(live.contains(&"faster".to_owned()) && !live.contains(&"file-0003".to_owned()));
    }
}
