//! Keeps a commit that is retried inside Iceberg from being applied twice.
//!
//! A transaction that meets a conflict loads the table again and re-applies itself. But the
//! conflict may be its own: the update went through, its answer was lost, and the SDK's retry found
//! a newer version. Or a second attempt of the same request was faster. So each time the transaction
//! loads the table, the guard looks for the request first, and stops the transaction if it is there.
//! It stops it as well where the index of the table's keys is another than the one that the requests
//! were compared with: their rows may be in the table by now.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use iceberg::io::FileIO;
use iceberg::table::Table;
use iceberg::{
    Catalog, Error, ErrorKind, MetadataLocation, Namespace, NamespaceIdent, Result, Runtime,
    TableCommit, TableCreation, TableIdent,
};
use tokio::sync::Mutex;

use super::requests::{find_request, key_index};
use super::update::{Advance, Pointer, Position, read, write};

/// A catalog for one transaction: it loads and updates the table, and does nothing else. It does so
/// by way of [`super::update`], so that an append leaves the same of a table in the catalog as any
/// other change: the crate's own update lists the columns of every earlier schema once more.
#[derive(Debug)]
pub(super) struct Guard<'a> {
    catalog: &'a dyn Pointer,
    storage: &'a FileIO,
    request_ids: &'a [&'a str],
    key_index: ExpectedIndex<'a>,
    /// The table as it was loaded last, which is what the transaction builds on.
    base: Mutex<Option<(Position, Table)>>,
    stopped: AtomicBool,
}

/// The index of the table's keys that must still hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum ExpectedIndex<'a> {
    /// No row's key matters.
    Any,
    /// This one, or none.
    Exactly(Option<&'a str>),
}

impl<'a> Guard<'a> {
    pub(super) fn new(
        catalog: &'a dyn Pointer,
        storage: &'a FileIO,
        request_ids: &'a [&'a str],
        key_index: ExpectedIndex<'a>,
    ) -> Self {
        let (base, stopped) = (Mutex::default(), AtomicBool::new(false));
        Self { catalog, storage, request_ids, key_index, base, stopped }
    }

    /// Whether the transaction was stopped.
    pub(super) fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn stop<T>(&self, message: String) -> Result<T> {
        self.stopped.store(true, Ordering::Relaxed);
        Err(Error::new(ErrorKind::PreconditionFailed, message))
    }
}

fn not_here<T>(operation: &str) -> Result<T> {
    Err(Error::new(ErrorKind::FeatureUnsupported, format!("a commit does not {operation}")))
}

#[async_trait]
impl Catalog for Guard<'_> {
    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        let (position, metadata) = read(self.catalog, self.storage, table).await?;
        let table = Table::builder()
            .file_io(self.storage.clone())
            .metadata_location(position.metadata_location.clone())
            .metadata(metadata)
            .identifier(table.clone())
            .runtime(Runtime::try_current()?)
            .build()?;
        for id in self.request_ids {
            if find_request(table.metadata(), id).is_some() {
                return self.stop(format!("request {id} is in the table already"));
            }
        }
        if let ExpectedIndex::Exactly(expected) = self.key_index
            && expected != key_index(table.metadata())
        {
            return self.stop("the index of keys has changed".to_owned());
        }
        *self.base.lock().await = Some((position, table.clone()));
        Ok(table)
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        let identifier = commit.identifier().clone();
        let Some((from, table)) = self.base.lock().await.take() else {
            return not_here("update a table that it has not loaded");
        };
        let table = commit.apply(table)?;
        let to = MetadataLocation::from_str(table.metadata_location_result()?)?;
        let metadata = table.metadata();
        match write(self.catalog, self.storage, &identifier, &from, &to, metadata).await? {
            Advance::Done => Ok(table),
            Advance::Conflict => {
                let problem = format!("table {identifier} has moved on");
                let conflict = Error::new(ErrorKind::CatalogCommitConflicts, problem);
                Err(conflict.with_retryable(true))
            }
        }
    }

    async fn list_namespaces(&self, _: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        not_here("list namespaces")
    }

    async fn create_namespace(
        &self,
        _: &NamespaceIdent,
        _: HashMap<String, String>,
    ) -> Result<Namespace> {
        not_here("create a namespace")
    }

    async fn get_namespace(&self, _: &NamespaceIdent) -> Result<Namespace> {
        not_here("get a namespace")
    }

    async fn namespace_exists(&self, _: &NamespaceIdent) -> Result<bool> {
        not_here("look for a namespace")
    }

    async fn update_namespace(&self, _: &NamespaceIdent, _: HashMap<String, String>) -> Result<()> {
        not_here("update a namespace")
    }

    async fn drop_namespace(&self, _: &NamespaceIdent) -> Result<()> {
        not_here("drop a namespace")
    }

    async fn list_tables(&self, _: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        not_here("list tables")
    }

    async fn create_table(&self, _: &NamespaceIdent, _: TableCreation) -> Result<Table> {
        not_here("create a table")
    }

    async fn drop_table(&self, _: &TableIdent) -> Result<()> {
        not_here("drop a table")
    }

    async fn purge_table(&self, _: &TableIdent) -> Result<()> {
        not_here("purge a table")
    }

    async fn table_exists(&self, _: &TableIdent) -> Result<bool> {
        not_here("look for a table")
    }

    async fn rename_table(&self, _: &TableIdent, _: &TableIdent) -> Result<()> {
        not_here("rename a table")
    }

    async fn register_table(&self, _: &TableIdent, _: String) -> Result<Table> {
        not_here("register a table")
    }
}

#[cfg(test)]
mod tests;
