//! Seeded files as Segment's S3 destination writes them, with damage in them, and what must become of each.
//!
//! One message a line, about 1 KB each, of all six types. The same seed and settings give the same bytes. Everyone in
//! them is invented: [`personal_values`] says what of theirs to search the lake for.
//!
//! ```
//! use end_to_end::segment::{Damage, SegmentGenerator};
//!
//! let generator = SegmentGenerator::new(7).events(1_000).duplicate_share(0.02).damage_share(Damage::NotJson, 0.01);
//! let (lines, expected) = generator.file();
//! assert_eq!(expected.records, 1_000);
//! assert_eq!(lines.len() as u64, expected.bytes);
//! ```

mod body;
mod context;
mod damage;
mod expected;
mod kind;
mod line;
mod message;
mod people;
mod random;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io::{self, Write};

pub use damage::Damage;
pub use expected::{DatasetCounts, Expected};
pub use kind::EventMix;
pub use people::{PersonalValue, personal_values};

use damage::Harm;
use expected::Earlier;
use kind::Kind;
use message::Message;
use people::Person;
use random::Random;

const DAY: i64 = 86_400_000;
/// Lines are gathered before they are written, so that a file on disk is not asked for every one.
const WRITE_SIZE: usize = 256 * 1024;

// Streams of random numbers that must not depend on each other: what a record is, what stands in it, how it is broken.
const PLAN: u64 = 0x706c_616e;
const CONTENT: u64 = 0x636f_6e74;
const BREAKAGE: u64 = 0x6272_6561;

/// Makes one file. Every setting has a default: 1,000 whole events of one day, none of them twice.
#[derive(Debug, Clone)]
pub struct SegmentGenerator {
    seed: u64,
    events: u64,
    duplicate_share: f64,
    damage_shares: Vec<(Damage, f64)>,
    blank_line_share: f64,
    first_day: i64,
    days: u32,
    people: u64,
    mix: EventMix,
}

/// What the record at a position is.
enum Plan {
    Whole,
    Damaged(Harm),
    /// The message of an earlier position again, whole even if it was damaged then.
    Repeat(u64),
}

impl SegmentGenerator {
    /// A generator whose file is fixed by the seed. Files of different seeds share no message.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            events: 1_000,
            duplicate_share: 0.0,
            damage_shares: Vec::new(),
            blank_line_share: 0.0,
            first_day: line::day_number(2026, 3, 1),
            days: 1,
            people: 20_000,
            mix: EventMix::default(),
        }
    }

    /// How many records the file has, damaged ones and repeats included.
    #[must_use]
    pub fn events(mut self, events: u64) -> Self {
        self.events = events;
        self
    }

    /// The share of records that repeat an earlier message of the file, with its `messageId` and a later `receivedAt`.
    #[must_use]
    pub fn duplicate_share(mut self, share: f64) -> Self {
        self.duplicate_share = share;
        self
    }

    /// The share of records that are broken in this way.
    #[must_use]
    pub fn damage_share(mut self, damage: Damage, share: f64) -> Self {
        self.damage_shares.retain(|(known, _)| *known != damage);
        self.damage_shares.push((damage, share));
        self
    }

    /// The share of records that are broken, for every kind of damage.
    #[must_use]
    pub fn every_damage_share(self, share: f64) -> Self {
        Damage::ALL
            .into_iter()
            .fold(self, |generator, damage| generator.damage_share(damage, share))
    }

    /// The share of records with a blank line before them.
    #[must_use]
    pub fn blank_line_share(mut self, share: f64) -> Self {
        self.blank_line_share = share;
        self
    }

    /// The UTC day on which Segment receives the first message.
    #[must_use]
    pub fn first_day(mut self, year: i64, month: i64, day: i64) -> Self {
        self.first_day = line::day_number(year, month, day);
        self
    }

    /// Over how many days the messages are received: so many partitions are opened.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days.max(1);
        self
    }

    /// How many people the messages are from.
    #[must_use]
    pub fn people(mut self, people: u64) -> Self {
        self.people = people.max(1);
        self
    }

    /// How many messages are of each type.
    #[must_use]
    pub fn mix(mut self, mix: EventMix) -> Self {
        self.mix = mix;
        self
    }

    /// The key that Segment's S3 destination gives the file, once compressed, below its folder `segment-logs/`.
    pub fn key(&self) -> String {
        let source = message::project_id(self.seed);
        let number = random::scramble(self.seed);
        format!("segment-logs/{source}/{}/{number:016x}.gz", self.first_day * DAY)
    }

    /// The whole file in memory.
    pub fn file(&self) -> (Vec<u8>, Expected) {
        let mut lines = Vec::new();
        let mut expected = Expected::default();
        self.fill(
            |written| {
                lines.extend_from_slice(written);
                Ok(())
            },
            &mut expected,
        )
        .unwrap_or_default();
        (lines, expected)
    }

    /// Writes the file, uncompressed, in memory that does not grow with it.
    pub fn write_to<W: Write>(&self, target: &mut W) -> io::Result<Expected> {
        let mut expected = Expected::default();
        self.fill(|written| target.write_all(written), &mut expected)?;
        target.flush()?;
        Ok(expected)
    }

    fn fill(
        &self,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
        expected: &mut Expected,
    ) -> io::Result<()> {
        let mut lines = Vec::with_capacity(WRITE_SIZE + 16 * 1024);
        let mut mended = HashSet::new();
        for position in 0..self.events {
            self.add_record(position, &mut lines, &mut mended, expected);
            if lines.len() >= WRITE_SIZE {
                expected.bytes += lines.len() as u64;
                write(&lines)?;
                lines.clear();
            }
        }
        expected.bytes += lines.len() as u64;
        write(&lines)
    }

    fn add_record(
        &self,
        position: u64,
        lines: &mut Vec<u8>,
        mended: &mut HashSet<u64>,
        expected: &mut Expected,
    ) {
        let mut random = self.random(PLAN, position);
        let plan = self.plan(position, &mut random);
        if random.share() < self.blank_line_share {
            lines.extend_from_slice(random.pick(&[b"\n".as_slice(), b"  \n", b"\t\n", b"\r\n"]));
            expected.blank_lines += 1;
        }
        match plan {
            Plan::Damaged(harm) => {
                let message = self.message(position, position);
                message.write_damaged(lines, harm);
                expected.count_damaged(message.kind(), harm);
            }
            Plan::Whole => {
                Self::add_whole(&self.message(position, position), Earlier::Never, lines, expected);
            }
            Plan::Repeat(earlier) => {
                let seen = match self.plan(earlier, &mut self.random(PLAN, earlier)) {
                    Plan::Damaged(harm) if mended.insert(earlier) => Earlier::Damaged(harm),
                    _ => Earlier::Whole,
                };
                Self::add_whole(&self.message(earlier, position), seen, lines, expected);
            }
        }
        lines.push(b'\n');
    }

    fn add_whole(
        message: &Message,
        earlier: Earlier,
        lines: &mut Vec<u8>,
        expected: &mut Expected,
    ) {
        message.write(lines);
        if expected.count_whole(message.kind(), earlier) {
            expected.committed_order_total += message.order_total();
        }
    }

    /// Draws what the record at a position is. Repeats are of positions that are no repeats themselves.
    fn plan(&self, position: u64, random: &mut Random) -> Plan {
        let mut left = random.share();
        let choice = random.next();
        if left < self.duplicate_share && position > 0 {
            let mut earlier = choice % position;
            // Position 0 is never a repeat, so this ends.
            while self.is_repeat(earlier) {
                earlier -= 1;
            }
            return Plan::Repeat(earlier);
        }
        left -= self.duplicate_share;
        for (damage, share) in &self.damage_shares {
            if (0.0..*share).contains(&left) {
                return Plan::Damaged(Harm {
                    damage: *damage,
                    variant: self.random(BREAKAGE, position).next(),
                });
            }
            left -= share;
        }
        Plan::Whole
    }

    fn is_repeat(&self, position: u64) -> bool {
        position > 0 && self.random(PLAN, position).share() < self.duplicate_share
    }

    /// The message made at one position as it stands at another: its content is of the first, its time of the second.
    fn message(&self, origin: u64, position: u64) -> Message {
        let mut random = self.random(CONTENT, origin);
        let kind: Kind = self.mix.choose(&mut random);
        let person = Person::new(random.below(self.people));
        Message::new(
            self.seed,
            kind,
            person,
            random,
            self.received(origin),
            self.received(position),
        )
    }

    /// When Segment receives the record at a position: evenly spread, in order.
    fn received(&self, position: u64) -> i64 {
        let span = i128::from(self.days) * i128::from(DAY);
        self.first_day * DAY + (span * i128::from(position) / i128::from(self.events.max(1))) as i64
    }

    fn random(&self, stream: u64, position: u64) -> Random {
        Random::at(self.seed ^ random::scramble(stream), position)
    }
}
