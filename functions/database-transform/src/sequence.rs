//! What orders the changes of a row: a text that sorts as they happened.
//!
//! Of one table all changes come by one way, and each way has its own number; they are only ever
//! compared within it. What a snapshot holds comes before any change, whatever number that has.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use shared::govern::parse_timestamp;

/// The outbox draws a 64-bit number.
const OUTBOX_DIGITS: usize = 20;

/// A stream's sequence numbers have at most 40 digits, and fewer at first.
const STREAM_DIGITS: usize = 40;

/// `$AR_H_CHANGE_SEQ`: a moment in hundredths of a second in 16 digits, then a number in 19.
const CHANGE_ROW_DIGITS: usize = 19;

/// A moment from its year to its microsecond.
const MOMENT_DIGITS: usize = 20;
const MICROSECOND_DIGITS: usize = 6;

/// Rows of a file, as text in their order.
const ROW_DIGITS: usize = 12;

/// Of the outbox; none where it is no number.
pub fn of_outbox(number: &str) -> Option<String> {
    padded(number, OUTBOX_DIGITS)
}

/// Of a DynamoDB stream; none where it is no number.
pub fn of_stream(number: &str) -> Option<String> {
    padded(number, STREAM_DIGITS)
}

/// Of a row in a snapshot: below every number, later snapshots above earlier ones.
pub fn of_snapshot(moment: DateTime<Utc>, row: u64) -> String {
    // A hyphen sorts before every digit.
    format!("{}-{}-{row:012}", "0".repeat(OUTBOX_DIGITS), digits(moment))
}

/// Of a row without a number of its own: by moment, file and place in the file.
pub fn of_file(moment: DateTime<Utc>, file: &str, row: u64) -> String {
    let mut sequence = String::with_capacity(MOMENT_DIGITS + file.len() + 2 + ROW_DIGITS);
    sequence.push_str(&digits(moment));
    sequence.push('-');
    sequence.push_str(file);
    sequence.push('-');
    push_number(row, ROW_DIGITS, &mut sequence);
    sequence
}

/// Of a loaded row where changes bear `$AR_H_CHANGE_SEQ`.
pub fn of_loaded_row(moment: DateTime<Utc>, row: u64) -> String {
    let micros = digits(moment);
    format!("{}{row:0width$}", &micros[..16], width = CHANGE_ROW_DIGITS)
}

/// The moment that a text names, or another where it names none.
pub fn moment_of(text: Option<&str>, otherwise: DateTime<Utc>) -> DateTime<Utc> {
    text.and_then(parse_timestamp).and_then(DateTime::from_timestamp_micros).unwrap_or(otherwise)
}

/// A file's place among the files of a table, and the moment that its name tells.
///
/// `LOAD0000000A` counts in hexadecimal. `20141029-1134010000` is a moment whose last digits are a
/// fraction of a second, three or four of them: as text, 10:00:00.999 would come after 10:00:00.9991.
pub fn of_name(name: &str) -> (String, Option<DateTime<Utc>>) {
    let stem = name.split('.').next().unwrap_or_default();
    if let Some((_, counter)) = stem.rsplit_once("LOAD") {
        return (format!("0{counter:0>16}").to_ascii_lowercase(), None);
    }
    let stem = stem.strip_prefix("CDC_TXN-").unwrap_or(stem);
    if let Some((day, time)) = stem.split_once('-')
        && day.len() == 8
        && (9..=10).contains(&time.len())
        && day.bytes().chain(time.bytes()).all(|byte| byte.is_ascii_digit())
    {
        let moment = moment(day, time);
        return (format!("1{day}{time:0<10}"), moment);
    }
    (format!("1{stem}"), None)
}

fn moment(day: &str, time: &str) -> Option<DateTime<Utc>> {
    let text = format!(
        "{}-{}-{} {}:{}:{}.{}",
        &day[..4],
        &day[4..6],
        &day[6..],
        &time[..2],
        &time[2..4],
        &time[4..6],
        &time[6..]
    );
    DateTime::from_timestamp_micros(parse_timestamp(&text)?)
}

/// Year to microsecond. Every row has it, and a pattern that is read each time would take longer than all else that is
/// done to the row here.
fn digits(moment: DateTime<Utc>) -> String {
    let year = moment.year();
    if !(0..=9_999).contains(&year) {
        return moment.format("%Y%m%d%H%M%S%6f").to_string();
    }
    let day = i64::from(year) * 10_000 + i64::from(moment.month() * 100 + moment.day());
    let time = moment.hour() * 10_000 + moment.minute() * 100 + moment.second();
    let seconds = day as u64 * 1_000_000 + u64::from(time);
    let mut digits = String::with_capacity(MOMENT_DIGITS);
    push_number(seconds, MOMENT_DIGITS - MICROSECOND_DIGITS, &mut digits);
    push_number(u64::from(moment.timestamp_subsec_micros()), MICROSECOND_DIGITS, &mut digits);
    digits
}

/// Appends a number with zeros in front up to a width of at most 20, as `{:0width$}` does in several times the time.
fn push_number(mut number: u64, width: usize, target: &mut String) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while number > 0 {
        first -= 1;
        digits[first] += (number % 10) as u8;
        number /= 10;
    }
    let written = &digits[first.min(digits.len() - width)..];
    // Digits are ASCII, so there is always a text.
    target.push_str(str::from_utf8(written).unwrap_or_default());
}

fn padded(number: &str, width: usize) -> Option<String> {
    let number = number.trim_start_matches('0');
    let in_digits = number.len() <= width && number.bytes().all(|byte| byte.is_ascii_digit());
    in_digits.then(|| format!("{number:0>width$}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_snapshot_comes_before_every_change() {
        let snapshot = of_snapshot(at("2026-11-23T12:00:00Z"), 7);
        assert!(snapshot < of_outbox("1").unwrap());
        assert!(snapshot < of_stream("100000000000000000001").unwrap());
        assert!(snapshot < of_file(at("2001-01-01T00:00:00Z"), "1", 0));
        assert!(snapshot < of_snapshot(at("2026-11-24T12:00:00Z"), 0));
    }

    #[test]
    fn files_are_ordered_by_the_time_in_their_names() {
        let (nine, moment) = of_name("20141029-100000999.csv");
        let (ten, _) = of_name("20141029-1000009991.csv.gz");
        assert!(nine < ten);
        assert_eq!(moment, Some(at("2014-10-29T10:00:00.999Z")));
        assert!(of_name("LOAD00000009.csv").0 < of_name("LOAD0000000A.csv").0);
        assert!(of_name("SEGMENT1_LOAD0000000F.csv").0 < of_name("LOAD00000010.csv").0);
        assert!(of_name("LOAD000000FF.csv").0 < nine);
        assert_eq!(
            of_name("CDC_TXN-20141029-1134010000.csv").0,
            of_name("20141029-1134010000.csv").0
        );
    }

    #[test]
    fn a_loaded_row_can_be_compared_with_a_change_number() {
        let row = of_loaded_row(at("2026-11-23T12:00:00.123456Z"), 9);
        assert_eq!(row.len(), 35);
        assert!(row.as_str() < "20261123120000130000000000000000001");
    }

    #[test]
    fn what_is_no_number_is_none() {
        assert_eq!(of_outbox("x1"), None);
        assert_eq!(of_outbox("-1"), None);
        assert_eq!(of_outbox("123456789012345678901"), None);
    }

    proptest! {
        #[test]
        fn numbers_sort_as_numbers(one in any::<u64>(), other in any::<u64>()) {
            let (first, second) = (of_outbox(&one.to_string()), of_outbox(&other.to_string()));
            prop_assert_eq!(first.cmp(&second), one.cmp(&other));
        }

        #[test]
        fn digits_are_those_of_the_pattern(micros in -100_000_000_000_000_000_i64..300_000_000_000_000_000) {
            let moment = DateTime::from_timestamp_micros(micros).unwrap();
            prop_assert_eq!(digits(moment), moment.format("%Y%m%d%H%M%S%6f").to_string());
        }

        #[test]
        fn numbers_are_padded_as_the_formatter_does(number in any::<u64>(), width in 1_usize..=20) {
            let mut padded = String::new();
            push_number(number, width, &mut padded);
            prop_assert_eq!(padded, format!("{number:0width$}"));
        }

        #[test]
        fn any_name_is_an_answer_and_never_a_panic(name in "\\PC{0,40}") {
            let _ = of_name(&name);
        }
    }
}
