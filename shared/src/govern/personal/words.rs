//! What the words before a number say of it.
//!
//! Chat and support messages in English, German, French, Spanish, Polish and Japanese; names of members
//! and columns too, for `customer_phone` is two words here.

use super::edge::is_letter;
use super::steps;

/// So far back words are read, in bytes, and so many of them.
const FARTHEST: usize = 48;
const MOST_WORDS: usize = 5;
/// A word that speaks against a phone number must stand closer.
const CLOSE_WORDS: usize = 3;

/// What a number is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// A phone number.
    Phone,
    /// Another number: an order's, an account's.
    Other,
    /// Nothing.
    Nothing,
}

const PHONE: [&str; 18] = [
    "tel", "tél", "tlf", "ph", "mob", "cell", "call", "calls", "calling", "fax", "sms", "ring",
    "dial", "reach", "kom", "hp", "fon", "whatsapp",
];
const PHONE_BEGINNINGS: [&str; 24] = [
    "telef",
    "telep",
    "teléf",
    "téléph",
    "phone",
    "mobil",
    "handy",
    "cellph",
    "callback",
    "rückruf",
    "anruf",
    "anzuruf",
    "rufen",
    "rufnummer",
    "appel",
    "portable",
    "llam",
    "llám",
    "móvil",
    "movil",
    "celular",
    "dzwo",
    "zadzwo",
    "komórk",
];
const PHONE_IN_JAPANESE: [&str; 3] = ["電話", "携帯", "連絡先"];

const OTHER: [&str; 21] = [
    "id", "art", "ref", "sku", "isbn", "ean", "gtin", "upc", "iban", "bic", "blz", "imei", "uid",
    "kto", "vat", "zip", "plz", "lot", "po", "rma", "issn",
];
const OTHER_BEGINNINGS: [&str; 37] = [
    "order",
    "invoice",
    "ticket",
    "account",
    "case",
    "item",
    "product",
    "track",
    "parcel",
    "reference",
    "serial",
    "version",
    "build",
    "customer",
    "member",
    "booking",
    "contract",
    "amount",
    "total",
    "article",
    "bestell",
    "kunden",
    "rechnung",
    "auftrag",
    "sendung",
    "artikel",
    "konto",
    "vertrag",
    "command",
    "factur",
    "compte",
    "colis",
    "pedido",
    "cuenta",
    "zamówieni",
    "faktur",
    "przesyłk",
];
const OTHER_IN_JAPANESE: [&str; 4] = ["注文", "口座", "会員", "伝票"];

const VERSION_BEGINNINGS: [&str; 12] = [
    "version", "release", "build", "firmware", "update", "upgrade", "driver", "patch", "sdk",
    "runtime", "section", "wersj",
];

/// What the words before a number call it; the closest word that says something counts.
pub(super) fn called(before: &str) -> Called {
    let nearby = nearby(before);
    if let Some(called) = called_in_japanese(nearby) {
        return called;
    }
    for (distance, word) in words(nearby).take(MOST_WORDS).enumerate() {
        if PHONE.iter().any(|known| is_same(word, known)) || begins_as(word, &PHONE_BEGINNINGS) {
            return Called::Phone;
        }
        let is_other =
            OTHER.iter().any(|known| is_same(word, known)) || begins_as(word, &OTHER_BEGINNINGS);
        if distance < CLOSE_WORDS && is_other {
            return Called::Other;
        }
    }
    Called::Nothing
}

/// Whether the words before a number say that it is the version of a program.
pub(super) fn name_a_version(before: &str) -> bool {
    words(nearby(before))
        .take(2)
        .any(|word| begins_as(word, &VERSION_BEGINNINGS) || is_same(word, "ver"))
}

fn called_in_japanese(nearby: &str) -> Option<Called> {
    if nearby.is_ascii() {
        return None;
    }
    let last = |known: &[&str]| known.iter().filter_map(|word| nearby.rfind(word)).max();
    match (last(&PHONE_IN_JAPANESE), last(&OTHER_IN_JAPANESE)) {
        (None, None) => None,
        (phone, other) => Some(if phone > other { Called::Phone } else { Called::Other }),
    }
}

/// The end of a text that still speaks of what follows it: no digit, no line and no marker between.
fn nearby(before: &str) -> &str {
    let bytes = before.as_bytes();
    let ends = |byte: &u8| byte.is_ascii_digit() || b"]\n;|{}".contains(byte);
    let length = bytes.iter().rev().take(FARTHEST).take_while(|byte| !ends(byte)).count();
    steps::count(length);
    let mut start = before.len() - length;
    while !before.is_char_boundary(start) {
        start += 1;
    }
    &before[start..]
}

/// The words of a text, the last first.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.rsplit(|character: char| !is_letter(character)).filter(|word| !word.is_empty())
}

fn begins_as(word: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| {
        may_be_same(word, beginning)
            && word.get(..beginning.len()).is_some_and(|start| is_same(start, beginning))
    })
}

/// Equal but for the case; `known` is in lower case.
fn is_same(word: &str, known: &str) -> bool {
    word.len() == known.len()
        && may_be_same(word, known)
        && word.chars().zip(known.chars()).all(|(letter, known)| {
            letter.to_ascii_lowercase() == known || letter.to_lowercase().eq([known])
        })
}

/// Whether the first bytes may be the same letter: most words are told apart by it.
fn may_be_same(word: &str, known: &str) -> bool {
    word.as_bytes().first().map(|byte| byte | 0x20)
        == known.as_bytes().first().map(|byte| byte | 0x20)
}
