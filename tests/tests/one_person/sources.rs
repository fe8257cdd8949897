//! The person in every source: where a contract expects them, where nobody does, and in records that cannot be read.

use std::io::Read as _;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::DateTime;
use end_to_end::deployed::invoke;
use end_to_end::stack::{Dropped, Stack, gzip, output, sha256, unique, unique_seed, wait_for};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use shared::run::{InputIdentity, Outcome, Run};

use super::person::Person;
use crate::collect::source::{Source, told};

/// What was sent, and what became of it.
pub struct Sent {
    /// Of Segment's messages.
    pub project: String,
    /// Of the click that brought the person.
    pub gclid: String,
    /// The bodies of what was dropped.
    pub bodies: Vec<String>,
    /// The runs of all inputs.
    pub runs: Vec<Run>,
    stack: Stack,
    token: String,
    since: DateTime,
}

impl Sent {
    /// Sends the person through every source, and waits for what becomes of it.
    pub async fn by(stack: &Stack, person: &Person, since: DateTime) -> Self {
        let token = unique();
        let mut sent = Self {
            project: format!("one-{token}"),
            gclid: format!("click-{token}"),
            bodies: Vec::new(),
            runs: Vec::new(),
            stack: stack.clone(),
            token,
            since,
        };
        sent.segment(person).await;
        sent.collector(person).await;
        sent.database(person).await;
        sent.capture(person).await;
        sent.stream(person).await;
        sent.advertising(person).await;
        sent
    }

    async fn segment(&mut self, person: &Person) {
        let lines = messages(self, person);
        let key = format!("segment/one-person-{}/file.gz", self.token);
        let dropped = self.stack.drop_object(&key, gzip(lines.as_bytes())).await;
        self.bodies.push(lines);
        let datasets = ["segment.identifies", "segment.pages", "segment.tracks"];
        self.await_runs("segment-transform", &dropped, &datasets).await;
    }

    /// By HTTP, beside requests that are refused.
    async fn collector(&mut self, person: &Person) {
        let source = Source::register().await;
        let refused = format!("no json: {} {}", person.sentence(), person.name);
        assert_eq!(told(source.post("v1/batch").body(refused).send().await.unwrap()).await.0, 400);
        let stranger = json!({"userId": person.id, "traits": {"email": person.email}}).to_string();
        let anonymous = source.anonymous("v1/identify").body(stranger).send().await.unwrap();
        assert_eq!(told(anonymous).await.0, 401);
        let traits = json!({"email": person.email, "phone": person.phone(), "card": person.card});
        let properties = json!({"note": person.sentence()});
        let context = json!({"ip": person.ipv6});
        let batch = json!({"batch": [
            {"type": "identify", "messageId": unique(), "userId": person.id, "traits": traits, "context": context},
            {"type": "track", "messageId": unique(), "userId": person.id, "event": "Called", "properties": properties},
        ]});
        assert_eq!(told(source.batch(&batch).send().await.unwrap()).await.0, 200);
        for landed in source.landed(2).await {
            self.bodies.push(json!(landed.lines).to_string());
            self.await_runs("segment-transform", &landed.dropped, &[]).await;
        }
        source.forget().await;
    }

    /// Files of the Database Migration Service.
    async fn database(&mut self, person: &Person) {
        let folder = format!("databases/dms/{}/shop", self.token);
        for (table, rows) in [("customers", customers(person)), ("orders", orders(self, person))] {
            let key = format!("{folder}/{table}/LOAD00000001.csv");
            let dropped = self.stack.drop_object(&key, rows.clone().into_bytes()).await;
            self.bodies.push(rows);
            let dataset = format!("shop.{table}");
            self.await_runs("database-transform", &dropped, &[&dataset]).await;
        }
    }

    /// What a row trigger sends.
    async fn capture(&mut self, person: &Person) {
        let database = format!("one_person_{}", self.token);
        let customer = |id: &str, created_at: &str| {
            json!({"id": id, "email": person.email, "name": person.name, "phone": person.phone(), "country": "DE",
                "created_at": created_at, "card": person.card, "last_seen_at": person.ipv4})
        };
        let record = |sequence: usize, operation: &str, new: Value| {
            json!({"schema": "shop", "table": "customers", "op": operation, "sequence": sequence,
                "changed_at": "2026-03-01T10:00:02+00:00", "old": null, "new": new})
        };
        let payload = json!({"database": database, "records": [
            record(1, "I", customer(&person.id, "2026-03-01T09:00:00Z")),
            record(2, "I", customer(&person.id, &person.email)),
            record(3, &person.email, customer(&person.id, "2026-03-01T09:00:00Z")),
            {"table": person.email, "new": [person.card]},
        ]});
        invoke(&output("DATABASE_CAPTURE_FUNCTION_NAME"), &payload);
        let dropped = self.landed(&format!("databases/changes/{database}/"), &person.id).await;
        self.await_runs("database-transform", &dropped, &["shop.customers"]).await;
    }

    /// A table of DynamoDB, whose stream is captured.
    async fn stream(&mut self, person: &Person) {
        let table = output("EXAMPLE_ORDERS_TABLE");
        for (id, total) in [("stream", "5.00"), ("bad", person.email.as_str())] {
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let put = self.stack.dynamodb.put_item().table_name(&table);
            let put = put.item("id", text(&format!("{}-{id}", self.project)));
            let put = put.item("customer_id", text(&person.id)).item("total", text(total));
            let put = put.item("email", text(&person.email)).item("note", text(&person.sentence()));
            put.send().await.unwrap();
            let needle = format!("{}-{id}", self.project);
            let dropped = self.landed(&format!("databases/dynamodb/{table}/"), &needle).await;
            self.await_runs("database-transform", &dropped, &[]).await;
        }
    }

    /// Reports with columns that nobody asked for.
    async fn advertising(&mut self, person: &Person) {
        let customer = format!("{:010}", unique_seed() % 10_000_000_000);
        for (dataset, report) in [
            ("google_ads.campaign_daily", campaigns(person)),
            ("google_ads.click_view", clicks(self, person)),
        ] {
            let key = format!("google-ads/reports/{customer}/{}/{dataset}.csv", self.token);
            let dropped = self.stack.drop_object(&key, report.clone().into_bytes()).await;
            self.bodies.push(report);
            self.await_runs("google-ads-transform", &dropped, &[dataset]).await;
        }
    }

    /// The object in landing that came of something sent elsewhere.
    async fn landed(&mut self, prefix: &str, needle: &str) -> Dropped {
        let bucket = output("LANDING_BUCKET");
        let (key, object) = wait_for(&format!("{needle} below {prefix}"), || async {
            for key in self.stack.keys_since(&bucket, prefix, self.since).await {
                let object = self.stack.object(&bucket, &key).await.unwrap();
                if text_of(&object).contains(needle) {
                    return Some((key, object));
                }
            }
            None
        })
        .await;
        self.bodies.push(text_of(&object));
        let checksum = sha256(&object);
        let input = InputIdentity {
            bucket,
            key: key.clone(),
            version_id: None,
            checksum,
            supersedes: None,
            replay: None,
        };
        Dropped { key, input }
    }

    async fn await_runs(&mut self, job: &str, dropped: &Dropped, datasets: &[&str]) {
        let datasets = datasets.iter().map(|dataset| Some(*dataset)).chain([None]);
        for dataset in datasets {
            let what = format!("the run of {} in {dataset:?}", dropped.key);
            let run = wait_for(&what, || self.stack.run_of(job, &dropped.input, dataset)).await;
            assert!(dataset.is_none() || run.outcome == Outcome::Committed, "{what}: {run:?}");
            self.runs.push(run);
        }
    }
}

fn text_of(object: &[u8]) -> String {
    let mut text = String::new();
    match MultiGzDecoder::new(object).read_to_string(&mut text) {
        Ok(_) => text,
        Err(_) => String::from_utf8_lossy(object).into_owned(),
    }
}

/// Two lines that hold, and everything that may go wrong with a third.
fn messages(sent: &Sent, person: &Person) -> String {
    let common = |message_type: &str| {
        json!({
            "type": message_type, "messageId": format!("{}-{message_type}", sent.project), "projectId": sent.project,
            "userId": person.id, "receivedAt": "2026-03-01T10:00:00Z",
            "context": {"ip": person.ipv4, "locale": "de-DE", "page": {
                "url": format!("https://shop.example/buy?gclid={}&email={}", sent.gclid, person.email.replace('@', "%40")),
                "title": person.sentence(), "referrer": format!("https://mail.example/?to={}", person.email)}},
        })
    };
    let identify = with(
        common("identify"),
        "traits",
        json!({
            "email": format!(" {} ", person.email), "phone": person.phone(), "name": person.name, "title": person.sentence(),
            "card": person.card, "addresses": [person.ipv6], &person.email: true, "address": {"street": person.sentence()},
        }),
    );
    let page = with(common("page"), "properties", json!({"note": person.sentence()}));
    let track = with(
        with(common("track"), "event", json!("Card Declined")),
        "properties",
        json!({
            "card": person.spaced_card(), "paid_from": {"ip": person.ipv6}, "comment": person.sentence(),
        }),
    );
    let bad = [
        with(common("identify"), "messageId", Value::Null),
        with(common("identify"), "receivedAt", json!(person.email)),
        with(common("track"), "event", json!({"of": person.sentence()})),
        with(common("page"), "type", json!(person.email)),
        with(common("group"), "userId", json!([person.card, person.name])),
    ];
    let mut lines: Vec<String> =
        [identify, page, track].iter().chain(&bad).map(Value::to_string).collect();
    lines.push(format!("no json, but {} of {}", person.sentence(), person.name));
    lines.join("\n")
}

fn with(mut message: Value, member: &str, value: Value) -> Value {
    message[member] = value;
    message
}

/// As the Database Migration Service writes a table.
fn customers(person: &Person) -> String {
    let row = |id: &str, consent: &str, created: &str| {
        format!(
            "2026-03-01 10:00:00.000000,{id},\" {} \",{},{},DE,{consent},{created},2026-03-01 09:00:00\n",
            person.email,
            person.name,
            person.spaced_phone()
        )
    };
    let bad = format!("{}-bad", person.id);
    row(&person.id, "t", "2026-03-01 09:00:00")
        + &row(&bad, &person.email, "2026-03-01 09:00:00")
        + &row(&bad, "t", &person.spaced_card())
}

fn orders(sent: &Sent, person: &Person) -> String {
    let row = |id: &str, total: &str| {
        format!(
            "2026-03-01 10:00:01.000000,{id},\" {} \",paid,EUR,{total},NULL,{},2026-03-01 10:00:00,2026-03-01 10:00:00\n",
            person.id, sent.gclid
        )
    };
    row(&sent.project, "19.99") + &row("bad", &person.email) + &row("worse", &person.spaced_card())
}

/// Reports with columns that nobody asked for; one row in a dozen cannot be read.
fn campaigns(person: &Person) -> String {
    let head = "Day,Campaign,Campaign ID,Clicks,Cost,Customer email,Phone,Card,Address,Note\n";
    let row = |number: usize, clicks: &str| {
        format!(
            "2026-03-01,Brand,{number},{clicks},1.50,{},{},{},{},\"{}\"\n",
            person.email,
            person.phone(),
            person.card,
            person.ipv4,
            person.sentence()
        )
    };
    let rows: String = (0..12).map(|number| row(number, "1")).collect();
    head.to_owned() + &rows + &row(12, &person.email)
}

fn clicks(sent: &Sent, person: &Person) -> String {
    let head = "Day,Google Click ID,Campaign,Campaign ID,Customer email,Note\n";
    let row = |day: &str, gclid: &str| {
        format!("{day},{gclid},Brand,7,{},\"{}\"\n", person.email, person.sentence())
    };
    let rows: String =
        (0..12).map(|number| row("2026-03-01", &format!("{}-{number}", sent.gclid))).collect();
    head.to_owned() + &row("2026-03-01", &sent.gclid) + &rows + &row(&person.email, "none")
}
