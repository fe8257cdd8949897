//! A contract that is not sound does not compile, and says why.

use std::path::Path;

use super::compile::{ContractError, compile};
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

fn refused(from: &str, to: &str) -> ContractError {
    assert!(SOUND.contains(from), "{from}");
    compile(&SOUND.replacen(from, to, 1)).unwrap_err()
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

#[test]
fn a_defect_is_named_with_its_clause() {
    for (from, to, clause) in [
        ("v3.1.0", "v2.0.0", "apiVersion"),
        ("version: 1.2.0", "version: one", "version"),
        ("domain: shop", "domain: Shop", "domain"),
        (
            "classification: internal",
            "classification: secret",
            "schema.orders.properties.order_id.classification",
        ),
        (
            "        classification: internal\n",
            "",
            "schema.orders.properties.order_id.classification",
        ),
        (
            "{property: fieldId, value: 2}",
            "{property: fieldId, value: 7}",
            "schema.orders.properties.ordered_on.customProperties.fieldId",
        ),
        (
            "{property: privacy, value: keep}",
            "{property: privacy, value: hide}",
            "schema.orders.properties.order_id.customProperties.privacy",
        ),
        (
            ", {property: privacy, value: keep}",
            "",
            "schema.orders.properties.order_id.customProperties.privacy",
        ),
        (
            "{property: privacy, value: keep}",
            "{property: privcy, value: keep}",
            "schema.orders.properties.order_id.customProperties.privacy",
        ),
        (
            "{property: source, value: id}",
            "{property: sauce, value: id}",
            "schema.orders.properties.order_id.customProperties.sauce",
        ),
        ("decimal(38,6)", "decimal(39,6)", "schema.orders.properties.total.physicalType"),
        (
            "logicalType: date",
            "logicalType: string",
            "schema.orders.properties.ordered_on.physicalType",
        ),
        (
            "value: [order_id]",
            "value: [order_number]",
            "schema.orders.customProperties.deduplicateBy",
        ),
        ("        partitioned: true\n", "", "schema.orders.properties.ordered_on"),
        (
            "minimum: 0",
            "minimum: cheap",
            "schema.orders.properties.total.logicalTypeOptions.minimum",
        ),
        ("name: total", "name: order_id", "schema.orders.properties.order_id"),
    ] {
        assert_eq!(refused(from, to).clause, clause, "{to}");
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
    let clause = |value, unit| promising(value, unit).unwrap_err().clause;
    assert_eq!(clause("2", "y"), "slaProperties.latency.unit");
    assert_eq!(clause("soon", "h"), "slaProperties.latency.value");
    assert_eq!(clause("0", "h"), "slaProperties.latency.value");
}

#[test]
fn every_contract_that_ships_is_among_the_compiled() {
    let mut files = 0;
    for domain in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts")).unwrap()
    {
        for file in std::fs::read_dir(domain.unwrap().path()).unwrap() {
            let contract =
                compile(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
            assert!(contracts().contains(&contract), "{}", contract.dataset());
            files += 1;
        }
    }
    assert_eq!(files, contracts().len());
}

#[test]
fn personal_data_is_never_kept_by_the_contracts_that_ship() {
    for contract in contracts() {
        for column in &contract.columns {
            let open = matches!(column.privacy, Privacy::Keep);
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
        let clause = with(&refused).unwrap_err().clause;
        assert_eq!(clause, "schema.orders.properties.order_id.customProperties.phoneRegion");
    }
}
