//! Deliveries in any order, and more than once, end where the newest judgement says.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use proptest::prelude::*;

use super::*;

/// One call of a monitor.
#[derive(Debug, Clone)]
enum Call {
    Report(usize, Severity),
    Clear(usize),
    ClearAll(Vec<usize>),
}

const CAUSES: [&str; 3] = ["rows_low", "rows_high", "bytes_low"];

fn key_of(cause: usize) -> IncidentKey {
    IncidentKey::new("shop.orders", Monitor::Volume, CAUSES[cause])
}

/// A judgement of one cause, or of all of them at once, for a minute.
fn judgement() -> impl Strategy<Value = Vec<(i64, Call)>> {
    let severity = || prop::sample::select(Severity::ALL.to_vec());
    let one = (0..40_i64, 0..3_usize, prop::option::weighted(0.6, severity()));
    let one = one.prop_map(|(minutes, cause, found)| match found {
        Some(severity) => vec![(minutes * 10, Call::Report(cause, severity))],
        None => vec![(minutes * 10, Call::Clear(cause))],
    });
    let all = (0..40_i64, prop::collection::btree_map(0..3_usize, severity(), 0..3));
    let all = all.prop_map(|(minutes, found)| {
        let except = found.keys().copied().collect();
        let mut calls = vec![(minutes * 10, Call::ClearAll(except))];
        calls.extend(
            found
                .into_iter()
                .map(|(cause, severity)| (minutes * 10, Call::Report(cause, severity))),
        );
        calls
    });
    prop_oneof![2 => one, 1 => all]
}

/// Calls, some of them twice, in any order.
fn deliveries() -> impl Strategy<Value = Vec<(i64, Call)>> {
    let calls = prop::collection::vec((judgement(), 1..3_usize), 1..14);
    let calls = calls.prop_map(|judgements| {
        let repeated =
            |(calls, times): (Vec<_>, usize)| std::iter::repeat_n(calls, times).flatten();
        judgements.into_iter().flat_map(repeated).collect::<Vec<_>>()
    });
    calls.prop_shuffle()
}

async fn deliver(incidents: &Incidents<MemoryStore>, (minutes, call): &(i64, Call), now: i64) {
    let (as_of, now) = (at(*minutes), at(1000) + Duration::seconds(now));
    match call {
        Call::Report(cause, severity) => {
            let finding = finding(&key_of(*cause), *severity, *minutes);
            incidents.report(&finding, &context(&[], &[]), as_of, now).await.map(drop).unwrap();
        }
        Call::Clear(cause) => {
            incidents.clear(&key_of(*cause), as_of, now, "good").await.map(drop).unwrap();
        }
        Call::ClearAll(except) => {
            let except: Vec<String> =
                except.iter().map(|cause| CAUSES[*cause].to_owned()).collect();
            let all =
                incidents.clear_all("shop.orders", Monitor::Volume, &except, as_of, now, "good");
            all.await.map(drop).unwrap();
        }
    }
}

/// What the newest judgement of a cause says: for one moment a finding outweighs a clearing.
fn newest(calls: &[(i64, Call)], cause: usize) -> Option<Severity> {
    let mut judged: Vec<(i64, Option<Severity>)> = Vec::new();
    for (minutes, call) in calls {
        match call {
            Call::Report(of, severity) if *of == cause => judged.push((*minutes, Some(*severity))),
            Call::Clear(of) if *of == cause => judged.push((*minutes, None)),
            Call::ClearAll(except) if !except.contains(&cause) => judged.push((*minutes, None)),
            _ => {}
        }
    }
    judged.into_iter().max()?.1
}

fn check_end(incidents: &Incidents<MemoryStore>, calls: &[(i64, Call)]) {
    let known = incidents.store.incidents();
    for (cause, name) in CAUSES.iter().enumerate() {
        let open: Vec<_> = known
            .iter()
            .filter(|incident| incident.key == key_of(cause) && incident.is_open())
            .collect();
        assert!(open.len() <= 1);
        let found = open.first().map(|incident| incident.found_severity);
        assert_eq!(found, newest(calls, cause), "{name}");
    }
    for incident in &known {
        assert!(incident.since <= incident.opened_at);
        assert!(incident.resolved_at.is_none_or(|resolved| incident.opened_at <= resolved));
    }
}

/// Of each key, what is told to be bad is told to be good before it is told to be bad again.
fn check_told(incidents: &Incidents<MemoryStore>) {
    let mut bad = BTreeMap::new();
    for (key, kind) in incidents.told() {
        let is_bad = bad.entry(key.clone()).or_insert(false);
        match kind {
            ChangeKind::Opened | ChangeKind::Reopened => {
                assert!(!*is_bad, "{key} was opened twice");
                *is_bad = true;
            }
            ChangeKind::Escalated => assert!(*is_bad),
            ChangeKind::Resolved => {
                assert!(*is_bad, "{key} was resolved and never opened");
                *is_bad = false;
            }
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn the_newest_judgement_stands_whatever_the_order(calls in deliveries()) {
        block_on(async {
            let incidents = incidents();
            for (now, call) in calls.iter().enumerate() {
                deliver(&incidents, call, now as i64).await;
                let open = incidents.all_open().await.unwrap();
                for cause in 0..CAUSES.len() {
                    let of = open.iter().filter(|incident| incident.key == key_of(cause));
                    assert!(of.count() <= 1);
                }
            }
            check_end(&incidents, &calls);
            check_told(&incidents);
            // All of it once more changes nothing and tells nothing.
            let told = incidents.told().len();
            for call in &calls {
                deliver(&incidents, call, 10_000).await;
            }
            check_end(&incidents, &calls);
            assert_eq!(incidents.told().len(), told);
        });
    }

    #[test]
    fn writers_that_meet_end_in_the_same_place(calls in deliveries()) {
        block_on(async {
            let incidents = incidents();
            let all = calls.iter().enumerate();
            join_all(all.map(|(now, call)| deliver(&incidents, call, now as i64))).await;
            check_end(&incidents, &calls);
            check_told(&incidents);
        });
    }
}
