//! What somebody ends.

use super::*;
use crate::incident::{IncidentError, Outcome};
use ChangeKind::{Opened, Reopened, Resolved};
use Severity::{High, Medium};

#[tokio::test]
async fn what_somebody_closes_is_resolved_in_their_name_and_opens_again_if_it_is_still_found() {
    let (incidents, key) = (incidents(), key("shop.orders"));
    let id = incidents.find_bad(&key, Medium, 10).await.incident.unwrap().id;
    let closed = incidents.close(&id, "ada\n", at(20)).await.unwrap();
    assert_eq!(closed.resolution.as_deref(), Some("closed by ada"));
    assert_eq!((closed.resolved_at, closed.closed_at), (Some(at(20)), Some(at(20))));
    assert!(!closed.is_open() && closed.expires_at.is_some());
    // What was found before comes late.
    assert_eq!(incidents.find_bad(&key, High, 15).await.outcome, Outcome::Ignored);
    let again = incidents.close(&id, "ada", at(21)).await;
    assert!(matches!(again, Err(IncidentError::Resolved { .. })), "{again:?}");
    let unknown = incidents.close("none", "ada", at(21)).await;
    assert!(matches!(unknown, Err(IncidentError::NotFound { .. })), "{unknown:?}");
    assert_eq!(incidents.find_bad(&key, Medium, 30).await.outcome, Outcome::Reopened);
    let told: Vec<ChangeKind> = incidents.told().into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(told, [Opened, Resolved, Reopened]);
}

#[tokio::test]
async fn what_was_judged_by_a_clock_that_is_ahead_can_be_closed() {
    let (incidents, key) = (incidents(), key("shop.orders"));
    let id = incidents.find_bad(&key, Medium, 500).await.incident.unwrap().id;
    assert!(!incidents.close(&id, "ada", at(20)).await.unwrap().is_open());
    assert!(!incidents.now(&key).await.is_open());
}

#[tokio::test]
async fn what_is_grouped_is_closed_under_its_root() {
    let (incidents, root, member) = (incidents(), key("shop.orders"), key("marts.sales"));
    incidents.find_bad_among(&root, High, 10, &context(&[], &["marts.sales"])).await;
    let upstream = context(&["shop.orders"], &[]);
    let grouped = incidents.find_bad_among(&member, Medium, 20, &upstream).await;
    assert_eq!(grouped.outcome, Outcome::Grouped);
    incidents.close(&grouped.incident.unwrap().id, "ada", at(30)).await.unwrap();
    let root = incidents.now(&root).await;
    assert!(root.is_open() && root.affected[0].resolved);
}
