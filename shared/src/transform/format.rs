//! How an input is written: what turns its bytes into records.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::stretch::{Ended, Stretch, StretchError};
use crate::aws::SourceFailed;
use crate::contract::Contract;
use crate::decode::{Compression, DecodeError, Line, LineReader, open};
use crate::govern::{Plan, Pseudonymizer, Reason, Scanned};

/// An input, by its place.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The bucket.
    pub bucket: String,
    /// The key. Some sources tell in it what the input is.
    pub key: String,
    /// The version.
    pub version_id: Option<String>,
    /// When it came to the bucket.
    pub arrived_at: DateTime<Utc>,
}

/// Decodes the inputs of a source.
pub trait Format: Send + Sync {
    /// Gives every record of an input to `records`, as a stream: no input is ever held whole.
    ///
    /// The source must be read to its end, for its checksum is taken on the way, except where
    /// [`Ended::Damaged`] says that it cannot be.
    fn read(
        &self,
        input: &Origin,
        source: &mut (dyn Read + Send),
        records: &mut RecordSink<'_>,
    ) -> Result<Ended, StretchError>;
}

/// How a record came.
#[derive(Clone, Copy)]
pub enum Original<'a> {
    /// Bytes of the input.
    Bytes(&'a [u8]),
    /// Of a file whose bytes cannot be cut by records: what stands for them, made only where somebody asks.
    Made(&'a dyn Fn() -> Vec<u8>),
}

impl<'a> From<&'a [u8]> for Original<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> Original<'a> {
    /// The bytes.
    pub fn bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Made(make) => Cow::Owned(make()),
        }
    }
}

/// Takes the records of an input through the rest of the stretch, and counts them.
///
/// Each record goes to exactly one of its methods, which is what makes
/// `records = routed + quarantined + ignored` hold.
pub struct RecordSink<'a> {
    stretch: &'a mut Stretch,
    pseudonymizer: &'a mut Pseudonymizer,
}

impl<'a> RecordSink<'a> {
    pub(super) fn new(stretch: &'a mut Stretch, pseudonymizer: &'a mut Pseudonymizer) -> Self {
        Self { stretch, pseudonymizer }
    }

    /// The plan of the source's contracts, which says which slot a path has.
    pub fn plan(&self) -> Arc<Plan> {
        self.stretch.plan()
    }

    /// The contracts, in the order that the router knows.
    pub fn contracts(&self) -> &[&'static Contract] {
        self.stretch.contracts()
    }

    /// A record that is a JSON object. `line` counts from 1.
    pub fn json(&mut self, line: u64, bytes: &[u8]) -> Result<(), StretchError> {
        self.stretch.json(line, bytes, self.pseudonymizer)
    }

    /// A record whose fields were put in place already; `original` is how it came, for quarantine.
    pub fn fields<'b>(
        &mut self,
        line: u64,
        original: impl Into<Original<'b>>,
        scanned: &Scanned<'_>,
    ) -> Result<(), StretchError> {
        self.stretch.fields(line, original.into(), scanned, self.pseudonymizer)
    }

    /// A record that cannot be understood; it goes to quarantine. The clause holds no value of it.
    pub fn refuse(
        &mut self,
        line: u64,
        reason: Reason,
        clause: &str,
        bytes: &[u8],
    ) -> Result<(), StretchError> {
        self.stretch.refuse(line, reason, clause, bytes)
    }

    /// A record that is no data: a total that was checked, a title.
    pub fn ignore(&mut self) {
        self.stretch.ignore();
    }

    /// A record that was too long to hold and was passed over; the input will be copied whole.
    pub fn too_long(&mut self, line: u64, offset: u64, length: u64) -> Result<(), StretchError> {
        self.stretch.too_long(line, offset, length)
    }

    /// How many decoded bytes the input has, or had until it broke off.
    pub fn decoded(&mut self, bytes: u64) {
        self.stretch.decoded(bytes);
    }

    /// Gives every line of a stream, plain or compressed, to `take`, with its number; a line that is too
    /// long to hold is passed over.
    pub fn each_line(
        &mut self,
        source: &mut (dyn Read + Send),
        mut take: impl FnMut(&mut Self, u64, &[u8]) -> Result<(), StretchError>,
    ) -> Result<Ended, StretchError> {
        let (compression, decoded) =
            open(source).map_err(|source| DecodeError::Source { decoded: 0, source })?;
        let mut lines = LineReader::new(decoded);
        loop {
            match lines.next_line() {
                Ok(Some(Line::Record { number, bytes })) => take(self, number, bytes)?,
                Ok(Some(Line::TooLong { number, offset, length })) => {
                    self.too_long(number, offset, length)?;
                }
                Ok(None) => break,
                Err(source) => return self.broken(compression, lines.offset(), source),
            }
        }
        self.decoded(lines.offset());
        Ok(Ended::Whole)
    }

    /// What a failed read means: an input that is damaged, or a source that failed.
    pub fn broken(
        &mut self,
        compression: Compression,
        decoded: u64,
        source: io::Error,
    ) -> Result<Ended, StretchError> {
        if SourceFailed::caused(&source) {
            return Err(DecodeError::Source { decoded, source }.into());
        }
        self.decoded(decoded);
        Ok(Ended::Damaged(DecodeError::Damaged { compression, decoded, source }))
    }
}

/// A JSON object a line, plain or compressed.
#[derive(Debug, Clone, Copy)]
pub struct JsonLines;

impl Format for JsonLines {
    fn read(
        &self,
        _: &Origin,
        source: &mut (dyn Read + Send),
        records: &mut RecordSink<'_>,
    ) -> Result<Ended, StretchError> {
        records.each_line(source, RecordSink::json)
    }
}
