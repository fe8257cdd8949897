//! Held rows: listed, released, dropped. Every step can be repeated, and each answer says how far it is.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, Utc};
use shared::aws::{BucketError, LedgerError, ObjectError, QueueError, Reading, ReadingState};
use shared::event::{CommitPointer, CommitRequest, HeldRows};
use shared::run::{Outcome, RowCounts, Run, run_id};

use crate::order::{Action, HeldAnswer, HeldAnswers, HeldOrder};
use crate::{JOB, Replayer};

/// Why an order is not carried out. What was done before it stays done, and the same order goes on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The ledger failed. A retry may help.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An object cannot be read or written. A retry may help.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// A request cannot be handed on. A retry may help.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// An order is called what would not sort among the others. A retry does not help.
    #[error("{name} is no name of an order: leave it out, or give the one that an answer told")]
    Name {
        /// What was given.
        name: String,
    },
    /// A quarantine object cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// What was kept of held rows is gone: quarantine has expired. They can come back by landing the
    /// input again.
    #[error("held rows s3://{bucket}/{key} have expired")]
    Expired {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// What was kept cannot be understood: a defect.
    #[error("{key} in quarantine is malformed: {reason}")]
    Malformed {
        /// The object's key.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

impl Replayer {
    /// Carries out an order about held rows, until `deadline`.
    pub async fn held(
        &self,
        order: &HeldOrder,
        deadline: DateTime<Utc>,
    ) -> Result<HeldAnswers, ReplayError> {
        let from = order.from.map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let to = order.to.and_then(|day| day.succ_opt());
        let to = to.map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let mut answer =
            HeldAnswers { action: order.action, held: Vec::new(), rows: 0, has_more: false };
        for run in self.ledger.held_runs(&order.dataset, from, to).await? {
            if !order.is_about(&run.run_id, &run.input.uri()) {
                continue;
            }
            if Utc::now() >= deadline {
                answer.has_more = true;
                break;
            }
            let held = self.one(order, &run).await?;
            answer.held.extend(held);
        }
        let counts = |state: ReadingState| match order.action {
            Action::List => state == ReadingState::Held,
            Action::Release => {
                matches!(state, ReadingState::Committing | ReadingState::Committed)
            }
            Action::Drop => state == ReadingState::Dropped,
        };
        answer.rows =
            answer.held.iter().filter(|held| counts(held.state)).map(|held| held.rows).sum();
        Ok(answer)
    }

    async fn state(&self, order: &HeldOrder, run: &Run) -> Result<Option<Reading>, ReplayError> {
        Ok(self.ledger.reading(&run.input, &order.dataset).await?)
    }

    async fn one(&self, order: &HeldOrder, run: &Run) -> Result<Option<HeldAnswer>, ReplayError> {
        let Some(reading) = self.state(order, run).await? else {
            return Ok(None);
        };
        let (mut state, request) = (reading.state, reading.request());
        let mut expired = None;
        match order.action {
            // Released before, but perhaps not handed on.
            Action::Release if state == ReadingState::Committing => self.ask(run, &request).await?,
            Action::Release if state == ReadingState::Held => {
                match self.release(order, run, &request).await {
                    Ok(now) => state = now,
                    // It must not keep what is behind it from being released.
                    Err(error @ ReplayError::Expired { .. }) => expired = Some(error.to_string()),
                    Err(error) => return Err(error),
                }
            }
            // Dropped before, but perhaps not noted.
            Action::Drop if matches!(state, ReadingState::Held | ReadingState::Dropped) => {
                self.ledger.drop_held(&run.input, &order.dataset, &request).await?;
                state = self.state(order, run).await?.map_or(state, |now| now.state);
                if state == ReadingState::Dropped {
                    self.ledger.note_run(&dropped(run)).await?;
                }
            }
            Action::List | Action::Release | Action::Drop => {}
        }
        let rows = run.rows.map_or(0, |rows| rows.held);
        tracing::info!(
            dataset = order.dataset,
            run_id = run.run_id,
            rows,
            action = ?order.action,
            state = state.name(),
            "held rows"
        );
        Ok(Some(HeldAnswer {
            run_id: run.run_id.clone(),
            object: run.input.uri(),
            arrived_at: run.arrived_at,
            held_at: run.finished_at,
            rows,
            reason: expired.or_else(|| run.error.clone()).unwrap_or_default(),
            state,
        }))
    }

    /// Brings the files back to the lake, makes the request, says so in the ledger and asks for the
    /// commit; the state then, for somebody else may have dropped the rows meanwhile.
    async fn release(
        &self,
        order: &HeldOrder,
        run: &Run,
        kept: &CommitPointer,
    ) -> Result<ReadingState, ReplayError> {
        let HeldRows { request, copies } = self.load(kept).await?;
        for (file, copy) in request.data_files.iter().zip(&copies) {
            let malformed = || ReplayError::Malformed {
                key: kept.key.clone(),
                reason: "a data file is not in the lake bucket, or its copy not in quarantine"
                    .to_owned(),
            };
            let target = file.path.strip_prefix(&self.lake.uri_of("")).ok_or_else(malformed)?;
            let source = copy.strip_prefix(&self.quarantine.uri_of("")).ok_or_else(malformed)?;
            self.lake.copy_from(self.quarantine.name(), source, None, target).await?;
        }
        let request = released(request, run);
        let key = request.key();
        let body = serde_json::to_vec(&request).map_err(|error| ReplayError::Malformed {
            key: key.clone(),
            reason: error.to_string(),
        })?;
        self.lake.put(&key, "application/json", body).await?;
        let pointer = CommitPointer { bucket: self.lake.name().to_owned(), key };
        self.ledger.release(&run.input, &order.dataset, kept, &pointer).await?;
        let now = self.state(order, run).await?;
        if let Some(now) = &now
            && now.state == ReadingState::Committing
            && now.request() == pointer
        {
            self.ask(run, &pointer).await?;
        }
        Ok(now.map_or(ReadingState::Held, |now| now.state))
    }

    async fn load(&self, kept: &CommitPointer) -> Result<HeldRows, ReplayError> {
        let Some(body) = self.quarantine.get(&kept.key).await? else {
            let CommitPointer { bucket, key } = kept.clone();
            return Err(ReplayError::Expired { bucket, key });
        };
        serde_json::from_slice(&body).map_err(|error| ReplayError::Malformed {
            key: kept.key.clone(),
            reason: error.to_string(),
        })
    }

    /// Asks for the commit. To ask twice does no harm.
    async fn ask(&self, run: &Run, request: &CommitPointer) -> Result<(), ReplayError> {
        // See `CommitRequest::key`.
        let mut parts = request.key.split('/').skip(1);
        let (Some(database), Some(table)) = (parts.next(), parts.next()) else {
            let reason = "its key is not that of a request".to_owned();
            return Err(ReplayError::Malformed { key: request.key.clone(), reason });
        };
        let group = format!("{database}.{table}");
        self.commits.send(&group, &format!("{}-{JOB}", run.run_id), request).await?;
        Ok(())
    }
}

/// The run that says that held rows are left out for good, so that nobody waits for them any more.
fn dropped(held: &Run) -> Run {
    let rows = held.rows.map_or(0, |rows| rows.held);
    let now = Utc::now();
    Run {
        run_id: run_id(JOB, &held.input, held.dataset.as_deref()),
        job: JOB.to_owned(),
        outcome: Outcome::Empty,
        started_at: now,
        finished_at: now,
        rows: Some(RowCounts { routed: rows, discarded: rows, ..RowCounts::default() }),
        quarantined_by_reason: BTreeMap::new(),
        quarantined_by_column: BTreeMap::new(),
        quarantine: None,
        input_copy: None,
        bytes_written: 0,
        data_files: Vec::new(),
        event_time: None,
        rows_by_event_time: BTreeMap::new(),
        unknown_members: BTreeMap::new(),
        columns: Vec::new(),
        checks: Vec::new(),
        error: None,
        ..held.clone()
    }
}

/// The request as it goes on. Its run is another than the one that held the rows, and counts them alone:
/// what was quarantined and left out then was told then.
fn released(mut request: CommitRequest, held: &Run) -> CommitRequest {
    let id = run_id(JOB, &held.input, held.dataset.as_deref());
    let rows = request.run.rows.map_or(0, |rows| rows.committed);
    request.request_id.clone_from(&id);
    request.run = Run {
        run_id: id,
        job: JOB.to_owned(),
        outcome: Outcome::Transformed,
        started_at: Utc::now(),
        rows: Some(RowCounts { routed: rows, committed: rows, ..RowCounts::default() }),
        quarantined_by_reason: BTreeMap::new(),
        quarantined_by_column: BTreeMap::new(),
        quarantine: None,
        input_copy: None,
        ..request.run
    };
    request
}
