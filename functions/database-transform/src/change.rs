//! A change of a row, whatever wrote it: the fields that contracts read.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use shared::contract::{CapturedTable, ColumnType, Contract};
use shared::govern::{FieldValue, Fields, Plan, Scanned, SlotId};
use shared::transform::RecordSink;

use crate::routing::TABLE;
use crate::sequence;
use crate::value::normalized;

/// Where contracts read a row's columns from: `row.<column>`.
const ROW: &str = "row";

/// Where a row stands among those of its table's files.
#[derive(Debug, Clone, Copy)]
pub struct FileRow<'a> {
    /// The file, in the form that orders it.
    pub file: &'a str,
    /// The file's moment, for a row that tells none.
    pub moment: DateTime<Utc>,
    /// Counted from 1.
    pub number: u64,
}

/// The tables that contracts know, and the plan that they are read by.
#[derive(Debug)]
pub struct Tables {
    plan: Arc<Plan>,
    tables: Vec<Table>,
}

/// A table as its contract describes it.
#[derive(Debug)]
pub struct Table {
    /// The name that records are routed by.
    pub name: String,
    /// How captures of it are written.
    pub captured: CapturedTable,
    columns: HashMap<String, ReadColumn>,
}

/// A column that a contract reads: where its value goes, and what type it is of there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadColumn {
    slot: SlotId,
    column_type: ColumnType,
}

impl Tables {
    /// The tables of the contracts that records go to.
    pub fn new(records: &RecordSink<'_>) -> Self {
        Self::of(records.plan(), records.contracts())
    }

    /// The tables of contracts with their plan.
    pub fn of(plan: Arc<Plan>, contracts: &[&'static Contract]) -> Self {
        let mut tables = Vec::with_capacity(contracts.len());
        for contract in contracts {
            tables.push(Table::of(contract, &plan));
        }
        Self { plan, tables }
    }

    /// The table of a name.
    pub fn find(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.is_called(name))
    }

    /// The table of the first name that is known.
    pub fn find_any(&self, names: &[String]) -> Option<&Table> {
        names.iter().find_map(|name| self.find(name))
    }

    /// An empty change.
    pub fn change(&self) -> Change {
        Change {
            fields: Fields::new(self.plan.clone()),
            table: self.plan.slot(TABLE),
            op: self.plan.slot("op"),
            sequence: self.plan.slot("sequence"),
            committed_at: self.plan.slot("committed_at"),
            origin: self.plan.slot("origin"),
        }
    }
}

impl Table {
    fn of(contract: &Contract, plan: &Plan) -> Self {
        let mut captured = contract.captured_table.clone().unwrap_or_default();
        let mut columns = HashMap::new();
        let mut order = Vec::new();
        for column in &contract.columns {
            for source in &column.sources {
                let name = source.strip_prefix(ROW).and_then(|rest| rest.strip_prefix('.'));
                if let (Some(name), Some(slot)) = (name, plan.slot(source)) {
                    let column_type = column.column_type;
                    columns.insert(name.to_owned(), ReadColumn { slot, column_type });
                    order.push(name.to_owned());
                }
            }
        }
        if captured.columns.is_empty() {
            captured.columns = order;
        }
        Self { name: contract.route.record_type.clone(), captured, columns }
    }

    /// A column by its name; none where no contract reads it.
    pub fn column(&self, name: &str) -> Option<ReadColumn> {
        self.columns.get(name).copied()
    }

    fn is_called(&self, name: &str) -> bool {
        let matches = |known: &String| match known.strip_prefix('*') {
            Some(ending) => name.ends_with(ending),
            None => known == name,
        };
        self.name == name || self.captured.also_known_as.iter().any(matches)
    }
}

/// One change after the other, in memory that is allocated once.
#[derive(Debug)]
pub struct Change {
    fields: Fields,
    table: Option<SlotId>,
    op: Option<SlotId>,
    sequence: Option<SlotId>,
    committed_at: Option<SlotId>,
    origin: Option<SlotId>,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It was there when a full load or a snapshot read it.
    Read,
    /// It came.
    Insert,
    /// It changed.
    Update,
    /// It went.
    Delete,
}

impl Operation {
    /// As the Database Migration Service, triggers and people write it.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "R" | "READ" => Some(Self::Read),
            "I" | "INSERT" => Some(Self::Insert),
            "U" | "UPDATE" | "MODIFY" => Some(Self::Update),
            "D" | "DELETE" | "REMOVE" => Some(Self::Delete),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read => "R",
            Self::Insert => "I",
            Self::Update => "U",
            Self::Delete => "D",
        }
    }
}

/// A value of a column.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// The column has none.
    Null,
    /// Text, which the column's type reads.
    Text(&'a str),
    /// A JSON text.
    Json(&'a str),
}

impl Change {
    /// Begins with a change of a table.
    pub fn begin(&mut self, table: &str, operation: Operation, origin: &str) {
        self.fields.clear();
        set(&mut self.fields, self.table, table);
        set(&mut self.fields, self.op, operation.name());
        set(&mut self.fields, self.origin, origin);
    }

    /// What orders it among the changes of its row.
    pub fn sequence(&mut self, sequence: &str) {
        set(&mut self.fields, self.sequence, sequence);
    }

    /// When it was committed, as its source wrote it.
    pub fn committed_at(&mut self, text: &str) {
        set(&mut self.fields, self.committed_at, text);
    }

    /// When it was committed.
    pub fn committed_at_moment(&mut self, moment: DateTime<Utc>) {
        self.committed_at(&moment.to_rfc3339_opts(SecondsFormat::Micros, true));
    }

    /// Says when a change of a file was and how it is ordered, by what its row says of it: the commit's
    /// moment and the change's own number, either of which may be absent.
    pub fn place_in_file(
        &mut self,
        captured: &CapturedTable,
        timestamp: Option<&str>,
        number: Option<&str>,
        row: FileRow<'_>,
    ) {
        let moment = sequence::moment_of(timestamp, row.moment);
        match timestamp {
            Some(text) => self.committed_at(text),
            None => self.committed_at_moment(moment),
        }
        let sequence = match (&captured.sequence_column, number) {
            (Some(_), Some(number)) => number.to_owned(),
            (Some(_), None) => sequence::of_loaded_row(moment, row.number),
            (None, _) => sequence::of_file(moment, row.file, row.number),
        };
        self.sequence(&sequence);
    }

    /// Sets every column of a table to null.
    pub fn nothing_but_null(&mut self, table: &Table) {
        for column in table.columns.values() {
            self.fields.set_null(column.slot);
        }
    }

    /// Sets a column. What no contract reads is listed by name and type.
    pub fn column(&mut self, table: &Table, name: &str, value: Value<'_>) {
        self.read_column(table.column(name), name, value);
    }

    /// Sets a column that was looked up before, once for all rows of a file.
    pub fn read_column(&mut self, column: Option<ReadColumn>, name: &str, value: Value<'_>) {
        let Some(ReadColumn { slot, column_type }) = column else {
            self.fields.unknown(ROW, name, field_value(value));
            return;
        };
        match value {
            Value::Null => self.fields.set_null(slot),
            Value::Text(text) => self.fields.set_text(slot, normalized(column_type, text)),
            Value::Json(raw) => self.json(slot, column_type, raw),
        }
    }

    /// Objects and arrays are columns of type JSON, and text in the lake.
    fn json(&mut self, slot: SlotId, column_type: ColumnType, raw: &str) {
        let plain = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match plain {
            Some(text) if column_type != ColumnType::String && !text.contains('\\') => {
                self.fields.set_text(slot, normalized(column_type, text));
            }
            Some(_) => self.fields.set_json(slot, raw),
            None if raw == "null" => self.fields.set_null(slot),
            None if raw.starts_with(['{', '[']) => self.fields.set_text(slot, raw),
            None => self.fields.set_text(slot, normalized(column_type, raw)),
        }
    }

    /// The change as the governors read it.
    pub fn scanned(&self) -> Scanned<'_> {
        self.fields.scanned()
    }
}

fn set(fields: &mut Fields, slot: Option<SlotId>, text: &str) {
    if let Some(slot) = slot {
        fields.set_text(slot, text);
    }
}

fn field_value(value: Value<'_>) -> FieldValue<'_> {
    match value {
        Value::Null => FieldValue::Json("null"),
        Value::Text(text) => FieldValue::Text(text),
        Value::Json(raw) => FieldValue::Json(raw),
    }
}
