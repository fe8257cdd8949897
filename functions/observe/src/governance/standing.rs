//! What stands of the inputs of a dataset, or of a folder. One item, bounded however many inputs go wrong.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::incident::Finding;
use shared::run::{InputIdentity, Run};

use super::{Stands, says};

/// So many inputs that are kept back are known one by one, the newest of them: who settles all, settles these too.
const MOST_WITHHELD: usize = 100;

/// So many that were settled are known: what is told of them late opens nothing any more.
const MOST_SETTLED: usize = 300;

/// So many runs are named in an incident.
const MOST_NAMED: usize = 5;

/// A change is told apart from the one before by this.
const MOMENT: TimeDelta = TimeDelta::microseconds(1);

/// An input whose rows are kept from their table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Withheld {
    /// Which reading of its object it is.
    generation: String,
    run_id: String,
    arrived_at: DateTime<Utc>,
    rows: u64,
    causes: BTreeSet<String>,
    seen_at: DateTime<Utc>,
}

/// An input whose rows are kept from their table no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Settled {
    /// Up to which reading of its object.
    generation: String,
    seen_at: DateTime<Utc>,
}

/// What an input says of itself alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OfItself {
    generation: String,
    run_id: String,
    findings: Vec<Finding>,
}

/// What stands of the inputs of a subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// When it changed last.
    #[serde(default)]
    as_of: Option<DateTime<Utc>>,
    /// When what is told of a cause changed last.
    #[serde(default)]
    told: BTreeMap<String, DateTime<Utc>>,
    /// Inputs that are kept back, by the names of their objects.
    #[serde(default)]
    withheld: BTreeMap<String, Withheld>,
    /// The newest finding of each cause for which one is.
    #[serde(default)]
    causes: BTreeMap<String, Finding>,
    /// Inputs that were kept back, or that an earlier reading may have been of.
    #[serde(default)]
    settled: BTreeMap<String, Settled>,
    /// What the newest input says of itself alone.
    #[serde(default)]
    newest: Option<OfItself>,
}

impl Standing {
    /// What is wrong, once anything ever was.
    pub fn stands(&self) -> Option<Stands> {
        let as_of = self.as_of?;
        let since = |finding: &Finding| self.told.get(&finding.key.cause).copied().unwrap_or(as_of);
        let findings = self.findings().into_iter().map(|finding| {
            let since = since(&finding);
            (finding, since)
        });
        Some(Stands { findings: findings.collect(), as_of })
    }

    /// Takes a run in. Doing so again changes nothing.
    pub fn note(&mut self, run: &Run, now: DateTime<Utc>) {
        let object = InputIdentity::path_token(&run.input.bucket, &run.input.key, "");
        let findings = says::withheld(run);
        if !findings.is_empty() {
            self.withhold(object, run, findings, now);
        } else if says::settles(run) {
            self.settle(object, run, now);
        }
        if let Some(findings) = says::of_itself(run) {
            self.say(run, findings);
        }
    }

    /// Forgets inputs that were seen before a moment: what was kept of them has expired.
    pub fn forget(&mut self, before: DateTime<Utc>) {
        self.withheld.retain(|_, input| input.seen_at >= before);
        self.settled.retain(|_, input| input.seen_at >= before);
        self.forget_causes();
    }

    /// Notes that it has changed, and what of it.
    pub fn change(&mut self, before: &Self, now: DateTime<Utc>) {
        let as_of = before.as_of.map_or(now, |known| now.max(known + MOMENT));
        self.as_of = Some(as_of);
        let known = before.findings();
        let findings = self.findings();
        self.told.retain(|cause, _| findings.iter().any(|finding| finding.key.cause == *cause));
        for finding in findings {
            if !known.contains(&finding) {
                self.told.insert(finding.key.cause, as_of);
            }
        }
    }

    fn withhold(&mut self, object: String, run: &Run, findings: Vec<Finding>, now: DateTime<Utc>) {
        let generation = run.generation();
        let settled = self.settled.get(&object).map(|input| &input.generation);
        let known = self.withheld.get(&object).map(|input| &input.generation);
        // A later reading of the object has decided, or this one is known.
        if settled.max(known).is_some_and(|newest| *newest >= generation) {
            return;
        }
        let causes = findings.iter().map(|finding| finding.key.cause.clone()).collect();
        for finding in findings {
            let newest = self.causes.get(&finding.key.cause);
            if newest.is_none_or(|newest| newest.since <= finding.since) {
                self.causes.insert(finding.key.cause.clone(), finding);
            }
        }
        let withheld = Withheld {
            generation,
            run_id: run.run_id.clone(),
            arrived_at: run.arrived_at,
            rows: run.rows.map_or(0, |rows| rows.held + rows.discarded),
            causes,
            seen_at: now,
        };
        self.withheld.insert(object, withheld);
        let age = |input: &Withheld| (input.arrived_at, input.run_id.clone());
        keep_newest(&mut self.withheld, MOST_WITHHELD, age);
        self.forget_causes();
    }

    fn settle(&mut self, object: String, run: &Run, now: DateTime<Utc>) {
        let generation = run.generation();
        let withheld = self.withheld.get(&object);
        let is_overtaken = withheld.is_some_and(|input| input.generation > generation);
        let settled = self.settled.get(&object);
        let is_known = settled.is_some_and(|input| input.generation >= generation);
        // Who brings an object for the first time settles nothing, and need not be remembered.
        let says_nothing = withheld.is_none() && !says::reads_again(run);
        if is_overtaken || is_known || says_nothing {
            return;
        }
        self.withheld.remove(&object);
        self.settled.insert(object, Settled { generation, seen_at: now });
        keep_newest(&mut self.settled, MOST_SETTLED, |input| input.seen_at);
        self.forget_causes();
    }

    /// Takes what a run says of itself alone for how things are, if none that is newer has said so. Where all was well
    /// and is, nothing is noted: that is so of most runs.
    fn say(&mut self, run: &Run, findings: Vec<Finding>) {
        let (generation, run_id) = (run.generation(), run.run_id.clone());
        let newest = self.newest.as_ref();
        let is_later = newest
            .is_none_or(|newest| (&newest.generation, &newest.run_id) < (&generation, &run_id));
        let was_well = newest.is_none_or(|newest| newest.findings.is_empty());
        if is_later && !(was_well && findings.is_empty()) {
            self.newest = Some(OfItself { generation, run_id, findings });
        }
    }

    fn forget_causes(&mut self) {
        let withheld = &self.withheld;
        self.causes.retain(|cause, _| withheld.values().any(|input| input.causes.contains(cause)));
    }

    fn findings(&self) -> Vec<Finding> {
        let of_itself = self.newest.iter().flat_map(|newest| newest.findings.iter().cloned());
        self.causes.values().map(|newest| self.of_all(newest)).chain(of_itself).collect()
    }

    /// The newest finding of a cause, as one of all inputs that are kept back for it.
    fn of_all(&self, newest: &Finding) -> Finding {
        let cause = &newest.key.cause;
        let mut inputs: Vec<&Withheld> =
            self.withheld.values().filter(|input| input.causes.contains(cause)).collect();
        inputs.sort_by(|one, other| {
            (other.arrived_at, &other.run_id).cmp(&(one.arrived_at, &one.run_id))
        });
        let rows: u64 = inputs.iter().map(|input| input.rows).sum();
        let runs: Vec<&str> =
            inputs.iter().take(MOST_NAMED).map(|input| input.run_id.as_str()).collect();
        let count = match inputs.len() {
            1 => "1 input waits".to_owned(),
            MOST_WITHHELD.. => format!("{MOST_WITHHELD} inputs or more wait"),
            count => format!("{count} inputs wait"),
        };
        let with_rows = if rows > 0 { format!(", with {rows} rows") } else { String::new() };
        let mut finding = newest.clone();
        finding.since = inputs.last().map_or(newest.since, |oldest| oldest.arrived_at);
        finding.evidence.details.push(format!(
            "{count} to be released, dropped or read again{with_rows}: {}",
            runs.join(", ")
        ));
        finding
    }
}

/// Keeps so many entries, those of the greatest age.
fn keep_newest<V, A: Ord>(entries: &mut BTreeMap<String, V>, most: usize, age: impl Fn(&V) -> A) {
    while entries.len() > most {
        let oldest = entries.iter().min_by_key(|(_, entry)| age(entry));
        let Some(oldest) = oldest.map(|(name, _)| name.clone()) else { break };
        entries.remove(&oldest);
    }
}
