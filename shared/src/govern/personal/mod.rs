//! Personal data that hides in free text: e-mail addresses, phone numbers, payment cards, IP addresses.
//!
//! [`find`] names the places, [`redact_into`] writes the text without them. Both run on every text of
//! every record, so a text with nothing in it costs a scan for `@`, `%`, `:` and digits and no
//! allocation, and the time is linear in the length of the text whatever it holds: what is looked at
//! around a digit or an `@` is bounded by the longest form of its kind.
//!
//! The kinds are sought in three passes: e-mail addresses; then IP addresses and cards in what lies
//! between; then phone numbers in what still lies between. A place that was found stands for the
//! passes after it as the edge of the text, just as its marker does when a redacted text is redacted
//! again. So a second redaction changes nothing.
//!
//! What is sure enough to take out is a choice: `+49 30 1234567` is a phone number anywhere, `07700
//! 900123` where nothing says that it is an order, `601 234 567` only after a word such as `tel`.

mod account;
mod calling_code;
mod card;
mod edge;
mod email;
mod internet;
mod national;
mod number;
mod phone;
mod steps;
mod words;

#[cfg(test)]
mod labelled;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod tests;

use number::{count_of_digits, end_of_digits, next_number};

/// Fewer digits are no phone number.
const FEWEST_PHONE_DIGITS: usize = 7;

/// What a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An e-mail address, also with an encoded `@` as in a URL's query.
    Email,
    /// A phone number, international or national.
    Phone,
    /// The number of a payment card.
    Card,
    /// An IPv4 or IPv6 address that can be somebody's: not loopback, not a mask.
    Ip,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Email, Self::Phone, Self::Card, Self::Ip];

    /// What stands in a redacted text in place of a finding.
    pub const fn marker(self) -> &'static str {
        match self {
            Self::Email => "[email]",
            Self::Phone => "[phone]",
            Self::Card => "[card]",
            Self::Ip => "[ip]",
        }
    }
}

/// A place in a text that holds personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What stands there.
    pub kind: Kind,
    /// The first byte; a character begins there.
    pub start: usize,
    /// The byte after the last; a character ends there.
    pub end: usize,
}

/// Puts the places of a text that hold personal data into `findings`, in their order, without overlap.
/// What was in `findings` before is removed.
pub fn find(text: &str, findings: &mut Vec<Finding>) {
    findings.clear();
    email::find(text, findings);
    if next_number(text.as_bytes(), 0).is_none() {
        return;
    }
    between(text, findings, find_exact);
    if count_of_digits(text.as_bytes()) >= FEWEST_PHONE_DIGITS {
        between(text, findings, phone::find);
    }
}

/// Appends a text to `target`, each finding replaced by its marker: `[email]`, `[phone]`, `[card]`, `[ip]`.
/// Where nothing is found, returns false and leaves `target` as it is, without an allocation.
pub fn redact_into(text: &str, target: &mut String) -> bool {
    let mut findings = Vec::new();
    find(text, &mut findings);
    if findings.is_empty() {
        return false;
    }
    let mut written = 0;
    for finding in &findings {
        target.push_str(&text[written..finding.start]);
        target.push_str(finding.kind.marker());
        written = finding.end;
    }
    target.push_str(&text[written..]);
    true
}

/// The first finding of a part of a text: its kind, start and end.
type Found = Option<(Kind, usize, usize)>;

/// Seeks in what lies between the findings so far. The rest after a finding is a text of its own.
fn between(text: &str, findings: &mut Vec<Finding>, first_in: impl Fn(&str) -> Found) {
    let known = findings.len();
    let mut start = 0;
    for index in 0..=known {
        let end =
            findings.get(index).filter(|_| index < known).map_or(text.len(), |next| next.start);
        while let Some((kind, from, to)) = first_in(&text[start..end]) {
            findings.push(Finding { kind, start: start + from, end: start + to });
            start += to;
        }
        start = findings.get(index).filter(|_| index < known).map_or(end, |next| next.end);
    }
    if known > 0 && findings.len() > known {
        findings.sort_unstable_by_key(|finding| finding.start);
    }
}

/// Addresses and cards: what can be told by itself, without the words around it.
fn find_exact(text: &str) -> Found {
    let bytes = text.as_bytes();
    let mut seen_to = 0;
    let mut from = 0;
    while let Some(at) = next_number(bytes, from) {
        if bytes[at] == b':' {
            if at >= seen_to {
                let run = internet::colon_run(text, at);
                if let Some((start, end)) = internet::version_6(text, run) {
                    return Some((Kind::Ip, start, end));
                }
                seen_to = run.1;
            }
            from = at + 1;
            continue;
        }
        if let Some(end) = passed_by(text, at) {
            from = end;
            continue;
        }
        let end = end_of_digits(bytes, at);
        if edge::word_ends(bytes, at) {
            from = end;
            continue;
        }
        if let Some(end) = internet::version_4(text, at, end) {
            return Some((Kind::Ip, at, end));
        }
        if let Some(end) = card::end_of(text, at, end) {
            return Some((Kind::Card, at, end));
        }
        from = end;
    }
    None
}

/// The end of what has digits at a place and is nothing that is sought.
fn passed_by(text: &str, at: usize) -> Option<usize> {
    edge::escape_around(text.as_bytes(), at)
        .or_else(|| account::iban_end(text, at))
        .or_else(|| account::article_end(text, at))
}
