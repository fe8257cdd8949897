//! The Open Data Contract Standard v3.1 as YAML, as far as Tributary reads it.
//!
//! <https://bitol-io.github.io/open-data-contract-standard/v3.1.0/>
//!
//! What ODCS has no field for stands in `customProperties`; the keys read here are the whole
//! vocabulary, and a key that is not known is an error, so that a misspelt one is not lost.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The top of a contract file. Parts that only people and catalogs read are left to the JSON schema.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataContract {
    pub api_version: String,
    pub kind: String,
    pub id: String,
    pub version: String,
    pub status: String,
    pub domain: String,
    pub schema: Vec<SchemaObject>,
    #[serde(default)]
    pub sla_properties: Vec<SlaProperty>,
}

/// An element of `slaProperties`: a promise.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlaProperty {
    pub property: String,
    pub value: Value,
    pub unit: Option<String>,
}

/// An element of `schema`: one table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaObject {
    pub name: String,
    pub physical_name: Option<String>,
    pub properties: Vec<Property>,
    #[serde(default)]
    pub quality: Vec<Quality>,
    #[serde(default)]
    pub custom_properties: Vec<CustomProperty>,
}

/// An element of `properties`: one column.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    pub name: String,
    pub logical_type: Option<String>,
    pub physical_type: Option<String>,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub unique: bool,
    #[serde(default)]
    pub partitioned: bool,
    pub classification: Option<String>,
    pub description: Option<String>,
    #[serde(default)]
    pub logical_type_options: LogicalTypeOptions,
    #[serde(default)]
    pub quality: Vec<Quality>,
    #[serde(default)]
    pub custom_properties: Vec<CustomProperty>,
}

/// `logicalTypeOptions`: what limits a value.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogicalTypeOptions {
    pub min_length: Option<usize>,
    pub max_length: Option<usize>,
    pub pattern: Option<String>,
    pub minimum: Option<Value>,
    pub maximum: Option<Value>,
}

/// An element of `quality`: a rule for the values of a column, or for a batch of rows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    pub name: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub metric: Option<String>,
    #[serde(default)]
    pub arguments: Map<String, Value>,
    pub unit: Option<String>,
    pub severity: Option<String>,
    pub engine: Option<String>,
    pub implementation: Option<Value>,
    /// The comparison operator, and what only people read.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A key and a value that ODCS itself does not define.
#[derive(Debug, Deserialize)]
pub struct CustomProperty {
    pub property: String,
    pub value: Value,
}
