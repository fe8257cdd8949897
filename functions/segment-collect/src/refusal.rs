//! Why a request is not accepted, and what the caller is told.

use shared::aws::QueueError;
use shared::event::InboxError;
use shared::govern::DEEPEST_JSON;

use crate::credentials::CredentialsError;

/// A message of the tracking API.
pub(crate) const MOST_MESSAGE_BYTES: usize = 32 * 1024;
/// A batch of the tracking API.
pub(crate) const MOST_BATCH_BYTES: usize = 500 * 1024;
/// Messages in a batch.
pub(crate) const MOST_MESSAGES: usize = 2_500;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is nothing under this path.
    #[error("there is nothing here; the api is under /v1/")]
    NoSuchPath,
    /// The path takes POST alone.
    #[error("only POST and OPTIONS are allowed here")]
    Method,
    /// Neither a known key nor a valid signature.
    #[error("the write key is not known")]
    UnknownCaller,
    /// No webhook of this name, or its signature is another. A caller cannot tell which.
    #[error("the webhook or its signature is not known")]
    Signature,
    /// The body is compressed in a way that is not understood.
    #[error("the content encoding is not supported; gzip and identity are")]
    Encoding,
    /// The body does not unpack.
    #[error("the body is not {0}")]
    Damaged(&'static str),
    /// More than is ever read.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// No JSON.
    #[error("the body is not json")]
    NotJson,
    /// Arrays and objects without end.
    #[error("the body is nested deeper than {DEEPEST_JSON} levels")]
    TooDeep,
    /// JSON, but no `batch`.
    #[error("the body has no array `batch`")]
    NoBatch,
    /// One message is too large.
    #[error("message {0} is larger than {MOST_MESSAGE_BYTES} bytes")]
    MessageTooLarge(usize),
    /// All messages together are too large.
    #[error("the batch is larger than {MOST_BATCH_BYTES} bytes")]
    BatchTooLarge,
    /// What all messages have in common, repeated in each of them, is too large.
    #[error("the batch is too large once each message has the batch's context")]
    ContextTooLarge,
    /// Too many messages.
    #[error("the batch has more than {MOST_MESSAGES} messages")]
    TooManyMessages,
    /// Arrays are accepted only where the deployer allowed it.
    #[error("batched webhooks are not accepted here, because only their first element is signed")]
    Arrays,
    /// A message that the inbox cannot hold. A retry does not help.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// Who may call cannot be found out now. A retry helps.
    #[error("the credentials cannot be read now")]
    Credentials(#[from] CredentialsError),
    /// The inbox does not take it now. A retry helps.
    #[error("the messages cannot be stored now")]
    Queue(#[from] QueueError),
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::NoSuchPath => 404,
            Self::Method => 405,
            Self::UnknownCaller | Self::Signature => 401,
            Self::Encoding => 415,
            Self::BodyTooLarge(_) => 413,
            Self::Queue(error) if error.is_throttled => 429,
            Self::Credentials(_) | Self::Queue(_) => 503,
            Self::Damaged(_)
            | Self::NotJson
            | Self::TooDeep
            | Self::NoBatch
            | Self::MessageTooLarge(_)
            | Self::BatchTooLarge
            | Self::ContextTooLarge
            | Self::TooManyMessages
            | Self::Arrays
            | Self::Inbox(_) => 400,
        }
    }

    /// A word for programs; Segment's libraries log it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchPath => "no_such_path",
            Self::Method => "method_not_allowed",
            Self::UnknownCaller => "unknown_write_key",
            Self::Signature => "unknown_signature",
            Self::Encoding => "unsupported_encoding",
            Self::Damaged(_) => "damaged_encoding",
            Self::BodyTooLarge(_) => "body_too_large",
            Self::NotJson => "not_json",
            Self::TooDeep => "nested_too_deep",
            Self::NoBatch => "no_batch",
            Self::MessageTooLarge(_) => "message_too_large",
            Self::BatchTooLarge | Self::ContextTooLarge => "batch_too_large",
            Self::TooManyMessages => "too_many_messages",
            Self::Arrays => "arrays_not_accepted",
            Self::Inbox(_) => "not_storable",
            Self::Credentials(_) => "credentials_unavailable",
            Self::Queue(_) => "inbox_unavailable",
        }
    }

    /// After how many seconds to try again; none where that is in vain.
    pub fn retry_after(&self) -> Option<u16> {
        match self.status() {
            429 => Some(10),
            503 => Some(5),
            _ => None,
        }
    }

    /// What stands in the log: the cause, where the caller is told less.
    pub fn cause(&self) -> String {
        match self {
            Self::Credentials(error) => error.to_string(),
            Self::Queue(error) => error.to_string(),
            _ => self.to_string(),
        }
    }
}
