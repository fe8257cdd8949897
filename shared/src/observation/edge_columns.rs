//! Columns that are read from elsewhere than before. A column that comes or goes is the schema monitor's.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::edges::{Edge, TOLD_FOR, is_newer};
use crate::contract::Contract;
use crate::incident::{Evidence, Finding, IncidentKey, Monitor, Severity};

/// So many columns are told one by one.
const MOST_TOLD: usize = 20;

/// Where columns are read from: dotted paths of the source record, by the columns' names.
pub type Sources = BTreeMap<String, Vec<String>>;

/// A column that is read from elsewhere than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnChange {
    /// Where it was read from.
    pub before: Vec<String>,
    /// When the input arrived with which the change was seen.
    pub since: DateTime<Utc>,
}

/// Where a contract reads its columns from.
pub(super) fn sources_of(contract: &Contract) -> Sources {
    contract.columns.iter().map(|column| (column.name.clone(), column.sources.clone())).collect()
}

/// Notes what a newer contract reads from elsewhere. What it reads again from where it was read before is no change.
pub(super) fn note(
    changes: &mut BTreeMap<String, ColumnChange>,
    before: &Sources,
    now: &Sources,
    at: DateTime<Utc>,
) {
    changes.retain(|column, _| now.contains_key(column));
    for (column, sources) in now {
        let Some(known) = before.get(column).filter(|known| *known != sources) else { continue };
        let is_back = changes.get(column).is_some_and(|change| change.before == *sources);
        if is_back {
            changes.remove(column);
        } else {
            changes.insert(column.clone(), ColumnChange { before: known.clone(), since: at });
        }
    }
}

/// What has changed of the columns of a dataset, not long ago: one finding.
pub(super) fn judge(
    dataset: &str,
    edges: &[Edge],
    neighbours: &[String],
    now: DateTime<Utc>,
) -> Option<Finding> {
    let mut version = "";
    for edge in edges {
        if is_newer(&edge.contract_version, version) {
            version = &edge.contract_version;
        }
    }
    // An edge that seldom has a run sees the change late: it was told by then.
    let mut changes: BTreeMap<&str, (DateTime<Utc>, &ColumnChange, &Edge)> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| edge.contract_version == version) {
        for (column, change) in &edge.column_changes {
            let first = changes.entry(column).or_insert((change.since, change, edge));
            first.0 = first.0.min(change.since);
        }
    }
    changes.retain(|_, (since, ..)| *since + TOLD_FOR > now);
    let since = changes.values().map(|(since, ..)| *since).min()?;
    let names: Vec<&str> = changes.keys().copied().take(MOST_TOLD).collect();
    let mut details = Vec::new();
    for (column, (_, change, edge)) in changes.iter().take(MOST_TOLD) {
        let sources = edge.columns.get(*column).map(Vec::as_slice).unwrap_or_default();
        let (from, before) = (listed(sources), listed(&change.before));
        details.push(format!("{column} is read from {from} instead of {before}"));
    }
    details.extend_from_slice(neighbours);
    let (count, names) = (changes.len(), names.join(", "));
    Some(Finding {
        key: IncidentKey::new(dataset, Monitor::Lineage, format!("columns_changed:{version}")),
        severity: Severity::Low,
        since,
        summary: format!(
            "version {version} of its contract reads {count} of the columns of {dataset} from elsewhere: {names}"
        ),
        evidence: Evidence { details, ..Evidence::default() },
    })
}

fn listed(sources: &[String]) -> String {
    if sources.is_empty() { "nothing".to_owned() } else { sources.join(" or ") }
}
