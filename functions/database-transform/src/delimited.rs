//! CSV as the Database Migration Service writes it.

use std::collections::HashMap;
use std::io::Read;

use chrono::{DateTime, Utc};
use shared::contract::CapturedTable;
use shared::decode::{DecodeError, Delimited, DelimitedReader, DelimitedRecord, Field, open};
use shared::govern::Reason;
use shared::transform::{Ended, Origin, RecordSink, StretchError};

use crate::change::{Change, FileRow, Operation, ReadColumn, Table, Tables, Value};
use crate::sequence;
use shared::landing::{FileRole, Place};

/// In a file of transactions, operation, table and schema stand before the values.
const TRANSACTION_FIELDS: usize = 3;

/// What a field of a row is.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Operation,
    Timestamp,
    Sequence,
    /// A column by its name, and as the contract reads it if it does.
    Column(String, Option<ReadColumn>),
}

/// A file on its way.
struct Reading<'a> {
    tables: &'a Tables,
    change: Change,
    origin: String,
    role: FileRole,
    /// The file's place among the files of a table.
    file: String,
    /// The moment of rows that name none.
    moment: DateTime<Utc>,
    rows: u64,
}

/// Reads a file of a table, or of transactions.
pub(crate) fn read(
    input: &Origin,
    place: &Place,
    role: FileRole,
    tables: &Tables,
    source: &mut (dyn Read + Send),
    records: &mut RecordSink<'_>,
) -> Result<Ended, StretchError> {
    let (compression, decoded) =
        open(source).map_err(|source| DecodeError::Source { decoded: 0, source })?;
    let table = tables.find_any(&place.table_names());
    let delimiter = table.map_or(',', |table| table.captured.delimiter);
    let mut reader = DelimitedReader::new(decoded, delimiter as u8);
    let mut reading = Reading::new(input, place, role, tables);
    let mut layout = table.map(|table| Layout::of_table(table, role));
    let mut awaits_header = table.is_some_and(|table| table.captured.has_header);
    let mut layouts = HashMap::new();
    loop {
        let record = match reader.next_record() {
            Ok(Some(Delimited::Record(record))) => record,
            Ok(Some(Delimited::TooLong { line, offset, length })) => {
                records.too_long(line, offset, length)?;
                continue;
            }
            Ok(None) => break,
            Err(source) => return records.broken(compression, reader.offset(), source),
        };
        if record.is_empty() {
            continue;
        }
        match (role, table, &mut layout) {
            (FileRole::Transactions, _, _) => {
                reading.transaction_row(&record, &mut layouts, records)?;
            }
            (_, Some(table), Some(layout)) if awaits_header => {
                awaits_header = false;
                layout.take_header(&record, table);
                records.ignore();
            }
            (_, Some(table), Some(layout)) => reading.row(&record, 0, table, layout, records)?,
            _ => {
                let clause = "the key names no table of a contract";
                records.refuse(record.line(), Reason::UnknownType, clause, record.bytes())?;
            }
        }
    }
    records.decoded(reader.offset());
    Ok(Ended::Whole)
}

impl<'a> Reading<'a> {
    fn new(input: &Origin, place: &Place, role: FileRole, tables: &'a Tables) -> Self {
        let (origin, name) = match place {
            Place::Files { origin, name, .. } => (origin.clone(), name.as_str()),
            _ => (String::new(), ""),
        };
        let (file, moment) = sequence::of_name(name);
        let moment = moment.unwrap_or(input.arrived_at);
        Self { tables, change: tables.change(), origin, role, file, moment, rows: 0 }
    }

    /// `op,table,schema,values…`
    fn transaction_row(
        &mut self,
        record: &DelimitedRecord<'_>,
        layouts: &mut HashMap<String, Layout>,
        records: &mut RecordSink<'_>,
    ) -> Result<(), StretchError> {
        let tables = self.tables;
        let name = text(record, 2).and_then(|schema| Some((schema, text(record, 1)?)));
        let table = name.and_then(|(schema, table)| tables.find(&format!("{schema}.{table}")));
        let Some(table) = table else {
            let clause = "the record names no table of a contract";
            return records.refuse(record.line(), Reason::UnknownType, clause, record.bytes());
        };
        if !layouts.contains_key(&table.name) {
            layouts.insert(table.name.clone(), Layout::of_values(table));
        }
        self.row(record, TRANSACTION_FIELDS, table, &layouts[&table.name], records)
    }

    /// A row whose values begin at a field.
    fn row(
        &mut self,
        record: &DelimitedRecord<'_>,
        first: usize,
        table: &Table,
        layout: &Layout,
        records: &mut RecordSink<'_>,
    ) -> Result<(), StretchError> {
        self.rows += 1;
        if let Err(clause) = self.fill(record, first, table, layout) {
            return records.refuse(record.line(), Reason::WrongType, &clause, record.bytes());
        }
        records.fields(record.line(), record.bytes(), &self.change.scanned())
    }

    fn fill(
        &mut self,
        record: &DelimitedRecord<'_>,
        first: usize,
        table: &Table,
        layout: &Layout,
    ) -> Result<(), String> {
        let found = record.len() - first.min(record.len());
        if found != layout.parts.len() {
            let expected = layout.parts.len();
            return Err(format!("the row has {found} values, the contract's layout {expected}"));
        }
        let operation = match (first, layout.position(&Part::Operation)) {
            (0, None) => None,
            (0, Some(position)) => Some(operation(record, position)?),
            _ => Some(operation(record, 0)?),
        };
        let operation = match (self.role, operation) {
            (FileRole::Load | FileRole::Snapshot, _) => Operation::Read,
            (_, operation) => operation.unwrap_or(Operation::Insert),
        };
        self.change.begin(&table.name, operation, &self.origin);
        let mut timestamp = None;
        let mut number = None;
        for (index, part) in layout.parts.iter().enumerate() {
            let Some(field) = record.field(first + index) else { continue };
            let Ok(text) = str::from_utf8(field.bytes) else {
                return Err("the row is not utf-8".to_owned());
            };
            let value = value(field, text, &table.captured);
            match (part, value) {
                (Part::Column(name, column), Some(value)) => {
                    self.change.read_column(*column, name, value);
                }
                (Part::Timestamp, Some(Value::Text(text))) => timestamp = Some(text),
                (Part::Sequence, Some(Value::Text(text))) => number = Some(text),
                _ => {}
            }
        }
        self.place(&table.captured, timestamp, number.filter(|number| !number.is_empty()));
        Ok(())
    }

    /// Says when the change was and how it is ordered.
    fn place(&mut self, captured: &CapturedTable, timestamp: Option<&str>, number: Option<&str>) {
        let row = FileRow { file: &self.file, moment: self.moment, number: self.rows };
        self.change.place_in_file(captured, timestamp, number, row);
    }
}

fn text<'a>(record: &DelimitedRecord<'a>, position: usize) -> Option<&'a str> {
    str::from_utf8(record.field(position)?.bytes).ok()
}

fn operation(record: &DelimitedRecord<'_>, position: usize) -> Result<Operation, String> {
    text(record, position)
        .and_then(Operation::parse)
        .ok_or_else(|| "the row's operation is none of I, U, D".to_owned())
}

/// A field's value; none where the change says nothing of the column.
fn value<'a>(field: Field<'a>, text: &'a str, captured: &CapturedTable) -> Option<Value<'a>> {
    if captured.absent_value.as_deref() == Some(text) {
        return None;
    }
    // A text that happens to be the word for null stands in quotes.
    if !field.quoted && text == captured.null_value {
        return Some(Value::Null);
    }
    Some(Value::Text(text))
}

/// What stands where in a row.
#[derive(Debug)]
struct Layout {
    parts: Vec<Part>,
}

impl Layout {
    fn of_table(table: &Table, role: FileRole) -> Self {
        let mut layout = Self::of_values(table);
        let has_operation = match role {
            FileRole::Load | FileRole::Snapshot => table.captured.load_has_operation,
            FileRole::Changes | FileRole::Transactions => table.captured.change_has_operation,
        };
        if has_operation {
            layout.parts.insert(0, Part::Operation);
        }
        layout
    }

    fn of_values(table: &Table) -> Self {
        let captured = &table.captured;
        let names = |column: &Option<String>| {
            column.iter().filter(|name| !captured.columns.contains(name)).cloned().collect()
        };
        let (before, after): (Vec<String>, Vec<String>) =
            (names(&captured.timestamp_column), names(&captured.sequence_column));
        let all = before.iter().chain(&captured.columns).chain(&after);
        Self { parts: all.map(|name| part(name, table)).collect() }
    }

    /// The header's word on what stands where; that an operation comes first is the contract's.
    fn take_header(&mut self, record: &DelimitedRecord<'_>, table: &Table) {
        let has_operation = self.parts.first() == Some(&Part::Operation);
        self.parts.clear();
        for position in 0..record.len() {
            let name = text(record, position).unwrap_or_default();
            let is_operation = has_operation && position == 0;
            self.parts.push(if is_operation { Part::Operation } else { part(name, table) });
        }
    }

    fn position(&self, part: &Part) -> Option<usize> {
        self.parts.iter().position(|known| known == part)
    }
}

fn part(name: &str, table: &Table) -> Part {
    let captured = &table.captured;
    if captured.timestamp_column.as_deref() == Some(name) {
        Part::Timestamp
    } else if captured.sequence_column.as_deref() == Some(name) {
        Part::Sequence
    } else {
        Part::Column(name.to_owned(), table.column(name))
    }
}

#[cfg(test)]
mod tests;
