//! The facet that says what each column is made from.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::lineage::DatasetName;

use super::FacetBody;

/// What each column is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ColumnLineage {
    /// By the columns' names.
    pub fields: BTreeMap<String, ColumnLineageField>,
    /// What decides over whole rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dataset: Vec<InputField>,
}

impl FacetBody for ColumnLineage {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet";
}

/// What one column is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnLineageField {
    /// The fields.
    pub input_fields: Vec<InputField>,
}

/// A field of a dataset that is read, and what is done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputField {
    /// The dataset.
    #[serde(flatten)]
    pub dataset: DatasetName,
    /// The field.
    pub field: String,
    /// What is done.
    pub transformations: Vec<Transformation>,
}

/// What is done with a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transformation {
    /// `DIRECT` where values flow, `INDIRECT` where they only decide.
    #[serde(rename = "type")]
    pub transformation_type: &'static str,
    /// `IDENTITY`, `TRANSFORMATION`, `AGGREGATION`; `FILTER`, `JOIN`.
    pub subtype: &'static str,
    /// For people.
    pub description: String,
    /// Whether the value that comes out does not tell the one that went in.
    pub masking: bool,
}
