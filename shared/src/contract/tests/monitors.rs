//! What a contract says of the monitors that watch its dataset.

use detect::Sensitivity;

use super::*;

fn with(rules: &[&str]) -> Result<Contract, ContractError> {
    let rule = |rule: &&str| {
        format!("      - {{type: custom, engine: tributary, implementation: {rule}}}\n")
    };
    let quality = format!("    quality:\n{}", rules.iter().map(rule).collect::<String>());
    compile(&SOUND.replacen("    properties:\n", &format!("{quality}    properties:\n"), 1))
}

#[test]
fn monitors_need_no_settings_and_take_them() {
    assert_eq!(compile(SOUND).unwrap().monitors, Monitors::default());
    let contract = with(&[
        "{monitor: volume, bucketBy: arrival, sensitivity: low, ignoreBelow: 100}",
        "{monitor: distribution, enabled: false}",
        "{monitor: freshness, timeZone: Europe/Berlin, holidays: [\"2026-12-25\"]}",
        "{check: invalidRows, mustBe: 0}",
    ]);
    // A check needs a severity; the monitors are sound all the same.
    let problems = contract.unwrap_err().problems;
    assert!(problems.iter().all(|problem| problem.clause.ends_with("severity")), "{problems:?}");
    let monitors = with(&[
        "{monitor: volume, bucketBy: arrival, sensitivity: low, ignoreBelow: 100}",
        "{monitor: distribution, enabled: false}",
        "{monitor: freshness, timeZone: Europe/Berlin, holidays: [\"2026-12-25\"]}",
    ]);
    let monitors = monitors.unwrap().monitors;
    assert_eq!(monitors.volume.bucket_by, Some(Clock::Arrival));
    assert_eq!(monitors.volume.detector.sensitivity, Sensitivity::Low);
    assert_eq!(monitors.volume.detector.ignore_below, Some(100.0));
    assert!(!monitors.distribution.enabled);
    assert_eq!(monitors.freshness.detector.holidays.len(), 1);
}

#[test]
fn a_setting_that_nobody_knows_is_refused() {
    for (rules, clause, what) in [
        (vec!["{monitor: weather}"], ".monitor", "none of volume"),
        (vec!["{monitor: volume, sensitive: low}"], "", "sensitive"),
        (vec!["{monitor: volume, sensitivity: loud}"], "", "loud"),
        (vec!["{monitor: volume, bucketBy: noon}"], ".bucketBy", "event, arrival"),
        (vec!["{monitor: volume, enabled: maybe}"], ".enabled", "true, false"),
        (vec!["{monitor: volume}", "{monitor: volume}"], "", "second"),
    ] {
        let refused = with(&rules).unwrap_err();
        let [problem] = &refused.problems[..] else { panic!("{rules:?}: {refused}") };
        let position = rules.len() - 1;
        let expected = format!("schema.orders.quality.{position}.implementation{clause}");
        assert_eq!(problem.clause, expected, "{rules:?}");
        assert!(refused.to_string().contains(what), "{refused}");
    }
}

#[test]
fn who_answers_for_a_dataset_is_its_team() {
    let team = |text: &str| compile(&format!("{SOUND}team: {text}\n")).unwrap().owner;
    assert_eq!(team("{name: data-platform}").as_deref(), Some("data-platform"));
    // As earlier versions of the standard had it.
    assert_eq!(team("[{username: someone@example.com}]"), None);
    assert_eq!(compile(SOUND).unwrap().owner, None);
}
