//! What a column refers to: understood, or refused, and held to the contracts that there are.

use super::*;

const UNKNOWN: &str = "{type: custom, engine: tributary, implementation: {check: unknownReferences, mustBeLessOrEqualTo: 5}, unit: percent, severity: warning}";

/// The sound contract with relationships and checks of its first column.
fn with(relationships: &str, checks: &str) -> Result<Contract, ContractError> {
    let classified = "required: true\n        classification: internal\n";
    let more = format!("        relationships: [{relationships}]\n        quality: [{checks}]\n");
    compile(&SOUND.replacen(classified, &format!("{classified}{more}"), 1))
}

fn references(relationships: &str) -> Vec<String> {
    let contract = with(relationships, "").unwrap();
    contract.columns[0].references.iter().map(ToString::to_string).collect()
}

#[test]
fn a_relationship_names_a_column_of_this_file_or_of_another() {
    for (to, column) in [
        ("orders.total", "shop.orders.total"),
        ("/schema/orders/properties/total", "shop.orders.total"),
        ("schema/orders/properties/total", "shop.orders.total"),
        ("customers.odcs.yaml#/schema/customers/properties/id", "shop.customers.id"),
        ("../segment/tracks.odcs.yaml#/schema/tracks/properties/id", "segment.tracks.id"),
    ] {
        assert_eq!(references(&format!("{{type: foreignKey, to: {to}}}")), [column]);
        assert_eq!(references(&format!("{{to: {to}}}")), [column]);
    }
    assert_eq!(references("{to: orders.total}, {to: orders.ordered_on}").len(), 2);
}

#[test]
fn a_relationship_that_names_no_single_column_is_refused() {
    let column = "schema.orders.properties.order_id";
    for (relationship, clause) in [
        ("{to: customers.id}", "0.to"),
        ("{to: [orders.total, orders.ordered_on]}", "0.to"),
        ("{to: orders}", "0.to"),
        ("{to: /schema/orders}", "0.to"),
        ("{to: /schema/customers/properties/id}", "0.to"),
        ("{to: ../a/b/tracks.odcs.yaml#/schema/tracks/properties/id}", "0.to"),
        ("{to: tracks.yaml#/schema/tracks/properties/id}", "0.to"),
        ("{to: tracks.odcs.yaml#/schema/pages/properties/id}", "0.to"),
        ("{to: https://a.example/b.odcs.yaml#/schema/b/properties/id}", "0.to"),
        ("{to: orders.total}, {to: customers.id}", "1.to"),
        ("{type: likeness, to: orders.total}", "0.type"),
    ] {
        let refused = with(relationship, "").unwrap_err();
        let [problem] = &refused.problems[..] else { panic!("{relationship}: {refused}") };
        assert_eq!(problem.clause, format!("{column}.relationships.{clause}"), "{relationship}");
        assert_eq!(problem.line, 20, "{relationship}");
    }
    let composite = with("{to: [orders.total]}", "").unwrap_err().to_string();
    assert!(composite.contains("composite keys are not supported"), "{composite}");
}

#[test]
fn a_check_of_references_has_exactly_one() {
    let contract = with("{to: orders.total}", UNKNOWN).unwrap();
    let [check] = &contract.checks[..] else { panic!("one check") };
    assert_eq!(check.name, "unknown_references_of_order_id");
    assert_eq!(check.metric, Metric::UnknownReferences { column: "order_id".to_owned() });
    assert_eq!((check.unit, check.severity), (Unit::Percent, Severity::Warning));
    assert!(contract.checks_references());
    assert!(!with("{to: orders.total}", "").unwrap().checks_references());
    for relationships in ["", "{to: orders.total}, {to: orders.ordered_on}"] {
        let refused = with(relationships, UNKNOWN).unwrap_err();
        let [problem] = &refused.problems[..] else { panic!("{refused}") };
        let clause = "schema.orders.properties.order_id.quality.unknown_references_of_order_id";
        assert_eq!((problem.clause.as_str(), problem.line), (clause, 21));
    }
    let at_dataset = SOUND.replacen(
        "    physicalName: orders\n",
        &format!("    physicalName: orders\n    quality: [{UNKNOWN}]\n"),
        1,
    );
    let refused = compile(&at_dataset).unwrap_err();
    assert_eq!(refused.problems[0].clause, "schema.orders.quality.0.implementation");
}

/// What is changed of a column.
type Change = fn(&mut Column);

/// What the sound contract says of a reference to a contract of customers whose `id` is changed.
fn of_customers(change: impl Fn(&mut Column)) -> Vec<Problem> {
    let to = "{to: customers.odcs.yaml#/schema/customers/properties/order_id}";
    let orders = with(to, "").unwrap();
    let mut customers = compile(SOUND).unwrap();
    customers.table = "customers".to_owned();
    change(&mut customers.columns[0]);
    unresolved(&orders, &[orders.clone(), customers])
}

#[test]
fn a_reference_is_to_a_column_with_the_same_values() {
    assert_eq!(of_customers(|_| {}), []);
    assert_eq!(of_customers(|id| id.normalize = Some(Normalize::Trim)), [], "kept as it came");
    let changes: [(Change, &str); 5] = [
        (|id| id.name = "number".to_owned(), "which is no column"),
        (|id| id.column_type = ColumnType::Long, "which is long, but `order_id` is string"),
        (|id| id.privacy = Privacy::Hmac, "privacy or normalize is another"),
        (|id| id.privacy = Privacy::Drop, "redacted, dropped"),
        (|id| id.privacy = Privacy::Redact, "redacted, dropped"),
    ];
    for (change, expected) in changes {
        let problems = of_customers(change);
        let [problem] = &problems[..] else { panic!("{expected}: {problems:?}") };
        assert!(problem.problem.contains(expected), "{problem}");
        assert_eq!(problem.clause, "schema.orders.properties.order_id.relationships.0.to");
    }
    let alone = with("{to: parents.odcs.yaml#/schema/parents/properties/id}", "").unwrap();
    let problem = unresolved(&alone, std::slice::from_ref(&alone)).remove(0).problem;
    assert!(problem.contains("of which there is no contract"), "{problem}");
}

#[test]
fn pseudonyms_are_compared_with_how_they_are_made() {
    let hashed = |normalize: Option<Normalize>| {
        let to = "{to: customers.odcs.yaml#/schema/customers/properties/order_id}";
        let mut orders = with(to, "").unwrap();
        orders.columns[0].privacy = Privacy::Hmac;
        orders.columns[0].normalize = normalize;
        orders
    };
    let customers = |normalize| Contract { table: "customers".to_owned(), ..hashed(normalize) };
    for (normalize, is_same) in
        [(Some(Normalize::Trim), true), (Some(Normalize::Email), false), (None, false)]
    {
        let problems = unresolved(&hashed(Some(Normalize::Trim)), &[customers(normalize)]);
        assert_eq!(problems.is_empty(), is_same, "{problems:?}");
    }
}

#[test]
fn the_references_of_the_contracts_that_ship_are_there() {
    for contract in contracts() {
        assert_eq!(unresolved(contract, contracts()), [], "{}", contract.dataset());
    }
    let orders = contracts().iter().find(|contract| contract.dataset() == "shop.orders").unwrap();
    let column = &orders.columns[orders.position("customer_id").unwrap()];
    assert_eq!(column.references[0].to_string(), "shop.customers.id");
    assert!(orders.checks_references());
}
