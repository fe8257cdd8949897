//! Snapshots that a table forgets, so that its commits stay as quick as they were at first.
//!
//! Every commit reads and writes the list of all snapshots. A table that is written every half a minute would have
//! 86,000 of them within a month, which are 60 MB; so those that are too old go, and of the others all but the newest
//! thousand. A request that a forgotten snapshot brought must still be recognised, however late its message comes
//! again: it is noted in an object of its own before the snapshot goes.

use std::collections::{HashMap, HashSet};

use chrono::Utc;
use futures_util::future::try_join_all;
use iceberg::Result;
use iceberg::io::FileIO;
use iceberg::spec::{MAIN_BRANCH, SnapshotRef, TableMetadata};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::requests::{Found, requests_of};

/// Snapshots that are kept at most.
const MOST_SNAPSHOTS: usize = 1_000;

/// So many go at once, and none before: each time it must be looked for tags.
const BATCH: usize = 100;

/// Notes that are written at the same time.
const MOST_AT_ONCE: usize = 16;

/// Kept, whatever their age, where the table does not say.
const LEAST_SNAPSHOTS: usize = 100;

const LEAST_SNAPSHOTS_PROPERTY: &str = "history.expire.min-snapshots-to-keep";
const LONGEST_AGE_PROPERTY: &str = "history.expire.max-snapshot-age-ms";

/// The clocks of those who ask for commits and those who carry them out differ by less.
const CLOCK_SKEW_MS: i64 = 3_600_000;

/// What is noted of a request whose snapshot is forgotten.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    snapshot_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rewritten: Option<String>,
}

/// The references of a table, of which the crate shows none but those that are asked for by name.
#[derive(Deserialize)]
struct References {
    #[serde(default)]
    refs: HashMap<String, Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Reference {
    snapshot_id: i64,
    #[serde(rename = "type")]
    kind: String,
}

/// The snapshots that are to be forgotten, the oldest first. What is tagged stays, and of a table with a branch beside
/// the main one everything.
pub(super) fn to_forget(metadata: &TableMetadata) -> Result<Vec<SnapshotRef>> {
    let number = |name: &str| metadata.properties().get(name).and_then(|value| value.parse().ok());
    let least =
        number(LEAST_SNAPSHOTS_PROPERTY).map_or(LEAST_SNAPSHOTS, |least: i64| least as usize);
    let mut snapshots: Vec<SnapshotRef> = metadata.snapshots().cloned().collect();
    snapshots.sort_by_key(|snapshot| snapshot.sequence_number());
    let may_go = snapshots.len().saturating_sub(least.max(1));
    let too_many = snapshots.len().saturating_sub(MOST_SNAPSHOTS).min(may_go);
    let oldest = number(LONGEST_AGE_PROPERTY).map(|age: i64| Utc::now().timestamp_millis() - age);
    let is_too_old =
        |snapshot: &&SnapshotRef| oldest.is_some_and(|oldest| snapshot.timestamp_ms() < oldest);
    let too_old = snapshots[..may_go].iter().take_while(is_too_old).count();
    let due = too_many.max(too_old);
    if due < BATCH {
        return Ok(Vec::new());
    }
    let Some(protected) = protected(metadata)? else { return Ok(Vec::new()) };
    snapshots.truncate(due.min(BATCH));
    snapshots.retain(|snapshot| !protected.contains(&snapshot.snapshot_id()));
    Ok(snapshots)
}

/// The snapshots that references name; none where there is another branch.
fn protected(metadata: &TableMetadata) -> Result<Option<HashSet<i64>>> {
    let json = serde_json::to_vec(metadata)?;
    let References { refs } = serde_json::from_slice(&json)?;
    if refs.iter().any(|(name, reference)| reference.kind != "tag" && name != MAIN_BRANCH) {
        return Ok(None);
    }
    Ok(Some(refs.into_values().map(|reference| reference.snapshot_id).collect()))
}

/// Where the requests of forgotten snapshots are noted.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    pub storage: &'a FileIO,
    /// A folder of the table's own, as a URI.
    pub folder: String,
}

impl Notes<'_> {
    /// Notes the requests of snapshots that are about to be forgotten.
    pub async fn write(&self, snapshots: &[SnapshotRef]) -> Result<()> {
        let mut notes = Vec::new();
        for snapshot in snapshots {
            for (request_id, rewritten) in requests_of(snapshot) {
                let note = Note { snapshot_id: snapshot.snapshot_id(), rewritten };
                notes.push((self.path(request_id), serde_json::to_vec(&note)?));
            }
        }
        for some in notes.chunks(MOST_AT_ONCE) {
            let written = some.iter().map(async |(path, note)| {
                self.storage.new_output(path)?.write(note.clone().into()).await
            });
            try_join_all(written).await?;
        }
        Ok(())
    }

    /// A request whose snapshot the table may have forgotten.
    pub async fn find(&self, metadata: &TableMetadata, request_id: &str) -> Result<Option<Found>> {
        if !may_be_forgotten(metadata, request_id) {
            return Ok(None);
        }
        let input = self.storage.new_input(self.path(request_id))?;
        if !input.exists().await? {
            return Ok(None);
        }
        let note: Note = serde_json::from_slice(&input.read().await?)?;
        Ok(Some(Found { snapshot_id: note.snapshot_id, rewritten: note.rewritten }))
    }

    fn path(&self, request_id: &str) -> String {
        format!("{}/{request_id}.json", self.folder)
    }
}

/// Whether a snapshot that is gone can have held a request. Nearly every request was made a moment ago, when the
/// oldest snapshot that the table knows was there already: nothing is to be looked up for it.
fn may_be_forgotten(metadata: &TableMetadata, request_id: &str) -> bool {
    let known = metadata.snapshots().len() as i64;
    let Some(oldest) = metadata.snapshots().map(|snapshot| snapshot.timestamp_ms()).min() else {
        return false;
    };
    let has_forgotten = known < metadata.last_sequence_number();
    has_forgotten && made_at(request_id).is_none_or(|made| made - CLOCK_SKEW_MS < oldest)
}

/// When a request's id was made, in milliseconds since 1970; none for an id that does not tell.
fn made_at(request_id: &str) -> Option<i64> {
    let (seconds, nanoseconds) = Uuid::parse_str(request_id).ok()?.get_timestamp()?.to_unix();
    Some(seconds as i64 * 1_000 + i64::from(nanoseconds) / 1_000_000)
}

#[cfg(test)]
mod tests;
