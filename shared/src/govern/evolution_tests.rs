//! What becomes of what a contract does not know, and of personal data in texts that are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::contract::{Contract, compile};
use crate::govern::{DatasetGovernor, Plan, Pseudonymizer, Scanner, Verdict};

const CONTRACT: &str = r#"
apiVersion: v3.1.0
kind: DataContract
id: urn:example
version: 1.0.0
status: active
domain: shop
schema:
  - name: orders
    customProperties:
      - {property: route, value: {source: shop, type: order}}
      - {property: unknownMembersOf, value: [""]}
      - {property: evolution, value: {columns: evolve, types: evolve}}
    properties:
      - name: ordered_on
        logicalType: date
        physicalType: date
        required: true
        partitioned: true
        classification: internal
        customProperties: [{property: fieldId, value: 1}, {property: source, value: on}, {property: privacy, value: keep}, {property: partitionTransform, value: identity}]
      - name: note
        logicalType: string
        physicalType: string
        classification: confidential
        customProperties: [{property: fieldId, value: 2}, {property: source, value: note}, {property: privacy, value: scan}]
      - name: amount
        logicalType: integer
        physicalType: long
        classification: internal
        customProperties: [{property: fieldId, value: 3}, {property: source, value: amount}, {property: privacy, value: keep}]
      - name: email
        logicalType: string
        physicalType: string
        classification: restricted
        customProperties: [{property: fieldId, value: 4}, {property: source, value: email}, {property: privacy, value: hmac}]
      - name: extra
        logicalType: string
        physicalType: string
        classification: internal
        customProperties: [{property: fieldId, value: 5}, {property: generated, value: extra}, {property: privacy, value: keep}]
"#;

const RECORD: &str = r#"{"on":"2026-11-23","note":"call +49 30 1234567","amount":"nine, ask ada@example.com",
    "email":{"of":"ada@example.com"},"gift":{"to":"ada@example.com","wrapped":true},"weight":1.50}"#;

/// The row's `note` and `extra`, and what the run tells of unknown members; none where there is no row.
fn judged(contract: &str) -> Option<(Option<String>, Value, BTreeMap<String, u64>)> {
    let contract: &'static Contract = Box::leak(Box::new(compile(contract).unwrap()));
    let plan = Arc::new(Plan::new(&[contract], &[]));
    let mut scanner = Scanner::new(plan.clone());
    let mut governor = DatasetGovernor::new(contract, plan, &[]);
    let scanned = scanner.scan(RECORD.as_bytes()).unwrap();
    let (note, extra) = match governor.judge(&scanned, &mut Pseudonymizer::new(b"key")) {
        Verdict::Row(row) => {
            let text = |position: usize| row.text(row.cells()[position]).map(str::to_owned);
            (text(1), text(4))
        }
        _ => return None,
    };
    let extra = extra.map_or(Value::Null, |extra| serde_json::from_str(&extra).unwrap());
    Some((note, extra, governor.unknown_members()))
}

fn with(evolution: &str) -> Option<(Option<String>, Value, BTreeMap<String, u64>)> {
    judged(&CONTRACT.replace("{columns: evolve, types: evolve}", evolution))
}

#[test]
fn what_evolves_keeps_its_value_without_personal_data() {
    let (note, extra, members) = with("{columns: evolve, types: evolve}").unwrap();
    assert_eq!(note.as_deref(), Some("call [phone]"));
    assert_eq!(
        extra,
        json!({
            "gift": {"to": "[email]", "wrapped": true},
            "weight": 1.50,
            "amount": "nine, ask [email]",
            "email": "[redacted]"
        })
    );
    let members: Vec<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(members, ["amount:string", "email:object", "gift:object", "weight:number"]);
}

#[test]
fn what_is_discarded_leaves_name_and_type() {
    let (_, extra, members) = with("{columns: discard_value, types: discard_value}").unwrap();
    let types =
        json!({"gift": "object", "weight": "number", "amount": "string", "email": "object"});
    assert_eq!((extra, members.len()), (types, 4));
    for evolution in [
        "{columns: freeze, types: discard_value}",
        "{columns: discard_row, types: discard_value}",
        "{columns: evolve, types: freeze}",
        "{columns: evolve, types: discard_row}",
    ] {
        assert!(with(evolution).is_none(), "{evolution}");
    }
}

#[test]
fn a_contract_may_say_what_extra_holds() {
    let says = |values: &str| {
        let from = "{property: unknownMembersOf";
        let to = format!("{{property: extraValues, value: {values}}}\n      - {from}");
        judged(&CONTRACT.replacen(from, &to, 1)).unwrap().1
    };
    assert_eq!(says("names")["gift"], "object");
    assert_eq!(says("scanned")["gift"]["to"], "[email]");
    let all = says("all");
    assert_eq!(
        (&all["gift"]["to"], &all["email"]),
        (&json!("ada@example.com"), &json!("[redacted]"))
    );
}
