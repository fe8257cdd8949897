//! Captured database tables on the deployed stack: what every layout holds is read back from Iceberg, and the current rows are
//! what the last changes say.

use std::collections::BTreeMap;
use std::process::Command;

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::deployed::template;
use end_to_end::lake::{Row, current_rows, pyiceberg_rows, root};
use end_to_end::quarantine::quarantined_records;
use end_to_end::stack::{Dropped, Stack, gzip, output, unique, wait_for};
use serde_json::{Value, json};
use shared::run::Run;

async fn run(stack: &Stack, dropped: &Dropped, dataset: Option<&str>) -> Run {
    wait_for(&format!("the run of {} in {dataset:?}", dropped.key), || {
        stack.run_of("database-transform", &dropped.input, dataset)
    })
    .await
}

/// Drops a file and waits until its rows are in a table; the run of the file.
async fn committed(stack: &Stack, key: &str, body: Vec<u8>, dataset: &str) -> Run {
    let dropped = stack.drop_object(key, body).await;
    let of_dataset = run(stack, &dropped, Some(dataset)).await;
    assert!(of_dataset.rows.unwrap().is_conserved());
    let of_file = run(stack, &dropped, None).await;
    assert!(of_file.records.unwrap().is_conserved());
    of_file
}

/// Rows of orders that bear a state of their own, in the order of their sequence, as `op id total …`.
fn orders(status: &str, columns: &[&str]) -> Vec<String> {
    let mut rows = pyiceberg_rows("shop.orders", "status", status);
    rows.sort_by_key(|row| row["_sequence"].as_str().unwrap().to_owned());
    rows.iter().map(|row| shown(row, columns)).collect()
}

fn shown(row: &Row, columns: &[&str]) -> String {
    let text =
        |name: &&str| row.get(*name).and_then(|value| value.as_str()).unwrap_or("-").to_owned();
    columns.iter().map(text).collect::<Vec<_>>().join("|")
}

fn current(source: &str, prefix: &str, columns: &[&str]) -> Vec<String> {
    let of = |dialect| {
        let mut rows: Vec<String> = current_rows("shop.orders", dialect, source)
            .iter()
            .filter(|row| row["id"].as_str().unwrap().starts_with(prefix))
            .map(|row| shown(row, columns))
            .collect();
        rows.sort();
        rows
    };
    let rows = of("duckdb");
    assert_eq!(rows, of("athena"), "both queries say the same");
    rows
}

/// A row of orders as the Database Migration Service writes it, without its operation.
fn order(committed_at: &str, id: &str, status: &str, total: &str) -> String {
    format!(
        "2026-03-01 {committed_at},{id},7,{status},EUR,{total},NULL,\"NULL\",2026-03-01 09:00:00,2026-03-01 09:00:00\n"
    )
}

#[tokio::test]
async fn a_full_load_and_change_data_of_the_migration_service() {
    let stack = Stack::connect().await;
    let token = unique();
    let (a, b, c) = (format!("{token}-a"), format!("{token}-b"), format!("{token}-c"));
    let load = format!(
        "{}{}{}",
        order("10:00:00.000000", &a, &token, "1.10"),
        order("10:00:00.000000", &b, &token, "2.20"),
        order("10:00:00.000000", &c, &token, "abc"),
    );
    let folder = format!("databases/dms/{token}/shop/orders");
    let run = committed(
        &stack,
        &format!("{folder}/LOAD00000001.csv.gz"),
        gzip(load.as_bytes()),
        "shop.orders",
    )
    .await;
    assert_eq!((run.records.unwrap().records, run.records.unwrap().routed), (3, 3));
    assert_eq!(quarantined_records(&stack, &run).await.len(), 1);
    let changes = format!(
        "U,{}I,{}U,{}D,{}D,{}",
        order("11:00:00.000000", &a, &token, "3.30"),
        order("11:00:00.000001", &c, &token, "4.40"),
        order("11:00:00.000001", &c, &token, "5.50"),
        order("11:00:00.000002", &b, &token, "2.20"),
        order("11:00:00.000003", &format!("{token}-never"), &token, "0"),
    );
    let key = format!("{folder}/2026/03/01/20260301-110000123.csv");
    committed(&stack, &key, changes.into_bytes(), "shop.orders").await;
    let found = orders(&token, &["_op", "id", "total", "discount", "gclid", "_committed_at"]);
    let never = format!("D|{token}-never|0.000000|-|NULL|2026-03-01 11:00:00.000003");
    assert_eq!(
        found,
        [
            format!("R|{a}|1.100000|-|NULL|2026-03-01 10:00:00"),
            format!("R|{b}|2.200000|-|NULL|2026-03-01 10:00:00"),
            format!("U|{a}|3.300000|-|NULL|2026-03-01 11:00:00"),
            format!("I|{c}|4.400000|-|NULL|2026-03-01 11:00:00.000001"),
            format!("U|{c}|5.500000|-|NULL|2026-03-01 11:00:00.000001"),
            format!("D|{b}|2.200000|-|NULL|2026-03-01 11:00:00.000002"),
            never,
        ]
    );
    assert_eq!(
        current("dms", &token, &["id", "total"]),
        [format!("{a}|3.300000"), format!("{c}|5.500000")]
    );
}

#[tokio::test]
async fn files_of_transactions_hold_all_tables() {
    let stack = Stack::connect().await;
    let token = unique();
    let customer = format!(
        "2026-03-01 12:00:00.000000,{token},Ada@Example.com,Ada,+49 30 123,{token},t,2026-01-01 00:00:00,infinity\n"
    );
    let text = format!(
        "I,customers,shop,{customer}I,orders,shop,{}I,unheard,shop,1,2\nU,customers,shop,1,2\n",
        order("12:00:00.000000", &token, &token, "9.99").replace(",7,", &format!(",{token},"))
    );
    let key = format!("databases/dms/{token}/CDC_TXN-20260301-1200000000.csv");
    let run = committed(&stack, &key, text.into_bytes(), "shop.orders").await;
    let records = run.records.unwrap();
    assert_eq!((records.records, records.routed, records.quarantined), (4, 2, 2));
    assert_eq!(orders(&token, &["_op", "id", "total"]), [format!("I|{token}|9.990000")]);
    let customers = wait_for("the customer", || async {
        Some(pyiceberg_rows("shop.customers", "country", &token)).filter(|rows| !rows.is_empty())
    })
    .await;
    let (order, customer) = (&pyiceberg_rows("shop.orders", "id", &token)[0], &customers[0]);
    assert_eq!(order["customer_id"], customer["id"], "a pseudonym is the same in every table");
    assert_eq!(
        (&customer["name"], &customer["marketing_consent"]),
        (&json!("[redacted]"), &json!(true))
    );
    assert_eq!(customer["updated_at"], "9999-12-31 23:59:59");
    assert_eq!(customer["email"].as_str().map(str::len), Some(64));
}

/// A Parquet file as another writer makes it.
fn parquet(rows: &serde_json::Value, compression: &str) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let script = "import decimal, json, sys, pyarrow as pa, pyarrow.parquet as pq
rows = json.loads(sys.argv[2])
for row in rows:
    if isinstance(row.get('total'), str) and sys.argv[4] == 'decimal':
        row['total'] = decimal.Decimal(row['total'])
pq.write_table(pa.Table.from_pylist(rows), sys.argv[1], compression=sys.argv[3])";
    let kind = if compression == "gzip" { "text" } else { "decimal" };
    let run = Command::new(root().join(".tributary/venv-lake/bin/python"))
        .args(["-c", script, file.path().to_str().unwrap(), &rows.to_string(), compression, kind])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    std::fs::read(file.path()).unwrap()
}

#[tokio::test]
async fn parquet_of_snapshot_exports_and_of_the_migration_service() {
    let stack = Stack::connect().await;
    let token = unique();
    let (a, b) = (format!("{token}-a"), format!("{token}-b"));
    let snapshot = json!([
        {"id": a, "customer_id": 7, "status": token, "total": "1.50", "ordered_at": "2026-03-01 09:00:00"},
        {"id": b, "customer_id": 8, "status": token, "total": null, "ordered_at": null},
    ]);
    let folder = format!("databases/snapshots/{token}/shop");
    stack.drop_object(&format!("{folder}/shop.orders/1/_success"), Vec::new()).await;
    let key = format!("{folder}/shop.orders/1/part-00000-{token}.gz.parquet");
    committed(&stack, &key, parquet(&snapshot, "gzip"), "shop.orders").await;
    let changes = json!([{"Op": "U", "committed_at": "2026-03-01 10:00:00.000000", "id": a, "customer_id": 7, "status": token, "total": "2.50"}]);
    let key = format!("databases/dms/{token}/shop/orders/20260301-100000000.parquet");
    committed(&stack, &key, parquet(&changes, "snappy"), "shop.orders").await;
    let found = orders(&token, &["_op", "id", "total", "ordered_at", "_source", "_absent"]);
    let source = format!("snapshots/{token}");
    assert_eq!(
        found,
        [
            format!(
                "R|{a}|1.500000|2026-03-01 09:00:00|{source}|currency,discount,gclid,updated_at"
            ),
            format!("R|{b}|-|-|{source}|currency,discount,gclid,updated_at"),
            format!("U|{a}|2.500000|-|dms|currency,discount,gclid,ordered_at,updated_at"),
        ]
    );
    let damaged = stack
        .drop_object(
            &format!("{folder}/shop.orders/2/part-00001-{token}.gz.parquet"),
            b"PAR1 not".to_vec(),
        )
        .await;
    let run = run(&stack, &damaged, None).await;
    assert!(run.input_copy.is_some() && run.error.is_some(), "{run:?}");
}

#[tokio::test]
async fn change_records_of_any_trigger_are_mapped_or_quarantined() {
    let stack = Stack::connect().await;
    let token = unique();
    let lines = [
        json!({"schema": "shop", "table": "orders", "op": "I", "sequence": 9, "changed_at": "2026-03-01T10:00:00+00:00", "old": null,
            "new": {"id": token, "status": token, "total": 1.5, "discount": 0.5, "unheard": {"a": 1}}}),
        // Without some of the columns: of those the change says nothing.
        json!({"table_schema": "shop", "table_name": "orders", "method": "UPDATE", "sequence": 10, "timestamp": "2026-03-01T10:00:01Z",
            "data": {"id": token, "status": token, "total": null}}),
        json!({"id": 1, "total": 2}),
        json!({"event": "INSERT", "table": "orders", "new": {"id": 1}}),
        json!({"schema": "shop", "table": "orders", "op": "X", "new": {"id": 1}}),
        json!({"schema": "shop", "table": "orders", "op": "I", "new": [1]}),
    ];
    let mut text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    text.push("{\"cut".to_owned());
    let source = format!("changes/shop_{token}");
    let key = format!("databases/{source}/2026-03-01/{token}.ndjson.gz");
    let run = committed(&stack, &key, gzip(text.join("\n").as_bytes()), "shop.orders").await;
    assert_eq!((run.records.unwrap().records, run.records.unwrap().routed), (7, 2));
    let mut reasons = BTreeMap::new();
    for entry in quarantined_records(&stack, &run).await {
        *reasons.entry(entry.reason.name()).or_insert(0) += 1;
    }
    assert_eq!(
        reasons,
        BTreeMap::from([("not_json", 1), ("required_value_missing", 1), ("unknown_type", 3)])
    );
    let found = orders(&token, &["_op", "_sequence", "total", "discount", "_absent", "extra"]);
    assert_eq!(
        found[0],
        "I|00000000000000000009|1.500000|0.500000|customer_id,currency,gclid,ordered_at,updated_at|{\"row.unheard\":\"object\"}"
    );
    assert_eq!(
        found[1],
        "U|00000000000000000010|-|-|customer_id,currency,discount,gclid,ordered_at,updated_at|-"
    );
    // Null overwrites, absence does not.
    assert_eq!(
        current(&source, &token, &["id", "total", "discount"]),
        [format!("{token}|-|0.500000")]
    );
}

#[tokio::test]
async fn a_dynamodb_table_is_captured_from_its_stream() {
    let stack = Stack::connect().await;
    let token = unique();
    let table = output("EXAMPLE_ORDERS_TABLE");
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let (a, b) = (format!("{token}-a"), format!("{token}-b"));
    for id in [&a, &b] {
        let put = stack
            .dynamodb
            .put_item()
            .table_name(&table)
            .item("id", text(id))
            .item("status", text(&token));
        let put = put
            .item("total", AttributeValue::N("12345678901234567890.5".to_owned()))
            .item("discount", AttributeValue::Null(true));
        put.item("gclid", text("größe"))
            .item("lines", AttributeValue::L(vec![text("x")]))
            .send()
            .await
            .unwrap();
    }
    let update = stack.dynamodb.update_item().table_name(&table).key("id", text(&a));
    let update = update
        .update_expression("SET discount = :d REMOVE gclid")
        .expression_attribute_values(":d", AttributeValue::N("1.25".to_owned()));
    update.send().await.unwrap();
    stack.dynamodb.delete_item().table_name(&table).key("id", text(&b)).send().await.unwrap();
    wait_for("four changes in the lake", || async {
        (orders(&token, &["id"]).len() == 4).then_some(())
    })
    .await;
    let found = orders(&token, &["_op", "id", "total", "discount", "gclid", "_absent", "extra"]);
    let total = "12345678901234567890.500000";
    let extra = "{\"row.lines\":\"array\"}";
    assert_eq!(
        found,
        [
            format!("I|{a}|{total}|-|größe|-|{extra}"),
            format!("I|{b}|{total}|-|größe|-|{extra}"),
            format!("U|{a}|{total}|1.250000|-|-|{extra}"),
            format!("D|{b}|{total}|-|größe|-|{extra}"),
        ]
    );
    let source = format!("dynamodb/{table}");
    assert_eq!(current(&source, &token, &["id", "discount", "gclid"]), [format!("{a}|1.250000|-")]);
    expires(&stack, &table, &token).await;
}

/// The service's own deletes of expired items bear its name.
async fn expires(stack: &Stack, table: &str, token: &str) {
    let record = json!({"eventName": "REMOVE", "eventSource": "aws:dynamodb",
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        "dynamodb": {"ApproximateCreationDateTime": 1_772_359_200, "Keys": {"id": {"S": token}}, "SequenceNumber": "900000000000000000001",
            "OldImage": {"id": {"S": token}, "status": {"S": format!("{token}-expired")}}, "StreamViewType": "NEW_AND_OLD_IMAGES"}});
    let key = format!("databases/dynamodb/{table}/2026-03-01/{token}.ndjson.gz");
    committed(stack, &key, gzip(record.to_string().as_bytes()), "shop.orders").await;
    let found = orders(&format!("{token}-expired"), &["_op", "_source", "_committed_at"]);
    assert_eq!(found, [format!("D|dynamodb/{table}/expired|2026-03-01 10:00:00")]);
}

/// The local AWS knows neither destination: that they are asked for is what can be seen here.
#[test]
fn what_fails_is_kept_with_its_data_in_the_quarantine_bucket() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let of_type =
        |kind: &'static str| resources.values().filter(move |resource| resource["Type"] == kind);
    let kept = |destination: &Value| {
        destination["OnFailure"]["Destination"].to_string().contains("QuarantineBucket")
    };
    let asynchronous =
        of_type("AWS::Lambda::EventInvokeConfig").map(|config| &config["Properties"]);
    let capture = asynchronous
        .filter(|config| config["FunctionName"].to_string().contains("DatabaseCaptureFunction"))
        .collect::<Vec<_>>();
    assert_eq!(capture.len(), 1);
    assert!(kept(&capture[0]["DestinationConfig"]), "{}", capture[0]);
    let streams = of_type("AWS::Lambda::EventSourceMapping").map(|mapping| &mapping["Properties"]);
    let stream = streams
        .filter(|mapping| mapping["FunctionName"].to_string().contains("DynamodbCaptureFunction"))
        .collect::<Vec<_>>();
    assert_eq!(stream.len(), 1);
    assert!(kept(&stream[0]["DestinationConfig"]), "{}", stream[0]);
    assert_eq!(stream[0]["BisectBatchOnFunctionError"], true);
}
