//! What people ask and say.

use shared::incident::State;
use shared::observation::graph;

use super::scene::{DEAD, MemoryWatcher, moment, watcher};
use crate::downtime::reckon;
use crate::order::{DowntimeOrder, IncidentsOrder, MuteOrder, PersonOrder, Wanted};
use crate::people::{Listing, Said, acknowledge, close, list, mute, unmute};

const NOW: &str = "2026-11-21T12:00:00Z";

/// `shop.orders` was late from 7 to 9 in the morning of the 20th, and a dead letter lies there since 10.
async fn a_bad_day() -> MemoryWatcher {
    let watcher = watcher(graph::context_of);
    watcher.due("shop.orders", "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    watcher.tick("2026-11-20T07:30:00Z").await;
    watcher.due("shop.orders", "2026-11-20T09:00:00Z", "2026-11-25T07:00:00Z").await;
    watcher.tick("2026-11-20T09:00:00Z").await;
    watcher.depth.set(DEAD, 1);
    watcher.tick("2026-11-20T10:00:00Z").await;
    watcher
}

async fn listed(watcher: &MemoryWatcher, order: IncidentsOrder) -> Vec<String> {
    let Listing { incidents, more } = list(&watcher.incidents, &order, moment(NOW)).await.unwrap();
    assert_eq!(more, 0);
    incidents.into_iter().map(|shown| shown.key.cause).collect()
}

#[tokio::test]
async fn incidents_are_listed_by_state_dataset_and_day() {
    let watcher = a_bad_day().await;
    assert_eq!(listed(&watcher, IncidentsOrder::default()).await, ["dead_letters"]);
    let all = IncidentsOrder { state: Wanted::All, ..IncidentsOrder::default() };
    assert_eq!(listed(&watcher, all.clone()).await, ["dead_letters", "late"]);
    let orders = IncidentsOrder { dataset: Some("shop.orders".to_owned()), ..all.clone() };
    assert_eq!(listed(&watcher, orders.clone()).await, ["late"]);
    let open = IncidentsOrder { state: Wanted::Open, ..orders };
    assert!(listed(&watcher, open).await.is_empty());
    let day = |text: &str| Some(text.parse().unwrap());
    let before = IncidentsOrder { to: day("2026-11-19"), ..all.clone() };
    assert!(listed(&watcher, before).await.is_empty());
    let after = IncidentsOrder { from: day("2026-11-21"), ..all };
    assert_eq!(listed(&watcher, after).await, ["dead_letters"]);
}

#[tokio::test]
async fn people_take_incidents_on_and_mute_them() {
    let watcher = a_bad_day().await;
    let order = IncidentsOrder::default();
    let listing = list(&watcher.incidents, &order, moment(NOW)).await.unwrap();
    let id = listing.incidents[0].id.clone();
    let person = PersonOrder { id: id.clone(), by: "data-engineering".to_owned() };
    let said = acknowledge(&watcher.incidents, &person, moment(NOW)).await.unwrap();
    let Said::Incident(shown) = said else { panic!("{said:?}") };
    assert_eq!(
        (shown.state, shown.acknowledged_by.as_deref()),
        (State::Acknowledged, Some("data-engineering"))
    );
    let hours = MuteOrder { id, until: None, hours: Some(8), by: "me".to_owned() };
    let said = mute(&watcher.incidents, &hours, moment(NOW)).await.unwrap();
    let Said::Incident(shown) = said else { panic!("{said:?}") };
    assert_eq!(shown.muted_until, Some(moment("2026-11-21T20:00:00Z")));
    let said = unmute(&watcher.incidents, &person, moment(NOW)).await.unwrap();
    let Said::Incident(shown) = said else { panic!("{said:?}") };
    assert_eq!(shown.muted_until, None);
    let said = close(&watcher.incidents, &person, moment(NOW)).await.unwrap();
    let Said::Incident(shown) = said else { panic!("{said:?}") };
    assert_eq!(
        (shown.state, shown.resolution.as_deref()),
        (State::Resolved, Some("closed by data-engineering"))
    );
    // What cannot be is refused, and is no failure.
    let unknown = PersonOrder { id: "1".to_owned(), ..person.clone() };
    let refused = [
        close(&watcher.incidents, &person, moment(NOW)).await.unwrap(),
        close(&watcher.incidents, &unknown, moment(NOW)).await.unwrap(),
        acknowledge(&watcher.incidents, &unknown, moment(NOW)).await.unwrap(),
        mute(&watcher.incidents, &MuteOrder { hours: None, ..hours.clone() }, moment(NOW))
            .await
            .unwrap(),
        mute(&watcher.incidents, &MuteOrder { hours: Some(0), ..hours }, moment(NOW))
            .await
            .unwrap(),
    ];
    for said in refused {
        assert!(matches!(said, Said::Refused(_)), "{said:?}");
    }
}

#[tokio::test]
async fn downtime_is_told_by_dataset_domain_and_day() {
    let watcher = a_bad_day().await;
    let order = DowntimeOrder { from: Some("2026-11-20".parse().unwrap()), to: None };
    let answer = reckon(&watcher.incidents, &order, moment(NOW)).await.unwrap();
    assert_eq!(answer.to, moment(NOW), "the rest of the day is still to come");
    let orders = &answer.datasets["shop.orders"];
    assert_eq!((orders.domain.as_str(), orders.whole.incidents), ("shop", 1));
    assert!((orders.whole.downtime_seconds - 2.0 * 3600.0).abs() < 1.0, "{orders:?}");
    assert_eq!(orders.whole.mean_seconds_to_detect, Some(1_800.0));
    assert_eq!(orders.whole.mean_seconds_to_resolve, Some(5_400.0));
    assert!((orders.whole.attainment - 34.0 / 36.0).abs() < 1e-6, "of a day and a half");
    assert_eq!(orders.days.len(), 1);
    assert_eq!(answer.days.len(), 2);
    assert_eq!(answer.days.values().map(|day| day.incidents).collect::<Vec<_>>(), [1, 0]);
    let customers = &answer.datasets["shop.customers"];
    assert!((customers.whole.attainment - 1.0).abs() < f64::EPSILON);
    assert!((answer.domains["shop"].attainment - 70.0 / 72.0).abs() < 1e-6);
    assert_eq!(answer.total.unwrap().incidents, 1, "dead letters make no data bad");
}
