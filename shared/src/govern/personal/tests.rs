//! What must hold of every text.

use proptest::prelude::*;

use super::*;

fn redacted(text: &str) -> String {
    let mut target = String::new();
    if redact_into(text, &mut target) { target } else { text.to_owned() }
}

fn found(text: &str) -> Vec<(Kind, &str)> {
    let mut findings = Vec::new();
    find(text, &mut findings);
    findings.iter().map(|finding| (finding.kind, &text[finding.start..finding.end])).collect()
}

#[test]
fn each_kind_has_its_marker() {
    assert_eq!(
        redacted("ada@example.com, +49 30 23125123, 4111 1111 1111 1111 from 192.0.2.1"),
        "[email], [phone], [card] from [ip]"
    );
    let mut untouched = "before ".to_owned();
    assert!(!redact_into("order 1042 of 2026-11-23", &mut untouched));
    assert_eq!(untouched, "before ");
    assert!(redact_into("+12025550114", &mut untouched));
    assert_eq!(untouched, "before [phone]");
}

/// Texts in which everything that the finder looks at comes close together.
fn dense() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[0-9]{1,4}",
        4 => r"[-+ ./():@%_,#=x]",
        1 => "[a-z]{1,3}",
        1 => prop::sample::select(vec![
            "ada@example.com", "%40", "+49 30 23125123", "07700900123", "4111 1111 1111 1111",
            "202-555-0114", "192.0.2.1", "2001:db8::1", "tel ", "order ", "注文", "電話", "０９０", "－", "é",
            "DE89 3704 0044 0532 0130 00", "[phone]", "[email]", "]", "\n", "version ", "00", "git@", "%2B",
            "%20", "\\u003c", ".com", "@", "::", "ＴＥＬ", "\u{a0}", "（",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

/// What must be found wherever it stands between spaces.
fn inserted() -> impl Strategy<Value = (Kind, &'static str)> {
    prop::sample::select(vec![
        (Kind::Email, "ada@example.com"),
        (Kind::Email, "grace.hopper+navy@mail.example.org"),
        (Kind::Email, "alan%40example.net"),
        (Kind::Card, "4111111111111111"),
        (Kind::Card, "5555 5555 5555 4444"),
        (Kind::Card, "3782-822463-10005"),
        (Kind::Phone, "+12025550114"),
        (Kind::Phone, "+44 7700 900123"),
        (Kind::Phone, "+493023125123"),
        (Kind::Ip, "192.0.2.77"),
        (Kind::Ip, "203.0.113.195"),
        (Kind::Ip, "2001:db8::7"),
    ])
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let mut findings = Vec::new();
    find(text, &mut findings);
    let mut end = 0;
    for finding in &findings {
        prop_assert!(finding.start >= end && finding.end > finding.start, "{:?}", findings);
        prop_assert!(text.is_char_boundary(finding.start) && text.is_char_boundary(finding.end));
        end = finding.end;
    }
    let once = redacted(text);
    prop_assert_eq!(found(&once), [], "{}", once);
    prop_assert_eq!(redacted(&once), once);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_redacted_text_holds_nothing(text in dense()) {
        check(&text)?;
    }

    #[test]
    fn a_redacted_text_of_any_characters_holds_nothing(text in r"\PC*") {
        check(&text)?;
    }

    #[test]
    fn a_text_without_digits_and_signs_is_never_changed(text in r"[^0-9０-９@:]*") {
        prop_assume!(!text.contains("%40"));
        prop_assert_eq!(found(&text), []);
    }

    #[test]
    fn what_stands_between_spaces_is_found(
        before in r"([a-zA-Zäéł,.!?-]{1,9} ){0,6}([0-9]{1,4} ){0,2}",
        (kind, value) in inserted(),
        after in r"([0-9]{1,2} )?([a-zA-Zäéł,.!?-]{1,9} ){0,6}",
    ) {
        prop_assume!(!words::name_a_version(&before));
        let text = format!("{before} {value} {after}");
        let findings = found(&text);
        prop_assert!(
            findings.iter().any(|(found, covered)| *found == kind && covered.contains(value)),
            "{} {:?}", text, findings
        );
    }
}

/// No text makes the finder look at a byte more than so many times: several starts of a number in one
/// window of digits, each with its words before it.
const MOST_LOOKS: usize = 120;

fn looks(text: &str) -> usize {
    let mut findings = Vec::new();
    steps::of(|| find(text, &mut findings))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_repeated_text_is_read_in_linear_time(part in dense()) {
        prop_assume!(!part.is_empty());
        let short = part.repeat(16_384 / part.len() + 1);
        let long = part.repeat(65_536 / part.len() + 1);
        let (short, long) = (looks(&short) / short.len(), looks(&long) / long.len());
        prop_assert!(long <= short + 1 && long < MOST_LOOKS, "{} {}", short, long);
    }
}

#[test]
fn hostile_texts_are_read_in_linear_time() {
    for part in [
        "1-1-",
        "a@a@",
        "1 1 ",
        "192.0.2.1:",
        "1:1:",
        "%40%40",
        "+1+1",
        "a",
        "1",
        ":",
        "07700 900123 ",
        "GB29 ",
        "GB29 AAAA ",
        "tel tel ",
        "０",
        "aa.",
        "a@a.a.",
        "(1(",
        "2001:db8::1 ",
        "@",
        "0x",
        "tel 1 ",
        "4111 1111 1111 111",
        "4111 1111 1111 1111 ",
        "order 030 1234567-x ",
        "電話",
        "é@",
        "%20",
        "1.1.1.1",
        "ada@example.com",
        "99 ",
    ] {
        let text = part.repeat((1 << 20) / part.len());
        let looks = looks(&text) / text.len();
        assert!(looks < MOST_LOOKS, "{part}: {looks}");
    }
}
