//! What a row trigger may send, and the lines that become of it.

use sonic_rs::{JsonValueTrait, LazyValue, to_array_iter, to_object_iter};

/// Why a payload is refused. A retry does not help.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is neither an object nor an array.
    #[error(
        "the payload is {0}; expected a change record, an array of them, or {{\"records\": […]}}"
    )]
    NoRecords(&'static str),
    /// An element of it is no record.
    #[error("record {position} of the payload is {found}, expected an object")]
    NotAnObject {
        /// Counted from 1.
        position: usize,
        /// What it is.
        found: &'static str,
    },
    /// It is not JSON.
    #[error("the payload is not json")]
    NotJson,
}

/// The records of one database, as newline-delimited JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The database's name as a folder.
    pub folder: String,
    /// The records, each with its line end.
    pub lines: Vec<u8>,
}

/// The records of a payload by database, in their order. A record names its database in the member
/// `database`; a chunk does for all of its records.
pub fn batches(payload: &str, default_database: &str) -> Result<Vec<Batch>, PayloadError> {
    let payload = payload.trim_ascii();
    let mut batches = Vec::new();
    match payload.as_bytes().first() {
        Some(b'{') => match chunk(payload)? {
            Some((database, records)) => {
                let database = database.as_deref().unwrap_or(default_database);
                append_all(&records, database, &mut batches)?;
            }
            None => append(payload, default_database, &mut batches)?,
        },
        Some(b'[') => append_all(payload, default_database, &mut batches)?,
        _ => return Err(PayloadError::NoRecords(kind(payload))),
    }
    Ok(batches)
}

/// Database and records of a chunk; none where the object is a record. A chunk has an array
/// `records`, perhaps a `database`, and nothing else: a table may have a column of that name.
fn chunk(object: &str) -> Result<Option<(Option<String>, String)>, PayloadError> {
    let mut database = None;
    let mut records = None;
    for member in to_object_iter(object) {
        let Ok((name, value)) = member else {
            return Err(PayloadError::NotJson);
        };
        let raw = value.as_raw_str();
        match name.as_ref() {
            "records" if raw.starts_with('[') => records = Some(raw.to_owned()),
            "database" => database = text(&value),
            _ => return Ok(None),
        }
    }
    Ok(records.map(|records| (database, records)))
}

fn append_all(array: &str, database: &str, batches: &mut Vec<Batch>) -> Result<(), PayloadError> {
    for (index, element) in to_array_iter(array).enumerate() {
        let Ok(element) = element else {
            return Err(PayloadError::NotJson);
        };
        let record = element.as_raw_str();
        if !record.starts_with('{') {
            return Err(PayloadError::NotAnObject { position: index + 1, found: kind(record) });
        }
        append(record, database, batches)?;
    }
    Ok(())
}

fn append(record: &str, database: &str, batches: &mut Vec<Batch>) -> Result<(), PayloadError> {
    let mut named = None;
    for member in to_object_iter(record) {
        let Ok((name, value)) = member else {
            return Err(PayloadError::NotJson);
        };
        if name == "database" {
            named = text(&value);
            break;
        }
    }
    let folder = folder(named.as_deref().unwrap_or(database));
    let batch = match batches.iter().position(|batch| batch.folder == folder) {
        Some(position) => &mut batches[position],
        None => batches.push_mut(Batch { folder, lines: Vec::new() }),
    };
    for byte in record.bytes() {
        // In a string a line end is escaped, so these stand between tokens.
        batch.lines.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
    }
    batch.lines.push(b'\n');
    Ok(())
}

fn text(value: &LazyValue<'_>) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A name as part of a key: what would need escaping somewhere becomes an underscore.
fn folder(database: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    database.chars().take(128).map(|letter| if plain(letter) { letter } else { '_' }).collect()
}

fn kind(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a truth value",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "empty",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn lines(payload: &str) -> Vec<(String, String)> {
        let shown = |batch: Batch| (batch.folder, String::from_utf8(batch.lines).unwrap());
        batches(payload, "shop").unwrap().into_iter().map(shown).collect()
    }

    fn of_shop(text: &str) -> Vec<(String, String)> {
        vec![("shop".to_owned(), text.to_owned())]
    }

    #[test]
    fn a_record_an_array_and_a_chunk() {
        assert_eq!(lines(r#" {"op":"I"} "#), of_shop("{\"op\":\"I\"}\n"));
        assert_eq!(lines(r#"[{"n":1} , {"n":2}]"#), of_shop("{\"n\":1}\n{\"n\":2}\n"));
        assert_eq!(
            lines(r#"{"database":"crm","records":[{"n":1}]}"#),
            [("crm".to_owned(), "{\"n\":1}\n".to_owned())]
        );
        assert_eq!(lines("[]"), []);
        assert_eq!(lines(r#"{"records":[]}"#), []);
    }

    #[test]
    fn what_other_triggers_send_is_handed_on_as_it_is() {
        for record in [
            r#"{"table_name":"orders","method":"INSERT","data":{"id":1}}"#,
            r#"{"id":1,"total":12.50}"#,
            r#"{"event":"UPDATE","records":"of a column"}"#,
            r#"{"records":[1],"id":7}"#,
            "{}",
        ] {
            assert_eq!(lines(record), of_shop(&format!("{record}\n")));
        }
    }

    #[test]
    fn values_keep_their_form_and_line_ends_between_tokens_go() {
        let pretty = "{\r\n  \"n\": 1.50,\n  \"big\": 123456789012345678901234567890,\n  \"t\": \"a\\nb\"\n}";
        let line =
            "{    \"n\": 1.50,   \"big\": 123456789012345678901234567890,   \"t\": \"a\\nb\" }\n";
        assert_eq!(lines(pretty), of_shop(line));
    }

    #[test]
    fn records_go_to_the_folder_of_their_database() {
        let payload =
            r#"[{"database":"a/../b","n":1},{"n":2},{"database":"","n":3},{"database":"é"}]"#;
        let folders: Vec<String> = lines(payload).into_iter().map(|(folder, _)| folder).collect();
        assert_eq!(folders, ["a____b", "shop", "_"]);
    }

    #[test]
    fn what_is_no_record_is_named() {
        assert_eq!(batches("5", "shop"), Err(PayloadError::NoRecords("a number")));
        assert_eq!(batches("\"x\"", "shop"), Err(PayloadError::NoRecords("a string")));
        let found = |position, found| Err(PayloadError::NotAnObject { position, found });
        assert_eq!(batches("[{},[1]]", "shop"), found(2, "an array"));
        assert_eq!(batches(r#"{"records":[null]}"#, "shop"), found(1, "null"));
        assert_eq!(batches("{\"a\":", "shop"), Err(PayloadError::NotJson));
    }

    proptest! {
        #[test]
        fn every_record_arrives_as_one_line_of_the_same_value(
            texts in prop::collection::vec("\\PC{0,20}", 0..6),
            number in any::<i64>(),
            pretty in any::<bool>(),
        ) {
            let records: Vec<Value> =
                texts.iter().map(|text| serde_json::json!({"t": text, "n": number})).collect();
            let payload = serde_json::json!({"records": records});
            let payload = if pretty {
                serde_json::to_string_pretty(&payload).unwrap()
            } else {
                payload.to_string()
            };
            let found = lines(&payload);
            let text = found.first().map_or("", |(_, text)| text.as_str());
            let parsed: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            prop_assert_eq!(parsed, records);
        }

        #[test]
        fn any_text_is_an_answer_and_never_a_panic(text in "\\PC{0,60}") {
            let _ = batches(&text, "shop");
        }
    }
}
