//! The data files of a table's current snapshot, manifest by manifest.

use futures_util::future::try_join_all;
use iceberg::spec::{FormatVersion, ManifestContentType, ManifestFile, ManifestList};

use super::error::failed;
use super::manifests::{group_size, has_live_files};
use super::{OpenTable, TableError};

/// A manifest that lists data files. It never changes.
#[derive(Debug, Clone)]
pub struct DataManifest(ManifestFile);

/// A data file that a manifest lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Its URI. What is there never changes.
    pub uri: String,
    /// How many rows it has.
    pub rows: u64,
}

impl DataManifest {
    /// Its URI.
    pub fn path(&self) -> &str {
        &self.0.manifest_path
    }
}

impl OpenTable<'_> {
    /// The Iceberg field id of a column; none where the table has no column of this name.
    pub fn field_id(&self, column: &str) -> Option<i32> {
        self.metadata().current_schema().field_by_name(column).map(|field| field.id)
    }

    /// The manifests of the current snapshot that list data files, the newest first; none of a table without
    /// a snapshot.
    ///
    /// # Errors
    /// [`TableError::Iceberg`] where the list cannot be read.
    pub async fn manifests(&self) -> Result<Vec<DataManifest>, TableError> {
        let failed = |source| failed(&self.name, source);
        let Some(snapshot) = self.metadata().current_snapshot() else {
            return Ok(Vec::new());
        };
        let list = self.storage().new_input(snapshot.manifest_list()).map_err(failed)?;
        let bytes = list.read().await.map_err(failed)?;
        let list = ManifestList::parse_with_version(&bytes, FormatVersion::V2).map_err(failed)?;
        let mut manifests = Vec::new();
        for manifest in list.consume_entries() {
            if manifest.content == ManifestContentType::Data && has_live_files(&manifest) {
                manifests.push(DataManifest(manifest));
            }
        }
        manifests.sort_by_key(|manifest| std::cmp::Reverse(manifest.0.sequence_number));
        Ok(manifests)
    }

    /// The data files that each of some manifests lists, some of them read at the same time.
    ///
    /// # Errors
    /// [`TableError::Iceberg`] where one cannot be read.
    pub async fn listed(
        &self,
        manifests: &[&DataManifest],
    ) -> Result<Vec<Vec<ListedFile>>, TableError> {
        let files: Vec<&ManifestFile> = manifests.iter().map(|manifest| &manifest.0).collect();
        let mut listed = Vec::with_capacity(files.len());
        while listed.len() < files.len() {
            let left = &files[listed.len()..];
            let group = left[..group_size(left)].iter().map(|manifest| self.files_of(manifest));
            listed.extend(try_join_all(group).await?);
        }
        Ok(listed)
    }

    async fn files_of(&self, manifest: &ManifestFile) -> Result<Vec<ListedFile>, TableError> {
        let manifest = manifest.load_manifest(self.storage()).await;
        let manifest = manifest.map_err(|source| failed(&self.name, source))?;
        let mut files = Vec::new();
        for entry in manifest.entries().iter().filter(|entry| entry.is_alive()) {
            let (uri, rows) = (entry.file_path().to_owned(), entry.record_count());
            files.push(ListedFile { uri, rows });
        }
        Ok(files)
    }
}
