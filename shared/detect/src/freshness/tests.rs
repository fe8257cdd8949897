use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{Calendar, cadence};
use crate::{Settings, TimeZone};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn every(first: &str, distance: TimeDelta, count: i32) -> Vec<DateTime<Utc>> {
    (0..count).map(|number| at(first) + distance * number).collect()
}

#[test]
fn three_arrivals_say_nothing_and_four_do() {
    let arrivals = every("2026-03-02T06:00:00Z", TimeDelta::hours(1), 4);
    assert!(cadence(&arrivals[..3], arrivals[3], &Settings::default()).is_none());
    let found = cadence(&arrivals, arrivals[3], &Settings::default()).unwrap();
    assert_eq!(found.expected_at, at("2026-03-02T10:00:00Z"));
    assert_eq!(found.deadline, at("2026-03-02T10:03:00Z"));
    assert_eq!((found.typical_interval, found.learnt_from), (3600, 4));
}

#[test]
fn a_daily_producer_follows_the_clock_through_the_end_of_daylight_saving_time() {
    let settings =
        Settings { time_zone: TimeZone(chrono_tz::Tz::Europe__Berlin), ..Settings::default() };
    // 06:00 in Berlin, until Saturday; on Sunday the clocks go back.
    let arrivals = every("2026-10-04T04:00:00Z", TimeDelta::days(1), 21);
    let found = cadence(&arrivals, arrivals[20], &settings).unwrap();
    assert_eq!(found.expected_at.date_naive(), at("2026-10-25T00:00:00Z").date_naive());
    assert!(found.deadline >= at("2026-10-25T05:00:00Z"), "{found:?}");
    assert!(found.deadline <= at("2026-10-25T07:24:00Z"), "{found:?}");
}

#[test]
fn nothing_is_due_on_weekends_and_holidays() {
    let arrivals: Vec<DateTime<Utc>> = every("2026-03-02T06:00:00Z", TimeDelta::days(1), 33)
        .into_iter()
        .filter(|day| chrono::Datelike::weekday(day).num_days_from_monday() < 5)
        .collect();
    let friday = at("2026-04-03T07:00:00Z");
    let found = cadence(&arrivals, friday, &Settings::default()).unwrap();
    assert_eq!((found.expected_at, found.calendar), (at("2026-04-06T06:00:00Z"), Calendar::Weekly));
    let settings =
        Settings { holidays: vec!["2026-04-06".parse().unwrap()], ..Settings::default() };
    let found = cadence(&arrivals, friday, &settings).unwrap();
    assert_eq!(found.expected_at, at("2026-04-07T06:00:00Z"));
    // Nobody has seen a weekend yet.
    let found = cadence(&arrivals[..5], at("2026-03-06T07:00:00Z"), &Settings::default()).unwrap();
    assert_eq!(found.expected_at, at("2026-03-09T06:00:00Z"));
}

#[test]
fn an_outage_of_the_past_does_not_make_the_deadline_longer() {
    let mut arrivals = every("2026-03-02T06:00:00Z", TimeDelta::hours(1), 24 * 20);
    arrivals.drain(200..230);
    let last = arrivals[arrivals.len() - 1];
    let found = cadence(&arrivals, last, &Settings::default()).unwrap();
    assert!(found.deadline <= last + TimeDelta::minutes(66), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_deadline_is_after_what_is_expected_and_that_after_the_last_arrival(
        moments in proptest::collection::vec(0_i64..100_000_000, 0..80),
        now in 0_i64..120_000_000,
    ) {
        let moment = |at: i64| DateTime::from_timestamp(1_700_000_000 + at, 0).unwrap();
        let mut arrivals: Vec<DateTime<Utc>> = moments.iter().map(|&at| moment(at)).collect();
        let found = cadence(&arrivals, moment(now), &Settings::default());
        arrivals.sort();
        prop_assert_eq!(found, cadence(&arrivals, moment(now), &Settings::default()));
        if let Some(found) = found {
            let last = arrivals.iter().filter(|arrival| **arrival <= moment(now)).max().unwrap();
            prop_assert!(found.expected_at > *last);
            prop_assert!(found.deadline > found.expected_at);
        }
    }

    #[test]
    fn whole_weeks_do_not_matter(hours in 1_i64..30, weeks in -200_i64..200) {
        let arrivals = every("2026-03-02T06:00:00Z", TimeDelta::hours(hours), 60);
        let shift = TimeDelta::weeks(weeks);
        let shifted: Vec<DateTime<Utc>> = arrivals.iter().map(|arrival| *arrival + shift).collect();
        let found = cadence(&arrivals, arrivals[59], &Settings::default()).unwrap();
        let later = cadence(&shifted, shifted[59], &Settings::default()).unwrap();
        prop_assert_eq!((found.expected_at + shift, found.deadline + shift), (later.expected_at, later.deadline));
    }
}
