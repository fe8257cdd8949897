//! Values that no column takes, as the contract lets `extra` hold them.

use sonic_rs::{to_array_iter, to_object_iter};

use super::personal;
use super::scan::{Form, Written};
use super::value;
use crate::contract::KeptValues;

/// Appends a value as JSON: as it came, or without the personal data that is found in its texts, its
/// numbers and the names within it.
pub(super) fn append_value(written: Written<'_>, values: KeptValues, target: &mut String) {
    match written.form {
        Form::Text if values == KeptValues::All => append_text(written.text, target),
        Form::Text => append_scanned_text(written.text, target),
        Form::Json | Form::Plain if values == KeptValues::All => target.push_str(written.text),
        Form::Json | Form::Plain => append_scanned(written.text, target),
    }
}

/// The record's depth was limited before, so this comes to an end.
fn append_scanned(raw: &str, target: &mut String) {
    match raw.as_bytes().first() {
        Some(b'{') => {
            target.push('{');
            let mut is_first = true;
            for (name, member) in to_object_iter(raw).flatten() {
                separate(&mut is_first, target);
                append_scanned_text(&name, target);
                target.push(':');
                append_scanned(member.as_raw_str(), target);
            }
            target.push('}');
        }
        Some(b'[') => {
            target.push('[');
            let mut is_first = true;
            for element in to_array_iter(raw).flatten() {
                separate(&mut is_first, target);
                append_scanned(element.as_raw_str(), target);
            }
            target.push(']');
        }
        Some(b'"') => append_scanned_text(&value::text(raw).unwrap_or_default(), target),
        // A number may be that of a card; a marker is a text. Nothing is found in true, false and null.
        _ => match redacted(raw) {
            Some(redacted) => append_text(&redacted, target),
            None => target.push_str(raw),
        },
    }
}

pub(super) fn separate(is_first: &mut bool, target: &mut String) {
    if !std::mem::take(is_first) {
        target.push(',');
    }
}

/// The text without the personal data in it; none where there is none.
pub(super) fn redacted(text: &str) -> Option<String> {
    let mut redacted = String::new();
    personal::redact_into(text, &mut redacted).then_some(redacted)
}

pub(super) fn append_scanned_text(text: &str, target: &mut String) {
    append_text(redacted(text).as_deref().unwrap_or(text), target);
}

pub(super) fn append_text(text: &str, target: &mut String) {
    // A text can always be written as JSON.
    target.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn shown(text: &str, form: Form, values: KeptValues) -> String {
        let mut target = String::new();
        append_value(Written { text, form }, values, &mut target);
        target
    }

    #[test]
    fn personal_data_is_taken_out_of_texts_numbers_and_names_however_deep() {
        let raw = r#"{"note":"call +49 30 1234567 \u0061t once","list":[1.50,{"ada@example.com":4111111111111111}],"yes":true,"no":null}"#;
        assert_eq!(
            shown(raw, Form::Json, KeptValues::Scanned),
            r#"{"note":"call [phone] at once","list":[1.50,{"[email]":"[card]"}],"yes":true,"no":null}"#
        );
        assert_eq!(shown(raw, Form::Json, KeptValues::All), raw);
    }

    #[test]
    fn a_field_is_a_text_whatever_it_looks_like() {
        assert_eq!(shown("12", Form::Text, KeptValues::Scanned), r#""12""#);
        assert_eq!(shown("a\"@\n", Form::Text, KeptValues::All), r#""a\"@\n""#);
        assert_eq!(shown("to ada@example.com", Form::Text, KeptValues::Scanned), r#""to [email]""#);
    }

    proptest! {
        #[test]
        fn what_comes_out_is_json(text in "\\PC{0,40}", number in any::<i64>()) {
            let raw = serde_json::json!({"a": [text, number, {"b": text}]}).to_string();
            for values in [KeptValues::Scanned, KeptValues::All] {
                let parsed: Result<Value, _> = serde_json::from_str(&shown(&raw, Form::Json, values));
                prop_assert!(parsed.is_ok());
            }
        }
    }
}
