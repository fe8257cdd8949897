//! Iceberg tables: Parquet files with field ids, written as a stream, and their commit.

mod bounds;
mod column_keys;
mod columns;
mod describe;
mod key_index;
mod read;
mod row_keys;
mod statistics;
mod store;
mod table;
mod without_rows;
mod writer;

pub use column_keys::{ColumnKeysError, column_keys};
pub use key_index::{IndexedSegment, KeyIndex, SegmentError, SortedKeys};
pub use read::{DataFile, ReadError, RowBatches};
pub use row_keys::FileKeys;
pub use statistics::{Recount, RowStatistics};
pub use store::{Folder, Nowhere, ObjectSink, ObjectStore};
pub use table::{
    Append, ColumnChange, DataManifest, Effect, Found, Lake, LakeConfig, ListedFile, Missing,
    OpenTable, Replaced, Replacement, TableError,
};
pub use without_rows::{Rewrite, RewriteError};
pub use writer::{DatasetWriter, WriteError, Written};
