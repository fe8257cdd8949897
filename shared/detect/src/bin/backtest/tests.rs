use std::fmt::Write as _;

use chrono_tz::Tz;
use detect::Settings;

use crate::{input, replay, shown, timestamp, write};

fn run(csv: &str) -> String {
    let rows = input::read(csv.as_bytes(), Tz::UTC).unwrap();
    let mut output = Vec::new();
    write(&rows, &replay::replay(&rows, &Settings::default()), &mut output).unwrap();
    String::from_utf8(output).unwrap()
}

/// Two series, interleaved, with an outage, a missing day and a missing value.
fn csv() -> String {
    let mut text = String::from("value,note,timestamp,series\n");
    for day in 0..70_i64 {
        let date =
            chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap() + chrono::Days::new(day as u64);
        let usual = if day % 7 >= 5 { 400 } else { 1000 };
        let value = usual + (day * 37 % 41) - 20;
        let orders = if (50..53).contains(&day) { 0 } else { value };
        writeln!(text, "{orders},x,{date},orders").unwrap();
        if day == 40 {
            writeln!(text, ",,{date}T00:00:00Z,visits").unwrap();
        } else if day != 44 {
            writeln!(text, "{},,{date}T00:00:00Z,visits", value * 3).unwrap();
        }
    }
    text
}

#[test]
fn every_row_is_answered_in_order_and_the_outage_is_found() {
    let input = csv();
    let output = run(&input);
    let rows: Vec<&str> = output.lines().collect();
    assert_eq!(rows[0], "series,timestamp,value,expected,lower,upper,anomaly");
    assert_eq!(rows.len(), input.lines().count());
    assert!(rows[1].starts_with("orders,2026-03-02,980,,,,0"));
    let flagged: Vec<&str> =
        rows.iter().filter(|row| row.ends_with(",1")).map(|row| &row[..17]).collect();
    assert_eq!(flagged, ["orders,2026-04-21", "orders,2026-04-22", "orders,2026-04-23"]);
    assert!(output.contains("visits,2026-04-11T00:00:00Z,,,,,0\n"));
}

#[test]
fn a_file_that_is_cut_off_anywhere_has_the_same_verdicts_up_to_there() {
    let input = csv();
    let whole: Vec<String> = run(&input).lines().map(str::to_owned).collect();
    let lines: Vec<&str> = input.lines().collect();
    for length in 1..lines.len() {
        let cut = run(&lines[..length].join("\n"));
        assert!(
            cut.lines().eq(whole[..length].iter().map(String::as_str)),
            "cut after {length} lines"
        );
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let input = csv();
    let mut lines: Vec<&str> = input.lines().collect();
    let mut before: Vec<String> = run(&input).lines().map(str::to_owned).collect();
    lines[1..].reverse();
    let mut after: Vec<String> = run(&lines.join("\n")).lines().map(str::to_owned).collect();
    before.sort();
    after.sort();
    assert_eq!(before, after);
}

#[test]
fn errors_name_line_and_column() {
    let wrong = |csv: &str| input::read(csv.as_bytes(), Tz::UTC).unwrap_err().to_string();
    assert_eq!(
        wrong("series,timestamp,value\na,2026-01-01,1\na,yesterday,1\n"),
        "line 3, column `timestamp`: `yesterday` is not a date, a date with a time, or seconds since 1970"
    );
    assert_eq!(
        wrong("series,timestamp,value\na,2026-01-01,many\n"),
        "line 2, column `value`: `many` is not a number"
    );
    assert!(wrong("series,time,value\n").contains("no column `timestamp`"));
    assert!(wrong("series,timestamp,value\na,2026-01-01\n").contains("line: 2"));
}

#[test]
fn timestamps_are_read_as_people_write_them() {
    let moment = "2026-03-01T12:30:00+00:00";
    for text in [
        "2026-03-01T12:30:00Z",
        "2026-03-01 12:30:00",
        "2026-03-01T12:30",
        "2026-03-01 12:30:00.000",
        "2026-03-01T13:30:00+01:00",
        "2026-03-01 13:30:00+01",
        "2026-03-01 12:30:00 UTC",
        "1772368200",
        "1772368200000",
        "1772368200.0",
    ] {
        assert_eq!(
            timestamp::read(text, Tz::UTC).map(|read| read.to_rfc3339()).as_deref(),
            Some(moment),
            "{text}"
        );
    }
    let midnight = timestamp::read("2026-03-01", Tz::Europe__Berlin).unwrap();
    assert_eq!(midnight.to_rfc3339(), "2026-02-28T23:00:00+00:00");
    for text in ["", "2026-13-01", "soon", "2026-02-30", "12:00"] {
        assert!(timestamp::read(text, Tz::UTC).is_none(), "{text}");
    }
}

#[test]
fn numbers_are_shown_with_the_digits_that_say_something() {
    let numbers = [0.0, 1234.5678, 0.25, 5e6, 12.0, -3.5, 1e18];
    assert_eq!(numbers.map(shown), ["0", "1234.568", "0.25", "5000000", "12", "-3.5", "1e18"]);
}

#[test]
fn the_last_of_several_rows_of_a_moment_is_learnt_from() {
    let mut csv = String::from("series,timestamp,value\n");
    for day in 1..=28 {
        writeln!(csv, "a,2026-02-{day:02},0\na,2026-02-{day:02},{}", 1000 + day * 7 % 5).unwrap();
    }
    csv.push_str("a,2026-03-01,1002\n");
    assert!(run(&csv).trim_end().ends_with(",0"));
}
