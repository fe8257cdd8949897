use proptest::prelude::*;
use serde_json::Value as Parsed;

use super::super::scan::Form;
use super::*;

const MODES: [KeptValues; 3] = [KeptValues::Names, KeptValues::Scanned, KeptValues::All];

/// Of `properties`, `email` and `a.email` are somebody else's.
fn plan() -> Plan {
    let mut plan = Plan::new(&[], &["properties", "properties.email", "properties.a.email"]);
    for path in ["properties.email", "properties.a.email"] {
        plan.make_private_for_tests(path);
    }
    plan
}

fn made(raw: &str, values: KeptValues) -> Option<String> {
    let shape = if raw.starts_with('[') { JsonShape::Array } else { JsonShape::Object };
    let (plan, mut target) = (plan(), "before".to_owned());
    let node = plan.node_of("properties").unwrap();
    let written = Written { text: raw, form: Form::Text };
    let done = append_json(written, JsonColumn { shape, values }, &plan, node, &mut target);
    let text = target.strip_prefix("before").unwrap().to_owned();
    assert_eq!(done.is_none(), text.is_empty());
    done.map(|()| text)
}

#[test]
fn values_are_kept_as_far_as_the_contract_says() {
    let raw = r#" { "note" : "call +49 30 1234567", "n": 0.10000000000000000001e+400, "list":[1, {"x y":null}],
        "email":{"of":"ada"}, "a":{"b":true,"em\u0061il":"ada"}, "card":4111111111111111 } "#;
    assert_eq!(
        made(raw.trim(), KeptValues::All).unwrap(),
        r#"{"note":"call +49 30 1234567","n":0.10000000000000000001e+400,"list":[1,{"x y":null}],"email":"[redacted]","a":{"b":true,"email":"[redacted]"},"card":4111111111111111}"#
    );
    assert_eq!(
        made(raw.trim(), KeptValues::Scanned).unwrap(),
        r#"{"note":"call [phone]","n":0.10000000000000000001e+400,"list":[1,{"x y":null}],"email":"[redacted]","a":{"b":true,"email":"[redacted]"},"card":"[card]"}"#
    );
    assert_eq!(
        made(raw.trim(), KeptValues::Names).unwrap(),
        r#"{"a.b":"boolean","a.email":"[redacted]","card":"number","email":"[redacted]","list[]":"number","list[].x y":"null","n":"number","note":"string"}"#
    );
}

#[test]
fn a_private_path_is_found_in_arrays_and_under_a_dotted_name() {
    for raw in [r#"[{"email":1},[{"a":[{"email":2}]}]]"#, r#"{"a.email":3,"a":{"email":{"x":1}}}"#]
    {
        for values in MODES {
            let text = made(raw, values).unwrap();
            // Both ways lead to one path.
            let paths = if values == KeptValues::Names && raw.starts_with('{') { 1 } else { 2 };
            assert_eq!(text.matches("[redacted]").count(), paths, "{text}");
        }
    }
}

#[test]
fn each_name_stands_once_and_none_that_looks_like_data() {
    let raw = r#"{"x":1,"ada@example.com":{"x":1},"x":{"y":2},"\u0078":3,"4930123456":"b","":[],"?2":"c"}"#;
    assert_eq!(
        made(raw, KeptValues::All).unwrap(),
        r#"{"?":{"x":1},"x":3,"?2":"b","?3":[],"?4":"c"}"#
    );
    assert_eq!(
        made(raw, KeptValues::Names).unwrap(),
        r#"{"?":"array|string","?.x":"number","x":"number"}"#
    );
}

#[test]
fn a_text_that_was_cut_within_a_character_can_be_read() {
    let raw = r#"{"cut":"smile \ud83d","whole":"\ud83d\ude00"}"#;
    let expected = serde_json::json!({"cut": "smile \u{fffd}", "whole": "😀"});
    for values in [KeptValues::Scanned, KeptValues::All] {
        let text = made(raw, values).unwrap();
        assert_eq!(serde_json::from_str::<Parsed>(&text).unwrap(), expected);
    }
    // A name that cannot be decoded cannot be told from a private one.
    assert_eq!(made(r#"{"\ud83d":1}"#, KeptValues::All), None);
}

#[test]
fn what_is_no_json_or_of_another_shape_or_too_deep_is_refused() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for values in MODES {
        for refused in ["", "x", "\"{}\"", "12", "null", "{", "{\"a\":1}}", "{\"a\":01}", "[1,]"] {
            assert_eq!(made(refused, values), None, "{refused}");
        }
        assert_eq!(made(&deep(super::super::DEEPEST_JSON + 1), values), None);
        assert!(made(&deep(super::super::DEEPEST_JSON), values).is_some());
        let column = JsonColumn { shape: JsonShape::Array, values };
        let object = Written { text: "{}", form: Form::Json };
        assert_eq!(append_json(object, column, &plan(), 0, &mut String::new()), None);
    }
}

#[test]
fn paths_are_bounded_however_many_and_deep_the_members_are() {
    let mut raw = "1".to_owned();
    for level in 0..400 {
        raw = format!(r#"{{"{}{level}":{raw}}}"#, "n".repeat(60));
    }
    assert!(made(&raw, KeptValues::Names).unwrap().len() < 1_200);
    let letters = |number: usize| -> String {
        number.to_string().bytes().map(|digit| char::from(digit + 49)).collect()
    };
    let many: Vec<String> = (0..5_000).map(|number| format!("\"{}\":1", letters(number))).collect();
    let text = made(&format!("{{{}}}", many.join(",")), KeptValues::Names).unwrap();
    let paths: HashMap<String, String> = serde_json::from_str(&text).unwrap();
    assert_eq!((paths.len(), paths[UNNAMED].as_str()), (501, "number"));
}

/// A name as it is written, and as it is read.
const NAMES: [(&str, &str); 9] = [
    ("email", "email"),
    (r"em\u0061il", "email"),
    ("a", "a"),
    ("a.email", "a.email"),
    ("b c", "b c"),
    ("bob@example.com", "bob@example.com"),
    ("20261123", "20261123"),
    (r#"q\"\\"#, "q\"\\"),
    ("", ""),
];

/// Text behind the marker of a leaf, and numbers.
const ODD: [&str; 7] =
    ["", r"\n\u0000", r"\ud83d", r"\ud83d\ude00", r#"\"}]"#, " ada@example.com", "ü\u{2028}"];
const PLAIN: [&str; 6] = ["1e400", "-0.0", "123456789012345678901234567890", "true", "null", "{}"];

#[derive(Debug, Clone)]
enum Tree {
    Text(usize),
    Plain(usize),
    Array(Vec<Tree>),
    Object(Vec<(usize, Tree)>),
}

impl Tree {
    /// As JSON with spaces. Texts say whether they are on a private path.
    fn write(&self, path: &str) -> String {
        let is_private = |private: &str| {
            path.strip_prefix(private).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let joined = |parts: Vec<String>| parts.join(" , ");
        match self {
            Self::Text(odd) if is_private(".email") || is_private(".a.email") => {
                format!("\"s3cret{}\"", ODD[*odd])
            }
            Self::Text(odd) => format!("\"v4lue{}\"", ODD[*odd]),
            Self::Plain(plain) => PLAIN[*plain].to_owned(),
            Self::Array(elements) => {
                format!("[ {} ]", joined(elements.iter().map(|tree| tree.write(path)).collect()))
            }
            Self::Object(members) => {
                let write = |(name, tree): &(usize, Self)| {
                    let (written, read) = NAMES[*name];
                    format!("\"{written}\" : {}", tree.write(&format!("{path}.{read}")))
                };
                format!("{{{}}}", joined(members.iter().map(write).collect()))
            }
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf =
        prop_oneof![(0..ODD.len()).prop_map(Tree::Text), (0..PLAIN.len()).prop_map(Tree::Plain)];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::Array),
            prop::collection::vec((0..NAMES.len(), inner), 0..7).prop_map(Tree::Object),
        ]
    })
}

/// A value may be too large for a double and be JSON.
fn parsed(text: &str) -> Parsed {
    serde_json::from_str(&text.replace("1e400", "1e40")).unwrap()
}

proptest! {
    #[test]
    fn any_json_comes_out_as_json_without_what_is_private(members in prop::collection::vec((0..NAMES.len(), tree()), 0..7)) {
        let raw = Tree::Object(members).write("");
        for values in MODES {
            let text = made(&raw, values).unwrap();
            let value = parsed(&text);
            prop_assert!(!text.contains("s3cret"), "{text}");
            prop_assert!(![" ,", ", ", " }", " ]", "[ "].iter().any(|space| text.contains(space)), "{text}");
            prop_assert!(!text.contains("20261123") && !text.contains("bob@"), "{text}");
            if values == KeptValues::Names {
                for (path, types) in value.as_object().unwrap() {
                    let mut types = types.as_str().unwrap().split('|');
                    let is_type = |name: &str| ["object", "array", "string", "boolean", "null", "number", "[redacted]"].contains(&name);
                    prop_assert!(types.all(is_type) && !path.contains("v4lue"), "{text}");
                }
                prop_assert!(!text.contains("v4lue"));
            } else {
                // Each name once and nothing left to take out: a second time changes nothing.
                let again = made(&text, values);
                prop_assert_eq!(again.as_deref(), Some(text.as_str()));
            }
            prop_assert!(values == KeptValues::All || !text.contains("ada@example.com"));
        }
    }

    #[test]
    fn any_text_is_json_or_refused(text in "[\\[\\]{}\",:0-9a-e\\\\ ]{0,30}") {
        let grammar = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let is_container = text.trim_ascii().starts_with(['{', '[']);
        let made = made(text.trim_ascii(), KeptValues::All);
        prop_assert_eq!(made.is_some(), grammar && is_container);
        if let Some(made) = made {
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&made).is_ok());
        }
    }
}
