//! From stored bytes to records, as a stream: nothing here ever holds a whole file.

mod compression;
mod delimited;
mod lines;
mod results;
mod window;

pub use compression::{Compression, open};
pub use delimited::{Delimited, DelimitedReader, DelimitedRecord, Field};
pub use lines::{Line, LineReader, MAX_RECORD_BYTES};
pub use results::{ResultBrackets, ResultStep};

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
    /// The content is none that this source is known to have, so no record of it can be told.
    #[error("the input cannot be understood: {problem}")]
    Unknown {
        /// What is wrong with it; holds no value of a record.
        problem: String,
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

/// Gives UTF-8 whatever the Unicode encoding: UTF-16 is known by its byte order mark.
pub fn as_utf8<'a>(source: impl std::io::Read + Send + 'a) -> impl std::io::Read + Send + 'a {
    encoding_rs_io::DecodeReaderBytesBuilder::new().utf8_passthru(true).build(source)
}

impl DecodeError {
    /// Whether a later attempt can end differently.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Source { .. })
    }
}
