//! The steps of a commit, each of which may be the last before a crash.
//!
//! 1. The request is claimed in the Inputs table: absent → `committing`. An earlier claim wins: its
//!    request is finished instead, for its files may be in the table already.
//! 2. Other readings of the same object are looked up: a later one leaves nothing to do, the files of
//!    earlier ones make way, see [`crate::supersede`].
//! 3. Rows that the table has from other inputs are taken out, see [`crate::look_back`].
//! 4. The files are appended, or take the place of others, with the request's id in the snapshot's summary.
//!    A request whose id is in a snapshot is not appended again.
//! 5. Earlier readings are marked `superseded`, the input `committed` and its run inserted; the last two in
//!    one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::Utc;
use shared::aws::{Begun, Bucket, BucketError, Ledger, LedgerError, ReadingState};
use shared::event::{CommitPointer, CommitRequest};
use shared::lake::{Append, Found, Lake, OpenTable, Replacement, TableError};
use shared::run::{Outcome, Run};

use crate::left_out::{NO_TABLE, STALE, left_out};
use crate::look_back::{LookBack, LookBackError, LookedBack, Prepared, Waiting};
use crate::supersede::{Standing, superseded_runs};

/// Commits to a table come one after the other; only one that was taken for dead can be in the way.
const MOST_TRIES: usize = 5;

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The message is no pointer.
    #[error("the message is no pointer to a commit request: {0}")]
    Pointer(serde_json::Error),
    /// The request's object is gone.
    #[error("commit request s3://{bucket}/{key} does not exist")]
    Missing {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// The request cannot be understood.
    #[error("commit request s3://{bucket}/{key} is malformed: {source}")]
    Malformed {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The request's object cannot be read.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The table refused or failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Repeats cannot be taken out.
    #[error(transparent)]
    LookBack(#[from] LookBackError),
    /// The append that this request was part of failed.
    #[error("the append of its batch failed: {0}")]
    Append(String),
}

impl CommitError {
    /// Whether a later attempt can end differently without anybody's doing.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Table(error) => error.is_retryable(),
            Self::LookBack(error) => error.is_retryable(),
            Self::Bucket(_) | Self::Ledger(_) => true,
            Self::Pointer(_) | Self::Missing { .. } | Self::Malformed { .. } | Self::Append(_) => {
                false
            }
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is in the table and in the ledger.
    Now {
        /// Rows committed.
        rows: u64,
    },
    /// It was done before; so was nothing now.
    Before,
}

/// Commit requests, where they are stored.
#[derive(Debug)]
pub struct Requests(Bucket);

/// Carries commit requests out.
#[derive(Debug)]
pub struct Committer {
    requests: Requests,
    lake: Lake,
    look_back: LookBack,
    ledger: Ledger,
}

/// A request that is to be appended.
struct Claimed {
    message_id: String,
    pointer: CommitPointer,
    request: CommitRequest,
}

/// A request as it was appended.
#[derive(Debug)]
struct Appended {
    run: Run,
    /// The snapshot that holds its rows, if it had any.
    snapshot_id: Option<i64>,
    standing: Standing,
}

/// By the requests' ids.
type AppendedRequests = HashMap<String, Appended>;

type Outcomes = Vec<(String, Result<Committed, CommitError>)>;

impl Committer {
    /// A committer over the bucket of the requests, the tables and the ledger.
    pub fn new(requests: Bucket, lake: Lake, look_back: LookBack, ledger: Ledger) -> Self {
        Self { requests: Requests(requests), lake, look_back, ledger }
    }

    /// Carries out the requests of a batch, given as message id and body; an outcome for each.
    pub async fn commit_messages(&self, messages: Vec<(String, String)>) -> Outcomes {
        let mut outcomes = Vec::with_capacity(messages.len());
        let mut tables: BTreeMap<(String, String), Vec<Claimed>> = BTreeMap::new();
        for (message_id, body) in messages {
            match self.claim(&body).await {
                Ok(Some((pointer, request))) => {
                    let table = (request.database.clone(), request.table.clone());
                    tables.entry(table).or_default().push(Claimed { message_id, pointer, request });
                }
                Ok(None) => outcomes.push((message_id, Ok(Committed::Before))),
                Err(error) => outcomes.push((message_id, Err(error))),
            }
        }
        for claimed in tables.into_values() {
            self.commit_table(claimed, &mut outcomes).await;
        }
        outcomes
    }

    /// The request to carry out for a message; none when that is done.
    async fn claim(
        &self,
        body: &str,
    ) -> Result<Option<(CommitPointer, CommitRequest)>, CommitError> {
        let pointer: CommitPointer = serde_json::from_str(body).map_err(CommitError::Pointer)?;
        let request = self.requests.load(&pointer).await?;
        match self.ledger.begin_commit(&request.run, &request.dataset, &pointer).await? {
            Begun::ByThis => Ok(Some((pointer, request))),
            Begun::Done(state) => {
                if state == ReadingState::Superseded {
                    // Before it was committed, perhaps: then nobody has told of it yet.
                    self.ledger.note_run(&told(left_out(&request, STALE))).await?;
                }
                tracing::info!(
                    dataset = request.dataset,
                    request = request.request_id,
                    state = state.name(),
                    "nothing is to be committed"
                );
                Ok(None)
            }
            Begun::ByEarlier(earlier) => {
                tracing::info!(
                    dataset = request.dataset,
                    request = earlier.key,
                    "an earlier request of the same input is finished instead"
                );
                let request = self.requests.load(&earlier).await?;
                Ok(Some((earlier, request)))
            }
        }
    }

    /// Appends the requests of one table in one snapshot. Should that fail because of one of them,
    /// each is tried alone, so that the others are not held up.
    async fn commit_table(&self, claimed: Vec<Claimed>, outcomes: &mut Outcomes) {
        let distinct = distinct_requests(&claimed);
        match self.append(&distinct).await {
            Ok(appended) => {
                for one in claimed {
                    outcomes.push((one.message_id.clone(), self.finish(&one, &appended).await));
                }
            }
            Err(error) if distinct.len() == 1 || error.is_retryable() => {
                let reason = error.to_string();
                for one in claimed {
                    outcomes.push((one.message_id, Err(CommitError::Append(reason.clone()))));
                }
            }
            Err(_) => {
                for one in claimed {
                    outcomes.push((one.message_id.clone(), self.commit_alone(&one).await));
                }
            }
        }
    }

    async fn commit_alone(&self, one: &Claimed) -> Result<Committed, CommitError> {
        let appended = self.append(&[&one.request]).await?;
        self.finish(one, &appended).await
    }

    /// Appends what is not in the table yet. Another committer may change the table meanwhile; then the
    /// rows are compared with its keys once more.
    async fn append(&self, requests: &[&CommitRequest]) -> Result<AppendedRequests, CommitError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_append(requests).await {
                Err(CommitError::Table(TableError::Moved { .. })) if tries < MOST_TRIES => {}
                done => return done,
            }
        }
    }

    async fn try_append(
        &self,
        requests: &[&CommitRequest],
    ) -> Result<AppendedRequests, CommitError> {
        let mut appended = AppendedRequests::new();
        let Some(table) = self.lake.open(requests).await? else {
            for request in requests {
                let run = left_out(request, NO_TABLE);
                let standing = Standing::default();
                let without = Appended { run, snapshot_id: None, standing };
                appended.insert(request.request_id.clone(), without);
            }
            return Ok(appended);
        };
        let mut waiting = Vec::new();
        for request in requests {
            let standing = Standing::of(request, &self.ledger, &table, &self.requests).await?;
            let (run, snapshot_id) = match table.find(&request.request_id).await? {
                Some(Found { snapshot_id, rewritten: None }) => {
                    (request.run.clone(), Some(snapshot_id))
                }
                Some(Found { snapshot_id, rewritten: Some(key) }) => {
                    let rewritten = self.requests.load(&self.requests.pointer(key)).await?;
                    (rewritten.run, Some(snapshot_id))
                }
                None if standing.is_stale => (left_out(request, STALE), None),
                None => {
                    waiting.push(Waiting { request, standing });
                    continue;
                }
            };
            appended.insert(request.request_id.clone(), Appended { run, snapshot_id, standing });
        }
        let LookedBack { prepared, key_index } =
            self.look_back.take_out_repeats(&table, waiting).await?;
        let snapshots = put(&table, &prepared, key_index).await?;
        for Prepared { request, standing, .. } in prepared {
            let snapshot_id = snapshots.get(&request.request_id).copied();
            let run = request.run;
            appended.insert(request.request_id, Appended { run, snapshot_id, standing });
        }
        Ok(appended)
    }

    async fn finish(
        &self,
        one: &Claimed,
        appended: &AppendedRequests,
    ) -> Result<Committed, CommitError> {
        let Some(Appended { run, snapshot_id, standing }) = appended.get(&one.request.request_id)
        else {
            return Err(CommitError::Append("it has no outcome".to_owned()));
        };
        let (mut run, snapshot) = (run.clone(), *snapshot_id);
        let is_left_out = standing.is_stale && snapshot.is_none();
        let earlier = if is_left_out { &[] } else { standing.earlier.as_slice() };
        run.superseded_runs = superseded_runs(earlier);
        let rows = run.rows.map_or(0, |rows| rows.committed);
        run = Run { snapshot_id: snapshot, ..told(run) };
        let state = if is_left_out { ReadingState::Superseded } else { ReadingState::Committed };
        let (dataset, pointer) = (&one.request.dataset, &one.pointer);
        if !self.ledger.finish_commit(&run, dataset, pointer, state, earlier).await? {
            if is_left_out {
                // The later reading was faster to say so.
                self.ledger.note_run(&run).await?;
            }
            return Ok(Committed::Before);
        }
        tracing::info!(
            dataset = one.request.dataset,
            run_id = run.run_id,
            rows,
            snapshot_id = snapshot,
            superseded = earlier.len(),
            "committed"
        );
        Ok(Committed::Now { rows })
    }
}

impl Requests {
    fn pointer(&self, key: String) -> CommitPointer {
        CommitPointer { bucket: self.0.name().to_owned(), key }
    }

    /// Reads a request.
    pub async fn load(&self, pointer: &CommitPointer) -> Result<CommitRequest, CommitError> {
        let Some(body) = self.0.get(&pointer.key).await? else {
            return Err(CommitError::Missing {
                bucket: pointer.bucket.clone(),
                key: pointer.key.clone(),
            });
        };
        serde_json::from_slice(&body).map_err(|source| CommitError::Malformed {
            bucket: pointer.bucket.clone(),
            key: pointer.key.clone(),
            source,
        })
    }
}

/// Brings the files of requests into their table, and those that make way out of it, in one snapshot. The
/// snapshot of each request that changes the table.
async fn put(
    table: &OpenTable<'_>,
    prepared: &[Prepared],
    key_index: Option<String>,
) -> Result<HashMap<String, i64>, CommitError> {
    let mut appends = Vec::new();
    let mut removed = BTreeSet::new();
    for Prepared { request, rewritten, standing } in prepared {
        if !request.data_files.is_empty() || !standing.files.is_empty() {
            appends.push(Append { request, rewritten: rewritten.as_deref() });
        }
        removed.extend(standing.files.iter().cloned());
    }
    if appends.is_empty() {
        return Ok(HashMap::new());
    }
    let replacement = Replacement { key_index, ..Replacement::by_requests(&appends, removed) };
    let replaced = table.replace_files(&replacement).await?;
    if replaced.before {
        // By another attempt, or by this one whose answer was lost: what it brought is to be looked up.
        return Err(TableError::Moved { table: table.name().to_owned() }.into());
    }
    let mut snapshots = HashMap::new();
    for append in appends {
        let snapshot = replaced.snapshot_id;
        snapshots.extend(snapshot.map(|id| (append.request.request_id.clone(), id)));
    }
    Ok(snapshots)
}

/// A run as it is told now that its commit is done.
fn told(run: Run) -> Run {
    let has_rows = run.rows.is_some_and(|rows| rows.committed > 0);
    let outcome = if has_rows { Outcome::Committed } else { Outcome::Empty };
    Run { outcome, finished_at: Utc::now(), ..run }
}

/// The requests of a batch, each once: a pointer may have been delivered twice.
fn distinct_requests(claimed: &[Claimed]) -> Vec<&CommitRequest> {
    let mut distinct: Vec<&CommitRequest> = Vec::with_capacity(claimed.len());
    for one in claimed {
        if distinct.iter().all(|known| known.request_id != one.request.request_id) {
            distinct.push(&one.request);
        }
    }
    distinct
}
