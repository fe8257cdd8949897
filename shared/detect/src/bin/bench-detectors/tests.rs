use crate::{Episodes, baselines, fleet, hourly, producers, score};

/// Seeds of neither group: what is measured here decides nothing but whether something broke.
const SEED: u64 = 77;

fn own() -> baselines::Build {
    baselines::all()
        .into_iter()
        .find(|(name, _)| name.contains("this one"))
        .map(|(_, build)| build)
        .unwrap()
}

#[test]
fn a_small_fleet_is_judged_as_well_as_ever() {
    let mut score = score::Score::default();
    score.run(own(), &fleet::daily(SEED, 120));
    assert!(score.precision() >= 0.98, "precision {}", score.precision());
    assert!(score.recall() >= 0.9, "recall {}", score.recall());
    assert!(score.false_alerts() <= 0.05, "false alerts {}", score.false_alerts());
}

#[test]
fn it_is_better_than_what_others_do() {
    let fleet = fleet::daily(SEED, 60);
    let f1 = |build| {
        let mut score = score::Score::default();
        score.run(build, &fleet);
        score.f1()
    };
    let own = f1(own());
    for (name, build) in baselines::all().into_iter().take(5) {
        let other = f1(build);
        assert!(own >= other + 0.15, "{name}: {other}, own {own}");
    }
}

#[test]
fn hourly_incidents_are_found() {
    let mut episodes = Episodes::default();
    episodes.run(own(), &hourly::hourly(SEED, 8));
    assert!(episodes.recall() >= 0.8, "recall {}", episodes.recall());
    assert!(episodes.false_a_week() <= 0.4, "false episodes {}", episodes.false_a_week());
}

#[test]
fn producers_that_stop_are_noticed_and_those_that_work_are_left_alone() {
    let mut all = producers::Deadlines::default();
    for producer in producers::all() {
        if producer.name.contains("every") {
            continue;
        }
        producer.run(SEED, &mut all);
    }
    assert!(all.recall() >= 0.75, "noticed in time {}", all.recall());
    assert!(all.false_alerts() <= 1.0, "false alerts {}", all.false_alerts());
}
