//! The edge: everything that talks to AWS.

mod config;
mod held;
mod known_inputs;
mod ledger;
mod listing;
mod object_reader;
mod object_store;
mod queue;
mod reading;
mod secret;

pub use config::{Environment, EnvironmentError, load_config, s3_client};
pub use known_inputs::KnownInputs;
pub use ledger::{Content, FinishedReading, History, Ledger, LedgerError, Replayed};
pub use listing::{Listed, Page};
pub use object_reader::{Digest, ObjectError, ObjectReader, Opened, SourceFailed, open_object};
pub use object_store::{Bucket, BucketError};
pub use queue::{CommitsQueue, InboxQueue, QueueError, ReplayQueue};
pub use reading::{Begun, Reading, ReadingState};
pub use secret::{SecretError, pseudonym_key, secret_text};

/// What an SDK error says, with its causes: the type's own text is only "service error".
pub fn explain<E: std::error::Error>(error: &E) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
