//! A request's schema and the table's: what may differ, and how the table follows.

use iceberg::spec::{
    NestedField, PrimitiveType, Schema, TableMetadata, Transform, Type, UnboundPartitionSpec,
};
use semver::Version;
use serde_json::Value;

use super::CONTRACT_VERSION;
use super::error::{TableError, malformed, mismatch};
use super::evolution::{ColumnChange, is_gone, widens};
use crate::event::{SchemaColumn, TableSchema};

/// A contract's version; what is no version is older than any.
pub(super) fn version(schema: &TableSchema) -> Version {
    Version::parse(&schema.contract_version).unwrap_or(Version::new(0, 0, 0))
}

/// Whether the table has not seen this version of the contract yet.
pub(super) fn is_newer(schema: &TableSchema, metadata: &TableMetadata) -> bool {
    seen_version(metadata).is_none_or(|seen| version(schema) > seen)
}

fn seen_version(metadata: &TableMetadata) -> Option<Version> {
    metadata.properties().get(CONTRACT_VERSION).and_then(|text| Version::parse(text).ok())
}

/// Whether files written for `schema` fit the table. Those of the table's own version have its columns with
/// their ids, names and types. Those of an older version may have other names and narrower types for the
/// same ids, and columns that are gone: Iceberg reads by id, and promotes.
pub(super) fn check(
    table: &str,
    schema: &TableSchema,
    metadata: &TableMetadata,
) -> Result<(), TableError> {
    let is_older = seen_version(metadata).is_some_and(|seen| version(schema) < seen);
    for column in &schema.columns {
        let id = column.field_id;
        let Some(field) = metadata.current_schema().field_by_id(id) else {
            if is_older && is_gone(id, metadata) {
                continue;
            }
            let problem = format!("(field id {id}) is not in the table");
            return Err(mismatch(table, &column.name, problem));
        };
        if field.name != column.name && !is_older {
            let problem = format!("has field id {id}, which is `{}` in the table", field.name);
            return Err(mismatch(table, &column.name, problem));
        }
        let written = primitive(table, column)?;
        let fits = is_same(&written, field) || (is_older && becomes(&written, field));
        if !fits {
            return Err(another_type(table, column, &written, field));
        }
        if field.required && !column.required {
            let problem = "may be empty, but is required in the table";
            return Err(mismatch(table, &column.name, problem));
        }
    }
    check_required(table, schema, metadata)
}

/// A file without a column has no value for it.
fn check_required(
    table: &str,
    schema: &TableSchema,
    metadata: &TableMetadata,
) -> Result<(), TableError> {
    for field in metadata.current_schema().as_struct().fields() {
        if field.required && schema.columns.iter().all(|column| column.field_id != field.id) {
            let version = &schema.contract_version;
            let problem = format!("is required in the table, and version {version} has it not");
            return Err(mismatch(table, &field.name, problem));
        }
    }
    Ok(())
}

fn is_same(written: &PrimitiveType, field: &NestedField) -> bool {
    field.field_type.as_primitive_type() == Some(written)
}

fn becomes(written: &PrimitiveType, field: &NestedField) -> bool {
    field.field_type.as_primitive_type().is_some_and(|wider| widens(written, wider))
}

fn another_type(
    table: &str,
    column: &SchemaColumn,
    written: &PrimitiveType,
    field: &NestedField,
) -> TableError {
    let problem = format!("is {written}, but {} in the table", field.field_type);
    mismatch(table, &column.name, problem)
}

/// What a table changes to follow a newer version of its contract. A column that the version has no more
/// stays, for its values are still asked for, but new rows may lack it.
pub(super) fn changes(
    table: &str,
    schema: &TableSchema,
    metadata: &TableMetadata,
) -> Result<Vec<ColumnChange>, TableError> {
    let mut changes = Vec::new();
    for column in &schema.columns {
        match metadata.current_schema().field_by_id(column.field_id) {
            Some(field) => change(table, column, field, &mut changes)?,
            None => changes.push(addition(table, column)?),
        }
    }
    for field in metadata.current_schema().as_struct().fields() {
        if field.required && schema.columns.iter().all(|column| column.field_id != field.id) {
            changes.push(ColumnChange::MakeOptional { field_id: field.id });
        }
    }
    Ok(changes)
}

fn change(
    table: &str,
    column: &SchemaColumn,
    field: &NestedField,
    changes: &mut Vec<ColumnChange>,
) -> Result<(), TableError> {
    let field_id = column.field_id;
    if field.name != column.name {
        changes.push(ColumnChange::Rename { field_id, name: column.name.clone() });
    }
    let column_type = primitive(table, column)?;
    if !is_same(&column_type, field) {
        let before = field.field_type.as_primitive_type();
        if !before.is_some_and(|before| widens(before, &column_type)) {
            return Err(another_type(table, column, &column_type, field));
        }
        changes.push(ColumnChange::Widen { field_id, column_type });
    }
    // The other way round it is left as it is: rows without a value may be there.
    if field.required && !column.required {
        changes.push(ColumnChange::MakeOptional { field_id });
    }
    if field.doc.as_deref().unwrap_or_default() != column.description {
        let description = column.description.clone();
        changes.push(ColumnChange::Describe { field_id, description });
    }
    Ok(())
}

fn addition(table: &str, column: &SchemaColumn) -> Result<ColumnChange, TableError> {
    if column.required {
        let problem = "is new and required, but the table has rows without it";
        return Err(mismatch(table, &column.name, problem));
    }
    Ok(ColumnChange::Add {
        field_id: column.field_id,
        name: column.name.clone(),
        column_type: primitive(table, column)?,
        description: column.description.clone(),
    })
}

/// The Iceberg schema of a new table.
pub(super) fn iceberg_schema(table: &str, schema: &TableSchema) -> Result<Schema, TableError> {
    let mut fields = Vec::with_capacity(schema.columns.len());
    for column in &schema.columns {
        let field_type = Type::Primitive(primitive(table, column)?);
        let mut field =
            NestedField::new(column.field_id, &column.name, field_type, column.required);
        if !column.description.is_empty() {
            field = field.with_doc(&column.description);
        }
        fields.push(field.into());
    }
    Schema::builder()
        .with_fields(fields)
        .build()
        .map_err(|error| malformed(table, error.to_string()))
}

/// The partitioning of a new table.
pub(super) fn partition_spec(
    table: &str,
    schema: &TableSchema,
    iceberg: &Schema,
) -> Result<UnboundPartitionSpec, TableError> {
    let column = &schema.partition_column;
    let Some(source) = iceberg.field_by_name(column) else {
        return Err(malformed(table, format!("partition column {column} is no column")));
    };
    let (name, transform) = match schema.partition_transform.as_str() {
        "day" => (format!("{column}_day"), Transform::Day),
        // A partition field of the column's own name is how Iceberg names an identity partition.
        "identity" => (column.clone(), Transform::Identity),
        other => {
            return Err(malformed(
                table,
                format!("partition transform {other} is none of day, identity"),
            ));
        }
    };
    let spec = UnboundPartitionSpec::builder().add_partition_field(source.id, name, transform);
    match spec {
        Ok(spec) => Ok(spec.build()),
        Err(error) => Err(malformed(table, error.to_string())),
    }
}

/// The type of a column, from its name in Iceberg's JSON form.
fn primitive(table: &str, column: &SchemaColumn) -> Result<PrimitiveType, TableError> {
    let name = Value::String(column.column_type.clone());
    serde_json::from_value(name)
        .map_err(|error| malformed(table, format!("column {}: {error}", column.name)))
}

#[cfg(test)]
mod tests;
