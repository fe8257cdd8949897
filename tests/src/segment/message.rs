//! One message of Segment, as it stands in a raw log, whole or broken.

use super::body::{Body, Order};
use super::context::{self, Platform, Visit};
use super::damage::{Damage, Harm};
use super::kind::Kind;
use super::line::Line;
use super::people::Person;
use super::random::{Random, scramble};

const INTEGRATIONS: &str = r#","integrations":{"All":true,"Mixpanel":false,"Salesforce":false}"#;

/// A message: everything in it follows from the seed and its place in the file.
pub(super) struct Message {
    seed: u64,
    kind: Kind,
    platform: Platform,
    person: Person,
    visit: Visit,
    random: Random,
    happened: i64,
    sent: i64,
    received: i64,
    order: Order,
}

/// The id of the Segment source that a seed stands for.
pub(super) fn project_id(seed: u64) -> String {
    format!("P{:09X}", scramble(seed) >> 28)
}

impl Message {
    /// A message first received at one time and standing in the file as received at another.
    pub(super) fn new(
        seed: u64,
        kind: Kind,
        person: Person,
        mut random: Random,
        first: i64,
        received: i64,
    ) -> Self {
        let platform = match kind {
            Kind::Page => Platform::Web,
            Kind::Screen => Platform::Mobile,
            _ => random.pick(&[
                Platform::Web,
                Platform::Web,
                Platform::Web,
                Platform::Mobile,
                Platform::Server,
            ]),
        };
        // Devices hold messages back while they have no network.
        let held_back =
            if random.one_in(20) { random.below(7_200_000) } else { random.below(5_000) } as i64;
        let sent = received - 40 - random.below(400) as i64;
        let happened = first - 440 - held_back;
        let visit = Visit::new(person, &mut random);
        let order = Order::new(&mut random);
        Self { seed, kind, platform, person, visit, random, happened, sent, received, order }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// What an order comes to, in hundredths.
    pub(super) fn order_total(&self) -> u64 {
        if self.kind == Kind::Order { self.order.total() } else { 0 }
    }

    /// Writes the message, without an end of line.
    pub(super) fn write(&self, line: &mut Vec<u8>) {
        self.write_with(line, None);
    }

    /// Writes the message broken in the given way.
    pub(super) fn write_damaged(&self, line: &mut Vec<u8>, harm: Harm) {
        let start = line.len();
        match harm.damage {
            Damage::NotAnObject => {
                let variants = [r#"[{"type":"track"}]"#, r#""track""#, "42", "null", "true"];
                line.raw(variants[(harm.variant % 5) as usize]);
            }
            Damage::NotJson => {
                self.write_with(line, Some(harm));
                cut(line, start, harm.variant);
            }
            _ => self.write_with(line, Some(harm)),
        }
    }

    fn write_with(&self, line: &mut Vec<u8>, harm: Option<Harm>) {
        let mut random = self.random.clone();
        // Drawn before anything that damage may skip: a message that comes again whole has the id it had when broken.
        let id = (random.next(), random.next());
        self.origin(line, harm);
        self.identity(line, harm, &mut random);
        context::write(line, self.platform, self.person, self.visit, &mut random);
        let body =
            Body { kind: self.kind, person: self.person, visit: self.visit, order: self.order };
        body.write(line, harm.is_some_and(|harm| harm.is_in_total(self.kind)), &mut random);
        line.raw(INTEGRATIONS);
        self.message_id(line, harm, id);
        self.times(line, harm);
        line.raw(r#","projectId":""#);
        line.raw(&project_id(self.seed));
        line.push(b'"');
        self.message_type(line, harm);
        line.raw(r#","version":2}"#);
    }

    fn origin(&self, line: &mut Vec<u8>, harm: Option<Harm>) {
        let broken = variant_of(harm, Damage::InvalidUtf8);
        line.raw(r#"{"channel":""#);
        line.raw(self.platform.channel());
        if broken.is_some_and(|variant| variant % 2 == 0) {
            line.extend_from_slice(b"\xff\xfe");
        }
        line.raw(r#"","_metadata":{"bundled":["Segment.io"],"unbundled":["Facebook Pixel"#);
        if broken.is_some_and(|variant| variant % 2 == 1) {
            // A surrogate half, as a careless encoder writes it.
            line.extend_from_slice(b"\xed\xa0\x80");
        }
        line.raw(r#""],"bundledIds":[]}"#);
    }

    fn identity(&self, line: &mut Vec<u8>, harm: Option<Harm>, random: &mut Random) {
        match variant_of(harm, Damage::MissingIdentity).map(|variant| variant % 2) {
            Some(0) => return,
            Some(_) => return line.raw(r#","anonymousId":null,"userId":null"#),
            None => {}
        }
        // Servers know their people; browsers mostly do not.
        let is_known = match self.kind {
            Kind::Identify | Kind::Group | Kind::Alias | Kind::Order => true,
            _ => self.platform == Platform::Server || random.one_in(3),
        };
        if self.platform != Platform::Server || random.one_in(2) {
            line.raw(r#","anonymousId":""#);
            self.person.anonymous_id(line);
            line.push(b'"');
        }
        if self.wrong_column(harm) == Some("userId") {
            line.raw(r#","userId":["not","a","text"]"#);
        } else if is_known {
            line.raw(r#","userId":""#);
            self.person.user_id(line);
            line.push(b'"');
        } else {
            line.raw(r#","userId":null"#);
        }
    }

    fn message_id(&self, line: &mut Vec<u8>, harm: Option<Harm>, (high, low): (u64, u64)) {
        if variant_of(harm, Damage::MissingMessageId).is_some() {
            return;
        }
        if self.wrong_column(harm) == Some("messageId") {
            return line.raw(r#","messageId":{"id":1}"#);
        }
        line.raw(if self.platform == Platform::Web {
            r#","messageId":"ajs-next-"#
        } else {
            r#","messageId":"api-"#
        });
        line.uuid(high, low);
        line.push(b'"');
    }

    fn times(&self, line: &mut Vec<u8>, harm: Option<Harm>) {
        let corrected = self.received - (self.sent - self.happened);
        let far = variant_of(harm, Damage::TimestampYear9999).map(|variant| variant % 3);
        let wrong = self.wrong_column(harm);
        let times = [
            ("timestamp", corrected, 0),
            ("receivedAt", self.received, 1),
            ("originalTimestamp", self.happened, 2),
        ];
        for (name, time, place) in times {
            line.raw(",\"");
            line.raw(name);
            line.raw("\":");
            if wrong == Some(name) {
                line.raw(if place == 0 {
                    "\"the day before yesterday\""
                } else {
                    r#"{"at":"2026-03-01T00:00:00Z"}"#
                });
            } else if far == Some(place) {
                line.raw(r#""9999-12-31T23:59:59.999Z""#);
            } else {
                line.time(time);
            }
        }
        line.raw(r#","sentAt":"#);
        line.time(self.sent);
    }

    /// The member that a wrong type stands in, unless it is the total of an order.
    fn wrong_column(&self, harm: Option<Harm>) -> Option<&'static str> {
        let harm =
            harm.filter(|harm| harm.damage == Damage::WrongType && !harm.is_in_total(self.kind))?;
        Some(["userId", "messageId", "timestamp", "receivedAt"][(harm.variant / 2 % 4) as usize])
    }

    fn message_type(&self, line: &mut Vec<u8>, harm: Option<Harm>) {
        match variant_of(harm, Damage::UnknownType).map(|variant| variant % 3) {
            Some(0) => {}
            Some(1) => line.raw(r#","type":"delete""#),
            Some(_) => line.raw(r#","type":7"#),
            None => {
                line.raw(r#","type":""#);
                line.raw(self.kind.message_type());
                line.push(b'"');
            }
        }
    }
}

fn variant_of(harm: Option<Harm>, damage: Damage) -> Option<u64> {
    harm.filter(|harm| harm.damage == damage).map(|harm| harm.variant)
}

/// Ends a line somewhere in its middle half, but not within a character: what is left is text, and no JSON.
fn cut(line: &mut Vec<u8>, start: usize, variant: u64) {
    let length = line.len() - start;
    let mut end = start + length / 4 + (variant % (length as u64 / 2)) as usize;
    while line[end] & 0b1100_0000 == 0b1000_0000 {
        end -= 1;
    }
    line.truncate(end);
}
