//! The transform of captured database tables.
//!
//! Input: SQS messages that tell of objects below `databases/` in the landing bucket: files of the
//! Database Migration Service, exports of snapshots, change records of triggers, stream records of
//! DynamoDB. Output: Parquet files in the lake and a commit request for each dataset. A dataset of a
//! table is a log of its changes; its current rows are a query away (`sql/`).
//!
//! What is alike in all of them — an operation, a sequence, a moment, a row — is a [`Change`]; each
//! layout has a module that makes it.

mod change;
mod current_rows;
mod delimited;
mod dynamodb;
mod parquet_file;
mod routing;
mod sequence;
mod trigger;
mod value;

use std::io::Read;
use std::sync::Arc;

use shared::contract::contracts_of;
use shared::transform::{Ended, Format, Origin, RecordSink, Source, StretchError};

pub use change::{Change, Table, Tables};
pub use current_rows::{Dialect, current_rows};
pub use routing::TableRouter;
pub use shared::landing::{FileRole, Place};

/// The job's name in the ledger.
pub const JOB: &str = "database-transform";

/// Captured database tables, as a source of the stretch that all transforms have in common.
pub fn source() -> Source {
    let contracts = contracts_of("database");
    Source {
        job: JOB,
        format: Arc::new(CapturedChanges),
        router: Arc::new(TableRouter::new(&contracts)),
        contracts,
        holds_data: |key| Place::of(key).holds_data(),
    }
}

/// Decodes every layout that a capture has; the key says which it is.
#[derive(Debug, Clone, Copy)]
pub struct CapturedChanges;

impl Format for CapturedChanges {
    fn read(
        &self,
        input: &Origin,
        source: &mut (dyn Read + Send),
        records: &mut RecordSink<'_>,
    ) -> Result<Ended, StretchError> {
        let tables = &Tables::new(records);
        let place = Place::of(&input.key);
        match &place {
            Place::Changes { database } => trigger::read(input, database, tables, source, records),
            Place::DynamoDb { table } => dynamodb::read(input, table, tables, source, records),
            Place::Files { role, .. } if place.is_parquet() => {
                parquet_file::read(input, &place, *role, tables, source, records)
            }
            Place::Files { role, .. } => {
                delimited::read(input, &place, *role, tables, source, records)
            }
        }
    }
}
