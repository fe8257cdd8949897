//! Landed objects that no run has picked up.

use chrono::{TimeDelta, Utc};

use super::refusing::Refusing;
use super::scene::{moment, sweeper, sweeper_with};
use crate::order::{IncidentsOrder, SweepOrder};
use crate::{people, stretch};

const WEB: &str = "segment/segment-logs/web";

/// The folder of a day of November 2026.
fn key(day: u32, name: &str) -> String {
    let midnight = moment(&format!("2026-11-{day:02}T00:00:00Z"));
    format!("{WEB}/{}/{name}", midnight.timestamp_millis())
}

#[tokio::test]
async fn an_object_that_nobody_read_is_told_until_it_is_read() {
    let sweeper = sweeper();
    for (name, at) in [
        ("a.gz", "2026-11-20T09:00:00Z"),
        ("b.gz", "2026-11-20T09:30:00Z"),
        ("c.gz", "2026-11-20T09:50:00Z"),
    ] {
        sweeper.land(&key(20, name), at);
    }
    sweeper.land("segment/segment-logs/dummy-object.txt", "2026-11-20T09:00:00Z");
    sweeper.land("attribution/a.gz", "2026-11-20T09:00:00Z");
    sweeper.land("databases/snapshots/e/export_info_e.json", "2026-11-20T09:00:00Z");
    sweeper.read(&key(20, "a.gz"));
    let swept = sweeper.tick("2026-11-20T10:00:00Z").await;
    // The third has landed ten minutes ago.
    assert_eq!((swept.objects, swept.unread, swept.folders), (2, 1, 1));
    assert_eq!(sweeper.told(), [(WEB.to_owned(), true, 1.0)]);
    let (once, state) = (sweeper.incidents.store().incidents(), sweeper.store.items());
    sweeper.tick("2026-11-20T10:00:00Z").await;
    assert_eq!(sweeper.incidents.store().incidents(), once, "the same sweep twice");
    assert_eq!(sweeper.store.items().len(), state.len());
    // It is remembered when it is older than what a sweep looks at.
    sweeper.read(&key(20, "c.gz"));
    let swept = sweeper.tick("2026-11-20T16:00:00Z").await;
    assert_eq!((swept.unread, sweeper.told()[0].1), (1, true));
    sweeper.read(&key(20, "b.gz"));
    let swept = sweeper.tick("2026-11-20T17:00:00Z").await;
    assert_eq!((swept.unread, sweeper.told()[0].1), (0, false));
    assert_eq!(sweeper.incidents.store().incidents()[0].change, 3, "opened, graver, resolved");
}

#[tokio::test]
async fn corrected_bytes_are_unread_although_others_were_read_under_their_key() {
    let sweeper = sweeper();
    sweeper.land(&key(20, "a.gz"), "2026-11-20T09:00:00Z");
    sweeper.read(&key(20, "a.gz"));
    assert_eq!(sweeper.tick("2026-11-20T10:00:00Z").await.unread, 0);
    // It is dropped again with other bytes, and the news of that is lost.
    sweeper.land(&key(20, "a.gz"), "2026-11-20T10:30:00Z");
    assert_eq!(sweeper.tick("2026-11-20T11:00:00Z").await.unread, 1);
    assert_eq!(sweeper.told(), [(WEB.to_owned(), true, 1.0)]);
    assert_eq!(sweeper.tick("2026-11-20T16:00:00Z").await.unread, 1, "it is remembered");
    sweeper.read(&key(20, "a.gz"));
    assert_eq!(sweeper.tick("2026-11-20T17:00:00Z").await.unread, 0);
    assert!(!sweeper.told()[0].1);
}

#[tokio::test]
async fn keys_are_named_to_who_asks_and_stand_in_no_incident() {
    let sweeper = sweeper();
    let key = key(20, "erika.mustermann.gz");
    sweeper.land(&key, "2026-11-20T09:00:00Z");
    sweeper.tick("2026-11-20T10:00:00Z").await;
    let told = format!("{:?}", sweeper.incidents.store().incidents());
    assert!(told.contains(WEB) && !told.contains("erika"), "{told}");
    let order = IncidentsOrder::default();
    let now = moment("2026-11-20T10:00:00Z");
    let mut listing = people::list(&sweeper.incidents, &order, now).await.unwrap();
    assert!(listing.incidents[0].objects.is_empty());
    people::name_objects(&sweeper.store, &mut listing).await.unwrap();
    assert_eq!(listing.incidents[0].objects, [key]);
}

#[tokio::test]
async fn a_folder_that_fails_holds_up_no_other_and_nothing_new_in_it_is_forgotten() {
    let sweeper = sweeper_with(Refusing::default());
    sweeper.land("google-ads/reports/1/a.csv", "2026-11-20T09:00:00Z");
    sweeper.land(&key(20, "a.gz"), "2026-11-20T09:30:00Z");
    sweeper.store.refuse("unread#s3://landing/google-ads/reports/1");
    let order = SweepOrder::default();
    let error = sweeper.try_order(&order, "2026-11-20T10:00:00Z").await.unwrap_err();
    assert!(error.to_string().contains("google-ads/reports/1"), "{error}");
    let known = stretch::recall(&sweeper.store).await.unwrap();
    // The next looks from just before what could not be remembered.
    assert_eq!(known.until, Some(moment("2026-11-20T08:59:59Z")));
    assert!(sweeper.told().contains(&(WEB.to_owned(), true, 1.0)));
    sweeper.store.refuse("");
    assert_eq!(sweeper.tick("2026-11-21T10:00:00Z").await.unread, 2);
    sweeper.read("google-ads/reports/1/a.csv");
    assert_eq!(sweeper.tick("2026-11-21T11:00:00Z").await.unread, 1);
}

#[tokio::test]
async fn an_object_that_is_gone_is_not_missed() {
    let sweeper = sweeper();
    sweeper.land(&key(20, "a.gz"), "2026-11-20T09:00:00Z");
    // Its key begins another's.
    sweeper.land(&key(20, "a.gz.copy"), "2026-11-20T01:00:00Z");
    sweeper.tick("2026-11-20T10:00:00Z").await;
    assert_eq!(sweeper.told(), [(WEB.to_owned(), true, 1.0)]);
    sweeper.delete(&key(20, "a.gz"));
    assert_eq!(sweeper.tick("2026-11-20T11:00:00Z").await.unread, 0);
    assert!(!sweeper.told()[0].1);
}

#[tokio::test]
async fn folders_of_days_long_past_cost_nothing() {
    let sweeper = sweeper();
    for day in 1..=20 {
        for number in 0..30 {
            let name = format!("{number:02}.gz");
            sweeper.land(&key(day, &name), &format!("2026-11-{day:02}T06:00:00Z"));
            sweeper.read(&key(day, &name));
        }
    }
    sweeper.land("databases/changes/shop/2026-11-20/a.gz", "2026-11-20T06:00:00Z");
    let swept = sweeper.tick("2026-11-20T07:00:00Z").await;
    assert_eq!((swept.objects, swept.unread), (31, 1));
    // Of 600 objects those of four days are listed, three a page.
    let pages = *sweeper.landed.pages.lock().unwrap();
    assert!((40..=45).contains(&pages), "{pages} pages");
}

#[tokio::test]
async fn what_was_cut_off_goes_on() {
    let sweeper = sweeper();
    for number in 0..10 {
        sweeper.land(&key(20, &format!("{number}.gz")), "2026-11-20T09:00:00Z");
    }
    let now = moment("2026-11-20T10:00:00Z");
    let late = Utc::now() - TimeDelta::seconds(1);
    let swept = sweeper.sweep(&SweepOrder::default(), now, late).await.unwrap();
    assert_eq!((swept.has_more, swept.unread), (true, 0));
    let known = stretch::recall(&sweeper.store).await.unwrap();
    assert!(known.under_way.is_some() && known.until.is_none());
    // A day later it goes on with the stretch that it had begun.
    let swept = sweeper.tick("2026-11-21T10:00:00Z").await;
    assert_eq!((swept.has_more, swept.unread), (false, 10));
    let known = stretch::recall(&sweeper.store).await.unwrap();
    assert_eq!(known.until, Some(moment("2026-11-20T09:45:00Z")));
}

#[tokio::test]
async fn an_order_looks_at_a_part_alone_and_by_another_clock() {
    let sweeper = sweeper();
    sweeper.land("google-ads/reports/1/a.csv", "2026-11-20T09:59:00Z");
    sweeper.land("databases/changes/shop/2026-11-20/a.gz", "2026-11-20T09:59:00Z");
    let order = SweepOrder {
        as_of: Some(moment("2026-11-20T11:00:00Z")),
        prefix: Some("google-ads/reports/".to_owned()),
    };
    let swept = sweeper.order(&order, "2026-11-20T10:00:00Z").await;
    assert_eq!((swept.objects, swept.unread), (1, 1));
    assert_eq!(sweeper.told(), [("google-ads/reports/1".to_owned(), true, 1.0)]);
    assert_eq!(stretch::recall(&sweeper.store).await.unwrap(), stretch::Swept::default());
    // Of a folder another object was found before: both are remembered.
    sweeper.land("google-ads/reports/1/b.csv", "2026-11-20T09:59:30Z");
    let order = SweepOrder { prefix: Some("google-ads/reports/1/b".to_owned()), ..order };
    sweeper.order(&order, "2026-11-20T10:00:00Z").await;
    assert_eq!(sweeper.tick("2026-11-20T10:16:00Z").await.unread, 3);
    let order = SweepOrder { prefix: Some("elsewhere/".to_owned()), ..SweepOrder::default() };
    assert_eq!(sweeper.order(&order, "2026-11-20T10:16:00Z").await.objects, 0);
}
