//! An order is on one day at any time, though the day that it is on may be known later: by the time zone of
//! an account, or by whose campaign it is.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use report::lake::{Lake, LakeError};
use report::performance::Terms;
use report::period::Period;
use report::rates::Rates;
use report::refresh::Refresher;
use report::state;
use rust_decimal::Decimal;
use shared::attribution::advertising::{Account, Campaign};
use shared::attribution::facts::{Click, Touch};
use shared::attribution::key::{self, ACCOUNTS, CAMPAIGNS, CHANGED, moment};
use shared::attribution::order::{AttributedOrder, Credit};
use shared::attribution::performance::{Changed, PerformanceRow};
use shared::state::{Item, ItemKey, MemoryStore, Store as _};

const LOS_ANGELES: &str = "America/Los_Angeles";

/// A lake that takes everything.
struct Deep;

impl Lake for Deep {
    async fn append(&self, _: &[PerformanceRow], _: DateTime<Utc>) -> Result<(), LakeError> {
        Ok(())
    }
}

/// A state of attribution, as `attribute` writes it.
#[derive(Default)]
struct State(MemoryStore);

impl State {
    async fn put<T: serde::Serialize>(&self, key: ItemKey, content: &T) {
        self.0.put_all(vec![Item::of(key, content).unwrap()]).await.unwrap();
    }

    /// Marks a day, so long ago that the mark goes with the next refresh.
    async fn mark(&self, date: NaiveDate) {
        let changed = Changed { date, marked_at: moment(Utc::now() - TimeDelta::hours(1)) };
        self.put(ItemKey::new(CHANGED, date.to_string()), &changed).await;
    }

    async fn order(&self, order: &AttributedOrder) {
        let day = order.ordered_at.date_naive();
        self.mark(day).await;
        let key = ItemKey::new(key::day_subject(day), key::order_part(&order.order_id));
        self.put(key, order).await;
    }

    /// A report of a day, which tells of its account.
    async fn account(&self, customer: &str, zone: &str, day: NaiveDate) {
        let account = Account {
            newest: String::new(),
            customer_id: customer.to_owned(),
            currency: None,
            time_zone: Some(zone.to_owned()),
        };
        self.put(ItemKey::new(ACCOUNTS, customer), &account).await;
        self.mark(day).await;
    }

    /// A report of a day, which tells of a campaign.
    async fn campaign(&self, customer: &str, day: NaiveDate) {
        let campaign = Campaign {
            newest: String::new(),
            customer_id: customer.to_owned(),
            campaign_id: format!("{customer}1"),
            name: Some("Brand".to_owned()),
            channel_type: None,
        };
        self.put(ItemKey::new(CAMPAIGNS, format!("{customer}#{customer}1")), &campaign).await;
        self.mark(day).await;
    }

    /// Takes in what has changed, and holds that every order is reported once.
    async fn refresh(&self, orders: &[AttributedOrder]) {
        let terms = Terms {
            time_zone: chrono_tz::Europe::Berlin,
            rates: Rates::none(None),
            model: "last".to_owned(),
            window_days: 30,
        };
        let deadline = Utc::now() + TimeDelta::minutes(5);
        let refresher = Refresher { store: &self.0, lake: &Deep, terms: &terms, deadline };
        assert_eq!(refresher.refresh(None).await.unwrap().dates_left, 0);
        assert!(state::marks(&self.0).await.unwrap().is_empty(), "nothing is left to be done");
        let rows = self.rows().await;
        let revenue: Decimal = rows.iter().map(|row| row.revenue).sum();
        let count: Decimal = rows.iter().map(|row| row.orders).sum();
        let expected: Decimal = orders.iter().map(|order| order.revenue).sum();
        assert_eq!((revenue, count), (expected, Decimal::from(orders.len())));
    }

    async fn rows(&self) -> Vec<PerformanceRow> {
        let period = Period { from: day(0), to: day(120) };
        state::performance(&self.0, period).await.unwrap()
    }

    /// Revenue by day.
    async fn revenue(&self) -> BTreeMap<NaiveDate, Decimal> {
        let mut revenue = BTreeMap::new();
        for row in self.rows().await {
            *revenue.entry(row.date).or_insert(Decimal::ZERO) += row.revenue;
        }
        revenue
    }
}

/// So many days after the first of October.
fn day(days: u64) -> NaiveDate {
    let first: NaiveDate = "2026-10-01".parse().unwrap();
    first + chrono::Days::new(days)
}

/// By what an order is credited to somebody.
#[derive(Debug, Clone, Copy)]
enum By {
    Nothing,
    /// A click that Google tells the customer of.
    Click(&'static str),
    /// The name of a campaign, whose it is as soon as that is known.
    Name,
}

fn order(id: usize, at: DateTime<Utc>, cents: i64, by: By) -> AttributedOrder {
    let revenue = Decimal::new(cents, 2);
    let touch = Touch {
        at,
        message_id: "m".to_owned(),
        gclid: matches!(by, By::Click(_)).then(|| "g".to_owned()),
        campaign: matches!(by, By::Name).then(|| "Brand".to_owned()),
        source: Some("google".to_owned()),
        medium: None,
    };
    let click = match by {
        By::Click(customer) => Some(Click {
            customer_id: customer.to_owned(),
            campaign_id: Some(format!("{customer}1")),
            date: at.date_naive(),
        }),
        _ => None,
    };
    let touch = (!matches!(by, By::Nothing)).then_some(touch);
    AttributedOrder {
        order_id: format!("order-{id}"),
        ordered_at: at,
        currency: "EUR".to_owned(),
        revenue,
        model: "last".to_owned(),
        window_days: 30,
        credits: vec![Credit { touch, click, orders: Decimal::ONE, revenue }],
    }
}

/// Six in the morning of a day, which in Los Angeles is the evening before.
fn morning(days: u64) -> DateTime<Utc> {
    day(days).and_hms_opt(6, 0, 0).unwrap().and_utc()
}

#[tokio::test]
async fn an_order_goes_to_the_day_of_its_account_when_that_is_known() {
    let state = State::default();
    let orders = [order(1, morning(10), 1_000, By::Click("2"))];
    state.order(&orders[0]).await;
    state.refresh(&orders).await;
    assert_eq!(state.revenue().await, BTreeMap::from([(day(10), Decimal::TEN)]));
    state.account("2", LOS_ANGELES, day(11)).await;
    state.refresh(&orders).await;
    assert_eq!(state.revenue().await, BTreeMap::from([(day(9), Decimal::TEN)]));
}

#[tokio::test]
async fn orders_of_long_ago_go_too_when_an_account_says_another_time_zone() {
    let state = State::default();
    let orders = [order(1, morning(10), 1_000, By::Click("2"))];
    state.account("2", "Europe/Berlin", day(10)).await;
    state.order(&orders[0]).await;
    state.refresh(&orders).await;
    state.account("2", LOS_ANGELES, day(90)).await;
    state.refresh(&orders).await;
    assert_eq!(state.revenue().await, BTreeMap::from([(day(9), Decimal::TEN)]));
}

/// The account is known, and later that the campaign is its own. No time zone has changed, so only what lies
/// beside the day of the report is looked at, and then what lies beside that.
#[tokio::test]
async fn orders_go_as_far_as_they_lie_side_by_side_when_a_campaign_is_known() {
    let state = State::default();
    state.account("2", LOS_ANGELES, day(0)).await;
    let mut orders = Vec::new();
    for number in 10..20 {
        // As much every day: as a sum of a day, nothing moves but at both ends.
        orders.push(order(number as usize, morning(number), 1_000, By::Name));
        state.order(&orders[orders.len() - 1]).await;
    }
    state.refresh(&orders).await;
    assert_eq!(state.revenue().await.len(), 10);
    state.campaign("2", day(21)).await;
    state.refresh(&orders).await;
    let expected: Vec<NaiveDate> = (9..19).map(day).collect();
    assert_eq!(state.revenue().await.into_keys().collect::<Vec<_>>(), expected);
}

/// What happens.
#[derive(Debug, Clone)]
enum Happening {
    Order(DateTime<Utc>, i64, By),
    Account(&'static str, &'static str, u64),
    Campaign(&'static str, u64),
    Refresh,
}

fn happening() -> impl Strategy<Value = Happening> {
    let customer = || prop::sample::select(vec!["1", "2"]);
    let zone = prop::sample::select(vec![
        "Europe/Berlin",
        LOS_ANGELES,
        "Pacific/Kiritimati",
        "Asia/Kolkata",
    ]);
    let by = prop_oneof![Just(By::Nothing), customer().prop_map(By::Click), Just(By::Name)];
    let hours = (240_i64..720).prop_map(|hours| morning(0) + TimeDelta::hours(hours));
    prop_oneof![
        8 => (hours, prop::sample::select(vec![1_000, 2_500]), by)
            .prop_map(|(at, cents, by)| Happening::Order(at, cents, by)),
        2 => (customer(), zone, 9_u64..33)
            .prop_map(|(customer, zone, day)| Happening::Account(customer, zone, day)),
        2 => (customer(), 9_u64..33).prop_map(|(customer, day)| Happening::Campaign(customer, day)),
        4 => Just(Happening::Refresh),
    ]
}

async fn happen(happenings: Vec<Happening>) {
    let state = State::default();
    let mut orders = Vec::new();
    for happening in happenings.into_iter().chain([Happening::Refresh]) {
        match happening {
            Happening::Order(at, cents, by) => {
                orders.push(order(orders.len(), at, cents, by));
                state.order(&orders[orders.len() - 1]).await;
            }
            Happening::Account(customer, zone, on) => state.account(customer, zone, day(on)).await,
            Happening::Campaign(customer, on) => state.campaign(customer, day(on)).await,
            Happening::Refresh => state.refresh(&orders).await,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_order_is_on_one_day_whenever_its_day_is_known(
        happenings in prop::collection::vec(happening(), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(happen(happenings));
    }
}
