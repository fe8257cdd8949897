//! The steps of a commit, each of which may be the last before a crash.
//!
//! 1. The request is claimed in the Inputs table: absent → `committing`. An earlier claim wins: its
//!    request is finished instead, for its files may be in the table already.
//! 2. The files are appended, with the request's id in the snapshot's summary. A request whose id is
//!    in a snapshot is not appended again.
//! 3. The input is marked `committed` and its run inserted, in one transaction.

use std::collections::BTreeMap;

use chrono::Utc;
use shared::aws::{Begun, Bucket, BucketError, Ledger, LedgerError};
use shared::event::{CommitPointer, CommitRequest};
use shared::lake::{Lake, TableError};
use shared::run::Outcome;

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
    /// The append that this request was part of failed.
    #[error("the append of its batch failed: {0}")]
    Append(String),
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

/// Carries commit requests out.
#[derive(Debug)]
pub struct Committer {
    requests: Bucket,
    lake: Lake,
    ledger: Ledger,
}

/// A request that is to be appended.
struct Claimed {
    message_id: String,
    pointer: CommitPointer,
    request: CommitRequest,
}

type Outcomes = Vec<(String, Result<Committed, CommitError>)>;

impl Committer {
    /// A committer over the bucket of the requests, the tables and the ledger.
    pub fn new(requests: Bucket, lake: Lake, ledger: Ledger) -> Self {
        Self { requests, lake, ledger }
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
        let request = self.load(&pointer).await?;
        match self.ledger.begin_commit(&request.run.input, &request.dataset, &pointer).await? {
            Begun::ByThis => Ok(Some((pointer, request))),
            Begun::Committed => Ok(None),
            Begun::ByEarlier(earlier) => {
                tracing::info!(
                    dataset = request.dataset,
                    request = earlier.key,
                    "an earlier request of the same input is finished instead"
                );
                let request = self.load(&earlier).await?;
                Ok(Some((earlier, request)))
            }
        }
    }

    async fn load(&self, pointer: &CommitPointer) -> Result<CommitRequest, CommitError> {
        let Some(body) = self.requests.get(&pointer.key).await? else {
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

    /// Appends the requests of one table in one snapshot. Should that fail because of one of them,
    /// each is tried alone, so that the others are not held up.
    async fn commit_table(&self, claimed: Vec<Claimed>, outcomes: &mut Outcomes) {
        let distinct = distinct_requests(&claimed);
        match self.lake.append(&distinct).await {
            Ok(appended) => {
                for one in claimed {
                    let snapshot = appended.snapshots.get(&one.request.request_id).copied();
                    outcomes.push((one.message_id.clone(), self.finish(&one, snapshot).await));
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
        let appended = self.lake.append(&[&one.request]).await?;
        let snapshot = appended.snapshots.get(&one.request.request_id).copied();
        self.finish(one, snapshot).await
    }

    async fn finish(&self, one: &Claimed, snapshot: Option<i64>) -> Result<Committed, CommitError> {
        let mut run = one.request.run.clone();
        let rows = run.rows.map_or(0, |rows| rows.committed);
        run.outcome = if rows > 0 { Outcome::Committed } else { Outcome::Empty };
        run.snapshot_id = snapshot;
        run.finished_at = Utc::now();
        if !self.ledger.finish_commit(&run, &one.request.dataset, &one.pointer).await? {
            return Ok(Committed::Before);
        }
        tracing::info!(
            dataset = one.request.dataset,
            run_id = run.run_id,
            rows,
            snapshot_id = snapshot,
            "committed"
        );
        Ok(Committed::Now { rows })
    }
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
