//! The column `extra`: names and types of what is no column, never a value.

use std::collections::{BTreeMap, HashMap};

use super::plan::{Plan, SlotId};
use super::scan::{JsonType, Scanned};
use crate::contract::Contract;

/// A name longer than this, or one that looks like data, is written as [`UNNAMED`].
const LONGEST_NAME: usize = 64;

/// So many digits in a row are an identifier, not a part of a name.
const LONGEST_DIGIT_RUN: usize = 5;

/// Stands for a name that may itself be somebody's data: an e-mail address as a key, say.
const UNNAMED: &str = "?";

/// Texts of `extra` that are counted apart; sources have far fewer shapes of records.
const MOST_SHAPES: usize = 4_096;

/// Members that a run tells of: an item of the ledger holds 400 KB.
const MOST_MEMBERS: usize = 500;

/// Makes the text of `extra` for one dataset, and counts what was seen.
#[derive(Debug)]
pub(super) struct Extra {
    /// For each node of the plan: whether this dataset lists its unknown members.
    lists: Vec<bool>,
    /// Slots that other datasets read and this one does not, with their paths.
    foreign: Vec<(SlotId, String)>,
    paths: Vec<String>,
    shapes: HashMap<String, u64>,
}

impl Extra {
    pub(super) fn new(plan: &Plan, contract: &Contract, read_by_router: &[&str]) -> Self {
        let own = |path: &str| {
            read_by_router.contains(&path)
                || contract
                    .columns
                    .iter()
                    .any(|column| column.sources.iter().any(|source| source == path))
        };
        let mut foreign = Vec::new();
        for slot in 0..plan.slot_count() {
            let path = plan.path(slot);
            if !own(path) && lists_path(contract, path) {
                foreign.push((slot, path.to_owned()));
            }
        }
        let mut lists = Vec::new();
        let mut paths = Vec::new();
        for node in 0..plan.node_count() {
            let path = &plan.node(node).path;
            lists.push(contract.unknown_members_of.contains(path));
            paths.push(if path.is_empty() { String::new() } else { format!("{path}.") });
        }
        Self { lists, foreign, paths, shapes: HashMap::new() }
    }

    /// Appends the text for a record, and for values left out of their columns; nothing where there
    /// is nothing to list. Tells whether the record had a member that no column takes.
    pub(super) fn append(
        &self,
        scanned: &Scanned<'_>,
        left_out: &[SlotId],
        plan: &Plan,
        target: &mut String,
    ) -> bool {
        let start = target.len();
        for (node, name, json_type) in scanned.unknown() {
            if self.lists[node] {
                append_member(target, start, &self.paths[node], shown_name(name), json_type);
            }
        }
        for (slot, path) in &self.foreign {
            if let Some(json_type) = scanned.json_type(*slot) {
                append_member(target, start, "", path, json_type);
            }
        }
        let unknown = target.len() > start;
        for slot in left_out {
            if let Some(json_type) = scanned.json_type(*slot) {
                append_member(target, start, "", plan.path(*slot), json_type);
            }
        }
        if target.len() > start {
            target.push('}');
        }
        unknown
    }

    /// Counts a text of `extra`. Records of one library have the same few shapes.
    pub(super) fn count(&mut self, text: &str) {
        if let Some(count) = self.shapes.get_mut(text) {
            *count += 1;
        } else if self.shapes.len() < MOST_SHAPES {
            self.shapes.insert(text.to_owned(), 1);
        }
    }

    /// `path:type` of the members that were seen, with the number of rows; the most frequent where
    /// there are more than a run can tell.
    pub(super) fn unknown_members(&self) -> BTreeMap<String, u64> {
        let mut members = BTreeMap::new();
        for (shape, count) in &self.shapes {
            let parsed: HashMap<String, String> = serde_json::from_str(shape).unwrap_or_default();
            for (path, json_type) in parsed {
                *members.entry(format!("{path}:{json_type}")).or_insert(0) += count;
            }
        }
        if members.len() <= MOST_MEMBERS {
            return members;
        }
        let mut by_count: Vec<(String, u64)> = members.into_iter().collect();
        by_count.sort_by(|(_, one), (_, other)| other.cmp(one));
        by_count.truncate(MOST_MEMBERS);
        by_count.into_iter().collect()
    }
}

/// Whether an object above a path lists its unknown members.
fn lists_path(contract: &Contract, path: &str) -> bool {
    let below = |above: &String| {
        above.is_empty()
            || path.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('.'))
    };
    contract.unknown_members_of.iter().any(below)
}

fn append_member(target: &mut String, start: usize, above: &str, name: &str, json_type: JsonType) {
    target.push_str(if target.len() == start { "{\"" } else { ",\"" });
    target.push_str(above);
    target.push_str(name);
    target.push_str("\":\"");
    target.push_str(json_type.name());
    target.push('"');
}

/// A name as it may be shown: letters, digits and a few signs, so it needs no escaping either.
fn shown_name(name: &str) -> &str {
    let mut digits = 0;
    let mut letters = 0;
    for letter in name.chars() {
        if letter.is_numeric() {
            digits += 1;
            if digits > LONGEST_DIGIT_RUN {
                return UNNAMED;
            }
            continue;
        }
        digits = 0;
        if letter.is_alphabetic() {
            letters += 1;
        } else if !matches!(letter, '_' | '-' | '.' | ' ' | '$' | ':' | '/') {
            return UNNAMED;
        }
    }
    if letters == 0 || name.len() > LONGEST_NAME { UNNAMED } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_data_is_not_shown() {
        for good in ["firstName", "utm source", "$os", "größe", "address.city", "x2"] {
            assert_eq!(shown_name(good), good);
        }
        for bad in [
            "",
            "ada@example.com",
            "203.0.113.77",
            "user_123456",
            "a\"b",
            "a\\",
            "4111 1111",
            "\u{0}x",
            &"x".repeat(65),
        ] {
            assert_eq!(shown_name(bad), UNNAMED, "{bad}");
        }
    }
}
