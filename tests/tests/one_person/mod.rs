//! One person in every source: the same pseudonym in all of them, so that one query joins them, and nothing of the person
//! anywhere but in landing and in the records that quarantine keeps.

mod person;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::primitives::DateTime;
use end_to_end::deployed::{all_logs, invoke};
use end_to_end::lake::Engine;
use end_to_end::quarantine::quarantined_records;
use end_to_end::search::{LAKE_OBJECTS, Search};
use end_to_end::stack::{Stack, output, unique, wait_for};
use end_to_end::subscriber::Subscriber;
use person::Person;
use serde_json::json;
use shared::attribution::key;
use shared::attribution::order::OrderState;
use shared::state::{StateTable, Store as _};
use sources::Sent;

/// Segment's visit and profile, the shop's customer and order, and Google's click.
const JOURNEY: &str = "
    select p.user_id as person, i.email, i.phone, o.id as order_id, v.campaign_id
    from segment.pages p
    join segment.identifies i on i.user_id = p.user_id and i.project_id = p.project_id
    join shop.customers c on c.id = p.user_id and c.email = i.email and c.phone = i.phone
    join shop.orders o on o.customer_id = c.id and o._source = c._source
    join google_ads.click_view v on v.gclid = p.gclid and v.gclid = o.gclid
    where p.project_id = '{project}'
";
const TABLES: [&str; 5] = [
    "segment.pages",
    "segment.identifies",
    "shop.customers",
    "shop.orders",
    "google_ads.click_view",
];

#[tokio::test(flavor = "multi_thread")]
async fn one_person_is_one_pseudonym_in_every_source_and_nothing_else() {
    let stack = Stack::connect().await;
    let (person, since) = (Person::new(), now(&stack).await);
    let search = person.search();
    let topics = ["DATASETS_TOPIC_ARN", "REPORTS_TOPIC_ARN", "ALARMS_TOPIC_ARN"];
    let mut subscribers = Vec::new();
    for topic in topics {
        subscribers.push(Subscriber::to_topic(&stack, output(topic), json!({})).await);
    }
    let sent = Sent::by(&stack, &person, since).await;
    check_journey(&sent, &search);
    report(&stack, &sent.project).await;

    // The search finds the person where the person may be …
    let found: BTreeSet<&str> = sent.bodies.iter().flat_map(|body| search.kinds(body)).collect();
    assert_eq!(found, Person::KINDS.into());
    check_quarantine(&stack, &sent, &search).await;
    // … and nowhere else.
    search_buckets(&stack, &search, since).await;
    for table in ["INPUTS_TABLE", "RUNS_TABLE", "ATTRIBUTION_TABLE", "PULLS_TABLE"] {
        search_table(&stack, &search, table).await;
    }
    for (topic, subscriber) in topics.iter().zip(subscribers) {
        let bodies = subscriber.bodies().await;
        assert!(*topic != "DATASETS_TOPIC_ARN" || bodies.len() >= sent.runs.len(), "{topic}");
        for body in &bodies {
            search.assert_clean(topic, body);
        }
        subscriber.leave().await;
    }
    search_logs(&search);
}

/// The moment as S3 tells it.
async fn now(stack: &Stack) -> DateTime {
    let key = format!("one-person/{}", unique());
    let bucket = output("LANDING_BUCKET");
    stack.drop_object(&key, Vec::new()).await;
    let head = stack.s3.head_object().bucket(bucket).key(key).send().await.unwrap();
    *head.last_modified().unwrap()
}

/// One row, by either engine: the person, known by what all sources have written differently.
fn check_journey(sent: &Sent, search: &Search) {
    let query = JOURNEY.replace("{project}", &sent.project);
    let mut journeys = Vec::new();
    for engine in Engine::ALL {
        let rows = engine.query(&query, &TABLES);
        let [row] = &rows[..] else { panic!("{engine:?}: {} rows", rows.len()) };
        assert_eq!(row["order_id"], sent.project, "{engine:?}");
        assert_eq!(row["campaign_id"], "7", "{engine:?}");
        search.assert_clean("the journey", &json!(row).to_string());
        journeys.push(row.clone());
    }
    assert_eq!(journeys[0], journeys[1]);
    let pseudonyms: BTreeSet<&str> =
        ["person", "email", "phone"].map(|column| journeys[0][column].as_str().unwrap()).into();
    assert_eq!(pseudonyms.len(), 3);
    for pseudonym in pseudonyms {
        assert!(pseudonym.len() == 64 && pseudonym.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}

/// Has what was learned of the person's order reported.
async fn report(stack: &Stack, order: &str) {
    let state = StateTable::new(stack.dynamodb.clone(), output("ATTRIBUTION_TABLE"));
    wait_for("the attribution of the order", || async {
        let item = state.get(&key::order(order)).await.unwrap()?;
        item.read::<OrderState>().unwrap().attributed
    })
    .await;
    let function = output("REPORT_FUNCTION_NAME");
    invoke(&function, &json!({"task": "refresh"}));
    let page = json!({"task": "page", "from": "2026-02-15", "to": "2026-03-14", "id": unique()});
    invoke(&function, &page);
}

/// Of a record that cannot be read, its bytes alone tell who it is about.
async fn check_quarantine(stack: &Stack, sent: &Sent, search: &Search) {
    let mut kept = BTreeMap::new();
    for run in sent.runs.iter().filter(|run| run.dataset.is_none() && run.quarantine.is_some()) {
        for mut entry in quarantined_records(stack, run).await {
            let record = entry.decode().unwrap();
            entry.record = None;
            search.assert_clean("why a record was refused", &json!(entry).to_string());
            let found = search.kinds(&String::from_utf8_lossy(&record));
            kept.entry(run.job.as_str()).or_insert_with(BTreeSet::new).extend(found);
        }
    }
    let jobs: Vec<&str> = kept.keys().copied().collect();
    assert_eq!(jobs, ["database-transform", "google-ads-transform", "segment-transform"]);
    assert!(kept.values().all(|kinds| kinds.contains("e-mail")), "{kept:?}");
}

/// The keys of all buckets, and what has come to those that are neither landing nor quarantine.
async fn search_buckets(stack: &Stack, search: &Search, since: DateTime) {
    let buckets = stack.s3.list_buckets().send().await.unwrap();
    for bucket in buckets.buckets().iter().filter_map(|bucket| bucket.name()) {
        for key in stack.keys_since(bucket, "", since).await {
            search.assert_clean(&format!("a key of {bucket}"), &key);
        }
    }
    let lake = stack.keys_since(&output("LAKE_BUCKET"), "", since).await;
    let read = search.lake_objects(stack, &lake).await;
    println!("searched {read:?}");
    assert!(read.len() >= LAKE_OBJECTS, "{read:?}");
    let reports = output("REPORTS_BUCKET");
    let pages = stack.keys_since(&reports, "", since).await;
    assert!(!pages.is_empty(), "there is a report");
    for key in pages {
        let page = stack.object(&reports, &key).await.unwrap();
        search.assert_clean(&key, &String::from_utf8_lossy(&page));
    }
}

async fn search_table(stack: &Stack, search: &Search, table: &str) {
    let scan = stack.dynamodb.scan().table_name(output(table));
    let mut pages = scan.into_paginator().send();
    let mut items = 0;
    while let Some(page) = pages.next().await {
        for item in page.unwrap().items() {
            search.assert_clean(table, &format!("{item:?}"));
            items += 1;
        }
    }
    println!("searched {items} items of {table}");
    assert!(items > 0 || table == "PULLS_TABLE", "{table} has no items");
}

/// All log groups; metrics are in the logs as well.
fn search_logs(search: &Search) {
    let logs = all_logs();
    for function in [
        "SEGMENT_COLLECT",
        "LAND",
        "DATABASE_CAPTURE",
        "DYNAMODB_CAPTURE",
        "SEGMENT_TRANSFORM",
        "DATABASE_TRANSFORM",
        "GOOGLE_ADS_TRANSFORM",
        "LAKE_COMMIT",
        "ANNOUNCE",
        "ATTRIBUTE",
        "REPORT",
    ] {
        let name = output(&format!("{function}_FUNCTION_NAME"));
        assert!(logs.contains(&name), "{name} has no logs");
    }
    assert!(logs.contains("CloudWatchMetrics"), "metrics are searched too");
    search.assert_clean("a log", &logs);
}
