//! The keys of the rows that a data file holds, read from it.

use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::without_rows::{RewriteError, keys_of};
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
    /// Reads the columns that make up a row's key, and the one that the table is partitioned by.
    pub fn read(
        source: File,
        path: &str,
        key_columns: &[String],
        partition_column: &str,
    ) -> Result<Self, RewriteError> {
        let parquet =
            |source: ParquetError| RewriteError::Parquet { path: path.to_owned(), source };
        let builder = ParquetRecordBatchReaderBuilder::try_new(source).map_err(parquet)?;
        let names = key_columns.iter().map(String::as_str).chain([partition_column]);
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        let mut found = Self::default();
        for batch in builder.with_projection(mask).build().map_err(parquet)? {
            let batch =
                batch.map_err(|source| RewriteError::Arrow { path: path.to_owned(), source })?;
            found.keys.extend(keys_of(path, key_columns, &batch)?);
            match batch.column_by_name(partition_column) {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use parquet::arrow::arrow_writer::ArrowWriter;

    use super::*;
    use crate::govern::KeyHasher;

    #[test]
    fn the_keys_are_those_that_the_rows_had_when_they_were_new() {
        let day = MICROSECONDS_A_DAY;
        let batch = RecordBatch::try_from_iter([
            ("other", Arc::new(StringArray::from(vec!["x", "y"])) as ArrayRef),
            ("id", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![-1, 3 * day])) as ArrayRef),
        ]);
        let batch = batch.unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let read = |columns: &[&str], partition: &str| {
            let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
            FileKeys::read(file.try_clone().unwrap(), "a.parquet", &columns, partition)
        };

        let mut hasher = KeyHasher::default();
        let mut expected = Vec::new();
        for id in [Some(1_i64), None] {
            hasher.value(id.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
            expected.push(hasher.finish());
        }
        let found = read(&["id"], "at").unwrap();
        assert_eq!(found, FileKeys { keys: expected.clone(), days: Some((-1, 3)) });
        assert_eq!(read(&["id"], "none").unwrap().days, Some((0, 0)));
        let missing = read(&["gone"], "at").unwrap_err().to_string();
        assert_eq!(missing, "data file a.parquet has no column gone");
    }
}
