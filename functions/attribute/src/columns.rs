//! The columns of a data file by their types. A column that is not there is a column of nulls: the file
//! is older than it.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch, StringArray};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use shared::attribution::money::from_unscaled;

/// Why rows cannot be understood. A retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A column has another type than its contract says.
    #[error("column {0} has another type than its contract says")]
    Type(&'static str),
    /// A column that every row must have is empty.
    #[error("a row has no {0}")]
    Missing(&'static str),
}

/// The columns of a batch of rows.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a>(pub &'a RecordBatch);

impl<'a> Columns<'a> {
    /// A column of texts.
    pub fn text(self, name: &'static str) -> Result<Text<'a>, RowError> {
        let array = self.column(name, |array| array.as_string_opt::<i32>())?;
        Ok(Text { name, array })
    }

    /// A column of timestamps.
    pub fn timestamp(self, name: &'static str) -> Result<Timestamp<'a>, RowError> {
        let array = self.column(name, |array| array.as_primitive_opt())?;
        Ok(Timestamp { name, array })
    }

    /// A column of dates.
    pub fn date(self, name: &'static str) -> Result<Date<'a>, RowError> {
        let array = self.column(name, |array| array.as_primitive_opt())?;
        Ok(Date { name, array })
    }

    /// A column of amounts.
    pub fn amount(self, name: &'static str) -> Result<Amount<'a>, RowError> {
        Ok(Amount { array: self.column(name, |array| array.as_primitive_opt())? })
    }

    /// A column of whole numbers.
    pub fn long(self, name: &'static str) -> Result<Long<'a>, RowError> {
        Ok(Long { array: self.column(name, |array| array.as_primitive_opt())? })
    }

    fn column<T>(
        self,
        name: &'static str,
        of_type: impl Fn(&'a ArrayRef) -> Option<T>,
    ) -> Result<Option<T>, RowError> {
        let Some(array) = self.0.column_by_name(name) else {
            return Ok(None);
        };
        of_type(array).map(Some).ok_or(RowError::Type(name))
    }
}

/// Texts.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    name: &'static str,
    array: Option<&'a StringArray>,
}

impl<'a> Text<'a> {
    /// The text of a row; none where it is null or blank.
    pub fn at(self, row: usize) -> Option<&'a str> {
        self.written(row).filter(|text| !text.trim().is_empty())
    }

    /// The text of a row that must have one. Contracts refuse what is empty and take what is blank, so a
    /// blank one is in the lake, and names its row as well as any other.
    pub fn required(self, row: usize) -> Result<&'a str, RowError> {
        self.written(row).filter(|text| !text.is_empty()).ok_or(RowError::Missing(self.name))
    }

    fn written(self, row: usize) -> Option<&'a str> {
        let array = self.array.filter(|array| array.is_valid(row))?;
        Some(array.value(row))
    }
}

/// Points in time.
#[derive(Debug, Clone, Copy)]
pub struct Timestamp<'a> {
    name: &'static str,
    array: Option<&'a PrimitiveArray<TimestampMicrosecondType>>,
}

impl Timestamp<'_> {
    /// The moment of a row; none where it is null, or in no year of four digits.
    pub fn at(self, row: usize) -> Option<DateTime<Utc>> {
        let moment = DateTime::from_timestamp_micros(value(self.array, row)?)?;
        (1..=9999).contains(&moment.year()).then_some(moment)
    }

    /// The moment of a row that must have one.
    pub fn required(self, row: usize) -> Result<DateTime<Utc>, RowError> {
        self.at(row).ok_or(RowError::Missing(self.name))
    }
}

/// Days.
#[derive(Debug, Clone, Copy)]
pub struct Date<'a> {
    name: &'static str,
    array: Option<&'a PrimitiveArray<Date32Type>>,
}

impl Date<'_> {
    /// The day of a row that must have one.
    pub fn required(self, row: usize) -> Result<NaiveDate, RowError> {
        let days = value(self.array, row).ok_or(RowError::Missing(self.name))?;
        let date = NaiveDate::default().checked_add_signed(TimeDelta::days(i64::from(days)));
        date.ok_or(RowError::Missing(self.name))
    }
}

/// Amounts of money.
#[derive(Debug, Clone, Copy)]
pub struct Amount<'a> {
    array: Option<&'a PrimitiveArray<Decimal128Type>>,
}

/// It has more digits than any money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl Amount<'_> {
    /// The amount of a row.
    pub fn at(self, row: usize) -> Result<Option<Decimal>, Unreadable> {
        let (Some(array), Some(unscaled)) = (self.array, value(self.array, row)) else {
            return Ok(None);
        };
        let scale = u32::try_from(array.scale()).map_err(|_| Unreadable)?;
        from_unscaled(unscaled, scale).map(Some).ok_or(Unreadable)
    }
}

/// Whole numbers.
#[derive(Debug, Clone, Copy)]
pub struct Long<'a> {
    array: Option<&'a PrimitiveArray<Int64Type>>,
}

impl Long<'_> {
    /// The number of a row; nought where it is null.
    pub fn at(self, row: usize) -> i64 {
        value(self.array, row).unwrap_or_default()
    }
}

fn value<T: arrow_array::ArrowPrimitiveType>(
    array: Option<&PrimitiveArray<T>>,
    row: usize,
) -> Option<T::Native> {
    array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Date32Array, Decimal128Array, TimestampMicrosecondArray};

    use super::*;

    fn batch(name: &str, array: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([(name, array)]).unwrap()
    }

    #[test]
    fn what_is_null_blank_or_no_column_is_nothing() {
        let texts = StringArray::from(vec![Some("x"), Some(" "), None, Some("")]);
        let batch = batch("a", Arc::new(texts));
        let column = Columns(&batch).text("a").unwrap();
        assert_eq!([column.at(0), column.at(1), column.at(2)], [Some("x"), None, None]);
        assert_eq!(column.required(1), Ok(" "), "the lake takes it");
        for row in [2, 3] {
            assert_eq!(column.required(row), Err(RowError::Missing("a")));
        }
        assert_eq!(Columns(&batch).text("b").unwrap().at(0), None);
        assert_eq!(Columns(&batch).text("b").unwrap().required(0), Err(RowError::Missing("b")));
        assert_eq!(Columns(&batch).long("a").unwrap_err(), RowError::Type("a"));
    }

    #[test]
    fn amounts_have_the_scale_of_their_column() {
        let array = Decimal128Array::from(vec![Some(12_340_000), Some(i128::MAX), None]);
        let batch = batch("a", Arc::new(array.with_precision_and_scale(38, 6).unwrap()));
        let column = Columns(&batch).amount("a").unwrap();
        assert_eq!(column.at(0), Ok(Some(Decimal::new(1234, 2))));
        assert_eq!((column.at(1), column.at(2)), (Err(Unreadable), Ok(None)));
    }

    #[test]
    fn moments_are_in_years_of_four_digits() {
        let array = TimestampMicrosecondArray::from(vec![1, i64::MAX, i64::MIN]);
        let batch_of_moments = batch("a", Arc::new(array));
        let column = Columns(&batch_of_moments).timestamp("a").unwrap();
        assert_eq!(column.at(0), Some("1970-01-01T00:00:00.000001Z".parse().unwrap()));
        assert_eq!((column.at(1), column.at(2)), (None, None));
        let batch_of_days = batch("a", Arc::new(Date32Array::from(vec![20_780])));
        let date = Columns(&batch_of_days).date("a").unwrap();
        assert_eq!(date.required(0).unwrap().to_string(), "2026-11-23");
    }
}
