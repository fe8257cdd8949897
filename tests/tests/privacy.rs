//! Personal data ends at the landing bucket and in quarantine. After files full of it went through the deployed stack, every
//! object of the lake, the ledger, the messages and the logs are searched for it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::DateTime;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use end_to_end::deployed::logs;
use end_to_end::lake::pyiceberg_rows;
use end_to_end::quarantine::quarantined_records;
use end_to_end::segment::{SegmentGenerator, personal_values};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique, unique_seed, wait_for};
use end_to_end::subscriber::Subscriber;
use iceberg::spec::{FormatVersion, Manifest, ManifestList};
use parquet::file::reader::{FileReader, SerializedFileReader};
use ring::hmac;
use serde_json::{Value, json};
use shared::event::CommitRequest;

/// Looks for personal data in texts.
struct Search(Vec<(&'static str, String)>);

impl Search {
    fn new() -> Self {
        Self(
            personal_values()
                .into_iter()
                .map(|value| (value.kind, value.text.to_lowercase()))
                .collect(),
        )
    }

    /// The kinds of personal data in a text.
    fn kinds(&self, text: &str) -> BTreeSet<&'static str> {
        let text = text.to_lowercase();
        self.0.iter().filter(|(_, value)| text.contains(value)).map(|(kind, _)| *kind).collect()
    }

    /// Fails where there is any. The text itself is not shown: a failure must not print what must not be seen.
    fn assert_clean(&self, place: &str, text: &str) {
        let found = self.kinds(text);
        assert!(found.is_empty(), "{place} holds personal data: {found:?}");
    }
}

/// Everything in a Parquet file: its bytes as they lie there, names and statistics in its footer, its rows.
fn parquet_text(bytes: Vec<u8>) -> String {
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    writeln!(text, "{:?}", reader.metadata()).unwrap();
    for row in reader.get_row_iter(None).unwrap() {
        writeln!(text, "{}", row.unwrap()).unwrap();
    }
    text
}

/// A commit request, with the bounds of its columns read.
fn request_text(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    let request: CommitRequest = serde_json::from_slice(bytes).unwrap();
    for file in &request.data_files {
        for bound in file.lower_bounds.values().chain(file.upper_bounds.values()) {
            text.push_str(&String::from_utf8_lossy(&STANDARD.decode(bound).unwrap()));
            text.push('\n');
        }
    }
    text
}

/// A manifest or a list of them, as its bytes lie there and as Iceberg reads it.
fn avro_text(key: &str, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if key.contains("/snap-") {
        return format!(
            "{text}{:?}",
            ManifestList::parse_with_version(bytes, FormatVersion::V2).unwrap()
        );
    }
    format!("{text}{:?}", Manifest::parse_avro(bytes).unwrap())
}

/// The objects of the lake that have come since a moment, below the tables of Segment and the requests for them.
async fn new_objects(stack: &Stack, since: DateTime) -> Vec<String> {
    let mut keys = Vec::new();
    for prefix in ["segment/", "_requests/segment/"] {
        let mut pages = stack
            .s3
            .list_objects_v2()
            .bucket(output("LAKE_BUCKET"))
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                if object.last_modified().is_some_and(|at| at.secs() >= since.secs()) {
                    keys.push(object.key().unwrap().to_owned());
                }
            }
        }
    }
    keys
}

async fn search_lake(stack: &Stack, search: &Search, keys: &[String]) {
    let mut read =
        HashMap::from([("parquet", 0), ("avro", 0), ("metadata.json", 0), ("request", 0)]);
    for key in keys {
        // A table's metadata of some versions ago is deleted by those that follow.
        let Some(bytes) = stack.object(&output("LAKE_BUCKET"), key).await else {
            continue;
        };
        let (kind, text) = match key.rsplit('.').next() {
            Some("parquet") => ("parquet", parquet_text(bytes)),
            Some("avro") => ("avro", avro_text(key, &bytes)),
            _ if key.starts_with("_requests/") => ("request", request_text(&bytes)),
            _ if key.ends_with(".metadata.json") => {
                ("metadata.json", String::from_utf8(bytes).unwrap())
            }
            _ => panic!("{key} is no object that the lake has"),
        };
        search.assert_clean(key, &text);
        search.assert_clean("a key of the lake", key);
        *read.get_mut(kind).unwrap() += 1;
    }
    println!("searched {read:?}");
    assert!(read.values().all(|count| *count > 0), "{read:?}");
}

async fn search_ledger(stack: &Stack, search: &Search, dropped: &Dropped) {
    let query = stack
        .dynamodb
        .query()
        .table_name(output("INPUTS_TABLE"))
        .key_condition_expression("#input = :input");
    let query = query
        .expression_attribute_names("#input", "input")
        .expression_attribute_values(":input", AttributeValue::S(dropped.input.uri()));
    for item in query.send().await.unwrap().items() {
        search.assert_clean("an item of the inputs", &format!("{item:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_personal_value_leaves_landing_and_quarantine() {
    let stack = Stack::connect().await;
    let search = Search::new();
    let generator = SegmentGenerator::new(unique_seed())
        .events(2_500)
        .people(400)
        .every_damage_share(0.006)
        .duplicate_share(0.02)
        .days(2);
    let (lines, expected) = generator.file();
    let subscriber = Subscriber::to(&stack, json!({"outcome": [{"exists": true}]})).await;
    let dropped = stack
        .drop_object(&format!("segment/privacy-{}/{}", unique(), generator.key()), gzip(&lines))
        .await;
    let put = stack
        .s3
        .head_object()
        .bucket(&dropped.input.bucket)
        .key(&dropped.key)
        .send()
        .await
        .unwrap();
    let run = stack.await_input(&dropped.input).await;
    let runs = stack.await_datasets(&dropped.input, expected.datasets.len()).await;

    // The search finds what is there to be found …
    let kinds: BTreeSet<&str> = personal_values().iter().map(|value| value.kind).collect();
    assert_eq!(
        search.kinds(&String::from_utf8_lossy(&lines)),
        kinds,
        "the landed file holds personal data of every kind"
    );
    let kept: Vec<u8> = quarantined_records(&stack, &run)
        .await
        .iter()
        .flat_map(|entry| entry.decode().unwrap())
        .collect();
    assert!(
        search.kinds(&String::from_utf8_lossy(&kept)).len() > 3,
        "quarantine keeps the original bytes"
    );

    // … and does not find it anywhere else.
    let keys = new_objects(&stack, *put.last_modified().unwrap()).await;
    for file in runs.values().flat_map(|run| &run.data_files) {
        assert!(keys.iter().any(|key| file.ends_with(key)), "{file} would not be searched");
    }
    search_lake(&stack, &search, &keys).await;
    search_ledger(&stack, &search, &dropped).await;
    for run in runs.values().chain([&run]) {
        search.assert_clean("a run", &serde_json::to_string(run).unwrap());
    }
    for body in subscriber.bodies_of(&dropped, runs.len() + 1).await {
        search.assert_clean("a message", &body);
    }
    subscriber.leave().await;
    let project = generator.key().split('/').nth(1).unwrap().to_owned();
    for table in expected.datasets.keys() {
        let rows = pyiceberg_rows(&format!("segment.{table}"), "project_id", &project);
        search.assert_clean(table, &serde_json::to_string(&rows).unwrap());
    }
    search_logs(&search, &dropped);
}

fn search_logs(search: &Search, dropped: &Dropped) {
    for function in
        ["SEGMENT_TRANSFORM_FUNCTION_NAME", "LAKE_COMMIT_FUNCTION_NAME", "ANNOUNCE_FUNCTION_NAME"]
    {
        let lines = logs(&output(function));
        assert!(!lines.is_empty(), "{function} has no logs");
        assert!(
            function != "SEGMENT_TRANSFORM_FUNCTION_NAME" || lines.contains(&dropped.key),
            "the logs are of other files"
        );
        search.assert_clean(function, &lines);
    }
}

/// The pseudonym of a value under the deployed key.
async fn pseudonym(stack: &Stack, value: &str) -> String {
    let client = aws_sdk_secretsmanager::Client::new(&stack.config);
    let secret =
        client.get_secret_value().secret_id(output("PSEUDONYM_SECRET_ARN")).send().await.unwrap();
    let secret: Value = serde_json::from_str(secret.secret_string().unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret["key"].as_str().unwrap().as_bytes());
    let tag = hmac::sign(&key, value.as_bytes());
    tag.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_the_same_in_every_dataset_and_however_written() {
    let stack = Stack::connect().await;
    let (project, user) = (unique(), format!("user-{}", unique()));
    let line = |message_type: &str, user: &str, more: &str| {
        let message = format!("{project}-{message_type}");
        format!(
            r#"{{"type":"{message_type}","messageId":"{message}","userId":"{user}","receivedAt":"2026-03-01T10:00:00Z","projectId":"{project}"{more}}}"#
        )
    };
    let first = [
        line("page", &user, ""),
        line("track", &format!(" {user} "), r#","event":"Signed Up""#),
        line("identify", &user, r#","traits":{"email":" Zebedee.Quillfeather@Example.COM "}"#),
    ];
    let second = [line(
        "group",
        &user,
        r#","groupId":"acct","traits":{"email":"zebedee.quillfeather@example.com"}"#,
    )];
    for (number, lines) in [first.as_slice(), second.as_slice()].into_iter().enumerate() {
        let key = format!("segment/privacy-{project}/{number}.gz");
        let dropped = stack.drop_object(&key, gzip(lines.join("\n").as_bytes())).await;
        stack.await_datasets(&dropped.input, lines.len()).await;
    }
    let expected = pseudonym(&stack, &user).await;
    for table in ["pages", "tracks", "identifies", "groups"] {
        let rows = pyiceberg_rows(&format!("segment.{table}"), "project_id", &project);
        assert_eq!(rows.len(), 1, "{table}");
        assert_eq!(rows[0]["user_id"], expected, "{table}");
    }
    let email = pseudonym(&stack, "zebedee.quillfeather@example.com").await;
    for table in ["identifies", "groups"] {
        let rows = pyiceberg_rows(&format!("segment.{table}"), "project_id", &project);
        assert!(
            rows[0].values().any(|value| *value == email),
            "{table} has the pseudonym of the address"
        );
    }
}

/// The customers of a production database, by the Database Migration Service: nothing personal beyond landing and quarantine, and
/// the same person as in Segment.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_of_the_database_is_the_same_person_and_as_well_hidden() {
    let stack = Stack::connect().await;
    let token = unique();
    let (id, email) = (format!("person-{token}"), format!("Zoë.{token}@Example.com"));
    let (name, phone) =
        (format!("Zebedee Quillfeather-{token}"), format!("+49 30 {}", digits(&token)));
    let row = |id: &str, consent: &str| {
        format!(
            "2026-03-01 10:00:00.000000,{id},\" {email} \",{name},{phone},DE,{consent},2026-03-01 09:00:00,2026-03-01 09:00:00\n"
        )
    };
    let key = format!("databases/dms/{token}/shop/customers/LOAD00000001.csv");
    let body = row(&id, "t") + &row(&format!("{id}-other"), "neither");
    let dropped = stack.drop_object(&key, body.into_bytes()).await;
    let run_of = async |dataset: Option<&'static str>| {
        wait_for(&format!("the run of {key}"), || {
            stack.run_of("database-transform", &dropped.input, dataset)
        })
        .await
    };
    let (of_dataset, of_file) = (run_of(Some("shop.customers")).await, run_of(None).await);

    let personal = [&email, &name, &phone, &id];
    let search = Search(personal.map(|value| ("person", value.to_lowercase())).to_vec());
    let kept = quarantined_records(&stack, &of_file).await;
    assert_eq!(kept.len(), 1);
    assert!(!search.kinds(&String::from_utf8_lossy(&kept[0].decode().unwrap())).is_empty());
    for file in &of_dataset.data_files {
        let (_, key) = file.trim_start_matches("s3://").split_once('/').unwrap();
        let bytes = stack.object(&output("LAKE_BUCKET"), key).await.unwrap();
        search.assert_clean(key, &parquet_text(bytes));
    }
    search_ledger(&stack, &search, &dropped).await;
    for run in [&of_dataset, &of_file] {
        search.assert_clean("a run", &serde_json::to_string(run).unwrap());
    }
    for function in ["DATABASE_TRANSFORM_FUNCTION_NAME", "LAKE_COMMIT_FUNCTION_NAME"] {
        search.assert_clean(function, &logs(&output(function)));
    }

    let rows = pyiceberg_rows("shop.customers", "id", &pseudonym(&stack, &id).await);
    let [row] = rows.as_slice() else { panic!("{} rows", rows.len()) };
    search.assert_clean("shop.customers", &serde_json::to_string(row).unwrap());
    assert_eq!(row["email"], pseudonym(&stack, &email.to_lowercase()).await);
}

/// Digits that nobody else has.
fn digits(token: &str) -> String {
    token.bytes().rev().take(9).map(|byte| char::from(b'0' + byte % 10)).collect()
}
