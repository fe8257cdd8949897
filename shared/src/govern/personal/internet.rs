//! IP addresses, as far as they can be somebody's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::edge::{before, escape_begins, escape_ends, is_letter, is_word, two_at, two_before};
use super::{steps, words};

/// The longest text of an IPv6 address: six groups and an IPv4 address.
const LONGEST_6: usize = 45;

/// The end of the IPv4 address that begins at a digit; none where there is none. Versions of programs
/// have the same form: `Chrome/120.0.0.0`, `v1.2.3.4`, `version 10.2.3.14`.
/// `first` is where the first digits end.
pub(super) fn version_4(text: &str, start: usize, first: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if first - start > 3 || bytes.get(first) != Some(&b'.') {
        return None;
    }
    let mut octets = [0_u8; 4];
    let mut place = start;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            place += usize::from(*bytes.get(place)? == b'.');
            if bytes[place - 1] != b'.' {
                return None;
            }
        }
        let digits = bytes[place..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 1 && bytes[place] == b'0' {
            return None;
        }
        *octet = text[place..place + digits].parse().ok()?;
        place += digits;
    }
    let is_short = octets.iter().all(|octet| *octet < 10);
    let taken = !is_short
        && is_somebodys_4(Ipv4Addr::from(octets))
        && may_begin_4(text, start)
        && may_end_4(text, place)
        && !words::name_a_version(&text[..start]);
    taken.then_some(place)
}

fn may_begin_4(text: &str, start: usize) -> bool {
    if escape_ends(text.as_bytes(), start) {
        return true;
    }
    match two_before(text, start) {
        (Some('.' | '_'), _) => false,
        // A product's version, or a name's part.
        (Some('/' | '-'), Some(earlier)) => !is_letter(earlier),
        (last, _) => !is_word(last),
    }
}

fn may_end_4(text: &str, end: usize) -> bool {
    match two_at(text, end) {
        (Some('_'), _) => false,
        (Some('-'), Some(next)) => !is_letter(next),
        (Some('.'), next) | (next, _) => !is_word(next),
    }
}

/// Neither this host, loopback, multicast nor a mask (RFC 6890).
fn is_somebodys_4(address: Ipv4Addr) -> bool {
    matches!(address.octets()[0], 1..=126 | 128..=223)
}

/// The start and end of the run of hexadecimal digits, colons and dots around a colon. Of a run that is
/// too long for an address a part is given, itself too long.
pub(super) fn colon_run(text: &str, colon: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let is_inside = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let back = bytes[..colon].iter().rev().take(LONGEST_6).take_while(is_inside).count();
    let forth = bytes[colon..].iter().take(LONGEST_6 + 3).take_while(is_inside).count();
    steps::count(back + forth);
    (colon - back, colon + forth)
}

/// The IPv6 address (RFC 4291, 2.2) in a run; none where there is none. Times, MAC addresses and paths
/// of programs (`std::fmt`) have colons too: what is no address of an assigned range is none.
pub(super) fn version_6(text: &str, (start, end): (usize, usize)) -> Option<(usize, usize)> {
    // A colon may stand before it, and one after it.
    if end - start > LONGEST_6 + 2 {
        return None;
    }
    let bytes = text.as_bytes();
    let mut run = &text[start..end];
    let mut from = start;
    if run.starts_with(':') && !run.starts_with("::") {
        run = &run[1..];
        from += 1;
    } else if is_word(before(text, start)) && !escape_ends(bytes, start) {
        return None;
    }
    run = run.trim_end_matches('.');
    if run.ends_with(':') && !run.ends_with("::") {
        run = &run[..run.len() - 1];
    }
    let to = from + run.len();
    let (next, _) = two_at(text, to);
    if (is_word(next) || next == Some('_')) && !escape_begins(bytes, to) {
        return None;
    }
    let colons = run.bytes().filter(|byte| *byte == b':').count();
    // Times and MAC addresses, without reading them as an address.
    if colons < 2 || (colons < 6 && !run.contains("::")) {
        return None;
    }
    let address = run.parse::<Ipv6Addr>().ok()?;
    is_somebodys_6(address).then_some((from, to))
}

/// Global unicast, unique local, link-local, or an IPv4 address that is somebody's.
fn is_somebodys_6(address: Ipv6Addr) -> bool {
    match IpAddr::V6(address).to_canonical() {
        IpAddr::V4(address) => is_somebodys_4(address),
        IpAddr::V6(address) => {
            let first = address.segments()[0];
            first & 0xe000 == 0x2000 || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
    }
}
