//! Rows by the hour or day in which their events happened.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};

const MICROSECONDS_AN_HOUR: i64 = 3_600_000_000;
const HOURS_A_DAY: i64 = 24;

/// Ten days by the hour; an input that holds more is a history, and told by the day.
const MOST_HOURS: usize = 240;

/// Nearly three years by the day; an item of the ledger holds 400 KB.
const MOST_DAYS: usize = 1_000;

/// Counts rows by the hour of their event time; by the day where they are dates, or where there are more
/// than 240 hours.
///
/// Of more than 1,000 days the newest are kept, and what is older is counted under the oldest of these: every
/// key is a time, and the counts add up to the rows. What comes out does not depend on the rows' order.
#[derive(Debug, Clone)]
pub struct EventTimeCounter {
    unit: Unit,
    counts: BTreeMap<i64, u64>,
    /// Consecutive rows mostly fall into the same bucket: it is counted here until another comes.
    last: i64,
    pending: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Hour,
    Day,
}

impl EventTimeCounter {
    /// For event times in microseconds since 1970-01-01 UTC.
    pub fn of_timestamps() -> Self {
        Self { unit: Unit::Hour, counts: BTreeMap::new(), last: 0, pending: 0 }
    }

    /// For event times in days since 1970-01-01.
    pub fn of_dates() -> Self {
        Self { unit: Unit::Day, ..Self::of_timestamps() }
    }

    /// Counts a row by a timestamp, in microseconds.
    pub fn timestamp(&mut self, moment: i64) {
        let bucket = self.bucket_of(moment);
        if bucket != self.last {
            self.settle();
            // Settling may have gone over to days.
            self.last = self.bucket_of(moment);
        }
        self.pending += 1;
    }

    /// Counts a row by a date, in days.
    pub fn date(&mut self, day: i32) {
        if i64::from(day) != self.last {
            self.settle();
            self.last = i64::from(day);
        }
        self.pending += 1;
    }

    fn bucket_of(&self, moment: i64) -> i64 {
        moment.div_euclid(match self.unit {
            Unit::Hour => MICROSECONDS_AN_HOUR,
            Unit::Day => MICROSECONDS_AN_HOUR * HOURS_A_DAY,
        })
    }

    /// Counts what is pending, and keeps within the bounds.
    fn settle(&mut self) {
        if self.pending == 0 {
            return;
        }
        *self.counts.entry(self.last).or_insert(0) += std::mem::take(&mut self.pending);
        if self.unit == Unit::Hour && self.counts.len() > MOST_HOURS {
            self.unit = Unit::Day;
            for (hour, count) in std::mem::take(&mut self.counts) {
                *self.counts.entry(hour.div_euclid(HOURS_A_DAY)).or_insert(0) += count;
            }
        }
        if self.counts.len() > MOST_DAYS
            && let Some((_, older)) = self.counts.pop_first()
            && let Some(mut oldest) = self.counts.first_entry()
        {
            *oldest.get_mut() += older;
        }
    }

    /// The counts: `2026-11-20T13` or `2026-11-20`, in UTC.
    pub fn finish(mut self) -> BTreeMap<String, u64> {
        self.settle();
        let mut shown = BTreeMap::new();
        for (bucket, count) in self.counts {
            let key = match self.unit {
                Unit::Hour => DateTime::from_timestamp(bucket * 3_600, 0)
                    .map(|hour| hour.format("%Y-%m-%dT%H").to_string()),
                Unit::Day => i32::try_from(bucket)
                    .ok()
                    .and_then(NaiveDate::from_epoch_days)
                    .map(|day| day.to_string()),
            };
            // Contracts bound their times to what a calendar has.
            *shown.entry(key.unwrap_or_default()).or_insert(0) += count;
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(moments: &[i64]) -> BTreeMap<String, u64> {
        let mut counter = EventTimeCounter::of_timestamps();
        for moment in moments {
            counter.timestamp(*moment);
        }
        counter.finish()
    }

    #[test]
    fn rows_are_counted_by_the_hour() {
        let hour = MICROSECONDS_AN_HOUR;
        // 2026-06-06T13:00:00Z
        let start = 494_653 * hour;
        let counts = counted(&[start, start + 1, start + hour, start + hour - 1, start - 1]);
        let expected = [("2026-06-06T12", 1), ("2026-06-06T13", 3), ("2026-06-06T14", 1)];
        assert_eq!(counts, expected.map(|(hour, rows)| (hour.to_owned(), rows)).into());
        assert!(counted(&[]).is_empty());
        assert_eq!(counted(&[-1]), [("1969-12-31T23".to_owned(), 1)].into());
    }

    #[test]
    fn dates_are_counted_by_the_day() {
        let mut counter = EventTimeCounter::of_dates();
        for day in [20_777, 20_777, 20_776, 0] {
            counter.date(day);
        }
        let expected = [("1970-01-01", 1), ("2026-11-19", 1), ("2026-11-20", 2)];
        assert_eq!(counter.finish(), expected.map(|(day, rows)| (day.to_owned(), rows)).into());
    }

    #[test]
    fn a_history_is_told_by_the_day_and_its_newest_days_are_kept() {
        let hours = |count: i64| -> Vec<i64> {
            (0..count).map(|hour| hour * MICROSECONDS_AN_HOUR).collect()
        };
        assert_eq!(counted(&hours(240)).len(), 240);
        let by_day = counted(&hours(241));
        assert_eq!((by_day.len(), by_day["1970-01-01"], by_day["1970-01-11"]), (11, 24, 1));
        let days: Vec<i64> =
            (0..1_500).map(|day| day * HOURS_A_DAY * MICROSECONDS_AN_HOUR).collect();
        let kept = counted(&days);
        assert_eq!(kept.len(), MOST_DAYS);
        // Day 500, and those before it.
        assert_eq!(kept["1971-05-16"], 501);
    }

    proptest! {
        #[test]
        fn the_counts_add_up_in_whatever_order_rows_come(
            (moments, shuffled) in proptest::collection::vec(0_i64..2_000 * 24, 0..3_000)
                .prop_flat_map(|hours| (Just(hours.clone()), Just(hours).prop_shuffle()))
        ) {
            let moments: Vec<i64> = moments.iter().map(|hour| hour * MICROSECONDS_AN_HOUR).collect();
            let shuffled: Vec<i64> = shuffled.iter().map(|hour| hour * MICROSECONDS_AN_HOUR).collect();
            let counts = counted(&moments);
            prop_assert_eq!(counts.values().sum::<u64>(), moments.len() as u64);
            prop_assert!(counts.len() <= MOST_DAYS);
            prop_assert_eq!(counts, counted(&shuffled));
        }
    }
}
