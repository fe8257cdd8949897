//! Facets of datasets: what holds whoever reads or writes them.

use serde::Serialize;

use super::{ColumnLineage, Facet, FacetBody, OutputDataQualityMetrics};

/// What is said of a dataset that is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputDatasetFacets {
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_source: Option<Facet<DataSource>>,
    /// Its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_type: Option<Facet<DatasetType>>,
    /// Its fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Facet<Schema>>,
}

/// What is said of a dataset that is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputDatasetFacets {
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_source: Option<Facet<DataSource>>,
    /// Its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_type: Option<Facet<DatasetType>>,
    /// Its columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Facet<Schema>>,
    /// What each column is made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_lineage: Option<Facet<ColumnLineage>>,
    /// What was counted of the rows that the run wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_quality_metrics: Option<Facet<OutputDataQualityMetrics>>,
    /// Its format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Facet<Storage>>,
    /// Its other names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symlinks: Option<Facet<Symlinks>>,
    /// The state that the run left it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Facet<DatasetVersion>>,
}

/// Where a dataset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataSource {
    /// The namespace.
    pub name: String,
    /// The same as a URI.
    pub uri: String,
}

impl FacetBody for DataSource {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-1/DatasourceDatasetFacet.json#/$defs/DatasourceDatasetFacet";
}

/// The kind of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetType {
    /// `FILE` or `TABLE`.
    pub dataset_type: &'static str,
}

impl FacetBody for DatasetType {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-1/DatasetTypeDatasetFacet.json#/$defs/DatasetTypeDatasetFacet";
}

/// The fields of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schema {
    /// In their order.
    pub fields: Vec<SchemaField>,
}

impl FacetBody for Schema {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet";
}

/// A field. Of a record that is read, only the path is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaField {
    /// The column, or the path in a record.
    pub name: String,
    /// The Iceberg type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub field_type: Option<String>,
    /// As the contract has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Counted from 1. Written with an underscore in the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinal_position: Option<usize>,
}

/// The format of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// `iceberg`.
    pub storage_layer: &'static str,
    /// `parquet`.
    pub file_format: &'static str,
}

impl FacetBody for Storage {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-1/StorageDatasetFacet.json#/$defs/StorageDatasetFacet";
}

/// Other names of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Symlinks {
    /// The names.
    pub identifiers: Vec<Symlink>,
}

impl FacetBody for Symlinks {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-1/SymlinksDatasetFacet.json#/$defs/SymlinksDatasetFacet";
}

/// Another name of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Symlink {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `LOCATION`: where its files are.
    #[serde(rename = "type")]
    pub identifier_type: &'static str,
}

/// A state of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetVersion {
    /// The id of the Iceberg snapshot.
    pub dataset_version: String,
}

impl FacetBody for DatasetVersion {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet";
}
