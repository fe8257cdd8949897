//! Data that goes wrong and comes right again, from the ledger to whoever is told: three weeks of runs, a source that falls
//! silent, half a day, and a second source. What a file becomes in the ledger, and a schema's change, the demo shows.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use end_to_end::deployed::invoke;
use end_to_end::stack::{Stack, output, unique, wait_within};
use end_to_end::subscriber::Subscriber;
use serde_json::{Value, json};
use shared::observation::{Grain, Metrics, key};
use shared::run::{InputIdentity, run_id};
use shared::state::{StateTable, Store as _};

const JOB: &str = "observed-tests";
/// An input comes every so many hours …
const HOURS: i64 = 6;

/// … with about so many rows.
const ROWS: u64 = 500;

/// For so many days before yesterday: what is known for less is not sure enough of to tell half a day by days alone.
const DAYS: i64 = 21;

/// For so many days before that the source says that it has nothing, so that its cadence is known before the first row
/// comes: what is observed of a past that lags behind is no silence then.
const EMPTY_DAYS: i64 = 2;

/// The runs of all tests go through one stream.
const PATIENCE: Duration = Duration::from_secs(400);
const PAUSE: Duration = Duration::from_secs(1);

/// Waits for what comes sooner or later, without keeping the machine busy.
async fn await_it<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    wait_within(what, PATIENCE, PAUSE, look).await
}

/// What the clock answers. A process of its own asks it, which must not keep others from working.
async fn ask(order: Value) -> Value {
    let ask = move || invoke(&output("WATCH_FUNCTION_NAME"), &order);
    tokio::task::spawn_blocking(ask).await.unwrap()
}

/// A dataset of the test's own, and who hears of its incidents.
struct Story {
    stack: Stack,
    dataset: String,
    /// The beginning of a day. The one before it is the newest that is closed, and stays so while the test runs.
    midnight: DateTime<Utc>,
    /// How long after the hour of its rows an input arrives.
    delay: TimeDelta,
    told: Subscriber,
}

impl Story {
    async fn begin() -> Self {
        let stack = Stack::connect().await;
        let dataset = format!("observed.t{}", unique());
        let filter = json!({"dataset": [dataset]});
        let told = Subscriber::to_topic(&stack, output("ALERTS_TOPIC_ARN"), filter).await;
        // A day closes a quarter of an hour after its last input usually comes. If inputs are quick that is at a quarter
        // past midnight, if they come seventeen hours later shortly after noon: whichever is far from now.
        let now = Utc::now();
        let is_quick = (6..18).contains(&now.hour());
        let closes_after = TimeDelta::hours(if is_quick { 0 } else { 12 });
        let midnight = Grain::EVENT_DAY.bucket(now - closes_after).start;
        let delay = TimeDelta::minutes(63) + TimeDelta::hours(if is_quick { 0 } else { 17 });
        Self { stack, dataset, midnight, delay, told }
    }

    /// Rows of an hour, as a run in the ledger. None are a source that has nothing to say.
    fn run(
        &self,
        hour: DateTime<Utc>,
        arrived_at: DateTime<Utc>,
        source: &str,
        rows: u64,
    ) -> Value {
        let input = InputIdentity {
            bucket: "observed".to_owned(),
            key: format!("databases/changes/{source}/{}/{}", self.dataset, hour.timestamp()),
            version_id: None,
            checksum: format!("{hour}-{rows}"),
            supersedes: None,
            replay: None,
        };
        let label = hour.format("%Y-%m-%dT%H").to_string();
        let by_hour: BTreeMap<String, u64> =
            [(label, rows)].into_iter().filter(|_| rows > 0).collect();
        json!({
            "run_id": run_id(JOB, &input, Some(&self.dataset)),
            "job": JOB, "input": input, "dataset": self.dataset,
            "outcome": if rows > 0 { "committed" } else { "empty" },
            "arrived_at": arrived_at, "started_at": arrived_at, "finished_at": arrived_at,
            "rows": {"routed": rows, "committed": rows, "quarantined": 0, "deduplicated": 0, "discarded": 0, "held": 0},
            "bytes_written": rows * 50,
            "rows_by_event_time": by_hour,
        })
    }

    /// Inserts runs, the first day's hours first.
    async fn insert(&self, runs: Vec<Value>) {
        for run in runs {
            let item: serde_dynamo::Item = serde_dynamo::to_item(run).unwrap();
            let put = self.stack.dynamodb.put_item().table_name(output("RUNS_TABLE"));
            put.set_item(Some(item.into())).send().await.unwrap();
        }
    }

    /// The inputs of a day, so many days before: they arrived one by one, or all of them now.
    fn day(&self, before: i64, rows: u64, is_now: bool) -> Vec<Value> {
        let day = self.midnight - TimeDelta::days(before);
        let hours = (0..24).step_by(HOURS as usize).map(|hour: i64| {
            let from = day + TimeDelta::hours(hour);
            let wobble = (before.unsigned_abs() * 24 + hour.unsigned_abs()) * 7 % 11;
            let arrived = if is_now { Utc::now() } else { from + self.delay };
            self.run(from, arrived, "shop", if rows > 0 { rows + wobble } else { 0 })
        });
        hours.collect()
    }

    /// What an open incident of a cause says; none where there is none.
    async fn open(&self, cause: &str) -> Option<Value> {
        let order = json!({"incidents": {"state": "open", "dataset": self.dataset}});
        let answer = ask(order).await;
        let incidents = answer["incidents"].as_array().unwrap().clone();
        incidents.into_iter().find(|one| one["cause"] == cause)
    }

    async fn opened(&self, cause: &str) -> Value {
        await_it(cause, async || self.open(cause).await).await
    }

    async fn resolved(&self, cause: &str) {
        await_it(cause, async || self.open(cause).await.is_none().then_some(())).await;
    }

    async fn inputs_counted(&self) -> usize {
        let store = self.observations();
        let metrics = Metrics { store: &store, retention_days: 150 };
        let from = self.midnight - TimeDelta::days(30);
        let volumes = metrics.volumes(&self.dataset, Grain::EVENT_HOUR, from, self.midnight).await;
        volumes.unwrap().values().filter(|volume| volume.rows > 0).count()
    }

    fn observations(&self) -> StateTable {
        StateTable::new(self.stack.dynamodb.clone(), output("OBSERVATIONS_TABLE"))
    }

    /// Of which monitor what was told, once so many alerts have come and no more do.
    async fn alerts(&self, expected: usize) -> Vec<(String, String)> {
        let bodies = await_it("the alerts", async || {
            let bodies = self.told.bodies().await;
            (bodies.len() >= expected).then_some(bodies)
        })
        .await;
        let mut told = Vec::new();
        for body in bodies {
            let alert: Value = serde_json::from_str(&body).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            told.push((text(&alert["incident"]["monitor"]), text(&alert["change"]["kind"])));
        }
        told.sort_unstable();
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_day_is_told_and_so_is_its_end() {
    let story = Story::begin().await;
    for before in (2..2 + DAYS + EMPTY_DAYS).rev() {
        let rows = if before < 2 + DAYS { ROWS } else { 0 };
        story.insert(story.day(before, rows, false)).await;
    }
    await_it("three weeks", async || {
        (story.inputs_counted().await == (DAYS * 24 / HOURS) as usize).then_some(())
    })
    .await;
    // That nothing has come since is found by nobody who observes runs: it is for the clock.
    assert!(story.open("rows_low").await.is_none(), "that nothing came is told once");

    ask(json!({"watch": {"datasets": [story.dataset]}})).await;
    let late = story.opened("late").await;
    assert_eq!(late["monitor"], "freshness");
    assert!(story.open("rows_low").await.is_none(), "that nothing came is told once");

    // Yesterday comes, but half of it; it is no silence any more.
    story.insert(story.day(1, ROWS / 2, true)).await;
    story.resolved("late").await;
    let low = story.opened("rows_low").await;
    assert_eq!(low["monitor"], "volume");

    // The other half comes, and another source with it.
    let more = story.day(1, ROWS / 2 + 20, true);
    story.insert(more).await;
    story.resolved("rows_low").await;
    let now = Utc::now();
    story.insert(vec![story.run(now, now, "warehouse", 1)]).await;
    let added = story.opened("edge_added:s3://observed/databases/changes/warehouse").await;
    assert_eq!(added["monitor"], "lineage");

    // Each was told once when it began, and once when it was over.
    let expected = [
        ("freshness", "opened"),
        ("freshness", "resolved"),
        ("lineage", "opened"),
        ("volume", "opened"),
        ("volume", "resolved"),
    ];
    let expected = expected.map(|(monitor, change)| (monitor.to_owned(), change.to_owned()));
    assert_eq!(story.alerts(expected.len()).await, expected);
    let forgotten = story.observations().delete_all(vec![key::dataset(&story.dataset)]).await;
    forgotten.unwrap();
    story.told.leave().await;
}
