//! The program, as the author of a contract calls it.
#![allow(clippy::unwrap_used)] // A test says by a panic what is wrong.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const MESSAGES: &str = r#"{"type":"track","event":"Clicked","messageId":"m-1","userId":"ada","anonymousId":"a","receivedAt":"2026-03-01T10:00:00Z","timestamp":"2026-03-01T10:00:00Z","context":{"ip":"192.0.2.7"}}
{"type":"track","event":"Clicked","messageId":"m-1","userId":"ada","anonymousId":"a","receivedAt":"2026-03-01T10:00:00Z","timestamp":"2026-03-01T10:00:00Z"}
{"type":"page","messageId":"m-2","anonymousId":"a","receivedAt":"2026-03-02T10:00:00Z","timestamp":"2026-03-02T10:00:00Z","color":"red"}
{"type":"page","messageId":"m-3","anonymousId":"a"}
{"type":"dance"}
no json
"#;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dry-run")).args(arguments).output().unwrap()
}

fn summary(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.push(entry.display().to_string());
        }
    }
    found.sort();
    found
}

#[test]
fn messages_are_counted_governed_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("messages.ndjson"), folder.path().join("out"));
    fs::write(&file, MESSAGES).unwrap();
    let done = run(&["--source", "segment", "--out", path(&out), path(&file)]);
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    let summary = summary(&done);
    let records = &summary["records"];
    assert_eq!((&records["records"], &records["routed"]), (&6.into(), &4.into()));
    assert_eq!(records["bytes"], MESSAGES.len());
    assert_eq!(summary["quarantined_by_reason"]["not_json"], 1);
    assert_eq!(summary["quarantined_by_reason"]["unknown_type"], 1);
    let tracks = &summary["datasets"]["segment.tracks"];
    assert_eq!(
        (&tracks["rows"]["committed"], &tracks["rows"]["deduplicated"]),
        (&1.into(), &1.into())
    );
    let pages = &summary["datasets"]["segment.pages"];
    assert_eq!(
        (&pages["rows"]["committed"], &pages["rows"]["quarantined"]),
        (&1.into(), &1.into())
    );
    assert_eq!(pages["quarantined_by_column"]["required_value_missing:received_at"], 1);
    assert_eq!(pages["unknown_members"]["color:string"], 1);
    let column = |name: &str| {
        let columns = tracks["columns"].as_array().unwrap();
        columns.iter().find(|column| column["name"] == name).unwrap().clone()
    };
    assert_eq!(column("event")["null_share"], 0.0);
    assert_eq!(column("context_page_url")["null_share"], 1.0);
    assert_eq!(tracks["schema_fingerprint"].as_str().unwrap().len(), 32);
    assert!(summary["seconds"].as_f64().unwrap() > 0.0);
    assert!(summary["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1_000_000));

    let written = files(&out);
    let of_tracks = out.join("segment/tracks/data/received_at_day=2026-03-01");
    assert!(written.iter().any(|file| file.starts_with(path(&of_tracks))), "{written:?}");
    let told = tracks["data_files"].as_array().unwrap();
    assert!(told.iter().all(|file| written.contains(&file.as_str().unwrap().to_owned())));
    assert!(written.contains(&summary["quarantine"].as_str().unwrap().to_owned()));
    for file in &written {
        let bytes = fs::read(file).unwrap();
        assert!(!bytes.windows(11).any(|part| part == b"192.0.2.7\"}"), "{file}");
    }
    // Once more gives the same and nothing beside it.
    let again = run(&["--source", "segment", "--out", path(&out), path(&file)]);
    assert_eq!(self::summary(&again)["datasets"], summary["datasets"]);
    assert_eq!(files(&out), written);
}

#[test]
fn a_load_of_a_table_is_known_by_its_path_or_by_the_key_that_is_said() {
    let row = "2026-03-01 10:00:00.000001,order-1,customer-1,paid,EUR,12.99,0.50,NULL,2026-03-01 09:00:00,2026-03-01 09:00:00\n";
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("databases/dms/shop/orders");
    fs::create_dir_all(&named).unwrap();
    let known = named.join("LOAD00000001.csv");
    fs::write(&known, row).unwrap();
    let elsewhere = folder.path().join("orders.csv");
    fs::write(&elsewhere, row).unwrap();
    let key = "databases/dms/shop/orders/LOAD00000001.csv";
    let by_path = summary(&run(&["--source", "database", path(&known)]));
    let by_key = summary(&run(&["--source", "database", "--as", key, path(&elsewhere)]));
    for summary in [&by_path, &by_key] {
        assert_eq!(summary["key"], key);
        let orders = &summary["datasets"]["shop.orders"];
        assert_eq!(orders["rows"]["committed"], 1, "{summary}");
        // Whether the customer exists only the table of customers tells.
        let names: Vec<_> =
            orders["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
        for not_checked in orders["not_checked"].as_array().unwrap() {
            assert!(!names.contains(&not_checked), "{orders}");
        }
    }
}

#[test]
fn a_report_of_an_advertising_account_is_read_as_people_download_it() {
    let report = "Campaign report\n\"March 1, 2026 - March 2, 2026\"\nDay,Customer ID,Campaign,Campaign ID,Currency code,Cost,Impr.,Clicks\n\
        2026-03-01,123-456-7890,\"Example, one\",1,EUR,\"1,012.40\",\"1,000\",10\n2026-03-02,123-456-7890,Example two,2,EUR,0.60, --,5\n\
        Total: Campaigns,--,--,--,EUR,\"1,013.00\",\"1,000\",15\n";
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("report.csv"), folder.path().join("out"));
    fs::write(&file, report).unwrap();
    let done = run(&["--source", "google-ads", "--out", path(&out), path(&file)]);
    assert!(done.status.success(), "{done:?}");
    let summary = summary(&done);
    let days = &summary["datasets"]["google_ads.campaign_daily"];
    assert_eq!(days["rows"]["committed"], 2, "{summary}");
    let written = files(&out.join("google_ads/campaign_daily/data/date=2026-03-01"));
    assert_eq!(written.len(), 1, "{written:?}");
}

#[test]
fn files_are_read_side_by_side_and_told_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for number in 0..5 {
        let file = folder.path().join(format!("{number}.ndjson"));
        fs::write(&file, MESSAGES.lines().next().unwrap()).unwrap();
        names.push(path(&file).to_owned());
    }
    let mut arguments = vec!["--source", "segment", "--threads", "2"];
    arguments.extend(names.iter().map(String::as_str));
    let done = run(&arguments);
    let told = serde_json::Deserializer::from_slice(&done.stdout).into_iter::<Value>();
    let told: Vec<String> =
        told.map(|one| one.unwrap()["file"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, names);
}

#[test]
fn what_cannot_be_read_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("a.gz");
    fs::write(&damaged, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]).unwrap();
    let done = run(&["--source", "segment", path(&damaged)]);
    assert_eq!(done.status.code(), Some(1));
    assert!(summary(&done)["error"].as_str().unwrap().contains("gzip"), "{done:?}");
    for (arguments, code, said) in [
        (vec!["--source", "segment", "/nowhere"], 1, "/nowhere cannot be read"),
        (vec!["--source", "segment"], 2, "FILE is missing"),
        (vec!["--source", "database", path(&damaged)], 1, "holds no data by its key"),
    ] {
        let done = run(&arguments);
        assert_eq!(done.status.code(), Some(code));
        let error = String::from_utf8(done.stderr).unwrap();
        assert!(error.contains(said), "{error}");
    }
}
