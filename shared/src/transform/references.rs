//! Values that refer to another dataset, looked up in its table, before it is decided what holds.
//!
//! The table's current snapshot counts: rows that are on their way to it are not known yet, and rows of the
//! input itself only where the table refers to itself. A row that says that a parent was deleted is one that
//! knows it.

use std::collections::BTreeSet;

use aws_sdk_s3::Client;
use futures_util::future::try_join_all;
use tokio::sync::Mutex;

use super::input::Transform;
use super::outcome::DatasetOutcome;
use super::reference_memory::{Piece, ReferenceMemory};
use crate::govern::UnknownReferences;
use crate::lake::{ColumnKeysError, Lake, ListedFile, OpenTable, TableError, column_keys};

/// What is kept of the tables between inputs: three million keys.
const MEMORY_BYTES: usize = 32 * 1024 * 1024;

/// Data files that are read at the same time.
const MOST_AT_ONCE: usize = 16;

/// Why references could not be looked up. The input is not done, and is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The transform was made without a catalog: a defect.
    #[error("references to {reference} cannot be looked up: no catalog is connected")]
    NoCatalog {
        /// The column that is referred to.
        reference: String,
    },
    /// The table cannot be opened.
    #[error(transparent)]
    Table(#[from] TableError),
    /// One of its files cannot be read.
    #[error(transparent)]
    Keys(#[from] ColumnKeysError),
}

impl ReferenceError {
    /// Whether a later attempt can end differently without anybody's doing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NoCatalog { .. } => false,
            Self::Table(error) => error.is_retryable(),
            Self::Keys(error) => error.is_retryable(),
        }
    }
}

/// Looks values up in the tables that they refer to, and remembers what it has read.
#[derive(Debug)]
pub(super) struct References {
    catalog: Option<Lake>,
    client: Client,
    database_prefix: String,
    memory: Mutex<ReferenceMemory>,
}

impl Transform {
    /// Makes the checks of references, which only the other tables can answer. Without a value that refers to
    /// one no call is made.
    pub(super) async fn look_up_references(
        &self,
        datasets: &mut [DatasetOutcome],
    ) -> Result<(), ReferenceError> {
        for dataset in datasets {
            for mut unknown in std::mem::take(&mut dataset.references) {
                if !unknown.is_empty() {
                    self.references().look_up(&mut unknown).await?;
                }
                let result = unknown.result();
                if unknown.unchecked() > 0 {
                    tracing::warn!(
                        dataset = dataset.contract.dataset(),
                        check = result.name,
                        rows = unknown.unchecked(),
                        "rows were not looked up: the input has too many different references"
                    );
                }
                dataset.checks[unknown.position()] = result;
            }
        }
        Ok(())
    }
}

impl References {
    pub(super) fn new(catalog: Option<Lake>, client: Client, database_prefix: &str) -> Self {
        Self {
            catalog,
            client,
            database_prefix: database_prefix.to_owned(),
            memory: Mutex::new(ReferenceMemory::within(MEMORY_BYTES)),
        }
    }

    /// Takes from the values those that the table has. A table that does not exist has none.
    async fn look_up(&self, unknown: &mut UnknownReferences) -> Result<(), ReferenceError> {
        let reference = unknown.reference();
        let Some(catalog) = &self.catalog else {
            return Err(ReferenceError::NoCatalog { reference: reference.to_string() });
        };
        let database = format!("{}{}", self.database_prefix, reference.domain);
        let Some(table) = catalog.open_existing(&database, &reference.table).await? else {
            return Ok(());
        };
        let Some(field_id) = table.field_id(&reference.column) else { return Ok(()) };
        let name = format!("{database}.{}", reference.table);
        let mut memory = self.memory.lock().await;
        let files = files(&table, &name, &mut memory).await?;
        let pieces: Vec<Piece> =
            files.iter().flat_map(|file| Piece::all_of(file, field_id)).collect();
        let mut unread = Vec::new();
        for piece in &pieces {
            match memory.keys(&name, piece) {
                Some(keys) => unknown.known(keys),
                None => unread.push(piece),
            }
        }
        self.read(&name, &unread, &mut memory, unknown).await
    }

    /// Reads the files that are new, until every value is found.
    async fn read(
        &self,
        table: &str,
        unread: &[&Piece],
        memory: &mut ReferenceMemory,
        unknown: &mut UnknownReferences,
    ) -> Result<(), ReferenceError> {
        let mut at = 0;
        while at < unread.len() && !unknown.is_empty() {
            let group = &unread[at..at + Piece::group_size(&unread[at..], MOST_AT_ONCE)];
            at += group.len();
            let keys = group.iter().map(|piece| {
                column_keys(&self.client, &piece.uri, piece.field_id, piece.rows.clone())
            });
            for (piece, keys) in group.iter().zip(try_join_all(keys).await?) {
                unknown.known(&keys);
                memory.keep_keys(table, piece, keys);
            }
        }
        tracing::info!(table, read = at, known = memory.pieces_of(table), "references looked up");
        Ok(())
    }
}

/// The data files of a table, the newest first; of the manifests only those are read that are new.
async fn files(
    table: &OpenTable<'_>,
    name: &str,
    memory: &mut ReferenceMemory,
) -> Result<Vec<ListedFile>, TableError> {
    let manifests = table.manifests().await?;
    let mut unread = Vec::new();
    let mut files: Vec<ListedFile> = Vec::new();
    for manifest in &manifests {
        match memory.files(name, manifest.path()) {
            Some(listed) => files.extend_from_slice(listed),
            None => unread.push(manifest),
        }
    }
    let listed = table.listed(&unread).await?;
    let mut new: Vec<ListedFile> = listed.iter().flatten().cloned().collect();
    new.append(&mut files);
    let paths = manifests.iter().map(crate::lake::DataManifest::path).collect();
    memory.retain(name, &paths, &new.iter().map(|file| file.uri.as_str()).collect::<BTreeSet<_>>());
    for (manifest, listed) in unread.iter().zip(&listed) {
        memory.keep_files(name, manifest.path(), listed);
    }
    Ok(new)
}
