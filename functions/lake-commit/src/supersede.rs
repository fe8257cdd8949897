//! Readings of an object that make way for a later one: other bytes came under its key, or it was read again.
//!
//! What an object gave a table stands there once. The latest reading takes the place of those before it:
//! their files leave the table in the snapshot that brings its own. Commits may come in another order than
//! the readings did, so a reading that finds a later one in the ledger leaves its rows out.

use std::collections::BTreeSet;

use shared::aws::{Ledger, Reading, ReadingState};
use shared::event::{CommitPointer, CommitRequest};
use shared::lake::OpenTable;

use crate::commit::{CommitError, Requests};

/// How a request stands among the readings of its object.
#[derive(Debug, Default)]
pub struct Standing {
    /// Whether a later reading is in the table, or about to be.
    pub is_stale: bool,
    /// Readings whose place the request takes.
    pub earlier: Vec<Reading>,
    /// Their files in the table.
    pub files: BTreeSet<String>,
}

impl Standing {
    /// Looks up the other readings of a request's object.
    pub async fn of(
        request: &CommitRequest,
        ledger: &Ledger,
        table: &OpenTable<'_>,
        requests: &Requests,
    ) -> Result<Self, CommitError> {
        let input = &request.run.input;
        let history = ledger.history(&input.uri()).await?;
        let mut readings = history.readings.clone();
        readings.retain(|reading| reading.dataset() == request.dataset);
        let own = readings.iter().position(|reading| reading.is_of(input, &request.dataset));
        let own = match own {
            Some(position) => readings.swap_remove(position).generation,
            None => request.run.generation(),
        };
        let is_stale = history.has_later_without(&request.dataset, &own);
        let mut standing = Self { is_stale, ..Self::default() };
        for reading in readings {
            if !reading.state.is_live() {
                continue;
            }
            if reading.generation > own {
                // Held rows may never come.
                standing.is_stale |= reading.state != ReadingState::Held;
                continue;
            }
            standing.files.extend(files_of(&reading, table, requests).await?);
            standing.earlier.push(reading);
        }
        Ok(standing)
    }
}

/// The runs whose rows make way.
pub fn superseded_runs(earlier: &[Reading]) -> Vec<String> {
    let committed = earlier.iter().filter(|reading| reading.state == ReadingState::Committed);
    committed.filter_map(|reading| reading.run_id.clone()).collect()
}

/// The files that a reading has in the table.
async fn files_of(
    reading: &Reading,
    table: &OpenTable<'_>,
    requests: &Requests,
) -> Result<Vec<String>, CommitError> {
    match (reading.state, &reading.data_files) {
        (ReadingState::Committed, Some(files)) => return Ok(files.clone()),
        (ReadingState::Committed | ReadingState::Committing, _) => {}
        _ => return Ok(Vec::new()),
    }
    // Too many to be listed, or its commit broke off, perhaps behind the append.
    let request = requests.load(&reading.request()).await?;
    let request = match table.find(&request.request_id).await? {
        Some(found) => match found.rewritten {
            Some(key) => {
                let bucket = reading.request().bucket;
                requests.load(&CommitPointer { bucket, key }).await?
            }
            None => request,
        },
        None if reading.state == ReadingState::Committing => return Ok(Vec::new()),
        None => request,
    };
    Ok(request.data_files.into_iter().map(|file| file.path).collect())
}
