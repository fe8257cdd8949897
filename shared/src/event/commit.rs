//! The commit request: what a transform asks `lake-commit` to do.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{ColumnType, Contract, EvolutionMode, PartitionTransform};
use crate::run::Run;

/// A request to append data files to a dataset's table, stored as an object in the lake bucket.
///
/// It holds everything that the commit needs, so that it can be carried out again after a crash by
/// whoever finds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommitRequest {
    /// Names the request; stands in the snapshot's summary once it is committed.
    pub request_id: String,
    /// The dataset: `segment.tracks`.
    pub dataset: String,
    /// The Glue database.
    pub database: String,
    /// The table's name.
    pub table: String,
    /// The table as the files were written for it.
    pub schema: TableSchema,
    /// The files to append; none when no row was left to commit.
    pub data_files: Vec<DataFileDescription>,
    /// The keys of the rows, where the dataset is de-duplicated over a look-back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_keys: Option<RowKeys>,
    /// The run as counted so far; the commit completes it and writes it to the ledger.
    pub run: Run,
}

/// What names a request's rows among those of other inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowKeys {
    /// The columns whose values, taken together, name a row.
    pub columns: Vec<String>,
    /// How many days before and after its own partition a row's key is looked for.
    pub look_back_days: u16,
    /// The keys themselves, a segment for each day of the rows.
    pub segments: Vec<KeySegment>,
}

/// An object with sorted keys of rows; it is written once and never changed.
///
/// A key is the first 10 bytes of an XXH3-128 over the values of the key columns, each with its length
/// before it (four bytes, little-endian; all ones for null). Keys stand in ascending order with nothing
/// between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeySegment {
    /// The object's key in the lake bucket.
    pub key: String,
    /// How many keys it holds.
    pub count: u64,
    /// The earliest partition of the rows, in days since 1970-01-01.
    pub from_day: i32,
    /// The latest.
    pub to_day: i32,
}

/// The message on the commits queue: where the request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitPointer {
    /// The bucket that holds the request.
    pub bucket: String,
    /// The request's key.
    pub key: String,
}

/// A table's columns and partitioning at one version of its contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableSchema {
    /// The contract's semantic version.
    pub contract_version: String,
    /// The columns in the order of their field ids.
    pub columns: Vec<SchemaColumn>,
    /// The column that partitions the table.
    pub partition_column: String,
    /// Its transform: `day` or `identity`.
    pub partition_transform: String,
    /// What to do where the table does not exist.
    #[serde(default)]
    pub missing_table: MissingTable,
}

/// What to do with a request's rows where their table does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingTable {
    /// The table is created.
    #[default]
    Create,
    /// The commit is refused, until somebody has made the table.
    Refuse,
    /// The rows are left out, and counted as discarded.
    Discard,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaColumn {
    /// The Iceberg field id.
    pub field_id: i32,
    /// The column's name.
    pub name: String,
    /// The Iceberg type as its JSON form writes it: `string`, `long`, `decimal(38, 6)`.
    #[serde(rename = "type")]
    pub column_type: String,
    /// No row lacks a value.
    pub required: bool,
    /// The description, which the table shows to whoever queries it.
    pub description: String,
}

/// A Parquet file in the lake, with what Iceberg wants to know of it.
///
/// The maps have the field id as key. Bounds are in Iceberg's single-value binary form
/// (<https://iceberg.apache.org/spec/#binary-single-value-serialization>), base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DataFileDescription {
    /// The file's URI.
    pub path: String,
    /// Rows in the file.
    pub record_count: u64,
    /// Its size.
    pub file_size_in_bytes: u64,
    /// The partition's value in single-value binary form, base64; null for the null partition.
    pub partition: Option<String>,
    /// Compressed bytes of each column.
    pub column_sizes: BTreeMap<i32, u64>,
    /// Values of each column, nulls included.
    pub value_counts: BTreeMap<i32, u64>,
    /// Nulls of each column.
    pub null_value_counts: BTreeMap<i32, u64>,
    /// A value not above any of the column.
    pub lower_bounds: BTreeMap<i32, String>,
    /// A value not below any of the column.
    pub upper_bounds: BTreeMap<i32, String>,
    /// Where each row group starts.
    pub split_offsets: Vec<i64>,
}

impl CommitRequest {
    /// The key of the request in the lake bucket.
    pub fn key(&self) -> String {
        format!("_requests/{}/{}/{}.json", self.database, self.table, self.request_id)
    }
}

impl TableSchema {
    /// The table that a contract describes.
    pub fn of(contract: &Contract) -> Self {
        let mut columns = Vec::with_capacity(contract.columns.len());
        for column in &contract.columns {
            columns.push(SchemaColumn {
                field_id: column.field_id,
                name: column.name.clone(),
                column_type: iceberg_type(column.column_type),
                required: column.required,
                description: column.description.clone(),
            });
        }
        let (partition_column, partition_transform) = match contract.partition_column() {
            Some((position, PartitionTransform::Day)) => {
                (contract.columns[position].name.clone(), "day")
            }
            Some((position, PartitionTransform::Identity)) => {
                (contract.columns[position].name.clone(), "identity")
            }
            None => (String::new(), ""),
        };
        Self {
            contract_version: contract.version.clone(),
            columns,
            partition_column,
            partition_transform: partition_transform.to_owned(),
            missing_table: MissingTable::of(contract.evolution.tables),
        }
    }
}

impl TableSchema {
    /// The position of the column that tells when an event happened; see [`Contract::event_time_position`].
    pub fn event_time_position(&self) -> Option<usize> {
        let position = |name: &str| {
            let position = self.columns.iter().position(|column| column.name == name)?;
            let column_type = self.columns[position].parsed_type()?;
            matches!(column_type, ColumnType::Timestamp | ColumnType::Date).then_some(position)
        };
        position("timestamp").or_else(|| position(&self.partition_column))
    }
}

impl MissingTable {
    fn of(mode: EvolutionMode) -> Self {
        match mode {
            EvolutionMode::Evolve => Self::Create,
            EvolutionMode::Freeze => Self::Refuse,
            // A row without its table is no row: both words mean the same.
            EvolutionMode::DiscardRow | EvolutionMode::DiscardValue => Self::Discard,
        }
    }
}

impl SchemaColumn {
    /// The column's type; none where the name is that of no type that contracts use.
    pub fn parsed_type(&self) -> Option<ColumnType> {
        Some(match self.column_type.as_str() {
            "string" => ColumnType::String,
            "long" => ColumnType::Long,
            "double" => ColumnType::Double,
            "boolean" => ColumnType::Boolean,
            "timestamp" => ColumnType::Timestamp,
            "date" => ColumnType::Date,
            decimal => {
                let digits = decimal.strip_prefix("decimal(")?.strip_suffix(')')?;
                let (precision, scale) = digits.split_once(", ")?;
                ColumnType::Decimal {
                    precision: precision.parse().ok()?,
                    scale: scale.parse().ok()?,
                }
            }
        })
    }
}

/// The name of a type in Iceberg's JSON form.
fn iceberg_type(column_type: ColumnType) -> String {
    match column_type {
        ColumnType::String => "string".to_owned(),
        ColumnType::Long => "long".to_owned(),
        ColumnType::Double => "double".to_owned(),
        ColumnType::Boolean => "boolean".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
        ColumnType::Timestamp => "timestamp".to_owned(),
        ColumnType::Date => "date".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_before_creates_its_table() {
        let schema = TableSchema::of(&crate::contract::contracts()[0]);
        let mut old = serde_json::to_value(&schema).unwrap();
        old.as_object_mut().unwrap().remove("missing_table").unwrap();
        assert_eq!(serde_json::from_value::<TableSchema>(old).unwrap(), schema);
        assert_eq!(schema.missing_table, MissingTable::Create);
    }

    #[test]
    fn what_becomes_of_a_missing_table_is_the_contracts_word() {
        let mut contract = crate::contract::contracts()[0].clone();
        for (mode, expected) in [
            (EvolutionMode::Evolve, MissingTable::Create),
            (EvolutionMode::Freeze, MissingTable::Refuse),
            (EvolutionMode::DiscardRow, MissingTable::Discard),
            (EvolutionMode::DiscardValue, MissingTable::Discard),
        ] {
            contract.evolution.tables = mode;
            assert_eq!(TableSchema::of(&contract).missing_table, expected);
        }
    }

    #[test]
    fn the_event_time_is_that_of_the_contract() {
        for contract in crate::contract::contracts() {
            let position = contract.event_time_position();
            assert_eq!(TableSchema::of(contract).event_time_position(), position);
            assert!(position.is_some(), "{}", contract.dataset());
        }
    }

    #[test]
    fn a_type_is_read_back_from_its_name() {
        for contract in crate::contract::contracts() {
            for (column, described) in
                contract.columns.iter().zip(TableSchema::of(contract).columns)
            {
                assert_eq!(described.parsed_type(), Some(column.column_type), "{}", column.name);
            }
        }
    }
}
