//! Payment cards (ISO/IEC 7812): the issuer, the length and the check digit must all agree.

use super::edge::{at, before, escape_ends, is_digit, is_word, two_at, two_before};
use super::number::{Group, Number, Separator, end_of_digits, is_article_number, next_number};

/// The shortest number of a card that is still in use.
const FEWEST_DIGITS: usize = 13;
/// The longest number of a card.
const MOST_DIGITS: usize = 19;

/// How numbers of cards are grouped.
const SHAPES: [&[usize]; 6] =
    [&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 4, 3], &[4, 4, 4, 1], &[4, 4, 4, 2]];

/// The end of the card's number that begins at a digit; none where there is none. `first` is where the
/// first digits end. Where another begins within it, for a group of digits stood before the true one,
/// both are taken.
pub(super) fn end_of(text: &str, start: usize, first: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut end = one_end_of(text, start, first)?;
    let mut from = first;
    while let Some(at) = next_number(bytes, from).filter(|at| *at < end) {
        from = end_of_digits(bytes, at).max(at + 1);
        end = one_end_of(text, at, from).map_or(end, |other| end.max(other));
    }
    Some(end)
}

fn one_end_of(text: &str, start: usize, first: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if !(first - start == 4 || (FEWEST_DIGITS..=MOST_DIGITS).contains(&(first - start))) {
        return None;
    }
    // A look ahead: most numbers have ended by then.
    let digits = bytes[start..].iter().take(MOST_DIGITS).filter(|byte| byte.is_ascii_digit());
    if digits.count() < FEWEST_DIGITS || !may_begin(text, start) {
        return None;
    }
    let number = Number::read(bytes, start, false);
    for count in (1..=number.groups().len()).rev() {
        let groups = &number.groups()[..count];
        let end = groups[count - 1].end;
        if is_grouped(groups) && is_card(number.digits(count), count == 1) && may_end(text, end) {
            return Some(end);
        }
    }
    None
}

fn may_begin(text: &str, start: usize) -> bool {
    if escape_ends(text.as_bytes(), start) {
        return true;
    }
    match two_before(text, start) {
        (Some('+' | '_' | '%'), _) => false,
        (Some('-' | '.'), earlier) => !is_word(earlier),
        (last, _) => !is_word(last) && before(text, start).is_none_or(|last| !last.is_numeric()),
    }
}

fn may_end(text: &str, end: usize) -> bool {
    match two_at(text, end) {
        (Some('-' | '.'), next) => !is_digit(next),
        (Some('_'), _) => false,
        (next, _) => !is_word(next) && at(text, end).is_none_or(|next| !next.is_numeric()),
    }
}

/// All separators are a space, or all are a hyphen, and the groups have the lengths of a card's.
fn is_grouped(groups: &[Group]) -> bool {
    if groups.len() == 1 {
        return true;
    }
    let separator = groups[1].separator;
    (separator == Separator::SPACE || separator == Separator::HYPHEN)
        && groups[1..].iter().all(|group| group.separator == separator)
        && SHAPES
            .iter()
            .any(|shape| groups.iter().map(|group| group.count).eq(shape.iter().copied()))
}

fn is_card(digits: &[u8], is_bare: bool) -> bool {
    let prefix = |count: usize| {
        digits[..count].iter().fold(0, |number, digit| number * 10 + u32::from(*digit))
    };
    if digits.len() < FEWEST_DIGITS || digits.len() > MOST_DIGITS || !is_luhn(digits) {
        return false;
    }
    // The numbers of articles have 13 and 14 digits too, and are far more frequent.
    if is_bare && digits.len() < 15 && is_article_number(digits) {
        return false;
    }
    let lengths = match (prefix(1), prefix(2), prefix(4)) {
        // Visa.
        (4, _, _) => return matches!(digits.len(), 13 | 16 | 19),
        // American Express.
        (_, 34 | 37, _) => 15..=15,
        // Mastercard.
        (_, 51..=55, _) | (_, _, 2221..=2720) => 16..=16,
        // Diners Club.
        (_, 36 | 38 | 39, _) | (_, _, 3000..=3059 | 3095) => 14..=19,
        // JCB, Mir, Discover, UnionPay, Maestro.
        (_, 50 | 56..=58 | 62 | 65 | 67 | 81, _)
        | (_, _, 2200..=2204 | 3528..=3589 | 6011 | 6304 | 6440..=6499) => 16..=19,
        _ => return false,
    };
    lengths.contains(&digits.len())
}

/// The check of ISO/IEC 7812-1, annex B.
fn is_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, *digit) {
            (0, digit) => u32::from(digit),
            (_, digit) => u32::from(digit) * 2 - if digit > 4 { 9 } else { 0 },
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}
