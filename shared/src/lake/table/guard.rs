//! Keeps a commit that is retried inside Iceberg from being applied twice.
//!
//! A transaction that meets a conflict loads the table again and re-applies itself. But the
//! conflict may be its own: the update went through, its answer was lost, and the SDK's retry found
//! a newer version. Or a second attempt of the same request was faster. So each time the transaction
//! loads the table, the guard looks for the request first, and stops the transaction if it is there.
//! It stops it as well where the index of the table's keys is another than the one that the requests
//! were compared with: their rows may be in the table by now.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use iceberg::table::Table;
use iceberg::{
    Catalog, Error, ErrorKind, Namespace, NamespaceIdent, Result, TableCommit, TableCreation,
    TableIdent,
};

use super::requests::{find_request, key_index};

/// A catalog for one transaction: it loads and updates the table, and does nothing else.
#[derive(Debug)]
pub(super) struct Guard<'a, C> {
    catalog: &'a C,
    request_ids: &'a [&'a str],
    key_index: ExpectedIndex<'a>,
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

impl<'a, C: Catalog> Guard<'a, C> {
    pub(super) fn new(
        catalog: &'a C,
        request_ids: &'a [&'a str],
        key_index: ExpectedIndex<'a>,
    ) -> Self {
        Self { catalog, request_ids, key_index, stopped: AtomicBool::new(false) }
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
impl<C: Catalog> Catalog for Guard<'_, C> {
    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        let table = self.catalog.load_table(table).await?;
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
        Ok(table)
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        self.catalog.update_table(commit).await
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
