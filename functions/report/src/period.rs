//! The days that a report is about.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

/// More days are no report but an export; the page would be read by nobody.
pub const MOST_DAYS: i64 = 732;

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

/// Why there is no such period. A retry does not help.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// It ends before it begins.
    #[error("the period from {from} to {to} ends before it begins")]
    Reversed {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        to: NaiveDate,
    },
    /// It is too long.
    #[error("the period has {0} days, at most {MOST_DAYS} are reported at once")]
    TooLong(i64),
}

impl Period {
    /// The period of a request. What it leaves open: the last full days up to yesterday, and today.
    pub fn asked(
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
        days: u32,
        today: NaiveDate,
    ) -> Result<Self, PeriodError> {
        let to = to.unwrap_or(today);
        let from = from.unwrap_or_else(|| before(to, u64::from(days)));
        let period = Self { from, to };
        if from > to {
            return Err(PeriodError::Reversed { from, to });
        }
        if period.len() > MOST_DAYS {
            return Err(PeriodError::TooLong(period.len()));
        }
        Ok(period)
    }

    /// How many days it has.
    pub fn len(&self) -> i64 {
        (self.to - self.from).num_days() + 1
    }

    /// Whether it has no day: never, it has one at least.
    pub fn is_empty(&self) -> bool {
        self.len() < 1
    }

    /// Its days in their order.
    pub fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.from.iter_days().take_while(move |day| *day <= self.to)
    }

    /// The moment at which it begins in a time zone.
    pub fn begins_at(&self, zone: Tz) -> DateTime<Utc> {
        midnight(self.from, zone)
    }

    /// The moment at which it is over in a time zone.
    pub fn ends_at(&self, zone: Tz) -> DateTime<Utc> {
        midnight(after(self.to, 1), zone)
    }
}

/// The first moment of a day. Where clocks leap over midnight, the day begins an hour later.
fn midnight(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let mut local = date.and_time(chrono::NaiveTime::MIN);
    for _ in 0..4 {
        if let Some(moment) = local.and_local_timezone(zone).earliest() {
            return moment.to_utc();
        }
        local += chrono::TimeDelta::hours(1);
    }
    date.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// The day that many days earlier; the day itself at the calendar's end.
pub fn before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(date)
}

/// The day that many days later; the day itself at the calendar's end.
pub fn after(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_add_days(Days::new(days)).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_word_it_is_the_last_full_days_and_today() {
        let today = day("2026-11-23");
        let period = Period::asked(None, None, 30, today).unwrap();
        assert_eq!(period, Period { from: day("2026-10-24"), to: today });
        assert_eq!((period.len(), period.days().count()), (31, 31));
        let until = Period::asked(None, Some(day("2026-03-31")), 30, today).unwrap();
        assert_eq!(until.from, day("2026-03-01"));
        let since = Period::asked(Some(day("2026-11-22")), None, 30, today).unwrap();
        assert_eq!(since.len(), 2);
    }

    #[test]
    fn what_is_no_period_is_refused() {
        let (one, other) = (day("2026-11-23"), day("2026-11-22"));
        assert_eq!(
            Period::asked(Some(one), Some(other), 30, one),
            Err(PeriodError::Reversed { from: one, to: other })
        );
        assert_eq!(
            Period::asked(Some(day("2020-01-01")), None, 30, day("2026-01-01")),
            Err(PeriodError::TooLong(2_193))
        );
    }

    #[test]
    fn a_day_of_changed_clocks_has_twenty_three_hours_or_twenty_five() {
        let hours = |date: &str, zone: Tz| {
            let period = Period { from: day(date), to: day(date) };
            (period.ends_at(zone) - period.begins_at(zone)).num_hours()
        };
        assert_eq!(hours("2026-03-29", chrono_tz::Europe::Berlin), 23);
        assert_eq!(hours("2026-10-25", chrono_tz::Europe::Berlin), 25);
        // Santiago's clocks leap from midnight to one.
        assert_eq!(hours("2026-09-06", chrono_tz::America::Santiago), 23);
    }
}
