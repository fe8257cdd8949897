//! For how long data was bad.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::incident::downtime::{Downtime, Period, by_dataset, by_day, by_domain, of_dataset};
use crate::incident::machine;

/// An incident from, noticed at and until some minutes.
fn incident(dataset: &str, since: i64, opened: i64, resolved: Option<i64>) -> Incident {
    let mut finding = finding(&key(dataset), Severity::High, opened);
    finding.since = at(since);
    let open = machine::open(None, &finding, &context(&[], &[]), at(opened), at(opened));
    let kept = Duration::days(1);
    match resolved {
        Some(end) => machine::clear(&open, at(end), at(end), "good", kept).unwrap(),
        None => open,
    }
}

fn of(minutes: std::ops::Range<i64>) -> Period {
    Period { from: at(minutes.start), to: at(minutes.end) }
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-6
}

#[test]
fn what_overlaps_is_counted_once_and_what_lies_outside_not_at_all() {
    let all = [
        incident("shop.orders", 10, 20, Some(40)),
        incident("shop.orders", 30, 35, Some(50)),
        incident("shop.orders", -50, -40, Some(5)),
        incident("shop.orders", 90, 95, None),
    ];
    let found = of_dataset(&all, of(0..100));
    // 0 to 5, 10 to 50, 90 to the end.
    assert!(close(found.downtime_seconds, f64::from(5 + 40 + 10) * 60.0));
    assert_eq!(found.incidents, 4);
    assert!(close(found.attainment, 0.45));
    assert!(close(found.mean_seconds_to_detect.unwrap(), 7.5 * 60.0));
    assert!(close(found.mean_seconds_to_resolve.unwrap(), f64::from(20 + 15 + 45) * 20.0));
    let none = of_dataset(&all, of(60..80));
    assert_eq!((none.incidents, none.mean_seconds_to_detect), (0, None));
    assert!(close(none.attainment, 1.0));
}

#[test]
fn lineage_and_what_is_low_make_no_downtime() {
    let mut low = incident("shop.orders", 10, 20, Some(40));
    low.worst_severity = Severity::Low;
    let mut lineage = incident("shop.orders", 10, 20, Some(40));
    lineage.key.monitor = Monitor::Lineage;
    assert_eq!(of_dataset(&[low, lineage], of(0..100)).incidents, 0);
}

#[test]
fn days_and_domains_add_up() {
    let day = 24 * 60;
    let all = [
        incident("shop.orders", day - 60, day, Some(day + 60)),
        incident("shop.customers", 0, 1, Some(60)),
        incident("ads.clicks", 0, 1, Some(60)),
    ];
    let days = by_day(&all[..1], of(0..3 * day));
    let seconds: Vec<f64> = days.values().map(|day| day.downtime_seconds).collect();
    assert!(close(seconds[0], 3600.0) && close(seconds[1], 3600.0) && close(seconds[2], 0.0));
    assert_eq!(seconds.len(), 3);
    let domains: BTreeMap<String, String> =
        [("shop.orders", "shop"), ("shop.customers", "shop"), ("shop.refunds", "shop")]
            .map(|(dataset, domain)| (dataset.to_owned(), domain.to_owned()))
            .into();
    let found = by_domain(&all, &domains, of(0..2 * day));
    assert_eq!(found.len(), 1);
    assert_eq!((found["shop"].incidents, found["shop"].downtime_seconds), (2, 3.0 * 3600.0));
    assert!(close(found["shop"].attainment, 1.0 - 3.0 / (3.0 * 48.0)));
    let datasets = by_dataset(&all, &domains.keys().cloned().collect(), of(0..2 * day));
    assert_eq!(datasets["shop.refunds"].incidents, 0);
    assert!(close(datasets["ads.clicks"].downtime_seconds, 3600.0));
}

proptest! {
    #[test]
    fn apart_it_is_incidents_by_time_to_detect_and_to_resolve(
        pieces in prop::collection::vec((0..500_i64, 0..90_i64, 1..900_i64), 0..20),
    ) {
        let mut minutes = 0;
        let mut all = Vec::new();
        for (gap, detect, resolve) in pieces {
            let (since, opened) = (minutes + gap, minutes + gap + detect);
            minutes = opened + resolve;
            all.push(incident("shop.orders", since, opened, Some(minutes)));
        }
        let found: Downtime = of_dataset(&all, of(0..minutes + 1));
        let mean = found.mean_seconds_to_detect.unwrap_or(0.0)
            + found.mean_seconds_to_resolve.unwrap_or(0.0);
        prop_assert!(close(found.downtime_seconds, found.incidents as f64 * mean));
        prop_assert_eq!(found.incidents as usize, all.len());
    }

    #[test]
    fn downtime_is_no_longer_than_the_period_and_the_days_add_up(
        pieces in prop::collection::vec((0..5000_i64, 0..500_i64, prop::option::of(1..3000_i64)), 0..12),
    ) {
        let incidents: Vec<Incident> = pieces
            .into_iter()
            .map(|(since, detect, end)| incident("d", since, since + detect, end.map(|end| since + detect + end)))
            .collect();
        let period = of(100..4 * 24 * 60 + 100);
        let found = of_dataset(&incidents, period);
        prop_assert!(found.downtime_seconds <= 4.0 * 86_400.0);
        let days: f64 = by_day(&incidents, period).values().map(|day| day.downtime_seconds).sum();
        prop_assert!(close(found.downtime_seconds, days));
        let minutes = (100..4 * 24 * 60 + 100).filter(|minute| {
            let is_bad = |incident: &Incident| {
                incident.since <= at(*minute) && incident.resolved_at.is_none_or(|end| end > at(*minute))
            };
            incidents.iter().any(is_bad)
        });
        prop_assert!(close(found.downtime_seconds, minutes.count() as f64 * 60.0));
    }
}
