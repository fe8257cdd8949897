//! The paths and JSON types of a JSON column whose values nobody has classified.

use std::collections::{BTreeMap, BTreeSet};

use sonic_rs::LazyValue;

use super::json_text::{member_name, members};
use super::plan::Plan;
use super::privacy::REDACTED;
use super::scan::JsonType;
use super::shown_name::UNNAMED;

/// Deeper than this an object or an array is only that: paths would be longer than what they tell of.
const DEEPEST_PATH: usize = 16;

/// Paths of a value that are told apart; all further ones are [`UNNAMED`]. Sources have far fewer.
const MOST_PATHS: usize = 500;

/// Appends an object of the paths in a value and their types, in the order of the paths:
/// `{"items[].price":"number|string","total":"number"}`. A list's elements share a path, and so do their
/// types. None where a name cannot be decoded.
pub(super) fn append_types(
    value: LazyValue<'_>,
    plan: &Plan,
    node: usize,
    target: &mut String,
) -> Option<()> {
    let mut types = Types { plan, path: String::new(), seen: BTreeMap::new() };
    types.value(value, Some(node), 0)?;
    types.write(target);
    Some(())
}

/// What was seen so far, and where the walk is.
struct Types<'a> {
    plan: &'a Plan,
    path: String,
    seen: BTreeMap<String, BTreeSet<&'static str>>,
}

impl Types<'_> {
    fn value(&mut self, value: LazyValue<'_>, node: Option<usize>, depth: usize) -> Option<()> {
        let json_type = JsonType::of(value.as_raw_str());
        let is_empty = match json_type {
            JsonType::Object if depth < DEEPEST_PATH => self.object(value, node, depth)?,
            JsonType::Array if depth < DEEPEST_PATH => self.array(value, node, depth)?,
            _ => true,
        };
        if is_empty {
            self.note(json_type.name());
        }
        Some(())
    }

    fn object(&mut self, object: LazyValue<'_>, node: Option<usize>, depth: usize) -> Option<bool> {
        let members = members(object)?;
        let is_empty = members.is_empty();
        let length = self.path.len();
        for (name, member) in members {
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(member_name(&name));
            let below = self.plan.below(node, &name);
            if self.plan.is_private(below) {
                self.note(REDACTED);
            } else {
                self.value(member, below, depth + 1)?;
            }
            self.path.truncate(length);
        }
        Some(is_empty)
    }

    fn array(&mut self, array: LazyValue<'_>, node: Option<usize>, depth: usize) -> Option<bool> {
        let length = self.path.len();
        self.path.push_str("[]");
        let mut is_empty = true;
        for element in array.into_array_iter()? {
            is_empty = false;
            self.value(element.ok()?, node, depth + 1)?;
        }
        self.path.truncate(length);
        Some(is_empty)
    }

    /// Notes a type of the path at hand. The value as a whole has none: its type is the column's.
    fn note(&mut self, json_type: &'static str) {
        if self.path.is_empty() {
            return;
        }
        if let Some(types) = self.seen.get_mut(&self.path) {
            types.insert(json_type);
            return;
        }
        let path = if self.seen.len() < MOST_PATHS { self.path.as_str() } else { UNNAMED };
        self.seen.entry(path.to_owned()).or_default().insert(json_type);
    }

    /// Neither paths nor types need escaping.
    fn write(self, target: &mut String) {
        target.push('{');
        for (position, (path, types)) in self.seen.iter().enumerate() {
            target.push_str(if position == 0 { "\"" } else { ",\"" });
            target.push_str(path);
            target.push_str("\":\"");
            for (position, json_type) in types.iter().enumerate() {
                target.push_str(if position == 0 { "" } else { "|" });
                target.push_str(json_type);
            }
            target.push('"');
        }
        target.push('}');
    }
}
