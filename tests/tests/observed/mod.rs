//! Data that goes wrong and comes right again, from the ledger to whoever is told: three weeks of runs, a source that falls
//! silent, half a day, and a second source. What a file becomes in the ledger, and a schema's change, the demo shows.

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use end_to_end::deployed::invoke;
use end_to_end::stack::{Stack, output, unique, wait_for};
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

/// A dataset of the test's own, and who hears of its incidents.
struct Story {
    stack: Stack,
    dataset: String,
    midnight: DateTime<Utc>,
    told: Subscriber,
}

impl Story {
    async fn begin() -> Self {
        let stack = Stack::connect().await;
        let dataset = format!("observed.t{}", unique());
        let filter = json!({"dataset": [dataset]});
        let told = Subscriber::to_topic(&stack, output("ALERTS_TOPIC_ARN"), filter).await;
        let midnight = Utc::now().with_hour(0).unwrap().with_minute(0).unwrap();
        let midnight = midnight.with_second(0).unwrap().with_nanosecond(0).unwrap();
        Self { stack, dataset, midnight, told }
    }

    /// Rows of an hour, as a run in the ledger.
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
        json!({
            "run_id": run_id(JOB, &input, Some(&self.dataset)),
            "job": JOB, "input": input, "dataset": self.dataset, "outcome": "committed",
            "arrived_at": arrived_at, "started_at": arrived_at, "finished_at": arrived_at,
            "rows": {"routed": rows, "committed": rows, "quarantined": 0, "deduplicated": 0, "discarded": 0, "held": 0},
            "bytes_written": rows * 50,
            "rows_by_event_time": {hour.format("%Y-%m-%dT%H").to_string(): rows},
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

    /// The inputs of a day, so many days before today: they arrived one by one, or all of them now.
    fn day(&self, before: i64, rows: u64, is_now: bool) -> Vec<Value> {
        let day = self.midnight - TimeDelta::days(before);
        let hours = (0..24).step_by(HOURS as usize).map(|hour: i64| {
            let from = day + TimeDelta::hours(hour);
            let wobble = (before.unsigned_abs() * 24 + hour.unsigned_abs()) * 7 % 11;
            let arrived = if is_now { Utc::now() } else { from + TimeDelta::minutes(63) };
            self.run(from, arrived, "shop", rows + wobble)
        });
        hours.collect()
    }

    /// What an open incident of a cause says; none where there is none.
    fn open(&self, cause: &str) -> Option<Value> {
        let order = json!({"incidents": {"state": "open", "dataset": self.dataset}});
        let answer = invoke(&output("WATCH_FUNCTION_NAME"), &order);
        let incidents = answer["incidents"].as_array().unwrap().clone();
        incidents.into_iter().find(|one| one["cause"] == cause)
    }

    async fn opened(&self, cause: &str) -> Value {
        wait_for(cause, async || self.open(cause)).await
    }

    async fn resolved(&self, cause: &str) {
        wait_for(cause, async || self.open(cause).is_none().then_some(())).await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_day_is_told_and_so_is_its_end() {
    let story = Story::begin().await;
    for before in (2..2 + DAYS).rev() {
        story.insert(story.day(before, ROWS, false)).await;
    }
    wait_for("three weeks", async || {
        (story.inputs_counted().await == (DAYS * 24 / HOURS) as usize).then_some(())
    })
    .await;

    // Nothing has come since the day before yesterday; nothing runs that could say so, but the clock.
    let order = json!({"watch": {"datasets": [story.dataset]}});
    invoke(&output("WATCH_FUNCTION_NAME"), &order);
    let late = story.opened("late").await;
    assert_eq!(late["monitor"], "freshness");
    assert!(story.open("rows_low").is_none(), "that nothing came is told once");

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
    let alerts = story.told.messages_with(&story.dataset, expected.len()).await;
    let mut told: Vec<(&str, &str)> = alerts
        .iter()
        .map(|alert| (alert.attributes["monitor"].as_str(), alert.attributes["change"].as_str()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, expected);
    let forgotten = story.observations().delete_all(vec![key::dataset(&story.dataset)]).await;
    forgotten.unwrap();
    story.told.leave().await;
}
