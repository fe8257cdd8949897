//! Objects out of messages. Nothing here knows AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{Context, SHA256, digest};
use shared::event::{InboxError, InboxMessage};

/// Decoded bytes of an object; compressed it is smaller still, and Segment's own files end at 100 MB.
const MOST_OBJECT_BYTES: u64 = 100_000_000;

/// A message with the queue's name for it.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The queue's id.
    pub message_id: String,
    /// The message.
    pub message: InboxMessage,
}

/// An object that shall be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingObject {
    /// Its key.
    pub key: String,
    /// Gzip NDJSON.
    pub bytes: Vec<u8>,
    /// How many lines.
    pub lines: u64,
}

/// What became of a folder's messages.
#[derive(Debug, Default)]
pub struct Packed {
    /// What shall be written.
    pub objects: Vec<LandingObject>,
    /// Messages that cannot be read: the queue's id, and why.
    pub malformed: Vec<(String, InboxError)>,
    /// Messages that were there twice: SQS delivers at least once, and a sender that got no answer
    /// sends again.
    pub repeated: u64,
}

/// Messages by the folder that they belong to.
pub fn folders(arrived: Vec<Arrived>) -> BTreeMap<String, Vec<Arrived>> {
    let mut folders: BTreeMap<String, Vec<Arrived>> = BTreeMap::new();
    for message in arrived {
        folders.entry(message.message.folder.clone()).or_default().push(message);
    }
    folders
}

/// Packs the messages of one folder. The same messages, in whatever order, make the same objects.
pub fn pack(mut messages: Vec<Arrived>) -> io::Result<Packed> {
    messages.sort_by_cached_key(|arrived| {
        (arrived.message.received_at, sha256(arrived.message.body.as_bytes()))
    });
    let mut packed = Packed::default();
    let mut seen = BTreeSet::new();
    let mut open: Option<OpenObject> = None;
    for Arrived { message_id, message } in messages {
        let lines = match message.decode() {
            Ok(lines) => lines,
            Err(error) => {
                packed.malformed.push((message_id, error));
                continue;
            }
        };
        let content = sha256(&lines);
        if !seen.insert((message.received_at, content.clone())) {
            packed.repeated += 1;
            continue;
        }
        let length = lines.len() as u64;
        if let Some(full) = open.take_if(|open| open.decoded + length > MOST_OBJECT_BYTES) {
            packed.objects.push(full.close()?);
        }
        let object = open.get_or_insert_with(|| OpenObject::in_folder(&message.folder));
        object.append(&message, &lines, &content)?;
    }
    if let Some(last) = open {
        packed.objects.push(last.close()?);
    }
    Ok(packed)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// An object that is not full yet. Only its compressed bytes are held.
struct OpenObject {
    folder: String,
    encoder: GzEncoder<Vec<u8>>,
    name: Context,
    decoded: u64,
    lines: u64,
}

impl OpenObject {
    fn in_folder(folder: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            encoder: GzEncoder::new(Vec::new(), Compression::default()),
            name: Context::new(&SHA256),
            decoded: 0,
            lines: 0,
        }
    }

    fn append(&mut self, message: &InboxMessage, lines: &[u8], content: &[u8]) -> io::Result<()> {
        self.encoder.write_all(lines)?;
        self.name.update(&message.received_at.timestamp_micros().to_be_bytes());
        self.name.update(content);
        self.decoded += lines.len() as u64;
        self.lines += message.lines;
        Ok(())
    }

    fn close(self) -> io::Result<LandingObject> {
        let mut key = format!("{}/", self.folder);
        for byte in self.name.finish().as_ref() {
            // Writing to a string does not fail.
            let _ = write!(key, "{byte:02x}");
        }
        key.push_str(".gz");
        Ok(LandingObject { key, bytes: self.encoder.finish()?, lines: self.lines })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use chrono::{DateTime, TimeDelta, Utc};
    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn arrived(number: usize, millisecond: i64, lines: &str) -> Arrived {
        let at = noon() + TimeDelta::milliseconds(millisecond);
        Arrived {
            message_id: number.to_string(),
            message: InboxMessage::new("segment/a/1", at, lines.as_bytes()).unwrap(),
        }
    }

    fn text(object: &LandingObject) -> String {
        let mut text = String::new();
        GzDecoder::new(object.bytes.as_slice()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn messages_become_one_object_in_the_order_of_their_arrival() {
        let packed =
            pack(vec![arrived(1, 5, "{\"b\":1}\n{}"), arrived(2, 1, "{\"a\":1}\n")]).unwrap();
        let object = &packed.objects[0];
        assert_eq!((packed.objects.len(), object.lines), (1, 3));
        assert_eq!(text(object), "{\"a\":1}\n{\"b\":1}\n{}\n");
        let name = object.key.strip_prefix("segment/a/1/").unwrap();
        assert_eq!(name.strip_suffix(".gz").unwrap().len(), 64);
    }

    #[test]
    fn a_malformed_message_is_left_out_alone() {
        let mut bad = arrived(2, 0, "{}");
        bad.message.body.truncate(8);
        let packed = pack(vec![arrived(1, 0, "1"), bad, arrived(3, 1, "3")]).unwrap();
        assert_eq!(packed.malformed.len(), 1);
        assert_eq!(packed.malformed[0].0, "2");
        assert_eq!(text(&packed.objects[0]), "1\n3\n");
    }

    #[test]
    fn an_object_ends_at_its_limit() {
        let lines = format!("{}\n", "x".repeat(1023)).repeat(12 * 1024);
        let messages: Vec<Arrived> =
            (0..9).map(|number| arrived(number, number as i64, &lines)).collect();
        let packed = pack(messages).unwrap();
        let sizes: Vec<u64> = packed.objects.iter().map(|object| object.lines * 1024).collect();
        assert_eq!(sizes.iter().sum::<u64>(), 9 * lines.len() as u64);
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|size| *size <= MOST_OBJECT_BYTES), "{sizes:?}");
    }

    #[test]
    fn folders_are_kept_apart() {
        let mut other = arrived(2, 0, "{}");
        other.message.folder = "databases/changes/shop/2026-11-23".to_owned();
        let folders = folders(vec![arrived(1, 0, "{}"), other, arrived(3, 0, "{}")]);
        let counts: Vec<usize> = folders.values().map(Vec::len).collect();
        assert_eq!(counts, [1, 2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever the order and however often: every line once, the same name, the same bytes.
        #[test]
        fn the_same_messages_make_the_same_object(
            order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
            repeated in prop::collection::vec(0..12_usize, 0..5),
        ) {
            // Two that arrive at once, now and then.
            let message = |number: usize| arrived(number, number as i64 / 2, &format!("{{\"n\":{number}}}\n"));
            let expected = pack((0..12).map(message).collect()).unwrap();
            let shuffled = order.iter().chain(&repeated).map(|number| message(*number)).collect();
            let packed = pack(shuffled).unwrap();
            prop_assert_eq!(packed.repeated, repeated.len() as u64);
            prop_assert_eq!(&packed.objects, &expected.objects);
            prop_assert_eq!(text(&packed.objects[0]).lines().count(), 12);
            // Other contents have another name.
            let fewer = pack((0..11).map(message).collect()).unwrap();
            prop_assert_ne!(&fewer.objects[0].key, &expected.objects[0].key);
        }
    }
}
