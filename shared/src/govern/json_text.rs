//! The text of a JSON column: an object or an array of the record, as far as its contract lets it in.
//!
//! Whatever the record's way of writing, the text is JSON that any reader takes: compact, each name once
//! in its object, texts that can be decoded, numbers with the digits that they came with. A path that a
//! contract of the source reads with another privacy action than `keep` is `[redacted]`, inside arrays as
//! outside of them, and a name that looks like data is `?`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Deserialize as _;
use sonic_rs::{Deserializer, LazyValue};

use super::depth::is_too_deep;
use super::extra_value::{append_scanned_text, append_text, redacted, separate};
use super::json_types::append_types;
use super::plan::Plan;
use super::privacy::REDACTED;
use super::scan::{JsonType, Written};
use super::shown_name::{UNNAMED, shown_name};
use super::value;
use crate::contract::{JsonColumn, JsonShape, KeptValues};

/// An object's members in their order.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, LazyValue<'a>)>;

/// Appends what a JSON column holds of a value at a node of the plan; a field's text may be JSON as well.
/// None, and `target` as it was, where the value is not of the column's shape, is nested deeper than a
/// record may be, or has a name that nobody can decode.
pub(super) fn append_json(
    written: Written<'_>,
    column: JsonColumn,
    plan: &Plan,
    node: usize,
    target: &mut String,
) -> Option<()> {
    let raw = written.text.trim_ascii();
    let wanted = match column.shape {
        JsonShape::Object => JsonType::Object,
        JsonShape::Array => JsonType::Array,
    };
    if JsonType::of(raw) != wanted || is_too_deep(raw.as_bytes()) {
        return None;
    }
    // This looks at every byte: a text is no JSON until then.
    let value: LazyValue<'_> = sonic_rs::from_str(raw).ok()?;
    if column.values == KeptValues::Names {
        return append_types(value, plan, node, target);
    }
    let start = target.len();
    let done = Values { plan, values: column.values, target }.value(value, Some(node));
    if done.is_none() {
        target.truncate(start);
    }
    done
}

/// The members of an object. Of those of one name the last counts, as it does for nearly every reader.
pub(super) fn members(object: LazyValue<'_>) -> Option<Members<'_>> {
    let mut members = Members::new();
    for member in object.into_object_iter()? {
        members.push(member.ok()?);
    }
    let mut last = HashMap::with_capacity(members.len());
    for (position, (name, _)) in members.iter().enumerate() {
        last.insert(name.as_ref(), position);
    }
    if last.len() < members.len() {
        let mut is_last = vec![false; members.len()];
        for position in last.into_values() {
            is_last[position] = true;
        }
        let mut is_last = is_last.into_iter();
        members.retain(|_| is_last.next().unwrap_or_default());
    }
    Some(members)
}

/// A member's name as it may be shown; it needs no escaping.
pub(super) fn member_name(name: &str) -> &str {
    let shown = shown_name(name);
    if redacted(shown).is_some() { UNNAMED } else { shown }
}

/// Writes values.
struct Values<'a> {
    plan: &'a Plan,
    values: KeptValues,
    target: &'a mut String,
}

impl Values<'_> {
    /// The record's depth is limited, so this comes to an end.
    fn value(&mut self, value: LazyValue<'_>, node: Option<usize>) -> Option<()> {
        // Behind a number there may be white space, which the parser has not looked at.
        let raw = value.as_raw_str().trim_ascii_end();
        match JsonType::of(raw) {
            JsonType::Object => return self.object(value, node),
            JsonType::Array => return self.array(value, node),
            JsonType::String => self.text(raw)?,
            JsonType::Number if self.values == KeptValues::Scanned => self.number(raw),
            _ => self.target.push_str(raw),
        }
        Some(())
    }

    fn object(&mut self, object: LazyValue<'_>, node: Option<usize>) -> Option<()> {
        self.target.push('{');
        let (mut is_first, mut unnamed) = (true, 0);
        for (name, member) in members(object)? {
            separate(&mut is_first, self.target);
            self.name(member_name(&name), &mut unnamed);
            let below = self.plan.below(node, &name);
            if self.plan.is_private(below) {
                append_text(REDACTED, self.target);
            } else {
                self.value(member, below)?;
            }
        }
        self.target.push('}');
        Some(())
    }

    /// What an array holds has the array's path.
    fn array(&mut self, array: LazyValue<'_>, node: Option<usize>) -> Option<()> {
        self.target.push('[');
        let mut is_first = true;
        for element in array.into_array_iter()? {
            separate(&mut is_first, self.target);
            self.value(element.ok()?, node)?;
        }
        self.target.push(']');
        Some(())
    }

    /// Names that are not shown are told apart by their number: `?`, `?2`, `?3`.
    fn name(&mut self, shown: &str, unnamed: &mut u32) {
        self.target.push('"');
        self.target.push_str(shown);
        if shown == UNNAMED {
            *unnamed += 1;
            if *unnamed > 1 {
                // Writing to a String cannot fail.
                let _ = write!(self.target, "{unnamed}");
            }
        }
        self.target.push_str("\":");
    }

    fn text(&mut self, raw: &str) -> Option<()> {
        let text = match value::text(raw) {
            Some(text) => text,
            None => Cow::Owned(lossy(raw)?),
        };
        if self.values == KeptValues::All {
            append_text(&text, self.target);
        } else {
            append_scanned_text(&text, self.target);
        }
        Some(())
    }

    /// A number may be that of a card; a marker is a text.
    fn number(&mut self, raw: &str) {
        match redacted(raw) {
            Some(redacted) => append_text(&redacted, self.target),
            None => self.target.push_str(raw),
        }
    }
}

/// A text that was cut within a character has half of it at its end: U+FFFD stands for it.
fn lossy(raw: &str) -> Option<String> {
    let mut deserializer = Deserializer::from_str(raw).utf8_lossy();
    String::deserialize(&mut deserializer).ok()
}

#[cfg(test)]
mod tests;
