//! From raw JSON to a typed cell.

use std::borrow::Cow;

use memchr::memchr;

use super::number::{parse_decimal, parse_double, parse_long};
use super::row::Cell;
use super::timestamp::{parse_date, parse_timestamp};
use crate::contract::{Bound, ColumnType};

/// The text of a raw JSON string; a number or a boolean as it is written, since ids often come so.
/// None for objects, arrays and null.
pub(super) fn text(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => {
            let inner = &raw[1..raw.len() - 1];
            if memchr(b'\\', inner.as_bytes()).is_none() {
                return Some(Cow::Borrowed(inner));
            }
            sonic_rs::from_str::<String>(raw).ok().map(Cow::Owned)
        }
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// A value of a type that is no string; none when it is not of that type.
pub(super) fn typed(column_type: ColumnType, text: &str) -> Option<Cell> {
    let text = text.trim_ascii();
    match column_type {
        ColumnType::String => None,
        ColumnType::Long => parse_long(text).map(Cell::Long),
        ColumnType::Double => parse_double(text).map(Cell::Double),
        ColumnType::Boolean => match text {
            "true" => Some(Cell::Boolean(true)),
            "false" => Some(Cell::Boolean(false)),
            _ => None,
        },
        ColumnType::Decimal { precision, scale } => {
            parse_decimal(text, precision, scale).map(Cell::Decimal)
        }
        ColumnType::Timestamp => parse_timestamp(text).map(Cell::Timestamp),
        ColumnType::Date => parse_date(text.get(..10).unwrap_or(text)).map(Cell::Date),
    }
}

/// Whether a value keeps to the contract's limits.
pub(super) fn within(
    cell: Cell,
    column_type: ColumnType,
    minimum: Option<Bound>,
    maximum: Option<Bound>,
) -> bool {
    let above = minimum.is_none_or(|bound| compare(cell, column_type, bound, f64::ge, i64::ge));
    above && maximum.is_none_or(|bound| compare(cell, column_type, bound, f64::le, i64::le))
}

fn compare(
    cell: Cell,
    column_type: ColumnType,
    bound: Bound,
    numbers: fn(&f64, &f64) -> bool,
    integers: fn(&i64, &i64) -> bool,
) -> bool {
    match (cell, bound) {
        (Cell::Long(value) | Cell::Timestamp(value), Bound::Integer(bound)) => {
            integers(&value, &bound)
        }
        (Cell::Date(value), Bound::Integer(bound)) => integers(&i64::from(value), &bound),
        (Cell::Double(value), Bound::Number(bound)) => numbers(&value, &bound),
        (Cell::Decimal(value), Bound::Number(bound)) => {
            let ColumnType::Decimal { scale, .. } = column_type else {
                return true;
            };
            numbers(&(value as f64 / 10_f64.powi(i32::from(scale))), &bound)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_unescaped_and_scalars_taken_as_written() {
        assert_eq!(text(r#""a\u00e9\n""#).as_deref(), Some("aé\n"));
        assert_eq!(text("123").as_deref(), Some("123"));
        assert_eq!(text("true").as_deref(), Some("true"));
        assert_eq!(text("{}"), None);
        assert_eq!(text("null"), None);
        assert_eq!(text(r#""\ud800""#), None);
    }

    #[test]
    fn limits_are_inclusive() {
        let limits = (Some(Bound::Integer(1)), Some(Bound::Integer(3)));
        let inside = |value| within(Cell::Long(value), ColumnType::Long, limits.0, limits.1);
        assert_eq!([0, 1, 3, 4].map(inside), [false, true, true, false]);
        let price = ColumnType::Decimal { precision: 38, scale: 2 };
        assert!(!within(Cell::Decimal(-1), price, Some(Bound::Number(0.0)), None));
        assert!(within(Cell::Decimal(1), price, Some(Bound::Number(0.0)), None));
    }
}
