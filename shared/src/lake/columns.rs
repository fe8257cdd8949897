//! Columns in memory: from governed cells to Arrow arrays.

mod texts;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use self::texts::TextBuilder;
use crate::contract::{Column, ColumnType, Contract};
use crate::govern::{Cell, Row};

/// The Arrow schema of a contract, with Iceberg field ids.
pub(super) fn arrow_schema(contract: &Contract) -> Arc<Schema> {
    let mut fields = Vec::with_capacity(contract.columns.len());
    for column in &contract.columns {
        let field_id = (PARQUET_FIELD_ID_META_KEY.to_owned(), column.field_id.to_string());
        let field = Field::new(&column.name, data_type(column.column_type), !column.required);
        fields.push(field.with_metadata(HashMap::from([field_id])));
    }
    Arc::new(Schema::new(fields))
}

fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::String => DataType::Utf8,
        ColumnType::Long => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::Date => DataType::Date32,
    }
}

/// Collects the values of one column.
#[derive(Debug)]
pub(super) enum ColumnBuilder {
    String(TextBuilder),
    Long(Int64Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Decimal(Decimal128Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Date(Date32Builder),
}

impl ColumnBuilder {
    pub(super) fn new(column: &Column) -> Self {
        match column.column_type {
            ColumnType::String => Self::String(TextBuilder::new()),
            ColumnType::Long => Self::Long(Int64Builder::new()),
            ColumnType::Double => Self::Double(Float64Builder::new()),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::Decimal { .. } => Self::Decimal(
                Decimal128Builder::new().with_data_type(data_type(column.column_type)),
            ),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
        }
    }

    /// Appends a cell. The governor gives cells of the column's type or null.
    pub(super) fn append(&mut self, cell: Cell, row: &Row<'_>) {
        match self {
            Self::String(builder) => builder.append(row.text(cell)),
            Self::Long(builder) => {
                builder.append_option(if let Cell::Long(value) = cell {
                    Some(value)
                } else {
                    None
                });
            }
            Self::Double(builder) => {
                builder.append_option(if let Cell::Double(value) = cell {
                    Some(value)
                } else {
                    None
                });
            }
            Self::Boolean(builder) => {
                builder.append_option(if let Cell::Boolean(value) = cell {
                    Some(value)
                } else {
                    None
                });
            }
            Self::Decimal(builder) => {
                builder.append_option(if let Cell::Decimal(value) = cell {
                    Some(value)
                } else {
                    None
                });
            }
            Self::Timestamp(builder) => {
                builder.append_option(if let Cell::Timestamp(value) = cell {
                    Some(value)
                } else {
                    None
                });
            }
            Self::Date(builder) => {
                builder.append_option(if let Cell::Date(value) = cell {
                    Some(value)
                } else {
                    None
                });
            }
        }
    }

    /// The values so far.
    ///
    /// The builder begins anew with as much room as was needed: growing to it again would copy every value twice.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::String(builder) => return builder.finish(),
            Self::Long(builder) => {
                let array = builder.finish();
                *builder = Int64Builder::with_capacity(array.len());
                Arc::new(array)
            }
            Self::Double(builder) => {
                let array = builder.finish();
                *builder = Float64Builder::with_capacity(array.len());
                Arc::new(array)
            }
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => {
                let array = builder.finish();
                *builder = Decimal128Builder::with_capacity(array.len())
                    .with_data_type(array.data_type().clone());
                Arc::new(array)
            }
            Self::Timestamp(builder) => {
                let array = builder.finish();
                *builder = TimestampMicrosecondBuilder::with_capacity(array.len());
                Arc::new(array)
            }
            Self::Date(builder) => {
                let array = builder.finish();
                *builder = Date32Builder::with_capacity(array.len());
                Arc::new(array)
            }
        })
    }

    /// Takes back the memory of an array that was written.
    pub(super) fn take_back(&mut self, array: ArrayRef) {
        if let Self::String(builder) = self {
            builder.take_back(array);
        }
    }
}
