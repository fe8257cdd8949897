//! The keys of the rows that a data file holds, read from it.

use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, FieldRef, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{PARQUET_FIELD_ID_META_KEY, ProjectionMask};
use parquet::errors::ParquetError;

use super::without_rows::{RewriteError, keys_of};
use crate::event::TableSchema;
use crate::govern::{Key, MICROSECONDS_A_DAY};

/// The keys of a data file's rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileKeys {
    /// The keys, in the order of the rows.
    pub keys: Vec<Key>,
    /// The first and the last day that the partition column names, as days since 1970; 0 without one.
    pub days: Option<(i32, i32)>,
}

impl FileKeys {
    /// Reads the columns that make up a row's key, and the one that the table is partitioned by, if it is by
    /// any. `names` are their names now: in the file, which may be older, they are found by the field ids
    /// that these have in `schema`.
    pub fn read(
        source: File,
        path: &str,
        schema: &TableSchema,
        names: &[String],
    ) -> Result<Self, RewriteError> {
        let parquet =
            |source: ParquetError| RewriteError::Parquet { path: path.to_owned(), source };
        let builder = ParquetRecordBatchReaderBuilder::try_new(source).map_err(parquet)?;
        let in_file = |name: &String| name_in_file(path, schema, name, builder.schema());
        let key_columns: Vec<String> = names.iter().map(in_file).collect::<Result<_, _>>()?;
        let partition_column = match schema.partition_column.as_str() {
            "" => None,
            _ => Some(in_file(&schema.partition_column)?),
        };
        let read = key_columns.iter().chain(&partition_column).map(String::as_str);
        let mask = ProjectionMask::columns(builder.parquet_schema(), read);
        let mut found = Self::default();
        for batch in builder.with_projection(mask).build().map_err(parquet)? {
            let batch =
                batch.map_err(|source| RewriteError::Arrow { path: path.to_owned(), source })?;
            found.keys.extend(keys_of(path, &key_columns, &batch)?);
            match partition_column.as_ref().and_then(|name| batch.column_by_name(name)) {
                Some(column) => found.see_days(column),
                None => found.see_day(0),
            }
        }
        Ok(found)
    }

    fn see_days(&mut self, column: &ArrayRef) {
        for row in 0..column.len() {
            let day = match column.data_type() {
                _ if column.is_null(row) => 0,
                DataType::Date32 => column.as_primitive::<Date32Type>().value(row),
                DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, _) => {
                    let values = column.as_primitive::<TimestampMicrosecondType>();
                    values.value(row).div_euclid(MICROSECONDS_A_DAY) as i32
                }
                _ => 0,
            };
            self.see_day(day);
        }
    }

    fn see_day(&mut self, day: i32) {
        let (from, to) = self.days.unwrap_or((day, day));
        self.days = Some((from.min(day), to.max(day)));
    }
}

/// The name that a column of the table has in a file, which may have been written before it was renamed.
fn name_in_file(
    path: &str,
    schema: &TableSchema,
    name: &str,
    file: &SchemaRef,
) -> Result<String, RewriteError> {
    let missing = || RewriteError::NoColumn { path: path.to_owned(), column: name.to_owned() };
    let column = schema.columns.iter().find(|column| column.name == name).ok_or_else(missing)?;
    let id = column.field_id.to_string();
    let is_it = |field: &&FieldRef| field.metadata().get(PARQUET_FIELD_ID_META_KEY) == Some(&id);
    Ok(file.fields().iter().find(is_it).ok_or_else(missing)?.name().clone())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use arrow_schema::{Field, Schema, TimeUnit};
    use parquet::arrow::arrow_writer::ArrowWriter;

    use super::*;
    use crate::govern::KeyHasher;

    /// A file from before the key was called `id`, and the time `at`.
    fn file() -> File {
        let field = |id: i32, name: &str, data_type| {
            let id = (PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string());
            Field::new(name, data_type, true).with_metadata(HashMap::from([id]))
        };
        let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
        let schema = Schema::new(vec![
            field(1, "id", DataType::Utf8),
            field(2, "number", DataType::Int64),
            field(3, "moment", timestamp),
        ]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec!["x", "y"])),
            Arc::new(Int64Array::from(vec![Some(1), None])),
            Arc::new(TimestampMicrosecondArray::from(vec![-1, 3 * MICROSECONDS_A_DAY])),
        ];
        let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        file
    }

    fn schema(partition_column: &str) -> TableSchema {
        let column = |id: i32, name: &str, column_type: &str| serde_json::json!({"field_id": id, "name": name, "type": column_type, "required": false, "description": ""});
        serde_json::from_value(serde_json::json!({
            "contract_version": "1.1.0",
            "columns": [column(1, "label", "string"), column(2, "id", "long"), column(3, "at", "timestamp"), column(4, "new", "string")],
            "partition_column": partition_column,
            "partition_transform": "day",
        }))
        .unwrap()
    }

    fn read(column: &str, partition_column: &str) -> Result<FileKeys, RewriteError> {
        FileKeys::read(file(), "a.parquet", &schema(partition_column), &[column.to_owned()])
    }

    #[test]
    fn the_keys_are_those_that_the_rows_had_whatever_their_columns_are_called_now() {
        let mut hasher = KeyHasher::default();
        let mut keys = Vec::new();
        for id in [Some(1_i64), None] {
            hasher.value(id.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
            keys.push(hasher.finish());
        }
        let found = read("id", "at").unwrap();
        assert_eq!(found, FileKeys { keys, days: Some((-1, 3)) });
        assert_eq!(read("id", "").unwrap().days, Some((0, 0)));
    }

    #[test]
    fn a_column_that_the_file_is_too_old_for_is_an_error() {
        for (column, partition_column) in [("new", "at"), ("id", "new")] {
            let missing = read(column, partition_column).unwrap_err().to_string();
            assert_eq!(missing, "data file a.parquet has no column new");
        }
    }
}
