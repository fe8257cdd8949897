//! Columns that take an object or an array whole.

use serde_json::{Value, json};

use super::*;
use crate::contract::compile;
use crate::govern::{FieldValue, Fields, Scanner};

const HEAD: &str = "
apiVersion: v3.1.0
kind: DataContract
id: urn:example
version: 1.0.0
status: active
domain: shop
schema:
  - name: TABLE
    customProperties:
      - {property: route, value: {source: shop, type: TABLE}}
      - {property: unknownMembersOf, value: LISTED}
      - {property: evolution, value: {columns: COLUMNS, types: evolve}}
    properties:
      - name: ordered_on
        logicalType: date
        physicalType: date
        required: true
        partitioned: true
        classification: internal
        customProperties: [{property: fieldId, value: 1}, {property: source, value: on}, {property: privacy, value: keep}, {property: partitionTransform, value: identity}]
      - name: extra
        logicalType: string
        physicalType: string
        classification: internal
        customProperties: [{property: fieldId, value: 2}, {property: generated, value: extra}, {property: privacy, value: keep}]
";

/// A third column that is read with an action.
fn column(source: &str, logical: &str, action: &str) -> String {
    format!(
        "      - name: column
        logicalType: {logical}
        physicalType: string
        classification: restricted
        customProperties: [{{property: fieldId, value: 3}}, {{property: source, value: {source}}}, {action}]
"
    )
}

const KEPT: &str = "{property: privacy, value: keep}, {property: jsonValues, value: all}";

fn contract(table: &str, listed: &str, columns: &str, column: &str) -> &'static Contract {
    let text = HEAD.replace("TABLE", table).replace("LISTED", listed).replace("COLUMNS", columns);
    Box::leak(Box::new(compile(&(text + column)).unwrap()))
}

/// The `column` and `extra` of the first contract's row, beside the others of its source.
fn judged(contracts: &[&'static Contract], record: &str) -> Option<(Value, Value)> {
    let plan = Arc::new(Plan::new(contracts, &[]));
    let mut scanner = Scanner::new(plan.clone());
    row(contracts[0], plan, &scanner.scan(record.as_bytes()).unwrap())
}

fn row(
    contract: &'static Contract,
    plan: Arc<Plan>,
    scanned: &Scanned<'_>,
) -> Option<(Value, Value)> {
    let mut governor = DatasetGovernor::new(contract, plan, &[]);
    let mut pseudonymizer = Pseudonymizer::new(b"key");
    let Verdict::Row(row) = governor.judge(scanned, &mut pseudonymizer) else { return None };
    let of = |name: &str| match contract.position(name).map(|position| row.cells()[position]) {
        Some(cell) => {
            row.text(cell).map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
        }
        None => Value::Null,
    };
    Some((of("column"), of("extra")))
}

const RECORD: &str = r#"{"on":"2026-11-23","properties":{"total":1.50,"email":"ada@example.com","to":{"name":"Ada"}},"other":1}"#;

#[test]
fn a_json_column_takes_its_members_but_not_what_others_take_out() {
    let whole =
        contract("orders", "['', properties]", "evolve", &column("properties", "object", KEPT));
    let email = contract(
        "mails",
        "[]",
        "evolve",
        &column("properties.email", "string", "{property: privacy, value: hmac}"),
    );
    let total = contract(
        "totals",
        "[]",
        "evolve",
        &column("properties.total", "string", "{property: privacy, value: keep}"),
    );
    let name = contract(
        "names",
        "[]",
        "evolve",
        &column("properties.to.name", "string", "{property: privacy, value: drop}"),
    );
    let (properties, extra) = judged(&[whole], RECORD).unwrap();
    assert_eq!(
        properties,
        json!({"total": 1.50, "email": "ada@example.com", "to": {"name": "Ada"}})
    );
    assert_eq!(extra, json!({"other": 1}));
    let (properties, extra) = judged(&[whole, email, total, name], RECORD).unwrap();
    assert_eq!(
        properties,
        json!({"total": 1.50, "email": "[redacted]", "to": {"name": "[redacted]"}})
    );
    assert_eq!(extra, json!({"other": 1}), "what others read within it is not unknown");
}

#[test]
fn a_json_column_of_one_dataset_is_nothing_new_to_those_that_know_its_members() {
    let whole = contract("orders", "[]", "evolve", &column("properties", "object", KEPT));
    let record = r#"{"on":"2026-11-23","properties":{"total":"1"}}"#;
    let of_total = |listed: &str| {
        let kept = "{property: privacy, value: keep}";
        contract("totals", listed, "freeze", &column("properties.total", "string", kept))
    };
    for listed in ["['']", "['', properties]"] {
        let (total, extra) = judged(&[of_total(listed), whole], record).unwrap();
        assert_eq!((total, extra), (json!(1), Value::Null), "{listed}");
        let misplaced = record.replace(r#"{"total":"1"}"#, "[1]");
        assert!(judged(&[of_total(listed), whole], &misplaced).is_none(), "{listed}");
    }
    let other = column("other", "string", "{property: privacy, value: keep}");
    let unaware = contract("others", "['']", "freeze", &other);
    assert!(judged(&[unaware, whole], record).is_none(), "it knows nothing of properties");
}

#[test]
fn what_is_not_of_the_shape_is_of_a_wrong_type_and_stays_out_of_extra() {
    let whole = contract("orders", "['']", "evolve", &column("properties", "object", KEPT));
    for wrong in [r#""{}""#, "[{}]", "1", "true"] {
        let record = format!(r#"{{"on":"2026-11-23","properties":{wrong}}}"#);
        let left_out = json!({"properties": "[redacted]"});
        assert_eq!(judged(&[whole], &record), Some((Value::Null, left_out)), "{wrong}");
    }
    let record = r#"{"on":"2026-11-23","properties":null}"#;
    assert_eq!(judged(&[whole], record), Some((Value::Null, Value::Null)));
    let dropped = column("properties", "object", "{property: privacy, value: drop}");
    let dropped = contract("orders", "['']", "freeze", &dropped);
    let record = r#"{"on":"2026-11-23","properties":{"x":1}}"#;
    assert_eq!(judged(&[dropped], record), Some((Value::Null, Value::Null)));
}

#[test]
fn the_text_of_a_field_may_be_json() {
    let list = contract("orders", "[csv]", "evolve", &column("csv.list", "array", KEPT));
    let plan = Arc::new(Plan::new(&[list], &[]));
    let mut fields = Fields::new(plan.clone());
    for (text, expected) in [
        (r#" [{"a" : "\u0061"}] "#, json!([{"a": "a"}])),
        ("[]", json!([])),
        ("{}", Value::Null),
        ("[1", Value::Null),
        ("null", Value::Null),
        ("", Value::Null),
    ] {
        fields.clear();
        fields.set_text(plan.slot("on").unwrap(), "2026-11-23");
        fields.set_text(plan.slot("csv.list").unwrap(), text);
        fields.unknown("csv", "x", FieldValue::Text("y"));
        let (column, extra) = row(list, plan.clone(), &fields.scanned()).unwrap();
        assert_eq!(column, expected, "{text}");
        assert_eq!((&extra["x"], &extra["csv.x"]), (&Value::Null, &json!("y")), "{extra}");
    }
}
