//! The body of the tracking API: one message, or a batch.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use shared::govern::is_too_deep;
use sonic_rs::{to_array_iter, to_object_iter};

use crate::line::{Envelope, Sender};
use crate::refusal::{MOST_BATCH_BYTES, MOST_MESSAGE_BYTES, MOST_MESSAGES, Refusal};

/// A batch's context stands in each of its messages afterwards; this is where that ends.
const MOST_LINES_BYTES: usize = 8 * 1024 * 1024;

/// Members of a batch that its messages have in common.
const COMMON: [&str; 3] = ["sentAt", "context", "integrations"];

/// Lines for the inbox.
#[derive(Debug, Default)]
pub struct Lines {
    /// Newline-delimited JSON.
    pub bytes: Vec<u8>,
    /// How many.
    pub count: u64,
}

/// A body that is JSON.
#[derive(Debug)]
pub struct Body<'a> {
    raw: &'a str,
    /// The members of an object, in their order.
    members: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Body<'a> {
    /// Reads a body; every byte of it is checked.
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        if is_too_deep(text.as_bytes()) {
            return Err(Refusal::TooDeep);
        }
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| Refusal::NotJson)?;
        let raw = text.trim_ascii();
        let mut members = Vec::new();
        if raw.starts_with('{') {
            for entry in to_object_iter(raw) {
                let (name, value) = entry.map_err(|_| Refusal::NotJson)?;
                let Cow::Borrowed(value) = value.as_raw_cow() else {
                    return Err(Refusal::NotJson);
                };
                members.push((name, value));
            }
        }
        Ok(Self { raw, members })
    }

    /// The whole body as it was sent.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The raw member of a name, of several the last; none where it is null.
    fn member(&self, name: &str) -> Option<&'a str> {
        let found = self.members.iter().rev().find(|(member, _)| *member == name);
        found.map(|(_, value)| *value).filter(|value| *value != "null")
    }

    /// The write key, which some libraries put here.
    pub fn write_key(&self) -> Option<String> {
        sonic_rs::from_str(self.member("writeKey")?).ok()
    }

    /// The elements of an array.
    pub fn elements(raw: &'a str) -> Result<Vec<&'a str>, Refusal> {
        let mut elements = Vec::new();
        for element in to_array_iter(raw) {
            let element = element.map_err(|_| Refusal::NotJson)?;
            let Cow::Borrowed(raw) = element.as_raw_cow() else {
                return Err(Refusal::NotJson);
            };
            elements.push(raw);
        }
        Ok(elements)
    }

    /// The line of a body that is one message.
    pub fn message(
        &self,
        message_type: &'static str,
        received_at: DateTime<Utc>,
    ) -> Result<Lines, Refusal> {
        if self.raw.len() > MOST_MESSAGE_BYTES {
            return Err(Refusal::MessageTooLarge(0));
        }
        let envelope = Envelope {
            received_at,
            sender: Sender::Client,
            message_type: Some(message_type),
            common: Vec::new(),
        };
        let mut lines = Lines::default();
        lines.append(&envelope, self.raw);
        Ok(lines)
    }

    /// The lines of a batch.
    pub fn batch(&self, received_at: DateTime<Utc>) -> Result<Lines, Refusal> {
        let batch = self.member("batch").filter(|batch| batch.starts_with('['));
        let messages = Self::elements(batch.ok_or(Refusal::NoBatch)?)?;
        if self.raw.len() > MOST_BATCH_BYTES {
            return Err(Refusal::BatchTooLarge);
        }
        if messages.len() > MOST_MESSAGES {
            return Err(Refusal::TooManyMessages);
        }
        let mut common = Vec::new();
        for name in COMMON {
            if let Some(value) = self.member(name) {
                common.push((name, value));
            }
        }
        let envelope = Envelope { received_at, sender: Sender::Client, message_type: None, common };
        let mut lines = Lines::default();
        for (position, raw) in messages.into_iter().enumerate() {
            if raw.len() > MOST_MESSAGE_BYTES {
                return Err(Refusal::MessageTooLarge(position));
            }
            lines.append(&envelope, raw);
            if lines.bytes.len() > MOST_LINES_BYTES {
                return Err(Refusal::ContextTooLarge);
            }
        }
        Ok(lines)
    }
}

impl Lines {
    /// Appends a message.
    pub fn append(&mut self, envelope: &Envelope<'_>, raw: &str) {
        envelope.append(raw, &mut self.bytes);
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn batch(text: &str) -> Result<Lines, Refusal> {
        Body::parse(text)?.batch(noon())
    }

    fn values(lines: &Lines) -> Vec<Value> {
        let text = str::from_utf8(&lines.bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_batch_is_a_line_a_message_in_its_order() {
        let text = r#"{"writeKey":"k","sentAt":"2026-11-23T12:00:00Z","context":{"ip":"::1"},"integrations":null,
            "batch":[{"type":"track","messageId":"1"},7,{"type":"page","messageId":"2","context":{}}]}"#;
        assert_eq!(Body::parse(text).unwrap().write_key().as_deref(), Some("k"));
        let lines = batch(text).unwrap();
        let values = values(&lines);
        assert_eq!((lines.count, values.len()), (3, 3));
        assert_eq!(
            (&values[0]["messageId"], &values[0]["context"]["ip"]),
            (&json!("1"), &json!("::1"))
        );
        assert_eq!(values[1], 7);
        assert_eq!((&values[2]["type"], &values[2]["context"]), (&json!("page"), &json!({})));
        assert!(values[0].get("integrations").is_none());
    }

    #[test]
    fn an_empty_batch_is_a_batch() {
        assert_eq!(batch(r#"{"batch":[]}"#).unwrap().count, 0);
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        for text in ["{}", "[]", "1", r#"{"batch":{}}"#, r#"{"batch":null}"#, r#"{"batch":"[]"}"#] {
            assert!(matches!(batch(text), Err(Refusal::NoBatch)), "{text}");
        }
        for text in ["", " ", "{", r#"{"batch":[}"#, r#"{"batch":[]} x"#, r#"{"batch":[tru]}"#] {
            assert!(matches!(batch(text), Err(Refusal::NotJson)), "{text}");
        }
    }

    #[test]
    fn the_limits_are_segments() {
        let message = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        let several = |count: usize, bytes: usize| {
            format!("{{\"batch\":[{}]}}", vec![message(bytes); count].join(","))
        };
        assert!(batch(&several(1, MOST_MESSAGE_BYTES)).is_ok());
        assert!(matches!(
            batch(&several(1, MOST_MESSAGE_BYTES + 1)),
            Err(Refusal::MessageTooLarge(0))
        ));
        assert_eq!(batch(&several(MOST_MESSAGES, 9)).unwrap().count, 2_500);
        assert!(matches!(batch(&several(MOST_MESSAGES + 1, 9)), Err(Refusal::TooManyMessages)));
        assert!(matches!(batch(&several(16, MOST_MESSAGE_BYTES)), Err(Refusal::BatchTooLarge)));
        let single = message(MOST_MESSAGE_BYTES + 1);
        let single = Body::parse(&single).unwrap().message("track", noon());
        assert!(matches!(single, Err(Refusal::MessageTooLarge(0))));
    }

    #[test]
    fn a_context_cannot_make_much_of_little() {
        let context = "x".repeat(300 * 1024);
        let text =
            format!("{{\"context\":\"{context}\",\"batch\":[{}]}}", vec!["{}"; 2_000].join(","));
        assert!(matches!(batch(&text), Err(Refusal::ContextTooLarge)));
    }

    #[test]
    fn deep_nesting_is_no_stack_overflow() {
        let batch_of = |depth: usize| {
            batch(&format!("{{\"batch\":[{}{}]}}", "[".repeat(depth), "]".repeat(depth)))
        };
        assert_eq!(batch_of(500).unwrap().count, 1);
        assert!(matches!(batch_of(15_000), Err(Refusal::TooDeep)));
        assert!(matches!(batch(&"[".repeat(400_000)), Err(Refusal::TooDeep)));
    }

    proptest! {
        /// serde_json is the judge of what is JSON.
        #[test]
        fn agrees_with_a_full_parser(
            position in 0_usize..90,
            replacement in prop::sample::select(b"{}[]\",:x0e-\\ \n\x01".to_vec()),
        ) {
            let mut bytes = br#" {"sentAt":"2026","batch":[{"type":"track","n":-1.5e3},[null,true],"a\n"],"writeKey":"k"} "#.to_vec();
            if position < bytes.len() {
                bytes[position] = replacement;
            }
            let text = String::from_utf8(bytes).unwrap();
            let judged = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            prop_assert_eq!(Body::parse(&text).is_ok(), judged, "{}", text);
        }
    }
}
