//! The series in a CSV file.

use std::collections::HashMap;
use std::io::Read;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::timestamp;

/// A row, its text kept as it came.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The index of the series' name.
    pub series: usize,
    /// When.
    pub at: DateTime<Utc>,
    /// The value, NaN if there is none.
    pub value: f64,
    text_from: usize,
    timestamp_length: usize,
    value_length: usize,
}

impl Row {
    /// The timestamp as it came.
    pub fn timestamp<'a>(&self, text: &'a str) -> &'a str {
        &text[self.text_from..self.text_from + self.timestamp_length]
    }

    /// The value as it came.
    pub fn value_text<'a>(&self, text: &'a str) -> &'a str {
        let from = self.text_from + self.timestamp_length;
        &text[from..from + self.value_length]
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Rows {
    /// The names of the series.
    pub names: Vec<String>,
    /// The rows in their order.
    pub points: Vec<Row>,
    /// The text of timestamps and values.
    pub text: String,
}

/// What is wrong with a file. No retry helps.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("{0}")]
    Csv(#[from] csv::Error),
    #[error("line 1: no column `{0}`; the header must name series, timestamp and value")]
    NoColumn(&'static str),
    #[error("line 1: the column `{0}` comes twice")]
    TwoColumns(&'static str),
    #[error("line {line}, column `{column}`: `{text}` is not {what}")]
    Field { line: u64, column: &'static str, text: String, what: &'static str },
}

/// Reads the rows. Columns may come in any order; others are ignored.
///
/// # Errors
/// Names the line and the column that cannot be read.
pub fn read(source: impl Read, zone: Tz) -> Result<Rows, InputError> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(source);
    let header = reader.headers()?.clone();
    let columns =
        [column(&header, "series")?, column(&header, "timestamp")?, column(&header, "value")?];
    let mut rows = Rows::default();
    let mut indices: HashMap<String, usize> = HashMap::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let [series, timestamp, value] =
            columns.map(|column| record.get(column).unwrap_or_default());
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |column, text: &str, what| InputError::Field {
            line,
            column,
            text: text.to_owned(),
            what,
        };
        let at = timestamp::read(timestamp, zone).ok_or_else(|| {
            wrong("timestamp", timestamp, "a date, a date with a time, or seconds since 1970")
        })?;
        let number = number(value).ok_or_else(|| wrong("value", value, "a number"))?;
        let index = match indices.get(series) {
            Some(&index) => index,
            None => {
                rows.names.push(series.to_owned());
                indices.insert(series.to_owned(), rows.names.len() - 1);
                rows.names.len() - 1
            }
        };
        let text_from = rows.text.len();
        rows.text.push_str(timestamp);
        rows.text.push_str(value);
        let (timestamp_length, value_length) = (timestamp.len(), value.len());
        rows.points.push(Row {
            series: index,
            at,
            value: number,
            text_from,
            timestamp_length,
            value_length,
        });
    }
    Ok(rows)
}

fn column(header: &csv::StringRecord, name: &'static str) -> Result<usize, InputError> {
    let plain = |field: &str| field.trim().trim_start_matches('\u{feff}').to_ascii_lowercase();
    let mut found =
        header.iter().enumerate().filter(|(_, field)| plain(field) == name).map(|(index, _)| index);
    let first = found.next().ok_or(InputError::NoColumn(name))?;
    if found.next().is_some() { Err(InputError::TwoColumns(name)) } else { Ok(first) }
}

/// A number; NaN where there is none.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty()
        || ["null", "none", "na", "n/a"].contains(&text.to_ascii_lowercase().as_str())
    {
        return Some(f64::NAN);
    }
    text.parse().ok()
}
