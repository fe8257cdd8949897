//! Datasets by the clock: what is late, whose buckets have closed, whose edges have fallen silent.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use shared::contract::{Contract, Monitors, contracts};
use shared::incident::{self, Context, Monitor};
use shared::observation::{
    DatasetState, Judgement, Metrics, edges, freshness, graph, volume_monitor,
};
use shared::state::Store;

use crate::error::WatchError;
use crate::memory::Look;
use crate::open::Open;
use crate::queue_depth::QueueDepth;
use crate::tick::Tick;
use crate::watcher::Watcher;

/// A series whose bucket should have closed is read again after so long: by event time it may stay open
/// for up to a day, for what comes late.
const VOLUME_EVERY: TimeDelta = TimeDelta::minutes(15);

/// Edges come and go in days.
const EDGES_EVERY: TimeDelta = TimeDelta::hours(1);

/// A dataset, and where it stands.
pub(crate) struct Subject {
    pub state: DatasetState,
    pub context: Context,
}

/// Datasets, each behind those that it is made from: so that what explains the others is known first. Who
/// is upstream of another has less upstream than it.
pub(crate) fn upstream_first(
    states: Vec<DatasetState>,
    context_of: fn(&str) -> Context,
) -> Vec<Subject> {
    let with_context = |state: DatasetState| {
        let context = context_of(&state.dataset);
        Subject { state, context }
    };
    let mut subjects: Vec<Subject> = states.into_iter().map(with_context).collect();
    subjects.sort_by(|one, other| {
        let place =
            |subject: &Subject| (subject.context.upstream.len(), subject.state.dataset.clone());
        place(one).cmp(&place(other))
    });
    subjects
}

/// What came of a dataset.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Judged {
    pub is_late: bool,
    pub look: Look,
}

impl<S: Store, I: incident::Store, Q: QueueDepth> Watcher<S, I, Q> {
    /// Judges a dataset. Where nothing is due and nothing is open, nothing is read or written.
    pub(crate) async fn judge_dataset(
        &self,
        subject: &Subject,
        looked: Look,
        open: &Open,
        tick: Tick,
        is_asked: bool,
    ) -> Result<Judged, WatchError> {
        let state = &subject.state;
        let contract = contracts().iter().find(|contract| contract.dataset() == state.dataset);
        let monitors = contract.map(|contract| contract.monitors.clone()).unwrap_or_default();
        let late = self.judge_freshness(subject, contract, &monitors, open, tick).await?;
        let mut look = Look::default();
        let is_due = volume_monitor::is_due_by_clock(state, tick.as_of());
        if is_asked || (is_due && is_over(looked.volume, VOLUME_EVERY, tick)) {
            self.judge_volume(subject, &monitors, open, tick).await?;
            look.volume = Some(tick.as_of());
        }
        if is_asked || is_over(looked.edges, EDGES_EVERY, tick) {
            self.judge_edges(subject, open, tick).await?;
            look.edges = Some(tick.as_of());
        }
        Ok(Judged { is_late: late, look })
    }

    async fn judge_freshness(
        &self,
        subject: &Subject,
        contract: Option<&Contract>,
        monitors: &Monitors,
        open: &Open,
        tick: Tick,
    ) -> Result<bool, WatchError> {
        let promised = contract.and_then(|contract| contract.latency_minutes);
        let judged = freshness::judge(&subject.state, &monitors.freshness, promised, tick.clock);
        let (judgement, resolution) = match judged {
            Some(judgement) => (judgement, "data has come, or none is due any more"),
            None => (nothing(Monitor::Freshness), "it is not watched any more"),
        };
        self.tell(subject, &judgement, open, tick, resolution).await?;
        Ok(!judgement.findings.is_empty())
    }

    /// What a bucket has is known once it has closed, so no order lets a later clock decide on it.
    async fn judge_volume(
        &self,
        subject: &Subject,
        monitors: &Monitors,
        open: &Open,
        tick: Tick,
    ) -> Result<(), WatchError> {
        let metrics = Metrics { store: &self.store, retention_days: self.settings.retention_days };
        let at = tick.as_of();
        // As if nothing had been judged: what one series shows must not be cleared because only the other is due.
        let state = DatasetState { judged_until: BTreeMap::new(), ..subject.state.clone() };
        let judged = volume_monitor::judge(&metrics, &state, &monitors.volume, &[], at).await?;
        let (judgement, resolution) = match judged {
            Some(judgement) => (judgement, "the volume is usual again"),
            None => (nothing(Monitor::Volume), "it is not watched any more"),
        };
        self.tell(subject, &judgement, open, tick, resolution).await
    }

    async fn judge_edges(
        &self,
        subject: &Subject,
        open: &Open,
        tick: Tick,
    ) -> Result<(), WatchError> {
        let dataset = &subject.state.dataset;
        let known = edges::of_dataset(&self.store, dataset).await?;
        let judgement = edges::judge(dataset, &known, &graph::neighbours(dataset), tick.clock);
        let resolution = "the edge is as it was, or belongs to the dataset by now";
        self.tell(subject, &judgement, open, tick, resolution).await
    }

    async fn tell(
        &self,
        subject: &Subject,
        judgement: &Judgement,
        open: &Open,
        tick: Tick,
        resolution: &str,
    ) -> Result<(), WatchError> {
        let dataset = &subject.state.dataset;
        if judgement.findings.is_empty() && !open.has(dataset, judgement.monitor) {
            return Ok(());
        }
        let mut context = subject.context.clone();
        // A queue that stands is upstream of what it feeds.
        let feeding = self.settings.queues.iter().filter(|queue| queue.feeds(dataset));
        context.upstream.extend(feeding.map(|queue| queue.name().to_owned()));
        let (as_of, now) = (tick.as_of(), tick.now);
        judgement.report(&self.incidents, dataset, &context, as_of, now, resolution).await?;
        Ok(())
    }
}

fn nothing(monitor: Monitor) -> Judgement {
    Judgement { monitor, findings: Vec::new() }
}

fn is_over(looked: Option<DateTime<Utc>>, every: TimeDelta, tick: Tick) -> bool {
    looked.is_none_or(|looked| looked + every <= tick.as_of())
}
