//! The tables as other engines read them.

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::NaiveDate;
use futures::TryStreamExt;
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
    rows(&pyiceberg(&["read", table, "--where", &format!("{column}={value}")]))
}

/// All rows of a table, read by PyIceberg.
pub fn pyiceberg_table(table: &str) -> Vec<Row> {
    rows(&pyiceberg(&["read", table]))
}

/// All rows of several tables, read by one PyIceberg: starting it takes longer than reading.
pub fn pyiceberg_tables<const TABLES: usize>(tables: &[String; TABLES]) -> [Vec<Row>; TABLES] {
    let mut arguments = vec!["read"];
    arguments.extend(tables.iter().map(String::as_str));
    let text = pyiceberg(&arguments);
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
    pyiceberg(&["files", table]).lines().map(str::to_owned).collect()
}

/// Has PyIceberg write all rows of a table into new files, as compaction does.
///
/// # Panics
/// Where PyIceberg cannot.
pub fn pyiceberg_rewrite(table: &str) {
    pyiceberg(&["rewrite", table]);
}

fn pyiceberg(arguments: &[&str]) -> String {
    let python = root().join(".tributary/venv-lake/bin/python");
    let script = root().join("tests/python/lake.py");
    let run = Command::new(python)
        .arg(script)
        .args(arguments)
        .output()
        .expect("`make tools` installs PyIceberg");
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
    let table = catalog.load_table(&identifier).await.expect("the table is in the catalog");
    let scan = table.scan().select(["message_id"]).build().expect("the scan can be planned");
    let batches: Vec<_> = scan
        .to_arrow()
        .await
        .expect("the scan starts")
        .try_collect()
        .await
        .expect("the files can be read");
    batches.iter().map(arrow_array::RecordBatch::num_rows).sum()
}
