//! Timestamps as people write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// Reads a date, a date with a time (with `T` or a space, with or without a zone, which then is UTC), or the seconds,
/// milliseconds, microseconds or nanoseconds since 1970. A date alone is midnight in the zone.
pub fn read(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return midnight(date, zone);
    }
    if let Some(moment) = since_1970(text) {
        return Some(moment);
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.with_timezone(&Utc));
    }
    with_zone(text).or_else(|| without_zone(text))
}

fn midnight(date: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let local = date.and_time(NaiveTime::MIN);
    if zone == Tz::UTC {
        return Some(local.and_utc());
    }
    // Where the clock skips midnight, the day begins an hour later.
    let next = local + chrono::TimeDelta::hours(1);
    let found = zone
        .from_local_datetime(&local)
        .earliest()
        .or_else(|| zone.from_local_datetime(&next).earliest());
    found.map(|moment| moment.with_timezone(&Utc))
}

fn since_1970(text: &str) -> Option<DateTime<Utc>> {
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
    let number: f64 = if is_number { text.parse().ok()? } else { return None };
    let seconds = match number.abs() {
        size if size < 1e11 => number,
        size if size < 1e14 => number / 1e3,
        size if size < 1e17 => number / 1e6,
        _ => number / 1e9,
    };
    DateTime::from_timestamp(
        seconds.floor() as i64,
        (seconds.fract().abs() * 1e9) as u32 % 1_000_000_000,
    )
}

fn with_zone(text: &str) -> Option<DateTime<Utc>> {
    let text = text
        .strip_suffix(" UTC")
        .or_else(|| text.strip_suffix(" Z"))
        .map(|text| format!("{text}Z"));
    let text = text.as_deref()?;
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.with_timezone(&Utc))
}

fn without_zone(text: &str) -> Option<DateTime<Utc>> {
    const FORMS: [&str; 7] = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
        "%Y/%m/%d %H:%M:%S%.f",
        "%Y%m%dT%H%M%S",
        "%Y-%m-%dT%H",
    ];
    const ZONED: [&str; 4] = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M:%S%.f %#z",
    ];
    for form in ZONED {
        if let Ok(moment) = DateTime::parse_from_str(text, form) {
            return Some(moment.with_timezone(&Utc));
        }
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y/%m/%d") {
        return Some(date.and_time(NaiveTime::MIN).and_utc());
    }
    FORMS
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|moment| moment.and_utc())
}
