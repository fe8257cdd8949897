//! No revenue is lost or made, whatever the time zones; every credit finds its campaign.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use shared::attribution::advertising::{Account, Campaign};
use shared::attribution::facts::{Click, Touch};
use shared::attribution::money::split;

use super::*;
use crate::period::{after, before};

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn terms(time_zone: Tz) -> Terms {
    Terms { time_zone, rates: Rates::none(None), model: "last".to_owned(), window_days: 30 }
}

fn touch(gclid: Option<&str>, source: Option<&str>, campaign: Option<&str>) -> Touch {
    Touch {
        at: DateTime::UNIX_EPOCH,
        message_id: "message".to_owned(),
        gclid: gclid.map(str::to_owned),
        campaign: campaign.map(str::to_owned),
        source: source.map(str::to_owned),
        medium: Some("cpc".to_owned()),
    }
}

fn click(customer: &str, campaign: Option<&str>) -> Click {
    Click {
        customer_id: customer.to_owned(),
        campaign_id: campaign.map(str::to_owned),
        date: NaiveDate::MIN,
    }
}

fn order(
    at: &str,
    revenue: Decimal,
    credits: Vec<(Option<Touch>, Option<Click>)>,
) -> AttributedOrder {
    let (shares, revenues) = (split(Decimal::ONE, credits.len()), split(revenue, credits.len()));
    let credits = credits.into_iter().zip(shares.into_iter().zip(revenues));
    AttributedOrder {
        order_id: "order".to_owned(),
        ordered_at: moment(at),
        currency: "EUR".to_owned(),
        revenue,
        model: "last".to_owned(),
        window_days: 30,
        credits: credits
            .map(|((touch, click), (orders, revenue))| Credit { touch, click, orders, revenue })
            .collect(),
    }
}

fn dictionary() -> Dictionary {
    let campaign = |customer: &str, id: &str, name: &str, kind: &str| Campaign {
        newest: String::new(),
        customer_id: customer.to_owned(),
        campaign_id: id.to_owned(),
        name: Some(name.to_owned()),
        channel_type: Some(kind.to_owned()),
    };
    let account = |customer: &str, zone: &str| Account {
        newest: String::new(),
        customer_id: customer.to_owned(),
        currency: Some("EUR".to_owned()),
        time_zone: Some(zone.to_owned()),
    };
    Dictionary::new(
        vec![campaign("1", "11", "Brand", "SEARCH"), campaign("2", "21", "Video", "VIDEO")],
        vec![account("1", "Europe/Berlin"), account("2", "America/Los_Angeles")],
    )
}

fn rows_of(
    day: &str,
    zone: Tz,
    orders: &[AttributedOrder],
    lines: &[CampaignDay],
) -> Vec<PerformanceRow> {
    let day = Day { date: date(day), orders: &[orders], advertising: lines };
    performance(day, &dictionary(), &terms(zone), DateTime::UNIX_EPOCH)
}

fn keys(rows: &[PerformanceRow]) -> Vec<&str> {
    rows.iter().map(|row| row.campaign_key.as_str()).collect()
}

#[test]
fn each_credit_finds_its_campaign() {
    let one = Decimal::ONE;
    for (touch, click, key, channel) in [
        (None, None, "unattributed", "Unattributed"),
        (
            Some(touch(Some("g"), None, None)),
            Some(click("1", Some("11"))),
            "google_ads/1/11",
            "Paid Search",
        ),
        (
            Some(touch(Some("g"), None, None)),
            Some(click("9", Some("91"))),
            "google_ads/9/91",
            "Paid Other",
        ),
        // The click is not reported yet, or without a campaign; the address says which it is, or does not.
        (Some(touch(Some("g"), None, None)), None, "google_ads/unknown", "Paid Other"),
        (Some(touch(Some("g"), None, Some("sale"))), None, "google_ads/unknown", "Paid Other"),
        (Some(touch(Some("g"), None, Some("BRAND"))), None, "google_ads/1/11", "Paid Search"),
        (
            Some(touch(Some("g"), None, Some("21"))),
            Some(click("2", None)),
            "google_ads/2/21",
            "Paid Video",
        ),
        // Without a click id, the source must say that it is Google.
        (Some(touch(None, Some("Google"), Some("brand"))), None, "google_ads/1/11", "Paid Search"),
        (Some(touch(None, Some("Google"), Some("Sale"))), None, "utm/google/sale", "Paid Search"),
        (
            Some(touch(None, Some("Facebook"), Some("Brand"))),
            None,
            "utm/facebook/brand",
            "Paid Social",
        ),
        (Some(touch(None, None, Some("a/b"))), None, "utm/(none)/a/b", "Paid Other"),
        (Some(touch(None, Some("a/b"), Some("c"))), None, "utm/a%2fb/c", "Paid Other"),
        (Some(touch(None, Some("a"), Some(" "))), None, "utm/a/(none)", "Paid Other"),
    ] {
        let order = order("2026-03-01T12:00:00Z", one, vec![(touch, click)]);
        let rows = rows_of("2026-03-01", Tz::UTC, &[order], &[]);
        assert_eq!((keys(&rows), rows[0].channel.as_str()), (vec![key], channel));
    }
}

#[test]
fn an_order_belongs_to_the_day_of_its_campaigns_account() {
    let late = order("2026-11-22T23:30:00Z", Decimal::TEN, vec![(None, None)]);
    let orders = std::slice::from_ref(&late);
    assert_eq!(rows_of("2026-11-22", Tz::Europe__Berlin, orders, &[]).len(), 0);
    assert_eq!(rows_of("2026-11-23", Tz::Europe__Berlin, orders, &[]).len(), 1);
    assert_eq!(rows_of("2026-11-22", Tz::UTC, orders, &[]).len(), 1);
    // The report is in Berlin, the account in Los Angeles.
    let credited = vec![(Some(touch(Some("g"), None, None)), Some(click("2", Some("21"))))];
    let early = order("2026-11-22T06:00:00Z", Decimal::TEN, credited);
    assert_eq!(rows_of("2026-11-21", Tz::Europe__Berlin, &[early], &[]).len(), 1);
}

#[test]
fn days_change_with_the_clocks() {
    // Berlin is an hour ahead until the last Sunday of March, then two.
    for (at, day) in [
        ("2026-03-28T22:59:59Z", "2026-03-28"),
        ("2026-03-28T23:00:00Z", "2026-03-29"),
        ("2026-03-29T21:59:59Z", "2026-03-29"),
        ("2026-03-29T22:00:00Z", "2026-03-30"),
        ("2026-10-24T22:00:00Z", "2026-10-25"),
        ("2026-10-25T22:59:59Z", "2026-10-25"),
    ] {
        let order = order(at, Decimal::TEN, vec![(None, None)]);
        assert_eq!(rows_of(day, Tz::Europe__Berlin, &[order], &[]).len(), 1, "{at}");
    }
}

#[test]
fn cost_and_revenue_of_a_campaign_are_one_row() {
    let line = CampaignDay {
        customer_id: "1".to_owned(),
        campaign_id: Some("11".to_owned()),
        currency: "EUR".to_owned(),
        cost: Decimal::new(300, 2),
        impressions: 100,
        clicks: 7,
        conversions: Decimal::new(15, 1),
        ..CampaignDay::default()
    };
    let elsewhere = CampaignDay { currency: "CHF".to_owned(), ..line.clone() };
    let credited = vec![(Some(touch(Some("g"), None, None)), Some(click("1", Some("11"))))];
    let order = order("2026-03-01T12:00:00Z", Decimal::TEN, credited);
    let rows = rows_of("2026-03-01", Tz::UTC, &[order], &[line.clone(), elsewhere, line]);
    assert_eq!(keys(&rows), ["google_ads/1/11", "google_ads/1/11"], "a row each currency");
    let of_euros = &rows[1];
    assert_eq!((of_euros.cost, of_euros.clicks), (Decimal::new(6, 0), 14));
    assert_eq!((of_euros.revenue, of_euros.orders), (Decimal::TEN, Decimal::ONE));
    assert_eq!(of_euros.roas, Some(Decimal::new(1_666_667, 6)));
    assert_eq!((rows[0].revenue, rows[0].roas), (Decimal::ZERO, Some(Decimal::ZERO)));
    assert_eq!(of_euros.campaign.as_deref(), Some("Brand"));
}

#[test]
fn one_key_written_in_two_ways_is_one_row_whatever_came_first() {
    let spelt = |name: &str, medium: &str| {
        let mut touch = touch(None, Some("somewhere"), Some(name));
        touch.medium = Some(medium.to_owned());
        order("2026-03-01T12:00:00Z", Decimal::ONE, vec![(Some(touch), None)])
    };
    let orders = [spelt("Sale", "cpc"), spelt("SALE", "banner")];
    let reversed = [orders[1].clone(), orders[0].clone()];
    let rows = rows_of("2026-03-01", Tz::UTC, &orders, &[]);
    assert_eq!(rows, rows_of("2026-03-01", Tz::UTC, &reversed, &[]));
    assert_eq!((rows[0].campaign.as_deref(), rows[0].channel.as_str()), (Some("SALE"), "Display"));
}

#[test]
fn a_rate_brings_currencies_together() {
    let mut terms = terms(Tz::UTC);
    terms.rates = Rates::read("EUR".to_owned(), b"date,currency,rate\n2026-02-01,USD,0.9\n");
    let in_currency = |currency: &str| AttributedOrder {
        currency: currency.to_owned(),
        ..order("2026-03-01T12:00:00Z", Decimal::new(3_333_333, 6), vec![(None, None)])
    };
    let orders = [in_currency("EUR"), in_currency("USD"), in_currency("GBP")];
    let day = Day { date: date("2026-03-01"), orders: &[&orders], advertising: &[] };
    let rows = performance(day, &dictionary(), &terms, DateTime::UNIX_EPOCH);
    let amounts: Vec<_> = rows.iter().map(|row| (row.currency.as_str(), row.revenue)).collect();
    assert_eq!(amounts, [("EUR", Decimal::new(6_333_333, 6)), ("GBP", Decimal::new(3_333_333, 6))]);
    assert_eq!(rows[0].orders, Decimal::TWO);
}

#[test]
fn a_row_names_the_rule_that_its_orders_were_attributed_by() {
    let by = |(model, window_days): (&str, u32), currency: &str| AttributedOrder {
        model: model.to_owned(),
        window_days,
        currency: currency.to_owned(),
        ..order("2026-03-01T12:00:00Z", Decimal::ONE, vec![(None, None)])
    };
    let mut terms = terms(Tz::UTC);
    terms.rates = Rates::read("EUR".to_owned(), b"date,currency,rate\n2026-02-01,USD,0.9\n");
    let (set, first, linear) = (("last", 30), ("first", 7), ("linear", 30));
    // Of several the one that is not set; that shows.
    for (one, other, named) in [
        (set, set, set),
        (first, first, first),
        (set, first, first),
        (first, set, first),
        (linear, first, first),
        (first, linear, first),
    ] {
        for currency in ["EUR", "USD"] {
            let orders = [by(one, "EUR"), by(other, currency)];
            let day = Day { date: date("2026-03-01"), orders: &[&orders], advertising: &[] };
            let rows = performance(day, &dictionary(), &terms, DateTime::UNIX_EPOCH);
            let [row] = rows.as_slice() else { panic!("one row") };
            assert_eq!((row.model.as_str(), row.window_days), named);
        }
    }
    let line = CampaignDay { cost: Decimal::ONE, ..CampaignDay::default() };
    let rows = rows_of("2026-03-01", Tz::UTC, &[], &[line]);
    assert_eq!((rows[0].model.as_str(), rows[0].window_days), set, "without orders what is set");
}

#[test]
fn orders_are_dated_otherwise_where_their_account_is_known() {
    let credited = vec![(Some(touch(Some("g"), None, None)), Some(click("2", Some("21"))))];
    let orders = [order("2026-11-22T06:00:00Z", Decimal::TEN, credited)];
    let terms = terms(Tz::Europe__Berlin);
    let before = dating(&orders, &Dictionary::default(), &terms);
    assert_ne!(before, dating(&orders, &dictionary(), &terms));
    let noon =
        [AttributedOrder { ordered_at: moment("2026-11-22T12:00:00Z"), ..orders[0].clone() }];
    let before = dating(&noon, &Dictionary::default(), &terms);
    assert_eq!(before, dating(&noon, &dictionary(), &terms), "noon is noon in both");
}

/// A touch of any kind, and what is known of its click.
fn touches() -> impl Strategy<Value = (Option<Touch>, Option<Click>)> {
    prop_oneof![
        Just((None, None)),
        Just((Some(touch(Some("g"), None, None)), None)),
        Just((Some(touch(Some("g"), None, None)), Some(click("1", Some("11"))))),
        Just((Some(touch(Some("g"), None, None)), Some(click("2", Some("21"))))),
        ("\\PC{0,6}", "\\PC{0,6}")
            .prop_map(|(source, name)| (Some(touch(None, Some(&source), Some(&name))), None)),
    ]
}

proptest! {
    #[test]
    fn the_revenue_of_all_days_is_that_of_all_orders(
        orders in prop::collection::vec(
            (0_i64..400_000, -10_000_000_i64..10_000_000, prop::sample::select(vec!["EUR", "USD", "XXX"]), prop::collection::vec(touches(), 1..5)),
            0..20,
        ),
        zone in prop::sample::select(vec![Tz::UTC, Tz::Pacific__Kiritimati, Tz::Etc__GMTPlus12, Tz::Europe__Berlin, Tz::America__St_Johns]),
    ) {
        let first = moment("2026-03-27T00:00:00Z");
        let mut by_day: BTreeMap<NaiveDate, Vec<AttributedOrder>> = BTreeMap::new();
        let mut expected: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
        for (seconds, revenue, currency, credits) in orders {
            let at = first + TimeDelta::seconds(seconds);
            let mut order = order(&at.to_rfc3339(), Decimal::new(revenue, 4), credits);
            order.currency = currency.to_owned();
            let sums = expected.entry(currency.to_owned()).or_default();
            *sums = (sums.0 + order.revenue, sums.1 + Decimal::ONE);
            by_day.entry(at.date_naive()).or_default().push(order);
        }
        let mut found: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
        for day in date("2026-03-24").iter_days().take(12) {
            let around = [before(day, 1), day, after(day, 1)].map(|day| by_day.get(&day).map_or(&[][..], Vec::as_slice));
            let day = Day { date: day, orders: &around, advertising: &[] };
            let rows = performance(day, &dictionary(), &terms(zone), DateTime::UNIX_EPOCH);
            for row in rows {
                let sums = found.entry(row.currency).or_default();
                *sums = (sums.0 + row.revenue, sums.1 + row.orders);
            }
        }
        prop_assert_eq!(found, expected);
    }
}
