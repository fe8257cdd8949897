//! A table that is not there yet.

use std::collections::HashMap;

use iceberg::{Catalog, NamespaceIdent, TableCreation};

use super::error::{TableError, failed};
use super::{CONTRACT_VERSION, Lake, identifier, schema};
use crate::event::{CommitRequest, TableSchema};

/// Kept whatever their age, so that a slow reader finds its snapshot.
const SNAPSHOTS_KEPT: usize = 100;

impl Lake {
    /// Creates the table, unless somebody else did so in the meantime.
    pub(super) async fn create_table(
        &self,
        name: &str,
        request: &CommitRequest,
    ) -> Result<(), TableError> {
        let identifier = identifier(&request.database, &request.table);
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
                schema::check(name, &request.schema, table.metadata())
            }
            Err(error) => match self.catalog.table_exists(&identifier).await {
                Ok(true) => Ok(()),
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
}
