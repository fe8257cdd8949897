//! Personal data ends at the landing bucket and in quarantine. After files full of it went through the deployed stack, every
//! object of the lake, the ledger, the messages and the logs are searched for it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::DateTime;
use end_to_end::deployed::logs;
use end_to_end::lake::pyiceberg_rows;
use end_to_end::quarantine::quarantined_records;
use end_to_end::search::{LAKE_OBJECTS, Search, parquet_text};
use end_to_end::segment::{SegmentGenerator, personal_values};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique, unique_seed, wait_for};
use end_to_end::subscriber::Subscriber;
use ring::hmac;
use serde_json::{Value, json};

/// The objects of the lake that have come since a moment, below the tables of Segment and the requests for them.
async fn new_objects(stack: &Stack, since: DateTime) -> Vec<String> {
    let mut keys = Vec::new();
    for prefix in ["segment/", "_requests/segment/"] {
        keys.extend(stack.keys_since(&output("LAKE_BUCKET"), prefix, since).await);
    }
    keys
}

async fn search_lake(stack: &Stack, search: &Search, keys: &[String]) {
    let read = search.lake_objects(stack, keys).await;
    println!("searched {read:?}");
    assert_eq!(read.len(), LAKE_OBJECTS, "{read:?}");
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
    let search = Search::of(personal_values().into_iter().map(|value| (value.kind, value.text)));
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
        let (bucket, key) = (output("REPORTS_BUCKET"), lineage::object_key(run));
        let events = wait_for(&key, || stack.object(&bucket, &key)).await;
        search.assert_clean("the lineage of a run", &String::from_utf8_lossy(&events));
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
    for function in [
        "SEGMENT_TRANSFORM_FUNCTION_NAME",
        "LAKE_COMMIT_FUNCTION_NAME",
        "ANNOUNCE_FUNCTION_NAME",
        "LINEAGE_FUNCTION_NAME",
    ] {
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
    let search = Search::of(personal.map(|value| ("person", value.clone())));
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
