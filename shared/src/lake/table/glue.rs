//! Tables of the Glue catalog, as [`super::update`] moves them.
//!
//! The update is the one that `iceberg-catalog-glue` makes: `UpdateTable` with the version that was read,
//! without an archived version, and of the table's parameters those that say where the metadata is.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_glue::operation::update_table::UpdateTableError;
use aws_sdk_glue::types::{Column, StorageDescriptor, TableInput};
use iceberg::spec::{NestedField, PrimitiveType, Schema, TableMetadata, Type};
use iceberg::{Error, ErrorKind, MetadataLocation, Result, TableIdent};

use super::update::{Advance, Pointer, Position};
use crate::aws::explain;

const METADATA_LOCATION: &str = "metadata_location";
const PREVIOUS_METADATA_LOCATION: &str = "previous_metadata_location";

/// Glue's tables.
#[derive(Debug, Clone)]
pub(super) struct GlueTables {
    client: aws_sdk_glue::Client,
}

impl GlueTables {
    pub fn new(client: aws_sdk_glue::Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Pointer for GlueTables {
    async fn read(&self, table: &TableIdent) -> Result<Position> {
        let database = database(table);
        let answer =
            self.client.get_table().database_name(database).name(table.name()).send().await;
        let found = answer.map_err(|error| refused("GetTable", &error))?.table;
        let Some(found) = found else {
            return Err(Error::new(ErrorKind::TableNotFound, "GetTable answers without a table"));
        };
        let parameters = found.parameters.unwrap_or_default();
        let Some(location) = parameters.get(METADATA_LOCATION) else {
            let problem = format!("the table has no parameter {METADATA_LOCATION}");
            return Err(Error::new(ErrorKind::DataInvalid, problem));
        };
        Ok(Position { metadata_location: location.clone(), version_id: found.version_id })
    }

    async fn advance(
        &self,
        table: &TableIdent,
        from: &Position,
        to: &MetadataLocation,
        metadata: &TableMetadata,
    ) -> Result<Advance> {
        let updated = self
            .client
            .update_table()
            .database_name(database(table))
            // Each version would be kept otherwise, until the account has no room for more.
            .skip_archive(true)
            .set_version_id(from.version_id.clone())
            .table_input(table_input(table, from, to, metadata)?)
            .send()
            .await;
        match updated {
            Ok(_) => Ok(Advance::Done),
            Err(error) => {
                let service = error.as_service_error();
                if service.is_some_and(UpdateTableError::is_concurrent_modification_exception) {
                    return Ok(Advance::Conflict);
                }
                Err(refused("UpdateTable", &error))
            }
        }
    }
}

/// Databases of Glue have no databases within.
fn database(table: &TableIdent) -> String {
    table.namespace().to_url_string()
}

fn refused<E>(operation: &str, error: &SdkError<E>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    SdkError<E>: std::error::Error,
{
    let kind = match error.code() {
        Some("EntityNotFoundException") => ErrorKind::TableNotFound,
        _ => ErrorKind::Unexpected,
    };
    Error::new(kind, format!("{operation}: {}", explain(error)))
}

fn table_input(
    table: &TableIdent,
    from: &Position,
    to: &MetadataLocation,
    metadata: &TableMetadata,
) -> Result<TableInput> {
    let parameters = HashMap::from([
        ("table_type".to_owned(), "ICEBERG".to_owned()),
        (METADATA_LOCATION.to_owned(), to.to_string()),
        (PREVIOUS_METADATA_LOCATION.to_owned(), from.metadata_location.clone()),
    ]);
    let storage = StorageDescriptor::builder()
        .set_columns(Some(columns(metadata)?))
        .location(metadata.location())
        .build();
    TableInput::builder()
        .name(table.name())
        .set_parameters(Some(parameters))
        .storage_descriptor(storage)
        .table_type("EXTERNAL_TABLE")
        .set_description(metadata.properties().get("description").cloned())
        .build()
        .map_err(|error| Error::new(ErrorKind::DataInvalid, error.to_string()))
}

/// The columns as Glue shows them: the current ones, then those of earlier schemas that are called
/// otherwise. A name stands once, as Iceberg's own catalogs in Java and Python have it.
fn columns(metadata: &TableMetadata) -> Result<Vec<Column>> {
    let current = metadata.current_schema();
    let mut columns = Vec::new();
    let mut names = HashSet::new();
    add_columns(current, true, &mut names, &mut columns)?;
    let mut earlier: Vec<_> = metadata
        .schemas_iter()
        .filter(|schema| schema.schema_id() != current.schema_id())
        .collect();
    earlier.sort_by_key(|schema| std::cmp::Reverse(schema.schema_id()));
    for schema in earlier {
        add_columns(schema, false, &mut names, &mut columns)?;
    }
    Ok(columns)
}

fn add_columns<'a>(
    schema: &'a Schema,
    is_current: bool,
    names: &mut HashSet<&'a str>,
    columns: &mut Vec<Column>,
) -> Result<()> {
    for field in schema.as_struct().fields() {
        if names.insert(&field.name) {
            columns.push(column(field, is_current)?);
        }
    }
    Ok(())
}

fn column(field: &NestedField, is_current: bool) -> Result<Column> {
    Column::builder()
        .name(&field.name)
        .r#type(glue_type(field)?)
        .set_comment(field.doc.clone())
        .parameters("iceberg.field.id", field.id.to_string())
        .parameters("iceberg.field.optional", (!field.required).to_string())
        .parameters("iceberg.field.current", is_current.to_string())
        .build()
        .map_err(|error| Error::new(ErrorKind::DataInvalid, error.to_string()))
}

fn glue_type(field: &NestedField) -> Result<String> {
    let unknown = || {
        let problem = format!("column {}: Glue has no type for {}", field.name, field.field_type);
        Err(Error::new(ErrorKind::FeatureUnsupported, problem))
    };
    // Contracts have no structs, lists and maps, and so have the lake's tables.
    let Type::Primitive(primitive) = field.field_type.as_ref() else { return unknown() };
    let name = match primitive {
        PrimitiveType::Boolean => "boolean",
        PrimitiveType::Int => "int",
        PrimitiveType::Long => "bigint",
        PrimitiveType::Float => "float",
        PrimitiveType::Double => "double",
        PrimitiveType::Date => "date",
        PrimitiveType::Timestamp => "timestamp",
        PrimitiveType::Time | PrimitiveType::String | PrimitiveType::Uuid => "string",
        PrimitiveType::Binary | PrimitiveType::Fixed(_) => "binary",
        PrimitiveType::Decimal { precision, scale } => {
            return Ok(format!("decimal({precision},{scale})"));
        }
        PrimitiveType::TimestampNs => "timestamp_ns",
        PrimitiveType::Timestamptz | PrimitiveType::TimestamptzNs => return unknown(),
    };
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::table::ColumnChange;
    use crate::lake::table::evolution::ChangeColumns;
    use crate::lake::table::memory::MemoryTable;

    #[tokio::test]
    async fn a_name_stands_once_among_the_columns() {
        let table = MemoryTable::create(&[]).await;
        for name in ["total", "sum"] {
            let changes = [ColumnChange::Rename { field_id: 2, name: name.to_owned() }];
            let mut change = ChangeColumns { table: "shop.orders", changes: &changes };
            table.change(&mut change).await.unwrap();
        }
        let columns = columns(&table.metadata().await).unwrap();
        let shown: Vec<_> = columns
            .iter()
            .map(|column| {
                let parameters = column.parameters().unwrap();
                (column.name(), parameters["iceberg.field.current"].as_str())
            })
            .collect();
        let expected = [
            ("id", "true"),
            ("sum", "true"),
            ("ordered_at", "true"),
            ("total", "false"),
            ("amount", "false"),
        ];
        assert_eq!(shown, expected);
        assert_eq!(columns[0].r#type(), Some("bigint"));
        assert_eq!(columns[0].parameters().unwrap()["iceberg.field.optional"], "false");
    }
}
