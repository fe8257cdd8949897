//! What Iceberg wants to know of a data file, from the footer that was just written.

use std::collections::BTreeMap;

use parquet::file::metadata::ParquetMetaData;

use super::bounds::Bounds;
use crate::contract::ColumnType;
use crate::event::DataFileDescription;

/// A file's description, and the bounds of each column as values.
pub(super) struct Described {
    pub description: DataFileDescription,
    pub bounds: Vec<Bounds>,
}

/// Describes a file of columns, given as field id and type in the file's order. `partition` is its
/// value in single-value binary form, base64.
pub(super) fn describe(
    columns: &[(i32, ColumnType)],
    uri: String,
    partition: Option<String>,
    metadata: &ParquetMetaData,
    size: u64,
) -> Described {
    let mut description = DataFileDescription {
        path: uri,
        record_count: metadata.file_metadata().num_rows() as u64,
        file_size_in_bytes: size,
        partition,
        column_sizes: BTreeMap::new(),
        value_counts: BTreeMap::new(),
        null_value_counts: BTreeMap::new(),
        lower_bounds: BTreeMap::new(),
        upper_bounds: BTreeMap::new(),
        split_offsets: Vec::new(),
    };
    let mut bounds = vec![Bounds::default(); columns.len()];
    for group in metadata.row_groups() {
        description.split_offsets.extend(group.file_offset());
        for ((chunk, bounds), (field_id, _)) in group.columns().iter().zip(&mut bounds).zip(columns)
        {
            *description.column_sizes.entry(*field_id).or_insert(0) +=
                chunk.compressed_size() as u64;
            *description.value_counts.entry(*field_id).or_insert(0) += chunk.num_values() as u64;
            if let Some(statistics) = chunk.statistics() {
                *description.null_value_counts.entry(*field_id).or_insert(0) +=
                    statistics.null_count_opt().unwrap_or_default();
                bounds.widen(statistics);
            }
        }
    }
    for (bounds, (field_id, column_type)) in bounds.iter().zip(columns) {
        if let Some(lower) = bounds.encoded_lower(*column_type) {
            description.lower_bounds.insert(*field_id, lower);
        }
        if let Some(upper) = bounds.encoded_upper(*column_type) {
            description.upper_bounds.insert(*field_id, upper);
        }
    }
    Described { description, bounds }
}
