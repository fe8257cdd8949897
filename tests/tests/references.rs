//! Rows that refer to another dataset: counted against the table of the time, held where too many are unknown, and passed once
//! what they refer to has come.

use std::fmt::Write as _;
use std::sync::Arc;

use end_to_end::lake::pyiceberg_table;
use end_to_end::river::{Bed, River};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique};
use serde_json::json;
use shared::contract::{Contract, compile, unresolved};
use shared::govern::{Plan, Scanned, SlotId};
use shared::run::{InputIdentity, Outcome, Run};
use shared::transform::{JsonLines, Router, Source, plan};

const JOB: &str = "reference-tests";
const CHILDREN: &str = "family.children";

/// A dataset of this table, with more properties than those that every row has.
fn contract(table: &str, kind: &str, properties: &str) -> String {
    format!(
        "
apiVersion: v3.1.0
kind: DataContract
id: urn:test:{table}
version: 1.0.0
status: active
domain: family
schema:
  - name: {table}
    customProperties:
      - {{property: route, value: {{source: family, type: {kind}}}}}
      - {{property: deduplicateBy, value: [number]}}
    properties:
      - name: number
        logicalType: string
        physicalType: string
        required: true
        classification: internal
        customProperties: [{{property: fieldId, value: 1}}, {{property: source, value: number}}, {{property: privacy, value: keep}}]
      - name: born_on
        logicalType: date
        physicalType: date
        required: true
        partitioned: true
        classification: internal
        customProperties: [{{property: fieldId, value: 2}}, {{property: source, value: on}}, {{property: privacy, value: keep}}, {{property: partitionTransform, value: identity}}]
{properties}"
    )
}

const OF_PARENTS: &str = "      - name: id
        logicalType: string
        physicalType: string
        classification: restricted
        customProperties: [{property: fieldId, value: 3}, {property: source, value: id}, {property: privacy, value: hmac}, {property: normalize, value: trim}]
";

const OF_CHILDREN: &str = "      - name: parent_id
        logicalType: string
        physicalType: string
        classification: restricted
        relationships: [{to: parents.odcs.yaml#/schema/parents/properties/id}]
        quality:
          - name: parents_are_known
            type: custom
            engine: tributary
            implementation: {check: unknownReferences, mustBeLessOrEqualTo: 40}
            unit: percent
            severity: error
        customProperties: [{property: fieldId, value: 3}, {property: source, value: parent}, {property: privacy, value: hmac}, {property: normalize, value: trim}]
      - name: elder
        logicalType: string
        physicalType: string
        classification: internal
        relationships: [{to: children.number}]
        quality:
          - name: elders_are_known
            type: custom
            engine: tributary
            implementation: {check: unknownReferences, mustBe: 0}
            severity: warning
        customProperties: [{property: fieldId, value: 4}, {property: source, value: elder}, {property: privacy, value: keep}]
";

struct ByKind {
    slot: Option<SlotId>,
}

impl Router for ByKind {
    fn route(&self, scanned: &Scanned<'_>, datasets: &mut Vec<usize>) {
        let kind = self.slot.and_then(|slot| scanned.text(slot));
        match kind.as_deref() {
            Some("parent") => datasets.push(0),
            Some("child") => datasets.push(1),
            _ => {}
        }
    }

    fn paths(&self) -> &[&str] {
        &["kind"]
    }
}

fn source() -> Source {
    let parents = compile(&contract("parents", "parent", OF_PARENTS)).expect("it compiles");
    let children = compile(&contract("children", "child", OF_CHILDREN)).expect("it compiles");
    let all = [parents, children];
    assert_eq!(unresolved(&all[1], &all), [], "both refer to what is there");
    let contracts: Vec<&'static Contract> = Box::leak(Box::new(all)).iter().collect();
    let plan: Plan = plan(&["kind"], &contracts);
    Source {
        job: JOB,
        contracts,
        format: Arc::new(JsonLines),
        router: Arc::new(ByKind { slot: plan.slot("kind") }),
        holds_data: |_| true,
    }
}

struct Family {
    stack: Stack,
    bed: Bed,
    river: River,
    name: String,
}

impl Family {
    async fn new() -> Self {
        let stack = Stack::connect().await;
        let bed = Bed::dig(&stack).await;
        let river = River::of_source(&stack, &output("AWS_ENDPOINT_URL"), &bed, source()).await;
        Self { stack, bed, river, name: unique() }
    }

    async fn drop(&self, lines: &str) -> Dropped {
        let key = format!("reference-tests/{}/{}.gz", self.name, unique());
        let dropped = self.stack.drop_object(&key, gzip(lines.as_bytes())).await;
        self.river.deliver(&dropped).await.unwrap();
        self.river.commit_all().await.unwrap();
        dropped
    }

    async fn parents(&self, ids: &[&str]) {
        let mut lines = String::new();
        for id in ids {
            let line = json!({"kind": "parent", "number": id, "on": "1970-03-01", "id": id});
            writeln!(lines, "{line}").unwrap();
        }
        self.drop(&lines).await;
    }

    /// Children as `number, parent, elder`, empty for none.
    async fn children(&self, children: &[(&str, &str, &str)]) -> (Dropped, Run) {
        let mut lines = String::new();
        for &(number, parent, elder) in children {
            let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let line = json!({
                "kind": "child", "number": number, "on": "2000-03-01",
                "parent": given(parent), "elder": given(elder),
            });
            writeln!(lines, "{line}").unwrap();
        }
        let dropped = self.drop(&lines).await;
        let run = self.run(&dropped.input).await;
        (dropped, run)
    }

    async fn run(&self, input: &InputIdentity) -> Run {
        self.stack.run_of(JOB, input, Some(CHILDREN)).await.expect("the input has its run")
    }

    /// Reads an object again; its run.
    async fn again(&self, dropped: &Dropped) -> Run {
        let replay = uuid::Uuid::now_v7().to_string();
        let order = json!({"read_again": {
            "replay": replay, "bucket": dropped.input.bucket, "key": dropped.key,
            "version_id": dropped.input.version_id,
        }});
        self.river.take(&order.to_string()).await.unwrap();
        self.river.commit_all().await.unwrap();
        self.run(&InputIdentity { replay: Some(replay), ..dropped.input.clone() }).await
    }

    /// The numbers of the children in the table.
    fn numbers(&self) -> Vec<String> {
        let rows = pyiceberg_table(&format!("{}{CHILDREN}", self.bed.database_prefix));
        let number = |row: &end_to_end::lake::Row| row["number"].as_str().unwrap().to_owned();
        let mut numbers: Vec<String> = rows.iter().map(number).collect();
        numbers.sort();
        numbers
    }
}

/// Percent of unknown parents, rows of unknown elders.
fn unknown(run: &Run) -> (f64, f64) {
    let [parents, elders] = &run.checks[..] else { panic!("two checks: {:?}", run.checks) };
    assert_eq!(
        (parents.name.as_str(), elders.name.as_str()),
        ("parents_are_known", "elders_are_known")
    );
    assert_eq!(
        (parents.metric.as_str(), parents.column.as_deref()),
        ("unknownReferences", Some("parent_id"))
    );
    (parents.value, elders.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn children_are_held_until_their_parents_have_come() {
    let family = Family::new().await;
    // Neither table is there yet, but the file knows its own elder.
    let (first, run) = family.children(&[("1", "a", ""), ("2", "b", "1"), ("3", "", "9")]).await;
    assert_eq!((run.outcome, unknown(&run)), (Outcome::Held, (100.0, 1.0)));
    assert_eq!(run.error.as_deref(), Some("parents_are_known: 100 percent, must be at most 40"));

    // Normalised alike, so that they are the same person.
    family.parents(&["a", " b "]).await;
    let run = family.again(&first).await;
    assert_eq!((run.outcome, unknown(&run)), (Outcome::Committed, (0.0, 1.0)));
    assert_eq!(family.numbers(), ["1", "2", "3"]);

    let (second, run) = family
        .children(&[
            ("4", "a", "1"),
            ("5", "x", "2"),
            ("6", "y", "7"),
            ("7", "", ""),
            ("8", "a", "10"),
        ])
        .await;
    assert_eq!((run.outcome, unknown(&run)), (Outcome::Held, (50.0, 1.0)));
    family.parents(&["x"]).await;
    let run = family.again(&second).await;
    assert_eq!((run.outcome, unknown(&run)), (Outcome::Committed, (25.0, 1.0)));
    assert_eq!(family.numbers().len(), 8);
}

/// Such rows pass: there is nothing that would have to be known.
#[tokio::test(flavor = "multi_thread")]
async fn rows_without_references_have_no_unknown_ones() {
    let family = Family::new().await;
    let (_, run) = family.children(&[("1", "", ""), ("2", "", "")]).await;
    assert_eq!((run.outcome, unknown(&run)), (Outcome::Committed, (0.0, 0.0)));
    assert!(run.checks.iter().all(|check| check.passed));
}

/// As the shop's contracts ship: an order's customer is looked up among the customers' changes, pseudonym beside pseudonym.
#[tokio::test(flavor = "multi_thread")]
async fn orders_of_customers_that_nobody_knows_are_told_of() {
    const ORDERS: &str = "shop.orders";
    let stack = Stack::connect().await;
    let bed = Bed::dig(&stack).await;
    let endpoint = output("AWS_ENDPOINT_URL");
    let river = River::of_source(&stack, &endpoint, &bed, database_transform::source()).await;
    // Not in the folder that the deployed function reads: it would be the first to read them, and find no customers.
    let folder = format!("river/databases/changes/{}", unique());
    let change = |table: &str, sequence: usize, row: serde_json::Value| {
        let change = json!({
            "schema": "shop", "table": table, "op": "I", "txid": sequence, "sequence": sequence,
            "changed_at": "2026-03-01T09:00:00+00:00", "old": null, "new": row,
        });
        format!("{change}\n")
    };
    let known: String = (0..19).map(|id| change("customers", id, json!({"id": id}))).collect();
    let drop = async |name: &str, lines: &str| {
        let dropped =
            stack.drop_object(&format!("{folder}/{name}.gz"), gzip(lines.as_bytes())).await;
        river.deliver(&dropped).await.unwrap();
        river.commit_all().await.unwrap();
        dropped
    };
    drop("customers", &known).await;
    let order = |file: usize, id: usize| {
        let customer = if id == 30 { json!(null) } else { json!(id.to_string()) };
        change("orders", file + id, json!({"id": id.to_string(), "customer_id": customer}))
    };
    // One of twenty, then one of nineteen: at most five percent may be unknown. None is no customer.
    for (file, ids, value, passed) in [(100, 0..20, 5.0, true), (200, 1..20, 100.0 / 19.0, false)] {
        let lines: String = ids.chain([30]).map(|id| order(file, id)).collect();
        let dropped = drop(&file.to_string(), &lines).await;
        let run = stack.run_of("database-transform", &dropped.input, Some(ORDERS)).await.unwrap();
        let [check] = &run.checks[..] else { panic!("one check: {:?}", run.checks) };
        assert_eq!((check.name.as_str(), check.passed), ("customers_are_known", passed));
        assert!((check.value - value).abs() < 1e-9, "{check}");
        assert_eq!(run.outcome, Outcome::Committed, "a warning holds nothing");
    }
}
