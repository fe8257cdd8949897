//! Lineage edges that come, go and change their names; and those that only pause.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use chrono::{DateTime, TimeDelta, Utc};
use shared::contract::{Contract, contracts};
use shared::incident::{Finding, Severity};
use shared::observation::edges::{self, Edge};
use shared::run::Run;
use shared::state::MemoryStore;

use world::{ORDERS, moment, run};

/// Runs of a source from one day to another, an input every so many hours.
fn source(name: &str, from: DateTime<Utc>, to: DateTime<Utc>, every: i64) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut at = from;
    while at < to {
        let mut run = run("2026-06-01", 1, 100);
        run.input.key =
            format!("databases/changes/{name}/{}/{}.gz", at.date_naive(), at.timestamp());
        run.run_id = format!("{name}-{at}");
        run.arrived_at = at;
        runs.push(run);
        at += TimeDelta::hours(every);
    }
    runs
}

/// The edges once all runs were taken in, in an order that means nothing, each twice.
async fn edges_of(mut runs: Vec<Run>, turn: usize) -> Vec<Edge> {
    let store = MemoryStore::default();
    let length = runs.len();
    runs.rotate_left(turn % length);
    for run in runs.iter().chain(runs.iter().rev()) {
        edges::take_in(&store, run, ORDERS, None, 100).await.unwrap();
    }
    edges::of_dataset(&store, ORDERS).await.unwrap()
}

fn judge(edges: &[Edge], now: DateTime<Utc>) -> Vec<Finding> {
    edges::judge(ORDERS, edges, &["downstream: none".to_owned()], now).findings
}

fn causes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.key.cause.as_str()).collect()
}

const SHOP: &str = "s3://landing/databases/changes/shop";
const OUTLET: &str = "s3://landing/databases/changes/outlet";

#[tokio::test]
async fn an_edge_that_is_added_is_told_for_a_day() {
    for turn in [0, 7, 31] {
        let mut runs = source("shop", moment(1, 0), moment(12, 0), 6);
        runs.extend(source("outlet", moment(10, 3), moment(12, 0), 6));
        let edges = edges_of(runs, turn).await;
        let findings = judge(&edges, moment(10, 4));
        assert_eq!(causes(&findings), [format!("edge_added:{OUTLET}")]);
        assert_eq!((findings[0].severity, findings[0].since), (Severity::Medium, moment(10, 3)));
        assert_eq!(findings[0].evidence.details, ["downstream: none"]);
        assert!(judge(&edges, moment(11, 4)).is_empty(), "it belongs to the dataset by then");
    }
}

#[tokio::test]
async fn an_edge_that_falls_silent_is_told_until_it_is_back() {
    for turn in [0, 5, 40] {
        let mut runs = source("shop", moment(1, 0), moment(14, 0), 6);
        runs.extend(source("outlet", moment(1, 1), moment(8, 0), 6));
        let edges = edges_of(runs.clone(), turn).await;
        for day in 8..=11 {
            assert!(judge(&edges, moment(day, 12)).is_empty(), "it may be a weekend's pause");
        }
        let findings = judge(&edges, moment(12, 12));
        assert_eq!(causes(&findings), [format!("edge_removed:{OUTLET}")]);
        assert_eq!(findings[0].severity, Severity::High);
        runs.extend(source("outlet", moment(13, 1), moment(14, 0), 6));
        assert!(judge(&edges_of(runs, turn).await, moment(14, 0)).is_empty());
    }
}

#[tokio::test]
async fn an_edge_that_gets_another_name_is_told_as_one_change() {
    for turn in [0, 3, 22] {
        let mut runs = source("shop", moment(1, 0), moment(9, 0), 6);
        runs.extend(source("outlet", moment(9, 0), moment(12, 0), 6));
        let edges = edges_of(runs, turn).await;
        // At once it is only known that something new came.
        assert_eq!(causes(&judge(&edges, moment(9, 1))), [format!("edge_added:{OUTLET}")]);
        let findings = judge(&edges, moment(9, 20));
        assert_eq!(causes(&findings), [format!("edge_renamed:{SHOP}")]);
        assert_eq!((findings[0].severity, findings[0].since), (Severity::Medium, moment(8, 18)));
        assert!(findings[0].summary.contains(OUTLET), "{}", findings[0].summary);
        for day in 18..=29 {
            let findings = judge(&edges, moment(day, 12));
            assert!(findings.is_empty(), "it is how things are on day {day}: {findings:?}");
        }
    }
}

/// A name that is taken back leaves nothing behind: neither is the old one new, nor is the new one missed.
#[tokio::test]
async fn a_name_that_is_taken_back_is_quiet() {
    // For four days, and for a moment.
    for end in [moment(13, 0), moment(10, 6)] {
        let mut runs = source("shop", moment(1, 0), moment(9, 0), 6);
        runs.extend(source("outlet", moment(9, 0), end, 6));
        let edges = edges_of(runs.clone(), 3).await;
        assert_eq!(causes(&judge(&edges, moment(9, 20))), [format!("edge_renamed:{SHOP}")]);
        runs.extend(source("shop", end, moment(29, 0), 6));
        let mut at = end + TimeDelta::hours(1);
        while at < moment(29, 0) {
            let mut known = runs.clone();
            known.retain(|run| run.arrived_at <= at);
            let findings = judge(&edges_of(known, 22).await, at);
            assert!(findings.is_empty(), "until {end}, at {at}: {findings:?}");
            at += TimeDelta::hours(13);
        }
    }
}

/// What was there beside others is missed, also if it was not there for long.
#[tokio::test]
async fn an_edge_that_stood_beside_another_is_missed() {
    let mut runs = source("shop", moment(1, 0), moment(20, 0), 6);
    runs.extend(source("outlet", moment(4, 1), moment(8, 0), 6));
    let findings = judge(&edges_of(runs, 5).await, moment(12, 12));
    assert_eq!(causes(&findings), [format!("edge_removed:{OUTLET}")]);
    assert_eq!(findings[0].severity, Severity::High);
}

/// The contract of the orders, in another version that reads two columns from elsewhere.
fn contract(version: &str, path: &str) -> Contract {
    let orders = contracts().iter().find(|contract| contract.dataset() == ORDERS).unwrap();
    let mut contract = Contract { version: version.to_owned(), ..orders.clone() };
    for column in &mut contract.columns {
        if ["total", "currency"].contains(&column.name.as_str()) {
            column.sources = vec![format!("{path}.{}", column.name)];
        }
    }
    contract
}

/// Takes runs in by a contract.
async fn take_in(store: &MemoryStore, runs: &[Run], contract: &Contract) {
    for run in runs.iter().chain(runs) {
        edges::take_in(store, run, ORDERS, Some(contract), 100).await.unwrap();
    }
}

#[tokio::test]
async fn columns_that_are_read_from_elsewhere_are_one_change() {
    let store = MemoryStore::default();
    let found = async |now| judge(&edges::of_dataset(&store, ORDERS).await.unwrap(), now);
    let seldom = source("outlet", moment(1, 1), moment(1, 2), 6);
    take_in(&store, &seldom, &contract("7.0.0", "row")).await;
    take_in(&store, &source("shop", moment(1, 0), moment(4, 0), 6), &contract("7.0.0", "row"))
        .await;
    assert!(found(moment(4, 0)).await.is_empty());
    take_in(&store, &source("shop", moment(4, 0), moment(6, 0), 6), &contract("7.1.0", "new"))
        .await;
    // An instance that was not deployed yet comes late.
    take_in(&store, &source("shop", moment(4, 1), moment(4, 2), 6), &contract("7.0.0", "row"))
        .await;
    let findings = found(moment(4, 3)).await;
    assert_eq!(causes(&findings), ["columns_changed:7.1.0"]);
    assert_eq!((findings[0].severity, findings[0].since), (Severity::Low, moment(4, 0)));
    assert!(findings[0].summary.ends_with("from elsewhere: currency, total"), "{findings:?}");
    let details = &findings[0].evidence.details;
    assert_eq!(details[1], "total is read from new.total instead of row.total");
    assert_eq!(details[2], "downstream: none");
    // That is how it is a day later, also where an input is read by it for the first time.
    assert!(found(moment(5, 1)).await.is_empty());
    take_in(&store, &source("outlet", moment(6, 1), moment(6, 2), 6), &contract("7.1.0", "new"))
        .await;
    assert!(found(moment(6, 3)).await.is_empty());
    // What is read from where it was before is no change, and neither is a column that goes.
    take_in(&store, &source("shop", moment(7, 0), moment(8, 0), 6), &contract("7.2.0", "row"))
        .await;
    assert!(found(moment(7, 1)).await.is_empty());
    let mut without = contract("7.3.0", "row");
    without.columns.retain(|column| column.name != "total");
    take_in(&store, &source("shop", moment(8, 0), moment(9, 0), 6), &without).await;
    assert!(found(moment(8, 1)).await.is_empty());
}

/// Where everything is silent no edge is gone: that is for freshness to tell.
#[tokio::test]
async fn a_dataset_that_falls_silent_has_lost_no_edge() {
    let mut runs = source("shop", moment(1, 0), moment(9, 0), 6);
    runs.extend(source("outlet", moment(1, 2), moment(9, 0), 12));
    let edges = edges_of(runs, 9).await;
    for day in 9..=29 {
        assert!(judge(&edges, moment(day, 12)).is_empty(), "on day {day}");
    }
}

/// Sources of any cadence that go on as they always did raise nothing, whenever one looks.
#[tokio::test]
async fn edges_that_go_on_are_quiet() {
    for (first, second) in [(1, 24), (6, 6), (24, 72), (3, 48)] {
        let mut runs = source("shop", moment(1, 0), moment(25, 0), first);
        runs.extend(source("outlet", moment(1, 1), moment(25, 0), second));
        let edges = edges_of(runs, 13).await;
        let mut at = moment(5, 0);
        while at < moment(25, 0) {
            let known: Vec<Edge> = edges.iter().map(|edge| until(edge, at)).collect();
            assert!(judge(&known, at).is_empty(), "every {first} and {second} hours, at {at}");
            at += TimeDelta::hours(5);
        }
    }
}

/// An edge as it was known at a moment, as far as its newest runs tell.
fn until(edge: &Edge, at: DateTime<Utc>) -> Edge {
    let mut known = edge.clone();
    known.runs.retain(|_, seen| *seen <= at);
    known.days.retain(|day| *day <= at.date_naive());
    known
}
