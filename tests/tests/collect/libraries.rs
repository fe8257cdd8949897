//! Segment's own libraries against the deployed function.

use std::collections::BTreeSet;
use std::process::Command;

use end_to_end::lake::{pyiceberg_rows, root};
use end_to_end::stack::output;

use super::source::Source;

/// The six calls, and the datasets that they come to.
const TABLES: [(&str, &str); 6] = [
    ("track", "tracks"),
    ("page", "pages"),
    ("screen", "screens"),
    ("identify", "identifies"),
    ("group", "groups"),
    ("alias", "aliases"),
];
/// How often each call is made.
const TIMES: usize = 60;

/// Runs a library's program; its arguments are the URL, the write key, a token and a number.
fn run(mut program: Command, source: &Source) {
    program.arg(output("SEGMENT_COLLECT_URL")).arg(&source.write_key).arg(&source.name);
    let run = program.arg(TIMES.to_string()).output().expect("the program can be started");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// Every message of every call is in its table once, read by `PyIceberg`.
async fn check_tables(source: &Source, library: &str) {
    let expected = TABLES.len() * TIMES;
    let landed = source.landed(expected).await;
    assert_eq!(landed.iter().map(|object| object.lines.len()).sum::<usize>(), expected);
    assert_eq!(source.committed(&landed).await, expected);
    for (kind, table) in TABLES {
        let rows = pyiceberg_rows(&format!("segment.{table}"), "context_locale", &source.name);
        assert_eq!(rows.len(), TIMES, "{table}");
        let ids: BTreeSet<&str> =
            rows.iter().map(|row| row["message_id"].as_str().unwrap()).collect();
        let sent: Vec<String> =
            (0..TIMES).map(|number| format!("{}/{library}/{kind}/{number}", source.name)).collect();
        assert_eq!(ids, sent.iter().map(String::as_str).collect(), "{table}");
        for row in &rows {
            assert_eq!(row["context_ip"], "192.0.2.0", "{table}");
            for time in ["received_at", "timestamp", "original_timestamp", "sent_at"] {
                assert!(row[time].is_string(), "{table} has no {time}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_python_library_sends_is_in_the_tables() {
    let source = Source::register().await;
    let mut program = Command::new(root().join(".tributary/venv-lake/bin/python"));
    program.arg(root().join("tests/python/segment_client.py"));
    run(program, &source);
    check_tables(&source, "python").await;
    source.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_node_library_sends_is_in_the_tables() {
    let folder = root().join(".tributary/node");
    if let Err(reason) = node(folder.join("node_modules/@segment/analytics-node").exists()) {
        eprintln!("skipped: {reason}");
        return;
    }
    let source = Source::register().await;
    let mut program = Command::new("node");
    program.arg(folder.join("segment_client.mjs"));
    run(program, &source);
    check_tables(&source, "node").await;
    source.forget().await;
}

/// Whether Segment's Node library can run here.
fn node(is_installed: bool) -> Result<(), String> {
    let Ok(asked) = Command::new("node").arg("--version").output() else {
        return Err("node is not installed".to_owned());
    };
    let version = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    if major.parse::<u32>().unwrap_or_default() < 20 {
        return Err(format!("node is {version}; the library wants 20 or newer"));
    }
    if is_installed { Ok(()) } else { Err("`make tools` did not install the library".to_owned()) }
}
