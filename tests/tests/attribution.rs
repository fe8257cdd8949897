//! From click to revenue on the deployed stack: a month of a shop, whose true attribution is known, is dropped; the performance in
//! the state, in the lake and in the report is that truth.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use end_to_end::deployed::{Assumed, invoke, logs};
use end_to_end::lake::{Row, performance_rows};
use end_to_end::month::{Month, TrueRow};
use end_to_end::stack::{PATIENCE, Stack, output, unique, wait_for};
use end_to_end::subscriber::Subscriber;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::attribution::key;
use shared::attribution::performance::PerformanceRow;
use shared::event::DatasetEvent;
use shared::state::{StateTable, Store};

/// What the state has of a range of days.
async fn performance(stack: &Stack, from: NaiveDate, to: NaiveDate) -> Vec<PerformanceRow> {
    let state = StateTable::new(stack.dynamodb.clone(), output("ATTRIBUTION_TABLE"));
    let mut rows = Vec::new();
    let mut subjects: Vec<String> =
        from.iter_days().take_while(|day| *day <= to).map(key::performance_subject).collect();
    subjects.dedup();
    for subject in subjects {
        let (first, last) = (from.to_string(), format!("{to}~"));
        for item in state.query(&subject, &first, &last).await.unwrap() {
            rows.push(item.read::<PerformanceRow>().unwrap());
        }
    }
    rows
}

/// A month in which nothing is dated yet.
async fn free_month(stack: &Stack) -> Month {
    loop {
        let month = Month::unique();
        if performance(stack, month.from, month.to).await.is_empty() {
            return month;
        }
    }
}

fn decimal(text: &str) -> String {
    text.parse::<Decimal>().unwrap().normalize().to_string()
}

fn of_state(row: &PerformanceRow) -> TrueRow {
    TrueRow {
        date: row.date,
        currency: row.currency.clone(),
        campaign_key: row.campaign_key.clone(),
        cost: row.cost.normalize().to_string(),
        impressions: row.impressions,
        clicks: row.clicks,
        conversions: row.conversions.normalize().to_string(),
        conversions_value: row.conversions_value.normalize().to_string(),
        orders: row.orders.normalize().to_string(),
        revenue: row.revenue.normalize().to_string(),
    }
}

fn of_lake(row: &Row) -> TrueRow {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or("0");
    let long = |name: &str| row.get(name).and_then(Value::as_i64).unwrap_or_default();
    TrueRow {
        date: text("date").parse().unwrap(),
        currency: text("currency").to_owned(),
        campaign_key: text("campaign_key").to_owned(),
        cost: decimal(text("cost")),
        impressions: long("impressions"),
        clicks: long("clicks"),
        conversions: decimal(text("conversions")),
        conversions_value: decimal(text("conversions_value")),
        orders: decimal(text("orders")),
        revenue: decimal(text("revenue")),
    }
}

fn sorted(mut rows: Vec<TrueRow>) -> Vec<TrueRow> {
    rows.sort();
    rows
}

/// The rows that only one of two has: what a failed comparison prints.
fn difference(found: &[TrueRow], truth: &[TrueRow]) -> String {
    let only = |these: &[TrueRow], others: &[TrueRow]| {
        let missing: Vec<String> = these
            .iter()
            .filter(|row| !others.contains(row))
            .map(|row| {
                format!(
                    "{} {} {} cost {} orders {} revenue {} conversions {}",
                    row.date,
                    row.currency,
                    row.campaign_key,
                    row.cost,
                    row.orders,
                    row.revenue,
                    row.conversions
                )
            })
            .collect();
        format!("{} rows\n  {}", missing.len(), missing[..missing.len().min(12)].join("\n  "))
    };
    format!("only found: {}\nonly true: {}", only(found, truth), only(truth, found))
}

fn report(event: &Value) -> Value {
    invoke(&output("REPORT_FUNCTION_NAME"), event)
}

/// Has `report` take in what has changed until the state is the truth.
async fn await_truth(stack: &Stack, month: &Month, truth: &[TrueRow]) {
    let started = std::time::Instant::now();
    loop {
        report(&json!({"task": "refresh"}));
        let found = performance(stack, month.from, month.to).await;
        let found = sorted(found.iter().map(of_state).collect());
        if found == truth {
            println!("the truth stood after {:.1} s", started.elapsed().as_secs_f64());
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{}", difference(&found, truth));
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
}

/// Tells `attribute` everything that it was told of the month once more, the last first.
async fn tell_again(stack: &Stack, month: &Month, datasets: &Subscriber) {
    let bodies = datasets.bodies().await;
    let queue = output("ATTRIBUTE_QUEUE_URL");
    let mut told = 0;
    for body in bodies.iter().rev() {
        let event: DatasetEvent = serde_json::from_str(body).unwrap();
        if month.files.iter().any(|(key, _)| *key == event.run.input.key) {
            stack.sqs.send_message().queue_url(&queue).message_body(body).send().await.unwrap();
            told += 1;
        }
    }
    assert!(told >= month.files.len(), "{told} messages of {} files", month.files.len());
    wait_for("attribute to have done everything", || async {
        (stack.unfinished(&queue).await == 0).then_some(())
    })
    .await;
}

/// The rows of the report's table.
fn of_table(table: &str) -> Vec<TrueRow> {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut rows = Vec::new();
    for line in lines {
        // No campaign of the month has a comma in its name.
        let cells: BTreeMap<&str, &str> = header.iter().copied().zip(line.split(',')).collect();
        rows.push(TrueRow {
            date: cells["date"].parse().unwrap(),
            currency: cells["currency"].to_owned(),
            campaign_key: cells["campaign_key"].to_owned(),
            cost: decimal(cells["cost"]),
            impressions: cells["impressions"].parse().unwrap(),
            clicks: cells["clicks"].parse().unwrap(),
            conversions: decimal(cells["conversions"]),
            conversions_value: decimal(cells["conversions_value"]),
            orders: decimal(cells["orders"]),
            revenue: decimal(cells["revenue"]),
        });
    }
    sorted(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_whose_truth_is_known_is_reported_as_it_was() {
    let stack = Stack::connect().await;
    let month = free_month(&stack).await;
    let subscriber = Subscriber::to_topic(
        &stack,
        output("REPORTS_TOPIC_ARN"),
        json!({"report": ["campaign_performance"]}),
    )
    .await;
    let datasets = Subscriber::to(&stack, json!({"outcome": ["committed"]})).await;
    for (key, body) in &month.files {
        stack.drop_object(key, body.clone()).await;
    }
    let truth = sorted(month.truth.rows.clone());
    await_truth(&stack, &month, &truth).await;
    tell_again(&stack, &month, &datasets).await;
    let before = performance(&stack, month.from, month.to).await;
    report(&json!({"task": "refresh"}));
    assert_eq!(performance(&stack, month.from, month.to).await, before, "twice told, counted once");
    datasets.leave().await;

    // Attributed and unattributed revenue is that of the shop, to the cent.
    let mut revenue: BTreeMap<String, Decimal> = BTreeMap::new();
    for row in performance(&stack, month.from, month.to).await {
        *revenue.entry(row.currency).or_default() += row.revenue;
    }
    revenue.retain(|_, total| !total.is_zero());
    let shop: BTreeMap<String, Decimal> = month
        .truth
        .revenue_total
        .iter()
        .map(|(currency, total)| (currency.clone(), total.parse().unwrap()))
        .collect();
    assert_eq!(revenue, shop);

    // The lake says the same, by both queries that ship.
    for dialect in ["duckdb", "athena"] {
        let found = wait_for("the table's rows", || async {
            let rows = performance_rows(dialect, month.from, month.to);
            let found = sorted(rows.iter().map(of_lake).collect());
            (found == truth).then_some(found)
        });
        assert_eq!(found.await.len(), truth.len());
    }

    // The report is made and told of, and the link opens it.
    let id = unique();
    let asked = json!({"task": "page", "from": month.from, "to": month.to, "id": id});
    let answer = report(&asked);
    let told = subscriber.bodies_with(&id).await;
    let link = answer["report"]["link"].as_str().unwrap();
    assert!(told[0].contains(link), "the message has the link");
    let page = reqwest::get(link).await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Brand"), "{}", &page[..500]);
    let table = answer["report"]["table"].as_str().unwrap();
    let (bucket, key) = table.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let table = String::from_utf8(stack.object(bucket, key).await.unwrap()).unwrap();
    let reported = of_table(&table);
    assert!(reported == truth, "{}", difference(&reported, &truth));

    // Asked again under the same id, as a clock does that had no answer, nobody is told twice.
    report(&asked);
    assert_eq!(subscriber.bodies_with(&id).await.len(), 1);
    subscriber.leave().await;
    let said = logs(&output("REPORT_FUNCTION_NAME"));
    assert!(!said.contains("X-Amz-Signature"), "a link opens for whoever reads the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn their_roles_read_what_they_are_for() {
    let stack = Stack::connect().await;
    let denied = |result: bool, what: &str| assert!(result, "{what}");
    let key = unique();
    // Lambda keeps there, as the function's role, what it gives up on.
    let failed = format!("aws/lambda/async/{}", output("REPORT_FUNCTION_NAME"));
    for (function, bucket, object, may_read, may_write) in [
        ("ATTRIBUTE", "LAKE_BUCKET", format!("shop/orders/data/{key}"), true, false),
        ("ATTRIBUTE", "LAKE_BUCKET", format!("segment/groups/data/{key}"), false, false),
        ("ATTRIBUTE", "LANDING_BUCKET", format!("segment/{key}"), false, false),
        ("ATTRIBUTE", "REPORTS_BUCKET", format!("campaign-performance/{key}"), false, false),
        ("REPORT", "LAKE_BUCKET", format!("shop/orders/data/{key}"), false, false),
        ("REPORT", "LAKE_BUCKET", format!("marketing/x/data/{key}"), false, true),
        ("REPORT", "LANDING_BUCKET", format!("segment/{key}"), false, false),
        ("REPORT", "LANDING_BUCKET", format!("attribution/{key}/"), true, true),
        ("REPORT", "REPORTS_BUCKET", format!("campaign-performance/{key}"), true, true),
        ("REPORT", "REPORTS_BUCKET", format!("rates/{key}"), false, false),
        ("REPORT", "QUARANTINE_BUCKET", format!("{failed}/{key}"), false, true),
    ] {
        let role = Assumed::role_of(&stack, &output(&format!("{function}_FUNCTION_NAME")));
        let s3 = shared::aws::s3_client(&role.config);
        let read = s3.get_object().bucket(output(bucket)).key(&object).send().await;
        let code = read.as_ref().err().and_then(aws_sdk_s3::error::ProvideErrorMetadata::code);
        let refused = code.is_some_and(|code| code.contains("AccessDenied"));
        denied(refused != may_read, &format!("{function} reads {bucket}/{object}: {code:?}"));
        let put = s3.put_object().bucket(output(bucket)).key(&object).send().await;
        denied(put.is_ok() == may_write, &format!("{function} writes {bucket}/{object}"));
    }
    for function in ["ATTRIBUTE", "REPORT"] {
        let role = Assumed::role_of(&stack, &output(&format!("{function}_FUNCTION_NAME")));
        let secrets = aws_sdk_secretsmanager::Client::new(&role.config);
        let read = secrets.get_secret_value().secret_id(output("PSEUDONYM_SECRET_ARN")).send();
        assert!(read.await.is_err(), "{function} makes no pseudonyms and has no key");
        let dynamodb = aws_sdk_dynamodb::Client::new(&role.config);
        let scan = dynamodb.scan().table_name(output("ATTRIBUTION_TABLE")).send().await;
        assert!(scan.is_err(), "{function} knows what it looks for");
    }
}
