//! Parquet, as the Database Migration Service and snapshot exports write it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, Write};

use chrono::{DateTime, NaiveDate, SecondsFormat};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value as Json};
use shared::contract::CapturedTable;
use shared::decode::{Compression, DecodeError};
use shared::govern::Reason;
use shared::transform::{Ended, Origin, Original, RecordSink, StretchError};

use crate::change::{Change, FileRow, Operation, Table, Tables, Value};
use crate::sequence;
use shared::landing::{FileRole, Place};

/// The column that the Database Migration Service writes the operation into.
const OPERATION: &str = "Op";

const BUFFER_BYTES: usize = 256 * 1024;

/// Reads a file of a table.
pub(crate) fn read(
    input: &Origin,
    place: &Place,
    role: FileRole,
    tables: &Tables,
    source: &mut (dyn Read + Send),
    records: &mut RecordSink<'_>,
) -> Result<Ended, StretchError> {
    let mut file = tempfile::tempfile().map_err(no_disk)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                file.write_all(&buffer[..read]).map_err(no_disk)?;
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return records.broken(Compression::None, bytes, error),
        }
    }
    file.rewind().map_err(no_disk)?;
    records.decoded(bytes);
    match rows(file, input, place, role, tables, records) {
        Ok(()) => Ok(Ended::Whole),
        Err(RowsError::Stretch(error)) => Err(error),
        Err(RowsError::Parquet(error)) => {
            records.broken(Compression::None, bytes, io::Error::other(error))
        }
    }
}

/// The disk is the machine's, not the input's: a retry may help.
fn no_disk(source: io::Error) -> StretchError {
    DecodeError::Source { decoded: 0, source }.into()
}

enum RowsError {
    Stretch(StretchError),
    Parquet(ParquetError),
}

impl From<StretchError> for RowsError {
    fn from(error: StretchError) -> Self {
        Self::Stretch(error)
    }
}

impl From<ParquetError> for RowsError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

fn rows(
    file: File,
    input: &Origin,
    place: &Place,
    role: FileRole,
    tables: &Tables,
    records: &mut RecordSink<'_>,
) -> Result<(), RowsError> {
    let table = tables.find_any(&place.table_names());
    let mut change = tables.change();
    let reader = SerializedFileReader::new(file)?;
    for (index, row) in reader.get_row_iter(None)?.enumerate() {
        let row = row?;
        let number = index as u64 + 1;
        let filled = match table {
            Some(table) => fill(&row, &mut change, table, input, place, role, number),
            None => Err((Reason::UnknownType, "the key names no table of a contract")),
        };
        match filled {
            Ok(()) => {
                let original = || as_json(&row).into_bytes();
                records.fields(number, Original::Made(&original), &change.scanned())?;
            }
            Err((reason, clause)) => {
                records.refuse(number, reason, clause, as_json(&row).as_bytes())?;
            }
        }
    }
    Ok(())
}

fn fill(
    row: &Row,
    change: &mut Change,
    table: &Table,
    input: &Origin,
    place: &Place,
    role: FileRole,
    number: u64,
) -> Result<(), (Reason, &'static str)> {
    let captured = &table.captured;
    let Place::Files { origin, name, .. } = place else {
        return Err((Reason::UnknownType, "the key is of no file"));
    };
    let has_operation = match role {
        FileRole::Snapshot => false,
        FileRole::Load => captured.load_has_operation,
        FileRole::Changes | FileRole::Transactions => captured.change_has_operation,
    };
    let operation = match role {
        FileRole::Load | FileRole::Snapshot => Operation::Read,
        _ if !has_operation => Operation::Insert,
        _ => {
            let written = column(row, OPERATION).and_then(|text| Operation::parse(&text));
            written.ok_or((Reason::WrongType, "the row's operation is none of I, U, D"))?
        }
    };
    change.begin(&table.name, operation, origin);
    let is_own = |name: &str| {
        (has_operation && name == OPERATION)
            || (role != FileRole::Snapshot
                && (captured.timestamp_column.as_deref() == Some(name)
                    || captured.sequence_column.as_deref() == Some(name)))
    };
    for (name, field) in row.get_column_iter().filter(|(name, _)| !is_own(name)) {
        match text(field) {
            Some(text) if captured.absent_value.as_deref() == Some(text.as_ref()) => {}
            Some(text) => change.column(table, name, Value::Text(&text)),
            None => change.column(table, name, Value::Null),
        }
    }
    set_place(row, change, captured, input, name, role, number);
    Ok(())
}

fn set_place(
    row: &Row,
    change: &mut Change,
    captured: &CapturedTable,
    input: &Origin,
    name: &str,
    role: FileRole,
    number: u64,
) {
    if role == FileRole::Snapshot {
        change.committed_at_moment(input.arrived_at);
        change.sequence(&sequence::of_snapshot(input.arrived_at, number));
        return;
    }
    let (file, moment) = sequence::of_name(name);
    let timestamp = captured.timestamp_column.as_deref().and_then(|name| column(row, name));
    let written = captured.sequence_column.as_deref().and_then(|name| column(row, name));
    let row = FileRow { file: &file, moment: moment.unwrap_or(input.arrived_at), number };
    let written = written.as_deref().filter(|text| !text.is_empty());
    change.place_in_file(captured, timestamp.as_deref(), written, row);
}

fn column<'a>(row: &'a Row, wanted: &str) -> Option<Cow<'a, str>> {
    row.get_column_iter().find(|(name, _)| *name == wanted).and_then(|(_, field)| text(field))
}

/// A field as text; none where it is null.
fn text(field: &Field) -> Option<Cow<'_, str>> {
    let moment = |micros: i64| {
        let moment = DateTime::from_timestamp_micros(micros)?;
        Some(moment.to_rfc3339_opts(SecondsFormat::Micros, true))
    };
    let made = match field {
        Field::Null => None,
        Field::Str(text) => return Some(Cow::Borrowed(text)),
        Field::Bytes(bytes) => return Some(String::from_utf8_lossy(bytes.data())),
        Field::Date(days) => NaiveDate::from_epoch_days(*days).map(|day| day.to_string()),
        Field::TimestampMillis(millis) => moment(millis.saturating_mul(1_000)),
        Field::TimestampMicros(micros) => moment(*micros),
        other => Some(other.to_string()),
    };
    made.map(Cow::Owned)
}

/// A row for quarantine: a file's own bytes cannot be cut by rows.
fn as_json(row: &Row) -> String {
    let mut members = Map::new();
    for (name, field) in row.get_column_iter() {
        let value = text(field).map_or(Json::Null, |text| Json::String(text.into_owned()));
        members.insert(name.clone(), value);
    }
    Json::Object(members).to_string()
}
