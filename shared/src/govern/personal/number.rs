//! Digits in groups, as people write numbers.

use super::steps;

/// So many digits and groups are read at most; the longest number sought has 19 digits.
const MOST_DIGITS: usize = 20;
const MOST_GROUPS: usize = 9;

/// Blocks in which the next digit is sought: the compiler compares each at once.
const BLOCK: usize = 32;

/// The first byte of the full-width digits `０` to `９`.
const FULL_WIDTH: u8 = 0xef;

/// The place of the next digit or colon.
pub(super) fn next_number(bytes: &[u8], from: usize) -> Option<usize> {
    // A colon comes after `9` in ASCII.
    let begins = |byte: u8| matches!(byte, b'0'..=b':' | FULL_WIDTH);
    let mut start = from;
    loop {
        let (blocks, _) = bytes.get(start..)?.as_chunks::<BLOCK>();
        let passed = blocks
            .iter()
            .take_while(|block| !block.iter().fold(false, |any, byte| any | begins(*byte)))
            .count();
        start += passed * BLOCK;
        let rest = bytes[start..].iter().position(|byte| begins(*byte));
        steps::count(passed * BLOCK + rest.unwrap_or(BLOCK));
        let found = start + rest?;
        if bytes[found] != FULL_WIDTH || digit_at(bytes, found).is_some() {
            return Some(found);
        }
        start = found + 1;
    }
}

/// How many digits a text has.
pub(super) fn count_of_digits(bytes: &[u8]) -> usize {
    let mut count = 0;
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for block in blocks {
        count += usize::from(block.iter().map(|byte| u8::from(is_counted(*byte))).sum::<u8>());
    }
    count + rest.iter().filter(|byte| is_counted(**byte)).count()
}

/// A full-width character counts as a digit here: it is counted to pass a text by, not to judge it.
fn is_counted(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | FULL_WIDTH)
}

/// The digit at a place, and its length in bytes.
fn digit_at(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    match bytes.get(at..)? {
        [digit @ b'0'..=b'9', ..] => Some((digit - b'0', 1)),
        [FULL_WIDTH, 0xbc, last @ 0x90..=0x99, ..] => Some((last - 0x90, 3)),
        _ => None,
    }
}

/// The end of the digits at a place.
pub(super) fn end_of_digits(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while let Some((_, width)) = digit_at(bytes, end) {
        end += width;
    }
    steps::count(end - at);
    end
}

/// What stands between two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Separator(u8);

impl Separator {
    pub(super) const SPACE: Self = Self(1);
    pub(super) const HYPHEN: Self = Self(2);
    pub(super) const DOT: Self = Self(4);
    pub(super) const SLASH: Self = Self(8);
    pub(super) const OPEN: Self = Self(16);
    pub(super) const CLOSE: Self = Self(32);

    /// Whether the separator holds a character of this sort.
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Reads what stands between two groups; up to three characters, none of them twice.
    fn read(bytes: &[u8], from: usize, plus_is_space: bool) -> (Self, usize) {
        let mut separator = Self::default();
        let mut end = from;
        for _ in 0..3 {
            let Some((one, width)) = Self::one(bytes, end, plus_is_space) else { break };
            if separator.has(one) && one != Self::SPACE {
                break;
            }
            separator.0 |= one.0;
            end += width;
        }
        (separator, end)
    }

    fn one(bytes: &[u8], at: usize, plus_is_space: bool) -> Option<(Self, usize)> {
        Some(match bytes.get(at..)? {
            [b'+', ..] if plus_is_space => (Self::SPACE, 1),
            [b' ', ..] => (Self::SPACE, 1),
            [b'-', ..] => (Self::HYPHEN, 1),
            [b'.', ..] => (Self::DOT, 1),
            [b'/', ..] => (Self::SLASH, 1),
            [b'(', ..] => (Self::OPEN, 1),
            [b')', ..] => (Self::CLOSE, 1),
            // No-break space.
            [0xc2, 0xa0, ..] => (Self::SPACE, 2),
            // Encoded; thin and narrow spaces; the space of Japanese.
            [b'%', b'2', b'0', ..] | [0xe2, 0x80, 0x89 | 0xaf, ..] | [0xe3, 0x80, 0x80, ..] => {
                (Self::SPACE, 3)
            }
            // The hyphens and dashes of Unicode, the minus sign, the long vowel of Japanese, full width.
            [0xe2, 0x80, 0x90..=0x93, ..]
            | [0xe2, 0x88, 0x92, ..]
            | [0xe3, 0x83, 0xbc, ..]
            | [FULL_WIDTH, 0xbc, 0x8d, ..] => (Self::HYPHEN, 3),
            // Encoded, full width.
            [b'%', b'2', b'8', ..] | [FULL_WIDTH, 0xbc, 0x88, ..] => (Self::OPEN, 3),
            [b'%', b'2', b'9', ..] | [FULL_WIDTH, 0xbc, 0x89, ..] => (Self::CLOSE, 3),
            _ => return None,
        })
    }
}

/// Digits without a separator between them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    /// Digits of the group.
    pub(super) count: usize,
    /// Digits of the number up to the end of the group.
    pub(super) total: usize,
    /// Where the group ends in the text.
    pub(super) end: usize,
    /// What stands before it.
    pub(super) separator: Separator,
}

/// Groups of digits that follow each other.
#[derive(Debug, Default)]
pub(super) struct Number {
    digits: [u8; MOST_DIGITS],
    groups: [Group; MOST_GROUPS],
    count: usize,
}

impl Number {
    /// Reads the groups that begin at a digit. A group that goes beyond what is read is left out.
    pub(super) fn read(bytes: &[u8], start: usize, plus_is_space: bool) -> Self {
        steps::count(MOST_DIGITS);
        let mut number = Self::default();
        let mut total = 0;
        let mut place = start;
        let mut separator = Separator::default();
        while number.count < MOST_GROUPS {
            let first = total;
            while let Some((digit, width)) = digit_at(bytes, place) {
                if total == MOST_DIGITS {
                    return number;
                }
                number.digits[total] = digit;
                total += 1;
                place += width;
            }
            if total == first {
                break;
            }
            let count = total - first;
            number.groups[number.count] = Group { count, total, end: place, separator };
            number.count += 1;
            (separator, place) = Separator::read(bytes, place, plus_is_space);
            if separator == Separator::default() {
                break;
            }
        }
        number
    }

    /// The groups.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups[..self.count]
    }

    /// The digits, 0 to 9, of the first groups.
    pub(super) fn digits(&self, groups: usize) -> &[u8] {
        &self.digits[..groups.checked_sub(1).map_or(0, |last| self.groups[last].total)]
    }
}

/// Whether the last digit checks the others as GS1 says for EAN, UPC and GTIN.
pub(super) fn is_article_number(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(*digit) * if place % 2 == 1 { 3 } else { 1 })
        .sum();
    matches!(digits.len(), 8 | 12..=14) && sum.is_multiple_of(10)
}
