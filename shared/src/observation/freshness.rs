//! The freshness monitor: when the next input is due, and whether it is late.
//!
//! What is learnt of the cadence is learnt when an input arrives, and stands with the dataset's state; who
//! looks at the clock compares one moment.

use chrono::{DateTime, TimeDelta, Utc};

use super::arrivals;
use super::bucket::Clock;
use super::dataset::{self, DatasetState, Gap, RunReference};
use super::judgement::Judgement;
use super::tally::TallyError;
use super::volume;
use crate::contract::MonitorSettings;
use crate::incident::{Evidence, Finding, IncidentKey, LastGoodRun, Monitor, Severity};
use crate::run::{Outcome, Run};
use crate::state::Store;

/// How far back arrivals are learnt from.
const HORIZON: TimeDelta = TimeDelta::days(100);

/// A cadence is learnt from arrivals over so long a time at least: the first files of a dataset often come all at once.
const LEAST_SPAN: TimeDelta = TimeDelta::days(1);

/// Whether a run says that its source is alive: rows of these days came, or the source had none to give. Rows
/// that are loaded from history say nothing of that.
pub fn is_sign_of_life(run: &Run) -> bool {
    match run.outcome {
        Outcome::Committed => {
            volume::shares(run).iter().any(|(bucket, _)| bucket.grain.clock == Clock::Arrival)
        }
        Outcome::Empty => run.is_silent(),
        // It came; that it is held is told by another monitor.
        Outcome::Held => true,
        _ => false,
    }
}

/// Takes in that a run's input has arrived, and learns when the next is due; the state then.
pub async fn take_in(
    store: &impl Store,
    run: &Run,
    dataset: &str,
    settings: &MonitorSettings,
    retention_days: u32,
) -> Result<DatasetState, TallyError> {
    let at = run.arrived_at;
    if !is_sign_of_life(run) {
        return dataset::change(store, dataset, |state| {
            let is_first = state.first_arrival.is_none_or(|first| at < first);
            if is_first {
                state.first_arrival = Some(at);
            }
            is_first
        })
        .await;
    }
    arrivals::note(store, dataset, at, retention_days).await?;
    let known = dataset::get(store, dataset).await?.unwrap_or_default();
    let newest = known.last_arrival.unwrap_or(at).max(at);
    let arrived = arrivals::since(store, dataset, newest - HORIZON, newest).await?;
    let spans_a_day = arrived.first().is_some_and(|first| newest - *first >= LEAST_SPAN);
    let deadline = detect::cadence(&arrived, newest, &settings.detector).filter(|_| spans_a_day);
    let missed = known.deadline.as_ref().filter(|known| known.deadline < at);
    let gap = missed.map(|missed| Gap { from: missed.expected_at, to: at });
    let reference = RunReference { run_id: run.run_id.clone(), arrived_at: at };
    dataset::change(store, dataset, |state| {
        let before = state.clone();
        state.first_arrival = Some(state.first_arrival.map_or(at, |first| first.min(at)));
        // Who has seen a later arrival has learnt from this one too, or is about to be followed by who does.
        if state.last_arrival.is_none_or(|last| last <= newest) {
            // Only who brings what was due ends the gap.
            if gap.is_some() && state.last_arrival.is_none_or(|last| last < at) {
                state.last_gap = gap;
            }
            state.last_arrival = Some(newest);
            state.deadline.clone_from(&deadline);
        }
        let is_newer = state.last_good_run.as_ref().is_none_or(|good| good.arrived_at <= at);
        if run.outcome == Outcome::Committed && is_newer {
            state.last_good_run = Some(reference.clone());
        }
        *state != before
    })
    .await
}

/// When the next input of a dataset is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When it is expected.
    pub expected_at: DateTime<Utc>,
    /// From when on it is late.
    pub deadline: DateTime<Utc>,
}

/// When the next input is due, as was learnt; where too little is known for that, as the contract promises (in
/// minutes), but not in less than a day: latency says how old rows may be, not how often they come.
pub fn due(state: &DatasetState, promised: Option<u32>) -> Option<Due> {
    if let Some(learnt) = &state.deadline {
        return Some(Due { expected_at: learnt.expected_at, deadline: learnt.deadline });
    }
    let promised = TimeDelta::minutes(i64::from(promised?));
    let deadline = state.last_arrival? + promised.max(LEAST_SPAN);
    Some(Due { expected_at: deadline, deadline })
}

/// Whether a dataset is late at a moment. `promised` is the latency that its contract promises, in minutes: what is
/// later than was learnt by more than that is grave.
pub fn judge(
    state: &DatasetState,
    settings: &MonitorSettings,
    promised: Option<u32>,
    now: DateTime<Utc>,
) -> Option<Judgement> {
    if !settings.enabled {
        return None;
    }
    let last = state.last_arrival?;
    let Due { expected_at, deadline } = due(state, promised)?;
    let mut findings = Vec::new();
    if now > deadline {
        let learnt = state.deadline.as_ref().map(|learnt| learnt.expected_at);
        let promised = promised.map(|minutes| TimeDelta::minutes(i64::from(minutes)));
        let is_promise_broken =
            learnt.zip(promised).is_some_and(|(due, promised)| now > due + promised);
        findings.push(Finding {
            key: IncidentKey::new(state.dataset.clone(), Monitor::Freshness, "late"),
            severity: if is_promise_broken { Severity::High } else { Severity::Medium },
            since: expected_at,
            summary: summary(state, last, deadline, now),
            evidence: evidence(state, last, deadline, now),
        });
    }
    Some(Judgement { monitor: Monitor::Freshness, findings })
}

fn summary(
    state: &DatasetState,
    last: DateTime<Utc>,
    deadline: DateTime<Utc>,
    now: DateTime<Utc>,
) -> String {
    format!(
        "{} is late: nothing has come since {}, which is {} ago; something was due by {}",
        state.dataset,
        last.format("%Y-%m-%d %H:%M UTC"),
        span(now - last),
        deadline.format("%Y-%m-%d %H:%M UTC"),
    )
}

fn evidence(
    state: &DatasetState,
    last: DateTime<Utc>,
    deadline: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Evidence {
    let seconds = |time: TimeDelta| Some(time.num_seconds() as f64);
    let learnt = state.deadline.as_ref();
    Evidence {
        expected: learnt.and_then(|learnt| seconds(learnt.expected_at - last)),
        upper: seconds(deadline - last),
        actual: seconds(now - last),
        unit: Some("seconds".to_owned()),
        learnt_from: learnt.map(|learnt| learnt.learnt_from as u64),
        last_good_run: state
            .last_good_run
            .as_ref()
            .map(|run| LastGoodRun { run_id: run.run_id.clone(), at: run.arrived_at }),
        ..Evidence::default()
    }
}

/// A time in the unit that fits: `40 minutes`, `31 hours`, `5 days`.
pub fn span(time: TimeDelta) -> String {
    let (count, unit) = if time < TimeDelta::hours(2) {
        (time.num_minutes(), "minute")
    } else if time <= TimeDelta::hours(48) {
        (time.num_hours(), "hour")
    } else {
        (time.num_days(), "day")
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}
