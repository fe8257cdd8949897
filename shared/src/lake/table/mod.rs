//! The commit: data files into an Iceberg table of the Glue catalog, exactly once.
//!
//! Iceberg's optimistic transaction makes the append atomic; the request's id in the snapshot's
//! summary makes it recognisable, so that a request is never appended twice (see [`guard`]).

mod data_file;
mod guard;
mod schema;

use std::collections::HashMap;
use std::sync::Arc;

use iceberg::io::{S3_PATH_STYLE_ACCESS, S3_REGION};
use iceberg::spec::TableMetadata;
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use iceberg::{Catalog, CatalogBuilder, NamespaceIdent, TableCreation, TableIdent};
use iceberg_catalog_glue::{
    GLUE_CATALOG_PROP_URI, GLUE_CATALOG_PROP_WAREHOUSE, GlueCatalog, GlueCatalogBuilder,
};

use crate::event::{CommitRequest, TableSchema};
use guard::Guard;

/// The snapshot summary's property that names the commit requests it holds, joined by commas.
const REQUEST_IDS: &str = "tributary.request-ids";

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
    /// A request that no table could take. A person must look.
    #[error("table {table}: malformed request: {problem}")]
    Malformed {
        /// The table.
        table: String,
        /// What is wrong.
        problem: String,
    },
}

/// The outcome of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// For each request, the snapshot that holds its rows; none where it had no files.
    pub snapshots: HashMap<String, i64>,
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

    /// Appends the files of several requests for one table in one snapshot.
    ///
    /// A request that an earlier attempt has appended is recognised and left alone. The requests
    /// must name the same table.
    pub async fn append(&self, requests: &[&CommitRequest]) -> Result<Appended, TableError> {
        let mut appended = Appended { snapshots: HashMap::new() };
        let Some(newest) = requests.iter().max_by_key(|request| schema::version(&request.schema))
        else {
            return Ok(appended);
        };
        let name = format!("{}.{}", newest.database, newest.table);
        let mut table = self.open_table(newest).await?;
        if schema::is_newer(&newest.schema, table.metadata()) {
            table = self.evolve(&name, &table, &newest.schema).await?;
        }
        let mut waiting = Vec::new();
        for request in requests {
            schema::check(&name, &request.schema, table.metadata())?;
            if let Some(snapshot) = find_request(table.metadata(), &request.request_id) {
                appended.snapshots.insert(request.request_id.clone(), snapshot);
            } else if !request.data_files.is_empty() {
                waiting.push(*request);
            }
        }
        if !waiting.is_empty() {
            let snapshots = self.append_files(&name, &table, &waiting).await?;
            appended.snapshots.extend(snapshots);
        }
        Ok(appended)
    }

    async fn append_files(
        &self,
        name: &str,
        table: &Table,
        requests: &[&CommitRequest],
    ) -> Result<HashMap<String, i64>, TableError> {
        let mut files = Vec::new();
        for request in requests {
            for description in &request.data_files {
                files.push(data_file::data_file(name, description, table.metadata())?);
            }
        }
        let ids: Vec<&str> = requests.iter().map(|request| request.request_id.as_str()).collect();
        let transaction = Transaction::new(table);
        let action = transaction
            .fast_append()
            // The ledger and the guard know what is in the table; this check would read every manifest.
            .with_check_duplicate(false)
            .set_snapshot_properties(HashMap::from([(REQUEST_IDS.to_owned(), ids.join(","))]))
            .add_data_files(files);
        let guard = Guard::new(&self.catalog, &ids);
        let committed = match action.apply(transaction) {
            Ok(transaction) => transaction.commit(&guard).await,
            Err(error) => Err(error),
        };
        let metadata = match (committed, guard.into_found()) {
            (Ok(table), _) => table.metadata_ref(),
            // Another attempt of the same requests was faster.
            (Err(_), Some(metadata)) => metadata,
            (Err(error), None) => return Err(failed(name, error)),
        };
        let mut snapshots = HashMap::new();
        for id in ids {
            match find_request(&metadata, id) {
                Some(snapshot) => snapshots.insert(id.to_owned(), snapshot),
                None => {
                    return Err(malformed(
                        name,
                        format!("request {id} is not in the snapshot it was appended with"),
                    ));
                }
            };
        }
        Ok(snapshots)
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

/// The snapshot that holds a request's rows.
fn find_request(metadata: &TableMetadata, request_id: &str) -> Option<i64> {
    for snapshot in metadata.snapshots() {
        if let Some(ids) = snapshot.summary().additional_properties.get(REQUEST_IDS)
            && ids.split(',').any(|id| id == request_id)
        {
            return Some(snapshot.snapshot_id());
        }
    }
    None
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
        matches!(self, Self::Iceberg { .. })
    }
}

/// Shared by the guard, which must hand the metadata back.
type MetadataRef = Arc<TableMetadata>;
