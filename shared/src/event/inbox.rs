//! The message on the inbox: lines that arrived by request, and the folder that they shall land in.

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// S3 keys end at 1,024 bytes; the rest is for the object's name.
const LONGEST_FOLDER: usize = 900;

/// Lines that arrived by request, on their way to the landing bucket.
///
/// They travel as base64 of gzip, because SQS refuses some characters that JSON allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboxMessage {
    /// The folder in the landing bucket that the lines belong to, without a slash at either end.
    pub folder: String,
    /// When the request arrived.
    pub received_at: DateTime<Utc>,
    /// How many lines there are.
    pub lines: u64,
    /// Base64 of gzip of the lines: newline-delimited JSON, UTF-8, each line with its end.
    pub body: String,
}

/// Why something is no message of the inbox. A retry does not help.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The folder is none that lines may be put into.
    #[error("`{0}` is no folder of the landing bucket")]
    Folder(String),
    /// The text is no JSON, or lacks a member.
    #[error("the message is no inbox message: {0}")]
    NotAMessage(#[from] serde_json::Error),
    /// The body is not base64.
    #[error("the inbox message's body is not base64: {0}")]
    NotBase64(#[from] base64::DecodeError),
    /// The body is not gzip, or is cut off.
    #[error("the inbox message's body is not gzip: {0}")]
    NotGzip(io::Error),
    /// There are more decoded bytes than anyone would hold.
    #[error("the inbox message has more than {} bytes of lines", InboxMessage::MOST_DECODED_BYTES)]
    TooLarge,
    /// A single line is more than a message holds.
    #[error("line {0} is too long for a message of the inbox")]
    LineTooLong(u64),
    /// The message says another number of lines than it has.
    #[error("the inbox message says that it has {said} lines and has {found}")]
    LineCount {
        /// What it says.
        said: u64,
        /// What it has.
        found: u64,
    },
}

impl InboxMessage {
    /// More lines than this make more than one message; no reader has to hold more.
    pub const MOST_DECODED_BYTES: usize = 16 * 1024 * 1024;

    /// SQS takes 1 MiB a message.
    pub const MOST_BYTES: usize = 1024 * 1024;

    /// What [`Self::split`] puts into a message: bytes that do not shrink at all still fit, as base64.
    const SPLIT_BYTES: usize = 700 * 1024;

    /// A message of newline-delimited lines; the last may lack its end.
    pub fn new(
        folder: impl Into<String>,
        received_at: DateTime<Utc>,
        lines: &[u8],
    ) -> Result<Self, InboxError> {
        let folder = folder.into();
        if !is_folder(&folder) {
            return Err(InboxError::Folder(folder));
        }
        if lines.len() > Self::MOST_DECODED_BYTES {
            return Err(InboxError::TooLarge);
        }
        let body = STANDARD.encode(compress(lines).map_err(InboxError::NotGzip)?);
        Ok(Self { folder, received_at, lines: count_lines(lines), body })
    }

    /// As many messages as the lines need, in their order, each small enough for the queue.
    pub fn split(
        folder: &str,
        received_at: DateTime<Utc>,
        lines: &[u8],
    ) -> Result<Vec<Self>, InboxError> {
        let mut messages = Vec::new();
        let (mut start, mut end) = (0, 0);
        for (number, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line.len() > Self::SPLIT_BYTES {
                return Err(InboxError::LineTooLong(number as u64 + 1));
            }
            if end - start + line.len() > Self::SPLIT_BYTES {
                messages.push(Self::new(folder, received_at, &lines[start..end])?);
                start = end;
            }
            end += line.len();
        }
        if start < end {
            messages.push(Self::new(folder, received_at, &lines[start..end])?);
        }
        Ok(messages)
    }

    /// The message that a queue delivered.
    pub fn parse(text: &str) -> Result<Self, InboxError> {
        let message: Self = serde_json::from_str(text)?;
        if is_folder(&message.folder) {
            Ok(message)
        } else {
            Err(InboxError::Folder(message.folder))
        }
    }

    /// The lines, each with its end.
    pub fn decode(&self) -> Result<Vec<u8>, InboxError> {
        let compressed = STANDARD.decode(&self.body)?;
        let mut lines = Vec::new();
        // One byte more than is allowed tells too much from just enough.
        let mut decoder =
            MultiGzDecoder::new(compressed.as_slice()).take(Self::MOST_DECODED_BYTES as u64 + 2);
        decoder.read_to_end(&mut lines).map_err(InboxError::NotGzip)?;
        if lines.len() > Self::MOST_DECODED_BYTES + 1 {
            return Err(InboxError::TooLarge);
        }
        let found = count_lines(&lines);
        if found != self.lines {
            return Err(InboxError::LineCount { said: self.lines, found });
        }
        Ok(lines)
    }
}

/// Folders are made of what needs no escaping anywhere, and none leads out of another.
fn is_folder(folder: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
    folder.len() <= LONGEST_FOLDER
        && folder.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_plain)
        })
}

fn compress(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(lines)?;
    if lines.last().is_some_and(|byte| *byte != b'\n') {
        encoder.write_all(b"\n")?;
    }
    encoder.finish()
}

fn count_lines(lines: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', lines).count() as u64;
    ends + u64::from(lines.last().is_some_and(|byte| *byte != b'\n'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn what_the_queue_delivers_is_what_was_put_in() {
        let message = InboxMessage::new("segment/segment-logs/web/1", noon(), b"{}\n[]").unwrap();
        assert_eq!(message.lines, 2);
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(InboxMessage::parse(&text).unwrap().decode().unwrap(), b"{}\n[]\n");
    }

    #[test]
    fn a_folder_leads_nowhere_else() {
        for folder in ["", "/", "a/", "/a", "a//b", "../a", "a/./b", "a b", "a\n", "é"] {
            assert!(InboxMessage::new(folder, noon(), b"{}").is_err(), "{folder}");
        }
        for folder in ["a", "databases/changes/shop/2026-11-23", "a/day=1"] {
            assert!(InboxMessage::new(folder, noon(), b"{}").is_ok(), "{folder}");
        }
    }

    #[test]
    fn damage_is_named() {
        let sound = InboxMessage::new("a", noon(), b"{}\n").unwrap();
        let damaged = |body: &str| InboxMessage { body: body.to_owned(), ..sound.clone() }.decode();
        assert!(matches!(damaged("%"), Err(InboxError::NotBase64(_))));
        assert!(matches!(damaged("AAAA"), Err(InboxError::NotGzip(_))));
        let cut = STANDARD.encode(&STANDARD.decode(&sound.body).unwrap()[..12]);
        assert!(matches!(damaged(&cut), Err(InboxError::NotGzip(_))));
        let miscounted = InboxMessage { lines: 2, ..sound.clone() };
        assert!(matches!(miscounted.decode(), Err(InboxError::LineCount { said: 2, found: 1 })));
        assert!(matches!(InboxMessage::parse("{}"), Err(InboxError::NotAMessage(_))));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = compress(&vec![b'\n'; 20 * 1024 * 1024]).unwrap();
        let message = InboxMessage {
            folder: "a".to_owned(),
            received_at: noon(),
            lines: 1,
            body: STANDARD.encode(bomb),
        };
        assert!(message.body.len() < InboxMessage::MOST_BYTES);
        assert!(matches!(message.decode(), Err(InboxError::TooLarge)));
    }

    #[test]
    fn the_largest_message_can_be_read_back() {
        let lines = vec![b'x'; InboxMessage::MOST_DECODED_BYTES];
        let message = InboxMessage::new("a", noon(), &lines).unwrap();
        assert_eq!(message.decode().unwrap().len(), lines.len() + 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn splitting_loses_nothing_and_fits_the_queue(
            lengths in prop::collection::vec(1_usize..400_000, 0..8),
            seed in any::<u64>(),
        ) {
            let mut state = seed | 1;
            let mut lines = Vec::new();
            for length in lengths {
                for _ in 0..length {
                    // Noise, which gzip cannot shrink.
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    lines.push((state as u8).max(b' '));
                }
                lines.push(b'\n');
            }
            let messages = InboxMessage::split("a/b", noon(), &lines).unwrap();
            let mut together = Vec::new();
            for message in &messages {
                prop_assert!(serde_json::to_string(message).unwrap().len() <= InboxMessage::MOST_BYTES);
                together.extend(message.decode().unwrap());
            }
            prop_assert_eq!(together, lines);
        }
    }
}
