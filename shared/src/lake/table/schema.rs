//! A request's schema and the table's: what may differ, and how the table follows.

use iceberg::spec::{
    NestedField, PrimitiveType, Schema, TableMetadata, Transform, Type, UnboundPartitionSpec,
};
use iceberg::transaction::AddColumn;
use semver::Version;
use serde_json::Value;

use super::{CONTRACT_VERSION, TableError, malformed};
use crate::event::{SchemaColumn, TableSchema};

/// A contract's version; what is no version is older than any.
pub(super) fn version(schema: &TableSchema) -> Version {
    Version::parse(&schema.contract_version).unwrap_or(Version::new(0, 0, 0))
}

/// Whether the table has not seen this version of the contract yet.
pub(super) fn is_newer(schema: &TableSchema, metadata: &TableMetadata) -> bool {
    let seen =
        metadata.properties().get(CONTRACT_VERSION).and_then(|text| Version::parse(text).ok());
    seen.is_none_or(|seen| version(schema) > seen)
}

/// Whether files written for `schema` fit the table: every column is there with its id, its name and
/// its type.
pub(super) fn check(
    table: &str,
    schema: &TableSchema,
    metadata: &TableMetadata,
) -> Result<(), TableError> {
    for column in &schema.columns {
        let Some(field) = metadata.current_schema().field_by_id(column.field_id) else {
            return mismatch(
                table,
                column,
                format!("(field id {}) is not in the table", column.field_id),
            );
        };
        if field.name != column.name {
            return mismatch(
                table,
                column,
                format!("has field id {}, which is `{}` in the table", column.field_id, field.name),
            );
        }
        let expected = primitive(table, column)?;
        if *field.field_type != Type::Primitive(expected.clone()) {
            return mismatch(
                table,
                column,
                format!("is {expected}, but {} in the table", field.field_type),
            );
        }
        if field.required && !column.required {
            return mismatch(
                table,
                column,
                "may be empty, but is required in the table".to_owned(),
            );
        }
    }
    Ok(())
}

fn mismatch<T>(table: &str, column: &SchemaColumn, problem: String) -> Result<T, TableError> {
    Err(TableError::SchemaMismatch {
        table: table.to_owned(),
        column: column.name.clone(),
        problem,
    })
}

/// The columns that the table lacks, in the order of their ids.
pub(super) fn additions(
    table: &str,
    schema: &TableSchema,
    metadata: &TableMetadata,
) -> Result<Vec<AddColumn>, TableError> {
    let mut next = metadata.last_column_id();
    let mut additions = Vec::new();
    for column in &schema.columns {
        if metadata.current_schema().field_by_id(column.field_id).is_some() {
            continue;
        }
        next += 1;
        if column.field_id != next {
            return mismatch(
                table,
                column,
                format!("has field id {}, but the table would give it {next}", column.field_id),
            );
        }
        if column.required {
            return mismatch(
                table,
                column,
                "is new and required, but the table has rows without it".to_owned(),
            );
        }
        let addition = AddColumn::builder()
            .name(column.name.clone())
            .field_type(Type::Primitive(primitive(table, column)?))
            .doc(column.description.clone())
            .build();
        additions.push(addition);
    }
    Ok(additions)
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
