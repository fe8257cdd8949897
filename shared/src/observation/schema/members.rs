//! Members of the source's records that are no column: they come, go, and change their type or name.

use super::change::{ChangeKind, ChangeState, KnownChange};
use super::facts::Facts;
use super::judge::{Judge, parent, succeeds};
use super::snapshot::{MOST_MEMBERS, Presence, RUNS_TO_LEARN};
use super::texts;

/// Rows after which a member that came early is how things are.
const SETTLED_ROWS: u64 = 1_000;

impl Judge<'_> {
    pub(super) fn see_members(&mut self, facts: &Facts) {
        let learns = self.known.runs < RUNS_TO_LEARN;
        for member in facts.members.keys() {
            if self.known.members.contains_key(member) || self.known.members.len() >= MOST_MEMBERS {
                continue;
            }
            let (path, _) = split(member);
            let is_known = learns || self.known.former_sources.contains(path);
            let presence =
                Presence { rows_before: self.known.rows, is_known, ..Presence::default() };
            self.known.members.insert(member.clone(), presence);
        }
        let mut returned = Vec::new();
        for (member, presence) in &mut self.known.members {
            let with = facts.members.get(member).copied().unwrap_or_default();
            if with > 0 && presence.gap_rows > 0 {
                returned.push(member.clone());
            }
            let (path, _) = split(member);
            let is_told = self.known.changes.values().any(|change| is_gone_by(change, path));
            presence.see(facts.rows, with, self.run.arrived_at, !is_told);
        }
        for member in returned {
            let (path, _) = split(&member);
            self.end_where(|change| is_gone_by(change, path) && is_of_type(change, &member));
        }
    }

    pub(super) fn judge_members(&mut self) {
        let members: Vec<String> = self.known.members.keys().cloned().collect();
        for member in &members {
            self.judge_gone(member);
        }
        for member in &members {
            self.judge_new(member);
        }
    }

    /// A member that is there no more: what told of it as new is over, or it is told as gone.
    fn judge_gone(&mut self, member: &str) {
        let Some(presence) = self.known.members.get(member).cloned() else { return };
        let (path, json_type) = split(member);
        if presence.gap_rows == 0 {
            return;
        }
        if presence.is_known && presence.is_over() {
            self.end_where(|change| is_new_by(change, path, json_type));
        }
        let is_told = self.known.changes.values().any(|change| is_gone_by(change, path));
        if presence.is_passing || !presence.is_known || is_told || !presence.is_gone() {
            return;
        }
        let rows = presence.gap_rows;
        let (cause, change) = match self.successor_of_member(member, &presence) {
            Some(successor) => {
                let after = split(&successor).1.to_owned();
                let to = self.takes_place(&successor);
                if to == path {
                    let change = texts::member_retyped(self.nested(path), path, json_type, &after);
                    (format!("member_retyped:{path}"), change)
                } else {
                    let change = texts::member_renamed(self.nested(path), path, &to);
                    (format!("member_renamed:{path}:{to}"), change)
                }
            }
            None => {
                let change = texts::member_dropped(self.nested(path), path, json_type);
                (format!("member_dropped:{member}"), change)
            }
        };
        if let Some(known) = self.known.members.get_mut(member) {
            known.longest_gap = known.gap_rows;
        }
        let since = presence.gap_since.unwrap_or(self.run.arrived_at);
        self.begin(cause, KnownChange { since, ..change }, rows);
    }

    /// The same path with another type, or a member of the same object and type with another name.
    fn successor_of_member(&self, member: &str, gone: &Presence) -> Option<String> {
        let (path, json_type) = split(member);
        let mut best: Option<(bool, f64, &String)> = None;
        for (other, presence) in &self.known.members {
            let (to, other_type) = split(other);
            let is_retyped = to == path;
            let is_renamed = json_type == other_type && parent(to) == parent(path);
            if (!is_retyped && !is_renamed) || !succeeds(gone, presence) {
                continue;
            }
            let rank = (!is_retyped, (presence.share() - gone.share()).abs(), other);
            if best.is_none_or(|best| (rank.0, rank.1) < (best.0, best.1)) {
                best = Some(rank);
            }
        }
        best.map(|(_, _, other)| other.clone())
    }

    /// A member that was not there before.
    fn judge_new(&mut self, member: &str) {
        let Some(presence) = self.known.members.get(member).cloned() else { return };
        if !presence.is_new() {
            // Four times as many rows since as before: no further one will tell whether it is new.
            let is_settled = presence.rows_since > 4 * presence.rows_before + SETTLED_ROWS;
            if is_settled && let Some(known) = self.known.members.get_mut(member) {
                known.is_known = true;
            }
            return;
        }
        if self.may_succeed(member, &presence) {
            return;
        }
        let (path, json_type) = split(member);
        let of_path = self.known.members.iter().find(|(other, presence)| {
            split(other).0 == path && *other != member && presence.is_known
        });
        let (cause, change) = match of_path {
            Some((other, _)) => {
                let before = split(other).1;
                let change = texts::member_retyped(self.nested(path), path, before, json_type);
                (format!("member_retyped:{path}"), change)
            }
            None => {
                let change = texts::member_added(self.nested(path), path, json_type);
                (format!("member_added:{member}"), change)
            }
        };
        if let Some(known) = self.known.members.get_mut(member) {
            (known.is_known, known.is_passing) = (true, true);
        }
        let since = presence.first_seen.unwrap_or(self.run.arrived_at);
        self.begin(cause, KnownChange { since, ..change }, presence.with_since);
    }

    /// Whether something is missing since, whose place the member may have taken: that is known soon, and then
    /// it is no addition.
    fn may_succeed(&self, member: &str, presence: &Presence) -> bool {
        let (path, json_type) = split(member);
        let of_columns = self.known.columns.iter().any(|column| {
            let gone = self.known.presence.get(&column.field_id);
            let is_open = || {
                let mut changes = self.known.changes.values();
                changes.any(|change| change.subject == column.name)
            };
            column.may_be(json_type) && gone.is_some_and(|gone| waits(gone, presence)) && !is_open()
        });
        of_columns
            || self.known.members.iter().any(|(other, gone)| {
                let (from, other_type) = split(other);
                let is_open = || {
                    let mut changes = self.known.changes.values();
                    changes.any(|change| is_gone_by(change, from))
                };
                json_type == other_type
                    && parent(from) == parent(path)
                    && gone.is_known
                    && !gone.is_passing
                    && waits(gone, presence)
                    && !is_open()
            })
    }

    /// Whether a path leads into an object that is itself a member.
    fn nested(&self, path: &str) -> bool {
        let sources = self.known.columns.iter().flat_map(|column| &column.sources);
        let is_flat = sources.clone().any(|source| !source.contains('.'));
        // Where records have their values in one object (`properties`, `row`), that is no nesting.
        let is_in_envelope = sources.clone().any(|source| source.contains('.'));
        let depth = path.matches('.').count();
        if is_in_envelope { depth > 1 } else { depth > usize::from(!is_flat) }
    }

    fn end_where(&mut self, is_over: impl Fn(&KnownChange) -> bool) {
        let changes = self.known.changes.iter().filter(|(_, change)| is_over(change));
        let causes: Vec<String> = changes.map(|(cause, _)| cause.clone()).collect();
        for cause in causes {
            self.end(&cause, ChangeState::Reverted);
        }
    }

    /// What has lasted as a change of members is what is learnt from now on.
    pub(super) fn settle_source(&mut self, change: &KnownChange) {
        if change.kind == ChangeKind::ValueRemoved {
            self.forget_value(change);
            return;
        }
        let subject = change.subject.clone();
        let to = change.after.clone().unwrap_or_default();
        for (member, presence) in &mut self.known.members {
            let (path, _) = split(member);
            if path == subject || path == to {
                presence.is_passing = false;
            }
        }
        self.known
            .members
            .retain(|member, presence| split(member).0 != subject || presence.gap_rows == 0);
    }
}

/// Path and type.
fn split(member: &str) -> (&str, &str) {
    member.rsplit_once(':').unwrap_or((member, ""))
}

/// Whether something that is missing could still turn out to be what the member took the place of.
fn waits(gone: &Presence, member: &Presence) -> bool {
    gone.runs >= RUNS_TO_LEARN && gone.gap_rows > 0 && succeeds(gone, member)
}

fn is_nested_or(change: &KnownChange, kind: ChangeKind) -> bool {
    change.kind == kind || change.kind == ChangeKind::Nested
}

/// Whether a change tells that what was at a path is gone.
fn is_gone_by(change: &KnownChange, path: &str) -> bool {
    texts::is_of_member(change) && change.subject == path && change.before.is_some()
}

/// Whether what is gone by a change had a member's type; of a rename no type is told.
fn is_of_type(change: &KnownChange, member: &str) -> bool {
    let (path, json_type) = split(member);
    let is_renamed = change.before.as_deref() == Some(path);
    is_renamed || change.before.as_deref() == Some(json_type)
}

/// Whether a change tells that a member is new, or new of its type.
fn is_new_by(change: &KnownChange, path: &str, json_type: &str) -> bool {
    let is_kind =
        is_nested_or(change, ChangeKind::Added) || is_nested_or(change, ChangeKind::Retyped);
    texts::is_of_member(change)
        && is_kind
        && change.subject == path
        && change.after.as_deref() == Some(json_type)
}
