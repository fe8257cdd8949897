//! Performance is computed again where something has changed, and the lake hears of nothing else.

#![allow(clippy::unwrap_used)]

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use flate2::read::GzDecoder;
use report::lake::{Lake, LakeError, check, lines, source};
use report::performance::Terms;
use report::period::Period;
use report::rates::Rates;
use report::refresh::{RefreshError, Refreshed, Refresher};
use report::state;
use rust_decimal::Decimal;
use shared::attribution::advertising::{CampaignDay, Pull};
use shared::attribution::key::{self, moment};
use shared::attribution::order::{AttributedOrder, Credit};
use shared::attribution::performance::{Changed, PerformanceRow};
use shared::aws::BucketError;
use shared::govern::Pseudonymizer;
use shared::lake::Folder;
use shared::state::{Item, ItemKey, MemoryStore, Store as _};
use shared::transform::{Ended, Origin, Stretch, StretchSettings, plan};

/// A lake that keeps what it is given, or takes nothing.
#[derive(Default)]
struct Given {
    batches: Mutex<Vec<Vec<PerformanceRow>>>,
    is_closed: bool,
}

impl Lake for Given {
    async fn append(&self, rows: &[PerformanceRow], as_of: DateTime<Utc>) -> Result<(), LakeError> {
        assert!(rows.iter().all(|row| row.as_of == as_of));
        if self.is_closed {
            let (bucket, key, reason) = ("landing".into(), "key".into(), "closed".into());
            return Err(BucketError { operation: "PutObject", bucket, key, reason }.into());
        }
        self.batches.lock().unwrap().push(rows.to_vec());
        Ok(())
    }
}

impl Given {
    /// The rows of the latest batch.
    fn last(&self) -> Vec<PerformanceRow> {
        self.batches.lock().unwrap().last().cloned().unwrap_or_default()
    }

    fn count(&self) -> usize {
        self.batches.lock().unwrap().len()
    }
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn terms() -> Terms {
    Terms {
        time_zone: chrono_tz::Europe::Berlin,
        rates: Rates::none(None),
        model: "last".to_owned(),
        window_days: 30,
    }
}

async fn refresh(store: &MemoryStore, lake: &Given) -> Result<Refreshed, RefreshError> {
    refresh_also(store, lake, None).await
}

async fn refresh_also(
    store: &MemoryStore,
    lake: &Given,
    also: Option<Period>,
) -> Result<Refreshed, RefreshError> {
    let terms = terms();
    let deadline = Utc::now() + TimeDelta::minutes(1);
    Refresher { store, lake, terms: &terms, deadline }.refresh(also).await
}

async fn put<T: serde::Serialize>(store: &MemoryStore, key: ItemKey, content: &T) {
    store.put_all(vec![Item::of(key, content).unwrap()]).await.unwrap();
}

async fn mark(store: &MemoryStore, day: &str, age: TimeDelta) {
    let mark = Changed { date: date(day), marked_at: moment(Utc::now() - age) };
    put(store, ItemKey::new(key::CHANGED, day), &mark).await;
}

fn order(at: &str, cents: i64) -> AttributedOrder {
    let revenue = Decimal::new(cents, 2);
    AttributedOrder {
        order_id: format!("order-{at}"),
        ordered_at: at.parse().unwrap(),
        currency: "EUR".to_owned(),
        revenue,
        model: "last".to_owned(),
        window_days: 30,
        credits: vec![Credit { touch: None, click: None, orders: Decimal::ONE, revenue }],
    }
}

fn key_of(order: &AttributedOrder) -> ItemKey {
    let day = key::day_subject(order.ordered_at.date_naive());
    ItemKey::new(day, key::order_part(&order.order_id))
}

/// A report of a day: its header, and one campaign.
async fn pull(store: &MemoryStore, day: &str, token: &str, cents: i64) {
    let subject = key::advertising_subject(date(day));
    let pull = Pull {
        newest: token.to_owned(),
        token: token.to_owned(),
        customer_id: "1".to_owned(),
        pulled_at: Utc::now(),
    };
    put(store, ItemKey::new(&subject, "pull#1"), &pull).await;
    let line = CampaignDay {
        customer_id: "1".to_owned(),
        campaign_id: Some("11".to_owned()),
        name: Some("Brand".to_owned()),
        channel_type: Some("SEARCH".to_owned()),
        currency: "EUR".to_owned(),
        cost: Decimal::new(cents, 2),
        impressions: 10,
        clicks: 1,
        ..CampaignDay::default()
    };
    put(store, ItemKey::new(&subject, format!("campaign#1#{token}#11")), &line).await;
}

async fn marks(store: &MemoryStore) -> usize {
    state::marks(store).await.unwrap().len()
}

const NEW: TimeDelta = TimeDelta::minutes(1);
const OLD: TimeDelta = TimeDelta::minutes(16);

#[tokio::test]
async fn what_has_not_changed_is_not_written_again() {
    let (store, lake) = (MemoryStore::default(), Given::default());
    assert_eq!(refresh(&store, &lake).await.unwrap(), Refreshed::default());
    // Half past eleven in the evening of the 22nd is the 23rd in Berlin.
    let late = order("2026-11-22T23:30:00Z", 1_000);
    put(&store, key_of(&late), &late).await;
    pull(&store, "2026-11-22", "a", 300).await;
    mark(&store, "2026-11-22", NEW).await;
    let first = refresh(&store, &lake).await.unwrap();
    assert_eq!(first, Refreshed { dates: 3, changed_rows: 2, dates_left: 0 });
    let dates: Vec<_> = lake.last().iter().map(|row| (row.date, row.source.clone())).collect();
    let expected = [("2026-11-23", "unattributed"), ("2026-11-22", "google_ads")];
    assert_eq!(dates, expected.map(|(day, source)| (date(day), source.to_owned())));
    let again = refresh(&store, &lake).await.unwrap();
    assert_eq!((again.dates, again.changed_rows, lake.count()), (3, 0, 1));
    let period = Period { from: date("2026-11-01"), to: date("2026-11-30") };
    assert_eq!(state::performance(&store, period).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_later_report_lowers_the_cost_and_an_empty_one_takes_the_row_back() {
    let (store, lake) = (MemoryStore::default(), Given::default());
    pull(&store, "2026-11-22", "a", 300).await;
    mark(&store, "2026-11-22", NEW).await;
    refresh(&store, &lake).await.unwrap();
    let before = lake.last()[0].as_of;
    pull(&store, "2026-11-22", "b", 250).await;
    assert_eq!(refresh(&store, &lake).await.unwrap().changed_rows, 1);
    let lowered = &lake.last()[0];
    assert_eq!(lowered.cost, Decimal::new(250, 2));
    assert!(lowered.as_of > before);
    // The report that holds now has no campaigns.
    let pull = Pull {
        newest: "c".to_owned(),
        token: "c".to_owned(),
        customer_id: "1".to_owned(),
        pulled_at: Utc::now(),
    };
    put(&store, ItemKey::new(key::advertising_subject(date("2026-11-22")), "pull#1"), &pull).await;
    assert_eq!(refresh(&store, &lake).await.unwrap().changed_rows, 1);
    let gone = &lake.last()[0];
    assert!(gone.is_nothing());
    assert_eq!(
        (gone.campaign_key.as_str(), gone.campaign.as_deref()),
        ("google_ads/1/11", Some("Brand"))
    );
    assert!(state::stored(&store, date("2026-11-22")).await.unwrap().is_empty());
    assert_eq!(refresh(&store, &lake).await.unwrap().changed_rows, 0);
}

#[tokio::test]
async fn a_refresh_that_broke_off_is_done_again() {
    let (store, lake) = (MemoryStore::default(), Given::default());
    let closed = Given { is_closed: true, ..Given::default() };
    pull(&store, "2026-11-22", "a", 300).await;
    mark(&store, "2026-11-22", OLD).await;
    assert!(matches!(refresh(&store, &closed).await, Err(RefreshError::Lake(_))));
    assert_eq!(marks(&store).await, 1, "the day is still marked");
    refresh(&store, &lake).await.unwrap();
    assert_eq!(lake.last().len(), 1, "what may not be in the lake is appended again");
    // The cost rises and falls back; a refresh that saw it risen broke off, and may have come to the lake.
    mark(&store, "2026-11-22", OLD).await;
    pull(&store, "2026-11-22", "b", 400).await;
    assert!(refresh(&store, &closed).await.is_err());
    pull(&store, "2026-11-22", "c", 300).await;
    assert_eq!(refresh(&store, &lake).await.unwrap().changed_rows, 1);
    assert_eq!(lake.last()[0].cost, Decimal::new(300, 2));
    assert_eq!(refresh(&store, &lake).await.unwrap().changed_rows, 0);
}

#[tokio::test]
async fn a_mark_stays_until_what_it_announced_must_be_there() {
    let (store, lake) = (MemoryStore::default(), Given::default());
    mark(&store, "2026-11-22", NEW).await;
    mark(&store, "2026-11-20", OLD).await;
    assert_eq!(refresh(&store, &lake).await.unwrap().dates, 5);
    assert_eq!(marks(&store).await, 1);
    // Marked anew meanwhile: the mark that was read is not the one that is there.
    assert_eq!(refresh(&store, &lake).await.unwrap().dates, 3);
}

#[tokio::test]
async fn days_that_are_asked_for_are_computed_unmarked() {
    let (store, lake) = (MemoryStore::default(), Given::default());
    pull(&store, "2026-11-22", "a", 300).await;
    assert_eq!(refresh(&store, &lake).await.unwrap().changed_rows, 0);
    let period = Period { from: date("2026-11-21"), to: date("2026-11-22") };
    let refreshed = refresh_also(&store, &lake, Some(period)).await.unwrap();
    assert_eq!((refreshed.dates, refreshed.changed_rows), (4, 1));
}

#[tokio::test]
async fn many_days_go_one_lot_after_the_other() {
    let (store, lake) = (MemoryStore::default(), Given::default());
    for day in date("2025-06-01").iter_days().take(120) {
        pull(&store, &day.to_string(), "a", 300).await;
        mark(&store, &day.to_string(), OLD).await;
    }
    let refreshed = refresh(&store, &lake).await.unwrap();
    assert_eq!(refreshed, Refreshed { dates: 122, changed_rows: 120, dates_left: 0 });
    assert_eq!((lake.count(), marks(&store).await), (3, 0));
}

#[tokio::test]
async fn two_at_once_do_no_harm() {
    let (store, lake) = (MemoryStore::default(), Given::default());
    pull(&store, "2026-11-22", "a", 300).await;
    mark(&store, "2026-11-22", NEW).await;
    let (one, other) = tokio::join!(refresh(&store, &lake), refresh(&store, &lake));
    assert_eq!(one.unwrap().changed_rows + other.unwrap().changed_rows, 1);
}

#[tokio::test]
async fn out_of_time_a_refresh_gives_way() {
    let (store, lake) = (MemoryStore::default(), Given::default());
    for day in date("2025-06-01").iter_days().take(120) {
        mark(&store, &day.to_string(), OLD).await;
    }
    let terms = terms();
    let refresher = Refresher {
        store: &store,
        lake: &lake,
        terms: &terms,
        deadline: Utc::now() + TimeDelta::seconds(5),
    };
    let refreshed = refresher.refresh(None).await.unwrap();
    assert_eq!((refreshed.dates, refreshed.dates_left), (1, 121), "a day is done in any case");
    assert_eq!(marks(&store).await, 120, "a mark stays while a neighbour of its day is left");
}

#[test]
fn rows_that_their_contract_refuses_do_not_land() {
    let row = example_row("Brand", Decimal::ONE);
    check(&lines(std::slice::from_ref(&row)).unwrap()).unwrap();
    let refused = PerformanceRow { date: date("1970-01-01"), ..row.clone() };
    let error = check(&lines(&[row, refused]).unwrap()).unwrap_err();
    assert!(matches!(error, LakeError::Refused(_)), "{error}");
}

#[tokio::test]
async fn days_that_no_row_can_be_of_are_passed_over() {
    let (store, lake) = (MemoryStore::default(), Given::default());
    pull(&store, "1970-01-01", "a", 300).await;
    mark(&store, "1970-01-01", OLD).await;
    assert_eq!(refresh(&store, &lake).await.unwrap(), Refreshed::default());
    assert_eq!((lake.count(), marks(&store).await), (0, 0), "and are marked no longer");
}

#[test]
fn the_rows_pass_their_contract() {
    let rows = vec![
        example_row("Brand", Decimal::new(-1_234_567, 6)),
        example_row("<=\"\u{1f600}", Decimal::ZERO),
    ];
    let folder = tempfile::tempdir().unwrap();
    let source = source();
    let mut stretch = Stretch::new(StretchSettings {
        plan: Arc::new(plan(source.router.paths(), &source.contracts)),
        format: source.format,
        router: source.router,
        contracts: source.contracts,
        lake: Arc::new(Folder::new(folder.path().join("lake"))),
        quarantine: Arc::new(Folder::new(folder.path().join("quarantine"))),
        database_prefix: String::new(),
        input_token: "input".to_owned(),
        attempt: "attempt".to_owned(),
        quarantine_key: "rows.ndjson.gz".to_owned(),
        chosen: None,
        counts_statistics: true,
        origin: Origin {
            bucket: "landing".to_owned(),
            key: "attribution/campaign_performance/object.ndjson.gz".to_owned(),
            version_id: None,
            arrived_at: DateTime::UNIX_EPOCH,
        },
    });
    let body = lines(&rows).unwrap();
    let mut text = String::new();
    GzDecoder::new(body.as_slice()).read_to_string(&mut text).unwrap();
    assert!(text.contains(r#""cost":"-1.234567""#), "amounts are text: {text}");
    let ended = stretch.read(body.as_slice(), &mut Pseudonymizer::new(b"")).unwrap();
    assert!(matches!(ended, Ended::Whole));
    let outcome = stretch.finish().unwrap();
    let dataset = &outcome.datasets[0];
    assert_eq!(dataset.contract.dataset(), "marketing.campaign_performance");
    assert_eq!((outcome.records.routed, dataset.rows.committed), (2, 2), "{:?}", dataset.reasons);
    assert!(dataset.unknown_members.is_empty());
    let of = |name: &str| dataset.columns.iter().find(|column| column.name == name).unwrap();
    assert_eq!(of("cost").minimum.as_deref(), Some("-1.234567"));
    assert_eq!(of("date").maximum.as_deref(), Some("2026-11-22"));
    assert_eq!(of("as_of").maximum.as_deref(), Some("2026-11-23T06:00:00.000001+00:00"));
    for (name, nulls) in [("campaign", 0), ("roas", 2), ("customer_id", 2), ("window_days", 0)] {
        assert_eq!(of(name).null_count, nulls, "{name}");
    }
}

fn example_row(name: &str, cost: Decimal) -> PerformanceRow {
    PerformanceRow {
        date: date("2026-11-22"),
        currency: "EUR".to_owned(),
        campaign_key: format!("utm/(none)/{name}"),
        source: "utm".to_owned(),
        customer_id: None,
        campaign_id: None,
        campaign: Some(name.to_owned()),
        channel: "Paid Other".to_owned(),
        cost,
        impressions: 0,
        clicks: 0,
        conversions: Decimal::ZERO,
        conversions_value: Decimal::ZERO,
        orders: Decimal::new(333_334, 6),
        revenue: Decimal::new(1, 6),
        roas: None,
        model: "linear".to_owned(),
        window_days: 30,
        as_of: "2026-11-23T06:00:00.000001Z".parse().unwrap(),
    }
}
