//! What is recorded of a contract's last released version: what the table and its readers depend on.
//!
//! The record stands beside the contract, `<dataset>.recorded.json`, and [`super::compare`] holds the
//! contract to it.

use std::fmt::Write as _;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::model::{
    Column, ColumnType, Contract, Generated, JsonColumn, Normalize, PartitionTransform, Privacy,
};

/// One released version of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// The version of the contract.
    pub version: Version,
    /// The dataset's name, and with it the table's: `shop.orders`.
    pub dataset: String,
    /// Names of the columns that together name a row.
    pub deduplicate_by: Vec<String>,
    /// How the table is partitioned.
    pub partition: Option<RecordedPartition>,
    /// Field ids that are never given again.
    pub retired_field_ids: Vec<i32>,
    /// The columns in the order of their field ids.
    pub columns: Vec<RecordedColumn>,
}

/// The partitioning of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedPartition {
    /// The column's name.
    pub column: String,
    /// The Iceberg transform.
    pub transform: PartitionTransform,
}

/// One column of a released version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedColumn {
    /// The Iceberg field id.
    pub field_id: i32,
    /// The column's name.
    pub name: String,
    /// The Iceberg type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Whether every row has a value.
    pub required: bool,
    /// The classification.
    pub classification: String,
    /// What is done before a value is written.
    pub privacy: Privacy,
    /// What is kept of an object or an array that it takes whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<JsonColumn>,
    /// What is done before a value is hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    /// The region of national phone numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_region: Option<String>,
    /// Where the values come from: paths, with `?` and the query parameter where one is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<String>,
    /// What the transform makes of it, where it has no source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
}

impl Record {
    /// What is to be recorded of a contract.
    pub fn of(contract: &Contract) -> Self {
        let partition = contract.partition_column().map(|(position, transform)| {
            let column = contract.columns[position].name.clone();
            RecordedPartition { column, transform }
        });
        Self {
            // The compiler takes semantic versions only.
            version: Version::parse(&contract.version).unwrap_or(Version::new(0, 0, 0)),
            dataset: contract.dataset(),
            deduplicate_by: contract.deduplicate_by.clone(),
            partition,
            retired_field_ids: contract.retired_field_ids.clone(),
            columns: contract.columns.iter().map(RecordedColumn::of).collect(),
        }
    }

    /// The column of a field id.
    pub(super) fn column(&self, field_id: i32) -> Option<&RecordedColumn> {
        self.columns.iter().find(|column| column.field_id == field_id)
    }

    /// The field id of a column.
    pub(super) fn field_id(&self, name: &str) -> Option<i32> {
        self.columns.iter().find(|column| column.name == name).map(|column| column.field_id)
    }

    /// The record as JSON, a line a column, so that a change shows as what it is.
    ///
    /// # Errors
    /// None that a contract could cause.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = String::from("{\n");
        let members = [
            ("version", serde_json::to_string(&self.version)?),
            ("dataset", serde_json::to_string(&self.dataset)?),
            ("deduplicateBy", serde_json::to_string(&self.deduplicate_by)?),
            ("partition", serde_json::to_string(&self.partition)?),
            ("retiredFieldIds", serde_json::to_string(&self.retired_field_ids)?),
        ];
        for (name, value) in members {
            let _ = writeln!(text, "  \"{name}\": {value},");
        }
        text.push_str("  \"columns\": [\n");
        for (position, column) in self.columns.iter().enumerate() {
            let separator = if position + 1 == self.columns.len() { "" } else { "," };
            let _ = writeln!(text, "    {}{separator}", serde_json::to_string(column)?);
        }
        text.push_str("  ]\n}\n");
        Ok(text)
    }
}

impl RecordedColumn {
    fn of(column: &Column) -> Self {
        let mut source = column.sources.clone();
        if let Some(parameter) = &column.query_parameter {
            for path in &mut source {
                let _ = write!(path, "?{parameter}");
            }
        }
        Self {
            field_id: column.field_id,
            name: column.name.clone(),
            column_type: column.column_type,
            required: column.required,
            classification: column.classification.clone(),
            privacy: column.privacy,
            json: column.json,
            normalize: column.normalize,
            phone_region: column.phone_region.clone(),
            source,
            generated: column.generated,
        }
    }

    /// Whether both hold the same data, as far as where it comes from can tell.
    pub(super) fn has_data_of(&self, other: &Self) -> bool {
        let shared = self.source.iter().any(|path| other.source.contains(path));
        shared || (self.generated.is_some() && self.generated == other.generated)
    }
}
