//! People who do not exist, and what of theirs must never be found in the lake.
//!
//! Every address is of a range that is reserved for documentation, every phone number of one reserved for fiction. What
//! cannot be listed in full (there are as many people as a test asks for) bears a mark that can be searched for.

use super::line::Line;
use super::random::{Random, scramble};

/// In every user id.
const USER_MARK: &str = "usr_fa4e";
/// In every anonymous id; the ids of devices bear it in capitals.
const ANONYMOUS_MARK: &str = "fa4ec0de-";
const DEVICE_MARK: &str = "FA4EC0DE-";

const FIRST_NAMES: [&str; 12] = [
    "Zebedee",
    "Ottoline",
    "Thaddäus",
    "Żaneta",
    "Ignatius",
    "Philomène",
    "Cuthbert",
    "Ásdís",
    "Wilhelmina",
    "Øystein",
    "Бронислава",
    "小百合",
];
const LAST_NAMES: [&str; 12] = [
    "Quillfeather",
    "O'Thistlewood",
    "Brömmelkamp",
    "Wąsikowska",
    "Fitzgibbonne",
    "Peñaranda",
    "Marmaduke-Ashby",
    "Þorgrímsson",
    "Oberzwischenfels",
    "Søndergårdsen",
    "Ярославцева",
    "御手洗",
];
const MAIL_NAMES: [&str; 12] = [
    "zebedee",
    "ottoline",
    "thaddaeus",
    "zaneta",
    "ignatius",
    "philomene",
    "cuthbert",
    "asdis",
    "wilhelmina",
    "oystein",
    "bronislava",
    "sayuri",
];
const MAIL_HOSTS: [&str; 3] = ["@example.com", "@example.org", "@Example.NET"];
const STREETS: [&str; 6] = [
    "17 Nonesuch Crescent",
    "4b Gossamer Mews",
    "Nirgendwostraße 99",
    "12 rue de l'Imaginaire",
    "Calle Inventada 8",
    "Ulica Zmyślona 3",
];
/// Cities are kept: they are no one's alone.
const CITIES: [(&str, &str, &str); 4] = [
    ("Springfield", "IL", "US"),
    ("Lübeck", "SH", "DE"),
    ("Saint-Étienne", "Loire", "FR"),
    ("Łódź", "łódzkie", "PL"),
];
const NETWORKS: [&str; 3] = ["192.0.2.", "198.51.100.", "203.0.113."];
const HOSTS_PER_NETWORK: u64 = 40;
const PHONE_MARKS: [&str; 4] = ["202-555-01", "+1202555", "(202) 555-01", "7700 900"];

/// A piece of text that names a person, or stands in everything of its kind that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalValue {
    /// What kind of value it is: `email`, `phone`, `ip` …
    pub kind: &'static str,
    /// The text to search for, without regard to case. Nothing the lake may hold contains it.
    pub text: String,
}

/// What to search the lake for: every personal value that a generated file holds contains at least one of these.
pub fn personal_values() -> Vec<PersonalValue> {
    let mut values = Vec::new();
    let mut add = |kind, texts: &[&str]| {
        values.extend(texts.iter().map(|text| PersonalValue { kind, text: (*text).to_owned() }));
    };
    add("user id", &[USER_MARK]);
    add("anonymous id", &[ANONYMOUS_MARK]);
    add("device id", &[DEVICE_MARK]);
    add("name", &FIRST_NAMES);
    add("name", &LAST_NAMES);
    add("email", &MAIL_NAMES);
    add("email", &["@example.", "%40example."]);
    add("street", &STREETS);
    add("phone", &PHONE_MARKS);
    for network in NETWORKS {
        for host in 1..=HOSTS_PER_NETWORK {
            values.push(PersonalValue { kind: "ip", text: format!("{network}{host}") });
        }
    }
    values.push(PersonalValue { kind: "ip", text: "2001:db8:a:b::".to_owned() });
    values
}

/// One of the people: everything about them follows from their number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    number: u64,
    word: u64,
}

impl Person {
    pub(super) fn new(number: u64) -> Self {
        Self { number, word: scramble(number.wrapping_add(0x51ed)) }
    }

    pub(super) fn user_id(self, line: &mut Vec<u8>) {
        line.raw(USER_MARK);
        line.hexadecimal(self.word, 12);
    }

    pub(super) fn anonymous_id(self, line: &mut Vec<u8>) {
        line.raw(ANONYMOUS_MARK);
        line.hexadecimal(self.word, 4);
        line.raw("-4a17-8a17-");
        line.hexadecimal(self.word >> 16, 12);
    }

    pub(super) fn device_id(self, line: &mut Vec<u8>) {
        line.raw(DEVICE_MARK);
        line.padded(self.number % 10_000, 4);
        line.raw("-4D17-8D17-");
        line.padded(self.word % 1_000_000_000_000, 12);
    }

    pub(super) fn first_name(self) -> &'static str {
        FIRST_NAMES[self.first()]
    }

    pub(super) fn last_name(self) -> &'static str {
        LAST_NAMES[(self.word >> 8) as usize % LAST_NAMES.len()]
    }

    /// The address, written as people write it: now and then with capitals or a space behind it.
    pub(super) fn email(self, line: &mut Vec<u8>, random: &mut Random) {
        let start = line.len();
        self.mailbox(line);
        line.raw(MAIL_HOSTS[(self.word >> 16) as usize % MAIL_HOSTS.len()]);
        if random.one_in(8) {
            line[start..].make_ascii_uppercase();
        }
        if random.one_in(16) {
            line.push(b' ');
        }
    }

    /// The address as a query parameter.
    pub(super) fn email_in_url(self, line: &mut Vec<u8>) {
        self.mailbox(line);
        line.raw("%40example.com");
    }

    /// The address before its `@`.
    pub(super) fn mailbox(self, line: &mut Vec<u8>) {
        line.raw(MAIL_NAMES[self.first()]);
        line.push(b'.');
        line.number(self.number);
    }

    fn first(self) -> usize {
        self.word as usize % FIRST_NAMES.len()
    }

    pub(super) fn phone(self, line: &mut Vec<u8>, random: &mut Random) {
        let last = (self.word >> 24) % 100;
        if self.word >> 32 & 1 == 0 {
            line.raw("+44 7700 900");
            line.padded(last, 3);
            return;
        }
        // One number in the ways people type it; all are the same once normalised, but for the country's code.
        match random.below(3) {
            0 => line.raw("+1 202-555-01"),
            1 => line.raw("+1 (202) 555-01"),
            _ => line.raw("+120255501"),
        }
        line.padded(last, 2);
    }

    pub(super) fn ip(self, line: &mut Vec<u8>) {
        if self.word.is_multiple_of(8) {
            line.raw("2001:db8:a:b::");
            line.hexadecimal(1 + (self.word >> 40) % 0xfffe, 4);
            return;
        }
        line.raw(NETWORKS[(self.word >> 40) as usize % NETWORKS.len()]);
        line.number(1 + (self.word >> 48) % HOSTS_PER_NETWORK);
    }

    pub(super) fn street(self) -> &'static str {
        STREETS[(self.word >> 12) as usize % STREETS.len()]
    }

    /// City, state and country.
    pub(super) fn city(self) -> (&'static str, &'static str, &'static str) {
        CITIES[(self.word >> 20) as usize % CITIES.len()]
    }
}
