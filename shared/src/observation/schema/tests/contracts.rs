//! Mutations of contracts.

use super::*;
use crate::contract::{ColumnType, JsonColumn, JsonShape, KeptValues};

type Change = fn(&mut Contract);

/// What is done to a contract, and how it must be told.
const CHANGES: [(Change, ChangeKind, &str, SchemaSeverity); 17] = [
    (add, ChangeKind::Added, "contract_added:gift", SchemaSeverity::Low),
    (add_required, ChangeKind::Added, "contract_added:gift", SchemaSeverity::Medium),
    (drop, ChangeKind::Dropped, "contract_dropped:coupon", SchemaSeverity::High),
    (rename, ChangeKind::Renamed, "contract_renamed:4:code:article", SchemaSeverity::High),
    (
        |contract| contract.columns[3].column_type = ColumnType::String,
        ChangeKind::Retyped,
        "contract_type:code:long:string",
        SchemaSeverity::High,
    ),
    (
        |contract| {
            contract.columns[2].column_type = ColumnType::Decimal { precision: 10, scale: 2 }
        },
        ChangeKind::Narrowed,
        "contract_type:total:decimal(12,2):decimal(10,2)",
        SchemaSeverity::High,
    ),
    (
        |contract| {
            contract.columns[2].column_type = ColumnType::Decimal { precision: 12, scale: 4 }
        },
        ChangeKind::Narrowed,
        "contract_type:total:decimal(12,2):decimal(12,4)",
        SchemaSeverity::High,
    ),
    (
        |contract| contract.columns[2].column_type = ColumnType::Long,
        ChangeKind::Retyped,
        "contract_type:total:decimal(12,2):long",
        SchemaSeverity::High,
    ),
    (
        |contract| contract.columns[1].column_type = ColumnType::Date,
        ChangeKind::Narrowed,
        "contract_type:at:timestamp:date",
        SchemaSeverity::High,
    ),
    (
        |contract| {
            contract.columns[2].column_type = ColumnType::Decimal { precision: 38, scale: 6 }
        },
        ChangeKind::Widened,
        "contract_type:total:decimal(12,2):decimal(38,6)",
        SchemaSeverity::Low,
    ),
    (
        |contract| contract.columns[4].max_length = Some(10),
        ChangeKind::Narrowed,
        "contract_length:coupon:any length:10",
        SchemaSeverity::Medium,
    ),
    (
        |contract| contract.columns[0].required = false,
        ChangeKind::Nullability,
        "contract_optional:id",
        SchemaSeverity::Medium,
    ),
    (
        |contract| contract.columns[4].required = true,
        ChangeKind::Nullability,
        "contract_required:coupon",
        SchemaSeverity::Medium,
    ),
    (json, ChangeKind::Nested, "contract_shape:coupon:value:object", SchemaSeverity::High),
    (
        |contract| listed(contract).push("held".to_owned()),
        ChangeKind::ValueAdded,
        "contract_value_added:status:held",
        SchemaSeverity::Low,
    ),
    (
        |contract| listed(contract).retain(|value| value != "lost"),
        ChangeKind::ValueRemoved,
        "contract_value_removed:status:lost",
        SchemaSeverity::Medium,
    ),
    (
        |contract| contract.columns.swap(3, 5),
        ChangeKind::Reordered,
        "contract_reordered:columns",
        SchemaSeverity::Low,
    ),
];

fn add(contract: &mut Contract) {
    let mut column = contract.columns[4].clone();
    (column.field_id, column.name) = (20, "gift".to_owned());
    column.sources = vec!["row.gift".to_owned()];
    contract.columns.push(column);
}

fn add_required(contract: &mut Contract) {
    add(contract);
    contract.columns.last_mut().unwrap().required = true;
}

fn drop(contract: &mut Contract) {
    contract.columns.remove(4);
}

fn rename(contract: &mut Contract) {
    "article".clone_into(&mut contract.columns[3].name);
}

fn json(contract: &mut Contract) {
    let json = JsonColumn { shape: JsonShape::Object, values: KeptValues::Names };
    contract.columns[4].json = Some(json);
}

fn listed(contract: &mut Contract) -> &mut Vec<String> {
    &mut contract.columns[6].valid.as_mut().unwrap().valid_values
}

/// Runs of a contract, with its version and its columns' names.
fn pass(world: &mut World, watch: &mut Watch, contract: &Contract, runs: usize) {
    for _ in 0..runs {
        let mut run = world.run();
        run.contract_version = Some(contract.version.clone());
        for column in &mut run.columns {
            let position = world.contract.position(&column.name);
            let id = position.map(|position| world.contract.columns[position].field_id);
            let now = contract.columns.iter().find(|now| Some(now.field_id) == id);
            match now {
                Some(now) => column.name.clone_from(&now.name),
                None => {
                    // What is no column any more is an unknown member.
                    let member = format!("row.{}:string", column.name);
                    let rows = run.rows.unwrap().committed - column.null_count;
                    if rows > 0 {
                        run.unknown_members.insert(member, rows);
                    }
                }
            }
        }
        let is_column = |name: &str| contract.position(name).is_some();
        run.columns.retain(|column| is_column(&column.name));
        watch.run(&run, contract);
    }
}

#[test]
fn every_change_of_a_contract_is_told_and_its_revert_too() {
    for (change, kind, cause, severity) in CHANGES {
        let mut world = World::new(3, (200, 2_000));
        let mut watch = Watch::default();
        let before = world.contract.clone();
        pass(&mut world, &mut watch, &before, 10);
        let mut after = before.clone();
        change(&mut after);
        after.version = "2.0.0".to_owned();
        pass(&mut world, &mut watch, &after, 10);
        assert_eq!(watch.causes(), [(cause.to_owned(), ChangeState::Begun)]);
        let what = &watch.told[0].what;
        assert_eq!((what.kind, what.severity), (kind, severity), "{cause}");
        assert_eq!(what.origin, ChangeOrigin::Contract);
        pass(&mut world, &mut watch, &before, 10);
        let both = [ChangeState::Begun, ChangeState::Reverted].map(|one| (cause.to_owned(), one));
        assert_eq!(watch.causes(), both);
        assert!(watch.known.changes.is_empty(), "{cause}");
    }
}

#[test]
fn a_changed_contract_is_how_things_are_after_two_weeks() {
    let mut world = World::new(3, (200, 2_000));
    let mut watch = Watch::default();
    let before = world.contract.clone();
    pass(&mut world, &mut watch, &before, 5);
    let mut after = before.clone();
    drop(&mut after);
    after.version = "2.0.0".to_owned();
    pass(&mut world, &mut watch, &after, 8_000);
    let states: Vec<_> = watch.told.iter().map(|change| change.state).collect();
    assert_eq!(states, [ChangeState::Begun, ChangeState::Adopted]);
}

#[test]
fn a_column_for_a_member_ends_what_was_told_of_it() {
    let mut world = World::new(3, (800, 2_000));
    let mut watch = Watch::default();
    let before = world.contract.clone();
    pass(&mut world, &mut watch, &before, 20);
    world.mutate(Mutation::AddMember);
    pass(&mut world, &mut watch, &before, 10);
    let mut after = before.clone();
    add(&mut after);
    after.version = "1.1.0".to_owned();
    let mut run = world.run();
    run.contract_version = Some("1.1.0".to_owned());
    run.unknown_members.remove("row.gift:string");
    watch.run(&run, &after);
    // Arrived later, and was made by a function that had the old version still: it counts other columns.
    let known = watch.known.clone();
    let mut late = world.run();
    late.contract_version = Some("1.0.0".to_owned());
    assert!(watch.run(&late, &after).is_empty());
    assert_eq!((&watch.known.columns, &watch.known.members), (&known.columns, &known.members));
    let member = "member_added:row.gift:string".to_owned();
    let column = "contract_added:gift".to_owned();
    let expected = [
        (member.clone(), ChangeState::Begun),
        (column, ChangeState::Begun),
        (member, ChangeState::Adopted),
    ];
    assert_eq!(watch.causes(), expected);
}

#[test]
fn runs_that_say_nothing_of_their_rows_are_passed_over() {
    use crate::run::{LeftOut, Outcome};
    let mut world = World::new(3, (200, 2_000));
    let mut run = world.run();
    let known = SchemaSnapshot::default();
    for outcome in [Outcome::Failed, Outcome::Quarantined, Outcome::Transformed] {
        run.outcome = outcome;
        assert_eq!(observe(&known, &run, &world.contract), (known.clone(), Vec::new()));
    }
    run.outcome = Outcome::Empty;
    run.left_out = Some(LeftOut::Superseded);
    assert_eq!(observe(&known, &run, &world.contract).0, known);
    run.left_out = None;
    run.dataset = Some("another.dataset".to_owned());
    assert_eq!(observe(&known, &run, &world.contract).0, known);
}
