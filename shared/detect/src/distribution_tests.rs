use chrono::{DateTime, TimeDelta, Utc};

use crate::{Direction, Judged, JudgedShare, Reason, Settings, judge_quantity, judge_share};

fn day(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_409_600, 0).unwrap() + TimeDelta::days(number)
}

fn shares(share: impl Fn(i64) -> f64, rows: u64, days: i64) -> Vec<JudgedShare> {
    (0..days)
        .map(|number| JudgedShare { at: day(number), share: share(number), rows, anomaly: false })
        .collect()
}

#[test]
fn a_column_that_is_always_or_never_null_is_quiet_until_it_jumps() {
    let settings = Settings::default();
    for usual in [0.0, 1.0] {
        for days in [7, 14, 40] {
            let history = shares(|_| usual, 10_000, days);
            assert!(!judge_share(&history, day(days), usual, 10_000, &settings).anomaly);
            let near = if usual == 0.0 { 0.0004 } else { 0.9996 };
            assert!(!judge_share(&history, day(days), near, 10_000, &settings).anomaly);
            let jumped = judge_share(&history, day(days), 1.0 - usual, 10_000, &settings);
            assert!(jumped.anomaly, "{usual} {days}");
        }
        let history = shares(|_| usual, 10_000, 40);
        assert!(judge_share(&history, day(40), (usual - 0.05).abs(), 10_000, &settings).anomaly);
    }
}

#[test]
fn a_share_of_few_rows_says_little() {
    let history = shares(|number| if number % 2 == 0 { 0.1 } else { 0.12 }, 5000, 40);
    let settings = Settings::default();
    assert!(judge_share(&history, day(40), 0.5, 5000, &settings).anomaly);
    assert!(!judge_share(&history, day(40), 0.5, 4, &settings).anomaly);
    assert_eq!(judge_share(&history, day(40), 0.5, 0, &settings).reason, Reason::Missing);
}

#[test]
fn quantities_may_be_negative_constant_or_nothing() {
    let settings = Settings::default();
    let judged = |value: fn(i64) -> f64, tested: f64| {
        let history: Vec<Judged> = (0..40)
            .map(|number| Judged { at: day(number), value: value(number), anomaly: false })
            .collect();
        judge_quantity(&history, day(40), tested, &settings)
    };
    let minimum = |number: i64| -100.0 + (number * 7919 % 11) as f64;
    assert!(!judged(minimum, -97.0).anomaly);
    assert_eq!(judged(minimum, -300.0).direction, Some(Direction::Below));
    assert!(!judged(|_| 100.0, 100.0).anomaly);
    assert!(judged(|_| 100.0, 200.0).anomaly);
    assert!(!judged(|_| 0.0, 0.0).anomaly);
    assert!(judged(|_| 0.97, 0.5).anomaly);
    // A minimum of nothing is no outage.
    assert!(!judged(|number| (number % 3) as f64, 0.0).anomaly);
}
