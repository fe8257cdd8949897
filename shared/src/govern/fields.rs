//! A record of a source that is no JSON: fields with names, put where the plan wants them.

use std::sync::Arc;

use super::plan::{Plan, SlotId};
use super::scan::{Form, Name, Scanned, Span, UnknownMember, Value};

/// A value of a field that no contract names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// A text and nothing else.
    Text(&'a str),
    /// A value that is written as JSON.
    Json(&'a str),
}

/// One record after the other, in memory that is allocated once. What is not set is absent.
#[derive(Debug)]
pub struct Fields {
    plan: Arc<Plan>,
    text: String,
    slots: Vec<Option<Value>>,
    unknown: Vec<UnknownMember>,
}

impl Fields {
    /// Fields for a plan.
    pub fn new(plan: Arc<Plan>) -> Self {
        let slots = vec![None; plan.slot_count()];
        Self { plan, text: String::new(), slots, unknown: Vec::new() }
    }

    /// Begins with a record.
    pub fn clear(&mut self) {
        self.text.clear();
        self.slots.fill(None);
        self.unknown.clear();
    }

    /// Sets a slot to a text, which the column's type then reads.
    pub fn set_text(&mut self, slot: SlotId, text: &str) {
        self.set(slot, text, Form::Text);
    }

    /// Sets a slot to a value that is written as JSON.
    pub fn set_json(&mut self, slot: SlotId, raw: &str) {
        self.set(slot, raw, Form::Json);
    }

    /// Sets a slot to null: the record has it, without a value.
    pub fn set_null(&mut self, slot: SlotId) {
        self.set(slot, "null", Form::Json);
    }

    /// Tells of a field that no contract names, inside the object at `path` of the plan (empty for the
    /// record itself). It is listed where the plan asks for it.
    pub fn unknown(&mut self, path: &str, name: &str, value: FieldValue<'_>) {
        let Some(node) = self.plan.node_of(path) else { return };
        if self.plan.node(node).lists_unknown {
            let name = Name::Unescaped(name.into());
            let value = match value {
                FieldValue::Text(text) => self.keep(text, Form::Text),
                FieldValue::Json(raw) => self.keep(raw, Form::Json),
            };
            self.unknown.push(UnknownMember { node, name, value });
        }
    }

    /// The record as the governors read it.
    pub fn scanned(&self) -> Scanned<'_> {
        Scanned { record: &self.text, slots: &self.slots, unknown: &self.unknown }
    }

    fn set(&mut self, slot: SlotId, written: &str, form: Form) {
        self.slots[slot] = Some(self.keep(written, form));
    }

    fn keep(&mut self, written: &str, form: Form) -> Value {
        let start = self.text.len() as u32;
        self.text.push_str(written);
        Value { span: Span { start, end: self.text.len() as u32 }, form }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_json_null_and_absent_differ() {
        let mut plan = Plan::new(&[], &["row.a", "row.b", "row.c", "row.d"]);
        plan.list_unknown_for_tests(&["row"]);
        let plan = Arc::new(plan);
        let slot = |path| plan.slot(path).unwrap();
        let mut fields = Fields::new(plan.clone());
        for _ in 0..2 {
            fields.clear();
            fields.set_text(slot("row.a"), "null");
            fields.set_json(slot("row.b"), r#""x\ny""#);
            fields.set_null(slot("row.c"));
            fields.unknown("row", "z", FieldValue::Text("x"));
            fields.unknown("", "not listed", FieldValue::Json("1"));
            let scanned = fields.scanned();
            assert_eq!(scanned.text(slot("row.a")).as_deref(), Some("null"));
            assert_eq!(scanned.text(slot("row.b")).as_deref(), Some("x\ny"));
            assert_eq!(scanned.text(slot("row.c")), None);
            assert!(scanned.is_present(slot("row.c")) && !scanned.has_value(slot("row.c")));
            assert!(!scanned.is_present(slot("row.d")));
            let unknown: Vec<_> = scanned.unknown().map(|(_, name, _)| name).collect();
            assert_eq!(unknown, ["z"]);
        }
    }
}
