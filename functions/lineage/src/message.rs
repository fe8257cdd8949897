//! What comes on the queue.

use serde::Deserialize;
use shared::event::DatasetEvent;
use uuid::Uuid;

/// Why a message cannot be exported. A retry does not help: it ends in the dead-letter queue, where a person
/// sees it.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It cannot be understood.
    #[error("the message is no dataset event: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The run's id is no UUID, which OpenLineage wants.
    #[error("run id {0} is no uuid")]
    RunId(String),
}

/// The envelope of SNS, where the subscription does not deliver the message alone.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Message")]
    message: String,
}

/// The event in a message's body: as it was published, or in the envelope of SNS.
pub fn dataset_event(body: &str) -> Result<DatasetEvent, MessageError> {
    let event: DatasetEvent = match serde_json::from_str::<Envelope>(body) {
        Ok(envelope) if envelope.kind == "Notification" => serde_json::from_str(&envelope.message)?,
        _ => serde_json::from_str(body)?,
    };
    if Uuid::try_parse(&event.run.run_id).is_err() {
        return Err(MessageError::RunId(event.run.run_id));
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(run_id: &str) -> Value {
        json!({
            "run": {
                "run_id": run_id, "job": "database-transform", "outcome": "transformed",
                "input": {"bucket": "b", "key": "k", "checksum": "c"},
                "arrived_at": "2026-11-23T04:35:52Z", "started_at": "2026-11-23T04:35:54Z",
                "finished_at": "2026-11-23T04:35:55Z"
            },
            "data_files": [],
            "data_file_count": 0
        })
    }

    #[test]
    fn a_run_is_understood_with_and_without_the_envelope() {
        let body = event("3d6b9f0a-6c00-5000-8000-000000000004").to_string();
        let envelope =
            json!({"Type": "Notification", "TopicArn": "t", "Message": body}).to_string();
        for body in [body, envelope] {
            assert_eq!(dataset_event(&body).unwrap().run.job, "database-transform");
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for body in ["", "[]", "{}", r#"{"Type": "Notification", "Message": "no json"}"#] {
            assert!(matches!(dataset_event(body), Err(MessageError::Malformed(_))), "{body}");
        }
        let body = event("../../elsewhere").to_string();
        assert!(matches!(dataset_event(&body), Err(MessageError::RunId(_))));
    }
}
