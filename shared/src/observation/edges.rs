//! Lineage edges, from the runs: which job writes a dataset, and what it reads for it.
//!
//! An edge that comes to a dataset that is known already was added; one that has fallen silent while
//! others go on was removed; where both happened to a job at the same time, it was renamed. Columns that are read from
//! elsewhere than before are told too ([`super::edge_columns`]).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::edge_columns::{self, ColumnChange, Sources};
use super::judgement::Judgement;
use super::key;
use super::tally::{self, TallyError};
use crate::contract::Contract;
use crate::incident::{Evidence, Finding, IncidentKey, Monitor, Severity};
use crate::lineage::{input_dataset, upstream_tables_of_job};
use crate::run::Run;
use crate::state::{Store, StoreError};

/// An edge is new to a dataset that had others for so long …
const ESTABLISHED: TimeDelta = TimeDelta::days(2);

/// … with so many runs.
const ESTABLISHED_RUNS: usize = 5;

/// A new edge is told of for so long, and belongs to the dataset from then on.
pub(super) const TOLD_FOR: TimeDelta = TimeDelta::days(1);

/// An edge is silent after so many times its longest pause, or so many times the most days that it paused …
const SILENT_PAUSES: i32 = 3;

/// … but not before so long, or while no weekend is known, so long.
const PATIENCE: (TimeDelta, TimeDelta) = (TimeDelta::days(1), TimeDelta::days(4));

/// From then on a weekend is known.
const A_WEEK: TimeDelta = TimeDelta::days(8);

/// That an edge is gone is told for so long; then it does not belong to the dataset any more.
const GONE_FOR: TimeDelta = TimeDelta::days(7);

/// Of an edge's days so many are remembered.
const MOST_DAYS: usize = 60;

/// What is written once in a while by hand, in folders of many files: that it pauses says nothing.
const OCCASIONAL: [&str; 2] = ["databases/snapshots", "databases/dms"];

/// The job that has rows read again or releases them: it reads for no dataset on its own.
const REPLAY: &str = "replay";

/// Of an edge's runs so many are remembered.
const MOST_RUNS: usize = 24;

/// A job that writes a dataset, and what it reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The job.
    pub job: String,
    /// What it reads: an OpenLineage dataset, or one of the lake's.
    pub input: String,
    /// When its first run's input arrived.
    pub first_seen: Option<DateTime<Utc>>,
    /// When the inputs of its newest runs arrived, by the runs' ids.
    #[serde(default)]
    pub runs: BTreeMap<String, DateTime<Utc>>,
    /// The days on which it had runs.
    #[serde(default)]
    pub days: BTreeSet<NaiveDate>,
    /// Where each column is read from, by the contract's version.
    #[serde(default)]
    pub columns: Sources,
    /// The contract's version that says so.
    #[serde(default)]
    pub contract_version: String,
    /// Which of them are read from elsewhere than before.
    #[serde(default)]
    pub column_changes: BTreeMap<String, ColumnChange>,
}

impl Edge {
    /// When its newest run's input arrived.
    pub fn last_seen(&self) -> Option<DateTime<Utc>> {
        self.runs.values().max().copied()
    }

    /// The longest pause between its newest runs; none where too little is known.
    fn pause(&self) -> Option<TimeDelta> {
        let mut moments: Vec<DateTime<Utc>> = self.runs.values().copied().collect();
        moments.sort();
        if moments.len() < ESTABLISHED_RUNS
            || OCCASIONAL.iter().any(|part| self.input.contains(part))
        {
            return None;
        }
        moments.windows(2).map(|pair| pair[1] - pair[0]).max()
    }

    /// After how long without a run it counts as gone; none where too little is known.
    fn patience(&self) -> Option<TimeDelta> {
        let days: Vec<NaiveDate> = self.days.iter().copied().collect();
        let gaps = days.windows(2).map(|pair| pair[1] - pair[0]);
        let by_days = gaps.max().unwrap_or_default() * (SILENT_PAUSES - 1);
        let known = self.last_seen()? - self.first_seen?;
        let least = if known < A_WEEK { PATIENCE.1 } else { PATIENCE.0 };
        Some((self.pause()? * SILENT_PAUSES).max(by_days).max(least))
    }

    fn note(&mut self, run: &Run, contract: Option<&Contract>) -> bool {
        let at = run.arrived_at;
        let before = self.clone();
        self.first_seen = Some(self.first_seen.map_or(at, |first| first.min(at)));
        self.runs.insert(run.run_id.clone(), at);
        self.days.insert(at.date_naive());
        while self.days.len() > MOST_DAYS {
            self.days.pop_first();
        }
        while self.runs.len() > MOST_RUNS {
            let oldest = self.runs.iter().min_by_key(|(id, at)| (**at, (*id).clone()));
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else { break };
            self.runs.remove(&oldest);
        }
        if let Some(contract) = contract
            && is_newer(&contract.version, &self.contract_version)
        {
            let sources = edge_columns::sources_of(contract);
            edge_columns::note(&mut self.column_changes, &self.columns, &sources, at);
            self.contract_version.clone_from(&contract.version);
            self.columns = sources;
        }
        *self != before
    }
}

/// Whether a contract's version is newer than another; none is the oldest.
pub(super) fn is_newer(version: &str, than: &str) -> bool {
    match (semver::Version::parse(version), semver::Version::parse(than)) {
        (Ok(version), Ok(than)) => version > than,
        (Ok(_), Err(_)) => true,
        _ => false,
    }
}

/// What a run has read: the folder that is the same in every run, or tables of the lake.
pub fn inputs_of(run: &Run) -> Vec<String> {
    let tables = upstream_tables_of_job(&run.job);
    if tables.is_empty() {
        return vec![input_dataset(&run.input.bucket, &run.input.key).to_string()];
    }
    tables.iter().map(|table| (*table).to_owned()).collect()
}

/// Takes in what a run has read for a dataset.
pub async fn take_in(
    store: &impl Store,
    run: &Run,
    dataset: &str,
    contract: Option<&Contract>,
    retention_days: u32,
) -> Result<(), TallyError> {
    if run.job == REPLAY {
        return Ok(());
    }
    for input in inputs_of(run) {
        let key = key::edge(dataset, &run.job, &input);
        let expires_at = tally::expiry(run.arrived_at, retention_days);
        tally::change(store, &key, Some(expires_at), |edge: &mut Edge| {
            edge.job.clone_from(&run.job);
            edge.input.clone_from(&input);
            edge.note(run, contract)
        })
        .await?;
    }
    Ok(())
}

/// The edges of a dataset.
pub async fn of_dataset(store: &impl Store, dataset: &str) -> Result<Vec<Edge>, StoreError> {
    let mut edges = Vec::new();
    for item in store.query(dataset, "edge#", "edge#~").await? {
        edges.push(item.read()?);
    }
    Ok(edges)
}

/// What has changed of a dataset's edges, at a moment. `neighbours` says what lies upstream and downstream.
pub fn judge(
    dataset: &str,
    edges: &[Edge],
    neighbours: &[String],
    now: DateTime<Utc>,
) -> Judgement {
    let mut findings = Vec::new();
    let mut new_names: Vec<&str> = Vec::new();
    for edge in edges {
        let successor = edges.iter().find(|new| is_successor(new, edge));
        if let Some(new) = successor {
            if is_renamed(edge, now) {
                new_names.push(&new.input);
                findings.push(gone(dataset, edge, Some(new), neighbours));
            }
        } else if is_removed(edge, edges, now) {
            findings.push(gone(dataset, edge, None, neighbours));
        }
    }
    for edge in edges.iter().filter(|edge| is_added(edge, edges, now)) {
        if !new_names.contains(&edge.input.as_str()) {
            findings.push(come(dataset, edge, neighbours));
        }
    }
    findings.extend(edge_columns::judge(dataset, edges, neighbours, now));
    Judgement { monitor: Monitor::Lineage, findings }
}

/// Whether an edge came to a dataset that had others before, not long ago.
fn is_added(edge: &Edge, edges: &[Edge], now: DateTime<Utc>) -> bool {
    let Some(first) = edge.first_seen else { return false };
    let is_known = |other: &Edge| {
        let since = other.first_seen.is_some_and(|since| since + ESTABLISHED <= first);
        since && other.runs.len() >= ESTABLISHED_RUNS && other.input != edge.input
    };
    first + TOLD_FOR > now && edges.iter().any(is_known)
}

/// Whether an edge has fallen silent, not long ago, although the dataset has not.
fn is_removed(edge: &Edge, edges: &[Edge], now: DateTime<Utc>) -> bool {
    let (Some(last), Some(patience)) = (edge.last_seen(), edge.patience()) else { return false };
    let gone = last + patience;
    let goes_on = |other: &Edge| other.last_seen().is_some_and(|seen| seen > gone);
    // What was there for a moment never belonged to the dataset.
    let belonged = edge.first_seen.is_some_and(|first| first + ESTABLISHED <= last);
    let is_missed = belonged && !edges.iter().any(|other| is_stand_in(edge, other));
    is_missed && now > gone && now <= gone + GONE_FOR && edges.iter().any(goes_on)
}

/// Whether an edge only stood in for another of its job: it came when that one stayed away for longer than it ever had,
/// and went when it was back. So a renaming that is taken back is no loss.
fn is_stand_in(edge: &Edge, other: &Edge) -> bool {
    let (Some(first), Some(last)) = (edge.days.first(), edge.days.last()) else { return false };
    let before: Vec<NaiveDate> = other.days.iter().copied().filter(|day| day < first).collect();
    let longest = before.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    let was_away = !other.days.iter().any(|day| first < day && day < last);
    let is_back = !before.is_empty() && other.last_seen() > edge.last_seen();
    other.job == edge.job && is_back && was_away && *last - *first > longest
}

/// Whether an edge that has a successor is silent for good, by its own pauses, and not long ago.
fn is_renamed(edge: &Edge, now: DateTime<Utc>) -> bool {
    let (Some(last), Some(pause)) = (edge.last_seen(), edge.pause()) else { return false };
    let gone = last + pause * SILENT_PAUSES;
    now > gone && now <= gone + GONE_FOR
}

/// Whether an edge began when another one ended: the same job, another input.
fn is_successor(new: &Edge, old: &Edge) -> bool {
    let (Some(first), Some(last), Some(patience)) =
        (new.first_seen, old.last_seen(), old.patience())
    else {
        return false;
    };
    new.job == old.job && first > last && first <= last + patience
}

fn come(dataset: &str, edge: &Edge, neighbours: &[String]) -> Finding {
    Finding {
        key: IncidentKey::new(dataset, Monitor::Lineage, format!("edge_added:{}", edge.input)),
        severity: Severity::Medium,
        since: edge.first_seen.unwrap_or_default(),
        summary: format!("{dataset} has a new upstream: {} reads {} for it", edge.job, edge.input),
        evidence: Evidence { details: neighbours.to_vec(), ..Evidence::default() },
    }
}

fn gone(dataset: &str, edge: &Edge, successor: Option<&Edge>, neighbours: &[String]) -> Finding {
    let last = edge.last_seen().unwrap_or_default();
    let when = last.format("%Y-%m-%d %H:%M UTC");
    let (cause, summary, severity) = match successor {
        Some(new) => (
            format!("edge_renamed:{}", edge.input),
            format!(
                "an upstream of {dataset} has another name: {} reads {} instead of {}",
                edge.job, new.input, edge.input
            ),
            Severity::Medium,
        ),
        None => (
            format!("edge_removed:{}", edge.input),
            format!(
                "{dataset} has lost an upstream: {} reads {} no more, the last time was {when}",
                edge.job, edge.input
            ),
            Severity::High,
        ),
    };
    Finding {
        key: IncidentKey::new(dataset, Monitor::Lineage, cause),
        severity,
        since: last,
        summary,
        evidence: Evidence { details: neighbours.to_vec(), ..Evidence::default() },
    }
}
