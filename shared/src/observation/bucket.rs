//! Buckets: stretches of time in which rows are counted together.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize};

pub use crate::contract::Clock;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// One hour of UTC.
    Hour,
    /// One day of UTC.
    Day,
}

/// A series of buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grain {
    /// By what time rows are counted.
    pub clock: Clock,
    /// How long each bucket is.
    pub length: Length,
}

/// A stretch of time, in one of its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bucket {
    /// The series.
    pub grain: Grain,
    /// Where it begins.
    pub start: DateTime<Utc>,
}

impl Length {
    /// Its name in keys and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Its time.
    pub fn span(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }
}

impl Grain {
    /// Hours by event time.
    pub const EVENT_HOUR: Self = Self { clock: Clock::Event, length: Length::Hour };
    /// Days by event time.
    pub const EVENT_DAY: Self = Self { clock: Clock::Event, length: Length::Day };
    /// Hours by arrival.
    pub const ARRIVAL_HOUR: Self = Self { clock: Clock::Arrival, length: Length::Hour };
    /// Days by arrival.
    pub const ARRIVAL_DAY: Self = Self { clock: Clock::Arrival, length: Length::Day };

    /// The bucket that a moment is in.
    pub fn bucket(self, moment: DateTime<Utc>) -> Bucket {
        let hour = match self.length {
            Length::Hour => moment.hour(),
            Length::Day => 0,
        };
        let start = moment.date_naive().and_hms_opt(hour, 0, 0).unwrap_or(moment.naive_utc());
        Bucket { grain: self, start: start.and_utc() }
    }
}

impl Bucket {
    /// The first moment after it.
    pub fn end(self) -> DateTime<Utc> {
        self.start + self.grain.length.span()
    }

    /// The bucket that follows it.
    #[must_use]
    pub fn next(self) -> Self {
        Self { start: self.end(), ..self }
    }

    /// When it is, in words: `2026-11-20` or `2026-11-20 13:00`.
    pub fn when(self) -> String {
        match self.grain.length {
            Length::Hour => self.start.format("%Y-%m-%d %H:00").to_string(),
            Length::Day => self.start.format("%Y-%m-%d").to_string(),
        }
    }

    /// When it begins, as keys write it: `2026-11-20` or `2026-11-20T13`. Sorts as time does.
    pub fn label(self) -> String {
        match self.grain.length {
            Length::Hour => self.start.format("%Y-%m-%dT%H").to_string(),
            Length::Day => self.start.format("%Y-%m-%d").to_string(),
        }
    }
}

/// `event#day#2026-11-20`
impl fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Grain { clock, length } = self.grain;
        write!(formatter, "{}#{}#{}", clock.name(), length.name(), self.label())
    }
}

/// The beginning of an hour or a day as a run writes it: `2026-11-20T13` or `2026-11-20`.
pub fn parse_label(label: &str) -> Option<(Length, DateTime<Utc>)> {
    if let Ok(day) = label.parse::<NaiveDate>() {
        return Some((Length::Day, day.and_hms_opt(0, 0, 0)?.and_utc()));
    }
    let hour = NaiveDateTime::parse_from_str(&format!("{label}:00"), "%Y-%m-%dT%H:%M").ok()?;
    Some((Length::Hour, hour.and_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_by_its_beginning() {
        let moment = "2026-11-20T13:59:59.5Z".parse::<DateTime<Utc>>().unwrap();
        let hour = Grain::EVENT_HOUR.bucket(moment);
        assert_eq!(hour.to_string(), "event#hour#2026-11-20T13");
        assert_eq!(hour.end().to_rfc3339(), "2026-11-20T14:00:00+00:00");
        let day = Grain::ARRIVAL_DAY.bucket(moment);
        assert_eq!(
            (day.to_string().as_str(), day.next().label().as_str()),
            ("arrival#day#2026-11-20", "2026-11-21")
        );
        assert_eq!(parse_label(&hour.label()), Some((Length::Hour, hour.start)));
        assert_eq!(parse_label(&day.label()), Some((Length::Day, day.start)));
        assert_eq!(parse_label("yesterday"), None);
    }
}
