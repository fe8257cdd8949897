//! What goes between the functions: envelopes that arrive, and messages that are sent on.
//!
//! Every message is a serde type with a JSON Schema generated from it ([`schemas`]), so that a
//! microservice in another language can join.

mod alert;
mod commit;
mod dataset;
mod held;
mod inbox;
mod replay;
mod s3;

use serde_json::Value;

pub use alert::{Alert, Digest, Line};
pub use commit::{
    CommitPointer, CommitRequest, DataFileDescription, KeySegment, MissingTable, RowKeys,
    SchemaColumn, TableSchema,
};
pub use dataset::DatasetEvent;
pub use held::HeldRows;
pub use inbox::{InboxError, InboxMessage};
pub use replay::{ReadAgain, ReplayMessage, ReplayOutcome, ReplayResult, ReplayedDataset};
pub use s3::{EventError, ObjectCreated, object_created_events};

/// The JSON Schema of every message, by the message's name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("alert", schemars::schema_for!(Alert).to_value()),
        ("commit-request", schemars::schema_for!(CommitRequest).to_value()),
        ("commit-pointer", schemars::schema_for!(CommitPointer).to_value()),
        ("dataset-event", schemars::schema_for!(DatasetEvent).to_value()),
        ("held-rows", schemars::schema_for!(HeldRows).to_value()),
        ("inbox-message", schemars::schema_for!(InboxMessage).to_value()),
        ("incident", schemars::schema_for!(crate::incident::Incident).to_value()),
        ("replay-message", schemars::schema_for!(ReplayMessage).to_value()),
        ("replay-result", schemars::schema_for!(ReplayResult).to_value()),
        ("run", schemars::schema_for!(crate::run::Run).to_value()),
    ]
}
