//! Change records as triggers send them: the outbox's, and what other people's triggers make.

use std::io::Read;

use serde_json::value::RawValue;
use shared::govern::Reason;
use shared::transform::{Ended, Origin, RecordSink, StretchError};
use sonic_rs::{JsonValueTrait, LazyValue, to_object_iter};

use crate::change::{Change, Operation, Tables, Value};
use crate::sequence;

/// Reads newline-delimited change records.
pub(crate) fn read(
    input: &Origin,
    database: &str,
    tables: &Tables,
    source: &mut (dyn Read + Send),
    records: &mut RecordSink<'_>,
) -> Result<Ended, StretchError> {
    let origin = format!("changes/{database}");
    let file = input.key.rsplit('/').next().unwrap_or_default();
    let mut change = tables.change();
    records.each_line(source, |records, line, bytes| {
        let found = Envelope::of(bytes)
            .and_then(|envelope| envelope.fill(&mut change, tables, &origin, input, (file, line)));
        match found {
            Ok(()) => records.fields(line, bytes, &change.scanned()),
            Err((reason, clause)) => records.refuse(line, reason, clause, bytes),
        }
    })
}

type Refusal = (Reason, &'static str);

/// The members of a change record, under the names that are in use for them.
#[derive(Default)]
struct Envelope<'a> {
    schema: Option<String>,
    table: Option<String>,
    operation: Option<String>,
    sequence: Option<LazyValue<'a>>,
    changed_at: Option<String>,
    old: Option<LazyValue<'a>>,
    new: Option<LazyValue<'a>>,
}

impl<'a> Envelope<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, Refusal> {
        // The walk below stops where the damage is; this sees it wherever it is.
        let Ok(record) = serde_json::from_slice::<&RawValue>(bytes) else {
            return Err((Reason::NotJson, "the record is not json"));
        };
        if !record.get().starts_with('{') {
            return Err((Reason::NotAnObject, "the record is json, but not an object"));
        }
        let mut envelope = Self::default();
        for member in to_object_iter(record.get()) {
            let Ok((name, value)) = member else {
                return Err((Reason::NotJson, "the record is not json"));
            };
            envelope.take(&name, value);
        }
        Ok(envelope)
    }

    fn take(&mut self, name: &str, value: LazyValue<'a>) {
        let text = || value.as_str().map(str::to_owned);
        match name {
            "schema" | "table_schema" | "schema_name" => self.schema = text(),
            "table" | "table_name" => self.table = text(),
            "op" | "method" | "event" | "operation" => self.operation = text(),
            "sequence" => self.sequence = Some(value),
            "changed_at" | "timestamp" => self.changed_at = text(),
            "old" | "old_data" | "before" => self.old = Some(value),
            "new" | "new_data" | "after" | "data" | "record" | "row" => self.new = Some(value),
            _ => {}
        }
    }

    fn fill(
        self,
        change: &mut Change,
        tables: &Tables,
        origin: &str,
        input: &Origin,
        (file, line): (&str, u64),
    ) -> Result<(), Refusal> {
        let Some(name) = &self.table else {
            return Err((Reason::UnknownType, "the record names no table"));
        };
        let name = match &self.schema {
            Some(schema) => format!("{schema}.{name}"),
            None => name.clone(),
        };
        let Some(table) = tables.find(&name) else {
            return Err((Reason::UnknownType, "the record names no table of a contract"));
        };
        let Some(operation) = self.operation.as_deref().and_then(Operation::parse) else {
            return Err((Reason::UnknownType, "the record names no operation"));
        };
        let Some(row) = self.row(operation) else {
            return Err((Reason::RequiredValueMissing, "the record holds no row"));
        };
        change.begin(&table.name, operation, origin);
        for member in to_object_iter(row) {
            let Ok((name, value)) = member else { break };
            change.column(table, &name, Value::Json(value.as_raw_str()));
        }
        let moment = sequence::moment_of(self.changed_at.as_deref(), input.arrived_at);
        match &self.changed_at {
            Some(text) => change.committed_at(text),
            None => change.committed_at_moment(moment),
        }
        let number = self.sequence.as_ref().map(|value| value.as_raw_str().trim_matches('"'));
        // Without a number of its own, the order of arrival is all there is.
        let sequence = number
            .and_then(sequence::of_outbox)
            .unwrap_or_else(|| sequence::of_file(moment, file, line));
        change.sequence(&sequence);
        Ok(())
    }

    /// A delete carries the row before, all else the row after.
    fn row(&self, operation: Operation) -> Option<&str> {
        let (first, second) = match operation {
            Operation::Delete => (&self.old, &self.new),
            _ => (&self.new, &self.old),
        };
        let object = |value: &'_ Option<LazyValue<'a>>| {
            value.as_ref().is_some_and(|value| value.as_raw_str().starts_with('{'))
        };
        let chosen = if object(first) { first } else { second };
        chosen.as_ref().map(LazyValue::as_raw_str).filter(|raw| raw.starts_with('{'))
    }
}
