//! Iceberg tables: Parquet files with field ids, written as a stream, and their commit.

mod bounds;
mod columns;
mod store;
mod table;
mod writer;

pub use store::{Folder, ObjectSink, ObjectStore};
pub use table::{Appended, Lake, LakeConfig, TableError};
pub use writer::{DatasetWriter, WriteError, Written};
