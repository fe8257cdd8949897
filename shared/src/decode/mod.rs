//! From stored bytes to records, as a stream: nothing here ever holds a whole file.

mod compression;
mod lines;

pub use compression::{Compression, open};
pub use lines::{Line, LineReader, MAX_RECORD_BYTES};

/// Why an input cannot be read to its end. A retry does not help: the bytes are what they are.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The compressed stream is cut off or damaged.
    #[error("the {compression} stream is damaged after {decoded} decoded bytes: {source}")]
    Damaged {
        /// How the bytes are compressed.
        compression: Compression,
        /// How far it could be read.
        decoded: u64,
        /// What the decoder says.
        source: std::io::Error,
    },
    /// The source of the bytes failed: the network, not the content. A retry may help.
    #[error("reading the input failed after {decoded} decoded bytes: {source}")]
    Source {
        /// How far it could be read.
        decoded: u64,
        /// What the source says.
        source: std::io::Error,
    },
}

impl DecodeError {
    /// Whether a later attempt can end differently.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Source { .. })
    }
}
