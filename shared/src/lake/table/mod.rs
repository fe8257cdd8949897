//! The commit: data files into an Iceberg table of the Glue catalog, exactly once.
//!
//! The catalog's optimistic locking makes a change atomic (see [`update`]); the request's id in the snapshot's
//! summary makes it recognisable, so that a request is never appended twice.

mod create;
mod data_file;
mod error;
mod evolution;
mod files;
mod forget;
mod glue;
mod manifests;
#[cfg(test)]
mod memory;
mod merge;
mod missing;
mod replace;
mod requests;
mod schema;
mod snapshot;
mod update;

use std::collections::{BTreeSet, HashMap};

use aws_config::BehaviorVersion;
use iceberg::io::{FileIO, S3_PATH_STYLE_ACCESS, S3_REGION};
use iceberg::spec::TableMetadata;
use iceberg::{CatalogBuilder, ErrorKind, NamespaceIdent, TableIdent};
use iceberg_catalog_glue::{
    GLUE_CATALOG_PROP_URI, GLUE_CATALOG_PROP_WAREHOUSE, GlueCatalog, GlueCatalogBuilder,
};
use tokio::sync::OnceCell;

use crate::event::{CommitRequest, TableSchema};
pub use error::TableError;
use error::failed;
pub use evolution::ColumnChange;
use evolution::{ChangeColumns, FollowContract};
pub use files::{DataManifest, ListedFile};
use forget::Notes;
use glue::GlueTables;
use manifests::ManifestRewriter;
use missing::Decision;
use replace::ReplaceFiles;
pub use replace::{Effect, Missing, Replaced, Replacement};
pub use requests::{Append, Found};
use requests::{find_request, key_index};
use update::{Base, TableChange};

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
    identifier: TableIdent,
    base: Base,
    storage: FileIO,
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
        let identifier = identifier(&newest.database, &newest.table);
        let name = identifier.to_string();
        let Some(mut base) = self.open_table(&identifier, newest, requests).await? else {
            return Ok(None);
        };
        if schema::is_newer(&newest.schema, &base.metadata) {
            base = self.follow(&identifier, &newest.schema).await?;
        }
        for request in requests {
            schema::check(&name, &request.schema, &base.metadata)?;
        }
        Ok(Some(OpenTable { lake: self, name, identifier, base, storage: self.catalog.file_io() }))
    }

    async fn open_table(
        &self,
        table: &TableIdent,
        newest: &CommitRequest,
        requests: &[&CommitRequest],
    ) -> Result<Option<Base>, TableError> {
        let name = table.to_string();
        if let Some(base) = self.read(table).await? {
            return Ok(Some(base));
        }
        if missing::decide(&name, newest, requests)? == Decision::LeaveOut {
            return Ok(None);
        }
        self.create_table(&name, newest).await?;
        self.read_existing(table).await.map(Some)
    }

    /// The table as it is; none where there is no such table.
    async fn read(&self, table: &TableIdent) -> Result<Option<Base>, TableError> {
        match update::read(self.tables().await, &self.catalog.file_io(), table).await {
            Ok(base) => Ok(Some(base)),
            Err(error) if error.kind() == ErrorKind::TableNotFound => Ok(None),
            Err(error) => Err(failed(&table.to_string(), error)),
        }
    }

    async fn read_existing(&self, table: &TableIdent) -> Result<Base, TableError> {
        update::read(self.tables().await, &self.catalog.file_io(), table)
            .await
            .map_err(|source| failed(&table.to_string(), source))
    }

    async fn follow(&self, table: &TableIdent, contract: &TableSchema) -> Result<Base, TableError> {
        let name = table.to_string();
        self.update(table, None, &mut FollowContract { table: &name, contract }).await?;
        self.read_existing(table).await
    }

    /// Opens a table that is there, to replace its files; none where there is no such table.
    pub async fn open_existing(
        &self,
        database: &str,
        table: &str,
    ) -> Result<Option<OpenTable<'_>>, TableError> {
        let identifier = identifier(database, table);
        let name = identifier.to_string();
        let Some(base) = self.read(&identifier).await? else { return Ok(None) };
        Ok(Some(OpenTable { lake: self, name, identifier, base, storage: self.catalog.file_io() }))
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
        self.update(&identifier, None, &mut ChangeColumns { table: &name, changes }).await
    }

    async fn update<C: TableChange>(
        &self,
        table: &TableIdent,
        known: Option<Base>,
        change: &mut C,
    ) -> Result<C::Outcome, TableError> {
        update::update(self.tables().await, &self.catalog.file_io(), table, known, change).await
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
    /// `database.table`
    pub fn name(&self) -> &str {
        &self.name
    }

    fn metadata(&self) -> &TableMetadata {
        &self.base.metadata
    }

    fn storage(&self) -> &FileIO {
        &self.storage
    }

    /// A request that an earlier attempt has appended, however long ago.
    ///
    /// # Errors
    /// [`TableError::Iceberg`] where the note of a snapshot that the table has forgotten cannot be read.
    pub async fn find(&self, request_id: &str) -> Result<Option<Found>, TableError> {
        if let Some(found) = find_request(self.metadata(), request_id) {
            return Ok(Some(found));
        }
        let noted = self.notes().find(self.metadata(), request_id).await;
        noted.map_err(|source| failed(&self.name, source))
    }

    /// The index of the keys of the table's rows.
    pub fn key_index(&self) -> Option<&str> {
        key_index(self.metadata())
    }

    /// Appends the files of requests in one snapshot, and makes `key_index`, where one is given, the
    /// index of the table's keys in the same change; see [`Self::replace_files`].
    pub async fn append(
        &self,
        requests: &[Append<'_>],
        key_index: Option<String>,
    ) -> Result<Replaced, TableError> {
        let append = Replacement::by_requests(requests, BTreeSet::new());
        self.replace_files(&Replacement { key_index, ..append }).await
    }

    /// Replaces files in one snapshot; see [`Replacement`]. Where others commit meanwhile, it is applied to
    /// what the table has become.
    ///
    /// It gives up with [`TableError::NotInTable`] where a file to be removed is not there, or no longer,
    /// and with [`TableError::Moved`] where the index of keys changes but is no longer the one that
    /// [`Self::key_index`] told, or others were faster again and again.
    pub async fn replace_files(&self, replacement: &Replacement) -> Result<Replaced, TableError> {
        replacement.check(&self.name)?;
        let snapshot_id = snapshot::new_snapshot_id(self.metadata());
        let storage = self.storage();
        let mut change = ReplaceFiles {
            table: &self.name,
            replacement,
            key_index: self.key_index(),
            storage,
            manifests: ManifestRewriter::new(storage, snapshot_id, &replacement.removed),
            notes: self.notes(),
        };
        self.lake.update(&self.identifier, Some(self.base.clone()), &mut change).await
    }

    /// Beside the commit requests, which are kept for as long.
    fn notes(&self) -> Notes<'_> {
        let folder = format!("s3://{}/_requests/committed/{}", self.lake.config.bucket, self.name);
        Notes { storage: self.storage(), folder }
    }
}

fn identifier(database: &str, table: &str) -> TableIdent {
    TableIdent::new(NamespaceIdent::new(database.to_owned()), table.to_owned())
}
