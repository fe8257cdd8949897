//! Column bounds: from Parquet's statistics to Iceberg's.
//!
//! Iceberg keeps them in a binary form of its own
//! (<https://iceberg.apache.org/spec/#binary-single-value-serialization>), and text cut to 16
//! characters, so that a manifest stays small.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate};
use parquet::data_type::AsBytes;
use parquet::file::statistics::Statistics;

use crate::contract::ColumnType;

/// `truncate(16)` is Iceberg's default for `write.metadata.metrics.default`.
const TEXT_CHARACTERS: usize = 16;

/// A smallest or largest value.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(super) enum Extreme {
    Boolean(bool),
    Integer(i128),
    Double(f64),
    Text(Vec<u8>),
}

/// The smallest and largest value of a column over several row groups.
#[derive(Debug, Clone, Default)]
pub(super) struct Bounds {
    pub lower: Option<Extreme>,
    pub upper: Option<Extreme>,
}

impl Bounds {
    /// Takes in the statistics of one more row group.
    pub fn widen(&mut self, statistics: &Statistics) {
        let Some((lower, upper)) = extremes(statistics) else {
            return;
        };
        self.include(&Self { lower: Some(lower), upper: Some(upper) });
    }

    /// Takes in other bounds.
    pub fn include(&mut self, other: &Self) {
        if let Some(lower) = &other.lower
            && self.lower.as_ref().is_none_or(|known| lower < known)
        {
            self.lower = Some(lower.clone());
        }
        if let Some(upper) = &other.upper
            && self.upper.as_ref().is_none_or(|known| upper > known)
        {
            self.upper = Some(upper.clone());
        }
    }

    /// The lower bound as Iceberg keeps it.
    pub fn encoded_lower(&self, column_type: ColumnType) -> Option<String> {
        match self.lower.as_ref()? {
            Extreme::Text(text) => Some(STANDARD.encode(truncate_down(text))),
            other => encode(other, column_type),
        }
    }

    /// The upper bound as Iceberg keeps it.
    pub fn encoded_upper(&self, column_type: ColumnType) -> Option<String> {
        match self.upper.as_ref()? {
            Extreme::Text(text) => Some(STANDARD.encode(truncate_up(text)?)),
            other => encode(other, column_type),
        }
    }
}

fn extremes(statistics: &Statistics) -> Option<(Extreme, Extreme)> {
    let integers = |lower: i128, upper: i128| (Extreme::Integer(lower), Extreme::Integer(upper));
    match statistics {
        Statistics::Boolean(values) => {
            Some((Extreme::Boolean(*values.min_opt()?), Extreme::Boolean(*values.max_opt()?)))
        }
        Statistics::Int32(values) => {
            Some(integers(i128::from(*values.min_opt()?), i128::from(*values.max_opt()?)))
        }
        Statistics::Int64(values) => {
            Some(integers(i128::from(*values.min_opt()?), i128::from(*values.max_opt()?)))
        }
        Statistics::Double(values) => {
            Some((Extreme::Double(*values.min_opt()?), Extreme::Double(*values.max_opt()?)))
        }
        Statistics::ByteArray(values) => Some((
            Extreme::Text(values.min_opt()?.as_bytes().to_vec()),
            Extreme::Text(values.max_opt()?.as_bytes().to_vec()),
        )),
        Statistics::FixedLenByteArray(values) => Some(integers(
            big_endian(values.min_opt()?.as_bytes()),
            big_endian(values.max_opt()?.as_bytes()),
        )),
        Statistics::Float(_) | Statistics::Int96(_) => None,
    }
}

/// Parquet's and Iceberg's form of a decimal: two's complement, most significant byte first.
fn big_endian(bytes: &[u8]) -> i128 {
    let negative = bytes.first().is_some_and(|first| *first >= 0x80);
    let mut value: i128 = if negative { -1 } else { 0 };
    for byte in bytes {
        value = (value << 8) | i128::from(*byte);
    }
    value
}

fn encode(extreme: &Extreme, column_type: ColumnType) -> Option<String> {
    let bytes = match (extreme, column_type) {
        (Extreme::Boolean(value), ColumnType::Boolean) => vec![u8::from(*value)],
        (Extreme::Integer(value), ColumnType::Long | ColumnType::Timestamp) => {
            (*value as i64).to_le_bytes().to_vec()
        }
        (Extreme::Integer(value), ColumnType::Date) => (*value as i32).to_le_bytes().to_vec(),
        (Extreme::Integer(value), ColumnType::Decimal { .. }) => shortest_big_endian(*value),
        (Extreme::Double(value), ColumnType::Double) => value.to_le_bytes().to_vec(),
        _ => return None,
    };
    Some(STANDARD.encode(bytes))
}

/// The fewest bytes that keep the sign.
fn shortest_big_endian(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let mut start = 0;
    while start < 15
        && (bytes[start] == 0 || bytes[start] == 0xff)
        && (bytes[start] ^ bytes[start + 1]) < 0x80
    {
        start += 1;
    }
    bytes[start..].to_vec()
}

/// Text of at most 16 characters that is not above the whole.
fn truncate_down(text: &[u8]) -> Vec<u8> {
    first_characters(text).to_vec()
}

/// Text of at most 16 characters that is not below the whole; none where there is none.
fn truncate_up(text: &[u8]) -> Option<Vec<u8>> {
    let kept = first_characters(text);
    if kept.len() == text.len() {
        return Some(kept.to_vec());
    }
    let mut letters: Vec<char> = str::from_utf8(kept).ok()?.chars().collect();
    while let Some(last) = letters.pop() {
        // The successor skips the surrogates, which are no characters.
        let successor =
            if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(successor) = successor {
            letters.push(successor);
            return Some(letters.into_iter().collect::<String>().into_bytes());
        }
    }
    None
}

/// Parquet cuts its statistics at a byte; what is left of a broken character is left out.
fn first_characters(text: &[u8]) -> &[u8] {
    let valid = match str::from_utf8(text) {
        Ok(valid) => valid,
        Err(error) => str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default(),
    };
    let end = valid.char_indices().nth(TEXT_CHARACTERS).map_or(valid.len(), |(index, _)| index);
    &text[..end]
}

/// A bound for a person to read; none for text.
pub(super) fn shown(extreme: &Extreme, column_type: ColumnType) -> Option<String> {
    match (extreme, column_type) {
        (Extreme::Boolean(value), _) => Some(value.to_string()),
        (Extreme::Double(value), _) => Some(value.to_string()),
        (Extreme::Text(_), _) => None,
        (Extreme::Integer(value), ColumnType::Timestamp) => {
            DateTime::from_timestamp_micros(*value as i64).map(|moment| moment.to_rfc3339())
        }
        (Extreme::Integer(value), ColumnType::Date) => {
            NaiveDate::from_epoch_days(*value as i32).map(|day| day.to_string())
        }
        (Extreme::Integer(value), ColumnType::Decimal { scale, .. }) => {
            Some(shown_decimal(*value, usize::from(scale)))
        }
        (Extreme::Integer(value), _) => Some(value.to_string()),
    }
}

fn shown_decimal(value: i128, scale: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_as_short_as_the_specification_wants() {
        for (value, expected) in [
            (0, vec![0]),
            (127, vec![0x7f]),
            (128, vec![0, 0x80]),
            (-1, vec![0xff]),
            (-128, vec![0x80]),
            (-129, vec![0xff, 0x7f]),
        ] {
            assert_eq!(shortest_big_endian(value), expected, "{value}");
        }
        assert_eq!(shown_decimal(-1_050, 3), "-1.050");
        assert_eq!(shown_decimal(5, 3), "0.005");
    }

    proptest! {
        #[test]
        fn decimals_survive(value in any::<i128>()) {
            prop_assert_eq!(big_endian(&shortest_big_endian(value)), value);
        }

        #[test]
        fn truncated_text_still_bounds(text in "\\PC{0,40}", cut in 0_usize..60) {
            let bytes = &text.as_bytes()[..cut.min(text.len())];
            prop_assert!(truncate_down(bytes).as_slice() <= text.as_bytes());
            prop_assert!(truncate_up(text.as_bytes()).is_none_or(|upper| upper.as_slice() >= text.as_bytes()));
        }
    }
}
