//! What happens to personal data before anything is written.

use std::net::IpAddr;

use memchr::{memchr_iter, memchr2};
use ring::hmac;
use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};
use twox_hash::XxHash3_128;

use crate::contract::Normalize;

/// What stands where something was taken out.
pub(super) const REDACTED: &str = "[redacted]";

/// Entries of the cache of pseudonyms: 2^14 of 80 bytes are 1.3 MB.
const CACHE_BITS: u32 = 14;

/// Replaces a value by its keyed hash.
///
/// HMAC-SHA256 (RFC 2104) over the normalised value, in lower-case hex: the same person has the same
/// pseudonym in every source, and nobody without the key can go from a list of e-mail addresses to
/// pseudonyms. One person's messages stand close together in a file, so pseudonyms are remembered.
pub struct Pseudonymizer {
    key: hmac::Key,
    cache: Vec<(u128, [u8; 64])>,
    normalized: String,
}

impl Pseudonymizer {
    /// A pseudonymizer for a key.
    pub fn new(key: &[u8]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            cache: vec![(0, [0; 64]); 1 << CACHE_BITS],
            normalized: String::new(),
        }
    }

    /// Appends the pseudonym of a value to `target`; false when nothing is left after normalising.
    /// `region` is that of national phone numbers.
    pub(super) fn append(
        &mut self,
        value: &str,
        normalize: Option<Normalize>,
        region: Option<&str>,
        target: &mut String,
    ) -> bool {
        self.normalized.clear();
        normalize_into(value, normalize, region, &mut self.normalized);
        if self.normalized.is_empty() {
            return false;
        }
        let hash = XxHash3_128::oneshot(self.normalized.as_bytes());
        let place = (hash >> (128 - CACHE_BITS)) as usize;
        if self.cache[place].0 != hash {
            self.cache[place] = (hash, self.pseudonym());
        }
        // Hexadecimal digits are ASCII, so there is always a text.
        target.push_str(str::from_utf8(&self.cache[place].1).unwrap_or_default());
        true
    }

    fn pseudonym(&self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let tag = hmac::sign(&self.key, self.normalized.as_bytes());
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(tag.as_ref()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        text
    }
}

/// A key must not be shown, not even by accident.
impl std::fmt::Debug for Pseudonymizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pseudonymizer").finish_non_exhaustive()
    }
}

/// Brings a value to the one form that is hashed.
fn normalize_into(
    value: &str,
    normalize: Option<Normalize>,
    region: Option<&str>,
    target: &mut String,
) {
    match normalize {
        None => target.push_str(value),
        Some(Normalize::Trim) => target.push_str(value.trim()),
        Some(Normalize::Email) if value.is_ascii() => {
            let start = target.len();
            target.push_str(value.trim());
            target[start..].make_ascii_lowercase();
        }
        Some(Normalize::Email) => target.extend(value.trim().chars().flat_map(char::to_lowercase)),
        Some(Normalize::Phone) => normalize_phone(value.trim(), region, target),
    }
}

/// E.164, and the extension where there is one, for it may be somebody else's. What is no phone number
/// keeps its digits, after a `+` where there was one, so that equal writings stay equal.
fn normalize_phone(value: &str, region: Option<&str>, target: &mut String) {
    let start = target.len();
    if value.starts_with(['+', '＋']) {
        target.push('+');
    }
    target.extend(value.chars().filter(char::is_ascii_digit));
    let region = region.and_then(|region| region.parse::<Region>().ok());
    let digits = &target[start..];
    // Without a region nobody knows what is dialled to call abroad; `00` is what ITU-T E.123 advises.
    let number = match digits.strip_prefix("00") {
        Some(abroad) if region.is_none() => PHONE_NUMBER_UTIL.parse(format!("+{abroad}"), None),
        _ => PHONE_NUMBER_UTIL.parse(value, region),
    };
    let Ok(number) = number else { return };
    let is_possible = matches!(
        PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number),
        Ok(NumberLengthType::IsPossible)
    );
    // Without `+`, `00` or the trunk's zero it may be a part of a number: only a valid one is whole.
    let is_whole =
        target[start..].starts_with(['+', '0']) || PHONE_NUMBER_UTIL.is_valid_number(&number);
    if !is_possible || !is_whole {
        return;
    }
    target.truncate(start);
    target.push_str(&PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164));
    if let Some(extension) = number.extension.as_deref().filter(|extension| !extension.is_empty()) {
        // As RFC 3966 writes it.
        target.push_str(";ext=");
        target.push_str(extension);
    }
}

/// IPv4 to /24, IPv6 to /48; what is no address is redacted.
pub(super) fn truncate_ip(text: &str, target: &mut String) {
    use std::fmt::Write as _;
    let written = match text.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            write!(target, "{a}.{b}.{c}.0")
        }
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            write!(target, "{}", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
        Err(_) => target.write_str(REDACTED),
    };
    // Writing to a String cannot fail.
    debug_assert!(written.is_ok());
}

/// A URL without user information, query and fragment; a path segment that holds an e-mail address
/// is redacted.
pub(super) fn truncate_url(text: &str, target: &mut String) {
    let end = memchr2(b'?', b'#', text.as_bytes()).unwrap_or(text.len());
    let location = &text[..end];
    let bytes = location.as_bytes();
    let colon = memchr_iter(b':', bytes).find(|colon| bytes[colon + 1..].starts_with(b"//"));
    let (scheme, rest) = location.split_at(colon.map_or(0, |colon| colon + 3));
    target.push_str(scheme);
    if !holds_address(rest) {
        target.push_str(rest);
        return;
    }
    for (index, segment) in rest.split('/').enumerate() {
        if index > 0 {
            target.push('/');
        }
        match segment.rsplit_once('@') {
            Some((_, host)) if index == 0 && !scheme.is_empty() => target.push_str(host),
            _ if holds_address(segment) => target.push_str(REDACTED),
            _ => target.push_str(segment),
        }
    }
}

fn holds_address(text: &str) -> bool {
    // Few URLs have either byte.
    memchr2(b'@', b'%', text.as_bytes()).is_some() && (text.contains('@') || text.contains("%40"))
}

/// The value of a query parameter of a URL, decoded; none where it is absent or empty.
pub(super) fn query_parameter(url: &str, name: &str, target: &mut String) -> bool {
    let Some((_, query)) = url.split_once('?') else {
        return false;
    };
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if key == name && !value.is_empty() {
            target.push_str(&value);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(make: impl FnOnce(&mut String)) -> String {
        let mut text = String::new();
        make(&mut text);
        text
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_pseudonym_is_hmac_sha256() {
        let mut pseudonymizer = Pseudonymizer::new(b"Jefe");
        for _ in 0..2 {
            let text = made(|text| {
                assert!(pseudonymizer.append("what do ya want for nothing?", None, None, text));
            });
            assert_eq!(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        }
    }

    #[test]
    fn one_person_has_one_pseudonym() {
        let mut pseudonymizer = Pseudonymizer::new(b"key");
        let mut of = |value: &str, normalize| {
            made(|text| assert!(pseudonymizer.append(value, Some(normalize), None, text)))
        };
        assert_eq!(
            of(" Ada@Example.com ", Normalize::Email),
            of("ada@example.com", Normalize::Email)
        );
        assert_eq!(of("+49 (30) 123-45", Normalize::Phone), of("+493012345", Normalize::Phone));
        assert_ne!(of("Ada", Normalize::Trim), of("ada", Normalize::Trim));
        assert!(!pseudonymizer.append("  ", Some(Normalize::Trim), None, &mut String::new()));
    }

    fn phone(value: &str, region: Option<&str>) -> String {
        made(|text| normalize_into(value, Some(Normalize::Phone), region, text))
    }

    #[test]
    fn one_phone_number_has_one_form() {
        for (region, expected, writings) in [
            (
                Some("DE"),
                "+493023125123",
                &[
                    "+493023125123",
                    "+49 30 23125123",
                    "+49 (0)30 23125-123",
                    "0049 30 23125123",
                    "030 23125123",
                    "030/23125123",
                    "(030) 23125 123",
                    "30 23125123",
                    "tel:+49-30-23125123",
                    " +49.30.23125.123 ",
                ][..],
            ),
            (
                Some("US"),
                "+12025550114",
                &[
                    "(202) 555-0114",
                    "2025550114",
                    "1-202-555-0114",
                    "+1 202.555.0114",
                    "011 1 202 555 0114",
                ],
            ),
            (
                Some("GB"),
                "+447700900123",
                &[
                    "07700 900123",
                    "07700900123",
                    "+44 7700 900123",
                    "+44 (0)7700 900 123",
                    "0044 7700 900123",
                ],
            ),
            (
                Some("FR"),
                "+33199001234",
                &["01 99 00 12 34", "01.99.00.12.34", "+33 1 99 00 12 34"],
            ),
            (Some("ES"), "+34612345678", &["612 34 56 78", "+34 612 345 678", "0034612345678"]),
            (Some("PL"), "+48601234567", &["601 234 567", "+48 601-234-567"]),
            (Some("IT"), "+390612345678", &["06 1234 5678", "+39 06 12345678"]),
            (
                Some("JP"),
                "+819012345678",
                &["090-1234-5678", "０９０－１２３４－５６７８", "+81 90 1234 5678"],
            ),
            (
                None,
                "+493023125123",
                &["+49 30 23125123", "0049 30 23125123", "+49 (0) 30 23125123"],
            ),
        ] {
            for writing in writings {
                assert_eq!(phone(writing, region), expected, "{writing}");
            }
        }
    }

    #[test]
    fn different_phone_numbers_have_different_forms() {
        let mut seen = std::collections::BTreeMap::new();
        for (value, region) in [
            ("030 23125123", Some("DE")),
            ("23125123", Some("DE")),
            ("030 23125124", Some("DE")),
            ("030 23125123", Some("AT")),
            ("030 23125123", None),
            ("1234567", Some("DE")),
            ("01234567", Some("DE")),
            ("+49 30 23125123 ext. 12", None),
            ("110", Some("DE")),
            ("+49 30 23125123 / +49 30 23125124", None),
            ("+49 110", None),
            ("+999 23125123", None),
            ("4930 23125", None),
            ("2025550114", None),
            ("(202) 555-0114", Some("US")),
            ("555-0114", Some("US")),
            ("020 7946 0958", Some("GB")),
            ("0207 946 095", Some("GB")),
        ] {
            if let Some(other) = seen.insert(phone(value, region), (value, region)) {
                panic!("{value} of {region:?} has the form of {other:?}");
            }
        }
    }

    #[test]
    fn what_is_no_phone_number_keeps_its_digits() {
        for (value, region, expected) in [
            ("+999 12-34", Some("DE"), "+9991234"),
            ("030 1234567", None, "0301234567"),
            ("call 12 or 13", Some("DE"), "1213"),
            ("none", Some("DE"), ""),
            ("+", None, "+"),
        ] {
            assert_eq!(phone(value, region), expected, "{value}");
        }
    }

    #[test]
    fn the_regions_of_the_contracts_are_known() {
        for contract in crate::contract::contracts() {
            for region in
                contract.columns.iter().filter_map(|column| column.phone_region.as_deref())
            {
                assert!(region.parse::<Region>().is_ok(), "{} {region}", contract.dataset());
            }
        }
    }

    #[test]
    fn addresses_are_truncated() {
        for (address, expected) in [
            ("203.0.113.77", "203.0.113.0"),
            ("2001:db8:1:2:3::4", "2001:db8:1::"),
            ("::ffff:203.0.113.77", "203.0.113.0"),
            ("unknown", REDACTED),
        ] {
            assert_eq!(made(|text| truncate_ip(address, text)), expected);
        }
    }

    #[test]
    fn urls_lose_what_may_be_personal() {
        for (url, expected) in [
            ("https://shop.example/cart?email=a@b.c#x", "https://shop.example/cart"),
            ("https://ada:secret@shop.example/cart", "https://shop.example/cart"),
            ("https://shop.example/u/ada@b.c/x", "https://shop.example/u/[redacted]/x"),
            ("/u/ada%40b.c", "/u/[redacted]"),
            ("mailto:ada@b.c", "[redacted]"),
            ("", ""),
        ] {
            assert_eq!(made(|text| truncate_url(url, text)), expected);
        }
    }

    #[test]
    fn a_query_parameter_is_decoded() {
        let mut text = String::new();
        assert!(query_parameter("https://x/?a=1&gclid=Cj%2B0#gclid=no", "gclid", &mut text));
        assert_eq!(text, "Cj+0");
        assert!(!query_parameter("https://x/?gclid=", "gclid", &mut text));
        assert!(!query_parameter("https://x/", "gclid", &mut text));
    }
}
