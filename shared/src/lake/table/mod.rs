//! The commit: data files into an Iceberg table of the Glue catalog, exactly once.
//!
//! Iceberg's optimistic transaction makes the append atomic; the request's id in the snapshot's
//! summary makes it recognisable, so that a request is never appended twice (see [`guard`]).

mod data_file;
mod guard;
mod schema;

use std::collections::HashMap;

use iceberg::io::{S3_PATH_STYLE_ACCESS, S3_REGION};
use iceberg::spec::TableMetadata;
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use iceberg::{Catalog, CatalogBuilder, NamespaceIdent, TableCreation, TableIdent};
use iceberg_catalog_glue::{
    GLUE_CATALOG_PROP_URI, GLUE_CATALOG_PROP_WAREHOUSE, GlueCatalog, GlueCatalogBuilder,
};

use crate::event::{CommitRequest, TableSchema};
use guard::{ExpectedIndex, Guard};

/// The snapshot summary's property that names the commit requests it holds, joined by commas.
const REQUEST_IDS: &str = "tributary.request-ids";

/// The snapshot summary's property that names the requests which were appended in another form than
/// they came, as `request=key of that form`, joined by commas.
const REWRITTEN_REQUESTS: &str = "tributary.rewritten-requests";

/// The table property that names the index of the rows' keys, an object in the lake bucket.
const KEY_INDEX: &str = "tributary.key-index";

/// The table property with the newest contract version that the table has seen.
const CONTRACT_VERSION: &str = "tributary.contract-version";

/// Kept whatever their age, so that a slow reader finds its snapshot.
const SNAPSHOTS_KEPT: usize = 100;

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

/// Why a commit did not come about.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The catalog or the storage failed. A retry may help.
    #[error("table {table}: {source}")]
    Iceberg {
        /// The table.
        table: String,
        /// What Iceberg says.
        source: Box<iceberg::Error>,
    },
    /// The request's schema and the table's contradict each other. A person must look.
    #[error("table {table}: column {column} {problem}")]
    SchemaMismatch {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The contradiction.
        problem: String,
    },
    /// Somebody else has appended one of the requests, or changed the index of the table's keys, in the
    /// meantime. To be tried again from the start.
    #[error("table {table}: it has changed meanwhile")]
    Moved {
        /// The table.
        table: String,
    },
    /// A request that no table could take. A person must look.
    #[error("table {table}: malformed request: {problem}")]
    Malformed {
        /// The table.
        table: String,
        /// What is wrong.
        problem: String,
    },
}

/// A request that is in its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The snapshot that holds its rows.
    pub snapshot_id: i64,
    /// Where the request stands in the form that it was appended in, if that was another.
    pub rewritten: Option<String>,
}

/// A request as it is to be appended.
#[derive(Debug)]
pub struct Append<'a> {
    /// The request.
    pub request: &'a CommitRequest,
    /// Where it stands in this form, if it came in another.
    pub rewritten: Option<&'a str>,
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
        Ok(Self { catalog, config })
    }

    /// Opens the table of requests, which must all name the same: creates it, or lets it follow the newest
    /// of their contracts, and checks that the files fit. None for no requests.
    pub async fn open(
        &self,
        requests: &[&CommitRequest],
    ) -> Result<Option<OpenTable<'_>>, TableError> {
        let newest = requests.iter().max_by_key(|request| schema::version(&request.schema));
        let Some(newest) = newest else { return Ok(None) };
        let name = format!("{}.{}", newest.database, newest.table);
        let mut table = self.open_table(newest).await?;
        if schema::is_newer(&newest.schema, table.metadata()) {
            table = self.evolve(&name, &table, &newest.schema).await?;
        }
        for request in requests {
            schema::check(&name, &request.schema, table.metadata())?;
        }
        Ok(Some(OpenTable { lake: self, name, table }))
    }

    async fn open_table(&self, request: &CommitRequest) -> Result<Table, TableError> {
        let name = format!("{}.{}", request.database, request.table);
        let identifier = identifier(request);
        let exists =
            self.catalog.table_exists(&identifier).await.map_err(|source| failed(&name, source))?;
        if !exists && let Some(table) = self.create_table(&name, request).await? {
            return Ok(table);
        }
        self.catalog.load_table(&identifier).await.map_err(|source| failed(&name, source))
    }

    /// Creates the table; none when somebody else did so in the meantime.
    async fn create_table(
        &self,
        name: &str,
        request: &CommitRequest,
    ) -> Result<Option<Table>, TableError> {
        let identifier = identifier(request);
        let namespace = identifier.namespace();
        self.create_namespace(name, namespace).await?;
        let schema = schema::iceberg_schema(name, &request.schema)?;
        let partition_spec = schema::partition_spec(name, &request.schema, &schema)?;
        let creation = TableCreation::builder()
            .name(request.table.clone())
            .location(format!("s3://{}/{}/{}", self.config.bucket, request.database, request.table))
            .schema(schema)
            .partition_spec(partition_spec)
            .properties(self.table_properties(&request.schema))
            .build();
        match self.catalog.create_table(namespace, creation).await {
            Ok(table) => {
                // The crate numbers the columns itself; they must have come out as the contract has them.
                schema::check(name, &request.schema, table.metadata())?;
                Ok(Some(table))
            }
            Err(error) => match self.catalog.table_exists(&identifier).await {
                Ok(true) => Ok(None),
                _ => Err(failed(name, error)),
            },
        }
    }

    async fn create_namespace(
        &self,
        name: &str,
        namespace: &NamespaceIdent,
    ) -> Result<(), TableError> {
        let exists = self
            .catalog
            .namespace_exists(namespace)
            .await
            .map_err(|source| failed(name, source))?;
        if exists {
            return Ok(());
        }
        match self.catalog.create_namespace(namespace, HashMap::new()).await {
            Ok(_) => Ok(()),
            // Two tables of one database may be created at the same moment.
            Err(error) => match self.catalog.namespace_exists(namespace).await {
                Ok(true) => Ok(()),
                _ => Err(failed(name, error)),
            },
        }
    }

    fn table_properties(&self, schema: &TableSchema) -> HashMap<String, String> {
        let retention = u64::from(self.config.snapshot_retention_days) * 86_400_000;
        HashMap::from([
            (CONTRACT_VERSION.to_owned(), schema.contract_version.clone()),
            ("history.expire.max-snapshot-age-ms".to_owned(), retention.to_string()),
            ("history.expire.min-snapshots-to-keep".to_owned(), SNAPSHOTS_KEPT.to_string()),
            ("write.metadata.delete-after-commit.enabled".to_owned(), "true".to_owned()),
            ("write.metadata.previous-versions-max".to_owned(), SNAPSHOTS_KEPT.to_string()),
            ("write.parquet.compression-codec".to_owned(), "zstd".to_owned()),
        ])
    }

    async fn evolve(
        &self,
        name: &str,
        table: &Table,
        schema: &TableSchema,
    ) -> Result<Table, TableError> {
        let transaction = Transaction::new(table);
        let mut action = transaction.update_schema();
        let additions = schema::additions(name, schema, table.metadata())?;
        let adds_columns = !additions.is_empty();
        for addition in additions {
            action = action.add_column(addition);
        }
        let version = transaction
            .update_table_properties()
            .set(CONTRACT_VERSION.to_owned(), schema.contract_version.clone());
        let applied = if adds_columns { action.apply(transaction) } else { Ok(transaction) };
        let committed = match applied.and_then(|transaction| version.apply(transaction)) {
            Ok(transaction) => transaction.commit(&self.catalog).await,
            Err(error) => Err(error),
        };
        committed.map_err(|source| failed(name, source))
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
        let guard = Guard::new(&self.lake.catalog, &ids, expected);
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

fn summary(requests: &[Append<'_>]) -> HashMap<String, String> {
    let mut ids = Vec::new();
    let mut rewritten = Vec::new();
    for append in requests {
        let id = &append.request.request_id;
        ids.push(id.as_str());
        rewritten.extend(append.rewritten.map(|key| format!("{id}={key}")));
    }
    let mut summary = HashMap::from([(REQUEST_IDS.to_owned(), ids.join(","))]);
    if !rewritten.is_empty() {
        summary.insert(REWRITTEN_REQUESTS.to_owned(), rewritten.join(","));
    }
    summary
}

/// The snapshot that holds a request's rows.
fn find_request(metadata: &TableMetadata, request_id: &str) -> Option<Found> {
    for snapshot in metadata.snapshots() {
        let properties = &snapshot.summary().additional_properties;
        if let Some(ids) = properties.get(REQUEST_IDS)
            && ids.split(',').any(|id| id == request_id)
        {
            let rewritten = properties.get(REWRITTEN_REQUESTS).and_then(|rewritten| {
                rewritten.split(',').find_map(|one| {
                    let (id, key) = one.split_once('=')?;
                    (id == request_id).then(|| key.to_owned())
                })
            });
            return Some(Found { snapshot_id: snapshot.snapshot_id(), rewritten });
        }
    }
    None
}

fn key_index(metadata: &TableMetadata) -> Option<&str> {
    metadata.properties().get(KEY_INDEX).map(String::as_str)
}

fn identifier(request: &CommitRequest) -> TableIdent {
    TableIdent::new(NamespaceIdent::new(request.database.clone()), request.table.clone())
}

fn failed(table: &str, source: iceberg::Error) -> TableError {
    TableError::Iceberg { table: table.to_owned(), source: Box::new(source) }
}

fn malformed(table: &str, problem: impl Into<String>) -> TableError {
    TableError::Malformed { table: table.to_owned(), problem: problem.into() }
}

impl TableError {
    /// Whether a later attempt can end differently without anybody's doing.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Iceberg { .. } | Self::Moved { .. })
    }
}
