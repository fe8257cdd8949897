//! What comes on the queue.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::event::DatasetEvent;

/// Days that one order of an operator may cover: ten years. More is a slip of the pen.
const MOST_DAYS: i64 = 3_660;

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A run, and the data files it added.
    Dataset(Box<DatasetEvent>),
    /// A part of a run that is too large to be read at once.
    Task(Task),
    /// An operator's order.
    Recompute(Days),
}

/// Rows of a data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The dataset.
    pub dataset: String,
    /// The file's URI.
    pub data_file: String,
    /// The first row.
    pub from_row: u64,
    /// The row after the last.
    pub to_row: u64,
    /// Which reading of its object the rows are from, where it is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
}

/// UTC days whose orders are to be attributed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
}

/// Why a message is none. A retry does not help: it ends in the dead-letter queue, where a person sees it.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It cannot be understood.
    #[error("the message is no dataset event, no task and no order to recompute: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Its days are none, or too many.
    #[error("days from {from} to {to} are not from 1 to {MOST_DAYS} days")]
    Days {
        /// The first.
        from: NaiveDate,
        /// The last.
        to: NaiveDate,
    },
    /// A task names a dataset that is not read.
    #[error("dataset {0} is not read here")]
    Dataset(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Own {
    Task(Task),
    Recompute(Days),
}

impl Message {
    /// Reads a message's body: as it was published, or in the envelope of SNS.
    pub fn parse(body: &str) -> Result<Self, MessageError> {
        let value: Value = serde_json::from_str(body)?;
        if let (Some("Notification"), Some(inner)) =
            (value["Type"].as_str(), value["Message"].as_str())
        {
            return Self::of(serde_json::from_str(inner)?);
        }
        Self::of(value)
    }

    fn of(value: Value) -> Result<Self, MessageError> {
        if value.get("task").is_none() && value.get("recompute").is_none() {
            return Ok(Self::Dataset(serde_json::from_value(value)?));
        }
        match serde_json::from_value(value)? {
            Own::Task(task) => Ok(Self::Task(task)),
            Own::Recompute(days) => days.checked().map(Self::Recompute),
        }
    }
}

impl Task {
    /// The body of the message that asks for it.
    pub fn into_body(self) -> Result<String, MessageError> {
        Ok(serde_json::to_string(&Own::Task(self))?)
    }
}

impl Days {
    fn checked(self) -> Result<Self, MessageError> {
        let Self { from, to } = self;
        let days = to.signed_duration_since(from).num_days() + 1;
        if (1..=MOST_DAYS).contains(&days) {
            Ok(self)
        } else {
            Err(MessageError::Days { from, to })
        }
    }

    /// The one day that it is; none where there are more.
    pub fn single(self) -> Option<NaiveDate> {
        (self.from == self.to).then_some(self.from)
    }

    /// Each day by itself.
    pub fn each(self) -> impl Iterator<Item = Self> {
        let days = self.from.iter_days().take_while(move |day| *day <= self.to);
        days.map(|day| Self { from: day, to: day })
    }

    /// The body of the message that asks for it.
    pub fn into_body(self) -> Result<String, MessageError> {
        Ok(serde_json::to_string(&Own::Recompute(self))?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "run": {
                "run_id": "1", "job": "database-transform", "dataset": "shop.orders", "outcome": "committed",
                "input": {"bucket": "b", "key": "k", "checksum": "c"},
                "arrived_at": "2026-11-23T04:35:52Z", "started_at": "2026-11-23T04:35:54Z",
                "finished_at": "2026-11-23T04:35:55Z"
            },
            "data_files": ["s3://lake/file.parquet"],
            "data_file_count": 1
        })
    }

    #[test]
    fn a_run_is_understood_with_and_without_the_envelope() {
        let body = event().to_string();
        let envelope =
            json!({"Type": "Notification", "TopicArn": "t", "Message": body}).to_string();
        for body in [body, envelope] {
            let Message::Dataset(event) = Message::parse(&body).unwrap() else {
                panic!("{body} is a run");
            };
            assert_eq!(event.data_files, ["s3://lake/file.parquet"]);
        }
    }

    #[test]
    fn what_it_sends_itself_it_understands() {
        let task = Task {
            dataset: "shop.orders".to_owned(),
            data_file: "s3://lake/file.parquet".to_owned(),
            from_row: 0,
            to_row: 20_000,
            generation: None,
        };
        let body = task.clone().into_body().unwrap();
        assert_eq!(
            body,
            r#"{"task":{"dataset":"shop.orders","data_file":"s3://lake/file.parquet","from_row":0,"to_row":20000}}"#
        );
        assert_eq!(Message::parse(&body).unwrap(), Message::Task(task));
    }

    #[test]
    fn an_operators_order_covers_some_days() {
        let body = r#"{"recompute": {"from": "2026-10-31", "to": "2026-11-02"}}"#;
        let Message::Recompute(days) = Message::parse(body).unwrap() else {
            panic!("{body} is an order");
        };
        assert_eq!(days.single(), None);
        let each: Vec<Days> = days.each().collect();
        assert_eq!(each.len(), 3);
        let body = each[2].into_body().unwrap();
        assert_eq!(body, r#"{"recompute":{"from":"2026-11-02","to":"2026-11-02"}}"#);
        assert_eq!(Message::parse(&body).unwrap(), Message::Recompute(each[2]));
        assert_eq!(each[2].single(), Some(days.to));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"task": {"dataset": "shop.orders"}}"#,
            r#"{"recompute": {"from": "2026-11-02", "to": "2026-11-01"}}"#,
            r#"{"recompute": {"from": "0001-01-01", "to": "2026-11-01"}}"#,
            r#"{"Type": "Notification", "Message": "no json"}"#,
        ] {
            assert!(Message::parse(body).is_err(), "{body}");
        }
    }
}
