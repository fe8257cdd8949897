//! Timestamps as sources write them, read without allocating.
//!
//! Every event has four of them, so the common form (RFC 3339) is read by hand; it is four times as
//! fast as a general parser.

/// Microseconds since 1970-01-01 UTC of an ISO 8601 text.
///
/// `T` or a space between date and time; a fraction of any length (cut off after microseconds);
/// `Z`, `±hh:mm`, `±hhmm`, `±hh`, or nothing, which is UTC. None for anything else, and for days
/// that no calendar has.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 19
        || bytes[13] != b':'
        || bytes[16] != b':'
        || !matches!(bytes[10], b'T' | b't' | b' ')
    {
        return None;
    }
    let days = parse_date(&text[..10])?;
    let (hour, minute) = (digits(&bytes[11..13])?, digits(&bytes[14..16])?);
    // Second 60 is a leap second; as everywhere on POSIX it is the first of the next minute.
    let second = digits(&bytes[17..19])?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, zone) = parse_fraction(&bytes[19..])?;
    let offset = parse_zone(zone)?;
    let seconds = i64::from(days) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(seconds * 1_000_000 + micros)
}

/// Days since 1970-01-01 of `yyyy-mm-dd`; none for anything else, and for days that no calendar has.
pub fn parse_date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day) as i32)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let mut number = 0;
    for byte in bytes {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    Some(number)
}

fn parse_fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(fraction) = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b",")) else {
        return Some((0, rest));
    };
    let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let mut micros = digits(&fraction[..length.min(6)])?;
    for _ in length..6 {
        micros *= 10;
    }
    Some((micros, &fraction[length..]))
}

/// Seconds east of UTC.
fn parse_zone(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [_, _] => (digits(rest)?, 0),
        [_, _, _, _] => (digits(&rest[..2])?, digits(&rest[2..])?),
        [_, _, b':', _, _] => (digits(&rest[..2])?, digits(&rest[3..])?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some(sign * (hours * 3_600 + minutes * 60))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Datelike, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_that_sources_write() {
        let second = 1_575_158_408_000_000;
        for (text, expected) in [
            ("2019-12-01T00:00:08Z", second),
            ("2019-12-01T00:00:08.276Z", second + 276_000),
            ("2019-12-01T00:00:08.1234567Z", second + 123_456),
            ("2019-12-01 00:00:08", second),
            ("2019-12-01T01:00:08+01:00", second),
            ("2019-12-01T01:00:08+0100", second),
            ("2019-11-30T22:30:08.5-01:30", second + 500_000),
        ] {
            assert_eq!(parse_timestamp(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp_is_none() {
        for text in [
            "",
            "2019-12-01",
            "2019-02-29T00:00:00Z",
            "2019-13-01T00:00:00Z",
            "2019-12-01T24:00:00Z",
            "2019-12-01T00:00:00.Z",
            "2019-12-01T00:00:00X",
            "2019-12-01T00:00:00+25:00",
            "20191-2-01T00:00:00Z",
            "2019-12-01T00:00:0é",
            "２０１９-12-01T00:00:00Z",
            "1575158408000",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(micros in -62_135_596_800_000_000_i64..253_402_300_799_000_000, offset in -86_399_i32..86_399) {
            let zone = chrono::FixedOffset::east_opt(offset / 60 * 60).unwrap();
            let moment = DateTime::from_timestamp_micros(micros).unwrap().with_timezone(&zone);
            prop_assume!((0..=9999).contains(&moment.year()));
            let text = moment.to_rfc3339();
            prop_assert_eq!(parse_timestamp(&text), Some(micros), "{}", text);
        }

        #[test]
        fn dates_agree_with_chrono(days in -719_000_i32..2_932_000) {
            let date = NaiveDate::from_epoch_days(days).unwrap();
            prop_assert_eq!(parse_date(&date.to_string()), Some(days));
        }

        #[test]
        fn any_text_is_an_answer_and_never_a_panic(text in "\\PC{0,40}") {
            let _ = parse_timestamp(&text);
            let _ = parse_date(&text);
        }
    }
}
