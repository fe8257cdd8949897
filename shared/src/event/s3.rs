//! One parser for "an object was created", however the news arrives.
//!
//! Straight from S3, inside an SQS body, inside an SNS envelope inside SQS, or as an EventBridge
//! event: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
//! and <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.

use aws_lambda_events::s3::S3EventRecord;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// SNS in SQS in an invocation is three deep; more is somebody's loop.
const DEEPEST_ENVELOPE: u8 = 4;

/// An object that came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectCreated {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// The version, where the bucket is versioned.
    pub version_id: Option<String>,
    /// When S3 says that it happened.
    pub at: Option<DateTime<Utc>>,
}

/// Why an event could not be understood. None of these is mended by a retry.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Not JSON at all.
    #[error("the event is not json: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON, but none of the known envelopes.
    #[error("the event is no s3 notification in any known envelope")]
    UnknownEnvelope,
    /// A record lacks a member.
    #[error("the s3 record has no {0}")]
    Missing(&'static str),
    /// The key's percent-encoding does not give UTF-8.
    #[error("the s3 record's key is not utf-8 after decoding")]
    KeyEncoding,
    /// Envelopes inside envelopes without end.
    #[error("the event is wrapped in more than {DEEPEST_ENVELOPE} envelopes")]
    TooDeep,
}

/// The objects that an event says were created; none for `s3:TestEvent` and for other event kinds.
pub fn object_created_events(text: &str) -> Result<Vec<ObjectCreated>, EventError> {
    let mut found = Vec::new();
    read_envelope(&serde_json::from_str(text)?, DEEPEST_ENVELOPE, &mut found)?;
    Ok(found)
}

fn read_envelope(
    event: &Value,
    depth: u8,
    found: &mut Vec<ObjectCreated>,
) -> Result<(), EventError> {
    if depth == 0 {
        return Err(EventError::TooDeep);
    }
    if event.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(());
    }
    if let Some(message) = event.get("Message").and_then(Value::as_str) {
        return read_envelope(&serde_json::from_str(message)?, depth - 1, found);
    }
    if event.get("source").and_then(Value::as_str) == Some("aws.s3") {
        return read_event_bridge(event, found);
    }
    let Some(records) = event.get("Records").and_then(Value::as_array) else {
        return Err(EventError::UnknownEnvelope);
    };
    for record in records {
        read_record(record, depth, found)?;
    }
    Ok(())
}

fn read_record(
    record: &Value,
    depth: u8,
    found: &mut Vec<ObjectCreated>,
) -> Result<(), EventError> {
    let inner = record.get("body").or_else(|| record.pointer("/Sns/Message"));
    if let Some(inner) = inner.and_then(Value::as_str) {
        return read_envelope(&serde_json::from_str(inner)?, depth - 1, found);
    }
    if record.get("s3").is_none() {
        return Err(EventError::UnknownEnvelope);
    }
    let record = S3EventRecord::deserialize(record)?;
    if !record.event_name.as_deref().unwrap_or_default().contains("ObjectCreated:") {
        return Ok(());
    }
    let key = record.s3.object.key.ok_or(EventError::Missing("object key"))?;
    found.push(ObjectCreated {
        bucket: record.s3.bucket.name.ok_or(EventError::Missing("bucket name"))?,
        key: decode_key(&key)?,
        version_id: record
            .s3
            .object
            .version_id
            .filter(|version| !version.is_empty() && version != "null"),
        at: Some(record.event_time),
    });
    Ok(())
}

/// S3 encodes keys as forms do: `+` is a space, everything else is percent-encoded.
fn decode_key(key: &str) -> Result<String, EventError> {
    let spaced = key.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(EventError::KeyEncoding),
    }
}

#[derive(Deserialize)]
struct EventBridge {
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: Option<DateTime<Utc>>,
    detail: EventBridgeDetail,
}

#[derive(Deserialize)]
struct EventBridgeDetail {
    bucket: EventBridgeBucket,
    object: EventBridgeObject,
}

#[derive(Deserialize)]
struct EventBridgeBucket {
    name: String,
}

#[derive(Deserialize)]
struct EventBridgeObject {
    key: String,
    #[serde(rename = "version-id")]
    version_id: Option<String>,
}

/// EventBridge gives the key as it is, not encoded.
fn read_event_bridge(event: &Value, found: &mut Vec<ObjectCreated>) -> Result<(), EventError> {
    if event.get("detail-type").and_then(Value::as_str) != Some("Object Created") {
        return Ok(());
    }
    let event = EventBridge::deserialize(event)?;
    debug_assert_eq!(event.detail_type, "Object Created");
    found.push(ObjectCreated {
        bucket: event.detail.bucket.name,
        key: event.detail.object.key,
        version_id: event.detail.object.version_id.filter(|version| !version.is_empty()),
        at: event.time,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn straight(key: &str) -> String {
        json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
            "eventTime": "2026-11-23T03:00:00.000Z", "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "p"}, "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {},
            "s3": {"s3SchemaVersion": "1.0", "configurationId": "c",
                "bucket": {"name": "landing", "ownerIdentity": {"principalId": "p"}, "arn": "arn:aws:s3:::landing"},
                "object": {"key": key, "size": 3, "eTag": "e", "versionId": "v1", "sequencer": "1"}}
        }]})
        .to_string()
    }

    fn sns(inner: &str) -> String {
        json!({"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": inner})
            .to_string()
    }

    fn sqs(inner: &str) -> String {
        json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": inner}]})
            .to_string()
    }

    #[test]
    fn every_envelope_gives_the_same_object() {
        let event = straight("segment/a+b%2Bc%25%C3%A9.gz");
        let wrapped = [event.clone(), sns(&event), sqs(&event), sqs(&sns(&event))];
        for text in wrapped {
            let found = object_created_events(&text).unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].key, "segment/a b+c%é.gz");
            assert_eq!(found[0].version_id.as_deref(), Some("v1"));
        }
    }

    #[test]
    fn event_bridge_keys_are_not_encoded() {
        let text = json!({"source": "aws.s3", "detail-type": "Object Created", "time": "2026-11-23T03:00:00Z",
            "detail": {"bucket": {"name": "landing"}, "object": {"key": "a+b%20c", "version-id": "v"}}})
        .to_string();
        assert_eq!(object_created_events(&text).unwrap()[0].key, "a+b%20c");
    }

    #[test]
    fn the_test_event_and_removals_name_no_object() {
        let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "landing"})
            .to_string();
        assert_eq!(object_created_events(&test).unwrap(), []);
        assert_eq!(object_created_events(&sns(&test)).unwrap(), []);
        let removed = straight("a").replace("ObjectCreated:Put", "ObjectRemoved:Delete");
        assert_eq!(object_created_events(&removed).unwrap(), []);
    }

    #[test]
    fn what_is_no_event_is_an_error() {
        assert!(matches!(object_created_events("not json"), Err(EventError::NotJson(_))));
        assert!(matches!(object_created_events("{}"), Err(EventError::UnknownEnvelope)));
        let mut deep = straight("a");
        for _ in 0..6 {
            deep = sns(&deep);
        }
        assert!(matches!(object_created_events(&deep), Err(EventError::TooDeep)));
    }

    proptest! {
        #[test]
        fn any_key_survives_form_encoding(key in "\\PC{1,40}") {
            let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
            let found = object_created_events(&straight(&encoded)).unwrap();
            prop_assert_eq!(&found[0].key, &key);
        }

        #[test]
        fn any_text_is_an_answer_and_never_a_panic(text in "\\PC{0,200}") {
            let _ = object_created_events(&text);
        }
    }
}
