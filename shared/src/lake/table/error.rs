//! Why a table could not be changed.

/// Why a commit did not come about.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The catalog or the storage failed. A retry may help.
    #[error("table {table}: {source}")]
    Iceberg {
        /// The table.
        table: String,
        /// What Iceberg says.
        source: Box<iceberg::Error>,
    },
    /// The request's schema and the table's contradict each other. A person must look.
    #[error("table {table}: column {column} {problem}")]
    SchemaMismatch {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The contradiction.
        problem: String,
    },
    /// Somebody else has appended one of the requests, or changed the index of the table's keys, in the
    /// meantime. To be tried again from the start.
    #[error("table {table}: it has changed meanwhile")]
    Moved {
        /// The table.
        table: String,
    },
    /// Files that were to be replaced are not in the table, or no longer. A person must look.
    #[error("table {table}: not in its current snapshot: {}", files.join(", "))]
    NotInTable {
        /// The table.
        table: String,
        /// URIs of the files.
        files: Vec<String>,
    },
    /// The table does not exist, and the contract says that rows do not make it. A person must make it; then
    /// the request can be tried again.
    #[error(
        "table {table}: does not exist, and the contract of dataset {dataset} says that rows do not make it (evolution.tables: freeze)"
    )]
    NotMadeByRows {
        /// The table.
        table: String,
        /// The dataset.
        dataset: String,
    },
    /// A request that no table could take. A person must look.
    #[error("table {table}: malformed request: {problem}")]
    Malformed {
        /// The table.
        table: String,
        /// What is wrong.
        problem: String,
    },
}

pub(super) fn failed(table: &str, source: iceberg::Error) -> TableError {
    TableError::Iceberg { table: table.to_owned(), source: Box::new(source) }
}

pub(super) fn malformed(table: &str, problem: impl Into<String>) -> TableError {
    TableError::Malformed { table: table.to_owned(), problem: problem.into() }
}

pub(super) fn mismatch(table: &str, column: &str, problem: impl Into<String>) -> TableError {
    TableError::SchemaMismatch {
        table: table.to_owned(),
        column: column.to_owned(),
        problem: problem.into(),
    }
}

impl TableError {
    /// Whether a later attempt can end differently without anybody's doing.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Iceberg { .. } | Self::Moved { .. })
    }
}
