//! The shapes of phone numbers as they are written within their country.

use super::calling_code::is_north_american;
use super::number::{Group, Separator};
use super::words::Called;

/// Digits of a national number that begins with the zero of its country's trunk.
const TRUNK_DIGITS: std::ops::RangeInclusive<usize> = 9..=12;

/// Digits of a number that a word calls a phone number, at most (ITU-T E.164).
const MOST_DIGITS: usize = 15;

/// How numbers without a trunk's zero are grouped in Spain and Poland, and what they begin with.
const SHAPES: [(&[usize], &[u8]); 2] =
    [(&[3, 2, 2, 2], &[6, 7, 8, 9]), (&[2, 3, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8, 9])];

/// Whether groups of digits are a phone number. `opens`: a bracket stands before the first.
pub(super) fn is_phone(groups: &[Group], digits: &[u8], opens: bool, name: Called) -> bool {
    if is_date(groups, digits) {
        return false;
    }
    let in_brackets = opens && groups.len() > 1 && groups[1].separator.has(Separator::CLOSE);
    if name == Called::Other && !in_brackets {
        return false;
    }
    if has_area_and_exchange(groups, digits, in_brackets) || has_trunk(groups, digits) {
        return true;
    }
    if groups.len() == 1 && is_bare_mobile(digits) {
        return true;
    }
    let is_spaced = groups[1..].iter().all(|group| group.separator == Separator::SPACE);
    let has_shape = |(shape, first): &(&[usize], &[u8])| {
        first.contains(&digits[0])
            && groups.iter().map(|group| group.count).eq(shape.iter().copied())
    };
    if is_spaced && SHAPES.iter().any(has_shape) {
        return true;
    }
    name == Called::Phone && is_plausible(groups, digits)
}

/// `(202) 555-0114`, `202-555-0114`, `1 202 555 0114`: the North American Numbering Plan.
fn has_area_and_exchange(groups: &[Group], digits: &[u8], in_brackets: bool) -> bool {
    let (groups, digits) = match groups {
        [first, rest @ ..] if first.count == 1 && digits[0] == 1 => (rest, &digits[1..]),
        _ => (groups, digits),
    };
    let [_, exchange, line] = groups else { return false };
    let counts = groups.iter().map(|group| group.count);
    let joined = line.separator;
    let is_even = exchange.separator == joined
        || in_brackets
        || exchange.separator.has(Separator::CLOSE)
        || exchange.separator == Separator::SPACE;
    counts.eq([3, 3, 4])
        && is_even
        && (joined == Separator::HYPHEN || joined == Separator::DOT || joined == Separator::SPACE)
        && is_north_american(digits)
}

/// `030/1234567`, `020 7946 0958`, `06 12 34 56 78`, `03-1234-5678`: a zero, then the area.
fn has_trunk(groups: &[Group], digits: &[u8]) -> bool {
    let [first, rest @ ..] = groups else { return false };
    let Some((last, inner)) = rest.split_last() else { return false };
    let slashes = rest.iter().filter(|group| group.separator.has(Separator::SLASH)).count();
    digits[0] == 0
        && digits[1] != 0
        && TRUNK_DIGITS.contains(&digits.len())
        && (2..=6).contains(&first.count)
        && groups.len() <= 6
        && inner.iter().all(|group| group.count > 1)
        && (last.count > 1 || last.separator == Separator::HYPHEN)
        && (slashes == 0 || (slashes == 1 && rest[0].separator.has(Separator::SLASH)))
        && !rest.iter().any(|group| group.separator.has(Separator::OPEN))
        && !(groups.len() > 2 && groups.iter().all(|group| group.count == 4))
}

/// Mobile numbers without a separator: the beginnings that are told from numbers padded with zeros.
fn is_bare_mobile(digits: &[u8]) -> bool {
    match digits {
        // The United Kingdom; France; Germany; Japan.
        [0, 7, 1..=9, ..] => digits.len() == 11,
        [0, 6 | 7, ..] => digits.len() == 10,
        [0, 1, 5..=7, ..] => matches!(digits.len(), 11 | 12),
        [0, 7..=9, 0, ..] => digits.len() == 11,
        _ => false,
    }
}

/// What may be a phone number where a word says so.
fn is_plausible(groups: &[Group], digits: &[u8]) -> bool {
    let is_decimal = groups.len() == 2 && groups[1].separator == Separator::DOT;
    let [_, rest @ ..] = groups else { return false };
    digits.len() <= MOST_DIGITS
        && groups.len() <= 7
        && !is_decimal
        && rest.iter().all(|group| group.count > 1 || group.separator == Separator::HYPHEN)
}

/// `2026-11-23`, `23.11.2026`, `11/23/2026`, and what goes on after it.
fn is_date(groups: &[Group], digits: &[u8]) -> bool {
    let [first, second, third, ..] = groups else { return false };
    let value = |from: usize, to: usize| {
        digits[from..to].iter().fold(0, |number, digit| number * 10 + u32::from(*digit))
    };
    let first_value = value(0, first.total.min(4));
    let second_value = value(first.total, second.total.min(first.total + 4));
    let third_value = value(second.total, third.total.min(second.total + 4));
    let is_year = |count: usize, value: u32| count == 4 && (1900..2100).contains(&value);
    let is_part = |count: usize, value: u32| count <= 2 && (1..=31).contains(&value);
    let begins_with_year = is_year(first.count, first_value)
        && is_part(second.count, second_value)
        && is_part(third.count, third_value);
    let ends_with_year = is_part(first.count, first_value)
        && is_part(second.count, second_value)
        && is_year(third.count, third_value);
    (begins_with_year || ends_with_year) && second.separator == third.separator
}
