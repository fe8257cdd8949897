//! Facets about what a run read and wrote.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Facet, FacetBody};

/// What is said of what a run read.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputFacets {
    /// How much it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_statistics: Option<Facet<InputStatistics>>,
    /// What was counted of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_quality_metrics: Option<Facet<InputDataQualityMetrics>>,
    /// What became of the contract's checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_quality_assertions: Option<Facet<DataQualityAssertions>>,
}

/// What is said of what a run wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputFacets {
    /// How much it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_statistics: Option<Facet<OutputStatistics>>,
}

/// How much was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputStatistics {
    /// Records.
    pub row_count: u64,
    /// Bytes as stored, where the whole object was the run's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Always one: a run reads one object.
    pub file_count: u64,
}

impl FacetBody for InputStatistics {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/InputStatisticsInputDatasetFacet";
}

/// How much was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputStatistics {
    /// Rows in the table.
    pub row_count: u64,
    /// Bytes of the data files.
    pub size: u64,
    /// Data files.
    pub file_count: u64,
}

impl FacetBody for OutputStatistics {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet";
}

/// What was counted of rows, and of each of their columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowMetrics {
    /// Rows.
    pub row_count: u64,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Files.
    pub file_count: u64,
    /// By the columns' names.
    pub column_metrics: BTreeMap<String, ColumnMetrics>,
}

/// What was counted of a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnMetrics {
    /// Rows without a value.
    pub null_count: u64,
    /// About how many different values there are.
    pub distinct_count: u64,
    /// The smallest number; times and dates are none to OpenLineage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// Metrics of what was read. The standard prefers [`OutputDataQualityMetrics`]'s kind by now, but backends
/// know this one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct InputDataQualityMetrics(pub RowMetrics);

impl FacetBody for InputDataQualityMetrics {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-3/DataQualityMetricsInputDatasetFacet.json#/$defs/DataQualityMetricsInputDatasetFacet";
}

/// Metrics of what was written: of the rows of this run, not of the whole table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct OutputDataQualityMetrics(pub RowMetrics);

impl FacetBody for OutputDataQualityMetrics {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-1/DataQualityMetricsDatasetFacet.json#/$defs/DataQualityMetricsDatasetFacet";
}

/// What became of the contract's checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataQualityAssertions {
    /// Each check.
    pub assertions: Vec<Assertion>,
}

impl FacetBody for DataQualityAssertions {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-1-0/DataQualityAssertionsDatasetFacet.json#/$defs/DataQualityAssertionsDatasetFacet";
}

/// A check, made. It holds no value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assertion {
    /// What was counted: `nullValues`.
    pub assertion: String,
    /// Whether it is as expected.
    pub success: bool,
    /// The field that was looked at; none where it is whole rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// `error` keeps the rows from their table, `warn` does not.
    pub severity: &'static str,
    /// The check's name in the contract.
    pub name: String,
    /// `must be at most 5`.
    pub expected: String,
    /// `12.5 percent`.
    pub actual: String,
}
