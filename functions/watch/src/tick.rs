//! The moment that is looked at.

use chrono::{DateTime, Utc};

/// The clock that is judged by, and the one on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// What is judged by; another moment than now where an order says so.
    pub clock: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Tick {
    /// The moment of an order.
    pub fn of(as_of: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        Self { clock: as_of.unwrap_or(now), now }
    }

    /// The moment that what is found holds for. Nothing is known of the future: what an order sees there
    /// is undone by the next look at the true clock, and by data that comes.
    pub fn as_of(self) -> DateTime<Utc> {
        self.clock.min(self.now)
    }
}
