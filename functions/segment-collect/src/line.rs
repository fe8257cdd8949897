//! A message as a line of NDJSON.
//!
//! The line has the message's own bytes, and behind its members those that the server adds. Of two
//! members of one name the last counts, so nothing of the message has to be found and replaced: what
//! was sent stays readable in the line.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use shared::govern::parse_timestamp;
use sonic_rs::to_object_iter;

/// What the server knows of a message.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// The server's clock.
    pub received_at: DateTime<Utc>,
    /// Who speaks.
    pub sender: Sender,
    /// The type, where the endpoint names it.
    pub message_type: Option<&'static str>,
    /// Raw members of the batch that a message has where it lacks them itself.
    pub common: Vec<(&'static str, &'a str)>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A client whose clock may be wrong: the server says when it was received, and corrects its time.
    Client,
    /// Segment, which has done both already.
    Segment,
}

/// The members of a message that decide what is added.
#[derive(Default)]
struct Known<'a> {
    message_id: Option<&'a str>,
    received_at: Option<&'a str>,
    sent_at: Option<&'a str>,
    timestamp: Option<&'a str>,
    original_timestamp: Option<&'a str>,
    /// Which of the envelope's common members it has.
    common: Vec<&'static str>,
    is_empty: bool,
}

impl Envelope<'_> {
    /// Appends the line of a raw JSON value, with its end. What is no object is passed on as it is, for
    /// the transform to quarantine.
    pub fn append(&self, raw: &str, lines: &mut Vec<u8>) {
        let raw = raw.trim_ascii();
        match raw.strip_suffix('}').filter(|_| raw.starts_with('{')) {
            Some(open) => {
                append_on_one_line(open.trim_ascii_end(), lines);
                let known = self.known(raw);
                let mut separator = if known.is_empty { "" } else { "," };
                for (name, value) in self.additions(&known) {
                    for part in [separator, "\"", name, "\":"] {
                        lines.extend_from_slice(part.as_bytes());
                    }
                    append_on_one_line(&value, lines);
                    separator = ",";
                }
                lines.push(b'}');
            }
            None => append_on_one_line(raw, lines),
        }
        lines.push(b'\n');
    }

    fn known<'m>(&self, raw: &'m str) -> Known<'m> {
        let mut known = Known { is_empty: true, ..Known::default() };
        for (name, value) in to_object_iter(raw).flatten() {
            known.is_empty = false;
            let Cow::Borrowed(value) = value.as_raw_cow() else { continue };
            // Null is as good as nothing.
            let value = (value != "null").then_some(value);
            match &*name {
                "messageId" => known.message_id = value,
                "receivedAt" => known.received_at = value,
                "sentAt" => known.sent_at = value,
                "timestamp" => known.timestamp = value,
                "originalTimestamp" => known.original_timestamp = value,
                _ => {}
            }
            for (common, _) in &self.common {
                if *common == name && value.is_some() {
                    known.common.push(common);
                }
            }
        }
        known
    }

    /// Names and raw values, in the order in which they are written.
    fn additions<'v>(&'v self, known: &Known<'v>) -> Vec<(&'static str, Cow<'v, str>)> {
        let mut added: Vec<(&'static str, Cow<'v, str>)> = Vec::new();
        if known.message_id.is_none() {
            // A message without an id could not be told from its repetitions.
            let id = format!("\"api-{}\"", uuid::Uuid::now_v7().simple());
            added.push(("messageId", id.into()));
        }
        if let Some(message_type) = self.message_type {
            added.push(("type", format!("\"{message_type}\"").into()));
        }
        for (name, value) in &self.common {
            if !known.common.contains(name) {
                added.push((name, (*value).into()));
            }
        }
        if self.sender == Sender::Client {
            self.correct_time(known, &mut added);
        }
        if self.sender == Sender::Client || known.received_at.is_none() {
            added.push(("receivedAt", quoted(self.received_at).into()));
        }
        added
    }

    /// `timestamp = receivedAt − (sentAt − originalTimestamp)`: when it happened, by the server's clock.
    /// Without `sentAt` the client's own time stands; history is imported so.
    fn correct_time<'v>(&self, known: &Known<'v>, added: &mut Vec<(&'static str, Cow<'v, str>)>) {
        let Some(original) = known.original_timestamp.or(known.timestamp) else {
            added.push(("timestamp", quoted(self.received_at).into()));
            return;
        };
        if known.original_timestamp.is_none() {
            added.push(("originalTimestamp", original.into()));
        }
        let sent_at = known.sent_at.or_else(|| self.common_member("sentAt"));
        if let Some(corrected) = sent_at.and_then(|sent| self.corrected(sent, original)) {
            added.push(("timestamp", quoted(corrected).into()));
        } else if known.timestamp.is_none() {
            added.push(("timestamp", original.into()));
        }
    }

    fn common_member(&self, name: &str) -> Option<&str> {
        self.common.iter().find(|(common, _)| *common == name).map(|(_, value)| *value)
    }

    fn corrected(&self, sent_at: &str, original: &str) -> Option<DateTime<Utc>> {
        let delay = micros(sent_at)?.checked_sub(micros(original)?)?;
        let corrected = self.received_at.timestamp_micros().checked_sub(delay)?;
        let corrected = DateTime::from_timestamp_micros(corrected)?;
        // Other years are not written as four digits, and nobody reads them.
        (0..=9999).contains(&corrected.year()).then_some(corrected)
    }
}

/// Microseconds since 1970 of a raw JSON string.
fn micros(raw: &str) -> Option<i64> {
    // No escapes: none of a timestamp's characters needs one.
    parse_timestamp(raw.strip_prefix('"')?.strip_suffix('"')?)
}

fn quoted(time: DateTime<Utc>) -> String {
    format!("\"{}\"", time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// In valid JSON line ends stand between tokens alone, where a space does as well.
fn append_on_one_line(raw: &str, lines: &mut Vec<u8>) {
    let start = lines.len();
    lines.extend_from_slice(raw.as_bytes());
    for byte in &mut lines[start..] {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
