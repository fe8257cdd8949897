//! The transform of Google Ads reports.
//!
//! Input: SQS messages that tell of objects under `google-ads/` in the landing bucket: answers of the
//! API (`searchStream` and `search`) and reports that people and schedulers download as CSV. Output:
//! Parquet files in the lake and a commit request for each dataset. What is common to all transforms
//! is [`shared::transform`]; here is how a report is read and told apart.

mod amount;
mod answer;
mod header;
mod key;
mod report;
mod results;
mod routing;
mod total;

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use shared::contract::contracts_of;
use shared::decode::{DecodeError, as_utf8, open};
use shared::transform::{Ended, Format, Origin, RecordSink, Source, StretchError};

pub use routing::ReportRouter;

/// The first lines of a report and the first bracket of an answer are within this.
const BEGINNING: usize = 64 * 1024;

/// Google Ads, as a source of the stretch that all transforms have in common.
pub fn source() -> Source {
    let contracts = contracts_of("google_ads");
    Source {
        job: "google-ads-transform",
        format: Arc::new(Reports),
        router: Arc::new(ReportRouter::new(&contracts)),
        contracts,
        holds_data: |_| true,
    }
}

/// Answers of the API and downloaded reports; which of them, the first characters tell.
#[derive(Debug, Clone, Copy)]
pub struct Reports;

impl Format for Reports {
    fn read(
        &self,
        input: &Origin,
        source: &mut (dyn Read + Send),
        records: &mut RecordSink<'_>,
    ) -> Result<Ended, StretchError> {
        let (compression, decoded) =
            open(source).map_err(|source| DecodeError::Source { decoded: 0, source })?;
        let mut text = as_utf8(decoded);
        let mut beginning = Vec::new();
        if let Err(source) = (&mut text).take(BEGINNING as u64).read_to_end(&mut beginning) {
            return records.broken(compression, beginning.len() as u64, source);
        }
        let whole = Cursor::new(beginning.clone()).chain(text);
        let known = key::read(&input.key);
        let pulled_at = known.pulled_at.unwrap_or(input.arrived_at);
        let first = beginning.trim_ascii_start().first();
        let ended = match first {
            None => Ok(()),
            Some(b'[' | b'{') => answer::read(whole, &known, pulled_at, records),
            Some(_) => report::read(whole, &beginning, &known, pulled_at, records),
        };
        match ended {
            Ok(()) => Ok(Ended::Whole),
            Err(ReadError::Stretch(error)) => Err(error),
            Err(ReadError::Unknown(problem)) => {
                Ok(Ended::Damaged(DecodeError::Unknown { problem }))
            }
            Err(ReadError::Source { decoded, source }) => {
                records.broken(compression, decoded, source)
            }
        }
    }
}

/// Why a report was not read to its end.
#[derive(Debug)]
enum ReadError {
    /// The rest of the stretch failed.
    Stretch(StretchError),
    /// It is no report, or one that contradicts itself.
    Unknown(String),
    /// The bytes broke off.
    Source { decoded: u64, source: io::Error },
}

impl From<StretchError> for ReadError {
    fn from(error: StretchError) -> Self {
        Self::Stretch(error)
    }
}
