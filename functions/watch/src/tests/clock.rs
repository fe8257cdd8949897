//! What is late although nothing runs.

use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};
use shared::incident::{Context, Incident, State};
use shared::observation::{dataset, graph};

use super::scene::{MemoryWatcher, moment, watcher};
use crate::order::WatchOrder;

const ORDERS: &str = "shop.orders";

/// `root.a`, and fifty datasets that are made from it.
fn cascade(dataset: &str) -> Context {
    let below = || (0..50).map(|number| format!("down.d{number:02}"));
    let is_root = dataset == "root.a";
    Context {
        domain: dataset.split('.').next().unwrap_or_default().to_owned(),
        upstream: if is_root { Vec::new() } else { vec!["root.a".to_owned()] },
        downstream: if is_root { below().collect() } else { Vec::new() },
        owner: None,
    }
}

fn weekdays(from: &str, to: &str) -> Vec<DateTime<Utc>> {
    let (mut at, to) = (moment(from), moment(to));
    let mut days = Vec::new();
    while at <= to {
        if !matches!(at.weekday(), Weekday::Sat | Weekday::Sun) {
            days.push(at);
        }
        at += TimeDelta::days(1);
    }
    days
}

fn told(incidents: &[Incident]) -> Vec<&Incident> {
    incidents.iter().filter(|incident| incident.change > 0).collect()
}

#[tokio::test]
async fn a_dataset_is_late_although_nothing_runs_and_resolved_when_data_comes() {
    let watcher = watcher(graph::context_of);
    watcher.due(ORDERS, "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    let watched = watcher.tick("2026-11-20T07:00:00Z").await;
    assert_eq!((watched.datasets, watched.late), (1, 0));
    let watched = watcher.tick("2026-11-20T07:05:00Z").await;
    assert_eq!((watched.late, watched.open_incidents), (1, 0));
    let all = watcher.all();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].key.to_string(), "shop.orders/freshness/late");
    assert_eq!(all[0].since, moment("2026-11-20T07:00:00Z"));
    assert_eq!(all[0].opened_at, moment("2026-11-20T07:05:00Z"));
    assert_eq!(all[0].downstream, ["marketing.campaign_performance"]);
    // Late data comes, observe learns the next deadline and fails before it says so.
    watcher.due(ORDERS, "2026-11-20T09:00:00Z", "2026-11-21T07:00:00Z").await;
    let watched = watcher.tick("2026-11-20T09:05:00Z").await;
    assert_eq!((watched.late, watched.open_incidents), (0, 1));
    let all = watcher.all();
    assert_eq!((all.len(), all[0].state), (1, State::Resolved));
    assert_eq!(all[0].resolved_at, Some(moment("2026-11-20T09:05:00Z")));
    assert_eq!(all[0].change, 2, "opened, resolved");
}

#[tokio::test]
async fn a_weekend_is_not_late_and_a_monday_without_data_is() {
    let watcher = watcher(graph::context_of);
    watcher.arrived(ORDERS, &weekdays("2026-09-07T06:00:00Z", "2026-11-20T06:00:00Z")).await;
    for quiet in ["2026-11-20T23:00:00Z", "2026-11-21T12:00:00Z", "2026-11-22T23:00:00Z"] {
        assert_eq!(watcher.tick(quiet).await.late, 0, "{quiet}");
    }
    assert!(watcher.all().is_empty());
    assert_eq!(watcher.tick("2026-11-23T18:00:00Z").await.late, 1);
}

#[tokio::test]
async fn the_same_tick_twice_changes_nothing_and_an_earlier_one_undoes_nothing() {
    let watcher = watcher(graph::context_of);
    watcher.due(ORDERS, "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    watcher.tick("2026-11-20T08:00:00Z").await;
    let (once, state) = (watcher.all(), watcher.store.items());
    watcher.tick("2026-11-20T08:00:00Z").await;
    assert_eq!((watcher.all(), watcher.store.items()), (once.clone(), state));
    // A tick from before the deadline comes late: it found nothing, and that is known to be old.
    watcher.tick("2026-11-20T06:30:00Z").await;
    assert_eq!(watcher.all(), once);
    // Data came; a tick that had looked before tells what it saw then.
    watcher.due(ORDERS, "2026-11-20T08:30:00Z", "2026-11-21T07:00:00Z").await;
    watcher.tick("2026-11-20T08:35:00Z").await;
    watcher.due(ORDERS, "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    watcher.tick("2026-11-20T08:25:00Z").await;
    let all = watcher.all();
    assert_eq!((all.len(), all[0].state), (1, State::Resolved));
}

#[tokio::test]
async fn a_cascade_is_one_told_incident() {
    let watcher = watcher(cascade);
    for number in 0..50 {
        let dataset = format!("down.d{number:02}");
        watcher.due(&dataset, "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    }
    watcher.due("root.a", "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    let watched = watcher.tick("2026-11-20T07:05:00Z").await;
    assert_eq!((watched.datasets, watched.late), (51, 51));
    let all = watcher.all();
    assert_eq!(all.len(), 51);
    let told = told(&all);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].key.dataset.as_str(), told[0].affected.len()), ("root.a", 50));
    // All of it is over as one, too.
    for dataset in all.iter().map(|incident| incident.key.dataset.clone()) {
        watcher.due(&dataset, "2026-11-20T09:00:00Z", "2026-11-21T07:00:00Z").await;
    }
    watcher.tick("2026-11-20T09:05:00Z").await;
    let all = watcher.all();
    assert!(all.iter().all(|incident| !incident.is_open()));
    let changes: u64 = all.iter().map(|incident| incident.change).sum();
    assert_eq!(changes, 2, "the root was opened and resolved");
}

#[tokio::test]
async fn another_clock_sees_ahead_and_the_true_one_takes_that_back() {
    let watcher = watcher(graph::context_of);
    watcher.due(ORDERS, "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    let order = WatchOrder {
        as_of: Some(moment("2026-11-25T00:00:00Z")),
        datasets: vec![ORDERS.to_owned()],
    };
    let watched = watcher.watch(&order, moment("2026-11-19T12:00:00Z")).await.unwrap();
    assert_eq!(watched.late, 1);
    assert!(watcher.all()[0].since <= moment("2026-11-19T12:00:00Z"));
    assert_eq!(watcher.tick("2026-11-19T12:05:00Z").await.late, 0);
    assert!(!watcher.all()[0].is_open());
    let other = WatchOrder { datasets: vec!["shop.customers".to_owned()], ..order };
    let watched = watcher.watch(&other, moment("2026-11-19T12:10:00Z")).await.unwrap();
    assert_eq!(watched.datasets, 0);
}

#[tokio::test]
async fn what_has_no_contract_any_more_is_late_for_nobody_but_who_asks_for_it() {
    let mut watcher = watcher(graph::context_of);
    watcher.settings.is_known = |dataset| dataset == ORDERS;
    for dataset in [ORDERS, "shop.returns"] {
        watcher.due(dataset, "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    }
    let watched = watcher.tick("2026-11-20T08:00:00Z").await;
    assert_eq!((watched.datasets, watched.late), (1, 1));
    assert_eq!(watcher.all().len(), 1);
    let order = WatchOrder { datasets: vec!["shop.returns".to_owned()], ..WatchOrder::default() };
    let watched = watcher.watch(&order, moment("2026-11-20T08:05:00Z")).await.unwrap();
    assert_eq!((watched.datasets, watched.late), (1, 1));
}

#[tokio::test]
async fn at_rest_nothing_is_written() {
    let watcher = watcher(graph::context_of);
    watcher.due(ORDERS, "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    watcher.tick("2026-11-19T12:00:00Z").await;
    let before = watcher.store.items();
    for minute in (5..60).step_by(5) {
        watcher.tick(&format!("2026-11-19T12:{minute:02}:00Z")).await;
    }
    assert_eq!(watcher.store.items(), before);
    assert!(watcher.incidents.store().written().is_empty());
    watcher.tick("2026-11-19T13:00:00Z").await;
    assert_ne!(watcher.store.items(), before, "the edges were looked at");
}

#[tokio::test]
async fn a_bucket_that_closed_without_a_run_is_judged() {
    let watcher = watcher(graph::context_of);
    usual_days(&watcher).await;
    // Nothing has come since; the dataset is not watched for freshness, as little is known of that.
    watcher.tick("2026-11-20T00:30:00Z").await;
    let all = watcher.all();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].key.monitor, shared::incident::Monitor::Volume);
    assert_eq!(all[0].evidence.bucket.as_deref(), Some("2026-11-19"));
    let state = dataset::get(&watcher.store, ORDERS).await.unwrap().unwrap();
    assert_eq!(state.judged_until["event#day"], moment("2026-11-20T00:00:00Z"));
}

/// A month of about a hundred rows a day up to the 18th of November, judged up to there.
async fn usual_days(watcher: &MemoryWatcher) {
    use shared::observation::{Grain, Volume, key, tally};
    let mut day = moment("2026-10-10T00:00:00Z");
    while day < moment("2026-11-19T00:00:00Z") {
        let bucket = Grain::EVENT_DAY.bucket(day);
        let rows = 100 + u64::from(day.day() % 5);
        tally::change(&watcher.store, &key::volume(ORDERS, bucket), None, |volume: &mut Volume| {
            *volume = Volume {
                rows,
                runs: 1,
                first_arrival: Some(day + TimeDelta::hours(1)),
                last_arrival: Some(day + TimeDelta::hours(23)),
                ..Volume::default()
            };
            true
        })
        .await
        .unwrap();
        day += TimeDelta::days(1);
    }
    dataset::change(&watcher.store, ORDERS, |state| {
        state.first_arrival = Some(moment("2026-10-10T01:00:00Z"));
        state.judged_until.insert("event#day".to_owned(), moment("2026-11-19T00:00:00Z"));
        true
    })
    .await
    .unwrap();
}
