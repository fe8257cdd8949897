//! Stream records of DynamoDB: typed attributes become columns.

use std::io::Read;

use chrono::DateTime;
use serde_json::{Map, Value as Json};
use shared::govern::Reason;
use shared::transform::{Ended, Origin, RecordSink, StretchError};

use crate::change::{Change, Operation, Table, Tables, Value};
use crate::sequence;

/// Whose deletes are those of expired items.
const EXPIRY: &str = "dynamodb.amazonaws.com";

type Refusal = (Reason, &'static str);

/// Reads newline-delimited stream records of a table.
pub(crate) fn read(
    input: &Origin,
    name: &str,
    tables: &Tables,
    source: &mut (dyn Read + Send),
    records: &mut RecordSink<'_>,
) -> Result<Ended, StretchError> {
    let origin = format!("dynamodb/{name}");
    let table = tables.find(&origin);
    let mut change = tables.change();
    records.each_line(source, |records, line, bytes| {
        match fill(bytes, &mut change, table, &origin, input) {
            Ok(()) => records.fields(line, bytes, &change.scanned()),
            Err((reason, clause)) => records.refuse(line, reason, clause, bytes),
        }
    })
}

fn fill(
    bytes: &[u8],
    change: &mut Change,
    table: Option<&Table>,
    origin: &str,
    input: &Origin,
) -> Result<(), Refusal> {
    let Ok(record) = serde_json::from_slice::<Json>(bytes) else {
        return Err((Reason::NotJson, "the record is not json"));
    };
    let Some(table) = table else {
        return Err((Reason::UnknownType, "the key names no table of a contract"));
    };
    let operation = record["eventName"].as_str().and_then(Operation::parse);
    let Some(operation) = operation else {
        return Err((Reason::UnknownType, "the record names no event"));
    };
    let body = &record["dynamodb"];
    let number = body["SequenceNumber"].as_str().and_then(sequence::of_stream);
    let Some(number) = number else {
        return Err((Reason::RequiredValueMissing, "the record has no sequence number"));
    };
    let is_expiry = record["userIdentity"]["principalId"] == EXPIRY;
    let origin = if is_expiry { format!("{origin}/expired") } else { origin.to_owned() };
    change.begin(&table.name, operation, &origin);
    change.sequence(&number);
    let seconds = body["ApproximateCreationDateTime"].as_f64();
    let moment =
        seconds.and_then(|seconds| DateTime::from_timestamp_micros((seconds * 1e6) as i64));
    change.committed_at_moment(moment.unwrap_or(input.arrived_at));
    let image = if operation == Operation::Delete { "OldImage" } else { "NewImage" };
    if let Some(attributes) = body[image].as_object() {
        // An image is the whole item: what it lacks has no value.
        change.nothing_but_null(table);
        set_columns(change, table, attributes);
    } else if let Some(attributes) = body["Keys"].as_object() {
        // A stream may be set to carry keys alone: of the other columns it says nothing.
        set_columns(change, table, attributes);
    } else {
        return Err((Reason::RequiredValueMissing, "the record holds no item"));
    }
    Ok(())
}

fn set_columns(change: &mut Change, table: &Table, attributes: &Map<String, Json>) {
    let mut text = String::new();
    for (name, attribute) in attributes {
        let Some((kind, value)) = attribute.as_object().and_then(|typed| typed.iter().next())
        else {
            continue;
        };
        match (kind.as_str(), value) {
            ("NULL", _) => change.column(table, name, Value::Null),
            ("S" | "N" | "B", Json::String(plain)) => {
                change.column(table, name, Value::Text(plain));
            }
            ("BOOL", Json::Bool(true)) => change.column(table, name, Value::Json("true")),
            ("BOOL", Json::Bool(false)) => change.column(table, name, Value::Json("false")),
            _ => {
                text.clear();
                append_plain(attribute, &mut text);
                change.column(table, name, Value::Json(&text));
            }
        }
    }
}

/// Writes a typed attribute as plain JSON. Numbers keep their digits.
fn append_plain(attribute: &Json, target: &mut String) {
    let typed = attribute.as_object().and_then(|typed| typed.iter().next());
    let Some((kind, value)) = typed else {
        target.push_str("null");
        return;
    };
    match (kind.as_str(), value) {
        ("NULL", _) => target.push_str("null"),
        ("N", Json::String(number)) => target.push_str(number),
        ("NS", Json::Array(numbers)) => append_list(numbers, target, |number, target| {
            target.push_str(number.as_str().unwrap_or("null"));
        }),
        ("L", Json::Array(elements)) => append_list(elements, target, append_plain),
        ("M", Json::Object(members)) => append_map(members, target),
        // Strings, truth values, binary data as base64, and sets of strings are JSON already.
        (_, value) => target.push_str(&value.to_string()),
    }
}

fn append_list(elements: &[Json], target: &mut String, append: fn(&Json, &mut String)) {
    target.push('[');
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            target.push(',');
        }
        append(element, target);
    }
    target.push(']');
}

fn append_map(members: &Map<String, Json>, target: &mut String) {
    target.push('{');
    for (index, (name, member)) in members.iter().enumerate() {
        if index > 0 {
            target.push(',');
        }
        target.push_str(&Json::String(name.clone()).to_string());
        target.push(':');
        append_plain(member, target);
    }
    target.push('}');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn typed_attributes_become_plain_json() {
        let typed = json!({"M": {"n": {"N": "1.50"}, "s": {"S": "a\"b"}, "z": {"NULL": true}, "b": {"BOOL": false},
            "l": {"L": [{"N": "12345678901234567890"}, {"M": {}}]}, "ss": {"SS": ["x"]}, "ns": {"NS": ["1", "2.0"]}}});
        let mut text = String::new();
        append_plain(&typed, &mut text);
        assert_eq!(
            text,
            r#"{"b":false,"l":[12345678901234567890,{}],"n":1.50,"ns":[1,2.0],"s":"a\"b","ss":["x"],"z":null}"#
        );
    }
}
