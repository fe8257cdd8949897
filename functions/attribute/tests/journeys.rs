//! What came of journeys that are told step by step.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::collections::BTreeSet;

use attribute::rule::{Model, Rule};
use attribute::{Attribution, Counts};
use chrono::Utc;
use rust_decimal::Decimal;
use shared::attribution::advertising::{Account, Campaign, CampaignDay};
use shared::attribution::key::{ACCOUNTS, CAMPAIGNS, Person};
use shared::attribution::order::{AttributedOrder, Credit};
use shared::state::{MemoryStore, Store};
use world::{
    Happening, RETENTION_DAYS, change, click, deletion, facts, hour, items, person, placed, report,
    rule, touch,
};

struct Shop(Attribution<MemoryStore>);

impl Shop {
    fn new(model: Model) -> Self {
        Self(Attribution::new(MemoryStore::default(), rule(model), RETENTION_DAYS))
    }

    async fn tell(&self, happenings: &[Happening]) -> Counts {
        self.0.learn(&facts(happenings)).await.unwrap()
    }

    /// The order as its day has it.
    fn order(&self, id: &str) -> Option<AttributedOrder> {
        let mut found = items(self.0.store(), "day#", &format!("order#{id}"));
        assert!(found.len() <= 1, "an order has one day");
        found.pop().map(|item| item.read().unwrap())
    }

    fn credit(&self, id: &str) -> Credit {
        let [credit] = self.order(id).unwrap().credits.try_into().unwrap();
        credit
    }

    /// The message that an order is credited to.
    fn message(&self, id: &str) -> Option<String> {
        self.credit(id).touch.map(|touch| touch.message_id)
    }

    fn costs(&self) -> Vec<(String, Decimal)> {
        let days = items(self.0.store(), "ads#", "campaign#").into_iter();
        days.map(|item| item.read::<CampaignDay>().unwrap())
            .map(|day| (day.campaign_id.unwrap(), day.cost))
            .collect()
    }

    /// The same shop with another rule.
    async fn under(&self, rule: Rule) -> Self {
        let store = MemoryStore::default();
        store.put_all(self.0.store().items()).await.unwrap();
        Self(Attribution::new(store, rule, RETENTION_DAYS))
    }

    /// How many orders of the day of an hour are attributed otherwise when it is done again.
    async fn recomputed(&self, hours: i64) -> u64 {
        self.0.recompute_day(hour(hours).date_naive()).await.unwrap().attributed_orders
    }

    /// When something is forgotten.
    fn expiries(&self, subject: &str, part: &str) -> Vec<i64> {
        let items = items(self.0.store(), subject, part).into_iter();
        items.map(|item| item.attributes["expires_at"].as_n().unwrap().parse().unwrap()).collect()
    }

    /// Everything whose time is over is gone.
    async fn forget(&self, parts: &[&str]) {
        for part in parts {
            let keys = items(self.0.store(), "", part).into_iter().map(|item| item.key).collect();
            self.0.store().delete_all(keys).await.unwrap();
        }
    }
}

fn touched(who: &str, hours: i64, message: &str, gclid: Option<&str>) -> Happening {
    Happening::Touch(person(who), touch(hours, message, gclid))
}

fn linked(one: &str, other: &str) -> Happening {
    Happening::Link(person(one), person(other))
}

fn ordered(order: &str, customer: &str, at: i64) -> Happening {
    Happening::Change(placed(order, customer, at, "100"))
}

fn updated(order: &str, sequence: i64, told: &[(&str, &str)]) -> Happening {
    Happening::Change(change(order, sequence, told))
}

#[tokio::test]
async fn an_order_that_comes_before_its_touch_is_credited_when_that_comes() {
    let shop = Shop::new(Model::Last);
    shop.tell(&[ordered("1", "u", 50)]).await;
    assert_eq!(shop.message("1"), None);
    let counts = shop.tell(&[touched("user#u", 40, "m", Some("g"))]).await;
    assert_eq!((counts.touches, counts.attributed_orders), (1, 1));
    assert_eq!(shop.message("1").as_deref(), Some("m"));
    let again = shop.tell(&[touched("user#u", 40, "m", Some("g"))]).await;
    assert_eq!(again.attributed_orders, 0, "told again, it changes nothing");
}

#[tokio::test]
async fn a_visitor_becomes_the_customer_by_the_user_the_alias_and_the_address() {
    for links in [
        vec![linked("anonymous#a", "user#u")],
        vec![linked("anonymous#a", "user#before"), linked("user#before", "user#u")],
        vec![linked("anonymous#a", "email#e"), linked("email#e", "user#u")],
    ] {
        let shop = Shop::new(Model::Last);
        shop.tell(&[touched("anonymous#a", 40, "m", None), ordered("1", "u", 50)]).await;
        assert_eq!(shop.message("1"), None);
        for link in links {
            shop.tell(&[link]).await;
        }
        assert_eq!(shop.message("1").as_deref(), Some("m"));
    }
}

#[tokio::test]
async fn two_users_of_a_browser_are_two() {
    let shop = Shop::new(Model::Last);
    shop.tell(&[linked("anonymous#a", "user#u"), linked("anonymous#a", "user#v")]).await;
    shop.tell(&[ordered("1", "u", 50), ordered("2", "v", 50)]).await;
    shop.tell(&[touched("user#v", 41, "of v", None)]).await;
    assert_eq!((shop.message("1"), shop.message("2").as_deref()), (None, Some("of v")));
    // What nobody signed in for may have been either.
    shop.tell(&[touched("anonymous#a", 45, "of the browser", None)]).await;
    assert_eq!(shop.message("1").as_deref(), Some("of the browser"));
    assert_eq!(shop.message("2").as_deref(), Some("of the browser"));
}

#[tokio::test]
async fn revenue_is_what_the_order_says_now() {
    let shop = Shop::new(Model::Last);
    shop.tell(&[updated("1", 60, &[("total", "40")]), touched("user#u", 40, "m", None)]).await;
    shop.tell(&[ordered("1", "u", 50)]).await;
    assert_eq!(shop.order("1").unwrap().revenue, Decimal::from(40), "an update before its insert");
    shop.tell(&[updated("1", 61, &[("status", "Refunded")])]).await;
    assert_eq!(shop.order("1"), None);
    shop.tell(&[updated("1", 62, &[("status", "paid"), ("currency", "usd")])]).await;
    assert_eq!(shop.order("1").unwrap().currency, "USD");
    shop.tell(&[Happening::Change(deletion("1", 63))]).await;
    assert_eq!(shop.order("1"), None);
}

#[tokio::test]
async fn an_order_moves_to_another_day_and_to_another_customer() {
    let shop = Shop::new(Model::Last);
    let touches = [touched("user#u", 40, "of u", None), touched("user#v", 41, "of v", None)];
    shop.tell(&touches).await;
    shop.tell(&[ordered("1", "u", 50)]).await;
    shop.tell(&[updated("1", 51, &[("ordered_at", "2025-11-04T01:00:00Z")])]).await;
    assert_eq!(shop.order("1").unwrap().ordered_at, hour(73));
    assert_eq!(shop.message("1").as_deref(), Some("of u"));
    shop.tell(&[updated("1", 52, &[("customer_id", "v")])]).await;
    assert_eq!(shop.message("1").as_deref(), Some("of v"));
    shop.tell(&[updated("1", 53, &[("customer_id", "")])]).await;
    assert_eq!(shop.message("1"), None);
}

#[tokio::test]
async fn a_click_that_is_told_of_a_day_later_names_its_campaign() {
    let shop = Shop::new(Model::Last);
    shop.tell(&[linked("anonymous#a", "user#u"), touched("anonymous#a", 40, "m", Some("g"))]).await;
    shop.tell(&[ordered("1", "u", 50), updated("2", 50, &[("gclid", "h")])]).await;
    assert_eq!((shop.credit("1").click, shop.credit("2").click), (None, None));
    shop.tell(&["g", "h"].map(|gclid| Happening::Click(gclid.to_owned(), click(gclid)))).await;
    assert_eq!(shop.credit("1").click, Some(click("g")));
    assert_eq!(shop.credit("2").click, Some(click("h")));
}

#[tokio::test]
async fn the_shops_own_click_has_its_time_from_whoever_was_seen_with_it() {
    let shop = Shop::new(Model::Last);
    shop.tell(&[touched("user#u", 40, "m", None), ordered("1", "u", 50)]).await;
    shop.tell(&[updated("1", 51, &[("gclid", "g")])]).await;
    assert_eq!(shop.message("1").as_deref(), Some("m"), "nobody saw the click");
    shop.tell(&[touched("anonymous#stranger", 45, "s", Some("g"))]).await;
    assert_eq!(shop.message("1").as_deref(), Some(""), "it was seen later than the touch");
    assert_eq!(shop.credit("1").touch.unwrap().at, hour(45));
    shop.tell(&[touched("anonymous#stranger", -40, "t", Some("g"))]).await;
    assert_eq!(shop.message("1").as_deref(), Some("m"), "it was seen too early to count");
}

#[tokio::test]
async fn what_was_credited_stays_when_touches_and_clicks_are_forgotten() {
    for own in [false, true] {
        let shop = Shop::new(Model::Last);
        let who = if own { "anonymous#stranger" } else { "anonymous#a" };
        shop.tell(&[linked("anonymous#a", "user#u"), touched(who, 40, "m", Some("g"))]).await;
        shop.tell(&[ordered("1", "u", 50), Happening::Click("g".to_owned(), click("g"))]).await;
        shop.tell(&[updated("1", 51, &[("gclid", if own { "g" } else { "" })])]).await;
        let credit = shop.credit("1");
        assert_eq!(credit.touch.as_ref().unwrap().at, hour(40));
        shop.forget(&["touch#", "links", "click"]).await;
        shop.tell(&[updated("1", 60, &[("total", "40")])]).await;
        assert_eq!(shop.credit("1"), Credit { revenue: Decimal::from(40), ..credit });
        // Cancelled, the order keeps its touch, and has it when it comes back.
        shop.tell(&[updated("1", 61, &[("status", "cancelled")])]).await;
        shop.tell(&[updated("1", 62, &[("status", "paid")])]).await;
        assert_eq!(shop.credit("1").touch.unwrap().at, hour(40));
        // It is another customer's now.
        shop.tell(&[updated("1", 63, &[("customer_id", "v"), ("gclid", "")])]).await;
        assert_eq!(shop.credit("1").touch, None);
    }
}

#[tokio::test]
async fn a_day_that_is_pulled_again_is_the_latest_pull_and_nothing_else() {
    let shop = Shop::new(Model::Last);
    let (first, second) =
        (report("1", 0, 30, &[("7", 500), ("8", 100)]), report("1", 0, 40, &[("7", 300)]));
    assert_eq!(shop.tell(std::slice::from_ref(&first)).await.campaign_days, 2);
    assert_eq!(shop.tell(std::slice::from_ref(&second)).await.campaign_days, 1);
    let expected = [("7".to_owned(), Decimal::from(3))];
    assert_eq!(shop.costs(), expected);
    for again in [second, first] {
        assert_eq!(shop.tell(&[again]).await.campaign_days, 0);
        assert_eq!(shop.costs(), expected);
    }
    let names = items(shop.0.store(), CAMPAIGNS, "1#").into_iter();
    let names: Vec<Option<String>> =
        names.map(|item| item.read::<Campaign>().unwrap().name).collect();
    assert_eq!(names, [Some("7 at 40".to_owned()), Some("8 at 30".to_owned())]);
    let account: Account = items(shop.0.store(), ACCOUNTS, "1").remove(0).read().unwrap();
    assert_eq!(account.time_zone.as_deref(), Some("Europe/Berlin"));
}

#[tokio::test]
async fn the_orders_of_a_day_are_attributed_again_by_another_rule() {
    let shop = Shop::new(Model::Last);
    shop.tell(&[touched("user#u", 30, "first", None), touched("user#u", 40, "last", None)]).await;
    shop.tell(&[ordered("1", "u", 50), ordered("2", "u", 73)]).await;
    let shop = shop.under(rule(Model::First)).await;
    assert_eq!(shop.recomputed(50).await, 1);
    assert_eq!(shop.message("1").as_deref(), Some("first"));
    assert_eq!(shop.message("2").as_deref(), Some("last"), "it was on another day");
    assert_eq!(shop.order("1").unwrap().model, "first");
}

#[tokio::test]
async fn orders_that_did_not_count_come_back_by_another_rule() {
    let shop = Shop::new(Model::Last);
    shop.tell(&[touched("user#u", 40, "m", None), ordered("1", "u", 50)]).await;
    shop.tell(&[ordered("2", "u", 50), ordered("3", "u", 50)]).await;
    for order in ["1", "2"] {
        shop.tell(&[updated(order, 51, &[("status", "cancelled")])]).await;
        assert_eq!(shop.order(order), None);
    }
    let idle = || items(shop.0.store(), "day#2025-11-03", "idle#").len();
    assert_eq!(idle(), 2);
    // While it is cancelled, one is dated anew, and the other deleted.
    shop.tell(&[updated("1", 52, &[("ordered_at", "2025-11-04T01:00:00Z")])]).await;
    shop.tell(&[Happening::Change(deletion("2", 52))]).await;
    assert_eq!(idle(), 0);
    let all_count = Rule { cancelled_statuses: BTreeSet::new(), ..rule(Model::Last) };
    let shop = shop.under(all_count).await;
    assert_eq!((shop.recomputed(50).await, shop.recomputed(73).await), (0, 1));
    assert_eq!(shop.message("1").as_deref(), Some("m"));
    assert_eq!((shop.order("2"), items(shop.0.store(), "day#", "idle#").len()), (None, 0));
    // And go again by the first.
    let shop = shop.under(rule(Model::Last)).await;
    assert_eq!((shop.recomputed(50).await, shop.recomputed(73).await), (0, 1));
    assert_eq!(shop.order("1"), None);
}

#[tokio::test]
async fn touches_links_and_clicks_expire_and_orders_do_not() {
    let shop = Shop::new(Model::Last);
    shop.tell(&[linked("anonymous#a", "user#u"), touched("anonymous#a", 0, "m", Some("g"))]).await;
    shop.tell(&[ordered("1", "u", 50), Happening::Click("g".to_owned(), click("g"))]).await;
    let expiry = (hour(0).timestamp() + i64::from(RETENTION_DAYS) * 86_400).to_string();
    for item in shop.0.store().items() {
        let expires = item.attributes.get("expires_at").map(|at| at.as_n().unwrap().clone());
        if item.key.part == "links" {
            // When these expire follows from when they were learnt.
            assert!(expires.is_some());
            continue;
        }
        let is_fact =
            ["touch#", "touched", "click"].iter().any(|part| item.key.part.starts_with(part));
        assert_eq!(expires, is_fact.then(|| expiry.clone()), "{:?}", item.key);
    }
    let user = Person::User("u".to_owned()).to_string();
    assert!(!items(shop.0.store(), &user, "ordered").is_empty());
}

#[tokio::test]
async fn that_a_click_was_seen_is_known_as_long_as_its_latest_touch() {
    let shop = Shop::new(Model::Last);
    let retention = i64::from(RETENTION_DAYS) * 86_400;
    for (at, latest) in [(48, 48), (24, 48), (72, 72)] {
        shop.tell(&[touched("anonymous#a", at, "m", Some("g"))]).await;
        assert_eq!(shop.expiries("gclid#g", "touched"), [hour(latest).timestamp() + retention]);
    }
}

#[tokio::test]
async fn what_is_yet_to_come_stays_no_longer_than_what_is_now() {
    let shop = Shop::new(Model::Last);
    let in_fifty_years = 50 * 365 * 24;
    shop.tell(&[touched("anonymous#a", in_fifty_years, "m", Some("g"))]).await;
    let latest = Utc::now().timestamp() + i64::from(RETENTION_DAYS) * 86_400;
    let expiries = [shop.expiries("anonymous#a", "touch#"), shop.expiries("gclid#g", "touch")];
    assert_eq!(expiries.each_ref().map(Vec::len), [1, 2]);
    assert!(expiries.iter().flatten().all(|expiry| *expiry <= latest), "{expiries:?}");
    // Nor does it keep what is seen later from being known for as long as that.
    shop.tell(&[touched("anonymous#a", 24, "n", Some("g"))]).await;
    assert!(shop.expiries("gclid#g", "touched")[0] > latest - 86_400);
}
