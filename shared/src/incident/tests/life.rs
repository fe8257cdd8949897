//! The life of one incident.

use super::*;
use crate::incident::{IncidentError, Outcome, State};
use ChangeKind::{Acknowledged, Escalated, Muted, Opened, Reopened, Resolved, Unmuted};
use Severity::{Critical, High, Low, Medium};

fn kinds(incidents: &Incidents<MemoryStore>) -> Vec<ChangeKind> {
    incidents.told().into_iter().map(|(_, kind)| kind).collect()
}

#[tokio::test]
async fn the_same_again_is_not_told_and_worse_is() {
    let (incidents, key) = (incidents(), key("shop.orders"));
    assert_eq!(incidents.find_bad(&key, Medium, 10).await.outcome, Outcome::Opened);
    assert_eq!(incidents.find_bad(&key, Medium, 10).await.outcome, Outcome::Ignored);
    assert_eq!(incidents.find_bad(&key, Medium, 20).await.outcome, Outcome::Updated);
    assert_eq!(incidents.find_bad(&key, High, 30).await.outcome, Outcome::Escalated);
    assert_eq!(incidents.find_bad(&key, Medium, 40).await.outcome, Outcome::Updated);
    assert_eq!(incidents.find_bad(&key, High, 50).await.outcome, Outcome::Updated);
    let resolved = incidents.find_good(&key, 60).await.unwrap();
    assert_eq!(kinds(&incidents), [Opened, Escalated, Resolved]);
    assert_eq!((resolved.state, resolved.occurrence, resolved.change), (State::Resolved, 1, 3));
    assert_eq!((resolved.since, resolved.resolved_at), (at(5), Some(at(60))));
    assert_eq!(resolved.evidence.actual, Some(50.0));
    assert!(resolved.expires_at.is_some());
    assert_eq!(incidents.find_good(&key, 70).await, None);
}

#[tokio::test]
async fn who_has_taken_it_on_hears_only_of_what_is_worse() {
    let (incidents, key) = (incidents(), key("shop.orders"));
    let id = incidents.find_bad(&key, Medium, 10).await.incident.unwrap().id;
    let taken = incidents.acknowledge(&id, "ada", at(11)).await.unwrap();
    assert_eq!(taken.acknowledged_by.as_deref(), Some("ada"));
    assert_eq!(incidents.acknowledge(&id, "bob", at(12)).await.unwrap(), taken);
    incidents.find_bad(&key, Medium, 20).await;
    incidents.find_bad(&key, High, 30).await;
    let incident = incidents.now(&key).await;
    assert_eq!((incident.state, incident.severity), (State::Acknowledged, High));
    incidents.find_good(&key, 40).await;
    assert_eq!(kinds(&incidents), [Opened, Acknowledged, Escalated, Resolved]);
    let again = incidents.acknowledge(&id, "ada", at(50)).await;
    assert!(matches!(again, Err(IncidentError::Resolved { .. })));
    let unknown = incidents.acknowledge("none", "ada", at(50)).await;
    assert!(matches!(unknown, Err(IncidentError::NotFound { .. })));
}

#[tokio::test]
async fn a_mute_is_broken_by_what_becomes_critical_alone_and_ends_by_itself() {
    let (incidents, key) = (incidents(), key("shop.orders"));
    let id = incidents.find_bad(&key, Low, 10).await.incident.unwrap().id;
    incidents.mute(&id, at(100), "ada", at(11)).await.unwrap();
    assert_eq!(incidents.find_bad(&key, High, 20).await.outcome, Outcome::Updated);
    assert_eq!(incidents.find_bad(&key, Critical, 30).await.outcome, Outcome::Escalated);
    assert_eq!(incidents.find_bad(&key, Critical, 40).await.outcome, Outcome::Updated);
    assert_eq!(kinds(&incidents), [Opened, Muted, Escalated]);
    let past = incidents.mute(&id, at(5), "ada", at(41)).await;
    assert!(matches!(past, Err(IncidentError::Past { .. })));

    // Resolved while muted: quietly. The mute holds for the next occurrence, until it ends.
    incidents.find_good(&key, 41).await;
    let next = IncidentKey::new("shop.orders", Monitor::Freshness, "later");
    let id = incidents.find_bad(&next, Medium, 50).await.incident.unwrap().id;
    incidents.mute(&id, at(500), "ada", at(51)).await.unwrap();
    incidents.find_good(&next, 60).await;
    let second = incidents.find_bad(&next, Medium, 200).await;
    assert_eq!(second.outcome, Outcome::Opened);
    assert_eq!(second.incident.unwrap().change, 0);
    assert_eq!(incidents.find_bad(&next, Medium, 510).await.outcome, Outcome::Opened);
    assert_eq!(incidents.now(&next).await.change, 1);
    assert_eq!(kinds(&incidents), [Opened, Muted, Escalated, Opened, Muted, Opened]);
}

#[tokio::test]
async fn what_was_due_while_muted_is_told_in_place_of_the_unmuting() {
    let (incidents, key) = (incidents(), key("shop.orders"));
    let id = incidents.find_bad(&key, Medium, 10).await.incident.unwrap().id;
    incidents.mute(&id, at(100), "ada", at(11)).await.unwrap();
    incidents.find_bad(&key, High, 20).await;
    incidents.unmute(&id, "ada", at(21)).await.unwrap();
    incidents.mute(&id, at(100), "ada", at(22)).await.unwrap();
    incidents.unmute(&id, "ada", at(23)).await.unwrap();
    incidents.unmute(&id, "ada", at(24)).await.unwrap();
    assert_eq!(kinds(&incidents), [Opened, Muted, Escalated, Muted, Unmuted]);
    let by = incidents.now(&key).await.last_change.unwrap().by;
    assert_eq!(by.as_deref(), Some("ada"));
}

#[tokio::test]
async fn what_flaps_is_told_once_and_when_it_lasts() {
    let (incidents, key) = (incidents(), key("shop.orders"));
    incidents.find_bad(&key, Medium, 0).await;
    for minutes in [10, 30, 50, 70] {
        incidents.find_good(&key, minutes).await;
        incidents.find_bad(&key, Medium, minutes + 10).await;
    }
    let flapping = incidents.now(&key).await;
    assert_eq!((flapping.occurrence, flapping.reopenings, flapping.state), (1, 4, State::Open));
    assert_eq!(kinds(&incidents), [Opened, Resolved, Reopened, Resolved]);
    incidents.find_bad(&key, Medium, 130).await;
    assert_eq!(kinds(&incidents).len(), 4);
    assert_eq!(incidents.find_bad(&key, Medium, 140).await.outcome, Outcome::Reopened);
    incidents.find_good(&key, 150).await;
    incidents.find_bad(&key, High, 160).await;
    assert_eq!(kinds(&incidents)[4..], [Reopened, Resolved, Reopened]);
}

#[tokio::test]
async fn occurrences_are_counted_for_thirty_days() {
    let (incidents, key) = (incidents(), key("shop.orders"));
    let day = 24 * 60;
    for days in [0, 20, 40] {
        incidents.find_bad(&key, Medium, days * day).await;
        incidents.find_good(&key, days * day + 30).await;
    }
    let last = incidents.find_bad(&key, Medium, 41 * day).await.incident.unwrap();
    assert_eq!((last.occurrence, last.recurrence.count), (4, 2));
    assert_eq!(last.recurrence.last, Some(key.id(3)));
    assert_eq!(last.id, key.id(4));
}

#[tokio::test]
async fn a_full_judgement_resolves_what_it_does_not_name() {
    let incidents = incidents();
    let keys = ["a", "b", "c"].map(|cause| IncidentKey::new("d", Monitor::Schema, cause));
    let other = IncidentKey::new("d", Monitor::Volume, "c");
    for key in keys.iter().chain([&other]) {
        incidents.find_bad(key, Medium, 10).await;
    }
    incidents.find_bad(&keys[2], Medium, 30).await;
    let resolved = incidents
        .clear_all("d", Monitor::Schema, &["a".to_owned()], at(20), at(21), "no longer so")
        .await
        .unwrap();
    assert_eq!(resolved.len(), 1);
    assert_eq!(resolved[0].key, keys[1]);
    // It was judged good at 20: what was found for 15 comes too late, whatever its cause.
    let late = IncidentKey::new("d", Monitor::Schema, "z");
    assert_eq!(incidents.find_bad(&late, Medium, 15).await.outcome, Outcome::Ignored);
    assert_eq!(incidents.open_of("d").await.unwrap().len(), 3);
    assert_eq!(incidents.find_open("d", "c").await.unwrap().len(), 2);
    assert_eq!(incidents.of_dataset("d", at(21), at(99)).await.unwrap().len(), 3);
    assert_eq!(incidents.closed_between(at(0), at(21)).await.unwrap().len(), 1);
    assert_eq!(incidents.closed_between(at(21), at(99)).await.unwrap().len(), 0);
}

#[test]
fn sort_keys_of_causes_do_not_meet_and_fit() {
    let part = |cause: &str| IncidentKey::new("d", Monitor::Schema, cause).part(1);
    assert_eq!(part("column_dropped:price"), "schema#column_dropped:price#000001");
    assert_eq!(part("a#000001"), "schema#a%23000001#000001");
    assert_ne!(part("a#b"), part("a%23b"));
    let long = "ü".repeat(900);
    assert!(part(&long).len() < 1024);
    assert_ne!(part(&long), part(&format!("{long}x")));
}
