//! Values as databases write them, in the words that columns read.

use shared::contract::ColumnType;

/// The last moment that the Database Migration Service writes, for infinity.
const LAST: &str = "9999-12-31 23:59:59";
const LAST_DAY: &str = "9999-12-31";

/// The first moment that a column can hold, for minus infinity.
const FIRST: &str = "0001-01-01 00:00:00";
const FIRST_DAY: &str = "0001-01-01";

/// How the Database Migration Service writes minus infinity.
const BEFORE_CHRIST: &str = "4713-01-01";

/// A value of a column of a type: truth values and infinities in one form each, all else as it is.
pub fn normalized(column_type: ColumnType, text: &str) -> &str {
    match column_type {
        ColumnType::Boolean => match text {
            "t" | "T" | "TRUE" | "True" | "1" | "y" | "Y" => "true",
            "f" | "F" | "FALSE" | "False" | "0" | "n" | "N" => "false",
            _ => text,
        },
        ColumnType::Timestamp => match text {
            "infinity" => LAST,
            "-infinity" => FIRST,
            _ if is_minus_infinity(text) => FIRST,
            _ => text,
        },
        ColumnType::Date => match text {
            "infinity" => LAST_DAY,
            "-infinity" => FIRST_DAY,
            _ if is_minus_infinity(text) => FIRST_DAY,
            _ => text,
        },
        _ => text,
    }
}

/// A moment before Christ that is none is left, and quarantined: no column holds it.
fn is_minus_infinity(text: &str) -> bool {
    text.strip_suffix(" BC").is_some_and(|moment| moment.starts_with(BEFORE_CHRIST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_postgresql_writes_them() {
        for (column_type, text, expected) in [
            (ColumnType::Boolean, "t", "true"),
            (ColumnType::Boolean, "f", "false"),
            (ColumnType::Boolean, "true", "true"),
            (ColumnType::Boolean, "maybe", "maybe"),
            (ColumnType::String, "t", "t"),
            (ColumnType::Timestamp, "infinity", "9999-12-31 23:59:59"),
            (ColumnType::Timestamp, "9999-12-31 23:59:59", "9999-12-31 23:59:59"),
            (ColumnType::Timestamp, "-infinity", "0001-01-01 00:00:00"),
            (ColumnType::Timestamp, "4713-01-01 00:00:00 BC", "0001-01-01 00:00:00"),
            (ColumnType::Timestamp, "0044-03-15 00:00:00 BC", "0044-03-15 00:00:00 BC"),
            (ColumnType::Date, "infinity", "9999-12-31"),
            (ColumnType::Date, "4713-01-01 BC", "0001-01-01"),
        ] {
            assert_eq!(normalized(column_type, text), expected, "{text}");
        }
    }
}
