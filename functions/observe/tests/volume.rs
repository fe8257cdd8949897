//! Too much, too little, none: each is told once, by whom it concerns.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use chrono::TimeDelta;
use shared::contract::{Contract, contracts};
use shared::incident::{Incident, Monitor, Severity};
use shared::observation::{Metrics, dataset, freshness, volume_monitor};
use shared::run::Run;

use world::{ORDERS, World, day, moment, run, runs_of_days};

/// A run of a day whose rows have so many bytes each.
fn of_size(number: u32, rows: u64, bytes: u64) -> Run {
    Run { bytes_written: rows * bytes, ..run(&day(number), 1, rows) }
}

async fn causes(world: &World) -> Vec<String> {
    world.open().await.into_iter().map(|incident| incident.key.cause).collect()
}

#[tokio::test]
async fn rows_that_are_half_as_large_are_told_by_their_bytes() {
    let world = World::default();
    world.observe_each(&runs_of_days(1..=20, 1_000)).await;
    world.observe_each(&[of_size(21, 1_000, 20)]).await;
    assert!(world.open().await.is_empty(), "the day still fills");
    world.observe_each(&[run(&day(22), 1, 20)]).await;
    let [incident] = &world.open().await[..] else { panic!("{:?}", world.open().await) };
    assert_eq!((incident.key.monitor, incident.key.cause.as_str()), (Monitor::Volume, "bytes_low"));
    assert!(incident.severity >= Severity::Medium);
    assert_eq!(incident.evidence.unit.as_deref(), Some("bytes"));
    assert_eq!(incident.evidence.actual, Some(20_000.0));
    assert!(incident.summary.contains("fewer bytes than usual"), "{}", incident.summary);
    // The next day is as usual.
    world.observe_each(&[run(&day(22), 2, 980), run(&day(23), 1, 20)]).await;
    assert!(world.open().await.is_empty());
}

#[tokio::test]
async fn rows_that_are_five_times_as_large_are_told_while_the_day_fills() {
    let world = World::default();
    world.observe_each(&runs_of_days(1..=20, 1_000)).await;
    world.observe_each(&[of_size(21, 1_000, 200)]).await;
    assert_eq!(causes(&world).await, ["bytes_high"]);
}

/// Twice the rows with twice the bytes, and half of both, are one incident each.
#[tokio::test]
async fn rows_explain_their_bytes() {
    for (rows, cause) in [(2_000, "rows_high"), (480, "rows_low")] {
        let world = World::default();
        world.observe_each(&runs_of_days(1..=20, 1_000)).await;
        world.observe_each(&[run(&day(21), 1, rows), run(&day(22), 1, 20)]).await;
        assert_eq!(causes(&world).await, [cause]);
    }
}

/// Sizes that vary, and runs that tell none, raise nothing.
#[tokio::test]
async fn bytes_that_only_vary_are_quiet() {
    let world = World::default();
    for number in 1..=28 {
        let bytes = 36 + u64::from(number * 5 % 9);
        world.observe_each(&[of_size(number, 980 + u64::from(number * 7 % 41), bytes)]).await;
        assert!(world.open().await.is_empty(), "on day {number}");
    }
    let world = World::default();
    for number in 1..=28 {
        let bytes = if number <= 20 { 0 } else { 75 };
        world.observe_each(&[of_size(number, 1_000, bytes)]).await;
        assert!(world.open().await.is_empty(), "on day {number}");
    }
}

fn contract(dataset: &str) -> &'static Contract {
    contracts().iter().find(|contract| contract.dataset() == dataset).unwrap()
}

/// What the clock finds of a dataset of which one input came on the first day, and nothing since.
async fn found_by_the_clock(dataset: &str) -> Vec<String> {
    let world = World::default();
    let run = Run { dataset: Some(dataset.to_owned()), ..run(&day(1), 1, 1_000) };
    world.observe_each(&[run]).await;
    let Contract { monitors, latency_minutes, .. } = contract(dataset);
    let store = &world.observer.store;
    let state = dataset::get(store, dataset).await.unwrap().unwrap();
    let (metrics, now) = (Metrics { store, retention_days: 100 }, moment(3, 1));
    let mut judged: Vec<_> =
        freshness::judge(&state, &monitors.freshness, *latency_minutes, now).into_iter().collect();
    judged
        .extend(volume_monitor::judge(&metrics, &state, &monitors.volume, &[], now).await.unwrap());
    judged.into_iter().flat_map(|one| one.findings).map(|finding| finding.key.cause).collect()
}

/// Before a cadence is known, a contract's promise tells of a silence. Without one the empty day does.
#[tokio::test]
async fn a_silence_is_told_once_before_a_cadence_is_known() {
    assert_eq!(found_by_the_clock("segment.aliases").await, ["late"]);
    assert_eq!(found_by_the_clock(ORDERS).await, ["rows_low"]);
}

/// Looks at the clock as `watch` does.
async fn look_at_the_clock(world: &World, hour: i64) {
    let now = moment(1, 0) + TimeDelta::hours(hour);
    let (store, incidents) = (&world.observer.store, &world.observer.incidents);
    let state = dataset::get(store, ORDERS).await.unwrap().unwrap();
    let Contract { monitors, latency_minutes, .. } = contract(ORDERS);
    let metrics = Metrics { store, retention_days: 100 };
    let context = shared::observation::graph::context_of(ORDERS);
    let fresh = freshness::judge(&state, &monitors.freshness, *latency_minutes, now);
    let all = dataset::DatasetState { judged_until: std::collections::BTreeMap::new(), ..state };
    let volume = volume_monitor::judge(&metrics, &all, &monitors.volume, &[], now).await.unwrap();
    for judgement in fresh.into_iter().chain(volume) {
        judgement.report(incidents, ORDERS, &context, now, now, "as usual").await.unwrap();
    }
}

/// An input every six hours, so many hours after the month began.
fn at_hour(hour: i64) -> Run {
    let arrived_at = moment(1, 0) + TimeDelta::hours(hour);
    let event = (arrived_at - TimeDelta::hours(1)).format("%Y-%m-%dT%H").to_string();
    let rows = 250 + (hour * 7 % 11).unsigned_abs();
    let mut run = run(&day(1), hour.unsigned_abs(), rows);
    (run.arrived_at, run.started_at, run.finished_at) = (arrived_at, arrived_at, arrived_at);
    run.event_time = None;
    run.rows_by_event_time = [(event, rows)].into();
    run
}

/// A source is silent for a week: that is found on the first day, is one incident, and is over when data comes.
#[tokio::test]
async fn an_outage_of_a_week_is_one_incident() {
    let world = World::default();
    let (outage, end) = (14 * 24, 21 * 24);
    let mut hour = 1;
    while hour < 25 * 24 {
        let is_silent = (outage..end).contains(&hour);
        if !is_silent {
            world.observe_each(&[at_hour(hour)]).await;
        }
        look_at_the_clock(&world, hour + 2).await;
        let open = world.open().await;
        if is_silent && hour >= outage + 24 {
            let [incident] = &open[..] else { panic!("in hour {hour}: {open:?}") };
            assert_eq!((incident.key.cause.as_str(), incident.change), ("late", 1));
            let found = incident.opened_at - incident.since;
            assert!(found < TimeDelta::days(1), "it was found after {found}");
        } else if !is_silent {
            assert!(open.is_empty(), "in hour {hour}: {open:?}");
        }
        hour += 6;
    }
    let all = world.all(ORDERS).await;
    let [incident]: &[Incident] = &all[..] else { panic!("{all:?}") };
    assert_eq!((incident.key.monitor, incident.change), (Monitor::Freshness, 2));
    let resolved = incident.resolved_at.unwrap();
    assert!(resolved - (moment(1, 0) + TimeDelta::hours(end)) < TimeDelta::hours(2));
}
