//! Rows judged by the contracts that ship.

use super::*;
use crate::contract::contracts_of;
use crate::govern::Scanner;

struct Judge {
    scanner: Scanner,
    governor: DatasetGovernor,
    pseudonymizer: Pseudonymizer,
}

fn judge(table: &str) -> Judge {
    let contracts = contracts_of("segment");
    let plan = Arc::new(Plan::new(&contracts, &["type", "event"]));
    let contract = contracts.iter().find(|contract| contract.table == table).unwrap();
    Judge {
        scanner: Scanner::new(plan.clone()),
        governor: DatasetGovernor::new(contract, plan, &["type", "event"]),
        pseudonymizer: Pseudonymizer::new(b"key"),
    }
}

impl Judge {
    fn row(&mut self, record: &str) -> BTreeMap<String, String> {
        let scanned = self.scanner.scan(record.as_bytes()).unwrap();
        let contract = self.governor.contract;
        match self.governor.judge(&scanned, &mut self.pseudonymizer) {
            Verdict::Row(row) => {
                let mut cells = BTreeMap::new();
                for (column, cell) in contract.columns.iter().zip(row.cells()) {
                    if *cell != Cell::Null {
                        let value =
                            row.text(*cell).map_or_else(|| format!("{cell:?}"), str::to_owned);
                        cells.insert(column.name.clone(), value);
                    }
                }
                cells
            }
            other => panic!("{other:?}"),
        }
    }

    fn refusal(&mut self, record: &str) -> (Reason, String) {
        let scanned = self.scanner.scan(record.as_bytes()).unwrap();
        match self.governor.judge(&scanned, &mut self.pseudonymizer) {
            Verdict::Rejected(rejection) => (rejection.reason, rejection.clause),
            other => panic!("{other:?}"),
        }
    }
}

const PAGE: &str = r#"{"type":"page","messageId":"m1","anonymousId":" visitor ","receivedAt":"2026-03-01T10:00:00.5Z",
    "context":{"ip":"203.0.113.77","page":{"url":"https://shop.example/x?email=a@b.example&gclid=C1"},"fax":1},
    "properties":{"title":"A \"title\"","height":2},"integrations":{"All":true}}"#;

#[test]
fn a_row_holds_what_the_contract_names_and_nothing_else() {
    let mut judge = judge("pages");
    let row = judge.row(PAGE);
    assert_eq!(row["message_id"], "m1");
    assert_eq!(row["received_at"], "Timestamp(1772359200500000)");
    assert_eq!(
        row["timestamp"], row["received_at"],
        "without one of its own, the message has the server's time"
    );
    assert_eq!(row["title"], "A \"title\"");
    assert_eq!(row["gclid"], "C1");
    assert_eq!(row["context_page_url"], "https://shop.example/x");
    assert_eq!(row["context_ip"], "203.0.113.0");
    assert_eq!(row["anonymous_id"].len(), 64);
    let extra: BTreeMap<String, String> = serde_json::from_str(&row["extra"]).unwrap();
    assert_eq!(extra["context.fax"], "number");
    assert_eq!(extra["properties.height"], "number");
    assert!(!extra.contains_key("type"), "{extra:?}");
}

#[test]
fn a_refusal_names_the_clause_and_no_value() {
    let mut judge = judge("pages");
    for (from, to, reason, clause) in [
        (
            r#""messageId":"m1""#,
            r#""messageId":null"#,
            Reason::RequiredValueMissing,
            "properties.message_id.required",
        ),
        (
            r#""messageId":"m1""#,
            r#""messageId":"""#,
            Reason::RequiredValueMissing,
            "properties.message_id.required",
        ),
        (
            r#""messageId":"m1""#,
            r#""messageId":["m1"]"#,
            Reason::WrongType,
            "properties.message_id.logicalType",
        ),
        (r#"" visitor ""#, r#""  ""#, Reason::RequiredOneOfMissing, "requireOneOf"),
        (
            "2026-03-01T",
            "9999-03-01T",
            Reason::OutOfRange,
            "properties.received_at.logicalTypeOptions",
        ),
        ("2026-03-01T", "soon-03-01T", Reason::WrongType, "properties.received_at.logicalType"),
    ] {
        let (found, shown) = judge.refusal(&PAGE.replacen(from, to, 1));
        assert_eq!((found, shown), (reason, format!("segment.pages 1.0.0 {clause}")));
    }
    let counts = judge.governor.counts();
    assert_eq!((counts.routed, counts.quarantined), (6, 6));
    assert!(counts.is_conserved());
}

#[test]
fn the_same_message_twice_is_one_row_but_a_refused_one_does_not_count() {
    let mut judge = judge("pages");
    judge.refusal(&PAGE.replacen("2026-03-01T", "soon", 1));
    judge.row(PAGE);
    let scanned = judge.scanner.scan(PAGE.as_bytes()).unwrap();
    assert!(matches!(judge.governor.judge(&scanned, &mut judge.pseudonymizer), Verdict::Duplicate));
    let counts = judge.governor.counts();
    assert_eq!((counts.committed, counts.deduplicated, counts.quarantined), (1, 1, 1));
    assert!(counts.is_conserved());
}

#[test]
fn one_person_has_one_pseudonym_in_every_dataset() {
    let record = PAGE.replacen(r#""anonymousId":" visitor ""#, r#""userId":"ada""#, 1);
    let tracked = record.replacen(r#""page""#, r#""track","event":"Signed Up""#, 1);
    assert_eq!(judge("pages").row(&record)["user_id"], judge("tracks").row(&tracked)["user_id"]);
}

#[test]
fn a_value_of_another_dataset_leaves_its_name_here() {
    let order = r#"{"type":"track","event":"Order Completed","messageId":"m","userId":"u","receivedAt":"2026-03-01T10:00:00Z","properties":{"order_id":7,"total":"29.990000000000002"}}"#;
    assert!(judge("tracks").row(order)["extra"].contains(r#""properties.total":"string""#));
    let row = judge("order_completed").row(order);
    assert_eq!((row["order_id"].as_str(), row["total"].as_str()), ("7", "Decimal(29990000)"));
}

#[test]
fn a_refusal_names_its_column_in_the_counts() {
    let mut judge = judge("pages");
    judge.refusal(&PAGE.replace("2026-03-01T10:00:00.5Z", "yesterday"));
    judge.refusal(&PAGE.replace("2026-03-01T10:00:00.5Z", "today"));
    judge.refusal(&PAGE.replace(r#""messageId":"m1","#, ""));
    // A rule about several columns names none.
    judge.refusal(&PAGE.replace(r#""anonymousId":" visitor ","#, ""));
    let expected = [("required_value_missing:message_id", 1), ("wrong_type:received_at", 2)];
    let expected = expected.map(|(reason, rows)| (reason.to_owned(), rows)).into();
    assert_eq!(judge.governor.reasons_by_column(), expected);
    assert_eq!(judge.governor.counts().quarantined, 4);
}
