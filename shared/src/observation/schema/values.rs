//! Values of a column that has a list of them.

use super::chance;
use super::change::{ChangeKind, ChangeState, KnownChange};
use super::facts::ColumnFacts;
use super::judge::Judge;
use super::snapshot::{KnownColumn, Presence, RUNS_TO_LEARN};
use super::texts;

/// A share of unlisted values that grew to more than this much is looked at.
const LEAST_SHARE: f64 = 0.01;

impl Judge<'_> {
    pub(super) fn see_values(&mut self, column: &KnownColumn, facts: &ColumnFacts) {
        if let Some(unlisted) = facts.unlisted {
            self.see_unlisted(column, facts.with, unlisted);
        }
        if let Some(values) = &facts.values {
            let rows = values.values().sum();
            for value in &column.listed {
                self.see_value(column, value, rows, values.get(value).copied().unwrap_or_default());
            }
        }
    }

    /// Values that are not on the list: none before and some now, or a few before and many now.
    fn see_unlisted(&mut self, column: &KnownColumn, rows: u64, unlisted: u64) {
        if rows == 0 {
            return;
        }
        let cause = format!("value_added:{}", column.name);
        let is_told = self.known.changes.contains_key(&cause);
        let learns = self.known.runs < RUNS_TO_LEARN;
        let presence = self.known.unlisted.entry(column.field_id).or_default();
        presence.is_known |= learns && unlisted > 0;
        if is_told {
            if is_over(presence, rows, unlisted) {
                self.end(&cause, ChangeState::Reverted);
            }
            return;
        }
        if !is_told && surges(presence, rows, unlisted) {
            presence.is_known = true;
            let since = presence.first_seen.unwrap_or(self.run.arrived_at);
            let rows = presence.with_since;
            self.begin(cause, texts::value_added(column, rows, since), rows);
            return;
        }
        if unlisted > 0 {
            presence.first_seen = presence.first_seen.or(Some(self.run.arrived_at));
        }
        presence.learn(rows, unlisted);
    }

    /// A value of the list.
    fn see_value(&mut self, column: &KnownColumn, value: &str, rows: u64, with: u64) {
        if rows == 0 {
            return;
        }
        let cause = format!("value_removed:{}:{value}", column.name);
        let is_told = self.known.changes.contains_key(&cause);
        let of_column = self.known.values.entry(column.field_id).or_default();
        if with == 0 && !of_column.contains_key(value) {
            return;
        }
        let presence = of_column.entry(value.to_owned()).or_default();
        presence.see(rows, with, self.run.arrived_at, !is_told);
        if with > 0 {
            self.end(&cause, ChangeState::Reverted);
        } else if !is_told && presence.is_gone() {
            presence.longest_gap = presence.gap_rows;
            let (rows, since) = (presence.gap_rows, presence.gap_since);
            let since = since.unwrap_or(self.run.arrived_at);
            self.begin(cause, texts::value_removed(column, value, since), rows);
        }
    }

    /// A value that is gone for good is not waited for.
    pub(super) fn forget_value(&mut self, change: &KnownChange) {
        debug_assert_eq!(change.kind, ChangeKind::ValueRemoved);
        let column = self.known.columns.iter().find(|column| column.name == change.subject);
        let values = column.and_then(|column| self.known.values.get_mut(&column.field_id));
        if let (Some(values), Some(value)) = (values, &change.before) {
            values.remove(value);
        }
    }
}

/// Whether so many unlisted values are more than chance, after those that were seen before.
fn surges(known: &mut Presence, rows: u64, unlisted: u64) -> bool {
    if !known.is_known {
        // None was seen while learning: small inputs add up from the first.
        if known.with_since == 0 {
            (known.rows_before, known.rows_since) = (known.without as u64, 0);
        }
        if known.with_since > 0 || unlisted > 0 {
            known.rows_since += rows;
            known.with_since += unlisted;
        }
        return known.runs >= RUNS_TO_LEARN && known.with_since > 0 && known.is_new();
    }
    (known.rows_since, known.with_since) = (rows, unlisted);
    let share = (known.with + 0.5) / (known.with + known.without + 1.0);
    known.runs >= RUNS_TO_LEARN
        && unlisted as f64 > rows as f64 * usual(known)
        && chance::deviates(unlisted as f64, rows as f64, share) < chance::IMPROBABLE
}

/// The share up to which unlisted values are as before. Damage comes in lumps: what is only somewhat more is none of a
/// new value's.
fn usual(known: &Presence) -> f64 {
    if known.with > 0.0 { 2.0 * known.share() + LEAST_SHARE } else { 0.0 }
}

/// Whether values that were told of as new are gone again: that a share as they had should give so few is
/// improbable. What was told trains nothing.
fn is_over(known: &mut Presence, rows: u64, unlisted: u64) -> bool {
    if unlisted as f64 > rows as f64 * usual(known) {
        known.rows_since += rows + std::mem::take(&mut known.gap_rows);
        known.with_since += unlisted;
        return false;
    }
    known.gap_rows += rows;
    let (with, all) = (known.with_since as f64, known.rows_since as f64);
    let is_over = chance::ended(with, all - with, known.gap_rows as f64) < chance::IMPROBABLE;
    if is_over {
        (known.gap_rows, known.first_seen) = (0, None);
    }
    is_over
}
