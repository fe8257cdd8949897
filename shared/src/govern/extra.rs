//! The column `extra`: names and types of what is no column; values only where the contract says so.

use std::collections::{BTreeMap, HashMap};

use super::extra_value::append_value;
use super::plan::{Plan, SlotId};
use super::privacy::REDACTED;
use super::scan::{JsonType, Scanned, Written};
use super::shown_name::shown_name;
use crate::contract::{Contract, KeptValues};

/// Texts of `extra` that are counted apart; sources have far fewer shapes of records.
const MOST_SHAPES: usize = 4_096;

/// Members that a run tells of: an item of the ledger holds 400 KB.
const MOST_MEMBERS: usize = 500;

/// Makes the text of `extra` for one dataset, and counts what was seen.
#[derive(Debug)]
pub(super) struct Extra {
    /// For each node of the plan: whether this dataset lists its unknown members.
    lists: Vec<bool>,
    /// What other datasets read and this one does not.
    foreign: Vec<Foreign>,
    paths: Vec<String>,
    /// What is kept of members that no column takes, and of values that are not of their column's type.
    members: KeptValues,
    types: KeptValues,
    /// Names and types of the record at hand, where its text has values.
    shape: String,
    shapes: HashMap<String, u64>,
    /// The shape of the last record, and how many had it in a row before they are counted: records of one library come
    /// side by side, and comparing is quicker than hashing.
    last: (String, u64),
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
            if !own(path) && lists_path(contract, path) && !is_taken(contract, path) {
                let is_looked_into = looks_into(contract, path);
                foreign.push(Foreign { slot, path: path.to_owned(), is_looked_into });
            }
        }
        let mut lists = Vec::new();
        let mut paths = Vec::new();
        for node in 0..plan.node_count() {
            let path = &plan.node(node).path;
            lists.push(contract.unknown_members_of.contains(path) && !is_taken(contract, path));
            paths.push(if path.is_empty() { String::new() } else { format!("{path}.") });
        }
        Self {
            lists,
            foreign,
            paths,
            members: contract.extra_of_members(),
            types: contract.extra_of_types(),
            shape: String::new(),
            shapes: HashMap::new(),
            last: (String::new(), 0),
        }
    }

    /// Appends the text for a record, and for values left out of their columns; nothing where there
    /// is nothing to list. Tells whether the record had a member that no column takes.
    pub(super) fn append(
        &mut self,
        scanned: &Scanned<'_>,
        left_out: &[LeftOut],
        plan: &Plan,
        target: &mut String,
    ) -> bool {
        self.shape.clear();
        let shape = self.keeps_values().then_some(&mut self.shape);
        let mut text = Members { start: target.len(), target, shape };
        for (node, name, value) in scanned.unknown() {
            if self.lists[node] {
                text.add(&self.paths[node], shown_name(name), value, Kept::of(self.members, false));
            }
        }
        for foreign in &self.foreign {
            if let Some(value) = scanned.written(foreign.slot)
                && !foreign.is_known(value)
            {
                // Another dataset's contract says what is done to it; here it only was there.
                text.add("", &foreign.path, value, Kept::of(self.members, true));
            }
        }
        let unknown = !text.is_empty();
        for LeftOut { slot, is_private } in left_out {
            if let Some(value) = scanned.written(*slot) {
                text.add("", plan.path(*slot), value, Kept::of(self.types, *is_private));
            }
        }
        text.close();
        unknown
    }

    /// Counts the record that was last appended, with its text. Records of one library have the same few
    /// shapes.
    pub(super) fn count(&mut self, text: &str) {
        let keeps_values = self.keeps_values();
        let shape = if keeps_values { self.shape.as_str() } else { text };
        if self.last.0 != shape {
            let (last, count) = std::mem::take(&mut self.last);
            count_shape(&mut self.shapes, &last, count);
            self.last = (last, 0);
            self.last.0.clear();
            self.last.0.push_str(shape);
        }
        self.last.1 += 1;
    }

    fn keeps_values(&self) -> bool {
        self.members != KeptValues::Names || self.types != KeptValues::Names
    }

    /// `path:type` of the members that were seen, with the number of rows; the most frequent where
    /// there are more than a run can tell.
    pub(super) fn unknown_members(&self) -> BTreeMap<String, u64> {
        let mut members = BTreeMap::new();
        let mut shapes = self.shapes.clone();
        count_shape(&mut shapes, &self.last.0, self.last.1);
        for (shape, count) in &shapes {
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

fn count_shape(shapes: &mut HashMap<String, u64>, shape: &str, count: u64) {
    if count == 0 {
        return;
    }
    if let Some(known) = shapes.get_mut(shape) {
        *known += count;
    } else if shapes.len() < MOST_SHAPES {
        shapes.insert(shape.to_owned(), count);
    }
}

/// A slot that other datasets read and this one does not.
#[derive(Debug)]
struct Foreign {
    slot: SlotId,
    path: String,
    is_looked_into: bool,
}

impl Foreign {
    /// Another dataset may take an object whole of which this one knows the members.
    fn is_known(&self, value: Written<'_>) -> bool {
        self.is_looked_into && matches!(value.json_type(), JsonType::Object | JsonType::Null)
    }
}

/// Whether an object above a path lists its unknown members.
fn lists_path(contract: &Contract, path: &str) -> bool {
    contract.unknown_members_of.iter().any(|above| is_below(path, above))
}

/// Whether a column takes what is at a path: it alone, or the object around it.
fn is_taken(contract: &Contract, path: &str) -> bool {
    let json_columns = contract.columns.iter().filter(|column| column.json.is_some());
    let mut sources = json_columns.flat_map(|column| &column.sources);
    sources.any(|source| source == path || is_below(path, source))
}

/// Whether a contract reads or lists members of the object at a path.
fn looks_into(contract: &Contract, path: &str) -> bool {
    let mut sources = contract.columns.iter().flat_map(|column| &column.sources);
    let mut listed = contract.unknown_members_of.iter();
    sources.any(|source| is_below(source, path))
        || listed.any(|listed| listed == path || is_below(listed, path))
}

/// Whether a path leads into the object at another; the record itself has the empty path.
fn is_below(path: &str, above: &str) -> bool {
    let inner = path.strip_prefix(above);
    inner.is_some_and(|rest| rest.starts_with('.') || (above.is_empty() && !path.is_empty()))
}

/// A value that is not of its column's type.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeftOut {
    pub(super) slot: SlotId,
    /// Whether the contract would have written it in another form than it came.
    pub(super) is_private: bool,
}

/// What is written of a member.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Type,
    Value(KeptValues),
    /// That there was a value, where others have theirs.
    Redacted,
}

impl Kept {
    fn of(values: KeptValues, is_private: bool) -> Self {
        match values {
            KeptValues::Names => Self::Type,
            _ if is_private => Self::Redacted,
            values => Self::Value(values),
        }
    }
}

/// The members of a record, written one by one: to the column as the contract wants them, and to the
/// shape with their types.
struct Members<'a> {
    start: usize,
    target: &'a mut String,
    shape: Option<&'a mut String>,
}

impl Members<'_> {
    fn is_empty(&self) -> bool {
        self.target.len() == self.start
    }

    fn add(&mut self, above: &str, name: &str, value: Written<'_>, kept: Kept) {
        let begins = if self.is_empty() { "{\"" } else { ",\"" };
        let json_type = value.json_type().name();
        if let Some(shape) = &mut self.shape {
            append_name(shape, begins, above, name);
            append_quoted(shape, json_type);
        }
        append_name(self.target, begins, above, name);
        match kept {
            Kept::Type => append_quoted(self.target, json_type),
            Kept::Redacted => append_quoted(self.target, REDACTED),
            Kept::Value(values) => append_value(value, values, self.target),
        }
    }

    fn close(self) {
        if !self.is_empty() {
            self.target.push('}');
            if let Some(shape) = self.shape {
                shape.push('}');
            }
        }
    }
}

fn append_name(target: &mut String, begins: &str, above: &str, name: &str) {
    target.push_str(begins);
    target.push_str(above);
    target.push_str(name);
    target.push_str("\":");
}

fn append_quoted(target: &mut String, text: &str) {
    target.push('"');
    target.push_str(text);
    target.push('"');
}
