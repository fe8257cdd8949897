//! Amounts as people's reports write them: `1,234.56`, `1.234,56`, `1 234,56 €`, `< 10%`. Never a float.

use std::borrow::Cow;

/// Which sign stands before the decimals. The other one, spaces and apostrophes group thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `1,234.56`
    Point,
    /// `1.234,56`
    Comma,
}

/// The style that a text gives away; none where both would read it, or neither.
pub fn style_of(text: &str) -> Option<Style> {
    let number = bare(text)?;
    let by_point = parse_bare(number, Style::Point);
    let by_comma = parse_bare(number, Style::Comma);
    match (by_point, by_comma) {
        (Some(_), None) => Some(Style::Point),
        (None, Some(_)) => Some(Style::Comma),
        _ => None,
    }
}

/// The amount in a plain form: digits, with a point where it has decimals. None for what is no
/// amount in this style.
pub fn plain(text: &str, style: Style) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if is_plain(text, style) {
        return Some(Cow::Borrowed(text));
    }
    // Google tells shares below a tenth and above nine tenths by their bound alone; in its API the
    // bounds are these numbers.
    if let Some(bound) = text.strip_prefix('<') {
        return match plain_share(bound, style)?.as_str() {
            "0.10" => Some(Cow::Borrowed("0.0999")),
            _ => None,
        };
    }
    if let Some(bound) = text.strip_prefix('>') {
        return match plain_share(bound, style)?.as_str() {
            "0.90" => Some(Cow::Borrowed("0.9001")),
            _ => None,
        };
    }
    if text.ends_with('%') {
        return plain_share(text, style).map(Cow::Owned);
    }
    parse_bare(bare(text)?, style).map(Cow::Owned)
}

/// Whether a text is in the plain form as it stands, as most amounts are.
fn is_plain(text: &str, style: Style) -> bool {
    match text.split_once('.') {
        None => is_digits(text),
        Some((whole, decimals)) => style == Style::Point && is_digits(whole) && is_digits(decimals),
    }
}

/// Hundredths in a plain form: `0.54%` is `0.0054`.
fn plain_share(text: &str, style: Style) -> Option<String> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    let plain = parse_bare(number.trim(), style)?;
    let (sign, unsigned) = match plain.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", plain.as_str()),
    };
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut share = String::with_capacity(plain.len() + 4);
    share.push_str(sign);
    for _ in whole.len()..3 {
        share.push('0');
    }
    share.push_str(whole);
    share.insert(share.len() - 2, '.');
    share.push_str(decimals);
    Some(share)
}

/// Millionths of the API in units: `2500000` is `2.500000`.
pub fn from_micros(micros: &str) -> Option<String> {
    let (sign, digits) = match micros.trim().strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", micros.trim()),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{digits:0>7}");
    let (units, millionths) = padded.split_at(padded.len() - 6);
    Some(format!("{sign}{units}.{millionths}"))
}

/// A text without its currency: `US$1,012.40`, `1.012,40 €`, `-£5`.
fn bare(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_written =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-' | b'+' | b'\'');
    let number = if text.bytes().all(is_written) { text } else { without_currency(text)? };
    number.bytes().any(|digit| digit.is_ascii_digit()).then_some(number)
}

fn without_currency(text: &str) -> Option<&str> {
    let is_currency = |letter: char| {
        letter.is_alphabetic() || "$€£¥₹₩₽₺₪฿₫₴₦₱".contains(letter) || is_space(letter)
    };
    // A currency is short; a name is no amount.
    let cut = text.chars().filter(|letter| is_currency(*letter)).count();
    (cut <= 8).then(|| text.trim_matches(is_currency))
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

fn parse_bare(number: &str, style: Style) -> Option<String> {
    let point = match style {
        Style::Point => '.',
        Style::Comma => ',',
    };
    let (sign, unsigned) = match number.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => ("-", rest),
        None => ("", number.strip_prefix('+').unwrap_or(number)),
    };
    let unsigned = unsigned.trim_start_matches(['$', '€', '£', '¥', '₹']);
    let (whole, decimals) = match unsigned.split_once(point) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (unsigned, None),
    };
    let mut plain = String::with_capacity(number.len());
    plain.push_str(sign);
    append_ungrouped(whole, style, &mut plain)?;
    if let Some(decimals) = decimals {
        if !is_digits(decimals) {
            return None;
        }
        plain.push('.');
        plain.push_str(decimals);
    }
    Some(plain)
}

/// Digits without what groups them. The groups after the first have three digits, or, as in India, two
/// and at the end three.
fn append_ungrouped(whole: &str, style: Style, target: &mut String) -> Option<()> {
    if is_digits(whole) {
        target.push_str(whole);
        return Some(());
    }
    let separator = whole.chars().find(|letter| !letter.is_ascii_digit())?;
    let groups_with = match style {
        Style::Point => separator == ',' || separator == '\'' || is_space(separator),
        Style::Comma => separator == '.' || separator == '\'' || is_space(separator),
    };
    let (mut by_three, mut by_two) = (true, separator == ',');
    let mut groups = whole.split(separator).peekable();
    let first = groups.next()?;
    if !groups_with || !is_digits(first) || first.len() > 3 {
        return None;
    }
    target.push_str(first);
    while let Some(group) = groups.next() {
        let is_last = groups.peek().is_none();
        if !is_digits(group) || (is_last && group.len() != 3) {
            return None;
        }
        by_three &= is_last || group.len() == 3;
        by_two &= is_last || group.len() == 2;
        target.push_str(group);
    }
    (by_three || by_two).then_some(())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_as_reports_write_them() {
        for (text, style, expected) in [
            ("1,234.56", Style::Point, "1234.56"),
            ("1,012,345", Style::Point, "1012345"),
            ("12,34,567.8", Style::Point, "1234567.8"),
            ("£1,012.40", Style::Point, "1012.40"),
            ("US$12.00", Style::Point, "12.00"),
            ("-£5.10", Style::Point, "-5.10"),
            ("1.234,56", Style::Comma, "1234.56"),
            ("1 234,56", Style::Comma, "1234.56"),
            ("1\u{202f}234,56\u{a0}€", Style::Comma, "1234.56"),
            ("1'234.50", Style::Point, "1234.50"),
            ("1,234", Style::Comma, "1.234"),
            ("1,234", Style::Point, "1234"),
            ("0", Style::Comma, "0"),
            ("0.54%", Style::Point, "0.0054"),
            ("12,5 %", Style::Comma, "0.125"),
            ("100%", Style::Point, "1.00"),
            ("< 10%", Style::Point, "0.0999"),
            ("> 90%", Style::Comma, "0.9001"),
        ] {
            assert_eq!(plain(text, style).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for text in [
            "", "--", "Brand", "1,23,4", "1.2.3", "1,2345", "12 34", "< 20%", "1e5", "NaN", "%",
            "1,,000", "5-",
        ] {
            assert_eq!(plain(text, Style::Point), None, "{text}");
        }
        assert_eq!(plain("1,234.56", Style::Comma), None);
        assert_eq!(plain("1.234,56", Style::Point), None);
    }

    #[test]
    fn a_style_is_told_by_what_only_it_can_read() {
        assert_eq!(style_of("1,012.40"), Some(Style::Point));
        assert_eq!(style_of("12.5"), Some(Style::Point));
        assert_eq!(style_of("12,50 €"), Some(Style::Comma));
        for text in ["1,234", "1.234", "7", "--", "Brand"] {
            assert_eq!(style_of(text), None, "{text}");
        }
    }

    #[test]
    fn micros_are_units_exactly() {
        for (micros, units) in [
            ("2500000000", "2500.000000"),
            ("1", "0.000001"),
            ("-1500000", "-1.500000"),
            ("0", "0.000000"),
        ] {
            assert_eq!(from_micros(micros).as_deref(), Some(units));
        }
        for text in ["", "-", "1.5", "1e6", "x"] {
            assert_eq!(from_micros(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn written_amounts_are_read_back(cents in 0_u64..10_000_000_000, negative in any::<bool>()) {
            let (units, rest) = (cents / 100, cents % 100);
            let sign = if negative { "-" } else { "" };
            for (group, point, style) in [(",", ".", Style::Point), (".", ",", Style::Comma), ("\u{a0}", ",", Style::Comma), ("", ".", Style::Point)] {
                let mut grouped = String::new();
                let digits = units.to_string();
                for (position, digit) in digits.chars().enumerate() {
                    if position > 0 && (digits.len() - position) % 3 == 0 {
                        grouped.push_str(group);
                    }
                    grouped.push(digit);
                }
                let text = format!("{sign}{grouped}{point}{rest:02}");
                let expected = format!("{sign}{units}.{rest:02}");
                prop_assert_eq!(plain(&text, style).map(Cow::into_owned), Some(expected));
                prop_assert_eq!(style_of(&text), Some(style), "{}", text);
            }
        }

        #[test]
        fn any_text_is_an_answer_and_never_a_panic(text in "\\PC{0,20}") {
            let _ = (plain(&text, Style::Point), plain(&text, Style::Comma), style_of(&text), from_micros(&text));
        }
    }
}
