//! What the keys of the landing bucket tell: who reads an object, and whether it holds data.

mod place;

pub use place::{FileRole, Place};

/// Segment writes this object when its S3 destination is set up, to see whether it may.
const DUMMY_OBJECT: &str = "segment-logs/dummy-object.txt";

/// A part of the landing bucket that a transform reads.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// What its keys begin with, as the bucket's notifications divide it.
    pub prefix: &'static str,
    /// The source of the contracts that its objects have rows of: `segment`.
    pub source: &'static str,
    holds_data: fn(&str) -> bool,
}

/// The parts, in the order of their keys. Nobody is told of what lands elsewhere; who writes it there reads
/// it as well.
pub const PARTS: [Part; 3] = [
    Part {
        prefix: "databases/",
        source: "database",
        holds_data: |key| Place::of(key).holds_data(),
    },
    Part { prefix: "google-ads/", source: "google_ads", holds_data: |_| true },
    Part { prefix: "segment/", source: "segment", holds_data: holds_messages },
];

/// Whether an object of Segment's holds messages by its name.
pub fn holds_messages(key: &str) -> bool {
    !key.ends_with(DUMMY_OBJECT)
}

/// The part that an object is in, if it is one that holds data by its name and that a transform reads.
pub fn part_read_by_a_transform(key: &str) -> Option<&'static Part> {
    let part = PARTS.iter().find(|part| key.starts_with(part.prefix))?;
    let is_folder = key.ends_with('/');
    (!is_folder && (part.holds_data)(key)).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::contracts_of;

    fn source(key: &str) -> Option<&'static str> {
        part_read_by_a_transform(key).map(|part| part.source)
    }

    #[test]
    fn markers_and_manifests_are_read_by_nobody() {
        assert_eq!(source("segment/segment-logs/web/1795392000000/a.gz"), Some("segment"));
        assert_eq!(source("databases/changes/shop/2026-11-23/a.gz"), Some("database"));
        assert_eq!(source("google-ads/reports/1/march.csv"), Some("google_ads"));
        for key in [
            "segment/segment-logs/dummy-object.txt",
            "segment/segment-logs/web/",
            "databases/snapshots/e1/export_info_e1.json",
            "databases/snapshots/e1/db/shop.orders/1/_success",
            "attribution/campaign_performance/2026-11-23/a.ndjson.gz",
            "segments/a.gz",
        ] {
            assert_eq!(source(key), None, "{key}");
        }
    }

    #[test]
    fn every_part_has_contracts() {
        for part in PARTS {
            assert!(!contracts_of(part.source).is_empty(), "{}", part.source);
        }
        assert!(PARTS.is_sorted_by_key(|part| part.prefix));
    }
}
