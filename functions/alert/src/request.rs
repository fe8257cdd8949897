//! What is asked of the function.

use aws_lambda_events::dynamodb::{Event, EventRecord};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// An invocation's event.
#[derive(Debug)]
pub enum Request {
    /// A batch of the Incidents table's stream.
    Changes(Vec<EventRecord>),
    /// The digest as of a moment; now, where none is said.
    Digest(Option<DateTime<Utc>>),
}

/// The event is none that the function knows. A retry does not help.
#[derive(Debug, thiserror::Error)]
#[error("the event is neither a stream batch nor an order for a digest: {0}")]
pub struct RequestError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestOrder {
    digest: DigestOf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestOf {
    #[serde(default)]
    at: Option<String>,
}

impl Request {
    /// Reads an event.
    pub fn of(event: Value) -> Result<Self, RequestError> {
        let malformed = |error: serde_json::Error| RequestError(error.to_string());
        if event.get("digest").is_none() {
            if event.get("Records").is_none() {
                return Err(RequestError("it has no member `Records` or `digest`".to_owned()));
            }
            let batch: Event = serde_json::from_value(event).map_err(malformed)?;
            return Ok(Self::Changes(batch.records));
        }
        let order: DigestOrder = serde_json::from_value(event).map_err(malformed)?;
        // A placeholder that the clock has not filled in says no time.
        let at = order.digest.at.filter(|at| !at.starts_with('<'));
        let at = at.map(|at| DateTime::parse_from_rfc3339(&at)).transpose();
        let at = at.map_err(|error| RequestError(format!("`at`: {error}")))?;
        Ok(Self::Digest(at.map(|at| at.with_timezone(&Utc))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_clock_says_its_time_or_none() {
        let at = |value: Value| match Request::of(value).unwrap() {
            Request::Digest(at) => at,
            Request::Changes(_) => panic!("a digest was asked for"),
        };
        let eight = "2026-07-01T08:00:00Z";
        assert_eq!(at(json!({"digest": {"at": eight}})), Some(eight.parse().unwrap()));
        assert_eq!(at(json!({"digest": {"at": "<aws.scheduler.scheduled-time>"}})), None);
        assert_eq!(at(json!({"digest": {}})), None);
        assert!(Request::of(json!({"digest": {"at": "eight"}})).is_err());
        assert!(Request::of(json!({"digest": {"on": 1}})).is_err());
        assert!(Request::of(json!({})).is_err());
        assert!(matches!(Request::of(json!({"Records": []})), Ok(Request::Changes(_))));
    }
}
