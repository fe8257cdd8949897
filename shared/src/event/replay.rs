//! An order to read a landed object again, and what came of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ObjectCreated;
use crate::run::{InputIdentity, RecordCounts, RowCounts};

/// A message on a source's queue, beside S3's own notifications: read an object again. What it gives its
/// tables takes the place of what it gave them before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayMessage {
    /// What to read.
    pub read_again: ReadAgain,
}

/// What to read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadAgain {
    /// The order, which may be about many objects: a `UUIDv7`, so that a later order sorts behind.
    pub replay: String,
    /// The landing bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The datasets that it is read for; none for all that its records belong to.
    #[serde(default)]
    pub datasets: Vec<String>,
    /// Whether only to tell what would become of it: nothing is written but the answer.
    #[serde(default)]
    pub is_trial: bool,
}

impl ReadAgain {
    /// The order that a queue's message is; none where it is something else.
    pub fn in_message(body: &str) -> Option<Self> {
        let message: Result<ReplayMessage, _> = serde_json::from_str(body);
        message.ok().map(|message| message.read_again)
    }

    /// The object.
    pub fn object(&self) -> ObjectCreated {
        ObjectCreated {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            version_id: self.version_id.clone(),
            at: None,
        }
    }
}

/// What came of an order for one object: an object in the quarantine bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayResult {
    /// What was asked for.
    pub read_again: ReadAgain,
    /// How it ended.
    pub outcome: ReplayOutcome,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The counts of the object.
    pub records: RecordCounts,
    /// Records that no dataset could take, by reason.
    #[serde(default)]
    pub quarantined_by_reason: BTreeMap<String, u64>,
    /// The datasets that it went to.
    #[serde(default)]
    pub datasets: Vec<ReplayedDataset>,
}

/// How the reading of an object ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayOutcome {
    /// It was read to its end.
    Read,
    /// It breaks off, and is in quarantine whole.
    Damaged,
    /// It is not there any more: landing has expired, or somebody has deleted it.
    Gone,
    /// It holds no data by its name.
    PassedBy,
}

/// What a reading gave, or would give, a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayedDataset {
    /// The dataset.
    pub dataset: String,
    /// The counts: `committed` are the rows for the table, unless they are held.
    pub rows: RowCounts,
    /// Quarantined rows by reason.
    #[serde(default)]
    pub quarantined_by_reason: BTreeMap<String, u64>,
    /// Checks of severity error that failed, so that the rows are held.
    #[serde(default)]
    pub failed_checks: Vec<String>,
}

impl ReplayResult {
    /// The folder of an order's results.
    pub fn folder(replay: &str) -> String {
        format!("replays/{replay}/results/")
    }

    /// The key of the result in the quarantine bucket.
    pub fn key(&self) -> String {
        let ReadAgain { replay, bucket, key, version_id, .. } = &self.read_again;
        let version = version_id.as_deref().unwrap_or_default();
        let token = InputIdentity::path_token(bucket, key, version);
        format!("{}{token}.json", Self::folder(replay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_told_from_a_notification() {
        let order =
            r#"{"read_again": {"replay": "1", "bucket": "landing", "key": "segment/a.gz"}}"#;
        let order = ReadAgain::in_message(order).unwrap();
        assert!(!order.is_trial && order.datasets.is_empty());
        assert_eq!(order.object().key, "segment/a.gz");
        assert_eq!(ReadAgain::in_message(r#"{"Records": []}"#), None);
    }

    #[test]
    fn the_results_of_two_versions_do_not_meet() {
        let result = |version: Option<&str>| ReplayResult {
            read_again: ReadAgain {
                replay: "1".to_owned(),
                bucket: "landing".to_owned(),
                key: "segment/a.gz".to_owned(),
                version_id: version.map(str::to_owned),
                datasets: Vec::new(),
                is_trial: false,
            },
            outcome: ReplayOutcome::Gone,
            error: None,
            records: RecordCounts::default(),
            quarantined_by_reason: BTreeMap::new(),
            datasets: Vec::new(),
        };
        assert_ne!(result(Some("1")).key(), result(Some("2")).key());
        assert!(result(None).key().starts_with("replays/1/results/"));
    }
}
