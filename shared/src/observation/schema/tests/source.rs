//! Mutations of what the source sends.

use fastrand::Rng;

use super::*;

/// Small, middling, large, and all of them together.
const SIZES: [(u64, u64); 4] = [(1, 20), (50, 3_000), (5_000, 100_000), (1, 100_000)];

/// Kind, subject, cause and severity that a mutation must be told with.
fn expected(
    mutation: Mutation,
    world: &World,
) -> (ChangeKind, &'static str, String, SchemaSeverity) {
    use ChangeKind::{Added, Dropped, Nested, Renamed, Retyped, ValueAdded, ValueRemoved};
    use SchemaSeverity::{Critical, High, Low, Medium};
    let of_code = if world.share_of("code") >= 0.5 { High } else { Medium };
    let (kind, subject, cause, severity) = match mutation {
        Mutation::DropColumn => (Dropped, "code", "column_dropped:code", of_code),
        Mutation::DropRequired => (Dropped, "at", "column_dropped:at", Critical),
        Mutation::RenameColumn => (Renamed, "code", "column_renamed:code:row.article", of_code),
        Mutation::RetypeColumn => (Retyped, "code", "column_retyped:code", of_code),
        Mutation::RetypeRefused => (Retyped, "code", "column_retyped:code", Critical),
        Mutation::AddMember => (Added, "row.gift", "member_added:row.gift:string", Low),
        Mutation::AddNested => {
            (Nested, "row.address.street", "member_added:row.address.street:string", Low)
        }
        Mutation::DropMember => (Dropped, "row.score", "member_dropped:row.score:number", Low),
        Mutation::DropNested => {
            (Nested, "row.address.city", "member_dropped:row.address.city:string", Low)
        }
        Mutation::RenameMember => {
            (Renamed, "row.score", "member_renamed:row.score:row.points", Low)
        }
        Mutation::RetypeMember => (Retyped, "row.score", "member_retyped:row.score", Low),
        Mutation::AddValue => (ValueAdded, "status", "value_added:status", High),
        Mutation::RemoveValue => (ValueRemoved, "status", "value_removed:status:paid", Low),
    };
    (kind, subject, cause.to_owned(), severity)
}

/// A history: quiet, mutated, reverted; with the runs and what each of them told.
struct History {
    runs: Vec<(Run, Contract)>,
    told: Vec<Vec<SchemaChange>>,
    /// Where the mutation and its end begin.
    from: usize,
    to: usize,
    /// The share of rows that show it.
    share: f64,
}

fn rows(run: &Run) -> u64 {
    run.rows.map_or(0, |rows| rows.routed)
}

/// Runs until there were so many rows, and so many runs.
fn pass(world: &mut World, least_rows: f64, least_runs: usize, runs: &mut Vec<(Run, Contract)>) {
    let (mut seen, mut count) = (0, 0);
    while (seen as f64) < least_rows || count < least_runs {
        let run = world.run();
        seen += rows(&run);
        count += 1;
        runs.push((run, world.contract.clone()));
    }
}

fn history(
    seed: u64,
    mutation: Mutation,
    sizes: &[(u64, u64)],
    mutated_runs: usize,
) -> (History, World) {
    let mut random = Rng::with_seed(seed);
    let mut world = World::new(seed, sizes[random.usize(..sizes.len())]);
    let mut runs = Vec::new();
    // Enough to know what is to be lost, or what was never there: what is as rare as one in twenty.
    pass(&mut world, 2_000.0, 8 + random.usize(..20), &mut runs);
    let from = runs.len();
    world.wait();
    let share = world.mutate(mutation);
    pass(&mut world, 80.0 / share, mutated_runs, &mut runs);
    let to = runs.len();
    world.wait();
    world.revert(mutation);
    pass(&mut world, 400.0 / share, 10, &mut runs);
    let mut watch = Watch::default();
    let told = runs.iter().map(|(run, contract)| watch.run(run, contract)).collect();
    (History { runs, told, from, to, share }, world)
}

fn deliver<'a>(runs: impl IntoIterator<Item = &'a (Run, Contract)>) -> Watch {
    let mut watch = Watch::default();
    for (run, contract) in runs {
        watch.run(run, contract);
    }
    watch
}

#[test]
fn every_mutation_is_told_and_nothing_else() {
    for seed in 0..80 {
        for mutation in Mutation::ALL {
            let (history, world) = history(seed, mutation, &SIZES, 3);
            let (kind, subject, cause, severity) = expected(mutation, &world);
            let context = || {
                let told: Vec<_> = history.told.iter().enumerate().collect();
                let told: Vec<_> = told.iter().filter(|(_, told)| !told.is_empty()).collect();
                let History { from, to, share, .. } = &history;
                format!("{mutation:?} {seed}: from {from} to {to}, {share}, {told:#?}")
            };
            let causes: Vec<_> =
                history.told.iter().flatten().map(|one| (one.cause.as_str(), one.state)).collect();
            let both = [(cause.as_str(), ChangeState::Begun), (&cause, ChangeState::Reverted)];
            assert_eq!(causes, both, "{}", context());
            let begun = history.told.iter().position(|told| !told.is_empty()).unwrap();
            let what = &history.told[begun][0].what;
            let was = (what.kind, what.subject.as_str(), what.severity, what.origin);
            assert_eq!(was, (kind, subject, severity, ChangeOrigin::Source), "{}", context());
            assert!((history.from..history.to).contains(&begun), "{}", context());
            let end = history.told.iter().rposition(|told| !told.is_empty()).unwrap();
            assert!(end >= history.to, "{}", context());
            // One large input shows it by itself.
            let first = rows(&history.runs[history.from].0) as f64 * history.share;
            assert!(first < 60.0 || begun == history.from, "{}", context());
            let arrived = |position: usize| history.runs[position].0.arrived_at;
            assert!(what.since <= arrived(begun), "{}", context());
            if history.share >= 1.0 {
                assert_eq!(what.since, arrived(history.from), "{}", context());
            }
        }
    }
}

#[test]
fn unmutated_histories_are_quiet() {
    for seed in 1_000..1_200 {
        let mut random = Rng::with_seed(seed);
        let mut world = World::new(seed, SIZES[random.usize(..SIZES.len())]);
        let mut watch = Watch::default();
        for _ in 0..random.usize(20..150) {
            let run = world.run();
            let told = watch.run(&run, &world.contract);
            assert!(told.is_empty(), "{seed}: {told:#?}");
        }
        assert!(watch.known.changes.is_empty());
    }
}

#[test]
fn what_is_delivered_twice_or_in_another_order_changes_nothing() {
    for seed in 200..230 {
        for mutation in Mutation::ALL {
            // A run that was overtaken is not looked at: none may be all the evidence there is.
            let (history, _) = history(seed, mutation, &SIZES[..3], 12);
            let once = deliver(&history.runs);
            let mut random = Rng::with_seed(seed);
            // Some twice at once, some again much later.
            let mut again = Vec::new();
            for (position, one) in history.runs.iter().enumerate() {
                again.push(one);
                for _ in 0..random.usize(..3) {
                    again.push(&history.runs[random.usize(..=position)]);
                }
            }
            let twice = deliver(again);
            assert_eq!(once.known, twice.known, "{mutation:?} {seed}");
            assert_eq!(once.told, twice.told, "{mutation:?} {seed}");
            // Runs overtake each other.
            let mut shuffled: Vec<_> = history.runs.iter().collect();
            for position in 1..shuffled.len() {
                if random.bool() {
                    shuffled.swap(position - 1, position);
                }
            }
            let other = deliver(shuffled);
            assert_eq!(once.causes(), other.causes(), "{mutation:?} {seed}");
            assert_eq!(once.known.changes, other.known.changes, "{mutation:?} {seed}");
        }
    }
}

#[test]
fn an_old_run_changes_no_verdict() {
    let mut world = World::new(7, (500, 1_000));
    let old: Vec<Run> = (0..10).map(|_| world.run()).collect();
    let mut watch = Watch::default();
    for run in &old {
        watch.run(run, &world.contract);
    }
    world.mutate(Mutation::DropRequired);
    watch.run(&world.run_of(2_000), &world.contract);
    assert_eq!(watch.causes(), [("column_dropped:at".to_owned(), ChangeState::Begun)]);
    // Read again on an order: it has the column, and arrived before it was lost.
    let mut again = old[3].clone();
    again.run_id = "another".to_owned();
    let known = watch.known.clone();
    assert!(watch.run(&again, &world.contract).is_empty());
    assert_eq!(watch.known, known);
}

#[test]
fn a_sparse_member_that_comes_and_goes_is_told_once() {
    let mut world = World::new(9, (800, 1_200));
    let mut watch = Watch::default();
    for _ in 0..20 {
        watch.run(&world.run(), &world.contract);
    }
    for round in 0..6 {
        world.mutate(Mutation::AddMember);
        for _ in 0..5 {
            watch.run(&world.run(), &world.contract);
        }
        world.revert(Mutation::AddMember);
        for _ in 0..5 {
            watch.run(&world.run(), &world.contract);
        }
        let begun = watch.told.iter().filter(|change| change.state == ChangeState::Begun).count();
        assert_eq!(begun, 1, "round {round}: {:#?}", watch.causes());
    }
}

#[test]
fn what_is_known_stays_small() {
    let mut world = World::new(11, (50, 100));
    let mut watch = Watch::default();
    for number in 0..3_000 {
        let mut run = world.run();
        // Somebody puts data into names.
        for name in 0..5 {
            run.unknown_members.insert(format!("row.user_{number}_{name}:string"), 3);
        }
        watch.run(&run, &world.contract);
    }
    let bytes = serde_json::to_vec(&watch.known).unwrap().len();
    assert!(bytes < 350_000, "{bytes}");
    let read: SchemaSnapshot =
        serde_json::from_slice(&serde_json::to_vec(&watch.known).unwrap()).unwrap();
    assert_eq!(read.changes, watch.known.changes);
}
