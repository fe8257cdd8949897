//! What stands at the edges of a candidate.

/// The character before a place.
pub(super) fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// The character at a place.
pub(super) fn at(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// The characters at a place and after it.
pub(super) fn two_at(text: &str, at: usize) -> (Option<char>, Option<char>) {
    let mut characters = text[at..].chars();
    (characters.next(), characters.next())
}

/// The character before a place, and the one before that.
pub(super) fn two_before(text: &str, at: usize) -> (Option<char>, Option<char>) {
    let mut characters = text[..at].chars();
    let last = characters.next_back();
    (last, characters.next_back())
}

/// A letter of a script that puts spaces between words. Chinese, Japanese and Korean begin in Unicode at
/// U+2E80: there a number or an address follows its word without a space.
pub(super) fn is_letter(character: char) -> bool {
    character.is_ascii_alphabetic()
        || (!character.is_ascii() && character < '\u{2e80}' && character.is_alphabetic())
}

/// A letter or a digit: what a number or a name goes on with.
pub(super) fn is_word(character: Option<char>) -> bool {
    character.is_some_and(|character| character.is_ascii_digit() || is_letter(character))
}

/// A digit.
pub(super) fn is_digit(character: Option<char>) -> bool {
    character.is_some_and(|character| character.is_ascii_digit())
}

/// Whether an escape ends at a place: `%3D` of a URL, `\n` of a JSON text within the text.
pub(super) fn escape_ends(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[..at], [.., b'\\', b'n' | b't' | b'r'])
        || (at >= 3 && escape_begins(bytes, at - 3))
}

/// Whether an ASCII letter or digit ends at a place, and no escape: no number begins there.
pub(super) fn word_ends(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[..at], [.., last] if last.is_ascii_alphanumeric()) && !escape_ends(bytes, at)
}

/// Whether an escape of a URL such as `%3D` begins at a place.
pub(super) fn escape_begins(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..at + 3), Some([b'%', high, low])
        if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// Where an escape of a URL ends that a digit is part of: `%20`, `%C3`.
pub(super) fn escape_around(bytes: &[u8], digit: usize) -> Option<usize> {
    let begins = |back: usize| digit >= back && escape_begins(bytes, digit - back);
    if begins(1) {
        return Some(digit + 2);
    }
    begins(2).then_some(digit + 1)
}
