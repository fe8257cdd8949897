//! An SQS batch, record by record: one record's failure is one record's failure.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};

/// Left for the answer when a function's time runs out.
const MARGIN: Duration = Duration::from_secs(5);

/// The moment at which the remaining records of an invocation are given back to the queue.
///
/// Without it one slow record would take its neighbours along into the time-out, and in the end into
/// the dead-letter queue.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(tokio::time::Instant);

impl Deadline {
    /// Shortly before the invocation's own deadline.
    pub fn of(context: &lambda_runtime::Context) -> Self {
        let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        Self(tokio::time::Instant::now() + left.saturating_sub(MARGIN))
    }
}

/// The records that a queue shall deliver again.
#[derive(Debug, Default)]
pub struct Failures {
    failed: Vec<String>,
}

impl Failures {
    /// Gives a message back to its queue.
    pub fn give_back(&mut self, message_id: &str, reason: &dyn Display) {
        tracing::error!(message_id, error = %reason, "record failed and goes back to its queue");
        self.failed.push(message_id.to_owned());
    }

    /// How many records go back.
    pub fn len(&self) -> usize {
        self.failed.len()
    }

    /// Whether every record is done.
    pub fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// The answer to the event source.
    pub fn into_response(self) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for message_id in self.failed {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message_id;
            response.batch_item_failures.push(failure);
        }
        response
    }
}

/// Why a record is not done.
#[derive(Debug, thiserror::Error)]
pub enum RecordError<E: Display> {
    /// The handler says why.
    #[error("{0}")]
    Handler(E),
    /// The handler panicked: a defect, but this record's alone.
    #[error("the handler panicked")]
    Panicked,
    /// The invocation's time is up.
    #[error("the invocation's time is up")]
    OutOfTime,
}

/// Handles one record on a task of its own, until the deadline.
pub async fn isolate<T, E, F>(deadline: Deadline, handled: F) -> Result<T, RecordError<E>>
where
    T: Send + 'static,
    E: Display + Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    if tokio::time::Instant::now() >= deadline.0 {
        return Err(RecordError::OutOfTime);
    }
    let task = tokio::spawn(handled);
    let abort = task.abort_handle();
    match tokio::time::timeout_at(deadline.0, task).await {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(error))) => Err(RecordError::Handler(error)),
        Ok(Err(_)) => Err(RecordError::Panicked),
        Err(_) => {
            abort.abort();
            Err(RecordError::OutOfTime)
        }
    }
}

/// The id and the body of a message; SQS always gives both.
pub fn parts(message: SqsMessage) -> (String, String) {
    (message.message_id.unwrap_or_default(), message.body.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_seconds(seconds: u64) -> Deadline {
        Deadline(tokio::time::Instant::now() + Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn a_panic_is_one_records_failure() {
        let outcome = isolate::<(), String, _>(in_seconds(60), async { panic!("a defect") }).await;
        assert!(matches!(outcome, Err(RecordError::Panicked)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_record_is_given_back_in_time() {
        let forever = isolate::<(), String, _>(in_seconds(1), std::future::pending()).await;
        assert!(matches!(forever, Err(RecordError::OutOfTime)));
        let late = isolate::<(), String, _>(in_seconds(0), async { Ok(()) }).await;
        assert!(matches!(late, Err(RecordError::OutOfTime)));
    }

    #[test]
    fn the_answer_names_the_failed_records_alone() {
        let mut failures = Failures::default();
        failures.give_back("second", &"reason");
        let response = serde_json::to_value(failures.into_response()).unwrap();
        assert_eq!(
            response,
            serde_json::json!({"batchItemFailures": [{"itemIdentifier": "second"}]})
        );
    }
}
