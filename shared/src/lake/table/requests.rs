//! How a table remembers the requests that it holds: in the summaries of its snapshots.

use std::collections::HashMap;

use iceberg::spec::{Snapshot, TableMetadata};

use crate::event::CommitRequest;

/// The snapshot summary's property that names the commit requests it holds, joined by commas.
pub(super) const REQUEST_IDS: &str = "tributary.request-ids";

/// The snapshot summary's property that names the requests which were appended in another form than
/// they came, as `request=key of that form`, joined by commas.
pub(super) const REWRITTEN_REQUESTS: &str = "tributary.rewritten-requests";

/// The table property that names the index of the rows' keys, an object in the lake bucket.
pub(super) const KEY_INDEX: &str = "tributary.key-index";

/// A request that is in its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The snapshot that holds its rows.
    pub snapshot_id: i64,
    /// Where the request stands in the form that it was appended in, if that was another.
    pub rewritten: Option<String>,
}

/// A request as it is to be appended.
#[derive(Debug)]
pub struct Append<'a> {
    /// The request.
    pub request: &'a CommitRequest,
    /// Where it stands in this form, if it came in another.
    pub rewritten: Option<&'a str>,
}

/// The properties of the snapshot that holds some requests.
pub(super) fn summary(requests: &[Append<'_>]) -> HashMap<String, String> {
    let mut ids = Vec::new();
    let mut rewritten = Vec::new();
    for append in requests {
        let id = &append.request.request_id;
        ids.push(id.as_str());
        rewritten.extend(append.rewritten.map(|key| format!("{id}={key}")));
    }
    let mut summary = HashMap::from([(REQUEST_IDS.to_owned(), ids.join(","))]);
    if !rewritten.is_empty() {
        summary.insert(REWRITTEN_REQUESTS.to_owned(), rewritten.join(","));
    }
    summary
}

/// The requests that a snapshot holds, and where each stands in the form that it was appended in, if that was another.
pub(super) fn requests_of(snapshot: &Snapshot) -> Vec<(&str, Option<String>)> {
    let properties = &snapshot.summary().additional_properties;
    let Some(ids) = properties.get(REQUEST_IDS) else { return Vec::new() };
    let rewritten: HashMap<&str, &str> = properties
        .get(REWRITTEN_REQUESTS)
        .map(|rewritten| rewritten.split(',').filter_map(|one| one.split_once('=')).collect())
        .unwrap_or_default();
    ids.split(',').map(|id| (id, rewritten.get(id).map(|key| (*key).to_owned()))).collect()
}

/// The snapshot that holds a request's rows, if the table has not forgotten it.
pub(super) fn find_request(metadata: &TableMetadata, request_id: &str) -> Option<Found> {
    for snapshot in metadata.snapshots() {
        let ids = snapshot.summary().additional_properties.get(REQUEST_IDS);
        if !ids.is_some_and(|ids| ids.split(',').any(|id| id == request_id)) {
            continue;
        }
        let requests = requests_of(snapshot);
        let rewritten =
            requests.into_iter().find_map(|(id, key)| (id == request_id).then_some(key));
        let rewritten = rewritten.flatten();
        return Some(Found { snapshot_id: snapshot.snapshot_id(), rewritten });
    }
    None
}

/// The index of the keys of a table's rows.
pub(super) fn key_index(metadata: &TableMetadata) -> Option<&str> {
    metadata.properties().get(KEY_INDEX).map(String::as_str)
}
