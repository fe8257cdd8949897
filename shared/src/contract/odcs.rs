//! The Open Data Contract Standard v3.1 as YAML: typed as far as Tributary reads it, the rest kept as it
//! stands, so that a contract that is read and written again is the same document.
//!
//! <https://bitol-io.github.io/open-data-contract-standard/v3.1.0/>
//!
//! What ODCS has no field for stands in `customProperties`; the keys read here are the whole
//! vocabulary, and a key that is not known is an error, so that a misspelt one is not lost.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The clauses of an element that only people and catalogs read, in the order of the file. The official
/// JSON schema says what may be among them.
pub type Rest = serde_norway::Mapping;

/// The top of a contract file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataContract {
    pub api_version: String,
    pub kind: String,
    pub id: String,
    pub version: String,
    pub status: String,
    pub domain: String,
    pub schema: Vec<SchemaObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sla_properties: Option<Vec<SlaProperty>>,
    #[serde(flatten)]
    pub rest: Rest,
}

/// An element of `slaProperties`: a promise.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlaProperty {
    pub property: String,
    pub value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(flatten)]
    pub rest: Rest,
}

/// An element of `schema`: one table.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaObject {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_properties: Option<Vec<CustomProperty>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<Vec<Quality>>,
    #[serde(flatten)]
    pub rest: Rest,
    pub properties: Vec<Property>,
}

/// An element of `properties`: one column.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logical_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitioned: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logical_type_options: Option<LogicalTypeOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<Vec<Quality>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relationships: Option<Vec<Relationship>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_properties: Option<Vec<CustomProperty>>,
    #[serde(flatten)]
    pub rest: Rest,
}

/// An element of `relationships`: a property whose values this one's are.
#[derive(Debug, Deserialize, Serialize)]
pub struct Relationship {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// One property, or a list of them where the key is composite.
    pub to: Value,
    #[serde(flatten)]
    pub rest: Rest,
}

/// `logicalTypeOptions`: what limits a value. A limit that nobody would hold a value to is refused.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogicalTypeOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Value>,
}

/// An element of `quality`: a rule for the values of a column, or for a batch of rows.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub implementation: Option<Value>,
    /// The comparison operator, and what only people read.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A key and a value that ODCS itself does not define.
#[derive(Debug, Deserialize, Serialize)]
pub struct CustomProperty {
    pub property: String,
    pub value: Value,
    #[serde(flatten)]
    pub rest: Rest,
}

impl SchemaObject {
    /// The table's name in the catalog.
    pub fn table(&self) -> &str {
        self.physical_name.as_deref().unwrap_or(&self.name)
    }

    /// What the standard has no field for.
    pub fn custom_properties(&self) -> &[CustomProperty] {
        self.custom_properties.as_deref().unwrap_or_default()
    }

    /// Rules for its rows taken together.
    pub fn quality(&self) -> &[Quality] {
        self.quality.as_deref().unwrap_or_default()
    }
}

impl Property {
    /// The properties that it refers to.
    pub fn relationships(&self) -> &[Relationship] {
        self.relationships.as_deref().unwrap_or_default()
    }

    /// Rules for its values.
    pub fn quality(&self) -> &[Quality] {
        self.quality.as_deref().unwrap_or_default()
    }

    /// What the standard has no field for.
    pub fn custom_properties(&self) -> &[CustomProperty] {
        self.custom_properties.as_deref().unwrap_or_default()
    }
}
