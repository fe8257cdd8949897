//! A contract that is not sound does not compile, and says why.

mod comparison;
mod documents;
mod evolution;
mod json_columns;
mod monitors;
mod relationships;

use std::path::{Path, PathBuf};

use super::*;

/// A minimal sound contract.
const SOUND: &str = r"
apiVersion: v3.1.0
kind: DataContract
id: urn:example
version: 1.2.0
status: active
domain: shop
schema:
  - name: orders
    physicalName: orders
    customProperties:
      - {property: route, value: {source: shop, type: order}}
      - {property: deduplicateBy, value: [order_id]}
    properties:
      - name: order_id
        logicalType: string
        physicalType: string
        required: true
        classification: internal
        customProperties: [{property: fieldId, value: 1}, {property: source, value: id}, {property: privacy, value: keep}]
      - name: ordered_on
        logicalType: date
        physicalType: date
        required: true
        partitioned: true
        classification: internal
        customProperties: [{property: fieldId, value: 2}, {property: source, value: [at, on]}, {property: privacy, value: keep}, {property: partitionTransform, value: identity}]
      - name: total
        logicalType: number
        physicalType: decimal(38,6)
        classification: internal
        logicalTypeOptions: {minimum: 0}
        customProperties: [{property: fieldId, value: 3}, {property: source, value: total}, {property: privacy, value: keep}]
";

/// The problems of the sound contract with one change, each with the text of its line.
fn refused(from: &str, to: &str) -> Vec<(Problem, String)> {
    assert!(SOUND.contains(from), "{from}");
    let text = SOUND.replacen(from, to, 1);
    let problems = compile(&text).unwrap_err().problems;
    let with_line = |problem: Problem| {
        let line = text.lines().nth(problem.line - 1).unwrap().trim().to_owned();
        (problem, line)
    };
    problems.into_iter().map(with_line).collect()
}

#[test]
fn a_sound_contract_compiles() {
    let contract = compile(SOUND).unwrap();
    assert_eq!(contract.dataset(), "shop.orders");
    assert_eq!(contract.partition_column(), Some((1, PartitionTransform::Identity)));
    assert_eq!(contract.columns[1].sources, ["at", "on"]);
    assert_eq!(contract.columns[2].column_type, ColumnType::Decimal { precision: 38, scale: 6 });
    assert_eq!(contract.columns[2].minimum, Some(Bound::Number(0.0)));
}

const ORDER_ID: &str = "schema.orders.properties.order_id";
const ORDERED_ON: &str = "schema.orders.properties.ordered_on";
const TOTAL: &str = "schema.orders.properties.total";

/// What is changed, to what; the clause that is named, and how its line begins.
const DEFECTS: &[(&str, &str, &str, &str)] = &[
    ("v3.1.0", "v2.0.0", "apiVersion", "apiVersion"),
    ("kind: DataContract", "kind: Contract", "kind", "kind"),
    ("status: active", "status: draft", "status", "status"),
    ("version: 1.2.0", "version: one", "version", "version"),
    ("version: 1.2.0", "version: 01.2.0", "version", "version"),
    ("version: 1.2.0", "version: 1.2.0-rc.1", "version", "version"),
    ("domain: shop", "domain: Shop", "domain", "domain"),
    ("physicalName: orders", "physicalName: Orders", "schema.orders.physicalName", "physicalName"),
    ("name: total", "name: Total", "schema.orders.properties.Total", "- name: Total"),
    ("name: total", "name: to.tal", "schema.orders.properties.to.tal", "- name: to.tal"),
    ("name: total", "name: order_id", ORDER_ID, "- name: order_id"),
    (
        "classification: internal",
        "classification: secret",
        "schema.orders.properties.order_id.classification",
        "classification: secret",
    ),
    (
        "        classification: internal\n",
        "",
        "schema.orders.properties.order_id.classification",
        "- name: order_id",
    ),
    (
        "decimal(38,6)",
        "decimal(39,6)",
        "schema.orders.properties.total.physicalType",
        "physicalType: decimal",
    ),
    (
        "        physicalType: date\n",
        "",
        "schema.orders.properties.ordered_on.physicalType",
        "- name: ordered_on",
    ),
    (
        "logicalType: date",
        "logicalType: string",
        "schema.orders.properties.ordered_on.physicalType",
        "physicalType: date",
    ),
    (
        "minimum: 0",
        "minimum: cheap",
        "schema.orders.properties.total.logicalTypeOptions.minimum",
        "logicalTypeOptions",
    ),
    (
        "privacy, value: keep",
        "privacy, value: hide",
        "schema.orders.properties.order_id.customProperties.privacy",
        "customProperties: [{property: fieldId, value: 1}",
    ),
    (
        ", {property: privacy, value: keep}",
        "",
        "schema.orders.properties.order_id.customProperties.privacy",
        "customProperties: [{property: fieldId, value: 1}",
    ),
    (
        "property: privacy,",
        "property: privcy,",
        "schema.orders.properties.order_id.customProperties.privcy",
        "customProperties: [{property: fieldId, value: 1}",
    ),
    (
        "property: source, value: id",
        "property: sauce, value: id",
        "schema.orders.properties.order_id.customProperties.sauce",
        "customProperties: [{property: fieldId, value: 1}",
    ),
    ("property: source, value: total", "property: fieldId, value: 3", TOTAL, "- name: total"),
    (
        "property: source, value: total",
        "property: privacy, value: keep",
        "schema.orders.properties.total.customProperties.privacy",
        "customProperties: [{property: fieldId, value: 3}",
    ),
    (
        "fieldId, value: 2",
        "fieldId, value: two",
        "schema.orders.properties.ordered_on.customProperties.fieldId",
        "customProperties: [{property: fieldId, value: two}",
    ),
    (
        "fieldId, value: 2",
        "fieldId, value: 7",
        "schema.orders.properties.ordered_on.customProperties.fieldId",
        "customProperties: [{property: fieldId, value: 7}",
    ),
    (
        "fieldId, value: 2",
        "fieldId, value: 1",
        "schema.orders.properties.ordered_on.customProperties.fieldId",
        "customProperties: [{property: fieldId, value: 1}",
    ),
    (
        "fieldId, value: 3",
        "fieldId, value: 4",
        "schema.orders.properties.total.customProperties.fieldId",
        "customProperties: [{property: fieldId, value: 4}",
    ),
    (
        "partitionTransform, value: identity",
        "partitionTransform, value: month",
        "schema.orders.properties.ordered_on.customProperties.partitionTransform",
        "customProperties: [{property: fieldId, value: 2}",
    ),
    ("        partitioned: true\n", "", ORDERED_ON, "- name: ordered_on"),
    (
        "        required: true\n        partitioned",
        "        partitioned",
        ORDERED_ON,
        "- name: ordered_on",
    ),
    (
        "value: total}, {property: privacy, value: keep}",
        "value: total}, {property: privacy, value: hmac}",
        "schema.orders.properties.total.physicalType",
        "physicalType: decimal",
    ),
    (
        "value: total}",
        "value: total}, {property: truncate, value: ip}",
        "schema.orders.properties.total.customProperties.privacy",
        "customProperties: [{property: fieldId, value: 3}",
    ),
    (
        "source, value: total",
        "generated, value: extra",
        "schema.orders.properties.total.physicalType",
        "physicalType: decimal",
    ),
    (
        "value: [order_id]",
        "value: [order_number]",
        "schema.orders.customProperties.deduplicateBy",
        "- {property: deduplicateBy",
    ),
    (
        "value: [order_id]",
        "value: [total]",
        "schema.orders.customProperties.deduplicateBy",
        "- {property: deduplicateBy",
    ),
    (
        "{property: deduplicateBy, value: [order_id]}",
        "{property: requireOneOf, value: [[order_number]]}",
        "schema.orders.customProperties.requireOneOf",
        "- {property: requireOneOf",
    ),
    (
        "{property: deduplicateBy, value: [order_id]}",
        "{property: lookBackDays, value: 2}",
        "schema.orders.customProperties.lookBackDays",
        "- {property: lookBackDays",
    ),
    (
        "{property: deduplicateBy, value: [order_id]}",
        "{property: retiredFieldIds, value: [2]}",
        "schema.orders.properties.ordered_on.customProperties.fieldId",
        "customProperties: [{property: fieldId, value: 2}",
    ),
    (
        "type: order}",
        "type: order, events: []}",
        "schema.orders.customProperties.route",
        "- {property: route",
    ),
    ("route, value", "rout, value", "schema.orders.customProperties.rout", "- {property: rout,"),
    (
        "{property: route, value: {source: shop, type: order}}",
        "{property: evolution, value: {columns: freeze, types: freeze}}",
        "schema.orders.customProperties.route",
        "customProperties:",
    ),
    // What is no YAML, or not of the standard's shape.
    ("domain: shop", "domain: shop: b", "file", "domain: shop: b"),
    ("required: true", "required: perhaps", "file", "required: perhaps"),
    ("minimum: 0", "format: a", "file", "logicalTypeOptions: {format: a}"),
    ("required: true", "required: true\n        required: true", "file", "- name: order_id"),
    ("domain: shop\n", "", "file", "apiVersion"),
];

#[test]
fn a_defect_is_named_with_its_line_and_clause() {
    let mut missed = Vec::new();
    for &(from, to, clause, line) in DEFECTS {
        let problems = refused(from, to);
        let named = problems
            .iter()
            .any(|(problem, text)| problem.clause == clause && text.starts_with(line));
        if !named {
            missed.push(format!("{to}: {clause} at {line:?} expected, but {problems:#?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn all_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() {
    let mut text = SOUND.to_owned();
    for (from, to) in [
        ("v3.1.0", "v2.0.0"),
        ("value: [order_id]", "value: [order_number]"),
        (
            "source, value: id}, {property: privacy, value: keep}",
            "sauce, value: id}, {property: privacy, value: hide}",
        ),
        ("physicalType: date", "physicalType: day"),
        ("name: total", "name: Total"),
        ("decimal(38,6)", "money"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let error = compile(&text).unwrap_err();
    let lines: Vec<(usize, &str)> = error
        .problems
        .iter()
        .map(|problem| (problem.line, problem.clause.rsplit('.').next().unwrap()))
        .collect();
    let expected = [
        (2, "apiVersion"),
        (13, "deduplicateBy"),
        (15, "order_id"),
        (20, "sauce"),
        (20, "privacy"),
        (23, "physicalType"),
        (28, "Total"),
        (30, "physicalType"),
    ];
    assert_eq!(lines, expected, "{error}");
}

#[test]
fn ids_of_dropped_columns_are_retired() {
    let dropped = SOUND.replace("fieldId, value: 3", "fieldId, value: 5");
    let retired = "schema:\n  - name: orders\n    physicalName: orders\n    customProperties:\n";
    let retire = |ids: &str| {
        dropped.replace(
            retired,
            &format!("{retired}      - {{property: retiredFieldIds, value: {ids}}}\n"),
        )
    };
    assert_eq!(compile(&retire("[3, 4]")).unwrap().retired_field_ids, [3, 4]);
    for ids in ["[]", "[3]", "[4]", "[3, 4, 5]"] {
        let problems = compile(&retire(ids)).unwrap_err().problems;
        assert_eq!(problems[0].clause, format!("{TOTAL}.customProperties.fieldId"), "{ids}");
    }
}

#[test]
fn a_rule_of_quality_is_understood_or_refused() {
    let with = |rule: &str| {
        let of_column = format!("minimum: 0}}\n        quality: [{rule}]");
        compile(&SOUND.replacen("minimum: 0}", &of_column, 1))
    };
    let nulls = with("{metric: nullValues, mustBeLessThan: 5, unit: percent, severity: error}");
    let [check] = &nulls.unwrap().checks[..] else { panic!("one check") };
    assert_eq!(check.name, "null_values_of_total");
    assert_eq!(check.metric, Metric::NullValues { column: "total".to_owned() });
    assert_eq!((check.unit, check.severity), (Unit::Percent, Severity::Error));
    assert_eq!(check.expectation, Expectation::MustBeLessThan(5.0));
    assert_eq!(with("{type: text, description: people read it}").unwrap().checks, []);
    for (rule, clause) in [
        ("{metric: nullValues, severity: error}", ".quality.0"),
        ("{metric: nullValues, mustBe: 0}", ".quality.0.severity"),
        ("{metric: nullValues, mustBe: few, severity: error}", ".quality.0.mustBe"),
        ("{metric: nullValues, mustBe: 0, severity: error, unit: grams}", ".quality.0.unit"),
        ("{name: n, metric: rowCount, mustBe: 1, severity: error}", ".quality.n"),
        ("{type: sql, query: SELECT 1, mustBe: 1}", ".quality.0"),
        ("{metric: invalidValues, mustBe: 0, severity: error}", ".quality.0.arguments"),
        (
            "{metric: invalidValues, arguments: {pattern: '('}, mustBe: 0, severity: error}",
            ".quality.0.arguments.pattern",
        ),
        ("{metric: invalidValues, arguments: {pattern: a}, mustBe: 0, severity: error}", ""),
        (
            "{type: custom, engine: tributary, implementation: {check: guess}}",
            ".quality.0.implementation",
        ),
    ] {
        let refused = with(rule).unwrap_err();
        let [problem] = &refused.problems[..] else { panic!("{rule}: {refused}") };
        // The classes of refusals that are of the column's type, not of the rule.
        let clause = if clause.is_empty() { ".physicalType" } else { clause };
        assert_eq!(problem.clause, format!("schema.orders.properties.total{clause}"), "{rule}");
    }
}

#[test]
fn a_promise_of_latency_is_in_minutes() {
    let promising = |value: &str, unit: &str| {
        let promise =
            format!("slaProperties: [{{property: latency, value: {value}, unit: {unit}}}]");
        compile(&format!("{SOUND}{promise}\n"))
    };
    assert_eq!(compile(SOUND).unwrap().latency_minutes, None);
    for (value, unit, minutes) in [("90", "m", 90), ("2", "h", 120), ("1", "d", 1_440)] {
        assert_eq!(promising(value, unit).unwrap().latency_minutes, Some(minutes));
    }
    let clause = |value, unit| {
        let problems = promising(value, unit).unwrap_err().problems;
        assert_eq!(problems[0].line, SOUND.lines().count() + 1);
        problems[0].clause.clone()
    };
    assert_eq!(clause("2", "y"), "slaProperties.latency.unit");
    assert_eq!(clause("soon", "h"), "slaProperties.latency.value");
    assert_eq!(clause("0", "h"), "slaProperties.latency.value");
}

/// Every contract file that ships: its path and its text.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
    for domain in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(domain.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            if file.to_string_lossy().ends_with(".odcs.yaml") {
                let text = std::fs::read_to_string(&file).unwrap();
                files.push((file, text));
            }
        }
    }
    files
}

#[test]
fn every_contract_that_ships_is_among_the_compiled() {
    for (_, text) in files() {
        let contract = compile(&text).unwrap();
        assert!(contracts().contains(&contract), "{}", contract.dataset());
    }
    assert_eq!(files().len(), contracts().len());
}

#[test]
fn personal_data_is_never_kept_by_the_contracts_that_ship() {
    for contract in contracts() {
        for column in &contract.columns {
            let has_values = column.json.is_none_or(|json| json.values != KeptValues::Names);
            let open = matches!(column.privacy, Privacy::Keep) && has_values;
            assert!(
                !(open && column.classification == "restricted"),
                "{}.{}",
                contract.dataset(),
                column.name
            );
        }
    }
}

#[test]
fn a_phone_region_is_a_country_of_phone_numbers() {
    let with = |more: &str| {
        let kept = "{property: privacy, value: keep}";
        compile(&SOUND.replacen(kept, &format!("{kept}, {more}"), 1))
    };
    let region = "{property: phoneRegion, value: DE}";
    let phone = "{property: normalize, value: phone}";
    let contract = with(&format!("{phone}, {region}")).unwrap();
    assert_eq!(contract.columns[0].phone_region.as_deref(), Some("DE"));
    for refused in [region.to_owned(), format!("{phone}, {}", region.replace("DE", "Germany"))] {
        let clause = with(&refused).unwrap_err().problems.remove(0).clause;
        assert_eq!(clause, "schema.orders.properties.order_id.customProperties.phoneRegion");
    }
}
