//! The capture of changes in a real PostgreSQL: what a transaction did lands, line for line, and what it rolled back does not;
//! and no transaction ever fails for it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::thread;

use end_to_end::lake::{current_rows, pyiceberg_rows};
use end_to_end::postgresql::{Postgres, Written};
use end_to_end::stack::{Stack, output, unique, wait_for};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

const TABLES: &str = "
    create schema shop;
    create table shop.orders (
      id text primary key, customer_id bigint, status text, currency text, total numeric, discount numeric, gclid text,
      ordered_at timestamptz, updated_at timestamp);
    create role application login;
    grant usage on schema shop to application;
    grant select, insert, update, delete, truncate on shop.orders to application;
    select tributary.attach('shop.orders');";

/// What has landed of a database: lines by their sequence.
async fn landed(stack: &Stack, postgres: &Postgres) -> BTreeMap<u64, String> {
    let bucket = output("LANDING_BUCKET");
    let mut lines = BTreeMap::new();
    for key in stack.keys(&bucket, &format!("databases/changes/{}/", postgres.database)).await {
        let object = stack.object(&bucket, &key).await.expect("what is listed can be read");
        let mut text = String::new();
        MultiGzDecoder::new(object.as_slice()).read_to_string(&mut text).unwrap();
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            lines.insert(record["sequence"].as_u64().unwrap(), line.to_owned());
        }
    }
    lines
}

async fn await_landed(stack: &Stack, postgres: &Postgres, expected: usize) -> Vec<Value> {
    let lines = wait_for(&format!("{expected} changes of {}", postgres.database), || async {
        let lines = landed(stack, postgres).await;
        (lines.len() >= expected).then_some(lines)
    })
    .await;
    assert_eq!(lines.len(), expected);
    lines.values().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn operations(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["op"].as_str().unwrap()).collect()
}

fn application(postgres: &Postgres, statements: &str) -> Written {
    postgres.run_in(&postgres.database, "application", statements)
}

fn waiting(postgres: &Postgres) -> String {
    postgres.done("select count(*) from tributary.outbox")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_did_lands_and_what_it_rolled_back_does_not() {
    let Some(postgres) = Postgres::start() else { return };
    let stack = Stack::connect().await;
    postgres.done(TABLES);
    let written = application(
        &postgres,
        "set timezone = 'Asia/Tokyo'; set datestyle = 'German'; set search_path = shop;
         insert into orders values ('größe-日本', 7, 'neu', 'EUR', 12.50, null, E'a\\nb\"c',
           '2026-01-01 09:00:00+09', '2026-01-01');
         begin; insert into orders (id) values ('gone'); rollback;
         begin;
           insert into orders (id) values ('kept');
           savepoint a; insert into orders (id) values ('gone too'); rollback to a;
           update orders set total = 0.10 where id = 'kept';
         commit;
         update orders set id = 'renamed' where id = 'kept';
         delete from orders where id = 'renamed';
         truncate orders;",
    );
    assert!(written.succeeded, "{}", written.messages);
    assert_eq!(written.messages, "", "nothing to warn of");
    let records = await_landed(&stack, &postgres, 7).await;
    assert_eq!(operations(&records), ["I", "I", "U", "D", "I", "D", "D"]);
    let first = &records[0];
    assert_eq!(first["new"]["id"], "größe-日本");
    assert_eq!((&first["schema"], &first["table"]), (&"shop".into(), &"orders".into()));
    assert_eq!(first["new"]["ordered_at"], "2026-01-01T00:00:00+00:00");
    assert_eq!(first["new"]["gclid"], "a\nb\"c");
    assert_eq!((&first["new"]["discount"], &first["old"]), (&Value::Null, &Value::Null));
    assert_eq!(records[1]["txid"], records[2]["txid"]);
    assert_ne!(records[0]["txid"], records[1]["txid"]);
    assert_eq!(
        (&records[3]["old"]["id"], &records[4]["new"]["id"]),
        (&"kept".into(), &"renamed".into())
    );
    assert_eq!(waiting(&postgres), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_rows_of_one_transaction_land_in_their_order() {
    let Some(postgres) = Postgres::start() else { return };
    let stack = Stack::connect().await;
    postgres.done(TABLES);
    let written = application(
        &postgres,
        "insert into shop.orders (id, total) select n, n from generate_series(1, 10000) n",
    );
    assert!(written.succeeded && written.messages.is_empty(), "{}", written.messages);
    let records = await_landed(&stack, &postgres, 10_000).await;
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record["new"]["total"], index + 1);
    }
    assert_eq!(waiting(&postgres), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_commit_while_lambda_is_silent_and_the_sweep_sends_later() {
    let Some(postgres) = Postgres::start() else { return };
    let stack = Stack::connect().await;
    postgres.done(TABLES);
    postgres.set_endpoint("http://127.0.0.1:1");
    let inserts: Vec<String> = (0..20)
        .map(|number| format!("insert into shop.orders (id) values ('{number}');"))
        .collect();
    let written = application(&postgres, &inserts.concat());
    assert!(written.succeeded, "{}", written.messages);
    let warnings = written.messages.matches("changes wait in tributary.outbox").count();
    assert_eq!(warnings, 1, "a session waits once for what does not answer: {}", written.messages);
    assert_eq!(postgres.done("select count(*) from shop.orders"), "20");
    assert_eq!(waiting(&postgres), "20");
    assert_eq!(postgres.done("select tributary.flush()"), "0");
    // Every digit is sent. That it arrives cannot be seen here: the local AWS reads and writes payloads anew.
    let total = "12345678901234567890.123456789";
    application(&postgres, &format!("update shop.orders set total = {total} where id = '0'"));
    assert_eq!(postgres.done("select new ->> 'total' from tributary.outbox where op = 'U'"), total);
    postgres.set_endpoint(&output("AWS_ENDPOINT_URL"));
    // Sweeps that meet share the work; what one of them sends the others pass by.
    let sent: u64 = thread::scope(|scope| {
        let sweeps: Vec<_> =
            (0..3).map(|_| scope.spawn(|| postgres.done("select tributary.flush()"))).collect();
        sweeps.into_iter().map(|sweep| sweep.join().unwrap().parse::<u64>().unwrap()).sum()
    });
    assert_eq!((sent, waiting(&postgres).as_str()), (21, "0"));
    await_landed(&stack, &postgres, 21).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_before_a_transaction_is_sure_to_commit() {
    let Some(postgres) = Postgres::start() else { return };
    let stack = Stack::connect().await;
    postgres.done(TABLES);
    postgres.done(
        "create table shop.lines (id int primary key, order_id text references shop.orders deferrable initially deferred);
         select tributary.attach('shop.lines')",
    );
    // The check fails at the commit, behind the statement that wrote.
    let failed = postgres.run("begin; insert into shop.lines values (1, 'nowhere'); commit;");
    assert!(!failed.succeeded && failed.messages.contains("foreign key"), "{}", failed.messages);
    postgres.done("begin; insert into shop.orders (id) values ('a'); set constraints all immediate; rollback;");
    postgres.done("begin; set constraints all immediate; insert into shop.orders (id) values ('b'); rollback;");
    postgres.done("begin; insert into shop.orders (id) values ('c'); prepare transaction 'two'; rollback prepared 'two';");
    assert_eq!(waiting(&postgres), "0");
    // These commit; what cannot be sure at the end of the transaction is left to the sweep.
    postgres.done("begin; insert into shop.orders (id) values ('d'); set constraints all immediate; insert into shop.orders (id) values ('e'); commit;");
    postgres.done(
        "begin isolation level serializable; insert into shop.orders (id) values ('f'); commit;",
    );
    postgres.done("begin; insert into shop.orders (id) values ('g'); prepare transaction 'two'; commit prepared 'two';");
    postgres.done("select tributary.flush()");
    let records = await_landed(&stack, &postgres, 4).await;
    let ids: Vec<&str> =
        records.iter().map(|record| record["new"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["d", "e", "f", "g"]);
    assert_eq!(postgres.done("select count(*) from tributary.departures"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_rows_are_sent_alone_and_one_that_is_too_large_waits_for_a_person() {
    let Some(postgres) = Postgres::start() else { return };
    let stack = Stack::connect().await;
    postgres.done(TABLES);
    let written = application(
        &postgres,
        "begin;
           insert into shop.orders (id) values ('small');
           insert into shop.orders (id, status) values ('large', repeat('x', 600000));
           insert into shop.orders (id, status) values ('too large', repeat('x', 2000000));
           insert into shop.orders (id) values ('last');
         commit;",
    );
    assert!(written.succeeded && written.messages.contains("too large"), "{}", written.messages);
    let records = await_landed(&stack, &postgres, 3).await;
    assert_eq!(records[1]["new"]["status"].as_str().unwrap().len(), 600_000);
    assert_eq!(postgres.done("select changes, cannot_be_sent from tributary.waiting"), "1|1");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_replicas_and_tables_without_a_key() {
    let Some(postgres) = Postgres::start() else { return };
    let stack = Stack::connect().await;
    postgres.done(
        "create schema shop;
         create table shop.events (id int, day date, primary key (id, day)) partition by range (day);
         create table shop.events_1 partition of shop.events for values from ('2026-01-01') to ('2026-02-01');
         create table shop.events_2 partition of shop.events for values from ('2026-02-01') to ('2026-03-01');
         create table shop.notes (note text, happened timestamp);
         select tributary.attach('shop.events', also_replicated => true);
         select tributary.attach('shop.notes');
         insert into shop.events values (1, '2026-01-05');
         update shop.events set day = '2026-02-05';
         insert into shop.events values (2, '2026-01-06');
         truncate shop.events_1;
         truncate shop.events;
         insert into shop.notes values (null, 'infinity');
         set session_replication_role = replica;
         insert into shop.notes values ('passed by', null);
         insert into shop.events values (3, '2026-01-07');
         set session_replication_role = origin;
         select tributary.detach('shop.events');
         insert into shop.events values (4, '2026-01-08');",
    );
    let records = await_landed(&stack, &postgres, 8).await;
    assert_eq!(operations(&records), ["I", "D", "I", "I", "D", "D", "I", "I"]);
    let tables: Vec<&str> =
        records.iter().map(|record| record["table"].as_str().unwrap()).collect();
    assert_eq!(
        tables,
        ["events", "events", "events", "events", "events", "events", "notes", "events"]
    );
    assert_eq!(records[6]["new"]["happened"], "infinity");
    let refused = postgres.run("create view shop.v as select 1; select tributary.attach('shop.v')");
    assert!(
        refused.messages.contains("no table whose changes can be captured"),
        "{}",
        refused.messages
    );
}

/// The table as PostgreSQL has it, and as the lake's current rows have it.
#[tokio::test(flavor = "multi_thread")]
async fn the_current_rows_of_the_lake_are_those_of_the_table() {
    let Some(postgres) = Postgres::start() else { return };
    let stack = Stack::connect().await;
    postgres.done(TABLES);
    let token = unique();
    let statements = format!(
        "insert into shop.orders select '{token}-' || n, n, 'new', 'EUR', n + 0.25, null, null, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00'
           from generate_series(1, 200) n;
         update shop.orders set status = 'größer', discount = 1.5, updated_at = '2026-03-02 00:00:00.000001' where customer_id % 3 = 0;
         begin; delete from shop.orders where customer_id % 2 = 0; rollback;
         delete from shop.orders where customer_id % 5 = 0;
         insert into shop.orders (id, status) values ('{token}-5', 'again');
         update shop.orders set id = id || '-renamed' where customer_id = 7;
         update shop.orders set total = null where customer_id = 9;
         update shop.orders set ordered_at = 'infinity' where customer_id = 11;"
    );
    let written = application(&postgres, &statements);
    assert!(written.succeeded && written.messages.is_empty(), "{}", written.messages);
    // Inserts, updates, deletes, the row that came again, the renamed one (two), and two more updates.
    let changes = 200 + 66 + 40 + 1 + 2 + 2;
    await_landed(&stack, &postgres, changes).await;
    let source = format!("changes/{}", postgres.database);
    wait_for("every change in the lake", || async {
        (pyiceberg_rows("shop.orders", "_source", &source).len() == changes).then_some(())
    })
    .await;
    let expected = postgres.done(
        "select id, status, currency, total::numeric(38, 6), discount::numeric(38, 6),
           case when ordered_at = 'infinity' then '9999-12-31 23:59:59' else to_char(ordered_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') end
         from shop.orders",
    );
    let expected: BTreeSet<String> = expected.lines().map(str::to_owned).collect();
    for dialect in ["duckdb", "athena"] {
        let mut found = BTreeSet::new();
        for row in current_rows("shop.orders", dialect, &source) {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let columns = ["id", "status", "currency", "total", "discount", "ordered_at"];
            found.insert(columns.map(text).join("|"));
        }
        let differences: Vec<&String> = found.symmetric_difference(&expected).collect();
        assert!(differences.is_empty(), "{dialect}: {differences:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_holds_no_change_records_is_answered_clearly() {
    let Some(postgres) = Postgres::start() else { return };
    let invoke = |function: &str, payload: &str| {
        let function = output(function);
        postgres.done(&format!("select payload from aws_lambda.invoke('{function}', '{payload}', null, 'RequestResponse')"))
    };
    let capture = "DATABASE_CAPTURE_FUNCTION_NAME";
    assert!(invoke(capture, "5").contains("the payload is a number; expected a change record"));
    assert!(
        invoke(capture, "[{}, null]")
            .contains("record 2 of the payload is null, expected an object")
    );
    let accepted: Value =
        serde_json::from_str(&invoke(capture, r#"{"table_name": "t", "method": "INSERT"}"#))
            .unwrap();
    assert_eq!(accepted["accepted"], 1);
    let poison = r#"{"Records": [{"eventName": "INSERT", "dynamodb": {}}]}"#;
    assert!(invoke("DYNAMODB_CAPTURE_FUNCTION_NAME", poison).contains("stream record 1 is none"));
}
