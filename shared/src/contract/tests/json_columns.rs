//! Columns that take an object or an array whole.

use super::*;

/// The sound contract with a column more, of which some clauses are as given.
fn with(
    logical: &str,
    classification: &str,
    custom: &str,
    more: &str,
) -> Result<Contract, ContractError> {
    compile(&format!(
        "{SOUND}      - name: properties
        logicalType: {logical}
        physicalType: string
        classification: {classification}
        customProperties: [{{property: fieldId, value: 4}}, {custom}]
{more}"
    ))
}

const SOURCE: &str = "{property: source, value: properties}";
const KEPT: &str = "{property: source, value: properties}, {property: privacy, value: keep}";

fn values(mode: &str) -> String {
    format!("{KEPT}, {{property: jsonValues, value: {mode}}}")
}

#[test]
fn a_column_may_take_an_object_or_an_array() {
    for (logical, shape) in [("object", JsonShape::Object), ("array", JsonShape::Array)] {
        for (custom, values) in [
            (KEPT.to_owned(), KeptValues::Names),
            (values("names"), KeptValues::Names),
            (values("scanned"), KeptValues::Scanned),
            (values("all"), KeptValues::All),
        ] {
            let contract = with(logical, "restricted", &custom, "").unwrap();
            let column = &contract.columns[3];
            assert_eq!(column.column_type, ColumnType::String);
            assert_eq!(column.json, Some(JsonColumn { shape, values }));
            let recorded = Record::of(&contract).to_json().unwrap();
            assert_eq!(serde_json::from_str::<Record>(&recorded).unwrap(), Record::of(&contract));
        }
    }
    assert!(compile(SOUND).unwrap().columns.iter().all(|column| column.json.is_none()));
}

#[test]
fn what_a_json_column_cannot_be_is_refused() {
    let of = |clause: &str| format!("schema.orders.properties.properties{clause}");
    let parameter = format!("{KEPT}, {{property: queryParameter, value: a}}");
    let generated = "{property: generated, value: extra}, {property: privacy, value: keep}";
    let hashed = format!("{SOURCE}, {{property: privacy, value: hmac}}");
    let scanned = format!("{SOURCE}, {{property: privacy, value: scan}}");
    for (logical, classification, custom, more, clause) in [
        ("string", "internal", values("names"), "", ".customProperties.jsonValues"),
        ("object", "internal", values("some"), "", ".customProperties.jsonValues"),
        ("object", "internal", parameter, "", ".logicalType"),
        ("object", "internal", generated.to_owned(), "", ".logicalType"),
        ("object", "internal", hashed, "", ".customProperties.privacy"),
        ("array", "internal", scanned, "", ".customProperties.privacy"),
        ("object", "public", values("scanned"), "", ".classification"),
        ("object", "internal", values("all"), "", ".classification"),
        ("object", "internal", KEPT.to_owned(), "        unique: true\n", ".logicalType"),
        (
            "array",
            "internal",
            KEPT.to_owned(),
            "        logicalTypeOptions: {maxLength: 10}\n",
            ".logicalType",
        ),
    ] {
        let problems = with(logical, classification, &custom, more).unwrap_err().problems;
        let clauses: Vec<&str> = problems.iter().map(|problem| problem.clause.as_str()).collect();
        assert!(clauses.contains(&of(clause).as_str()), "{custom} {more}: {problems:?}");
    }
    assert!(with("object", "public", KEPT, "").is_ok(), "names and types alone");
    let key = SOUND.replacen(
        "logicalType: string\n        physicalType: string",
        "logicalType: object\n        physicalType: string",
        1,
    );
    let problems = compile(&key).unwrap_err().problems;
    assert_eq!(problems[0].clause, "schema.orders.customProperties.deduplicateBy");
}
