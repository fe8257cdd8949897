//! One pass over a JSON record.
//!
//! The members that the plan names are kept as slices of the record's own bytes; every other value
//! is passed over and checked on the way, but never built.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::json_cursor::{Cursor, NotJson, Quoted, deeper};
use super::plan::{Plan, SlotId};

/// The JSON type of a value, known by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JsonType {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// `true`, `false`
    Boolean,
    /// `null`
    Null,
    /// Any number.
    Number,
}

impl JsonType {
    /// The type of a raw value.
    pub fn of(raw: &str) -> Self {
        match raw.as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            _ => Self::Number,
        }
    }

    /// As JSON Schema names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Null => "null",
            Self::Number => "number",
        }
    }
}

/// Why a record cannot be scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// No JSON, or JSON with something behind it.
    #[error("the record is not json")]
    NotJson,
    /// JSON, but no object.
    #[error("the record is json, but not an object")]
    NotAnObject,
}

/// A slice of the record, as offsets, so that the scanner's memory serves every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    fn of(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    fn of_record(self, record: &str) -> &str {
        &record[self.start as usize..self.end as usize]
    }
}

/// A value as it stands in the record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) span: Span,
    pub(super) form: Form,
}

impl Value {
    fn written(self, record: &str) -> Written<'_> {
        Written { text: self.span.of_record(record), form: self.form }
    }
}

/// A value, with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written<'a> {
    pub(super) text: &'a str,
    pub(super) form: Form,
}

impl Written<'_> {
    pub(super) fn json_type(self) -> JsonType {
        match self.form {
            Form::Json => JsonType::of(self.text),
            Form::Plain | Form::Text => JsonType::String,
        }
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As JSON: a text in quotes and with escapes.
    Json,
    /// As JSON: a text in quotes, without an escape.
    Plain,
    /// As itself: a text and nothing else, of a source that knows no other type.
    Text,
}

/// A member that no contract names.
#[derive(Debug)]
pub(super) struct UnknownMember {
    /// The node of the plan that holds it.
    pub(super) node: usize,
    pub(super) name: Name,
    pub(super) value: Value,
}

/// Nearly every name stands in the record as it is; one with escapes does not.
#[derive(Debug)]
pub(super) enum Name {
    InRecord(Span),
    Unescaped(Box<str>),
}

/// What was found in a record.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    pub(super) record: &'a str,
    pub(super) slots: &'a [Option<Value>],
    pub(super) unknown: &'a [UnknownMember],
}

impl<'a> Scanned<'a> {
    /// The record itself.
    pub fn record(&self) -> &'a str {
        self.record
    }

    /// Where a text stands in the record; none for a text that was made elsewhere.
    pub(super) fn place(&self, text: &str) -> Option<(u32, u32)> {
        let start = text.as_ptr().addr().checked_sub(self.record.as_ptr().addr())?;
        let end = start + text.len();
        (end <= self.record.len()).then_some((start as u32, end as u32))
    }

    /// Where a text at a slot stands in the record, if it stands there as it is meant: without quotes and escapes.
    pub(super) fn plain_place(&self, slot: SlotId) -> Option<(u32, u32)> {
        let Value { span, form } = self.slots[slot]?;
        match form {
            Form::Plain => Some((span.start + 1, span.end - 1)),
            Form::Text => Some((span.start, span.end)),
            Form::Json => None,
        }
    }

    /// Whether the record has anything at a slot, `null` included.
    pub fn is_present(&self, slot: SlotId) -> bool {
        self.slots[slot].is_some()
    }

    /// Whether the record has a value at a slot.
    pub fn has_value(&self, slot: SlotId) -> bool {
        self.json_type(slot).is_some_and(|json_type| json_type != JsonType::Null)
    }

    /// The value at a slot as it is written; none where the record has nothing or null.
    pub fn raw(&self, slot: SlotId) -> Option<&'a str> {
        let raw = self.slots[slot]?.span.of_record(self.record);
        self.has_value(slot).then_some(raw)
    }

    /// The JSON type at a slot, `null` included.
    pub fn json_type(&self, slot: SlotId) -> Option<JsonType> {
        Some(self.written(slot)?.json_type())
    }

    /// The text at a slot; a number or a boolean as it is written, since ids often come so. None where
    /// the record has nothing, null, an object or an array.
    pub fn text(&self, slot: SlotId) -> Option<Cow<'a, str>> {
        let value = self.slots[slot]?;
        let written = value.span.of_record(self.record);
        match value.form {
            Form::Json => super::value::text(written),
            Form::Plain => Some(Cow::Borrowed(&written[1..written.len() - 1])),
            Form::Text => Some(Cow::Borrowed(written)),
        }
    }

    /// The members that no contract names: the plan's node that holds it, name and value.
    pub(super) fn unknown(&self) -> impl Iterator<Item = (usize, &'a str, Written<'a>)> + use<'a> {
        let record = self.record;
        self.unknown.iter().map(move |member| {
            let name = match &member.name {
                Name::InRecord(span) => span.of_record(record),
                Name::Unescaped(name) => name,
            };
            (member.node, name, member.value.written(record))
        })
    }

    /// The value at a slot as it is written, `null` included.
    pub(super) fn written(&self, slot: SlotId) -> Option<Written<'a>> {
        Some(self.slots[slot]?.written(self.record))
    }
}

/// Scans records one after the other, in memory that is allocated once.
#[derive(Debug)]
pub struct Scanner {
    plan: Arc<Plan>,
    slots: Vec<Option<Value>>,
    unknown: Vec<UnknownMember>,
}

impl Scanner {
    /// A scanner for a plan.
    pub fn new(plan: Arc<Plan>) -> Self {
        let slots = vec![None; plan.slot_count()];
        Self { plan, slots, unknown: Vec::new() }
    }

    /// Scans one record.
    pub fn scan<'a>(&'a mut self, record: &'a [u8]) -> Result<Scanned<'a>, ScanError> {
        let Ok(record) = simdutf8::basic::from_utf8(record) else {
            return Err(ScanError::NotJson);
        };
        let record = record.trim_ascii();
        self.slots.fill(None);
        self.unknown.clear();
        if !record.starts_with('{') {
            return Err(not_an_object(record));
        }
        let plan = self.plan.clone();
        let mut cursor = Cursor::new(record);
        let walked = self.object(&plan, record, &mut cursor, 0, 1);
        if walked.is_err() || cursor.at < record.len() {
            return Err(ScanError::NotJson);
        }
        Ok(Scanned { record, slots: &self.slots, unknown: &self.unknown })
    }

    /// Walks over an object that somebody wants members of.
    fn object(
        &mut self,
        plan: &Plan,
        record: &str,
        cursor: &mut Cursor<'_>,
        node: usize,
        depth: usize,
    ) -> Result<(), NotJson> {
        if !cursor.opens(b'}') {
            return Ok(());
        }
        loop {
            let name = cursor.name()?;
            self.member(plan, record, cursor, node, name, depth)?;
            if !cursor.goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    fn member(
        &mut self,
        plan: &Plan,
        record: &str,
        cursor: &mut Cursor<'_>,
        node: usize,
        quoted: Quoted,
        depth: usize,
    ) -> Result<(), NotJson> {
        let start = cursor.at;
        let holder = plan.node(node);
        let unescaped = if quoted.is_escaped { unescaped(record, quoted) } else { None };
        let name = unescaped.as_deref().unwrap_or(&record[quoted.start..quoted.end]);
        let Some(child) = holder.child(name) else {
            let form = value(cursor, depth)?;
            if holder.lists_unknown {
                self.list_unknown(node, quoted, unescaped, start..cursor.at, form);
            }
            return Ok(());
        };
        let wanted = plan.node(child);
        let is_looked_into = !wanted.children.is_empty() || wanted.lists_unknown;
        let is_object = cursor.byte() == Some(b'{');
        let mut form = Form::Json;
        if is_looked_into && is_object {
            self.object(plan, record, cursor, child, deeper(depth)?)?;
        } else {
            form = value(cursor, depth)?;
        }
        let value = start..cursor.at;
        if let Some(slot) = wanted.slot {
            self.slots[slot] = Some(Value { span: Span::of(value), form });
        } else if is_looked_into
            && !is_object
            && holder.lists_unknown
            && &record[value.clone()] != "null"
        {
            // An object was expected here: the name and its type are worth knowing.
            self.list_unknown(node, quoted, unescaped, value, form);
        }
        Ok(())
    }

    fn list_unknown(
        &mut self,
        node: usize,
        quoted: Quoted,
        unescaped: Option<String>,
        value: Range<usize>,
        form: Form,
    ) {
        let name = match unescaped {
            None => Name::InRecord(Span::of(quoted.start..quoted.end)),
            Some(name) => Name::Unescaped(name.into_boxed_str()),
        };
        let value = Value { span: Span::of(value), form };
        self.unknown.push(UnknownMember { node, name, value });
    }
}

/// Passes over a value; how it is written.
fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Form, NotJson> {
    if cursor.byte() == Some(b'"') {
        let quoted = cursor.string()?;
        return Ok(if quoted.is_escaped { Form::Json } else { Form::Plain });
    }
    cursor.value(depth).map(|()| Form::Json)
}

/// A name with escapes as it is meant; none where that is no text, such as half of a surrogate pair: then it stands as it
/// is written.
fn unescaped(record: &str, quoted: Quoted) -> Option<String> {
    serde_json::from_str(&record[quoted.start - 1..=quoted.end]).ok()
}

/// Tells what is JSON but no object from what is no JSON.
fn not_an_object(record: &str) -> ScanError {
    let mut cursor = Cursor::new(record);
    match cursor.value(0) {
        Ok(()) if cursor.at == record.len() => ScanError::NotAnObject,
        _ => ScanError::NotJson,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn plan() -> Arc<Plan> {
        let mut plan =
            Plan::new(&[], &["type", "context.page.url", "properties.revenue", "properties"]);
        plan.list_unknown_for_tests(&["", "properties"]);
        Arc::new(plan)
    }

    fn unknown(scanned: &Scanned<'_>, plan: &Plan) -> Vec<String> {
        let shown = |(node, name, value): (usize, &str, Written<'_>)| {
            format!("{}/{name}:{}", plan.node(node).path, value.json_type().name())
        };
        scanned.unknown().map(shown).collect()
    }

    #[test]
    fn named_members_are_found_and_unknown_ones_listed() {
        let plan = plan();
        let record = br#"{"type":"track","x":[1,{"type":2}],"context":{"page":{"url":"u\n","q":1}},"properties":{"revenue":2.5,"sku":"s"}}"#;
        let mut scanner = Scanner::new(plan.clone());
        let scanned = scanner.scan(record).unwrap();
        assert_eq!(scanned.raw(plan.slot("type").unwrap()), Some("\"track\""));
        assert_eq!(scanned.raw(plan.slot("context.page.url").unwrap()), Some(r#""u\n""#));
        assert_eq!(scanned.raw(plan.slot("properties.revenue").unwrap()), Some("2.5"));
        assert_eq!(unknown(&scanned, &plan), ["/x:array", "properties/sku:string"]);
    }

    #[test]
    fn damage_anywhere_in_the_record_is_seen() {
        let plan = plan();
        let mut scanner = Scanner::new(plan);
        for bad in [
            "",
            "x",
            "{",
            "{\"a\":1",
            "{\"a\":}",
            "{\"a\":1}}",
            "{\"a\":1} {}",
            "{} x",
            "{\"a\":{\"b\":tru}}",
            "{\"a\":[1,]}",
            "{\"a\":\"\x01\"}",
            "{\"a\":01}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":1,}",
        ] {
            assert_eq!(scanner.scan(bad.as_bytes()).err(), Some(ScanError::NotJson), "{bad}");
        }
        assert_eq!(scanner.scan(b"{\"a\":\"\xff\"}").err(), Some(ScanError::NotJson));
        for other in ["[]", "1", "\"text\"", "null"] {
            assert_eq!(
                scanner.scan(other.as_bytes()).err(),
                Some(ScanError::NotAnObject),
                "{other}"
            );
        }
        for good in ["{}", " { } ", "{\"a\":1}\r", "{\"a\":{}}"] {
            assert!(scanner.scan(good.as_bytes()).is_ok(), "{good}");
        }
    }

    #[test]
    fn deep_nesting_is_no_stack_overflow() {
        let mut scanner = Scanner::new(plan());
        for deep in ["[".repeat(1_000_000), format!("{{\"a\":{}}}", "[".repeat(900_000))] {
            assert_eq!(scanner.scan(deep.as_bytes()).err(), Some(ScanError::NotJson));
        }
        let most = format!("{{\"a\":{}{}}}", "[".repeat(511), "]".repeat(511));
        assert!(scanner.scan(most.as_bytes()).is_ok());
    }

    #[test]
    fn white_space_is_no_part_of_a_value() {
        let plan = plan();
        let mut scanner = Scanner::new(plan.clone());
        let record = br#"{"type": 7 , "properties": {"revenue": 2.5 ,"list": [ 1 ] , "n": 3 } }"#;
        let scanned = scanner.scan(record).unwrap();
        assert_eq!(scanned.raw(plan.slot("type").unwrap()), Some("7"));
        assert_eq!(scanned.raw(plan.slot("properties.revenue").unwrap()), Some("2.5"));
        let unknown: Vec<_> = scanned.unknown().map(|(_, _, value)| value.text).collect();
        assert_eq!(unknown, ["[ 1 ]", "3"]);
    }

    #[test]
    fn a_number_too_large_for_a_double_is_json() {
        let plan = plan();
        let mut scanner = Scanner::new(plan.clone());
        let scanned = scanner.scan(br#"{"properties":{"revenue":1e400,"n":0.1e99999}}"#).unwrap();
        assert_eq!(scanned.raw(plan.slot("properties.revenue").unwrap()), Some("1e400"));
    }

    proptest! {
        /// serde_json is the judge: whatever it takes as an object is scanned, whatever it refuses is not.
        /// It judges the grammar alone: 1e400 is JSON, and no value is built that could not hold it.
        #[test]
        fn agrees_with_a_full_parser(mutated in mutated_json()) {
            let plan = plan();
            let mut scanner = Scanner::new(plan);
            let scanned = scanner.scan(&mutated);
            let is_object = str::from_utf8(&mutated).is_ok_and(|text| {
                text.trim_ascii().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
            });
            prop_assert_eq!(scanned.is_ok(), is_object, "{}", String::from_utf8_lossy(&mutated));
        }
    }

    prop_compose! {
        fn mutated_json()(
            number in any::<f32>().prop_filter("json has no nan", |number| number.is_finite()),
            text in "\\PC{0,12}",
            position in 0_usize..120,
            replacement in prop::option::of(prop::sample::select(b"{}[]\",:x0e-\\ \xff\n".to_vec())),
        ) -> Vec<u8> {
            let record = serde_json::json!({"type": text, "context": {"page": {"url": text, "n": number}},
                "properties": {"revenue": number, "list": [1, true, null, {"deep": text}]}});
            let mut bytes = record.to_string().into_bytes();
            if let Some(replacement) = replacement && position < bytes.len() {
                bytes[position] = replacement;
            }
            bytes
        }
    }
}
