//! Runs are observed as the stream brings them: late, twice, out of order; and what follows is the same.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;
use shared::contract::MonitorSettings;
use shared::incident::{Context, Monitor, Severity, State};
use shared::observation::{Grain, Metrics, dataset, freshness};
use shared::state::MemoryStore;

use world::{ORDERS, World, day, run, runs_of_days};

/// A fortnight that is as usual, and the day after it with half the rows; then one as usual again.
#[tokio::test]
async fn half_a_day_is_found_at_once_and_over_with_the_next_day() {
    let world = World::default();
    world.observe_each(&runs_of_days(1..=20, 1_000)).await;
    assert_eq!(world.open().await, Vec::new(), "nothing was unusual");
    // Of the 21st half the rows have come; by then the 22nd has begun.
    world.observe_each(&[run(&day(21), 1, 480)]).await;
    world.observe_each(&[run(&day(22), 1, 20)]).await;
    let [incident] = &world.open().await[..] else { panic!("{:?}", world.open().await) };
    assert_eq!((incident.key.monitor, incident.key.cause.as_str()), (Monitor::Volume, "rows_low"));
    assert!(incident.severity >= Severity::Medium, "{incident:?}");
    assert_eq!(incident.evidence.bucket.as_deref(), Some("2026-06-21"));
    assert_eq!(incident.evidence.actual, Some(480.0));
    assert!(incident.evidence.last_good_run.is_some());
    assert_eq!(incident.downstream, ["marketing.campaign_performance"]);
    let expected = incident.evidence.expected.unwrap();
    assert!((850.0..1_150.0).contains(&expected), "{expected}");
    // The rest of the 21st comes late.
    let mut rest = run(&day(21), 500, 520);
    rest.arrived_at = world::moment(22, 23) + TimeDelta::minutes(30);
    world.observe_each(&[rest]).await;
    assert_eq!(world.open().await, Vec::new());
    let all = world.all(ORDERS).await;
    assert_eq!((all.len(), all[0].state), (1, State::Resolved));
}

/// Thirty days that are delivered again change nothing, and nobody is told.
#[tokio::test]
async fn replaying_thirty_days_changes_nothing() {
    let world = World::default();
    let runs = runs_of_days(1..=30, 5_000);
    world.observe_each(&runs).await;
    let before = world.volumes(Grain::EVENT_DAY).await;
    assert_eq!(before.len(), 30);
    for replayed in runs.iter().rev() {
        world
            .observer
            .observe(std::slice::from_ref(replayed), world::moment(30, 23))
            .await
            .unwrap();
    }
    assert_eq!(world.volumes(Grain::EVENT_DAY).await, before);
    assert_eq!(world.all(ORDERS).await, Vec::new());
}

/// What is read again on an order takes the place of what was read before, also where it is seen first.
#[tokio::test]
async fn a_superseding_run_takes_the_place_of_the_first() {
    let first = run(&day(1), 1, 1_000);
    let mut second = run(&day(1), 2, 900);
    second.superseded_runs = vec![first.run_id.clone()];
    for order in [[&first, &second], [&second, &first]] {
        let world = World::default();
        for run in order.into_iter().chain(order) {
            world.observe_each(std::slice::from_ref(run)).await;
        }
        let volumes = world.volumes(Grain::EVENT_DAY).await;
        assert_eq!(volumes, BTreeMap::from([("2026-06-01".to_owned(), (900, 1))]));
    }
}

/// What is observed long after it came says nothing of now: who is late is for who looks at the clock.
#[tokio::test]
async fn nobody_is_late_for_being_observed_late() {
    let world = World::default();
    let (incidents, now) = (&world.observer.incidents, world::moment(25, 0));
    for run in runs_of_days(1..=10, 1_000) {
        world.observer.observe(std::slice::from_ref(&run), now).await.unwrap();
    }
    let is_late = async || {
        let open = world.open().await;
        open.iter().any(|incident| incident.key.monitor == Monitor::Freshness)
    };
    assert!(!is_late().await);
    // The clock finds it, and data that comes ends it.
    let state = dataset::get(&world.observer.store, ORDERS).await.unwrap().unwrap();
    let late = freshness::judge(&state, &MonitorSettings::default(), None, now).unwrap();
    late.report(incidents, ORDERS, &Context::default(), now, now, "data came").await.unwrap();
    assert!(is_late().await);
    world.observe_each(&[run(&day(25), 1, 1_000)]).await;
    assert!(!is_late().await);
}

/// That an input arrived when it did stays true when another takes its place, whichever of both is seen first.
#[tokio::test]
async fn arrivals_are_the_same_whichever_run_is_seen_first() {
    let first = run(&day(1), 1, 1_000);
    for (arrived, expected) in [
        (world::moment(2, 9), vec![("2026-06-01", (1_000, 1)), ("2026-06-02", (900, 1))]),
        (first.arrived_at + TimeDelta::minutes(5), vec![("2026-06-01", (900, 1))]),
    ] {
        let mut second = run(&day(1), 2, 900);
        second.arrived_at = arrived;
        second.superseded_runs = vec![first.run_id.clone()];
        let mut counted = Vec::new();
        for order in [[&first, &second], [&second, &first]] {
            let store = MemoryStore::default();
            let metrics = Metrics { store: &store, retention_days: 100 };
            for run in order.into_iter().chain(order) {
                metrics.record(run, world::moment(3, 0)).await.unwrap();
            }
            let by_day = world::volumes(&store, Grain::ARRIVAL_DAY).await;
            let of_day = |(day, volume): &(&str, (u64, u64))| ((*day).to_owned(), *volume);
            let expected: BTreeMap<_, _> = expected.iter().map(of_day).collect();
            assert_eq!(by_day, expected);
            let mut all = Vec::new();
            for grain in [Grain::EVENT_HOUR, Grain::EVENT_DAY, Grain::ARRIVAL_HOUR] {
                let (from, to) = (world::moment(1, 0), world::moment(3, 0));
                all.push(metrics.volumes(ORDERS, grain, from, to).await.unwrap());
            }
            counted.push(all);
        }
        assert_eq!(counted[0], counted[1]);
    }
}

/// A column that suddenly has no values is named, once, and is over when it has some again.
#[tokio::test]
async fn a_column_that_loses_its_values_is_named() {
    let world = World::default();
    for number in 1..=14 {
        let run =
            world::with_column(run(&day(number), 1, 1_000), "total", 10 + u64::from(number % 3));
        world.observe_each(&[run]).await;
    }
    assert_eq!(world.open().await, Vec::new());
    world.observe_each(&[world::with_column(run(&day(15), 1, 1_000), "total", 640)]).await;
    let [incident] = &world.open().await[..] else { panic!("{:?}", world.open().await) };
    assert_eq!(incident.key.cause, "null_share:total");
    assert_eq!((incident.severity, incident.evidence.actual), (Severity::High, Some(0.64)));
    // The next day is no better: the same incident, since the day before.
    world.observe_each(&[world::with_column(run(&day(16), 1, 1_000), "total", 650)]).await;
    let [incident] = &world.open().await[..] else { panic!("still one") };
    assert_eq!((incident.since, incident.change), (world::moment(15, 0), 1));
    world.observe_each(&[world::with_column(run(&day(17), 1, 1_000), "total", 11)]).await;
    assert_eq!(world.open().await, Vec::new());
}

/// A dataset that has always been written from one folder is written from a second one.
#[tokio::test]
async fn a_new_upstream_is_told_with_its_neighbours() {
    let world = World::default();
    world.observe_each(&runs_of_days(1..=10, 1_000)).await;
    let mut other = run(&day(11), 1, 10);
    other.input.key = "databases/changes/warehouse/2026-06-11/a.ndjson.gz".to_owned();
    world.observe_each(&runs_of_days(11..=11, 1_000)).await;
    world.observe_each(&[other]).await;
    let [incident] = &world.open().await[..] else { panic!("{:?}", world.open().await) };
    assert_eq!(incident.key.monitor, Monitor::Lineage);
    assert_eq!(incident.key.cause, "edge_added:s3://landing/databases/changes/warehouse");
    assert!(
        incident
            .evidence
            .details
            .iter()
            .any(|line| line.contains("marketing.campaign_performance"))
    );
    // It belongs to the dataset from the day after.
    world.observe_each(&runs_of_days(12..=13, 1_000)).await;
    assert_eq!(world.open().await, Vec::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is delivered in whatever order and however often, what is counted is what stands in the table.
    #[test]
    fn metrics_are_those_of_the_runs_that_stand(
        rows in prop::collection::vec(1_u64..5_000, 2..12),
        deliveries in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        superseding in any::<prop::sample::Index>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut runs = Vec::new();
            for (number, rows) in rows.iter().enumerate() {
                runs.push(run(&day(1 + number as u32 % 4), number as u64, *rows));
            }
            let gone = superseding.index(runs.len() - 1);
            let last = runs.len() - 1;
            runs[last].superseded_runs = vec![runs[gone].run_id.clone()];
            let store = MemoryStore::default();
            let metrics = Metrics { store: &store, retention_days: 100 };
            let now = world::moment(10, 0);
            let order = deliveries.iter().map(|index| index.index(runs.len())).chain(0..runs.len());
            for position in order {
                metrics.record(&runs[position], now).await.unwrap();
            }
            let mut expected: BTreeMap<String, (u64, u64)> = BTreeMap::new();
            for (number, run) in runs.iter().enumerate().filter(|(number, _)| *number != gone) {
                let day = expected.entry(day(1 + number as u32 % 4)).or_default();
                day.0 += run.rows.unwrap().committed;
                day.1 += 1;
            }
            let counted = world::volumes(&store, Grain::EVENT_DAY).await;
            let counted: BTreeMap<_, _> = counted.into_iter().filter(|(_, (rows, _))| *rows > 0).collect();
            prop_assert_eq!(counted, expected);
            Ok(())
        })?;
    }
}
