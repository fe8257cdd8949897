//! Which changes of a contract may follow a released version, and with which version.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// The sound contract, version 1.2.0, with a pseudonym, a column to spare and a retired id.
fn released() -> Contract {
    let mut contract = compile(SOUND).unwrap();
    contract.columns[2].column_type = ColumnType::Decimal { precision: 20, scale: 6 };
    contract.columns.push(Column {
        privacy: Privacy::Hmac,
        normalize: Some(Normalize::Email),
        ..optional(4, "email")
    });
    contract.columns.push(optional(5, "note"));
    contract.retired_field_ids = vec![6];
    contract.columns.push(optional(7, "voucher"));
    contract.columns.push(Column {
        json: Some(json(JsonShape::Object, KeptValues::Scanned)),
        ..optional(8, "properties")
    });
    contract
}

fn json(shape: JsonShape, values: KeptValues) -> JsonColumn {
    JsonColumn { shape, values }
}

/// An optional text column that is read from a member of its own name.
fn optional(field_id: i32, name: &str) -> Column {
    Column {
        field_id,
        name: name.to_owned(),
        column_type: ColumnType::String,
        required: false,
        sources: vec![name.to_owned()],
        query_parameter: None,
        generated: None,
        privacy: Privacy::Keep,
        json: None,
        normalize: None,
        phone_region: None,
        classification: "internal".to_owned(),
        partition: None,
        min_length: None,
        pattern: None,
        valid: None,
        unique: false,
        max_length: Some(10),
        minimum: None,
        maximum: None,
        references: Vec::new(),
        description: String::new(),
    }
}

fn drop_column(contract: &mut Contract, position: usize) {
    let column = contract.columns.remove(position);
    contract.retired_field_ids.push(column.field_id);
    contract.deduplicate_by.retain(|name| *name != column.name);
}

/// The problems of a change with a version, as clauses.
fn clauses(change: fn(&mut Contract), version: &str) -> Vec<String> {
    let mut contract = released();
    change(&mut contract);
    contract.version = version.to_owned();
    let problems = compare(&Record::of(&released()), &contract);
    for problem in &problems {
        assert!(
            ["write", "take", "list", "give"].iter().any(|mend| problem.problem.contains(mend)),
            "{problem}"
        );
    }
    problems.into_iter().map(|problem| problem.clause).collect()
}

/// The versions that may follow 1.2.0, and none.
const SAME: &str = "1.2.0";
const PATCH: &str = "1.2.1";
const MINOR: &str = "1.3.0";
const MAJOR: &str = "2.0.0";
const NEVER: &str = "never";

type Change = fn(&mut Contract);

/// Each change, the lowest version that may have it, and the clause that is named before.
const CHANGES: &[(&str, &str, Change)] = &[
    (SAME, "", |_| {}),
    (SAME, "", |contract| contract.columns[4].description = "Other words.".to_owned()),
    (SAME, "", |contract| contract.columns[4].max_length = Some(100)),
    (SAME, "", |contract| contract.latency_minutes = Some(5)),
    (PATCH, "version", |contract| contract.columns[4].sources = vec!["remark".to_owned()]),
    (PATCH, "version", |contract| contract.columns[4].normalize = Some(Normalize::Trim)),
    (MINOR, "version", |contract| contract.columns.push(optional(9, "city"))),
    (MINOR, "version", |contract| {
        contract.columns[2].column_type = ColumnType::Decimal { precision: 38, scale: 6 };
    }),
    (MINOR, "version", |contract| contract.columns[4].name = "remark".to_owned()),
    (MINOR, "version", |contract| {
        // The key and the partition are their columns' ids.
        contract.columns[0].name = "number".to_owned();
        contract.columns[1].name = "day".to_owned();
        contract.deduplicate_by = vec!["number".to_owned()];
    }),
    (MINOR, "version", |contract| {
        contract.columns[4].name = "remark".to_owned();
        contract.columns[4].sources = vec!["remark".to_owned(), "note".to_owned()];
    }),
    (MINOR, "version", |contract| contract.columns[4].classification = "restricted".to_owned()),
    (MINOR, "version", |contract| contract.columns[4].privacy = Privacy::Redact),
    (MAJOR, "schema.orders.properties", |contract| drop_column(contract, 4)),
    (MAJOR, "schema.orders.properties", |contract| drop_column(contract, 5)),
    (MAJOR, "schema.orders.properties.city.required", |contract| {
        contract.columns.push(Column { required: true, ..optional(9, "city") });
    }),
    (MAJOR, "schema.orders.properties.order_id.required", |contract| {
        contract.columns[0].required = false;
    }),
    (MAJOR, "schema.orders.properties.note.required", |contract| {
        contract.columns[4].required = true;
    }),
    (MAJOR, "schema.orders.customProperties.deduplicateBy", |contract| {
        contract.deduplicate_by.clear();
    }),
    (MAJOR, "schema.orders.customProperties.deduplicateBy", |contract| {
        contract.deduplicate_by.push("ordered_on".to_owned());
    }),
    (MAJOR, "schema.orders.properties.email.customProperties.privacy", |contract| {
        contract.columns[3].privacy = Privacy::Keep;
    }),
    (MAJOR, "schema.orders.properties.note.customProperties.privacy", |contract| {
        contract.columns[4].privacy = Privacy::Hmac;
    }),
    (MAJOR, "schema.orders.properties.email.customProperties.normalize", |contract| {
        contract.columns[3].normalize = Some(Normalize::Trim);
    }),
    (MAJOR, "schema.orders.properties.email.customProperties.normalize", |contract| {
        contract.columns[3].normalize = None;
    }),
    (MAJOR, "schema.sales.physicalName", |contract| {
        contract.table = "sales".to_owned();
        contract.columns[2].column_type = ColumnType::Double;
    }),
    (MAJOR, "schema.orders.properties.properties.customProperties.jsonValues", |contract| {
        contract.columns[6].json = Some(json(JsonShape::Object, KeptValues::All));
    }),
    (MAJOR, "schema.orders.properties.properties.customProperties.jsonValues", |contract| {
        contract.columns[6].json = Some(json(JsonShape::Object, KeptValues::Names));
    }),
    (MAJOR, "schema.orders.properties.properties.logicalType", |contract| {
        contract.columns[6].json = Some(json(JsonShape::Array, KeptValues::Scanned));
    }),
    (MAJOR, "schema.orders.properties.properties.logicalType", |contract| {
        contract.columns[6].json = None;
    }),
    (MAJOR, "schema.orders.properties.note.logicalType", |contract| {
        contract.columns[4].json = Some(json(JsonShape::Object, KeptValues::Names));
    }),
    (NEVER, "schema.orders.properties.total.physicalType", |contract| {
        contract.columns[2].column_type = ColumnType::Decimal { precision: 19, scale: 6 };
    }),
    (NEVER, "schema.orders.properties.total.physicalType", |contract| {
        contract.columns[2].column_type = ColumnType::Decimal { precision: 38, scale: 7 };
    }),
    (NEVER, "schema.orders.properties.total.physicalType", |contract| {
        contract.columns[2].column_type = ColumnType::Double;
    }),
    (NEVER, "schema.orders.properties.note.physicalType", |contract| {
        contract.columns[4].column_type = ColumnType::Long;
    }),
    (NEVER, "schema.orders.properties", |contract| {
        contract.columns[1].partition = None;
        contract.columns[2].partition = Some(PartitionTransform::Identity);
    }),
    (NEVER, "schema.orders.properties", |contract| {
        contract.columns[1].partition = Some(PartitionTransform::Day);
    }),
    (NEVER, "schema.orders.customProperties.retiredFieldIds", |contract| {
        contract.columns.remove(5);
    }),
    (NEVER, "schema.orders.customProperties.retiredFieldIds", |contract| {
        contract.retired_field_ids.clear();
    }),
    (NEVER, "schema.orders.customProperties.retiredFieldIds", |contract| {
        contract.retired_field_ids.push(9);
    }),
    // Another column's data under the id of one that is there, and of one that was dropped before.
    (NEVER, "schema.orders.properties.city.customProperties.fieldId", |contract| {
        contract.columns[5] = optional(7, "city");
    }),
    (NEVER, "schema.orders.properties.city.customProperties.fieldId", |contract| {
        contract.retired_field_ids.clear();
        contract.columns.push(optional(6, "city"));
    }),
];

#[test]
fn every_change_has_the_version_that_it_needs() {
    let versions = [SAME, PATCH, MINOR, MAJOR, NEVER];
    for (position, (lowest, clause, change)) in CHANGES.iter().enumerate() {
        for version in &versions[..4] {
            let rank = |version: &str| versions.iter().position(|known| *known == version);
            let found = clauses(*change, version);
            if rank(version) >= rank(lowest) {
                assert!(found.is_empty(), "change {position} with {version}: {found:?}");
            } else {
                assert!(
                    found.iter().any(|found| found == clause),
                    "change {position} with {version}: {found:?}"
                );
            }
        }
    }
}

#[test]
fn fewer_values_of_json_are_a_minor_version() {
    let mut before = released();
    before.columns[6].json = Some(json(JsonShape::Object, KeptValues::All));
    let (recorded, mut after) = (Record::of(&before), released());
    assert_eq!(compare(&recorded, &after)[0].clause, "version");
    after.version = MINOR.to_owned();
    assert_eq!(compare(&recorded, &after), []);
}

#[test]
fn a_version_never_goes_back() {
    for version in ["1.1.9", "0.9.0", "1.0.0"] {
        assert_eq!(clauses(|_| {}, version), ["version"]);
        assert_eq!(clauses(|contract| drop_column(contract, 4), version), ["version"]);
    }
}

#[test]
fn the_next_version_is_told() {
    let told = |change: Change| {
        let mut contract = released();
        change(&mut contract);
        compare(&Record::of(&released()), &contract)[0].problem.clone()
    };
    let moved: Change = |contract| contract.columns[4].sources = vec!["remark".to_owned()];
    assert!(told(moved).ends_with("write 1.2.1"), "{}", told(moved));
    let added: Change = |contract| contract.columns.push(optional(9, "city"));
    assert!(told(added).ends_with("write 1.3.0"), "{}", told(added));
    let dropped: Change = |contract| drop_column(contract, 4);
    assert!(told(dropped).ends_with("write `version: 2.0.0`"), "{}", told(dropped));
}

/// A change that needs a minor version at most, wherever it is made.
fn allowed_change(contract: &mut Contract, kind: u8, place: Index, serial: usize) {
    let position = place.index(contract.columns.len());
    let key = contract.deduplicate_by.clone();
    let highest = contract.columns.iter().map(|column| column.field_id);
    let highest = highest.chain(contract.retired_field_ids.iter().copied()).max().unwrap();
    let column = &mut contract.columns[position];
    match kind {
        0 => contract.columns.push(optional(highest + 1, &format!("column_{serial}"))),
        1 => {
            let name = format!("column_{serial}");
            let renamed = |old: String| if old == column.name { name.clone() } else { old };
            contract.deduplicate_by = key.into_iter().map(renamed).collect();
            column.name = name;
        }
        2 => {
            if let ColumnType::Decimal { precision, .. } = &mut column.column_type {
                *precision = 38.min(*precision + 3);
            }
        }
        3 => column.max_length = column.max_length.map(|length| length + 1),
        4 => column.description = format!("Words {serial}."),
        5 => column.sources.push(format!("elsewhere_{serial}")),
        _ => column.classification = ["public", "internal", "restricted"][serial % 3].to_owned(),
    }
}

fn raise_minor(contract: &mut Contract) {
    let version = semver::Version::parse(&contract.version).unwrap();
    contract.version = format!("{}.{}.0", version.major, version.minor + 1);
}

/// The changes that readers or the table do not survive.
fn breaking() -> Vec<(&'static str, &'static str, Change)> {
    CHANGES.iter().filter(|change| [MAJOR, NEVER].contains(&change.0)).copied().collect()
}

proptest! {
    #[test]
    fn a_contract_may_always_follow_itself_and_allowed_changes(
        changes in prop::collection::vec((0_u8..7, any::<Index>()), 0..30),
    ) {
        let mut contract = released();
        for (serial, (kind, place)) in changes.into_iter().enumerate() {
            let recorded = Record::of(&contract);
            prop_assert_eq!(compare(&recorded, &contract), []);
            allowed_change(&mut contract, kind, place, serial);
            raise_minor(&mut contract);
            prop_assert_eq!(compare(&recorded, &contract), []);
            // What was released in between need not have been recorded.
            prop_assert_eq!(compare(&Record::of(&released()), &contract), []);
        }
    }

    #[test]
    fn what_breaks_is_refused_among_any_allowed_changes_of_a_minor_version(
        (lowest, _, breaking) in prop::sample::select(breaking()),
        changes in prop::collection::vec((prop::sample::select(vec![0_u8, 3, 4, 5]), any::<Index>()), 0..10),
    ) {
        let mut contract = released();
        breaking(&mut contract);
        for (serial, (kind, place)) in changes.into_iter().enumerate() {
            allowed_change(&mut contract, kind, place, serial);
        }
        raise_minor(&mut contract);
        let problems = compare(&Record::of(&released()), &contract);
        prop_assert!(!problems.is_empty());
        if lowest == NEVER {
            contract.version = MAJOR.to_owned();
            prop_assert!(!compare(&Record::of(&released()), &contract).is_empty());
        }
    }
}
