//! Why something was not watched, or not answered.

use shared::aws::{BucketError, LedgerError};
use shared::incident::IncidentError;
use shared::observation::tally::TallyError;
use shared::state::StoreError;

use crate::queues::QueueListError;

/// Why an order was not carried out, or in part.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The observations table failed. A retry may help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The observations table is contended. A retry helps.
    #[error(transparent)]
    Tally(#[from] TallyError),
    /// The Incidents table failed, or does not allow it.
    #[error(transparent)]
    Incident(#[from] IncidentError),
    /// The landing bucket could not be listed. A retry may help.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The Inputs table failed. A retry may help.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A queue did not say how much is in it. A retry may help.
    #[error("GetQueueAttributes of {queue} failed: {reason}")]
    Queue {
        /// The queue's URL.
        queue: String,
        /// What SQS says.
        reason: String,
    },
    /// Some subjects were watched and others were not. A retry may help: the next tick is one.
    #[error("{failed} of {subjects} subjects were not watched, {subject} first: {first}")]
    InPart {
        /// How many were not.
        failed: u64,
        /// Datasets, queues and folders that were to be.
        subjects: u64,
        /// The first that was not.
        subject: String,
        /// Why it was not.
        first: Box<WatchError>,
    },
}

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Environment(#[from] shared::aws::EnvironmentError),
    /// The list of queues is not one.
    #[error(transparent)]
    Queues(#[from] QueueListError),
}

impl WatchError {
    /// Whether a retry may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Incident(error) => error.is_retryable(),
            Self::InPart { first, .. } => first.is_retryable(),
            _ => true,
        }
    }
}

/// Subjects that fail, while the others are watched all the same.
#[derive(Debug, Default)]
pub struct Failures {
    subjects: u64,
    failed: u64,
    first: Option<(String, WatchError)>,
}

impl Failures {
    /// Takes what came of a subject; its value, where something did.
    pub fn take<T>(&mut self, subject: &str, result: Result<T, WatchError>) -> Option<T> {
        self.subjects += 1;
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::warn!(subject, error = %error, "not watched this time");
                self.failed += 1;
                self.first.get_or_insert_with(|| (subject.to_owned(), error));
                None
            }
        }
    }

    /// An error if any subject failed.
    pub fn into_result(self) -> Result<(), WatchError> {
        let Self { subjects, failed, first } = self;
        match first {
            None => Ok(()),
            Some((subject, first)) => {
                Err(WatchError::InPart { failed, subjects, subject, first: Box::new(first) })
            }
        }
    }
}

/// What Lambda reports of a failed invocation.
impl From<WatchError> for lambda_runtime::Diagnostic {
    fn from(error: WatchError) -> Self {
        Self { error_type: "WatchError".to_owned(), error_message: error.to_string() }
    }
}
