//! Quarantined records as gzip NDJSON: one object an input, which exists only if it has a line.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::format::Origin;
use crate::govern::{QuarantineEntry, QuarantineOrigin, Reason, Rejection};
use crate::lake::{ObjectSink, ObjectStore};

/// Writes the quarantined records of one input.
pub struct QuarantineWriter {
    store: Arc<dyn ObjectStore>,
    key: String,
    origin: Origin,
    encoder: Option<GzEncoder<Box<dyn ObjectSink>>>,
}

impl QuarantineWriter {
    /// A writer that will make the object `key` of a store.
    pub fn new(store: Arc<dyn ObjectStore>, key: String, origin: Origin) -> Self {
        Self { store, key, origin, encoder: None }
    }

    /// Keeps a record.
    pub fn record(
        &mut self,
        line: u64,
        dataset: Option<String>,
        rejection: &Rejection,
        record: &[u8],
    ) -> io::Result<()> {
        self.write(&QuarantineEntry {
            reason: rejection.reason,
            clause: rejection.clause.clone(),
            dataset,
            origin: self.origin_of(line),
            record: Some(QuarantineEntry::encode(record)),
        })
    }

    /// Notes a record that was too long to hold; its bytes are in the copy of the whole input.
    pub fn too_long(&mut self, line: u64, offset: u64, length: u64) -> io::Result<()> {
        self.write(&QuarantineEntry {
            reason: Reason::TooLong,
            clause: format!("a record has at most {} bytes", crate::decode::MAX_RECORD_BYTES),
            dataset: None,
            origin: QuarantineOrigin {
                offset: Some(offset),
                length: Some(length),
                ..self.origin_of(line)
            },
            record: None,
        })
    }

    /// Completes the object; its URI, if there is one.
    pub fn finish(self) -> io::Result<Option<String>> {
        let Some(encoder) = self.encoder else {
            return Ok(None);
        };
        encoder.finish()?.complete()?;
        Ok(Some(self.store.uri(&self.key)))
    }

    fn origin_of(&self, line: u64) -> QuarantineOrigin {
        QuarantineOrigin {
            bucket: self.origin.bucket.clone(),
            key: self.origin.key.clone(),
            version_id: self.origin.version_id.clone(),
            line,
            offset: None,
            length: None,
        }
    }

    fn write(&mut self, entry: &QuarantineEntry) -> io::Result<()> {
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            None => self
                .encoder
                .insert(GzEncoder::new(self.store.create(&self.key)?, Compression::fast())),
        };
        serde_json::to_writer(&mut *encoder, entry)?;
        encoder.write_all(b"\n")
    }
}
