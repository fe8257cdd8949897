//! The commit: data files into an Iceberg table of the Glue catalog, exactly once.
//!
//! Iceberg's optimistic transaction makes the append atomic; the request's id in the snapshot's
//! summary makes it recognisable, so that a request is never appended twice (see [`guard`]).

mod create;
mod data_file;
mod error;
mod evolution;
mod files;
mod glue;
mod guard;
mod manifests;
#[cfg(test)]
mod memory;
mod missing;
mod replace;
mod requests;
mod schema;
mod snapshot;
mod update;

use std::collections::HashMap;

use aws_config::BehaviorVersion;
use iceberg::io::{S3_PATH_STYLE_ACCESS, S3_REGION};
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use iceberg::{Catalog, CatalogBuilder, NamespaceIdent, TableIdent};
use iceberg_catalog_glue::{
    GLUE_CATALOG_PROP_URI, GLUE_CATALOG_PROP_WAREHOUSE, GlueCatalog, GlueCatalogBuilder,
};
use tokio::sync::OnceCell;

use crate::event::{CommitRequest, TableSchema};
pub use error::TableError;
use error::{failed, malformed};
pub use evolution::ColumnChange;
use evolution::{ChangeColumns, FollowContract};
pub use files::{DataManifest, ListedFile};
use glue::GlueTables;
use guard::{ExpectedIndex, Guard};
use manifests::ManifestRewriter;
use missing::Decision;
use replace::ReplaceFiles;
pub use replace::{Effect, Missing, Replaced, Replacement};
pub use requests::{Append, Found};
use requests::{KEY_INDEX, find_request, key_index, summary};
use update::TableChange;

/// The table property with the newest contract version that the table has seen.
const CONTRACT_VERSION: &str = "tributary.contract-version";

/// Where the lake is.
#[derive(Debug, Clone)]
pub struct LakeConfig {
    /// The bucket of the tables.
    pub bucket: String,
    /// How long a snapshot is kept. It must outlive a commit request in its queue and dead-letter
    /// queue, or a repeated request could no longer be recognised.
    pub snapshot_retention_days: u32,
    /// Another endpoint than AWS's own, addressed by path.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
}

/// A table that is ready to take the files of some requests.
#[derive(Debug)]
pub struct OpenTable<'a> {
    lake: &'a Lake,
    name: String,
    table: Table,
}

/// The tables of a Glue catalog.
#[derive(Debug)]
pub struct Lake {
    catalog: GlueCatalog,
    /// For commits: the catalog crate finds and creates tables.
    tables: OnceCell<GlueTables>,
    config: LakeConfig,
}

impl Lake {
    /// Connects to the catalog; no call is made yet.
    pub async fn connect(config: LakeConfig) -> Result<Self, TableError> {
        let mut properties = HashMap::from([
            (GLUE_CATALOG_PROP_WAREHOUSE.to_owned(), format!("s3://{}", config.bucket)),
            (S3_REGION.to_owned(), config.region.clone()),
        ]);
        if let Some(endpoint) = &config.endpoint {
            properties.insert(GLUE_CATALOG_PROP_URI.to_owned(), endpoint.clone());
            properties.insert(S3_PATH_STYLE_ACCESS.to_owned(), "true".to_owned());
        }
        let catalog = GlueCatalogBuilder::default().load("glue", properties).await;
        let catalog = catalog.map_err(|source| failed("(catalog)", source))?;
        Ok(Self { catalog, tables: OnceCell::new(), config })
    }

    /// Opens the table of requests, which must all name the same: creates it, or lets it follow the newest
    /// of their contracts, and checks that the files fit. None for no requests, and where the table does
    /// not exist and that contract says to leave the rows out.
    ///
    /// # Errors
    /// [`TableError::NotMadeByRows`] where the table does not exist and that contract says to refuse them.
    pub async fn open(
        &self,
        requests: &[&CommitRequest],
    ) -> Result<Option<OpenTable<'_>>, TableError> {
        let newest = requests.iter().max_by_key(|request| schema::version(&request.schema));
        let Some(newest) = newest else { return Ok(None) };
        let name = format!("{}.{}", newest.database, newest.table);
        let Some(mut table) = self.open_table(&name, newest, requests).await? else {
            return Ok(None);
        };
        if schema::is_newer(&newest.schema, table.metadata()) {
            let identifier = identifier(&newest.database, &newest.table);
            table = self.follow(&name, &identifier, &newest.schema).await?;
        }
        for request in requests {
            schema::check(&name, &request.schema, table.metadata())?;
        }
        Ok(Some(OpenTable { lake: self, name, table }))
    }

    async fn open_table(
        &self,
        name: &str,
        newest: &CommitRequest,
        requests: &[&CommitRequest],
    ) -> Result<Option<Table>, TableError> {
        let identifier = identifier(&newest.database, &newest.table);
        let exists =
            self.catalog.table_exists(&identifier).await.map_err(|source| failed(name, source))?;
        if !exists {
            if missing::decide(name, newest, requests)? == Decision::LeaveOut {
                return Ok(None);
            }
            if let Some(table) = self.create_table(name, newest).await? {
                return Ok(Some(table));
            }
        }
        let table = self.catalog.load_table(&identifier).await;
        table.map(Some).map_err(|source| failed(name, source))
    }

    async fn follow(
        &self,
        name: &str,
        table: &TableIdent,
        contract: &TableSchema,
    ) -> Result<Table, TableError> {
        self.update(table, &mut FollowContract { table: name, contract }).await?;
        self.catalog.load_table(table).await.map_err(|source| failed(name, source))
    }

    /// Opens a table that is there, to replace its files; none where there is no such table.
    pub async fn open_existing(
        &self,
        database: &str,
        table: &str,
    ) -> Result<Option<OpenTable<'_>>, TableError> {
        let (identifier, name) = (identifier(database, table), format!("{database}.{table}"));
        let exists = self.catalog.table_exists(&identifier).await;
        if !exists.map_err(|source| failed(&name, source))? {
            return Ok(None);
        }
        let table = self.catalog.load_table(&identifier).await;
        let table = table.map_err(|source| failed(&name, source))?;
        Ok(Some(OpenTable { lake: self, name, table }))
    }

    /// Changes the columns of a table that is there, in one commit and without writing data anew. Changes
    /// that are there already change nothing.
    pub async fn evolve_columns(
        &self,
        database: &str,
        table: &str,
        changes: &[ColumnChange],
    ) -> Result<(), TableError> {
        let identifier = identifier(database, table);
        let name = identifier.to_string();
        self.update(&identifier, &mut ChangeColumns { table: &name, changes }).await
    }

    async fn update<C: TableChange>(
        &self,
        table: &TableIdent,
        change: &mut C,
    ) -> Result<C::Outcome, TableError> {
        update::update(self.tables().await, &self.catalog.file_io(), table, change).await
    }

    async fn tables(&self) -> &GlueTables {
        self.tables.get_or_init(|| self.config.glue_tables()).await
    }
}

impl LakeConfig {
    /// The same settings as the catalog crate's own client has.
    async fn glue_tables(&self) -> GlueTables {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        loader = loader.region(aws_config::Region::new(self.region.clone()));
        GlueTables::new(aws_sdk_glue::Client::new(&loader.load().await))
    }
}

impl OpenTable<'_> {
    /// A request that an earlier attempt has appended.
    pub fn find(&self, request_id: &str) -> Option<Found> {
        find_request(self.table.metadata(), request_id)
    }

    /// The index of the keys of the table's rows.
    pub fn key_index(&self) -> Option<&str> {
        key_index(self.table.metadata())
    }

    /// Appends the files of requests in one snapshot, and makes `key_index`, where one is given, the
    /// index of the table's keys in the same transaction. The snapshot of each request.
    ///
    /// The transaction gives up with [`TableError::Moved`] where the index is no longer the one that
    /// [`Self::key_index`] told, or one of the requests is in the table by now.
    pub async fn append(
        &self,
        requests: &[Append<'_>],
        key_index: Option<&str>,
    ) -> Result<HashMap<String, i64>, TableError> {
        let ids: Vec<&str> =
            requests.iter().map(|append| append.request.request_id.as_str()).collect();
        let expected = match key_index {
            Some(_) => ExpectedIndex::Exactly(self.key_index()),
            None => ExpectedIndex::Any,
        };
        let guard = Guard::new(self.lake.tables().await, self.table.file_io(), &ids, expected);
        let committed = match self.transaction(requests, key_index)? {
            Ok(transaction) => transaction.commit(&guard).await,
            Err(error) => Err(error),
        };
        let metadata = match committed {
            Ok(table) => table.metadata_ref(),
            Err(_) if guard.has_stopped() => {
                return Err(TableError::Moved { table: self.name.clone() });
            }
            Err(error) => return Err(failed(&self.name, error)),
        };
        let mut snapshots = HashMap::new();
        for id in ids {
            let Some(found) = find_request(&metadata, id) else {
                let problem = format!("request {id} is not in the snapshot it was appended with");
                return Err(malformed(&self.name, problem));
            };
            snapshots.insert(id.to_owned(), found.snapshot_id);
        }
        Ok(snapshots)
    }

    /// Replaces files in one snapshot; see [`Replacement`]. Where others commit meanwhile, it is applied to
    /// what the table has become.
    ///
    /// It gives up with [`TableError::NotInTable`] where a file to be removed is not there, or no longer,
    /// and with [`TableError::Moved`] where the index of keys changes but is no longer the one that
    /// [`Self::key_index`] told, or others were faster again and again.
    pub async fn replace_files(&self, replacement: &Replacement) -> Result<Replaced, TableError> {
        replacement.check(&self.name)?;
        let snapshot_id = snapshot::new_snapshot_id(self.table.metadata());
        let storage = self.table.file_io();
        let mut change = ReplaceFiles {
            table: &self.name,
            replacement,
            key_index: self.key_index(),
            storage,
            manifests: ManifestRewriter::new(storage, snapshot_id, &replacement.removed),
        };
        self.lake.update(self.table.identifier(), &mut change).await
    }

    fn transaction(
        &self,
        requests: &[Append<'_>],
        key_index: Option<&str>,
    ) -> Result<iceberg::Result<Transaction>, TableError> {
        let mut files = Vec::new();
        for Append { request, .. } in requests {
            for description in &request.data_files {
                files.push(data_file::data_file(&self.name, description, self.table.metadata())?);
            }
        }
        let transaction = Transaction::new(&self.table);
        let index = key_index.map(|key| {
            transaction.update_table_properties().set(KEY_INDEX.to_owned(), key.to_owned())
        });
        let append = transaction
            .fast_append()
            // The ledger and the guard know what is in the table; this check would read every manifest.
            .with_check_duplicate(false)
            .set_snapshot_properties(summary(requests))
            .add_data_files(files);
        let applied = append.apply(transaction);
        Ok(match index {
            Some(index) => applied.and_then(|transaction| index.apply(transaction)),
            None => applied,
        })
    }
}

fn identifier(database: &str, table: &str) -> TableIdent {
    TableIdent::new(NamespaceIdent::new(database.to_owned()), table.to_owned())
}
