//! From the description of a data file in a request to Iceberg's own form.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iceberg::spec::{
    DataContentType, DataFile, DataFileBuilder, DataFileFormat, Datum, Literal, PrimitiveType,
    Struct, TableMetadata,
};

use super::error::{TableError, malformed};
use super::evolution::is_gone;
use crate::event::DataFileDescription;

/// A data file of the table's current partitioning.
pub(super) fn data_file(
    table: &str,
    description: &DataFileDescription,
    metadata: &TableMetadata,
) -> Result<DataFile, TableError> {
    let mut builder = DataFileBuilder::default();
    builder
        .content(DataContentType::Data)
        .file_path(description.path.clone())
        .file_format(DataFileFormat::Parquet)
        .partition_spec_id(metadata.default_partition_spec_id())
        .partition(partition(table, description, metadata)?)
        .record_count(description.record_count)
        .file_size_in_bytes(description.file_size_in_bytes)
        .column_sizes(counts(&description.column_sizes))
        .value_counts(counts(&description.value_counts))
        .null_value_counts(counts(&description.null_value_counts))
        .lower_bounds(bounds(table, &description.lower_bounds, metadata)?)
        .upper_bounds(bounds(table, &description.upper_bounds, metadata)?)
        .split_offsets(Some(description.split_offsets.clone()));
    builder.build().map_err(|error| malformed(table, error.to_string()))
}

fn partition(
    table: &str,
    description: &DataFileDescription,
    metadata: &TableMetadata,
) -> Result<Struct, TableError> {
    let field = match metadata.default_partition_type().fields() {
        [] => return Ok(Struct::empty()),
        [field] => field,
        _ => return Err(malformed(table, "the table's current partitioning has several fields")),
    };
    let Some(encoded) = &description.partition else {
        return Ok(Struct::from_iter([None]));
    };
    let Some(partition_type) = field.field_type.as_primitive_type() else {
        return Err(malformed(table, format!("partition field {} is not primitive", field.name)));
    };
    let datum = datum(table, encoded, partition_type)?;
    Ok(Struct::from_iter([Some(Literal::from(datum))]))
}

fn counts(counts: &BTreeMap<i32, u64>) -> HashMap<i32, u64> {
    counts.iter().map(|(field, count)| (*field, *count)).collect()
}

/// Bounds of the table's types: a file of an older version may have them of narrower ones, or of columns
/// that are gone.
fn bounds(
    table: &str,
    encoded: &BTreeMap<i32, String>,
    metadata: &TableMetadata,
) -> Result<HashMap<i32, Datum>, TableError> {
    let mut bounds = HashMap::with_capacity(encoded.len());
    for (field_id, encoded) in encoded {
        let field = metadata.current_schema().field_by_id(*field_id);
        if field.is_none() && is_gone(*field_id, metadata) {
            continue;
        }
        let Some(primitive) = field.and_then(|field| field.field_type.as_primitive_type()) else {
            return Err(malformed(
                table,
                format!("a bound is given for field id {field_id}, which is no column"),
            ));
        };
        bounds.insert(*field_id, datum(table, encoded, primitive)?);
    }
    Ok(bounds)
}

/// A value of the table's type. Four bytes of a narrower one become eight; a decimal's bytes are the same
/// whatever its precision.
fn datum(table: &str, encoded: &str, primitive: &PrimitiveType) -> Result<Datum, TableError> {
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|error| malformed(table, format!("a value is not base64: {error}")))?;
    Datum::try_from_bytes(&bytes, primitive.clone())
        .map_err(|error| malformed(table, error.to_string()))
}
