//! From a stream batch to the objects that hold it.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Digits of the hash in a key.
const HASH_BYTES: usize = 8;

/// Why a batch cannot be captured. A retry does not help; bisecting finds the record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The payload is no stream batch.
    // serde's own words may hold a value.
    #[error("the payload is no stream batch: {:?} error at line {}, column {}", .0.classify(), .0.line(), .0.column())]
    NoBatch(serde_json::Error),
    /// A record lacks what every stream record has, or has it in another form.
    #[error("stream record {position} is none: {:?} error at line {}, column {}", reason.classify(), reason.line(), reason.column())]
    NoRecord {
        /// Counted from 1.
        position: usize,
        /// What serde says.
        reason: serde_json::Error,
    },
    /// A record says nothing that is known to happen to an item.
    #[error(
        "stream record {sequence_number} has the event name `{event_name}`, expected INSERT, MODIFY or REMOVE"
    )]
    EventName {
        /// The record's sequence number.
        sequence_number: String,
        /// What it says.
        event_name: String,
    },
    /// A record is of no table.
    #[error("stream record {sequence_number} is of `{source_arn}`, which is no table's stream")]
    NoTable {
        /// The record's sequence number.
        sequence_number: String,
        /// What it says.
        source_arn: String,
    },
    /// A record names a moment that there is not.
    #[error("stream record {sequence_number} has no possible moment")]
    NoMoment {
        /// The record's sequence number.
        sequence_number: String,
    },
    /// The object cannot be compressed.
    #[error("compressing the batch failed: {0}")]
    Compress(#[from] io::Error),
}

/// An object for the landing bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedObject {
    /// The key, derived from the content.
    pub key: String,
    /// Gzip of the records, a line each.
    pub body: Vec<u8>,
    /// How many records there are.
    pub records: u64,
}

#[derive(Deserialize)]
struct StreamBatch<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamRecord {
    event_name: String,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: String,
    dynamodb: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    approximate_creation_date_time: f64,
    sequence_number: String,
}

/// Records of one table, in their order.
struct TableBatch {
    table: String,
    day: String,
    first: String,
    last: String,
    lines: Vec<u8>,
    records: u64,
}

/// The objects of a batch: one a table, and a stream is of one table.
pub fn objects(payload: &str) -> Result<Vec<CapturedObject>, RecordError> {
    let batch: StreamBatch<'_> = serde_json::from_str(payload).map_err(RecordError::NoBatch)?;
    let mut tables: Vec<TableBatch> = Vec::new();
    for (index, raw) in batch.records.iter().enumerate() {
        append(index + 1, raw.get(), &mut tables)?;
    }
    let mut objects = Vec::with_capacity(tables.len());
    for table in tables {
        objects.push(object(table)?);
    }
    Ok(objects)
}

fn append(position: usize, raw: &str, tables: &mut Vec<TableBatch>) -> Result<(), RecordError> {
    let record: StreamRecord =
        serde_json::from_str(raw).map_err(|reason| RecordError::NoRecord { position, reason })?;
    let sequence_number = record.dynamodb.sequence_number;
    if !matches!(record.event_name.as_str(), "INSERT" | "MODIFY" | "REMOVE") {
        let event_name = record.event_name;
        return Err(RecordError::EventName { sequence_number, event_name });
    }
    let Some(table) = table_of(&record.event_source_arn) else {
        let source_arn = record.event_source_arn;
        return Err(RecordError::NoTable { sequence_number, source_arn });
    };
    // It is an ordering number, and stands in a key.
    let in_digits = sequence_number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = record.dynamodb.approximate_creation_date_time as i64;
    let moment = DateTime::<Utc>::from_timestamp(seconds, 0).filter(|_| in_digits);
    let Some(moment) = moment else {
        return Err(RecordError::NoMoment { sequence_number });
    };
    let batch = match tables.iter().position(|batch| batch.table == table) {
        Some(known) => &mut tables[known],
        None => tables.push_mut(TableBatch {
            table: table.to_owned(),
            day: moment.date_naive().to_string(),
            first: sequence_number.clone(),
            last: String::new(),
            lines: Vec::new(),
            records: 0,
        }),
    };
    for byte in raw.bytes() {
        // In a string a line end is escaped, so these stand between tokens.
        batch.lines.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
    }
    batch.lines.push(b'\n');
    batch.last = sequence_number;
    batch.records += 1;
    Ok(())
}

/// `arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-11-23T…` is of `orders`.
fn table_of(arn: &str) -> Option<&str> {
    let (_, resource) = arn.split_once(":table/")?;
    let (table, rest) = resource.split_once('/')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let well_formed = table.len() >= 3 && table.bytes().all(plain);
    (well_formed && rest.starts_with("stream/")).then_some(table)
}

fn object(batch: TableBatch) -> Result<CapturedObject, RecordError> {
    let mut hash = String::with_capacity(2 * HASH_BYTES);
    for byte in &digest(&SHA256, &batch.lines).as_ref()[..HASH_BYTES] {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    let TableBatch { table, day, first, last, .. } = batch;
    // No file name and no time in the header: the same lines are the same bytes.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&batch.lines)?;
    Ok(CapturedObject {
        key: format!("databases/dynamodb/{table}/{day}/{first}-{last}-{hash}.ndjson.gz"),
        body: encoder.finish()?,
        records: batch.records,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const ARN: &str =
        "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-11-23T00:00:00.000";

    fn record(event_name: &str, sequence: u64, image: &Value) -> Value {
        json!({"eventID": "e", "eventName": event_name, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "eu-central-1", "eventSourceARN": ARN, "dynamodb": {
                "ApproximateCreationDateTime": 1_795_392_000.0, "Keys": {"id": {"S": "1"}}, "NewImage": image,
                "SequenceNumber": sequence.to_string(), "SizeBytes": 26, "StreamViewType": "NEW_AND_OLD_IMAGES"}})
    }

    fn lines(object: &CapturedObject) -> Vec<String> {
        let mut text = String::new();
        GzDecoder::new(object.body.as_slice()).read_to_string(&mut text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn records_stay_as_they_came() {
        let attributes = r#"{"N":{"N":"1.50"},"B":{"B":"AAE="},"SS":{"SS":["a"]},"NS":{"NS":["1","2.0"]},"BS":{"BS":["AA=="]},"M":{"M":{"x":{"NULL":true}}},"L":{"L":[{"BOOL":false}]}}"#;
        let raw = record("INSERT", 7, &json!("here")).to_string().replace("\"here\"", attributes);
        let objects = objects(&format!("{{\"Records\":[{raw}]}}")).unwrap();
        assert_eq!(lines(&objects[0]), [raw]);
        assert_eq!(objects[0].records, 1);
    }

    #[test]
    fn a_repeated_batch_is_the_same_object() {
        let batch =
            json!({"Records": [record("INSERT", 7, &json!({})), record("REMOVE", 9, &json!({}))]});
        let once = objects(&batch.to_string()).unwrap();
        assert_eq!(once, objects(&batch.to_string()).unwrap());
        assert!(
            once[0].key.starts_with("databases/dynamodb/orders/2026-11-23/7-9-"),
            "{}",
            once[0].key
        );
        let other =
            json!({"Records": [record("MODIFY", 7, &json!({})), record("REMOVE", 9, &json!({}))]});
        assert_ne!(once[0].key, objects(&other.to_string()).unwrap()[0].key);
        assert!(objects(r#"{"Records":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn a_poison_record_fails_the_batch_and_is_named() {
        let bad = |change: fn(&mut Value)| {
            let mut second = record("INSERT", 8, &json!({}));
            change(&mut second);
            objects(&json!({"Records": [record("INSERT", 7, &json!({})), second]}).to_string())
                .unwrap_err()
                .to_string()
        };
        assert!(bad(|record| record["eventName"] = json!("DROP")).contains("record 8"));
        assert!(
            bad(|record| record["eventSourceARN"] = json!("arn:aws:sqs:::q")).contains("no table")
        );
        assert!(bad(|record| record["dynamodb"] = json!({})).contains("record 2"));
        assert!(
            bad(|record| record["dynamodb"]["SequenceNumber"] = json!("../x")).contains("../x")
        );
        assert!(
            bad(|record| record["dynamodb"]["ApproximateCreationDateTime"] = json!(1e300))
                .contains("moment")
        );
        assert!(matches!(objects("{}"), Err(RecordError::NoBatch(_))));
    }

    proptest! {
        #[test]
        fn every_record_arrives_in_its_order(texts in prop::collection::vec("\\PC{0,20}", 1..20)) {
            let records: Vec<Value> = texts.iter().enumerate()
                .map(|(index, text)| record("MODIFY", index as u64, &json!({"t": {"S": text}}))).collect();
            let payload = serde_json::to_string_pretty(&json!({"Records": records})).unwrap();
            let objects = objects(&payload).unwrap();
            let parsed: Vec<Value> = lines(&objects[0]).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            prop_assert_eq!(parsed, records);
        }

        #[test]
        fn any_text_is_an_answer_and_never_a_panic(text in "\\PC{0,60}") {
            let _ = objects(&text);
        }
    }
}
