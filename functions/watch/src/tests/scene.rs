//! What the tests play with.

#![allow(clippy::missing_panics_doc)] // Tests panic.

use std::collections::BTreeMap;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use detect::{Deadline, Settings, cadence};
use shared::aws::{Listed, Page};
use shared::incident::{Context, Incident, Incidents, MemoryStore as IncidentStore};
use shared::observation::{DatasetState, dataset};
use shared::state::{MemoryStore, Store};

use crate::error::WatchError;
use crate::landed::Landed;
use crate::order::{SweepOrder, WatchOrder};
use crate::queue_depth::QueueDepth;
use crate::queues::{Queue, QueueKind};
use crate::sweeper::{SweepAnswer, SweepSettings, Sweeper};
use crate::watcher::{WatchSettings, Watched, Watcher};

pub fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Queues in memory; one that has no number fails.
#[derive(Debug, Default)]
pub struct Depths {
    pub messages: Mutex<BTreeMap<String, u64>>,
}

impl QueueDepth for Depths {
    async fn messages(&self, url: &str) -> Result<u64, WatchError> {
        let messages = self.messages.lock().unwrap().get(url).copied();
        messages.ok_or_else(|| WatchError::Queue {
            queue: url.to_owned(),
            reason: "there is no such queue".to_owned(),
        })
    }
}

impl Depths {
    pub fn set(&self, url: &str, messages: u64) {
        self.messages.lock().unwrap().insert(url.to_owned(), messages);
    }
}

pub type MemoryWatcher = Watcher<MemoryStore, IncidentStore, Depths>;

pub const WORK: &str = "https://sqs/1/tributary-segment";
pub const DEAD: &str = "https://sqs/1/tributary-segment-dead-letters";

/// A watcher over a work queue and its dead letters, both empty.
pub fn watcher(context_of: fn(&str) -> Context) -> MemoryWatcher {
    let queue = |url: &str, kind, source: Option<&str>| Queue {
        url: url.to_owned(),
        kind,
        source: source.map(str::to_owned),
    };
    let depth = Depths::default();
    depth.set(WORK, 0);
    depth.set(DEAD, 0);
    Watcher {
        store: MemoryStore::default(),
        incidents: Incidents::within(IncidentStore::default(), TimeDelta::days(400)),
        depth,
        settings: WatchSettings {
            queues: vec![
                queue(WORK, QueueKind::Work, Some("segment")),
                queue(DEAD, QueueKind::DeadLetters, None),
            ],
            patience: TimeDelta::hours(1),
            retention_days: 150,
            context_of,
            is_known: |_| true,
        },
    }
}

impl MemoryWatcher {
    /// A tick of the schedule.
    pub async fn tick(&self, at: &str) -> Watched {
        self.watch(&WatchOrder::default(), moment(at)).await.unwrap()
    }

    /// Every incident, the first to be opened first.
    pub fn all(&self) -> Vec<Incident> {
        let mut all = self.incidents.store().incidents();
        all.sort_by_key(|incident| (incident.opened_at, incident.key.clone()));
        all
    }

    /// Says that inputs of a dataset arrived, and what is learnt of them.
    pub async fn arrived(&self, dataset: &str, arrivals: &[DateTime<Utc>]) {
        let last = arrivals.iter().max().copied();
        let deadline = last.and_then(|last| cadence(arrivals, last, &Settings::default()));
        self.state(dataset, last, deadline).await;
    }

    /// Says when the next input of a dataset is due, as learnt from ten of them.
    pub async fn due(&self, dataset: &str, last: &str, deadline: &str) {
        let (last, deadline) = (moment(last), moment(deadline));
        let learnt = cadence(
            &(0..10).map(|day| last - TimeDelta::days(day)).collect::<Vec<_>>(),
            last,
            &Settings::default(),
        );
        let learnt = learnt.map(|learnt| Deadline { expected_at: deadline, deadline, ..learnt });
        assert!(learnt.is_some(), "ten arrivals teach a cadence");
        self.state(dataset, Some(last), learnt).await;
    }

    async fn state(&self, dataset: &str, last: Option<DateTime<Utc>>, deadline: Option<Deadline>) {
        dataset::change(&self.store, dataset, |state: &mut DatasetState| {
            state.first_arrival = last;
            state.last_arrival = last;
            state.deadline = deadline;
            true
        })
        .await
        .unwrap();
    }
}

/// A landing bucket in memory.
#[derive(Debug, Default)]
pub struct Shore {
    /// When what has landed.
    pub objects: Mutex<BTreeMap<String, DateTime<Utc>>>,
    /// What was read, with when that had landed.
    pub read: Mutex<BTreeMap<String, DateTime<Utc>>>,
    /// How many pages were listed.
    pub pages: Mutex<u64>,
    /// How many keys a page has.
    pub page: usize,
}

impl Landed for Shore {
    fn bucket(&self) -> &'static str {
        "landing"
    }

    async fn list(&self, prefix: &str, after: &str) -> Result<Page, WatchError> {
        *self.pages.lock().unwrap() += 1;
        let objects = self.objects.lock().unwrap();
        let mut found =
            objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after).map(
                |(key, at)| Listed { key: key.clone(), last_modified: Some(*at), entity_tag: None },
            );
        let objects: Vec<Listed> = found.by_ref().take(self.page).collect();
        let is_truncated = found.next().is_some();
        Ok(Page { objects, is_truncated })
    }

    async fn is_read(&self, object: &Listed) -> Result<bool, WatchError> {
        let read = self.read.lock().unwrap().get(&object.key).copied();
        Ok(read.is_some() && read >= object.last_modified)
    }
}

pub type MemorySweeper<S = MemoryStore> = Sweeper<S, IncidentStore, Shore>;

/// A sweeper over an empty bucket.
pub fn sweeper() -> MemorySweeper {
    sweeper_with(MemoryStore::default())
}

/// A sweeper over an empty bucket that remembers in a store.
pub fn sweeper_with<S: Store>(store: S) -> MemorySweeper<S> {
    Sweeper {
        store,
        incidents: Incidents::within(IncidentStore::default(), TimeDelta::days(400)),
        landed: Shore { page: 3, ..Shore::default() },
        settings: SweepSettings {
            grace: TimeDelta::minutes(15),
            look_back: TimeDelta::hours(2),
            patience: TimeDelta::hours(1),
        },
    }
}

impl<S: Store> MemorySweeper<S> {
    /// An object lands.
    pub fn land(&self, key: &str, at: &str) {
        self.landed.objects.lock().unwrap().insert(key.to_owned(), moment(at));
    }

    /// A transform reads an object.
    pub fn read(&self, key: &str) {
        let landed = self.landed.objects.lock().unwrap()[key];
        self.landed.read.lock().unwrap().insert(key.to_owned(), landed);
    }

    /// An object is deleted.
    pub fn delete(&self, key: &str) {
        self.landed.objects.lock().unwrap().remove(key);
    }

    /// A sweep of the schedule, with time enough.
    pub async fn tick(&self, at: &str) -> SweepAnswer {
        self.order(&SweepOrder::default(), at).await
    }

    /// A sweep on an order.
    pub async fn order(&self, order: &SweepOrder, at: &str) -> SweepAnswer {
        self.try_order(order, at).await.unwrap()
    }

    /// A sweep on an order, which may fail.
    pub async fn try_order(&self, order: &SweepOrder, at: &str) -> Result<SweepAnswer, WatchError> {
        let deadline = Utc::now() + TimeDelta::minutes(1);
        self.sweep(order, moment(at), deadline).await
    }

    /// Every incident: its folder, whether it is open, how many objects it tells of.
    pub fn told(&self) -> Vec<(String, bool, f64)> {
        let all = self.incidents.store().incidents();
        let told = |incident: &Incident| {
            let folder = incident.key.dataset.trim_start_matches("s3://landing/").to_owned();
            (folder, incident.is_open(), incident.evidence.actual.unwrap())
        };
        all.iter().map(told).collect()
    }
}
