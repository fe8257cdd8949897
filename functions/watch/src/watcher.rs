//! A tick: queues first, for they explain what is late; then the datasets, upstream first.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use serde::Serialize;
use shared::incident::{self, Context, Incidents, Monitor};
use shared::observation::dataset;
use shared::state::Store;

use crate::datasets::upstream_first;
use crate::error::{Failures, WatchError};
use crate::memory::{self, Memory, Seen};
use crate::open::Open;
use crate::order::WatchOrder;
use crate::queue_depth::QueueDepth;
use crate::queues::{Queue, QueueKind};
use crate::tick::Tick;

/// How many queues are asked at once.
const AT_ONCE: usize = 8;

/// Looks at the clock.
///
/// At rest a tick makes three calls to DynamoDB (the datasets' states, what is open, what is remembered) and one
/// to SQS a queue; once an hour one more a dataset (its edges).
#[derive(Debug)]
pub struct Watcher<S, I, Q> {
    /// The observations table.
    pub store: S,
    /// The incidents.
    pub incidents: Incidents<I>,
    /// Who knows how much is in a queue.
    pub depth: Q,
    /// The settings.
    pub settings: WatchSettings,
}

/// What a watcher goes by.
#[derive(Debug, Clone)]
pub struct WatchSettings {
    /// The queues.
    pub queues: Vec<Queue>,
    /// How long messages may wait.
    pub patience: TimeDelta,
    /// How many days a bucket is remembered.
    pub retention_days: u32,
    /// Where a dataset stands among the others.
    pub context_of: fn(&str) -> Context,
    /// Whether a dataset has a contract.
    pub is_known: fn(&str) -> bool,
}

/// What a tick has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// Datasets that were looked at.
    pub datasets: u64,
    /// Those that are late.
    pub late: u64,
    /// Incidents that were open when the tick began.
    pub open_incidents: u64,
    /// Messages that functions gave up on.
    pub dead_letters: u64,
    /// Queues in which messages wait too long.
    pub waiting_queues: u64,
}

impl<S: Store, I: incident::Store, Q: QueueDepth> Watcher<S, I, Q> {
    /// Carries an order out. What fails of it does not keep the rest from being watched.
    pub async fn watch(
        &self,
        order: &WatchOrder,
        now: DateTime<Utc>,
    ) -> Result<Watched, WatchError> {
        let tick = Tick::of(order.as_of, now);
        let mut states = dataset::all(&self.store).await?;
        states.retain(|state| self.is_asked_for(order, &state.dataset));
        let memory = memory::recall(&self.store).await?;
        let open = Open::of(&self.incidents.all_open().await?);
        let mut watched = Watched { open_incidents: open.incidents, ..Watched::default() };
        let mut failures = Failures::default();
        let mut seen = Seen::default();
        if order.datasets.is_empty() {
            seen.queues = self.depths(&mut failures).await;
            self.watch_queues(&memory, &seen, &mut watched, &mut failures, &open, tick).await;
        }
        let is_asked = order.as_of.is_some() || !order.datasets.is_empty();
        for subject in upstream_first(states, self.settings.context_of) {
            let dataset = &subject.state.dataset;
            let looked = memory.looks.get(dataset).copied().unwrap_or_default();
            let judged = self.judge_dataset(&subject, looked, &open, tick, is_asked).await;
            let Some(judged) = failures.take(dataset, judged) else { continue };
            watched.datasets += 1;
            watched.late += u64::from(judged.is_late);
            if judged.look != memory::Look::default() {
                seen.looks.insert(dataset.clone(), judged.look);
            }
        }
        let has_news = !seen.looks.is_empty() || memory_changes(&memory, &seen);
        if has_news {
            memory::remember(&self.store, &seen, tick.as_of()).await?;
        }
        failures.into_result().map(|()| watched)
    }

    /// Whether a dataset is looked at. The clock passes over one whose contract is gone: what is known of it
    /// stays, and would be late for ever.
    fn is_asked_for(&self, order: &WatchOrder, dataset: &str) -> bool {
        if order.datasets.is_empty() {
            return (self.settings.is_known)(dataset);
        }
        order.datasets.iter().any(|asked| asked == dataset)
    }

    /// How many messages are in which queue.
    async fn depths(&self, failures: &mut Failures) -> BTreeMap<String, u64> {
        let mut depths = BTreeMap::new();
        for queues in self.settings.queues.chunks(AT_ONCE) {
            let asked = queues.iter().map(|queue| self.depth.messages(&queue.url));
            for (queue, answer) in queues.iter().zip(join_all(asked).await) {
                if let Some(messages) = failures.take(queue.name(), answer) {
                    depths.insert(queue.name().to_owned(), messages);
                }
            }
        }
        depths
    }

    async fn watch_queues(
        &self,
        memory: &Memory,
        seen: &Seen,
        watched: &mut Watched,
        failures: &mut Failures,
        open: &Open,
        tick: Tick,
    ) {
        let mut memory = memory.clone();
        memory.note(seen, tick.as_of());
        for queue in &self.settings.queues {
            let Some(messages) = seen.queues.get(queue.name()).copied() else { continue };
            let told = self.tell_queue(queue, messages, &memory, open, tick).await;
            let is_wrong = failures.take(queue.name(), told).unwrap_or_default();
            match queue.kind {
                QueueKind::Work => watched.waiting_queues += u64::from(is_wrong),
                QueueKind::DeadLetters | QueueKind::Failures => watched.dead_letters += messages,
            }
        }
    }

    /// Whether something is wrong with a queue, once that is told.
    async fn tell_queue(
        &self,
        queue: &Queue,
        messages: u64,
        memory: &Memory,
        open: &Open,
        tick: Tick,
    ) -> Result<bool, WatchError> {
        let waiting = memory.queues.get(queue.name());
        let judgement = queue.judge(messages, waiting, self.settings.patience, tick.clock);
        let is_wrong = !judgement.findings.is_empty();
        if is_wrong || open.has(queue.name(), Monitor::Delivery) {
            let (context, resolution) =
                (queue.context(), "it is empty, or its messages move again");
            let (name, as_of, now) = (queue.name(), tick.as_of(), tick.now);
            judgement.report(&self.incidents, name, &context, as_of, now, resolution).await?;
        }
        Ok(is_wrong)
    }
}

/// Whether the queues are not as they are remembered; queues that were empty and are need no write.
fn memory_changes(memory: &Memory, seen: &Seen) -> bool {
    seen.queues.iter().any(|(queue, messages)| *messages > 0 || memory.queues.contains_key(queue))
}
