//! An answer on its way to the landing bucket: followed, compressed and uploaded as it comes.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use shared::lake::ObjectStore;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::answer::{AnswerCounts, AnswerError, AnswerScanner};
use crate::query::{Dates, Query};

/// Pieces of an answer that may wait for the upload; the network gives them in 16 KiB or so.
const PIECES_AHEAD: usize = 32;

/// Why an answer did not land. Nothing of it is in the bucket.
#[derive(Debug, thiserror::Error)]
pub enum LandingError {
    /// It is not whole.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The bucket does not take it. A retry may help.
    #[error("landing object {key} cannot be written: {source}")]
    Write {
        /// Its key.
        key: String,
        /// What the store says.
        source: io::Error,
    },
    /// The thread that writes panicked: a defect.
    #[error("writing landing object {key} panicked")]
    Panicked {
        /// Its key.
        key: String,
    },
}

/// The key of an answer. It tells the transform what it holds and which of two pulls is the later.
pub fn landing_key(query: Query, customer: &str, dates: Dates, pulled_at: DateTime<Utc>) -> String {
    let pulled_at = pulled_at.format("%Y%m%dT%H%M%S%3fZ");
    format!("google-ads/search-stream/{}/{customer}/{dates}/{pulled_at}.json.gz", query.name())
}

/// An object that is being written. Dropped before [`Landing::complete`], it never exists.
pub struct Landing {
    pieces: mpsc::Sender<Piece>,
    key: String,
    writes: JoinHandle<Result<AnswerCounts, LandingError>>,
}

enum Piece {
    Bytes(Bytes),
    /// The answer came to its end: whoever drops the sender without it has given up.
    End,
}

impl Landing {
    /// Begins an object.
    pub fn begin(store: Arc<dyn ObjectStore>, key: String) -> Self {
        let (pieces, received) = mpsc::channel(PIECES_AHEAD);
        let for_thread = key.clone();
        let writes =
            tokio::task::spawn_blocking(move || write(store.as_ref(), &for_thread, received));
        Self { pieces, key, writes }
    }

    /// Adds to it; false when it was given up, and [`Landing::complete`] says why.
    pub async fn add(&self, bytes: Bytes) -> bool {
        self.pieces.send(Piece::Bytes(bytes)).await.is_ok()
    }

    /// Makes it exist, if the answer is whole.
    pub async fn complete(self) -> Result<AnswerCounts, LandingError> {
        // Refused only where the thread has ended, which its result explains.
        let _ = self.pieces.send(Piece::End).await;
        match self.writes.await {
            Ok(result) => result,
            Err(_) => Err(LandingError::Panicked { key: self.key }),
        }
    }
}

fn write(
    store: &dyn ObjectStore,
    key: &str,
    mut pieces: mpsc::Receiver<Piece>,
) -> Result<AnswerCounts, LandingError> {
    let failed = |source| LandingError::Write { key: key.to_owned(), source };
    let sink = store.create(key).map_err(failed)?;
    let mut encoder = GzEncoder::new(sink, Compression::fast());
    let mut scanner = AnswerScanner::default();
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Bytes(bytes)) => {
                scanner.feed(&bytes);
                encoder.write_all(&bytes).map_err(failed)?;
            }
            Some(Piece::End) => break,
            None => return Err(failed(io::ErrorKind::Interrupted.into())),
        }
    }
    let counts = scanner.finish()?;
    let mut sink = encoder.finish().map_err(failed)?;
    sink.complete().map_err(failed)?;
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use shared::lake::ObjectSink;

    use super::*;

    /// Keeps what was completed.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<Vec<u8>>>>);

    struct MemorySink(Memory, Vec<u8>);

    impl ObjectStore for Memory {
        fn create(&self, _: &str) -> io::Result<Box<dyn ObjectSink>> {
            Ok(Box::new(MemorySink(self.clone(), Vec::new())))
        }

        fn uri(&self, key: &str) -> String {
            key.to_owned()
        }
    }

    impl Write for MemorySink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl ObjectSink for MemorySink {
        fn complete(&mut self) -> io::Result<()> {
            self.0.0.lock().unwrap().push(std::mem::take(&mut self.1));
            Ok(())
        }
    }

    #[tokio::test]
    async fn only_a_whole_answer_exists() {
        let memory = Memory::default();
        let begin = || Landing::begin(Arc::new(memory.clone()), "key".to_owned());
        let cut = begin();
        cut.add(Bytes::from_static(b"[{\"results\":[{}")).await;
        assert!(matches!(
            cut.complete().await,
            Err(LandingError::Answer(AnswerError::Truncated { bytes: 15 }))
        ));
        let given_up = begin();
        given_up.add(Bytes::from_static(b"[]")).await;
        drop(given_up.pieces);
        assert!(given_up.writes.await.unwrap().is_err());
        assert!(memory.0.lock().unwrap().is_empty());
        let whole = begin();
        whole.add(Bytes::from_static(b"[{\"results\":[{}")).await;
        whole.add(Bytes::from_static(b"]}]")).await;
        assert_eq!(whole.complete().await.unwrap(), AnswerCounts { pages: 1, rows: 1, bytes: 18 });
        assert_eq!(memory.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn the_key_tells_what_it_holds() {
        let dates =
            Dates { from: "2026-02-01".parse().unwrap(), to: "2026-03-02".parse().unwrap() };
        let pulled_at = "2026-03-02T14:05:06.0789Z".parse().unwrap();
        assert_eq!(
            landing_key(Query::CampaignDaily, "1234567890", dates, pulled_at),
            "google-ads/search-stream/campaign_daily/1234567890/2026-02-01_2026-03-02/20260302T140506078Z.json.gz"
        );
    }
}
