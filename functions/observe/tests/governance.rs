//! What breaks its contract is told until it is settled, whichever of several inputs is observed first; and what nobody
//! takes of an input is told too.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use chrono::{DateTime, TimeDelta, Utc};
use shared::incident::{Incident, Monitor, Severity, State};
use shared::observation::key;
use shared::run::{LeftOut, Outcome, RecordCounts, RowCounts, Run, run_id};
use shared::state::Store as _;

use world::{ORDERS, World, check, day, moment, run};

const FOLDER: &str = "s3://landing/databases/changes/shop";
const FAILED: &str = "check_failed:total_is_known";

/// An input whose rows a check holds.
fn held(date: u32, number: u64) -> Run {
    let mut run = run(&day(date), number, 1_000);
    run.outcome = Outcome::Held;
    run.rows = Some(RowCounts { routed: 1_000, held: 1_000, ..RowCounts::default() });
    run.checks = vec![check("total_is_known", false, "error")];
    run
}

/// An input that passes the check.
fn passed(date: u32, number: u64) -> Run {
    let checks = vec![check("total_is_known", true, "error")];
    Run { checks, ..run(&day(date), number, 1_000) }
}

/// The run in which held rows are released. What the checks found of them stands in it still.
fn released(held: &Run, at: DateTime<Utc>) -> Run {
    Run {
        run_id: run_id("replay", &held.input, held.dataset.as_deref()),
        job: "replay".to_owned(),
        outcome: Outcome::Committed,
        rows: Some(RowCounts { routed: 1_000, committed: 1_000, ..RowCounts::default() }),
        started_at: at,
        finished_at: at,
        ..held.clone()
    }
}

/// The run in which held rows are left out for good.
fn dropped(held: &Run, at: DateTime<Utc>) -> Run {
    let rows = RowCounts { routed: 1_000, discarded: 1_000, ..RowCounts::default() };
    Run { outcome: Outcome::Empty, rows: Some(rows), ..released(held, at) }
}

/// The run of a corrected file: other bytes under the same key.
fn corrected(of: &Run, by: Run, at: DateTime<Utc>) -> Run {
    let mut run = Run { arrived_at: at, started_at: at, finished_at: at, ..by };
    run.input.key.clone_from(&of.input.key);
    run.input.checksum = format!("{at}");
    run.input.supersedes = Some(of.input.checksum.clone());
    run.run_id = run_id(&run.job, &run.input, run.dataset.as_deref());
    run
}

/// The run of an input as a whole, of whose records so many are in quarantine.
fn file(date: u32, number: u64, records: u64, quarantined: u64) -> Run {
    let mut run = run(&day(date), number, 0);
    run.run_id = run_id(&run.job, &run.input, None);
    (run.dataset, run.rows) = (None, None);
    let routed = records - quarantined;
    run.outcome = if routed > 0 { Outcome::Transformed } else { Outcome::Empty };
    run.records = Some(RecordCounts { records, routed, quarantined, ..RecordCounts::default() });
    if quarantined > 0 {
        run.quarantined_by_reason.insert("unknown_type".to_owned(), quarantined);
    }
    run
}

async fn open(world: &World) -> Vec<Incident> {
    let mut open = world.open().await;
    open.retain(|incident| incident.key.monitor == Monitor::Governance);
    open
}

async fn causes(world: &World) -> Vec<String> {
    open(world).await.into_iter().map(|incident| incident.key.cause).collect()
}

#[tokio::test]
async fn rows_that_are_held_are_told_until_they_are_released() {
    let world = World::default();
    let held = held(1, 1);
    world.observe_each(std::slice::from_ref(&held)).await;
    world.observe_each(&[passed(2, 1), passed(3, 1)]).await;
    let [incident] = &open(&world).await[..] else { panic!("one incident") };
    assert_eq!((incident.key.cause.as_str(), incident.severity), (FAILED, Severity::High));
    assert_eq!((incident.since, incident.change), (held.arrived_at, 1));
    let waits = format!(
        "1 input waits to be released, dropped or read again, with 1000 rows: {}",
        held.run_id
    );
    assert!(incident.evidence.details.contains(&waits), "{:?}", incident.evidence.details);
    world.observe_at(&released(&held, moment(4, 1)), moment(4, 1)).await;
    assert!(open(&world).await.is_empty());
    // Delivered again, all of it means nothing.
    world.observe_at(&held, moment(5, 1)).await;
    world.observe_at(&released(&held, moment(4, 1)), moment(5, 2)).await;
    assert!(open(&world).await.is_empty());
    let all = world.all(ORDERS).await;
    let of_this: Vec<&Incident> = all.iter().filter(|one| one.key.cause == FAILED).collect();
    let [incident] = of_this[..] else { panic!("{of_this:?}") };
    assert_eq!((incident.state, incident.change), (State::Resolved, 2));
}

#[tokio::test]
async fn a_finding_is_told_whichever_input_is_observed_first() {
    let noon = moment(2, 12);
    let (mut held, mut passed) = (held(1, 1), passed(1, 2));
    held.finished_at = noon;
    passed.finished_at = noon + TimeDelta::seconds(1);
    for order in [[&held, &passed], [&passed, &held]] {
        let world = World::default();
        // Something was wrong before, so that all is judged from then on.
        let earlier = world::run(&day(1), 9, 100);
        let earlier = Run { checks: vec![check("currency", false, "warning")], ..earlier };
        world.observe_at(&earlier, noon).await;
        // Who observes the second began before who observes the first.
        world.observe_at(order[0], noon + TimeDelta::seconds(5)).await;
        world.observe_at(order[1], noon + TimeDelta::seconds(3)).await;
        assert!(causes(&world).await.contains(&FAILED.to_owned()));
    }
}

#[tokio::test]
async fn what_is_settled_before_it_is_known_is_not_told() {
    let held = held(1, 1);
    let at = moment(2, 0);
    let correction = corrected(&held, passed(1, 2), at);
    for settled in [released(&held, at), dropped(&held, at), correction] {
        let world = World::default();
        world.observe_at(&settled, at).await;
        world.observe_at(&held, at + TimeDelta::minutes(1)).await;
        assert!(open(&world).await.is_empty(), "{}", settled.job);
        // In their order it is told and over.
        let world = World::default();
        world.observe_at(&held, held.arrived_at).await;
        assert_eq!(causes(&world).await, [FAILED]);
        world.observe_at(&settled, at).await;
        assert!(open(&world).await.is_empty(), "{}", settled.job);
    }
}

#[tokio::test]
async fn a_correction_that_is_held_too_waits_in_place_of_the_first() {
    let world = World::default();
    let first = held(1, 1);
    let second = corrected(&first, held(1, 2), moment(2, 0));
    world.observe_at(&first, first.arrived_at).await;
    world.observe_at(&second, moment(2, 0)).await;
    // The first one is out of date: that it is released decides nothing.
    world.observe_at(&released(&first, moment(2, 1)), moment(2, 1)).await;
    let [incident] = &open(&world).await[..] else { panic!("one incident") };
    assert_eq!(incident.evidence.run_id.as_deref(), Some(second.run_id.as_str()));
    world.observe_at(&released(&second, moment(2, 2)), moment(2, 2)).await;
    assert!(open(&world).await.is_empty());
}

#[tokio::test]
async fn many_inputs_that_are_held_are_one_incident() {
    let world = World::default();
    let all: Vec<Run> = (0..130).map(|number| held(1, number)).collect();
    for run in &all {
        world.observe_at(run, run.arrived_at).await;
    }
    let [incident] = &open(&world).await[..] else { panic!("one incident") };
    assert_eq!(incident.change, 1);
    let details = incident.evidence.details.join("\n");
    assert!(details.contains("100 inputs or more wait"), "{details}");
    let item = world.observer.store.get(&key::governance(ORDERS)).await.unwrap().unwrap();
    // An item holds 400 KB.
    assert!(format!("{item:?}").len() < 200_000);
    for (number, run) in all.iter().enumerate() {
        let at = moment(2, 0) + TimeDelta::minutes(number as i64);
        // Which hundred of them are known is not said.
        assert!(number >= 100 || open(&world).await.len() == 1, "{number} are released");
        world.observe_at(&released(run, at), at).await;
    }
    assert!(open(&world).await.is_empty());
}

#[tokio::test]
async fn an_input_that_cannot_be_read_is_told_until_it_is_read() {
    for (outcome, cause) in
        [(Outcome::Quarantined, "input_quarantined"), (Outcome::Failed, "run_failed")]
    {
        let world = World::default();
        let unread = Run { outcome, ..file(1, 1, 10, 10) };
        world.observe_each(&[unread.clone(), file(2, 1, 100, 0)]).await;
        let [incident] = &open(&world).await[..] else { panic!("one incident") };
        assert_eq!((incident.key.dataset.as_str(), incident.key.cause.as_str()), (FOLDER, cause));
        let mut again = Run { started_at: moment(3, 0), ..file(1, 1, 10, 0) };
        again.input.replay = Some("0190".to_owned());
        world.observe_at(&again, moment(3, 0)).await;
        assert!(open(&world).await.is_empty(), "{cause}");
    }
}

#[tokio::test]
async fn rows_without_a_table_are_told_until_they_are_read_again() {
    let world = World::default();
    let mut without = run(&day(1), 1, 1_000);
    (without.outcome, without.left_out) = (Outcome::Empty, Some(LeftOut::TableMissing));
    without.rows = Some(RowCounts { routed: 1_000, discarded: 1_000, ..RowCounts::default() });
    without.checks = vec![check("currency", false, "warning")];
    world.observe_each(std::slice::from_ref(&without)).await;
    assert_eq!(causes(&world).await, ["check_warning:currency", "left_out"]);
    world.observe_each(&[passed(2, 1)]).await;
    assert_eq!(causes(&world).await, ["left_out"]);
    let mut again = Run { started_at: moment(3, 0), finished_at: moment(3, 0), ..passed(1, 1) };
    again.input.replay = Some("0190".to_owned());
    world.observe_at(&again, moment(3, 0)).await;
    assert!(open(&world).await.is_empty());
}

#[tokio::test]
async fn a_warning_is_over_with_the_next_input_that_passes() {
    let world = World::default();
    let warned =
        Run { checks: vec![check("currency", false, "warning")], ..run(&day(2), 1, 1_000) };
    world.observe_each(std::slice::from_ref(&warned)).await;
    let [incident] = &open(&world).await[..] else { panic!("one incident") };
    assert_eq!(incident.key.cause, "check_warning:currency");
    assert_eq!(incident.severity, Severity::Low);
    // An earlier input that passed is delivered late: it says nothing of the later one.
    world.observe_each(&[passed(1, 1)]).await;
    assert_eq!(open(&world).await.len(), 1);
    world.observe_each(&[passed(3, 1)]).await;
    assert!(open(&world).await.is_empty());
    world.observe_at(&warned, moment(4, 0)).await;
    assert!(open(&world).await.is_empty(), "it is known to be over");
}

#[tokio::test]
async fn an_incident_that_somebody_closed_opens_again_only_for_what_is_new() {
    let world = World::default();
    let first = held(1, 1);
    world.observe_at(&first, first.arrived_at).await;
    let [incident] = &open(&world).await[..] else { panic!("one incident") };
    let closed = moment(2, 0);
    world.observer.incidents.clear(&incident.key, closed, closed, "closed").await.unwrap();
    // A warning comes and goes: what stands of the rest has not changed by that.
    let warned =
        Run { checks: vec![check("currency", false, "warning")], ..run(&day(2), 1, 1_000) };
    world.observe_each(&[warned, passed(3, 1)]).await;
    assert!(open(&world).await.is_empty());
    world.observe_each(&[held(4, 1)]).await;
    let [incident] = &open(&world).await[..] else { panic!("one incident") };
    let details = incident.evidence.details.join("\n");
    assert!(details.contains("2 inputs wait"), "{details}");
}

#[tokio::test]
async fn records_that_nobody_takes_are_told_until_an_input_is_as_it_should_be() {
    let world = World::default();
    world.observe_each(&[file(1, 1, 200, 0)]).await;
    assert!(open(&world).await.is_empty());
    // A source sends what no dataset takes, in every line.
    world.observe_each(&[file(2, 1, 200, 200)]).await;
    let [incident] = &open(&world).await[..] else { panic!("one incident") };
    assert_eq!(incident.key.to_string(), format!("{FOLDER}/governance/records_quarantined"));
    assert_eq!((incident.severity, incident.evidence.actual), (Severity::High, Some(1.0)));
    assert!(incident.evidence.details.contains(&"unknown_type: 200 records".to_owned()));
    assert!(!incident.summary.contains(".ndjson"), "a file's name may be personal");
    // Inputs without a record say nothing; fewer are less grave; few are none.
    world.observe_each(&[file(3, 1, 0, 0)]).await;
    assert_eq!(open(&world).await.len(), 1);
    world.observe_each(&[file(3, 2, 200, 12)]).await;
    assert_eq!(open(&world).await[0].severity, Severity::Medium);
    world.observe_each(&[file(4, 1, 200, 8)]).await;
    assert!(open(&world).await.is_empty());
    // Of a handful of records nothing is sure, unless it is most of them.
    world.observe_each(&[file(5, 1, 9, 4)]).await;
    assert!(open(&world).await.is_empty());
    world.observe_each(&[file(6, 1, 3, 3)]).await;
    let [incident] = &open(&world).await[..] else { panic!("one incident") };
    assert_eq!(incident.severity, Severity::Medium);
    world.observe_each(&[file(7, 1, 3, 0)]).await;
    assert!(open(&world).await.is_empty());
}
