//! Rows under the rules of one contract.

use std::sync::Arc;

use crate::contract::Contract;
use crate::contract::compile;
use crate::govern::{DatasetGovernor, Plan, Pseudonymizer, Reason, Scanner, Verdict};
use crate::run::CheckResult;

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
      - {property: deduplicateBy, value: [id]}
    quality:
      - {metric: rowCount, mustBeBetween: [1, 3], severity: error}
      - {metric: duplicateValues, arguments: {properties: [status, coupon]}, mustBeLessThan: 1, severity: warning}
      - name: mostly_valid
        type: custom
        engine: tributary
        implementation: {check: invalidRows, mustBeLessOrEqualTo: 40}
        unit: percent
        severity: error
    properties:
      - name: id
        logicalType: string
        physicalType: string
        required: true
        unique: true
        classification: internal
        customProperties: [{property: fieldId, value: 1}, {property: source, value: id}, {property: privacy, value: keep}]
      - name: ordered_on
        logicalType: date
        physicalType: date
        required: true
        partitioned: true
        classification: internal
        customProperties: [{property: fieldId, value: 2}, {property: source, value: on}, {property: privacy, value: keep}, {property: partitionTransform, value: identity}]
      - name: status
        logicalType: string
        physicalType: string
        classification: internal
        quality:
          - {metric: invalidValues, arguments: {validValues: [open, paid]}, mustBe: 0, severity: error}
        customProperties: [{property: fieldId, value: 3}, {property: source, value: status}, {property: privacy, value: keep}]
      - name: currency
        logicalType: string
        physicalType: string
        classification: internal
        logicalTypeOptions: {minLength: 3, pattern: "^[A-Z]+$"}
        quality:
          - {metric: invalidValues, arguments: {validValues: [EUR]}, mustBeLessThan: 60, unit: percent, severity: warning}
          - {metric: nullValues, mustBe: 0, severity: warning}
        customProperties: [{property: fieldId, value: 4}, {property: source, value: currency}, {property: privacy, value: keep}]
      - name: customer
        logicalType: string
        physicalType: string
        classification: internal
        relationships: [{to: customers.odcs.yaml#/schema/customers/properties/id}]
        quality:
          - {type: custom, engine: tributary, implementation: {check: unknownReferences, mustBe: 0}, severity: error}
        customProperties: [{property: fieldId, value: 5}, {property: source, value: customer}, {property: privacy, value: keep}]
      - name: coupon
        logicalType: string
        physicalType: string
        unique: true
        classification: internal
        customProperties: [{property: fieldId, value: 6}, {property: source, value: coupon}, {property: privacy, value: keep}]
"#;

struct Judge {
    scanner: Scanner,
    governor: DatasetGovernor,
    pseudonymizer: Pseudonymizer,
}

impl Judge {
    fn new() -> Self {
        let contract: &'static Contract = Box::leak(Box::new(compile(CONTRACT).unwrap()));
        let plan = Arc::new(Plan::new(&[contract], &[]));
        Self {
            scanner: Scanner::new(plan.clone()),
            governor: DatasetGovernor::new(contract, plan, &[]),
            pseudonymizer: Pseudonymizer::new(b"key"),
        }
    }

    /// What becomes of an order, with the members that are given beside its id and day.
    fn judge(&mut self, id: &str, members: &str) -> Result<bool, (Reason, String)> {
        let record = format!(r#"{{"id":"{id}","on":"2026-11-23"{members}}}"#);
        let scanned = self.scanner.scan(record.as_bytes()).unwrap();
        match self.governor.judge(&scanned, &mut self.pseudonymizer) {
            Verdict::Row(_) => Ok(true),
            Verdict::Duplicate => Ok(false),
            Verdict::Rejected(rejection) => Err((rejection.reason, rejection.clause)),
            Verdict::Discarded => panic!("nothing is discarded"),
        }
    }

    fn result(&self, name: &str) -> CheckResult {
        let mut results = self.governor.check_results();
        results.retain(|result| result.name == name);
        results.remove(0)
    }
}

#[test]
fn a_value_is_of_its_list_and_form_or_the_row_is_quarantined() {
    let mut judge = Judge::new();
    assert_eq!(judge.judge("1", r#","status":"paid","currency":"EUR""#), Ok(true));
    for (members, reason, clause) in [
        (r#","status":"stolen""#, Reason::InvalidValue, "status.quality.invalidValues"),
        (r#","currency":"eur""#, Reason::InvalidValue, "currency.logicalTypeOptions.pattern"),
        (r#","currency":"EU""#, Reason::OutOfRange, "currency.logicalTypeOptions.minLength"),
    ] {
        let clause = format!("shop.orders 1.0.0 properties.{clause}");
        assert_eq!(judge.judge("2", members), Err((reason, clause)), "{members}");
    }
}

#[test]
fn what_must_be_unique_is_refused_and_leaves_no_trace() {
    let mut judge = Judge::new();
    assert_eq!(judge.judge("1", r#","coupon":"A""#), Ok(true));
    assert_eq!(judge.judge("1", r#","coupon":"A""#), Ok(false), "a repeat is a repeat");
    let (reason, clause) = judge.judge("2", r#","coupon":"A""#).unwrap_err();
    assert_eq!(
        (reason, clause.as_str()),
        (Reason::NotUnique, "shop.orders 1.0.0 properties.coupon.unique")
    );
    assert_eq!(judge.judge("2", r#","coupon":"B""#), Ok(true), "mended");
    assert_eq!(judge.judge("3", ""), Ok(true));
    assert_eq!(judge.judge("4", ""), Ok(true), "empty values are not compared");
    let counts = judge.governor.counts();
    assert_eq!((counts.committed, counts.quarantined, counts.deduplicated), (4, 1, 1));
    assert!(counts.is_conserved());
}

#[test]
fn the_rows_of_an_input_are_counted_and_compared() {
    let mut judge = Judge::new();
    judge.judge("1", r#","currency":"EUR","status":"open","coupon":"A""#).unwrap();
    judge.judge("2", r#","currency":"USD","status":"open","coupon":"B""#).unwrap();
    judge.judge("3", r#","status":"open""#).unwrap();
    judge.judge("4", r#","status":"stolen""#).unwrap_err();
    let shown = |name: &str| {
        let result = judge.result(name);
        (result.to_string(), result.passed, result.holds_rows())
    };
    assert_eq!(
        shown("row_count"),
        ("row_count: 3 rows, must be from 1 to 3".to_owned(), true, false)
    );
    assert_eq!(
        shown("mostly_valid"),
        ("mostly_valid: 25 percent, must be at most 40".to_owned(), true, false)
    );
    assert!(shown("invalid_values_of_currency").1);
    assert_eq!(
        shown("invalid_values_of_currency").0,
        "invalid_values_of_currency: 33.33 percent, must be less than 60"
    );
    let nulls = judge.result("null_values_of_currency");
    assert_eq!((nulls.value, nulls.passed, nulls.holds_rows()), (1.0, false, false));
    assert_eq!(nulls.column.as_deref(), Some("currency"));
    assert_eq!(
        shown("duplicate_values_of_status_coupon").0,
        "duplicate_values_of_status_coupon: 0 rows, must be less than 1"
    );
    judge.judge("5", r#","status":"stolen""#).unwrap_err();
    judge.judge("6", r#","status":"stolen""#).unwrap_err();
    assert!(judge.result("mostly_valid").holds_rows());
}

#[test]
fn an_input_without_a_row_has_no_share_of_anything() {
    let judge = Judge::new();
    assert!(judge.result("row_count").holds_rows());
    assert!(judge.result("mostly_valid").passed);
}

#[test]
fn references_are_of_rows_to_be_written_and_unknown_until_somebody_looks() {
    let mut judge = Judge::new();
    judge.judge("1", r#","customer":"a""#).unwrap();
    judge.judge("2", r#","customer":"a""#).unwrap();
    judge.judge("3", r#","customer":"b""#).unwrap();
    judge.judge("3", r#","customer":"c""#).unwrap();
    judge.judge("4", "").unwrap();
    judge.judge("5", r#","customer":"d","status":"stolen""#).unwrap_err();
    let result = judge.result("unknown_references_of_customer");
    assert_eq!((result.value, result.holds_rows()), (3.0, true));
    let [unknown] = &mut judge.governor.take_references()[..] else { panic!("one check") };
    assert_eq!(unknown.reference().to_string(), "shop.customers.id");
    let key = |text: &str| {
        let mut hasher = super::KeyHasher::default();
        hasher.value(Some(text.as_bytes()));
        hasher.finish()
    };
    unknown.known(&[key("a")]);
    assert_eq!((unknown.result().value, unknown.is_empty()), (1.0, false));
    unknown.known(&[key("b")]);
    assert!(unknown.is_empty() && unknown.result().passed);
}
