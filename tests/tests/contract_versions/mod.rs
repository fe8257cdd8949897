//! Three versions of one contract, data of each, and one query over all of it.
//!
//! The contracts stand beside this file. The transform is the real one over the local AWS, as is the
//! deployed `lake-commit` that carries its requests out; PyIceberg and DuckDB read.

mod data;

use std::collections::{BTreeMap, BTreeSet};

use data::{LATE, Order, V1, V2, V3, lines};
use end_to_end::lake::{Engine, Row, SnapshotRows, glue_columns};
use end_to_end::river::transform;
use end_to_end::stack::{Stack, gzip, output, unique, wait_for};
use shared::contract::{Contract, Problem, Record, compare, compile, locate};
use shared::event::ObjectCreated;
use shared::govern::Scanned;
use shared::run::{Outcome, Run};
use shared::transform::{JsonLines, Router, Source};

const JOB: &str = "orders-transform";

/// What asks for all orders whatever version their rows are of. The messages of gifts were in `extra` at first.
const ALL_ORDERS: &str = "
    select order_id, total, channel, voucher, city, person,
        coalesce(gift_message, json_extract_string(extra, '$.gift_message')) as gift_message
    from shop.orders_of_a_test
    order by order_id
";

/// A version of the contract as its file has it, with the name of a table that no other run has.
struct Document {
    file: String,
    text: String,
}

impl Document {
    fn of(version: &str, table: &str) -> Self {
        let text = match version {
            "1.0.0" => include_str!("1.0.0.odcs.yaml"),
            "2.0.0" => include_str!("2.0.0.odcs.yaml"),
            "3.0.0" => include_str!("3.0.0.odcs.yaml"),
            "3.1.0" => include_str!("3.1.0.odcs.yaml"),
            other => panic!("there is no version {other}"),
        };
        let text =
            text.replace("physicalName: orders_of_a_test", &format!("physicalName: {table}"));
        Self { file: format!("{version}.odcs.yaml"), text }
    }

    /// The same contract under another version.
    fn called(mut self, version: &str) -> Self {
        let (before, after) = self.text.split_once("version: ").unwrap();
        let (_, after) = after.split_once('\n').unwrap();
        self.text = format!("{before}version: {version}\n{after}");
        self
    }

    fn compiled(&self) -> &'static Contract {
        Box::leak(Box::new(compile(&self.text).unwrap()))
    }

    /// What the contract breaks of a recorded version, as the build shows it: `file:line: clause: problem`.
    fn broken_promises(&self, recorded: &Record) -> Vec<String> {
        let mut problems = compare(recorded, self.compiled());
        locate(&self.text, &mut problems);
        problems.iter().map(|problem| self.located(problem)).collect()
    }

    fn located(&self, problem: &Problem) -> String {
        format!("{}:{}: {problem}", self.file, problem.line)
    }

    /// The number of the line below a column's name that begins with a key.
    fn line_of(&self, column: &str, key: &str) -> usize {
        let lines: Vec<&str> = self.text.lines().map(str::trim_start).collect();
        let name = lines.iter().position(|line| *line == format!("- name: {column}")).unwrap();
        name + 1 + lines[name..].iter().position(|line| line.starts_with(key)).unwrap()
    }
}

/// Every record is an order.
struct Orders;

impl Router for Orders {
    fn route(&self, _: &Scanned<'_>, datasets: &mut Vec<usize>) {
        datasets.push(0);
    }

    fn paths(&self) -> &[&str] {
        &[]
    }
}

/// A file of orders through the transform of a version and the deployed commit.
async fn commit(stack: &Stack, contract: &'static Contract, orders: &[Order]) -> Run {
    let transform = transform(
        &stack.config,
        Source {
            job: JOB,
            contracts: vec![contract],
            format: std::sync::Arc::new(JsonLines),
            router: std::sync::Arc::new(Orders),
            holds_data: |_| true,
        },
        output("COMMITS_QUEUE_URL"),
        String::new(),
        None,
    );
    // No deployed transform listens below this prefix.
    let key = format!("orders-of-a-test/{}.gz", unique());
    let dropped = stack.drop_object(&key, gzip(lines(orders).as_bytes())).await;
    let object = ObjectCreated {
        bucket: dropped.input.bucket.clone(),
        key,
        version_id: dropped.input.version_id.clone(),
        at: None,
    };
    transform.run(&object, None).await.unwrap();
    let dataset = contract.dataset();
    let run = wait_for(&format!("the run with version {}", contract.version), || {
        stack.run_of(JOB, &dropped.input, Some(&dataset))
    })
    .await;
    assert_eq!((run.outcome, &run.error), (Outcome::Committed, &None));
    assert_eq!(run.rows.unwrap().committed, orders.len() as u64);
    assert_eq!(run.contract_version.as_deref(), Some(contract.version.as_str()));
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn one_query_reads_the_rows_of_three_versions() {
    let stack = Stack::connect().await;
    let name = format!("orders_{}", unique());
    let versions = ["1.0.0", "2.0.0", "3.0.0"].map(|version| Document::of(version, &name));
    for pair in versions.windows(2) {
        let recorded = Record::of(pair[0].compiled());
        assert_eq!(pair[1].broken_promises(&recorded), [""; 0], "{}", pair[1].file);
    }
    let [v1, v2, v3] = versions.each_ref().map(Document::compiled);
    // The last file is of a producer, and of a transform, that have not heard of the newer versions.
    let files: [(&'static Contract, &[Order]); 4] = [(v1, V1), (v2, V2), (v3, V3), (v1, LATE)];
    let mut snapshots = Vec::new();
    for (contract, orders) in files {
        let run = commit(&stack, contract, orders).await;
        snapshots.push((run.snapshot_id.unwrap(), orders));
    }
    let table = v1.dataset();
    for engine in Engine::ALL {
        check_query(engine, &table);
        check_history(engine, &engine.history(&table), &snapshots);
    }
    check_columns_in_glue(&table);
}

/// Every row under today's names, with null for what its version had not.
fn check_query(engine: Engine, table: &str) {
    let query = ALL_ORDERS.replace("shop.orders_of_a_test", table);
    let mut found = engine.query(&query, &[table]);
    let person = |row: &mut Row| row.remove("person").unwrap().to_string();
    let people: Vec<String> = found.iter_mut().map(person).collect();
    let mut expected: Vec<Order> = [V1, V2, V3, LATE].concat();
    expected.sort_by_key(|order| order.id);
    let rows: Vec<Row> = expected.iter().map(Order::row).collect();
    assert_eq!(found, rows, "{engine:?}");
    // One person was written in three ways, and is one in the rows of all versions.
    for (order, person) in expected.iter().zip(&people) {
        assert_eq!(*person == people[0], order.is_of_ada(), "{engine:?}, {}", order.id);
    }
}

/// Each snapshot has the rows that it had, by the metadata of the time and for whoever travels back.
fn check_history(engine: Engine, history: &[SnapshotRows], snapshots: &[(i64, &[Order])]) {
    let mut amounts: BTreeMap<String, String> = BTreeMap::new();
    for (position, (snapshot_id, orders)) in snapshots.iter().enumerate() {
        amounts.extend(orders.iter().map(|order| (order.id.to_owned(), order.total.to_owned())));
        let mut readings = BTreeSet::new();
        for one in history.iter().filter(|one| one.snapshot_id == *snapshot_id) {
            let found: BTreeMap<String, String> = one.rows.iter().map(amount).collect();
            assert_eq!(found, amounts, "{engine:?}, snapshot {position}, then: {}", one.then);
            readings.insert(one.then);
        }
        assert_eq!(readings, [false, true].into(), "{engine:?}, snapshot {position}");
    }
    // The first rows, by the metadata of the time, under the names of the time.
    let first = history.iter().find(|one| one.then).unwrap();
    for row in &first.rows {
        assert!(row.contains_key("amount") && !row.contains_key("city"), "{engine:?}");
    }
}

/// The order's id and what it cost, by the name that the column has there.
fn amount(row: &Row) -> (String, String) {
    let (before, now) = (row.get("amount"), row.get("total"));
    assert!(before.is_none() || now.is_none(), "the column has one name at a time");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (text(&row["order_id"]), text(before.or(now).unwrap()))
}

/// Glue lists each name once, those of today first, and says which they are.
fn check_columns_in_glue(table: &str) {
    let columns = glue_columns(table);
    let names: BTreeSet<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), columns.len(), "{columns:?}");
    let (current, earlier): (Vec<_>, Vec<_>) = columns.iter().partition(|(_, current)| *current);
    let of = |columns: Vec<&(String, bool)>| -> Vec<String> {
        columns.into_iter().map(|(name, _)| name.clone()).collect()
    };
    let today = [
        "ordered_on",
        "order_id",
        "total",
        "person",
        "channel",
        "voucher",
        "extra",
        "city",
        "gift_message",
    ];
    assert_eq!(of(current), today);
    assert_eq!(of(earlier), ["amount"]);
}

#[test]
fn what_breaks_readers_is_refused_with_file_line_and_clause() {
    let released = Record::of(Document::of("3.0.0", "orders").compiled());
    let breaking = Document::of("3.1.0", "orders");
    let narrowed = format!(
        "3.1.0.odcs.yaml:{}: schema.orders.properties.total.physicalType: was decimal(38,2), and a table's column cannot become decimal(18,2); write decimal(38,2) again, or give the dataset another physicalName and a higher major version",
        breaking.line_of("total", "physicalType")
    );
    let properties = breaking.text.lines().position(|line| line.trim() == "properties:").unwrap();
    let dropped = format!(
        "3.1.0.odcs.yaml:{}: schema.orders.properties: no longer has `order_id` (field id 2), which readers may use; take that back, or write `version: 4.0.0`",
        properties + 1
    );
    assert_eq!(breaking.broken_promises(&released), [dropped, narrowed.clone()]);
    // A major version may drop the column, but nothing makes values of more digits fit.
    assert_eq!(breaking.called("4.0.0").broken_promises(&released), [narrowed]);
}

#[test]
fn a_version_that_promises_less_says_so_in_its_number() {
    let released = Record::of(Document::of("1.0.0", "orders").compiled());
    let next = Document::of("2.0.0", "orders").called("1.1.0");
    let [problem] = &next.broken_promises(&released)[..] else { panic!("one problem") };
    let expected = format!(
        "2.0.0.odcs.yaml:{}: schema.orders.properties.channel.required: ",
        next.line_of("channel", "- name")
    );
    assert!(problem.starts_with(&expected), "{problem}");
    assert!(problem.ends_with("write `version: 2.0.0`"), "{problem}");
}
