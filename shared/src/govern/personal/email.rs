//! E-mail addresses (RFC 5322, RFC 6531), also with the `@` encoded as in a URL's query.
//!
//! The local part may hold far more than is taken here; `=`, `/`, `?` and their like are left out, for in a
//! text they end what stands before an address far more often than they belong to it.

use super::edge::escape_begins;
use super::{Finding, Kind, steps};

/// The longest local part and domain, in bytes: 64 and 255 (RFC 5321, 4.5.3.1), four bytes a character
/// of the local part.
const LONGEST_LOCAL: usize = 256;
const LONGEST_DOMAIN: usize = 255;

/// The longest name of a top-level domain.
const LONGEST_TOP: usize = 24;

/// What stands where the top-level domain would: the units of systemd, `getty@tty1.service`.
const UNITS: [&str; 5] = ["service", "socket", "target", "timer", "slice"];

/// Where Chinese, Japanese and Korean begin in Unicode: there an address follows its word without a space.
const WITHOUT_SPACES: char = '\u{2e80}';

/// Appends the e-mail addresses of a text.
pub(super) fn find(text: &str, findings: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut floor = 0;
    for at in memchr::memchr2_iter(b'@', b'%', bytes) {
        if at < floor {
            continue;
        }
        let sign = match &bytes[at..] {
            [b'@', ..] => 1,
            [b'%', b'4', b'0', ..] => 3,
            // Encoded twice, in a URL within a URL.
            [b'%', b'2', b'5', b'4', b'0', ..] => 5,
            _ => continue,
        };
        let Some(end) = domain_end(text, at + sign) else { continue };
        let Some(start) = local_start(text, floor, at) else { continue };
        // The form in which git and scp name a repository.
        if &text[start..at] == "git" && text[end..].starts_with(':') {
            continue;
        }
        findings.push(Finding { kind: Kind::Email, start, end });
        floor = end;
    }
}

/// Where the local part begins that ends at a place.
fn local_start(text: &str, floor: usize, end: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = end;
    let mut after = None;
    while start > floor && end - start < LONGEST_LOCAL {
        if start >= floor + 3 && escape_begins(bytes, start - 3) {
            if !belongs_encoded(bytes, start - 3) {
                break;
            }
            start -= 3;
            after = None;
            continue;
        }
        let Some(character) = text[floor..start].chars().next_back() else { break };
        if !is_local(character) || changes_script(after, character) {
            break;
        }
        start -= character.len_utf8();
        after = Some(character);
    }
    steps::count(end - start);
    if floor < start && bytes[start - 1] == b'\\' {
        start += json_escape(&bytes[start..end]);
    }
    start += text[start..end].bytes().take_while(|byte| b".-'+".contains(byte)).count();
    text[start..end].chars().any(char::is_alphanumeric).then_some(start)
}

fn is_local(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || ".-_+'".contains(character)
        || (!character.is_ascii() && is_international(character))
}

/// A letter, a digit or a combining mark beyond ASCII.
fn is_international(character: char) -> bool {
    character.is_alphanumeric() || ('\u{300}'..'\u{370}').contains(&character)
}

/// Whether ASCII begins where Chinese, Japanese or Korean ends.
fn changes_script(after: Option<char>, character: char) -> bool {
    character >= WITHOUT_SPACES && after.is_some_and(|after| after.is_ascii())
}

/// Whether the escape at a place stands for what an address may hold: `%2B`, `%2D`, `%2E`, `%5F`, a byte
/// of a character beyond ASCII.
fn belongs_encoded(bytes: &[u8], at: usize) -> bool {
    match [bytes[at + 1], bytes[at + 2].to_ascii_lowercase()] {
        [b'2', last] => matches!(last, b'b' | b'd' | b'e'),
        [b'5', last] => last == b'f',
        [first, _] => !first.is_ascii_digit() || first > b'7',
    }
}

/// The length of what belongs to a backslash, in a JSON text within the text: `\n`, `\u003c`.
fn json_escape(local: &[u8]) -> usize {
    match local {
        [b'n' | b't' | b'r' | b'b' | b'f', ..] => 1,
        [b'u', digits @ ..]
            if digits.iter().take(4).filter(|digit| digit.is_ascii_hexdigit()).count() == 4 =>
        {
            5
        }
        _ => 0,
    }
}

/// Where the domain ends that begins at a place: two labels at least, the last one of letters.
fn domain_end(text: &str, start: usize) -> Option<usize> {
    let mut end = domain_run(text, start);
    // A sentence or a number may go on after the domain: labels are given up until one is a top.
    while let Some(dot) = text[start..end].rfind('.') {
        let last = &text[start + dot + 1..end];
        if let Some(length) = top_length(last) {
            let end = start + dot + 1 + length;
            return is_domain(&text[start..end]).then_some(end);
        }
        end = start + dot;
    }
    None
}

fn domain_run(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = start;
    let mut earlier = None;
    while end < text.len() && end - start < LONGEST_DOMAIN {
        if escape_begins(bytes, end) && bytes[end + 1] > b'7' && belongs_encoded(bytes, end) {
            end += 3;
            earlier = None;
            continue;
        }
        let Some(character) = text[end..].chars().next() else { break };
        let is_inside = character.is_ascii_alphanumeric()
            || character == '-'
            || (character == '.' && earlier.is_some_and(|earlier| earlier != '.'))
            || (!character.is_ascii() && is_international(character));
        let is_after_ascii = earlier.is_some_and(|earlier: char| earlier.is_ascii_alphanumeric());
        if !is_inside || (character >= WITHOUT_SPACES && is_after_ascii) {
            break;
        }
        end += character.len_utf8();
        earlier = Some(character);
    }
    steps::count(end - start);
    end
}

/// The length of the top-level domain that a label begins with.
fn top_length(label: &str) -> Option<usize> {
    if label.starts_with("xn--") {
        return Some(label.trim_end_matches('-').len());
    }
    let length = label.find(|character: char| !character.is_alphabetic()).unwrap_or(label.len());
    let is_whole = label[length..].is_empty() || label[length..].starts_with('-');
    let is_top = label[..length].chars().nth(1).is_some() && length <= LONGEST_TOP;
    (is_whole && is_top && !UNITS.contains(&label)).then_some(length)
}

/// No label is empty, and it is not the name of a picture for finer screens: `logo@2x.png`.
fn is_domain(domain: &str) -> bool {
    let is_scale = |label: &str| matches!(label.as_bytes(), [b'1'..=b'9', b'x']);
    domain.split('.').all(|label| !label.is_empty())
        && !domain
            .split_once('.')
            .is_some_and(|(first, rest)| is_scale(first) && !rest.contains('.'))
}
