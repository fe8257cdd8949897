use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn noon() -> DateTime<Utc> {
    "2026-11-23T12:00:00.500Z".parse().unwrap()
}

fn client() -> Envelope<'static> {
    Envelope { received_at: noon(), sender: Sender::Client, message_type: None, common: Vec::new() }
}

fn line(envelope: &Envelope<'_>, raw: &str) -> String {
    let mut lines = Vec::new();
    envelope.append(raw, &mut lines);
    String::from_utf8(lines).unwrap()
}

fn value(envelope: &Envelope<'_>, raw: &str) -> Value {
    serde_json::from_str(&line(envelope, raw)).unwrap()
}

#[test]
fn the_messages_own_bytes_come_first() {
    let raw = "{\"messageId\": \"m\",\r\n \"n\": 1.10, \"t\":\"a\\nb\" \n}";
    let text = line(&client(), raw);
    assert!(text.starts_with(r#"{"messageId": "m",   "n": 1.10, "t":"a\nb","#), "{text}");
    assert_eq!(text.matches('\n').count(), 1);
}

#[test]
fn what_the_server_knows_wins() {
    let raw =
        r#"{"messageId":"m","type":"x","receivedAt":"1999-01-01T00:00:00Z","timestamp":null}"#;
    let envelope = Envelope { message_type: Some("track"), ..client() };
    let value = value(&envelope, raw);
    assert_eq!(value["type"], "track");
    assert_eq!(value["receivedAt"], "2026-11-23T12:00:00.500Z");
    assert_eq!(value["timestamp"], "2026-11-23T12:00:00.500Z");
    assert_eq!(value.get("originalTimestamp"), None);
}

#[test]
fn a_clock_that_is_wrong_is_corrected() {
    // The client's clock is an hour ahead; the message was sent a second after it happened.
    let raw = r#"{"messageId":"m","timestamp":"2026-11-23T14:00:00+01:00","sentAt":"2026-11-23T13:00:01Z"}"#;
    let value = value(&client(), raw);
    assert_eq!(value["timestamp"], "2026-11-23T11:59:59.500Z");
    assert_eq!(value["originalTimestamp"], "2026-11-23T14:00:00+01:00");
    assert_eq!(value["sentAt"], "2026-11-23T13:00:01Z");
}

#[test]
fn what_cannot_be_computed_is_left_as_it_is() {
    for (raw, timestamp) in [
        (r#"{"timestamp":"2020-01-01T00:00:00Z"}"#, json!("2020-01-01T00:00:00Z")),
        (r#"{"originalTimestamp":"2020-01-01T00:00:00Z"}"#, json!("2020-01-01T00:00:00Z")),
        (r#"{"timestamp":"yesterday","sentAt":"2026-11-23T13:00:01Z"}"#, json!("yesterday")),
        (r#"{"timestamp":5,"sentAt":"2026-11-23T13:00:01Z"}"#, json!(5)),
        (
            r#"{"timestamp":"9999-12-31T23:59:59Z","sentAt":"0001-01-01T00:00:00Z"}"#,
            json!("9999-12-31T23:59:59Z"),
        ),
    ] {
        assert_eq!(value(&client(), raw)["timestamp"], timestamp, "{raw}");
    }
}

#[test]
fn a_batch_lends_what_a_message_lacks() {
    let common = vec![("sentAt", "\"2026-11-23T12:00:00Z\""), ("context", "{\n\"ip\":\"::1\"}")];
    let envelope = Envelope { common, ..client() };
    let lent = value(&envelope, r#"{"timestamp":"2026-11-23T12:00:00Z","context":null}"#);
    assert_eq!(lent["context"]["ip"], "::1");
    assert_eq!(lent["sentAt"], "2026-11-23T12:00:00Z");
    assert_eq!(lent["timestamp"], "2026-11-23T12:00:00.500Z");
    let own = value(&envelope, r#"{"context":{},"sentAt":"2026-11-23T11:00:00Z"}"#);
    assert_eq!((&own["context"], &own["sentAt"]), (&json!({}), &json!("2026-11-23T11:00:00Z")));
}

#[test]
fn a_message_without_an_id_gets_one() {
    let first = value(&client(), "{}")["messageId"].as_str().unwrap().to_owned();
    assert!(first.starts_with("api-") && first.len() <= 100);
    assert_ne!(value(&client(), "{ }")["messageId"], first);
}

#[test]
fn segments_own_times_stand() {
    let envelope = Envelope { sender: Sender::Segment, ..client() };
    let raw = r#"{"messageId":"m","receivedAt":"2026-11-22T00:00:00Z","timestamp":"2026-11-21T00:00:00Z","sentAt":"2026-11-23T00:00:00Z"}"#;
    assert_eq!(line(&envelope, raw), format!("{raw}\n"));
    assert_eq!(value(&envelope, "{}")["receivedAt"], "2026-11-23T12:00:00.500Z");
}

#[test]
fn what_is_no_object_is_handed_on() {
    for raw in ["1", "\"}\"", "[\n1]", "null", "[{}]"] {
        assert_eq!(line(&client(), raw), format!("{}\n", raw.replace('\n', " ")));
    }
}

prop_compose! {
    fn object()(
        names in prop::collection::vec(
            prop::sample::select(vec!["type", "messageId", "sentAt", "timestamp", "receivedAt",
                "originalTimestamp", "context", "event", "ünï\"\\\n", ""]), 0..8),
        values in prop::collection::vec(prop_oneof![
            Just(json!(null)), Just(json!({"a": [1, "}", "\n"]})), "\\PC{0,9}".prop_map(Value::from),
            Just(json!("2026-11-23T11:00:00Z")), any::<i64>().prop_map(Value::from)], 8),
    ) -> Map<String, Value> {
        names.into_iter().map(str::to_owned).zip(values).collect()
    }
}

proptest! {
    /// Whatever was sent is in the line; only what the server decides is another.
    #[test]
    fn nothing_else_changes(object in object(), pretty in any::<bool>()) {
        let raw = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
        let common = vec![("context", r#"{"common":true}"#)];
        let envelope = Envelope { common, message_type: Some("page"), ..client() };
        let text = line(&envelope, &raw.unwrap());
        prop_assert_eq!(text.bytes().filter(|byte| *byte == b'\n').count(), 1);
        let line: Map<String, Value> = serde_json::from_str(&text).unwrap();
        for (name, sent) in &object {
            let decided = ["type", "receivedAt", "timestamp"].contains(&name.as_str())
                || sent.is_null() && ["context", "messageId", "originalTimestamp"].contains(&name.as_str());
            prop_assert!(decided || line[name] == *sent, "{} in {}", name, text);
        }
        prop_assert_eq!(&line["type"], "page");
        prop_assert_eq!(&line["receivedAt"], "2026-11-23T12:00:00.500Z");
        prop_assert!(!line["timestamp"].is_null() && !line["context"].is_null());
    }
}
