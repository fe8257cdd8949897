//! Phone numbers: international ones by their calling code, national ones by their shape and by what
//! the words before them call them.

use super::calling_code::is_international;
use super::edge::{
    before, escape_around, escape_begins, escape_ends, is_digit, is_letter, is_word, two_at,
    two_before, word_ends,
};
use super::number::{Group, Number, Separator, end_of_digits, is_article_number, next_number};
use super::words::{Called, called};
use super::{FEWEST_PHONE_DIGITS, Found, Kind, national, passed_by, steps};

/// The first phone number of a text.
pub(super) fn find(text: &str) -> Found {
    let bytes = text.as_bytes();
    let mut from = 0;
    let mut stretch_end = 0;
    while let Some(at) = next_number(bytes, from) {
        if bytes[at] == b':' {
            from = at + 1;
            continue;
        }
        let (start, digits) = match escape_around(bytes, at) {
            // An encoded plus.
            Some(end) if bytes[at..end].eq_ignore_ascii_case(b"2b") => (at - 1, end),
            Some(end) => {
                from = end;
                continue;
            }
            None => (plus_before(text, at).unwrap_or(at), at),
        };
        if digits >= stretch_end {
            let count;
            (stretch_end, count) = stretch(bytes, digits);
            if count < FEWEST_PHONE_DIGITS {
                from = stretch_end.max(at + 1);
                continue;
            }
        }
        if let Some(end) = end_of(text, start, digits) {
            return Some((Kind::Phone, start, end));
        }
        from = passed_by(text, at).unwrap_or_else(|| end_of_digits(bytes, digits)).max(at + 1);
    }
    None
}

/// Passes digits and separators, until there are digits enough for a phone number: where that is, and
/// how many digits they may be.
fn stretch(bytes: &[u8], start: usize) -> (usize, usize) {
    let mut end = start;
    let mut count = 0;
    while let Some(&byte) = bytes.get(end).filter(|_| count < FEWEST_PHONE_DIGITS) {
        let is_digit = byte.is_ascii_digit() || byte == 0xef;
        if !(is_digit || byte >= 0x80 || b" -./()+%".contains(&byte)) {
            break;
        }
        count += usize::from(is_digit);
        end += 1;
    }
    steps::count(end - start);
    (end, count)
}

/// The place of a plus before a digit.
fn plus_before(text: &str, at: usize) -> Option<usize> {
    let last = before(text, at)?;
    matches!(last, '+' | '＋').then(|| at - last.len_utf8())
}

/// The end of the phone number that begins at `start`, its digits at `digits`.
fn end_of(text: &str, start: usize, digits: usize) -> Option<usize> {
    let has_plus = start < digits;
    let is_encoded = text[start..].starts_with('%');
    let begins = if has_plus { may_begin_with_plus(text, start) } else { may_begin(text, start) };
    if !begins {
        return None;
    }
    let number = Number::read(text.as_bytes(), digits, is_encoded);
    let mut name = None;
    for count in (1..=number.groups().len()).rev() {
        let groups = &number.groups()[..count];
        let digits = number.digits(count);
        let end = groups[count - 1].end;
        if digits.len() < FEWEST_PHONE_DIGITS || !may_end(text, end) {
            continue;
        }
        let is_phone = if has_plus {
            !is_decimal(groups) && is_international(digits, true)
        } else {
            let name = *name.get_or_insert_with(|| called(&text[..start]));
            let opens = before(text, start).is_some_and(|last| matches!(last, '(' | '（'));
            let is_phone = if digits.starts_with(&[0, 0]) {
                is_abroad(digits, count)
            } else {
                national::is_phone(groups, digits, opens, name)
            };
            is_phone && (count > 1 || name == Called::Phone || stands_alone(text, start, end))
        };
        if is_phone {
            return Some(end);
        }
    }
    None
}

/// A number that is called from abroad with `00`. Articles have thirteen digits that may begin so.
fn is_abroad(digits: &[u8], groups: usize) -> bool {
    is_international(&digits[2..], false) && !(groups == 1 && is_article_number(digits))
}

/// `+52.520008` is a coordinate.
fn is_decimal(groups: &[Group]) -> bool {
    groups.len() == 2 && groups[1].separator == Separator::DOT
}

fn may_begin_with_plus(text: &str, start: usize) -> bool {
    escape_ends(text.as_bytes(), start) || !is_word(before(text, start))
}

fn may_begin(text: &str, start: usize) -> bool {
    let bytes = text.as_bytes();
    if word_ends(bytes, start) {
        return false;
    }
    if escape_ends(bytes, start) {
        return true;
    }
    match two_before(text, start) {
        (Some('_' | '#' | '%' | '+' | '$' | '€' | '£' | '¥'), _) => false,
        (Some('.' | '/'), Some(earlier)) if is_letter(earlier) => {
            called(&text[..start]) == Called::Phone
        }
        (Some('-' | '.' | '/'), earlier) => !is_word(earlier),
        (Some(':'), earlier) => !is_digit(earlier),
        (last, _) => !is_word(last),
    }
}

fn may_end(text: &str, end: usize) -> bool {
    match two_at(text, end) {
        (Some('.' | '/' | ':'), next) => !is_digit(next),
        (Some('_'), _) => false,
        (Some('%'), _) => escape_begins(text.as_bytes(), end),
        // An extension.
        (Some('x'), next) => is_digit(next),
        (Some('-'), next) | (next, _) => !is_word(next),
    }
}

/// Nothing but white space, quotes, brackets and the signs of a sentence around it.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let is_plain = |character: Option<char>| {
        character.is_none_or(|character| {
            character.is_whitespace()
                || !character.is_ascii()
                || "\"'()[]{}<>,;:.!?|\\".contains(character)
        })
    };
    is_plain(before(text, start)) && is_plain(two_at(text, end).0)
}
