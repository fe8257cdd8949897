//! Verdicts: what of a run is a change.

use chrono::TimeDelta;

use super::chance;
use super::change::{ChangeKind, ChangeOrigin, ChangeState, KnownChange, SchemaChange};
use super::contract_changes::differences;
use super::facts::{ColumnFacts, Facts};
use super::snapshot::{KnownColumn, MOST_CHANGES, Presence, SchemaSnapshot};
use super::texts;
use crate::contract::Contract;
use crate::run::{Outcome, Run};

/// Runs of one moment that are told apart; S3 says by the second when an object came.
const MOST_RUNS_A_MOMENT: usize = 256;

/// What harms nobody, or somebody meant, is how things are after so many days.
const DAYS_TO_SETTLE: i64 = 14;

/// Whether a run is to be looked at; it is noted as seen then. One whose rows did not get to the end of their contract
/// says nothing of them.
pub(super) fn takes(known: &mut SchemaSnapshot, run: &Run, contract: &Contract) -> bool {
    let tells = matches!(run.outcome, Outcome::Committed | Outcome::Held | Outcome::Empty);
    let is_of_dataset = run.dataset.as_deref() == Some(&contract.dataset());
    if !tells || !is_of_dataset || run.left_out.is_some() {
        return false;
    }
    if known.newest.is_some_and(|newest| run.arrived_at < newest) {
        return false;
    }
    if known.newest != Some(run.arrived_at) {
        known.newest = Some(run.arrived_at);
        known.newest_runs.clear();
    }
    known.newest_runs.len() < MOST_RUNS_A_MOMENT && known.newest_runs.insert(run.run_id.clone())
}

/// One run, judged.
pub(super) struct Judge<'a> {
    pub(super) known: &'a mut SchemaSnapshot,
    pub(super) run: &'a Run,
    changes: Vec<SchemaChange>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(known: &'a mut SchemaSnapshot, run: &'a Run) -> Self {
        Self { known, run, changes: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<SchemaChange> {
        self.changes
    }

    /// Tells that a change began, once. More than are remembered are not told: nobody could tell when they end.
    pub(super) fn begin(&mut self, cause: String, what: KnownChange, rows: u64) {
        if self.known.changes.contains_key(&cause) || self.known.changes.len() >= MOST_CHANGES {
            return;
        }
        self.known.changes.insert(cause.clone(), what.clone());
        self.tell(cause, ChangeState::Begun, what, rows);
    }

    /// Tells that a change is over, where it lasted.
    pub(super) fn end(&mut self, cause: &str, state: ChangeState) {
        if let Some(what) = self.known.changes.remove(cause) {
            self.tell(cause.to_owned(), state, what, 0);
        }
    }

    fn tell(&mut self, cause: String, state: ChangeState, what: KnownChange, rows: u64) {
        let run_id = self.run.run_id.clone();
        self.changes.push(SchemaChange { cause, state, what, run_id, rows });
    }

    /// Compares the contract with what is known of it.
    pub(super) fn contract(&mut self, contract: &Contract) {
        if self.run.contract_version.as_deref() != Some(&contract.version) {
            return;
        }
        self.known.contract_version = Some(contract.version.clone());
        let columns = KnownColumn::all_of(contract);
        let before = std::mem::replace(&mut self.known.columns, columns.clone());
        if before.is_empty() || before == columns {
            return;
        }
        for difference in differences(&before, &columns, self.run.arrived_at) {
            if self.known.changes.contains_key(&difference.undoes) {
                self.end(&difference.undoes, ChangeState::Reverted);
            } else {
                self.begin(difference.cause, difference.change, 0);
            }
        }
        self.follow_sources(&before, &columns);
    }

    /// What was learnt of columns that are read elsewhere now, or not at all, is forgotten.
    fn follow_sources(&mut self, before: &[KnownColumn], after: &[KnownColumn]) {
        for column in before {
            let now = after.iter().find(|now| now.field_id == column.field_id);
            let is_read_as_before =
                now.is_some_and(|now| (&now.sources, &now.name) == (&column.sources, &column.name));
            if is_read_as_before {
                continue;
            }
            self.end_all_of(&column.name);
            if now.is_some_and(|now| now.sources == column.sources) {
                continue;
            }
            self.known.presence.remove(&column.field_id);
            self.known.unlisted.remove(&column.field_id);
            self.known.values.remove(&column.field_id);
            self.known.former_sources.extend(column.sources.iter().cloned());
        }
        let is_read =
            |path: &str| after.iter().any(|column| column.sources.iter().any(|one| one == path));
        self.known.former_sources.retain(|path| !is_read(path));
        let path_of = |member: &str| member.rsplit_once(':').map(|(path, _)| path.to_owned());
        let read: Vec<String> =
            self.known.members.keys().filter_map(|member| path_of(member)).collect();
        for path in read.into_iter().filter(|path| is_read(path)) {
            self.end_all_of(&path);
            self.known.members.retain(|member, _| path_of(member).as_ref() != Some(&path));
        }
    }

    /// Ends what the source did to a column or member that the contract sees otherwise now.
    fn end_all_of(&mut self, subject: &str) {
        let of_subject = |(_, change): &(&String, &KnownChange)| {
            change.origin == ChangeOrigin::Source && change.subject == subject
        };
        let causes: Vec<String> =
            self.known.changes.iter().filter(of_subject).map(|(cause, _)| cause.clone()).collect();
        for cause in causes {
            self.end(&cause, ChangeState::Adopted);
        }
    }

    /// Takes in what the run tells of the source, and judges it.
    pub(super) fn source(&mut self) {
        // What another version of the contract counted is of other columns.
        if self.run.contract_version != self.known.contract_version {
            return;
        }
        let facts = Facts::of(self.run, &self.known.columns);
        self.see_members(&facts);
        for column in self.known.columns.clone() {
            if let Some(of_column) = facts.columns.get(&column.field_id) {
                self.see_column(&column, of_column);
            }
        }
        if facts.rows > 0 {
            self.known.rows = self.known.rows.saturating_add(facts.rows);
            self.known.runs = self.known.runs.saturating_add(1);
        }
        for column in self.known.columns.clone() {
            self.judge_column(&column);
        }
        self.judge_members();
    }

    fn see_column(&mut self, column: &KnownColumn, facts: &ColumnFacts) {
        let open = self.column_changes(&column.name);
        let presence = self.known.presence.entry(column.field_id).or_default();
        presence.see(facts.rows, facts.with, self.run.arrived_at, open.is_empty());
        if facts.with == 0 {
            presence.gap_refused += facts.refused;
            if facts.refused_type.is_some() {
                presence.gap_type.clone_from(&facts.refused_type);
            }
        } else {
            for cause in open {
                self.end(&cause, ChangeState::Reverted);
            }
        }
        self.see_values(column, facts);
    }

    /// The causes by which a column is gone, retyped or renamed.
    fn column_changes(&self, name: &str) -> Vec<String> {
        let is_of = |change: &KnownChange| {
            change.origin == ChangeOrigin::Source
                && change.subject == name
                && !matches!(change.kind, ChangeKind::ValueAdded | ChangeKind::ValueRemoved)
        };
        let changes = self.known.changes.iter().filter(|(_, change)| is_of(change));
        changes.map(|(cause, _)| cause.clone()).collect()
    }

    fn judge_column(&mut self, column: &KnownColumn) {
        let Some(presence) = self.known.presence.get(&column.field_id) else { return };
        if !presence.is_gone() || !self.column_changes(&column.name).is_empty() {
            return;
        }
        let presence = presence.clone();
        let name = &column.name;
        let is_refused =
            presence.gap_refused as f64 * 2.0 >= presence.share() * presence.gap_rows as f64;
        let (cause, change) = if is_refused {
            (format!("column_retyped:{name}"), texts::column_retyped(column, &presence))
        } else if let Some(member) = self.successor_of_column(column, &presence) {
            let path = self.takes_place(&member);
            (
                format!("column_renamed:{name}:{path}"),
                texts::column_renamed(column, &presence, &path),
            )
        } else {
            (format!("column_dropped:{name}"), texts::column_dropped(column, &presence))
        };
        if let Some(known) = self.known.presence.get_mut(&column.field_id) {
            // Once more of as many rows would be nothing new.
            known.longest_gap = known.gap_rows;
        }
        self.begin(cause, change, presence.gap_rows);
    }

    fn successor_of_column(&self, column: &KnownColumn, gone: &Presence) -> Option<String> {
        let mut best: Option<(bool, f64, String)> = None;
        for (member, presence) in &self.known.members {
            let Some((path, json_type)) = member.rsplit_once(':') else { continue };
            if !column.may_be(json_type) || !succeeds(gone, presence) {
                continue;
            }
            let is_elsewhere = !column.sources.iter().any(|source| parent(source) == parent(path));
            let distance = (presence.share() - gone.share()).abs();
            let is_better = best.as_ref().is_none_or(|(elsewhere, known, _)| {
                (is_elsewhere, distance) < (*elsewhere, *known)
            });
            if is_better {
                best = Some((is_elsewhere, distance, member.clone()));
            }
        }
        best.map(|(_, _, member)| member)
    }

    /// Notes that a member took the place of something; its path.
    pub(super) fn takes_place(&mut self, member: &str) -> String {
        if let Some(presence) = self.known.members.get_mut(member) {
            (presence.is_known, presence.is_passing) = (true, true);
        }
        member.rsplit_once(':').map_or(member, |(path, _)| path).to_owned()
    }

    /// What has lasted is how things are now.
    pub(super) fn settle(&mut self) {
        let Some(before) = self.run.arrived_at.checked_sub_signed(TimeDelta::days(DAYS_TO_SETTLE))
        else {
            return;
        };
        let is_settled = |change: &KnownChange| change.settles() && change.since <= before;
        let changes = self.known.changes.iter().filter(|(_, change)| is_settled(change));
        let settled: Vec<_> =
            changes.map(|(cause, change)| (cause.clone(), change.clone())).collect();
        for (cause, change) in settled {
            if change.origin == ChangeOrigin::Source {
                self.settle_source(&change);
            }
            self.end(&cause, ChangeState::Adopted);
        }
    }
}

/// Whether a member appeared when something else went, about as often as that was there.
pub(super) fn succeeds(gone: &Presence, member: &Presence) -> bool {
    let is_since = match (gone.gap_since, member.first_seen) {
        (Some(gone), Some(first)) => first >= gone,
        _ => false,
    };
    // Of the whole gap: what came by chance at its end would be as often there only since.
    let (with, rows) = (member.with_since as f64, gone.gap_rows as f64);
    is_since && !member.is_known && chance::is_plausible(with, rows, gone.share())
}

/// The path of the object that holds a member.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(above, _)| above)
}
