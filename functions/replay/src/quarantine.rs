//! What is in quarantine of landed objects, read from its objects.
//!
//! The records of an input that were refused stand in `rows/<source>/<day>/<input>.ndjson.gz`; those that
//! were refused again, when the input was read on an order, in `<input>-<order>.ndjson.gz` beside it. So the
//! history of a record is the objects of its input, in the order of their names.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use chrono::NaiveDate;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use shared::aws::{Bucket, Ledger, ObjectError, ObjectReader, Replayed, open_object};
use shared::event::ReadAgain;
use shared::run::InputIdentity;

use crate::held::ReplayError;
use crate::selection::{Quarantined, QuarantinedOrder, Selected, is_within};

/// The quarantine objects of one input, the earliest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRecords {
    /// Names the input and its content.
    pub token: String,
    /// When it arrived.
    pub day: NaiveDate,
    /// The keys.
    pub keys: Vec<String>,
}

/// The part of a quarantine entry that says what it is about.
#[derive(Debug, Deserialize)]
struct Entry {
    reason: String,
    #[serde(default)]
    dataset: Option<String>,
    origin: Origin,
}

#[derive(Debug, Clone, Deserialize)]
struct Origin {
    bucket: String,
    key: String,
    #[serde(default)]
    version_id: Option<String>,
}

/// What a quarantine object holds.
#[derive(Debug, Default)]
struct Content {
    origin: Option<Origin>,
    /// By dataset and reason.
    rows: BTreeMap<(Option<String>, String), u64>,
}

/// Where a quarantine object belongs, by its key; none for what is no object of records.
pub fn place(key: &str) -> Option<(NaiveDate, String, Option<String>)> {
    let mut parts = key.strip_prefix("rows/")?.splitn(3, '/');
    let (_source, day, name) = (parts.next()?, parts.next()?, parts.next()?);
    let stem = name.strip_suffix(".ndjson.gz")?;
    let (token, replay) = match stem.split_once('-') {
        Some((token, replay)) => (token, Some(replay.to_owned())),
        None => (stem, None),
    };
    Some((day.parse().ok()?, token.to_owned(), replay))
}

/// Puts the objects of an input together. They stand side by side in a listing.
pub fn by_input(keys: impl IntoIterator<Item = String>) -> Vec<InputRecords> {
    let mut inputs: Vec<InputRecords> = Vec::new();
    for key in keys {
        let Some((day, token, _)) = place(&key) else { continue };
        match inputs.last_mut() {
            Some(last) if last.token == token && last.day == day => last.keys.push(key),
            _ => inputs.push(InputRecords { token, day, keys: vec![key] }),
        }
    }
    for input in &mut inputs {
        // `-` sorts before `.`, so a listing has the first reading last.
        input.keys.sort_by_key(|key| place(key).and_then(|(_, _, replay)| replay));
    }
    inputs
}

impl InputRecords {
    /// What an order is about of this input; none where it is about nothing of it.
    pub async fn selected(
        &self,
        order: &QuarantinedOrder,
        replay: &str,
        quarantine: &Bucket,
        ledger: &Ledger,
    ) -> Result<Option<Selected>, ReplayError> {
        if !is_within(self.day, order.from, order.to) {
            return Ok(None);
        }
        let mut readings = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let again = place(key).and_then(|(_, _, replay)| replay);
            readings.push((again, content(quarantine, key).await?));
        }
        // The last that was read: an earlier version of the same bytes may have expired.
        let origin = readings.iter().rev().find_map(|(_, content)| content.origin.clone());
        let Some(origin) = origin else { return Ok(None) };
        let uri = format!("s3://{}/{}", origin.bucket, origin.key);
        if order.object.as_deref().is_some_and(|prefix| !uri.starts_with(prefix)) {
            return Ok(None);
        }
        let history = ledger.history(&uri).await?;
        let latest = history.contents.last().filter(|latest| {
            InputIdentity::path_token(&origin.bucket, &origin.key, &latest.entity_tag) == self.token
        });
        // Other bytes have come under the key since, or the input is being read just now.
        let Some(latest) = latest else { return Ok(None) };
        let mut replays = history.replays;
        replays.retain(|replay| replay.content.checksum == latest.checksum);
        let open = still_open(&readings, &replays);
        Ok(select(order, replay, origin, open))
    }
}

/// What was not read again after it was refused.
fn still_open(
    readings: &[(Option<String>, Content)],
    replays: &[Replayed],
) -> BTreeMap<(Option<String>, String), Quarantined> {
    let mut open = BTreeMap::new();
    for (again, content) in readings {
        for ((dataset, reason), rows) in &content.rows {
            let since = replays.iter().filter(|replay| {
                replay.covers(dataset.as_deref()) && Some(&replay.replay) > again.as_ref()
            });
            if since.count() > 0 {
                continue;
            }
            let tries = replays.iter().filter(|replay| replay.covers(dataset.as_deref())).count();
            let found = Quarantined {
                dataset: dataset.clone(),
                reason: reason.clone(),
                rows: *rows,
                tries: tries as u64,
            };
            open.insert((dataset.clone(), reason.clone()), found);
        }
    }
    open
}

/// The input as the order wants it: read for the datasets in which something matches, or for all where it
/// is records that no dataset took.
fn select(
    order: &QuarantinedOrder,
    replay: &str,
    origin: Origin,
    open: BTreeMap<(Option<String>, String), Quarantined>,
) -> Option<Selected> {
    let mut datasets = Vec::new();
    let mut is_for_all = false;
    let mut matches = false;
    for (dataset, reason) in open.keys() {
        let is_asked_for = order.reason.as_ref().is_none_or(|asked| asked == reason)
            && order.dataset.as_ref().is_none_or(|asked| Some(asked) == dataset.as_ref());
        if !is_asked_for {
            continue;
        }
        matches = true;
        match dataset {
            Some(dataset) if !datasets.contains(dataset) => datasets.push(dataset.clone()),
            Some(_) => {}
            None => is_for_all = true,
        }
    }
    if !matches {
        return None;
    }
    if is_for_all {
        datasets.clear();
    }
    let is_read = |one: &Quarantined| match &one.dataset {
        _ if datasets.is_empty() => true,
        Some(dataset) => datasets.contains(dataset),
        None => false,
    };
    let quarantined = open.into_values().filter(is_read).collect();
    let read_again = ReadAgain {
        replay: replay.to_owned(),
        bucket: origin.bucket,
        key: origin.key,
        version_id: origin.version_id,
        datasets,
        is_trial: false,
    };
    Some(Selected { read_again, quarantined })
}

/// Reads a quarantine object, line by line.
async fn content(quarantine: &Bucket, key: &str) -> Result<Content, ReplayError> {
    let opened = match open_object(quarantine.client(), quarantine.name(), key, None).await {
        Ok(opened) => opened,
        // It has expired since it was listed.
        Err(ObjectError::NotFound { .. }) => return Ok(Content::default()),
        Err(error) => return Err(error.into()),
    };
    let named = key.to_owned();
    let work = tokio::task::spawn_blocking(move || count(opened.reader));
    let counted = match work.await {
        Ok(counted) => counted.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    counted.map_err(|reason| ReplayError::Malformed { key: named, reason })
}

fn count(reader: ObjectReader) -> std::io::Result<Content> {
    let mut content = Content::default();
    for line in BufReader::new(MultiGzDecoder::new(reader)).lines() {
        let entry: Entry = serde_json::from_str(&line?)?;
        content.origin.get_or_insert(entry.origin);
        *content.rows.entry((entry.dataset, entry.reason)).or_insert(0) += 1;
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use shared::aws::Content as Read;

    use super::*;

    fn key(token: &str, replay: &str) -> String {
        format!("rows/segment/2026-11-20/{token}{replay}.ndjson.gz")
    }

    fn refused(rows: &[(Option<&str>, &str, u64)]) -> Content {
        let mut content = Content::default();
        for (dataset, reason, count) in rows {
            content.rows.insert((dataset.map(str::to_owned), (*reason).to_owned()), *count);
        }
        content
    }

    fn replayed(replay: &str, datasets: &[&str]) -> Replayed {
        Replayed {
            replay: replay.to_owned(),
            datasets: datasets.iter().map(|dataset| (*dataset).to_owned()).collect(),
            content: Read {
                checksum: "c".to_owned(),
                entity_tag: "e".to_owned(),
                read_at: Utc::now(),
                generation: "1".to_owned(),
                routed_to: Vec::new(),
            },
        }
    }

    fn origin() -> Origin {
        Origin { bucket: "landing".to_owned(), key: "segment/a.gz".to_owned(), version_id: None }
    }

    #[test]
    fn the_readings_of_an_input_stand_in_their_order() {
        let listed = [key("a", "-1"), key("a", "-2"), key("a", ""), key("b", "")];
        let inputs = by_input(listed);
        assert_eq!(inputs.len(), 2);
        assert_eq!(inputs[0].keys, [key("a", ""), key("a", "-1"), key("a", "-2")]);
        assert_eq!(by_input(["files/a/b".to_owned(), "rows/x".to_owned()]), []);
    }

    #[test]
    fn what_was_read_again_counts_as_the_last_reading_left_it() {
        let first = refused(&[(Some("a"), "wrong_type", 5), (Some("b"), "wrong_type", 2)]);
        let second = refused(&[(Some("a"), "wrong_type", 1)]);
        let readings = [(None, first), (Some("1".to_owned()), second)];
        let open = still_open(&readings, &[replayed("1", &["a"])]);
        let rows: Vec<(u64, u64)> = open.values().map(|one| (one.rows, one.tries)).collect();
        assert_eq!(rows, [(1, 1), (2, 0)]);
        // Everything has passed in the last: there is no object of it.
        let open = still_open(&readings, &[replayed("1", &["a"]), replayed("2", &[])]);
        assert!(open.is_empty());
    }

    #[test]
    fn an_input_is_read_for_the_datasets_that_match() {
        let open = || {
            let readings = [(
                None,
                refused(&[
                    (Some("a"), "wrong_type", 5),
                    (Some("a"), "out_of_range", 1),
                    (Some("b"), "wrong_type", 2),
                    (None, "unknown_type", 3),
                ]),
            )];
            still_open(&readings, &[])
        };
        let order = |dataset: Option<&str>, reason: Option<&str>| QuarantinedOrder {
            dataset: dataset.map(str::to_owned),
            reason: reason.map(str::to_owned),
            ..QuarantinedOrder::default()
        };
        let select = |order| select(&order, "1", origin(), open());
        let selected = select(order(Some("a"), Some("wrong_type"))).unwrap();
        assert_eq!(selected.read_again.datasets, ["a"]);
        // Whatever else is in quarantine of the dataset is read again with it.
        assert_eq!(selected.quarantined.iter().map(|one| one.rows).sum::<u64>(), 6);
        assert_eq!(
            select(order(None, Some("wrong_type"))).unwrap().read_again.datasets,
            ["a", "b"]
        );
        let all = select(order(None, Some("unknown_type"))).unwrap();
        assert_eq!((all.read_again.datasets.len(), all.quarantined.len()), (0, 4));
        assert_eq!(select(order(Some("a"), Some("unknown_type"))), None);
        assert_eq!(select(order(Some("c"), None)), None);
    }
}
