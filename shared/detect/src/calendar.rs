//! Local time: weekdays, hours and dates as the producer's clock shows them.

use chrono::{
    DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

use crate::settings::{MaintenanceWindow, Settings, WeeklyWindow};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;
/// Seconds of a week.
pub(crate) const WEEK: i64 = 7 * DAY;

/// The seconds that a clock in the zone shows, counted from 1970-01-01 00:00 on that clock.
pub(crate) fn local_seconds(at: DateTime<Utc>, zone: Tz) -> i64 {
    if zone == Tz::UTC {
        return at.timestamp();
    }
    let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    at.timestamp() + i64::from(offset.local_minus_utc())
}

/// The weekday of a local time, Monday 0.
pub(crate) fn weekday(local: i64) -> usize {
    // 1970-01-01 was a Thursday.
    (local.div_euclid(DAY) + 3).rem_euclid(7) as usize
}

/// The date of a local time.
pub(crate) fn date(local: i64) -> NaiveDate {
    DateTime::from_timestamp(local, 0).map_or(NaiveDate::MIN, |moment| moment.date_naive())
}

/// The moment at which a clock in the zone shows a time. A time that is skipped in spring is taken as the
/// moment after the gap, one that comes twice in autumn as the later one.
pub(crate) fn moment(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let mut wanted = local;
    // No zone has ever skipped more than a day.
    for _ in 0..=96 {
        if let Some(found) = zone.from_local_datetime(&wanted).latest() {
            return found.with_timezone(&Utc);
        }
        wanted += TimeDelta::minutes(15);
    }
    Utc.from_utc_datetime(&local)
}

/// Whether a moment is one that is neither judged nor learnt from.
pub(crate) fn is_excluded(at: DateTime<Utc>, settings: &Settings) -> bool {
    if settings.holidays.is_empty() && settings.maintenance_windows.is_empty() {
        return false;
    }
    let local = local_seconds(at, settings.time_zone.0);
    settings.holidays.contains(&date(local))
        || settings.maintenance_windows.iter().any(|window| match window {
            MaintenanceWindow::Once(once) => once.from <= at && at < once.to,
            MaintenanceWindow::Weekly(weekly) => is_in_weekly(local, weekly),
        })
}

/// Whether a local time is in a window that comes every week.
fn is_in_weekly(local: i64, window: &WeeklyWindow) -> bool {
    let since = |time: NaiveTime| time.signed_duration_since(NaiveTime::MIN).num_seconds();
    let (start, end) = (since(window.start), since(window.end));
    let length = if end > start { end - start } else { end + DAY - start };
    let begins = i64::from(window.weekday.num_days_from_monday()) * DAY + start;
    // 1970-01-05 was a Monday.
    let now = (local - 4 * DAY).rem_euclid(WEEK);
    (now - begins).rem_euclid(WEEK) < length
}

/// How many days a date lies before the end of its month: 0 on its last day.
pub(crate) fn days_to_month_end(day: NaiveDate) -> u32 {
    u32::from(day.num_days_in_month()).saturating_sub(day.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TimeZone as Zone;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn weekdays_and_month_ends_are_those_of_the_calendar() {
        assert_eq!(weekday(at("2026-11-23T12:00:00Z").timestamp()), 0);
        assert_eq!(weekday(at("1969-12-31T12:00:00Z").timestamp()), 2);
        let days = |text: &str| days_to_month_end(text.parse().unwrap());
        assert_eq!((days("2026-01-31"), days("2028-02-28"), days("2026-12-01")), (0, 1, 30));
    }

    #[test]
    fn the_hour_that_is_skipped_and_the_hour_that_comes_twice_have_a_moment() {
        let zone = Tz::Europe__Berlin;
        let local = |text: &str| moment(text.parse().unwrap(), zone);
        assert_eq!(local("2026-03-29T02:30:00"), at("2026-03-29T01:00:00Z"));
        assert_eq!(local("2026-10-25T02:30:00"), at("2026-10-25T01:30:00Z"));
    }

    #[test]
    fn holidays_and_windows_follow_the_clock_of_the_zone() {
        let settings = Settings {
            holidays: vec!["2026-12-25".parse().unwrap()],
            maintenance_windows: vec![MaintenanceWindow::Weekly(WeeklyWindow {
                weekday: chrono::Weekday::Sun,
                start: "23:00:00".parse().unwrap(),
                end: "01:00:00".parse().unwrap(),
            })],
            time_zone: Zone(Tz::America__New_York),
            ..Settings::default()
        };
        assert!(!is_excluded(at("2026-12-25T04:59:00Z"), &settings));
        assert!(is_excluded(at("2026-12-25T05:00:00Z"), &settings));
        // Sunday 23:00 in New York is Monday 04:00 UTC.
        assert!(is_excluded(at("2026-11-23T05:30:00Z"), &settings));
        assert!(!is_excluded(at("2026-11-23T06:00:00Z"), &settings));
        assert!(!is_excluded(at("2026-11-23T03:59:00Z"), &settings));
    }
}
