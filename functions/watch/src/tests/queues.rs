//! What gave up, and what waits.

use shared::incident::{Monitor, Severity};
use shared::observation::graph;

use super::scene::{DEAD, WORK, moment, watcher};
use crate::order::WatchOrder;

#[tokio::test]
async fn a_dead_letter_is_an_incident_until_the_queue_is_empty() {
    let watcher = watcher(graph::context_of);
    watcher.depth.set(DEAD, 2);
    let watched = watcher.tick("2026-11-20T10:00:00Z").await;
    assert_eq!((watched.dead_letters, watched.waiting_queues), (2, 0));
    let all = watcher.all();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].key.to_string(), "tributary-segment-dead-letters/delivery/dead_letters");
    assert_eq!((all[0].severity, all[0].evidence.actual), (Severity::High, Some(2.0)));
    watcher.depth.set(DEAD, 3);
    watcher.tick("2026-11-20T10:05:00Z").await;
    let all = watcher.all();
    assert_eq!((all.len(), all[0].change, all[0].evidence.actual), (1, 1, Some(3.0)));
    watcher.depth.set(DEAD, 0);
    watcher.tick("2026-11-20T10:10:00Z").await;
    let all = watcher.all();
    assert_eq!((all.len(), all[0].is_open(), all[0].change), (1, false, 2));
}

#[tokio::test]
async fn messages_that_do_not_get_fewer_are_told_after_an_hour_with_what_they_delay() {
    let watcher = watcher(graph::context_of);
    watcher.depth.set(WORK, 5);
    watcher.due("segment.tracks", "2026-11-20T09:00:00Z", "2026-11-20T11:30:00Z").await;
    for (at, waiting) in
        [("2026-11-20T10:00:00Z", 0), ("2026-11-20T10:55:00Z", 0), ("2026-11-20T11:00:00Z", 1)]
    {
        assert_eq!(watcher.tick(at).await.waiting_queues, waiting, "{at}");
    }
    let queue = &watcher.all()[0];
    assert_eq!(
        (queue.key.cause.as_str(), queue.since),
        ("messages_wait", moment("2026-11-20T10:00:00Z"))
    );
    // What it feeds becomes late: that is the same incident.
    assert_eq!(watcher.tick("2026-11-20T11:35:00Z").await.late, 1);
    let all = watcher.all();
    let late = all.iter().find(|incident| incident.key.monitor == Monitor::Freshness).unwrap();
    assert_eq!(
        (late.change, late.root.as_ref().map(|root| root.key.clone())),
        (0, Some(all[0].key.clone()))
    );
    // Messages are worked off.
    watcher.depth.set(WORK, 4);
    assert_eq!(watcher.tick("2026-11-20T11:40:00Z").await.waiting_queues, 0);
    assert!(!watcher.all()[0].is_open());
}

#[tokio::test]
async fn a_queue_that_does_not_answer_keeps_nothing_else_from_being_watched() {
    let watcher = watcher(graph::context_of);
    watcher.depth.messages.lock().unwrap().remove(WORK);
    watcher.depth.set(DEAD, 1);
    watcher.due("shop.orders", "2026-11-19T06:00:00Z", "2026-11-20T07:00:00Z").await;
    let error =
        watcher.watch(&WatchOrder::default(), moment("2026-11-20T10:00:00Z")).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("tributary-segment"), "{error}");
    let found: Vec<String> = watcher.all().into_iter().map(|incident| incident.key.cause).collect();
    assert_eq!(found, ["late", "dead_letters"]);
}
