//! What a run says of the source's schema, brought into one form.

use std::collections::BTreeMap;

use super::snapshot::KnownColumn;
use crate::run::{OTHER_VALUES, Run};

/// Of one column.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ColumnFacts {
    /// Rows that could have had a value.
    pub rows: u64,
    /// Rows that had one of the column's type.
    pub with: u64,
    /// Rows that had one of another type.
    pub refused: u64,
    /// What type that was, where it is known.
    pub refused_type: Option<String>,
    /// Rows whose value is not on the list, of those `with` one.
    pub unlisted: Option<u64>,
    /// Rows by listed value, of those in the data files; none where values are not told.
    pub values: Option<BTreeMap<String, u64>>,
}

/// Of one run.
#[derive(Debug)]
pub(super) struct Facts {
    /// Rows that could have had members.
    pub rows: u64,
    /// `path:type` and the rows that had it.
    pub members: BTreeMap<String, u64>,
    /// By field id.
    pub columns: BTreeMap<i32, ColumnFacts>,
}

impl Facts {
    pub(super) fn of(run: &Run, columns: &[KnownColumn]) -> Self {
        let written = run.rows.map_or(0, |rows| rows.committed + rows.held);
        let mut facts = Self { rows: written, members: BTreeMap::new(), columns: BTreeMap::new() };
        for (member, rows) in &run.unknown_members {
            let Some((path, json_type)) = member.rsplit_once(':') else { continue };
            let is_read = columns.iter().any(|column| column.sources.iter().any(|one| one == path));
            // Null is no type, and what a column reads is a value that it refused.
            if json_type != "null" && !is_read {
                facts.members.insert(member.clone(), *rows);
            }
        }
        // Rows that were repeats of other inputs are no longer counted, but their members are.
        let most = facts.members.values().copied().max().unwrap_or_default();
        facts.rows = written.max(most);
        for column in columns {
            let of_column = ColumnFacts::of(run, column, written);
            facts.columns.extend(of_column.map(|of_column| (column.field_id, of_column)));
        }
        facts
    }
}

impl ColumnFacts {
    /// None where nothing is read, or nothing was counted.
    fn of(run: &Run, column: &KnownColumn, written: u64) -> Option<Self> {
        if column.sources.is_empty() {
            return None;
        }
        let told = run.columns.iter().find(|told| told.name == column.name);
        if told.is_none() && written > 0 {
            return None;
        }
        let mut facts = Self { rows: written, ..Self::default() };
        facts.with = told.map_or(0, |told| written.saturating_sub(told.null_count));
        let mut refused_values = 0;
        for (reason, rows) in &run.quarantined_by_column {
            let Some((reason, name)) = reason.split_once(':') else { continue };
            if name != column.name {
                continue;
            }
            facts.rows += rows;
            match reason {
                "wrong_type" => facts.refused += rows,
                "required_value_missing" => {}
                "invalid_value" => {
                    facts.with += rows;
                    refused_values += rows;
                }
                _ => facts.with += rows,
            }
        }
        facts.left_out(run, column);
        facts.lists(column, told.map(|told| &told.value_counts), refused_values);
        Some(facts)
    }

    /// Values that the contract leaves out where their type is wrong: they stand among the unknown members.
    fn left_out(&mut self, run: &Run, column: &KnownColumn) {
        for source in &column.sources {
            let from = format!("{source}:");
            let mut most = 0;
            for (member, rows) in run.unknown_members.range(from.clone()..) {
                let Some(json_type) = member.strip_prefix(&from) else { break };
                if json_type == "null" || json_type.contains(':') {
                    continue;
                }
                self.refused += rows;
                if *rows > most {
                    most = *rows;
                    self.refused_type = Some(json_type.to_owned());
                }
            }
        }
    }

    fn lists(
        &mut self,
        column: &KnownColumn,
        counts: Option<&BTreeMap<String, u64>>,
        refused: u64,
    ) {
        if column.listed.is_empty() {
            return;
        }
        let others = counts.and_then(|counts| counts.get(OTHER_VALUES)).copied();
        let others = others.filter(|_| column.follows_values()).unwrap_or_default();
        let refused = if column.refuses_unlisted { refused } else { 0 };
        self.unlisted = Some(refused + others);
        if column.follows_values() {
            self.values = counts.filter(|counts| !counts.is_empty()).cloned();
        }
    }
}
