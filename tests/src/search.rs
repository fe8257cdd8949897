//! A search for personal data in everything that the stack keeps and says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iceberg::spec::{FormatVersion, Manifest, ManifestList};
use parquet::file::reader::{FileReader, SerializedFileReader};
use shared::event::CommitRequest;

use crate::stack::{Stack, output};

/// The kinds of objects that every table has: data files, manifests and their lists, metadata, commit requests.
pub const LAKE_OBJECTS: usize = 4;

/// Looks for personal data in texts.
#[derive(Debug)]
pub struct Search(Vec<(&'static str, String)>);

impl Search {
    /// A search for values, each with the kind that a failure may name.
    pub fn of(values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(values.into_iter().map(|(kind, value)| (kind, value.to_lowercase())).collect())
    }

    /// The kinds of personal data in a text.
    pub fn kinds(&self, text: &str) -> BTreeSet<&'static str> {
        let text = text.to_lowercase();
        self.0.iter().filter(|(_, value)| text.contains(value)).map(|(kind, _)| *kind).collect()
    }

    /// The text itself is not shown: a failure must not print what must not be seen.
    ///
    /// # Panics
    /// Where there is personal data in it.
    pub fn assert_clean(&self, place: &str, text: &str) {
        let found = self.kinds(text);
        assert!(found.is_empty(), "{place} holds personal data: {found:?}");
    }

    /// Looks through objects of the lake, their keys included; how many there were of each kind.
    ///
    /// # Panics
    /// Where there is personal data in one, or it is none that the lake has.
    pub async fn lake_objects(
        &self,
        stack: &Stack,
        keys: &[String],
    ) -> BTreeMap<&'static str, usize> {
        let mut read = BTreeMap::new();
        for key in keys {
            // A table's metadata of some versions ago is deleted by those that follow.
            let Some(bytes) = stack.object(&output("LAKE_BUCKET"), key).await else { continue };
            let (kind, text) = lake_text(key, bytes);
            self.assert_clean(key, &text);
            self.assert_clean("a key of the lake", key);
            *read.entry(kind).or_default() += 1;
        }
        read
    }
}

/// What kind of object a key of the lake names, and everything in it.
fn lake_text(key: &str, bytes: Vec<u8>) -> (&'static str, String) {
    match key.rsplit('.').next() {
        Some("parquet") => ("data file", parquet_text(bytes)),
        Some("avro") => ("manifest", avro_text(key, &bytes)),
        _ if key.starts_with("_requests/") => ("request", request_text(&bytes)),
        _ if key.ends_with(".metadata.json") => {
            ("metadata", String::from_utf8_lossy(&bytes).into_owned())
        }
        _ if key.starts_with("_keys/") => {
            ("index of keys", String::from_utf8_lossy(&bytes).into_owned())
        }
        _ => panic!("{key} is no object that the lake has"),
    }
}

/// Everything in a Parquet file: its bytes as they lie there, names and statistics in its footer, its rows.
///
/// # Panics
/// Where it is no Parquet.
pub fn parquet_text(bytes: Vec<u8>) -> String {
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("data is Parquet");
    writeln!(text, "{:?}", reader.metadata()).expect("memory can be written");
    for row in reader.get_row_iter(None).expect("a data file has rows") {
        let row = row.expect("a row can be read");
        writeln!(text, "{row}").expect("memory can be written");
    }
    text
}

/// A commit request, with the bounds of its columns read.
fn request_text(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    let request: CommitRequest = serde_json::from_slice(bytes).expect("a request is json");
    for file in &request.data_files {
        for bound in file.lower_bounds.values().chain(file.upper_bounds.values()) {
            let bound = STANDARD.decode(bound).expect("a bound is base64");
            text.push_str(&String::from_utf8_lossy(&bound));
            text.push('\n');
        }
    }
    text
}

/// A manifest or a list of them, as its bytes lie there and as Iceberg reads it.
fn avro_text(key: &str, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if key.contains("/snap-") {
        let list = ManifestList::parse_with_version(bytes, FormatVersion::V2);
        return format!("{text}{:?}", list.expect("a list of manifests can be read"));
    }
    format!("{text}{:?}", Manifest::parse_avro(bytes).expect("a manifest can be read"))
}
