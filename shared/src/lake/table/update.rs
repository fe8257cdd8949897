//! A change of a table's metadata, committed under optimistic locking.
//!
//! The crate's transactions know a few kinds of changes; its `TableCommit` cannot be made outside of it.
//! What they do not know is done here in the way they do it: the new metadata is written beside the old,
//! and the catalog is asked to point at it, unless it points elsewhere by now. Then the table is loaded
//! again and the change is applied to what it has become. A change looks first whether it is in the
//! table already: the answer to an update that went through may have been lost.

use std::fmt::Debug;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use iceberg::io::FileIO;
use iceberg::spec::{TableMetadata, TableMetadataBuildResult, TableMetadataBuilder};
use iceberg::{ErrorKind, MetadataLocation, TableIdent};
use uuid::Uuid;

use super::error::{TableError, failed, malformed};

/// Others commit to a table as well, about once a second where it is busy.
const MOST_ATTEMPTS: u32 = 12;

/// The table property that says whether metadata is deleted that nothing names any more.
const DELETES_METADATA: &str = "write.metadata.delete-after-commit.enabled";

const MOST_DELETED_AT_ONCE: usize = 16;

/// The pause before the second attempt; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Where a catalog says that a table's metadata is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub metadata_location: String,
    /// What the catalog counts the table's updates by.
    pub version_id: Option<String>,
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advance {
    Done,
    /// The table was no longer where the update began.
    Conflict,
}

/// The two calls to a catalog that a commit needs.
#[async_trait]
pub(super) trait Pointer: Debug + Sync {
    async fn read(&self, table: &TableIdent) -> iceberg::Result<Position>;

    /// Points at new metadata, if the table is still at the position.
    async fn advance(
        &self,
        table: &TableIdent,
        from: &Position,
        to: &MetadataLocation,
        metadata: &TableMetadata,
    ) -> iceberg::Result<Advance>;
}

/// A table as it was read.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub metadata: TableMetadata,
    pub position: Position,
}

impl Base {
    /// Builds on this metadata, and remembers where it was.
    pub fn builder(&self) -> TableMetadataBuilder {
        self.metadata.clone().into_builder(Some(self.position.metadata_location.clone()))
    }
}

/// What a change makes of a table.
pub(super) enum Applied<T> {
    /// Nothing is left to be done.
    Unchanged(T),
    /// To be committed.
    Changed(Box<TableMetadataBuilder>, T),
}

/// A change that can be applied again where somebody else was faster.
pub(super) trait TableChange: Send {
    type Outcome: Send;

    fn apply(
        &mut self,
        base: &Base,
    ) -> impl Future<Output = Result<Applied<Self::Outcome>, TableError>> + Send;
}

/// Carries a change out. The first attempt builds on `known`, where the table was read a moment ago.
pub(super) async fn update<C: TableChange>(
    catalog: &dyn Pointer,
    storage: &FileIO,
    table: &TableIdent,
    known: Option<Base>,
    change: &mut C,
) -> Result<C::Outcome, TableError> {
    let name = table.to_string();
    let at = |source| failed(&name, source);
    let mut known = known;
    for attempt in 0..MOST_ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(pause(attempt)).await;
        }
        let base = match known.take() {
            Some(known) => known,
            None => read(catalog, storage, table).await.map_err(at)?,
        };
        let (builder, outcome) = match change.apply(&base).await? {
            Applied::Unchanged(outcome) => return Ok(outcome),
            Applied::Changed(builder, outcome) => (builder, outcome),
        };
        let built = builder.build().map_err(|error| invalid(&name, error))?;
        let location = MetadataLocation::from_str(&base.position.metadata_location)
            .map_err(at)?
            .with_next_version()
            .with_new_metadata(&built.metadata);
        let written = write(catalog, storage, table, &base.position, &location, &built.metadata);
        match written.await.map_err(at)? {
            Advance::Done => {
                delete(storage, &name, &left_behind(&base.metadata, &built)).await;
                return Ok(outcome);
            }
            Advance::Conflict => tracing::info!(table = name, attempt, "the table has moved on"),
        }
    }
    Err(TableError::Moved { table: name })
}

/// The table's metadata, and where the catalog says that it is.
pub(super) async fn read(
    catalog: &dyn Pointer,
    storage: &FileIO,
    table: &TableIdent,
) -> iceberg::Result<Base> {
    let position = catalog.read(table).await?;
    let metadata = TableMetadata::read_from(storage, &position.metadata_location).await?;
    Ok(Base { metadata, position })
}

/// Writes new metadata and has the catalog point at it. The metadata stays where it is in a conflict,
/// which may be with this very update, sent twice.
async fn write(
    catalog: &dyn Pointer,
    storage: &FileIO,
    table: &TableIdent,
    from: &Position,
    to: &MetadataLocation,
    metadata: &TableMetadata,
) -> iceberg::Result<Advance> {
    metadata.write_to(storage, to).await?;
    catalog.advance(table, from, to, metadata).await
}

/// Metadata that nothing names any more: earlier versions of the table's own, and the lists of snapshots that are
/// forgotten. Nothing where the table does not want it deleted.
fn left_behind(before: &TableMetadata, built: &TableMetadataBuildResult) -> Vec<String> {
    if before.properties().get(DELETES_METADATA).map(String::as_str) != Some("true") {
        return Vec::new();
    }
    let versions = built.expired_metadata_logs.iter().map(|log| log.metadata_file.clone());
    let mut paths: Vec<String> = versions.collect();
    for snapshot in before.snapshots() {
        if built.metadata.snapshot_by_id(snapshot.snapshot_id()).is_none() {
            paths.push(snapshot.manifest_list().to_owned());
        }
    }
    paths
}

/// Deletes as far as it can: the change is done, and what is left behind harms nobody.
async fn delete(storage: &FileIO, table: &str, paths: &[String]) {
    for some in paths.chunks(MOST_DELETED_AT_ONCE) {
        let deletions = some.iter().map(|path| storage.delete(path));
        for (path, deleted) in some.iter().zip(join_all(deletions).await) {
            if let Err(error) = deleted {
                tracing::warn!(table, path, %error, "metadata that nothing names was left behind");
            }
        }
    }
}

/// What the metadata's rules forbid stays forbidden; all else may pass.
pub(super) fn invalid(table: &str, error: iceberg::Error) -> TableError {
    match error.kind() {
        ErrorKind::DataInvalid => malformed(table, error.message()),
        _ => failed(table, error),
    }
}

/// Between half and the whole of a time that doubles, so that two who collided part.
fn pause(attempt: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << attempt.min(16)).min(LONGEST_PAUSE);
    let share = Uuid::now_v7().as_u64_pair().1 % 1_024;
    whole / 2 + (whole / 2).mul_f64(share as f64 / 1_024.0)
}
