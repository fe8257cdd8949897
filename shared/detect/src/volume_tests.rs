use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::{Direction, Judged, MonthEnds, Reason, Settings, Verdict, judge};

/// 2026-03-02, a Monday.
fn day(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_409_600, 0).unwrap() + TimeDelta::days(number)
}

/// Judges values day by day, each verdict stored with its point.
fn replay(values: &[f64], settings: &Settings) -> Vec<Verdict> {
    let points: Vec<(DateTime<Utc>, f64)> =
        values.iter().enumerate().map(|(number, &value)| (day(number as i64), value)).collect();
    replay_points(&points, settings)
}

fn replay_points(points: &[(DateTime<Utc>, f64)], settings: &Settings) -> Vec<Verdict> {
    let mut history: Vec<Judged> = Vec::new();
    let mut verdicts = Vec::new();
    for &(at, value) in points {
        let verdict = judge(&history, at, value, settings);
        history.push(Judged { at, value, anomaly: verdict.anomaly });
        verdicts.push(verdict);
    }
    verdicts
}

fn flagged(verdicts: &[Verdict]) -> Vec<usize> {
    verdicts
        .iter()
        .enumerate()
        .filter(|(_, verdict)| verdict.anomaly)
        .map(|(number, _)| number)
        .collect()
}

/// A shop: weekends at 40 %, some noise that is the same each time.
fn shop(days: usize) -> Vec<f64> {
    (0..days)
        .map(|day| {
            let usual = if day % 7 >= 5 { 4000.0 } else { 10_000.0 };
            (usual * (1.0 + ((day * 7919 + 13) % 101) as f64 / 1000.0 - 0.05)).round()
        })
        .collect()
}

#[test]
fn a_week_without_anything_is_found_at_once_stays_and_ends_at_once() {
    let mut values = shop(80);
    values[50..57].fill(0.0);
    let verdicts = replay(&values, &Settings::default());
    assert_eq!(flagged(&verdicts), (50..57).collect::<Vec<_>>());
    assert_eq!(verdicts[50].direction, Some(Direction::Below));
    assert!(!verdicts[57].anomaly);
}

proptest! {
    /// Bytes of a table that has a row now and then: between nothing and millions. Judging takes no longer for it.
    #[test]
    fn wide_noise_takes_no_longer(values in prop::collection::vec(prop::sample::select(vec![0.0, 1.0, 7.0, 300.0, 60_000.0, 1e9]), 20..120)) {
        let points: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(number, &value)| (day(0) + TimeDelta::hours(number as i64), value))
            .collect();
        for points in [points, values.iter().enumerate().map(|(number, &value)| (day(number as i64), value)).collect()] {
            for verdict in replay_points(&points, &Settings::default()) {
                prop_assert!(verdict.expected.is_none_or(f64::is_finite));
            }
        }
    }
}

#[test]
fn a_series_without_anything_is_dead_after_four_weeks() {
    let mut values = shop(120);
    values[50..].fill(0.0);
    let verdicts = replay(&values, &Settings::default());
    assert_eq!(flagged(&verdicts), (50..78).collect::<Vec<_>>());
    assert_eq!(verdicts[78].reason, Reason::Dead);
    let strict = Settings { least: Some(1.0), ..Settings::default() };
    assert_eq!(flagged(&replay(&values, &strict)), (50..120).collect::<Vec<_>>());
}

#[test]
fn a_dip_of_some_days_is_an_incident_and_a_new_level_is_adopted() {
    let mut values = shop(100);
    for value in &mut values[40..44] {
        *value *= 0.5;
    }
    for value in &mut values[60..] {
        *value *= 1.6;
    }
    let verdicts = replay(&values, &Settings::default());
    let mut expected: Vec<usize> = (40..44).collect();
    expected.extend(60..65);
    assert_eq!(flagged(&verdicts), expected);
    assert_eq!(verdicts[65].reason, Reason::NewLevel);
    assert_eq!(verdicts[75].reason, Reason::Expected);
}

#[test]
fn what_returns_to_the_old_level_after_a_new_one_was_adopted_is_quiet() {
    let mut values = shop(100);
    for value in &mut values[60..68] {
        *value *= 0.6;
    }
    assert_eq!(flagged(&replay(&values, &Settings::default())), (60..65).collect::<Vec<_>>());
}

#[test]
fn weekends_without_anything_become_a_season() {
    let values: Vec<f64> = shop(70)
        .iter()
        .enumerate()
        .map(|(day, &value)| if day % 7 >= 5 { 0.0 } else { value })
        .collect();
    let verdicts = replay(&values, &Settings::default());
    assert!(flagged(&verdicts).iter().all(|&day| day < 21), "{:?}", flagged(&verdicts));
    let mut outage = values;
    outage[60] = 0.0;
    outage[62] = 9000.0;
    let verdicts = replay(&outage, &Settings::default());
    assert!(verdicts[60].anomaly);
}

#[test]
fn gaps_do_not_shift_the_season() {
    let points: Vec<(DateTime<Utc>, f64)> = shop(100)
        .into_iter()
        .enumerate()
        .filter(|(number, _)| !matches!(number, 30 | 31 | 45 | 59 | 60 | 61))
        .map(|(number, value)| (day(number as i64), value))
        .collect();
    assert!(flagged(&replay_points(&points, &Settings::default())).is_empty());
}

#[test]
fn bounds_of_the_contract_hold_from_the_first_point() {
    let settings = Settings { least: Some(10.0), most: Some(100.0), ..Settings::default() };
    let verdicts = replay(&[5.0, 50.0, 500.0], &settings);
    assert_eq!(flagged(&verdicts), [0, 2]);
    assert_eq!((verdicts[0].reason, verdicts[2].reason), (Reason::BelowLeast, Reason::AboveMost));
    assert_eq!(verdicts[0].lower, Some(10.0));
}

#[test]
fn nothing_is_noticed_as_soon_as_something_always_came() {
    let verdicts = replay(&[900.0, 1100.0, 0.0], &Settings::default());
    assert_eq!(flagged(&verdicts), [2]);
    assert_eq!(verdicts[2].reason, Reason::Nothing);
    assert!(
        flagged(&replay(
            &[0.0, 0.0, 3.0, 0.0, 1.0, 2.0, 0.0, 0.0, 1.0, 0.0, 4.0],
            &Settings::default()
        ))
        .is_empty()
    );
}

#[test]
fn holidays_and_what_is_too_small_to_care_are_quiet() {
    let mut values = shop(70);
    values[50] = 20_000.0;
    let holiday = Settings { holidays: vec![day(50).date_naive()], ..Settings::default() };
    assert_eq!(flagged(&replay(&values, &Settings::default())), [50]);
    let verdicts = replay(&values, &holiday);
    assert!(flagged(&verdicts).is_empty());
    assert_eq!(verdicts[50].reason, Reason::Excluded);
    let small = Settings { ignore_below: Some(50_000.0), ..Settings::default() };
    assert_eq!(replay(&values, &small)[50].reason, Reason::Ignored);
}

#[test]
fn a_month_end_that_recurs_is_expected() {
    // The month ends on days 29, 59, 90 of the series.
    let mut values = shop(100);
    for end in [29, 59, 90] {
        values[end] *= 1.8;
    }
    assert_eq!(flagged(&replay(&values, &Settings::default())), [29]);
    let plain = Settings { month_ends: MonthEnds::None, ..Settings::default() };
    assert_eq!(flagged(&replay(&values, &plain)), [29, 59, 90]);
}

#[test]
fn growth_is_followed() {
    let values: Vec<f64> = shop(120)
        .iter()
        .enumerate()
        .map(|(day, &value)| (value * 1.01_f64.powi(day as i32)).round())
        .collect();
    assert!(flagged(&replay(&values, &Settings::default())).is_empty());
}

#[test]
fn settings_refuse_what_they_do_not_know() {
    let wrong = |json: &str| Settings::from_json(json).unwrap_err().to_string();
    assert!(wrong(r#"{"sensitvity": "high"}"#).contains("unknown field `sensitvity`"));
    assert!(wrong(r#"{"least": 5, "most": 1}"#).contains("`least` must be not above `most`"));
    assert!(wrong(r#"{"timeZone": "Mars/Olympus"}"#).contains("Mars/Olympus"));
    let json = r#"{"sensitivity": "high", "season": "week", "ignoreBelow": 5, "timeZone": "Europe/Berlin",
        "holidays": ["2026-12-25"], "maintenanceWindows": [
        {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"},
        {"weekday": "Sun", "start": "02:00:00", "end": "04:00:00"}]}"#;
    let settings = Settings::from_json(json).unwrap();
    assert_eq!(settings.maintenance_windows.len(), 2);
    let again = Settings::from_json(&serde_json::to_string(&settings).unwrap()).unwrap();
    assert_eq!(settings, again);
}

#[test]
fn hours_have_a_season_of_their_own_through_the_end_of_daylight_saving_time() {
    let zone = chrono_tz::Tz::Europe__Berlin;
    let settings = Settings { time_zone: crate::TimeZone(zone), ..Settings::default() };
    // Seven weeks until 2026-11-08, over the 25th of October.
    let first: DateTime<Utc> = "2026-09-20T22:00:00Z".parse().unwrap();
    let mut points = Vec::new();
    for hour in 0..49 * 24_i64 {
        let at = first + TimeDelta::hours(hour);
        let shown = chrono::Timelike::hour(&at.with_timezone(&zone));
        let usual = if (8..20).contains(&shown) { 5000.0 } else { 500.0 };
        points.push((at, usual + ((hour * 7919) % 101) as f64));
    }
    points[40 * 24 + 12].1 = 0.0;
    let verdicts = replay_points(&points, &settings);
    let after_three_weeks: Vec<usize> =
        flagged(&verdicts).into_iter().filter(|&hour| hour > 21 * 24).collect();
    assert_eq!(after_three_weeks, [40 * 24 + 12]);
}

#[test]
fn minutes_without_anything_are_found() {
    let mut series = crate::Series::new(Settings::default());
    let mut found = Vec::new();
    for minute in 0..6 * 1440_i64 {
        let usual = 200.0 + 100.0 * (minute as f64 / 1440.0 * std::f64::consts::TAU).sin();
        let value = if (7000..7010).contains(&minute) {
            0.0
        } else {
            (usual + ((minute * 7919) % 31) as f64).round()
        };
        if series.push(day(0) + TimeDelta::minutes(minute), value).anomaly && minute > 3 * 1440 {
            found.push(minute);
        }
    }
    assert_eq!(found, (7000..7010).collect::<Vec<_>>());
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0.0..1e6_f64).prop_map(f64::round),
        1 => Just(0.0),
        1 => any::<f64>(),
        1 => -1e3..1e3_f64,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nothing_panics_and_what_is_inside_is_no_anomaly(
        points in proptest::collection::vec((0_i64..200_000_000, any_value(), any::<bool>()), 0..120),
        at in 0_i64..250_000_000,
        value in any_value(),
    ) {
        let moment = |at: i64| DateTime::from_timestamp(1_700_000_000 + at, 0).unwrap();
        let history: Vec<Judged> = points
            .iter()
            .map(|&(at, value, anomaly)| Judged { at: moment(at), value, anomaly })
            .collect();
        let verdict = judge(&history, moment(at), value, &Settings::default());
        let quantity = crate::judge_quantity(&history, moment(at), value, &Settings::default());
        for verdict in [verdict, quantity] {
            prop_assert!(verdict.deviation >= 0.0);
            if let (Some(lower), Some(upper)) = (verdict.lower, verdict.upper) {
                prop_assert!(lower <= upper, "{verdict:?}");
                let is_inside = lower <= value && value <= upper;
                prop_assert!(value.is_nan() || is_inside != verdict.anomaly, "{verdict:?}");
            }
        }
    }

    #[test]
    fn a_multiple_of_a_large_series_has_the_same_verdicts(seed in 0_usize..1000, factor in 2_u32..1000) {
        let values = disturbed(seed);
        let multiple: Vec<f64> = values.iter().map(|value| value * f64::from(factor)).collect();
        let large: Vec<f64> = values.iter().map(|value| value * 1000.0).collect();
        let larger: Vec<f64> = multiple.iter().map(|value| value * 1000.0).collect();
        let settings = Settings::default();
        prop_assert_eq!(flagged(&replay(&large, &settings)), flagged(&replay(&larger, &settings)));
    }

    #[test]
    fn whole_weeks_do_not_matter_and_neither_does_the_order_of_the_history(seed in 0_usize..1000, weeks in -500_i64..500) {
        let values = disturbed(seed);
        let settings = Settings { month_ends: MonthEnds::None, ..Settings::default() };
        let verdicts = replay(&values, &settings);
        let shifted: Vec<(DateTime<Utc>, f64)> = values
            .iter()
            .enumerate()
            .map(|(number, &value)| (day(number as i64 + 7 * weeks), value))
            .collect();
        prop_assert_eq!(&replay_points(&shifted, &settings), &verdicts);
        let mut history: Vec<Judged> = values
            .iter()
            .zip(&verdicts)
            .enumerate()
            .map(|(number, (&value, verdict))| Judged { at: day(number as i64), value, anomaly: verdict.anomaly })
            .collect();
        // What is not before the point says nothing of it: replaying a day says the same again.
        history.reverse();
        for (number, &value) in values.iter().enumerate() {
            prop_assert_eq!(judge(&history, day(number as i64), value, &settings), verdicts[number]);
        }
    }

    #[test]
    fn a_series_that_remembers_says_the_same(seed in 0_usize..1000, hours in prop_oneof![Just(1_i64), Just(3), Just(24)]) {
        let points: Vec<(DateTime<Utc>, f64)> = disturbed(seed)
            .iter()
            .chain(&disturbed(seed + 1))
            .cycle()
            .take(if hours == 1 { 1000 } else { 180 })
            .enumerate()
            .map(|(number, &value)| (day(0) + TimeDelta::hours(hours * number as i64), value))
            .collect();
        let mut series = crate::Series::new(Settings::default());
        let remembered: Vec<Verdict> = points.iter().map(|&(at, value)| series.push(at, value)).collect();
        prop_assert_eq!(remembered, replay_points(&points, &Settings::default()));
    }
}

/// A shop in which something goes wrong now and then.
fn disturbed(seed: usize) -> Vec<f64> {
    let mut values = shop(90);
    for (day, value) in values.iter_mut().enumerate() {
        match (day * 31 + seed * 17) % 43 {
            0 => *value = 0.0,
            1 => *value = (*value * 0.5).round(),
            2 => *value *= 4.0,
            _ => {}
        }
    }
    values
}
