use super::*;

use crate::rule::list;

fn rule(model: Model) -> Rule {
    Rule {
        model,
        window_days: 30,
        cancelled_statuses: list("cancelled,refunded"),
        unpaid_mediums: list("email,organic"),
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn order() -> Order {
    Order {
        id: "1".to_owned(),
        customer: Some("c".to_owned()),
        status: Some("paid".to_owned()),
        currency: "EUR".to_owned(),
        total: Decimal::new(10_000, 2),
        gclid: None,
        ordered_at: at("2026-11-30T12:00:00Z"),
    }
}

fn of_order(gclid: &str) -> Order {
    Order { gclid: Some(gclid.to_owned()), ..order() }
}

/// A touch by a click.
fn click(time: &str, message_id: &str, gclid: &str) -> Touch {
    Touch {
        at: at(time),
        message_id: message_id.to_owned(),
        gclid: Some(gclid.to_owned()),
        campaign: None,
        source: None,
        medium: None,
    }
}

/// A touch by a tagged link.
fn link(time: &str, message_id: &str, campaign: &str, medium: Option<&str>) -> Touch {
    Touch {
        gclid: None,
        campaign: Some(campaign.to_owned()),
        medium: medium.map(str::to_owned),
        ..click(time, message_id, "")
    }
}

/// The messages of the touches that are credited.
fn credited(order: &Order, touches: &[Touch], own: Option<&str>, model: Model) -> Vec<String> {
    let credited = credited_touches(order, touches, own.map(at), &rule(model));
    credited.into_iter().map(|touch| touch.message_id).collect()
}

fn shares(order: &Order, touches: &[Touch]) -> Vec<(String, String)> {
    let attributed = attribute(order, touches, &BTreeMap::new(), &rule(Model::Linear)).unwrap();
    let credits = attributed.credits.iter();
    credits
        .map(|credit| {
            (credit.orders.normalize().to_string(), credit.revenue.normalize().to_string())
        })
        .collect()
}

#[test]
fn the_window_ends_with_the_order_and_begins_after_its_start() {
    for (time, counts) in [
        ("2026-10-31T12:00:00Z", false),
        ("2026-10-31T12:00:00.000001Z", true),
        ("2026-11-30T12:00:00Z", true),
        ("2026-11-30T12:00:00.000001Z", false),
    ] {
        let touches = [click(time, "m", "g")];
        assert_eq!(
            credited(&order(), &touches, None, Model::Last).len(),
            usize::from(counts),
            "{time}"
        );
    }
}

#[test]
fn the_last_and_the_first_are_by_time_then_by_message() {
    let touches = [
        click("2026-11-20T10:00:00Z", "b", "g2"),
        click("2026-11-20T10:00:00Z", "c", "g3"),
        click("2026-11-10T10:00:00Z", "z", "g1"),
        click("2026-11-10T10:00:00Z", "y", "g0"),
    ];
    for (model, message) in [(Model::Last, "c"), (Model::First, "y")] {
        assert_eq!(credited(&order(), &touches, None, model), [message]);
        let mut other_way = touches.clone();
        other_way.reverse();
        assert_eq!(credited(&order(), &other_way, None, model), [message]);
    }
}

#[test]
fn an_unpaid_touch_takes_nothing_from_a_paid_one() {
    let unpaid = link("2026-11-20T10:00:00Z", "mail", "Newsletter", Some(" Email "));
    let paid = link("2026-11-10T10:00:00Z", "ad", "Brand", Some("cpc"));
    let untold = link("2026-11-05T10:00:00Z", "untold", "Affiliate", None);
    let touches = [unpaid.clone(), paid, untold.clone()];
    assert_eq!(credited(&order(), &touches, None, Model::Last), ["ad"]);
    assert_eq!(credited(&order(), &touches, None, Model::Linear), ["untold", "ad"]);
    assert_eq!(credited(&order(), std::slice::from_ref(&unpaid), None, Model::Last).len(), 0);
    // A click id was paid for, whatever else the link says.
    let both = Touch { gclid: Some("g".to_owned()), ..unpaid };
    assert_eq!(credited(&order(), &[both], None, Model::Last), ["mail"]);
}

#[test]
fn each_click_shares_once() {
    let touches = [
        click("2026-11-10T10:00:00Z", "a", "g1"),
        click("2026-11-20T10:00:00Z", "b", "g1"),
        link("2026-11-12T10:00:00Z", "c", "Brand", None),
        link("2026-11-12T10:30:00Z", "d", "Brand", None),
        link("2026-11-12T10:30:01Z", "e", "Brand", None),
        link("2026-11-12T10:40:00Z", "f", "Other", None),
        link("2026-11-12T10:45:00Z", "g", "Brand", None),
    ];
    assert_eq!(credited(&order(), &touches, None, Model::Linear), ["a", "c", "e", "f"]);
    // What expires was not credited, and nothing changes.
    let left = [touches[0].clone(), touches[2].clone(), touches[4].clone(), touches[5].clone()];
    assert_eq!(credited(&order(), &left, None, Model::Linear), ["a", "c", "e", "f"]);
}

#[test]
fn the_latest_hundred_clicks_share() {
    let touches: Vec<Touch> = (0..120)
        .map(|number| {
            let mut touch =
                click("2026-11-20T10:00:00Z", &format!("{number:03}"), &number.to_string());
            touch.at += TimeDelta::seconds(number);
            touch
        })
        .collect();
    let credited = credited(&order(), &touches, None, Model::Linear);
    assert_eq!((credited.len(), credited[0].as_str()), (100, "020"));
}

#[test]
fn shares_add_up() {
    let touches = [
        click("2026-11-10T10:00:00Z", "a", "g1"),
        click("2026-11-11T10:00:00Z", "b", "g2"),
        click("2026-11-12T10:00:00Z", "c", "g3"),
    ];
    let expected = [("0.333334", "33.34"), ("0.333333", "33.33"), ("0.333333", "33.33")];
    let expected = expected.map(|(orders, revenue)| (orders.to_owned(), revenue.to_owned()));
    assert_eq!(shares(&order(), &touches), expected);
    assert_eq!(shares(&order(), &[]), [("1".to_owned(), "100".to_owned())]);
    let refund = Order { total: Decimal::new(-1, 2), ..order() };
    assert_eq!(shares(&refund, &touches[..2])[0].1, "-0.01");
}

#[test]
fn the_shops_own_click_counts_when_it_was_seen() {
    let others = [link("2026-11-10T10:00:00Z", "ad", "Brand", None)];
    let own = of_order("g");
    // Seen by somebody else, before or after the touch.
    assert_eq!(credited(&own, &others, Some("2026-11-11T10:00:00Z"), Model::Last), [""]);
    assert_eq!(credited(&own, &others, Some("2026-11-09T10:00:00Z"), Model::Last), ["ad"]);
    assert_eq!(credited(&own, &others, Some("2026-11-09T10:00:00Z"), Model::First), [""]);
    // Seen outside the window, it does not count at all.
    for outside in ["2026-10-31T12:00:00Z", "2026-11-30T12:00:01Z"] {
        assert_eq!(credited(&own, &others, Some(outside), Model::Linear), ["ad"]);
        assert_eq!(credited(&own, &[], Some(outside), Model::Last).len(), 0);
    }
}

#[test]
fn the_shops_own_click_that_nobody_saw_is_before_all_others() {
    let others = [link("2026-11-10T10:00:00Z", "ad", "Brand", None)];
    let own = of_order("g");
    assert_eq!(credited(&own, &others, None, Model::Last), ["ad"]);
    assert_eq!(credited(&own, &[], None, Model::Last), [""]);
    assert_eq!(credited(&own, &others, None, Model::Linear), ["", "ad"]);
    let unpaid = [link("2026-11-10T10:00:00Z", "mail", "News", Some("email"))];
    assert_eq!(credited(&own, &unpaid, None, Model::Last), [""]);
}

#[test]
fn the_shops_own_click_and_its_touch_are_one() {
    let touches =
        [click("2026-11-10T10:00:00Z", "a", "g"), click("2026-11-12T10:00:00Z", "b", "g")];
    let own = of_order("g");
    let seen = Some("2026-11-10T10:00:00Z");
    assert_eq!(credited(&own, &touches, seen, Model::Last), ["b"]);
    assert_eq!(credited(&own, &touches, seen, Model::First), ["a"]);
    assert_eq!(credited(&own, &touches, seen, Model::Linear), ["a"]);
}

#[test]
fn an_order_that_was_cancelled_does_not_count() {
    for (status, counts) in [(Some(" Refunded"), false), (Some("paid"), true), (None, true)] {
        let order = Order { status: status.map(str::to_owned), ..order() };
        let attributed = attribute(&order, &[], &BTreeMap::new(), &rule(Model::Last));
        assert_eq!(attributed.is_some(), counts, "{status:?}");
    }
}

#[test]
fn a_credit_has_the_click_that_google_tells_of() {
    let touches =
        [click("2026-11-10T10:00:00Z", "a", "g1"), click("2026-11-11T10:00:00Z", "b", "g2")];
    let told = Click {
        customer_id: "1".to_owned(),
        campaign_id: Some("7".to_owned()),
        date: at("2026-11-11T10:00:00Z").date_naive(),
    };
    let clicks = BTreeMap::from([("g2".to_owned(), told.clone())]);
    let attributed = attribute(&order(), &touches, &clicks, &rule(Model::Linear)).unwrap();
    assert_eq!(attributed.credits[0].click, None);
    assert_eq!(attributed.credits[1].click, Some(told));
    assert_eq!((attributed.model.as_str(), attributed.window_days), ("linear", 30));
}
