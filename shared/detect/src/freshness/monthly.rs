//! Producers that deliver once a month: on a day counted from the beginning or the end of the month, in days or in working days.

use chrono::{DateTime, Datelike, Months, NaiveDate};
use chrono_tz::Tz;

use crate::calendar::{DAY, date, days_to_month_end, local_seconds, moment};
use crate::robust::median;

/// How a day of the month is counted.
#[derive(Debug, Clone, Copy)]
enum Count {
    FromStart,
    FromEnd,
    WorkingFromStart,
    WorkingFromEnd,
}

/// When the next monthly arrival is expected. None if the arrivals are not about a month apart.
pub(crate) fn next(moments: &[i64], last: i64, zone: Tz) -> Option<i64> {
    let known = &moments[moments.len().saturating_sub(13)..];
    if known.len() < 3 || known.windows(2).any(|pair| !is_about_a_month(pair[1] - pair[0])) {
        return None;
    }
    let locals: Vec<i64> = known
        .iter()
        .filter_map(|&at| DateTime::from_timestamp(at, 0))
        .map(|at| local_seconds(at, zone))
        .collect();
    let dates: Vec<NaiveDate> = locals.iter().map(|&local| date(local)).collect();
    let last = date(local_seconds(DateTime::from_timestamp(last, 0)?, zone));
    let day = best(&dates, last)?;
    let mut times: Vec<f64> = locals.iter().map(|local| local.rem_euclid(DAY) as f64).collect();
    let time = median(&mut times)? as i64;
    let shown = day.and_hms_opt(0, 0, 0)? + chrono::TimeDelta::seconds(time);
    Some(moment(shown, zone).timestamp())
}

fn is_about_a_month(apart: i64) -> bool {
    (25 * DAY..=36 * DAY).contains(&apart)
}

/// The next day by the count that varied least.
fn best(dates: &[NaiveDate], last: NaiveDate) -> Option<NaiveDate> {
    let counts = [Count::FromStart, Count::FromEnd, Count::WorkingFromStart, Count::WorkingFromEnd];
    let mut best: Option<(f64, NaiveDate)> = None;
    for count in counts {
        let mut places: Vec<f64> = dates.iter().map(|&day| f64::from(place(day, count))).collect();
        let middle = median(&mut places)?;
        let spread: f64 = places.iter().map(|place| (place - middle).abs()).sum();
        let month = last.checked_add_months(Months::new(1))?;
        let expected = day_at(month, count, middle.round() as u32)?;
        if best.is_none_or(|(least, _)| spread < least) {
            best = Some((spread, expected));
        }
    }
    best.map(|(_, day)| day)
}

/// The place of a day in its month, from 0.
fn place(day: NaiveDate, count: Count) -> u32 {
    match count {
        Count::FromStart => day.day0(),
        Count::FromEnd => days_to_month_end(day),
        Count::WorkingFromStart => {
            (1..day.day()).filter(|&number| is_working(day, number)).count() as u32
        }
        Count::WorkingFromEnd => {
            let length = u32::from(day.num_days_in_month());
            (day.day() + 1..=length).filter(|&number| is_working(day, number)).count() as u32
        }
    }
}

fn is_working(month: NaiveDate, number: u32) -> bool {
    month.with_day(number).is_some_and(|day| day.weekday().num_days_from_monday() < 5)
}

/// The day at a place of a month.
fn day_at(month: NaiveDate, count: Count, place: u32) -> Option<NaiveDate> {
    let length = u32::from(month.num_days_in_month());
    match count {
        Count::FromStart => month.with_day((place + 1).min(length)),
        Count::FromEnd => month.with_day(length.saturating_sub(place).max(1)),
        Count::WorkingFromStart => {
            let number =
                (1..=length).filter(|&number| is_working(month, number)).nth(place as usize);
            month.with_day(number.unwrap_or(length))
        }
        Count::WorkingFromEnd => {
            let number =
                (1..=length).rev().filter(|&number| is_working(month, number)).nth(place as usize);
            month.with_day(number.unwrap_or(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_working_day_is_found_in_the_next_month() {
        let ends = [
            "2026-01-30T18:00:00Z",
            "2026-02-27T18:00:00Z",
            "2026-03-31T18:00:00Z",
            "2026-04-30T18:00:00Z",
        ];
        let moments: Vec<i64> = ends
            .iter()
            .map(|end| end.parse::<DateTime<chrono::Utc>>().unwrap().timestamp())
            .collect();
        let expected = next(&moments, moments[3], Tz::UTC).unwrap();
        assert_eq!(
            DateTime::from_timestamp(expected, 0).unwrap().to_rfc3339(),
            "2026-05-29T18:00:00+00:00"
        );
        assert_eq!(crate::calendar::weekday(expected), 4);
    }
}
