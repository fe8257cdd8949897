//! Runs of a shop in June, and who observes them.

#![allow(dead_code)] // Each of the tests uses a part of it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};
use observe::Observer;
use serde_json::json;
use shared::incident::{self, Incident, Incidents};
use shared::observation::{Grain, Metrics};
use shared::run::{CheckResult, ColumnStatistics, InputIdentity, Run, run_id};
use shared::state::MemoryStore;

/// The dataset of all runs.
pub const ORDERS: &str = "shop.orders";

/// `2026-06-01`
pub fn day(number: u32) -> String {
    format!("2026-06-{number:02}")
}

/// An hour of a day in June.
pub fn moment(day: u32, hour: u32) -> DateTime<Utc> {
    format!("2026-06-{day:02}T{hour:02}:00:00Z").parse().unwrap()
}

/// A run that brought rows of a day, at its end. The number makes it a run of its own.
pub fn run(day: &str, number: u64, rows: u64) -> Run {
    let arrived_at = format!("{day}T23:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let input = InputIdentity {
        bucket: "landing".to_owned(),
        key: format!("databases/changes/shop/{day}/{number}.ndjson.gz"),
        version_id: None,
        checksum: format!("{day}-{number}"),
        supersedes: None,
        replay: None,
    };
    serde_json::from_value(json!({
        "run_id": run_id("database-transform", &input, Some(ORDERS)),
        "job": "database-transform",
        "input": input,
        "dataset": ORDERS,
        "outcome": "committed",
        "arrived_at": arrived_at,
        "started_at": arrived_at,
        "finished_at": arrived_at,
        "rows": {"routed": rows, "committed": rows, "quarantined": 0, "deduplicated": 0, "discarded": 0, "held": 0},
        "bytes_written": rows * 40,
        "contract_version": "1.1.0",
        "rows_by_event_time": {format!("{day}T10"): rows},
        "event_time": {"from": format!("{day}T10:00:00Z"), "to": format!("{day}T10:59:00Z")},
    }))
    .unwrap()
}

/// A run a day with about so many rows.
pub fn runs_of_days(days: RangeInclusive<u32>, rows: u64) -> Vec<Run> {
    let wobble = |number: u32| u64::from((number * 7 + 3) % 11) * rows / 200;
    days.map(|number| run(&day(number), 1, rows - rows / 40 + wobble(number))).collect()
}

/// What was counted of a column, so many of the rows without a value.
pub fn with_column(mut run: Run, name: &str, nulls: u64) -> Run {
    let statistics = json!({"name": name, "null_count": nulls, "distinct_estimate": 300});
    let statistics: ColumnStatistics = serde_json::from_value(statistics).unwrap();
    run.columns.push(statistics);
    run
}

/// A check, made.
pub fn check(name: &str, passed: bool, severity: &str) -> CheckResult {
    serde_json::from_value(json!({
        "name": name, "metric": "nullValues", "column": "total", "value": if passed { 0 } else { 12 },
        "unit": "rows", "expectation": "must be 0", "severity": severity, "passed": passed,
    }))
    .unwrap()
}

/// Rows and runs of the days that have some.
pub async fn volumes(store: &MemoryStore, grain: Grain) -> BTreeMap<String, (u64, u64)> {
    let metrics = Metrics { store, retention_days: 100 };
    let volumes = metrics.volumes(ORDERS, grain, moment(1, 0), moment(30, 23)).await.unwrap();
    volumes
        .into_iter()
        .map(|(bucket, volume)| (bucket.label(), (volume.rows, volume.runs)))
        .collect()
}

/// An observer whose state ends with it.
pub struct World {
    pub observer: Observer<MemoryStore, incident::MemoryStore>,
}

impl Default for World {
    fn default() -> Self {
        let incidents = Incidents::within(incident::MemoryStore::default(), TimeDelta::days(400));
        Self {
            observer: Observer { store: MemoryStore::default(), incidents, retention_days: 100 },
        }
    }
}

impl World {
    /// Observes runs one by one, each a minute after its input arrived, and twice.
    pub async fn observe_each(&self, runs: &[Run]) {
        for run in runs {
            let now = run.arrived_at + TimeDelta::minutes(1);
            for _ in 0..2 {
                self.observer.observe(std::slice::from_ref(run), now).await.unwrap();
            }
        }
    }

    /// Observes a run at a moment.
    pub async fn observe_at(&self, run: &Run, now: DateTime<Utc>) {
        self.observer.observe(std::slice::from_ref(run), now).await.unwrap();
    }

    /// What is open.
    pub async fn open(&self) -> Vec<Incident> {
        self.observer.incidents.all_open().await.unwrap()
    }

    /// Every incident of a dataset.
    pub async fn all(&self, dataset: &str) -> Vec<Incident> {
        let (from, to) = (moment(1, 0), moment(30, 23));
        self.observer.incidents.of_dataset(dataset, from, to).await.unwrap()
    }

    /// Rows and runs of the days that have some.
    pub async fn volumes(&self, grain: Grain) -> BTreeMap<String, (u64, u64)> {
        volumes(&self.observer.store, grain).await
    }
}
