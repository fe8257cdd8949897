//! The tables as other engines read them.

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::NaiveDate;
use futures::TryStreamExt;
use iceberg::table::Table;
use iceberg::{Catalog, CatalogBuilder, TableIdent};
use iceberg_catalog_glue::GlueCatalogBuilder;
use serde_json::{Map, Value};

use crate::stack::output;

/// A row as PyIceberg gives it, without its empty columns.
pub type Row = Map<String, Value>;

/// The root of the repository.
///
/// # Panics
/// Never: the crate stands in a folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests stand in the repository")
        .to_path_buf()
}

/// The rows of a table where a column has a value, read by PyIceberg.
///
/// # Panics
/// Where PyIceberg cannot read the table.
pub fn pyiceberg_rows(table: &str, column: &str, value: &str) -> Vec<Row> {
    rows(&lake(&["read", table, "--where", &format!("{column}={value}")]))
}

/// All rows of a table, read by PyIceberg.
pub fn pyiceberg_table(table: &str) -> Vec<Row> {
    rows(&lake(&["read", table]))
}

/// All rows of several tables, read by one PyIceberg: starting it takes longer than reading.
pub fn pyiceberg_tables<const TABLES: usize>(tables: &[String; TABLES]) -> [Vec<Row>; TABLES] {
    let mut arguments = vec!["read"];
    arguments.extend(tables.iter().map(String::as_str));
    let text = lake(&arguments);
    let mut parts = text.split("---\n");
    std::array::from_fn(|_| rows(parts.next().unwrap_or_default()))
}

fn rows(text: &str) -> Vec<Row> {
    text.lines().map(|line| serde_json::from_str(line).expect("lake.py writes json")).collect()
}

/// The current rows of a dataset of a database table, by the query that ships for an engine, of the changes that were captured
/// at one source.
///
/// # Panics
/// Where the query fails.
pub fn current_rows(dataset: &str, dialect: &str, source: &str) -> Vec<Row> {
    let python = root().join(".tributary/venv-lake/bin/python");
    let script = root().join("tests/python/current_rows.py");
    let run = Command::new(python)
        .arg(script)
        .args([dataset, dialect, "--source", source])
        .output()
        .expect("`make tools` installs DuckDB");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    rows(&String::from_utf8(run.stdout).expect("current_rows.py writes utf-8"))
}

/// The rows of a dataset that hold, by the query that ships for an engine, where a column has a value.
///
/// # Panics
/// Where the query fails.
pub fn current_rows_where(dataset: &str, dialect: &str, column: &str, value: &str) -> Vec<Row> {
    let python = root().join(".tributary/venv-lake/bin/python");
    let script = root().join("tests/python/current_rows.py");
    let run = Command::new(python)
        .arg(script)
        .args([dataset, dialect, "--where", &format!("{column}={value}")])
        .output()
        .expect("`make tools` installs DuckDB");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    rows(&String::from_utf8(run.stdout).expect("current_rows.py writes utf-8"))
}

/// Campaign performance from one day to another, by the query that ships for an engine.
///
/// # Panics
/// Where the query fails.
pub fn performance_rows(dialect: &str, from: NaiveDate, to: NaiveDate) -> Vec<Row> {
    let python = root().join(".tributary/venv-lake/bin/python");
    let script = root().join("tests/python/current_rows.py");
    let run = Command::new(python)
        .arg(script)
        .args(["marketing.campaign_performance", dialect])
        .args(["--between", &format!("date={from},{to}")])
        .output()
        .expect("`make tools` installs DuckDB");
    // The table is made with its first rows.
    if !run.status.success() && String::from_utf8_lossy(&run.stderr).contains("NoSuchTable") {
        return Vec::new();
    }
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    rows(&String::from_utf8(run.stdout).expect("current_rows.py writes utf-8"))
}

/// The data files of a table, told by PyIceberg.
pub fn pyiceberg_files(table: &str) -> Vec<String> {
    lake(&["files", table]).lines().map(str::to_owned).collect()
}

/// The columns that Glue lists for a table, and whether they are today's.
///
/// # Panics
/// Where there is no such table.
pub fn glue_columns(table: &str) -> Vec<(String, bool)> {
    let text = lake(&["columns", table]);
    let column = |line: &str| {
        let (name, current) = line.split_once(' ').expect("lake.py tells name and state");
        (name.to_owned(), current == "true")
    };
    text.lines().map(column).collect()
}

/// Has PyIceberg write all rows of a table into new files, as compaction does.
///
/// # Panics
/// Where PyIceberg cannot.
pub fn pyiceberg_rewrite(table: &str) {
    lake(&["rewrite", table]);
}

/// A snapshot's rows.
#[derive(Debug)]
pub struct SnapshotRows {
    /// They were read by the metadata of the time, not by today's.
    pub then: bool,
    /// The snapshot.
    pub snapshot_id: i64,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// What reads tables of Iceberg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// PyIceberg.
    PyIceberg,
    /// DuckDB's own implementation.
    DuckDb,
}

impl Engine {
    /// All.
    pub const ALL: [Self; 2] = [Self::PyIceberg, Self::DuckDb];

    /// The rows of one query in DuckDB's SQL over some tables, which it names as the catalog does.
    ///
    /// # Panics
    /// Where the engine cannot read a table, or the query fails.
    pub fn query(self, query: &str, tables: &[&str]) -> Vec<Row> {
        let mut arguments = vec!["query", query];
        arguments.extend(tables);
        arguments.extend(["--engine", self.name()]);
        rows(&lake(&arguments))
    }

    /// The rows of every snapshot of a table, in their order: by the metadata of the time, and again by
    /// today's, travelling back.
    ///
    /// # Panics
    /// Where the engine cannot read the table.
    pub fn history(self, table: &str) -> Vec<SnapshotRows> {
        history(&lake(&["history", table, "--engine", self.name()]))
    }

    fn name(self) -> &'static str {
        match self {
            Self::PyIceberg => "pyiceberg",
            Self::DuckDb => "duckdb",
        }
    }
}

fn history(text: &str) -> Vec<SnapshotRows> {
    let mut snapshots = Vec::new();
    let mut before = 0;
    for (position, _) in text.match_indices("--- ") {
        let end = text[position..].find('\n').map_or(text.len(), |length| position + length);
        let mut words = text[position..end].split(' ').skip(1);
        let then = words.next() == Some("then");
        let snapshot_id = words.next().and_then(|id| id.parse().ok());
        snapshots.push(SnapshotRows {
            then,
            snapshot_id: snapshot_id.expect("lake.py names the snapshot"),
            rows: rows(&text[before..position]),
        });
        before = end + 1;
    }
    snapshots
}

fn lake(arguments: &[&str]) -> String {
    let python = root().join(".tributary/venv-lake/bin/python");
    let script = root().join("tests/python/lake.py");
    let run = Command::new(python).arg(script).args(arguments).output();
    let run = run.expect("`make tools` installs PyIceberg and DuckDB");
    assert!(
        run.status.success(),
        "lake.py {arguments:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    String::from_utf8(run.stdout).expect("lake.py writes utf-8")
}

/// How many rows of a table this Rust implementation of Iceberg reads.
///
/// # Panics
/// Where it cannot read the table.
pub async fn rust_row_count(table: &str) -> usize {
    let batches = rust_rows(table, &["message_id"]).await;
    batches.iter().map(arrow_array::RecordBatch::num_rows).sum()
}

/// The rows of a table as this Rust implementation of Iceberg reads them.
///
/// # Panics
/// Where it cannot read the table.
pub async fn rust_rows(table: &str, columns: &[&str]) -> Vec<arrow_array::RecordBatch> {
    let table = rust_table(table).await;
    let scan =
        table.scan().select(columns.iter().copied()).build().expect("the scan can be planned");
    scan.to_arrow()
        .await
        .expect("the scan starts")
        .try_collect()
        .await
        .expect("the files can be read")
}

/// A table as this Rust implementation of Iceberg finds it.
///
/// # Panics
/// Where it cannot find the table.
pub async fn rust_table(table: &str) -> Table {
    let properties = [
        ("warehouse", format!("s3://{}", output("LAKE_BUCKET"))),
        ("uri", output("AWS_ENDPOINT_URL")),
        ("s3.path-style-access", "true".to_owned()),
        ("s3.region", output("AWS_REGION")),
    ];
    let properties = properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let catalog =
        GlueCatalogBuilder::default().load("glue", properties).await.expect("the catalog opens");
    let identifier =
        TableIdent::from_strs(table.split('.')).expect("a table has a database and a name");
    catalog.load_table(&identifier).await.expect("the table is in the catalog")
}
