//! A person who was made for the test, and how the sources write about them.

use end_to_end::search::Search;
use end_to_end::stack::{unique, unique_seed};

/// Values that nothing else in the stack has, as far as chance goes.
#[derive(Debug)]
pub struct Person {
    /// The shop's id of the person, and what the shop tells Segment.
    pub id: String,
    pub email: String,
    pub name: String,
    /// Eight digits behind Berlin's area code.
    local_number: u64,
    pub card: String,
    pub ipv4: String,
    pub ipv6: String,
}

impl Person {
    pub fn new() -> Self {
        let (token, random) = (unique(), unique_seed());
        let octet = |shift: u32| 100 + (random >> shift) % 150;
        let half = |shift: u32| 0x1000 + (random >> shift) % 0xe000;
        Self {
            id: format!("person-{token}"),
            email: format!("Zoë.{token}@Example.com"),
            name: format!("Zebedee Quillfeather-{token}"),
            local_number: 20_000_000 + random % 70_000_000,
            card: card(random),
            ipv4: format!("11.{}.{}.{}", octet(8), octet(16), octet(24)),
            ipv6: format!("2001:db8:{:x}:{:x}::{:x}", half(0), half(16), half(32)),
        }
    }

    /// As Segment has it.
    pub fn phone(&self) -> String {
        format!("+4930{}", self.local_number)
    }

    /// As the shop has it.
    pub fn spaced_phone(&self) -> String {
        format!("+49 30 {}", self.local_number)
    }

    /// The card as people write it.
    pub fn spaced_card(&self) -> String {
        let groups: Vec<&str> = (0..16).step_by(4).map(|at| &self.card[at..at + 4]).collect();
        groups.join(" ")
    }

    /// All of it in a sentence.
    pub fn sentence(&self) -> String {
        format!(
            "Write to {} or call {}; the card is {}, paid from {} and {}.",
            self.email,
            self.spaced_phone(),
            self.spaced_card(),
            self.ipv4,
            self.ipv6
        )
    }

    /// Finds the person, however written.
    pub fn search(&self) -> Search {
        let (user, _) = self.email.split_once('@').unwrap();
        let ascii = user.trim_start_matches("Zoë");
        Search::of([
            ("id", self.id.clone()),
            ("e-mail", format!("{ascii}@example.com")),
            ("e-mail", format!("{ascii}%40example.com")),
            ("name", self.name.clone()),
            ("phone", format!("4930{}", self.local_number)),
            ("phone", format!("30 {}", self.local_number)),
            ("card", self.card.clone()),
            ("card", self.spaced_card()),
            ("ip address", self.ipv4.clone()),
            ("ip address", self.ipv6.clone()),
        ])
    }

    /// The kinds that [`Self::search`] knows.
    pub const KINDS: [&str; 6] = ["card", "e-mail", "id", "ip address", "name", "phone"];
}

/// A card number whose check digit is right (ISO/IEC 7812-1, annex B).
fn card(random: u64) -> String {
    let number = format!("4{:014}", random % 100_000_000_000_000);
    let mut sum = 0;
    for (position, digit) in number.bytes().rev().enumerate() {
        let digit = u32::from(digit - b'0') * if position % 2 == 0 { 2 } else { 1 };
        sum += digit / 10 + digit % 10;
    }
    format!("{number}{}", (10 - sum % 10) % 10)
}
