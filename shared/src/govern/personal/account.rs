//! Numbers of accounts and articles, which are not taken out here but look like the numbers that are.

use super::edge::{before, is_word};
use super::number::is_article_number;
use super::steps;

/// The shortest and the longest IBAN (ISO 13616).
const SHORTEST: usize = 15;
const LONGEST: usize = 34;

/// The end of the IBAN whose check digits begin at a place; none where no IBAN stands there.
pub(super) fn iban_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let country = bytes.get(at.checked_sub(2)?..at)?;
    let check = bytes.get(at..at + 2)?;
    if !country.iter().all(u8::is_ascii_uppercase)
        || !check.iter().all(u8::is_ascii_digit)
        || is_word(before(text, at - 2))
    {
        return None;
    }
    let mut remainder = 0;
    let mut length = 4;
    let mut end = None;
    let mut place = at + 2;
    while let Some(&byte) = bytes.get(place) {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' if length < LONGEST => {
                remainder = append(remainder, byte);
                length += 1;
                let goes_on = bytes.get(place + 1).is_some_and(u8::is_ascii_alphanumeric);
                if length >= SHORTEST && !goes_on && is_sound(remainder, country, check) {
                    end = Some(place + 1);
                }
            }
            b' ' if bytes[place - 1] != b' ' => {}
            _ => break,
        }
        place += 1;
    }
    steps::count(place - at);
    end
}

/// ISO 7064, mod 97-10: the country and the check digits moved to the end leave 1.
fn is_sound(remainder: u32, country: &[u8], check: &[u8]) -> bool {
    country.iter().chain(check).fold(remainder, |remainder, byte| append(remainder, *byte)) == 1
}

fn append(remainder: u32, byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    }
}

/// The end of an EAN that begins at a place and is grouped as under its bars: `4 006381 333931`.
pub(super) fn article_end(text: &str, at: usize) -> Option<usize> {
    let printed = text.as_bytes().get(at..at + 15)?;
    let mut digits = [0; 13];
    let mut count = 0;
    for (place, byte) in printed.iter().enumerate() {
        match byte {
            b' ' if place == 1 || place == 8 => {}
            b'0'..=b'9' if place != 1 && place != 8 => {
                digits[count] = byte - b'0';
                count += 1;
            }
            _ => return None,
        }
    }
    let ends = text.as_bytes().get(at + 15).is_none_or(|next| !next.is_ascii_alphanumeric());
    (ends && !is_word(before(text, at)) && is_article_number(&digits)).then_some(at + 15)
}
