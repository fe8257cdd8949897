//! The page, the table and the message of an example month.

#![allow(clippy::unwrap_used)]

mod example;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use report::chart::{self, Width};
use report::figures::figures;
use report::gaps::{DATASETS, Known, gaps};
use report::message;
use report::performance::Terms;
use report::period::Period;
use report::rates::Rates;
use report::runs::{DatasetRuns, RunNote};
use report::table::table;
use report::text::money;
use rust_decimal::Decimal;
use shared::lineage::ATTRIBUTION_TABLES;
use shared::run::{Outcome, RowCounts};

fn page() -> String {
    example::page_of(&example::rows(), &example::sources())
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_runs_nothing() {
    let page = page();
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert!(page.contains(
        r#"<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">"#
    ));
    assert!(
        page.contains(r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#)
    );
    for foreign in
        ["http:", "https:", "//", "<script", "src=", "href=", "url(", "@import", "onload"]
    {
        assert!(!page.contains(foreign), "{foreign}");
    }
    // The name that somebody put into a link is text, in the table as in the chart's words.
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
}

#[test]
fn charts_scale_and_say_what_they_show() {
    let page = page();
    assert_eq!(page.matches("<svg role=\"img\" aria-label=\"Revenue and cost by ").count(), 8);
    assert_eq!(page.matches("viewBox=\"0 0 1000 ").count(), 4);
    assert_eq!(page.matches("viewBox=\"0 0 360 ").count(), 4);
    assert!(page.contains("4 others"), "beyond twelve, campaigns are taken together");
    assert!(page.contains("repeat(2, minmax(0, 1fr))"), "tiles are no wider than a phone");
}

#[test]
fn beside_an_axis_there_is_no_room_for_the_code_of_a_currency() {
    let mut rows = example::rows();
    for (currency, label) in [("CHF", "\n0\n"), ("EUR", "\n€0\n")] {
        for row in &mut rows {
            currency.clone_into(&mut row.currency);
        }
        let figures = figures(&rows, example::period());
        for width in [Width::Wide, Width::Narrow] {
            let svg = chart::days(&figures[0], width).unwrap();
            let (what, drawing) = svg.split_once('>').unwrap();
            assert!(drawing.contains(label), "{drawing}");
            assert!(!drawing.contains("CHF"), "{drawing}");
            assert_eq!(what.contains("CHF"), currency == "CHF", "in words it is told: {what}");
        }
    }
}

#[test]
fn the_page_names_the_rule_that_orders_were_attributed_by() {
    let mut rows = example::rows();
    for row in &mut rows {
        "first".clone_into(&mut row.model);
        row.window_days = 7;
    }
    let other = example::page_of(&rows, &example::sources());
    let rule = "the first paid touch of the same customer within 7 days before it";
    for told in [
        format!("Each order is credited to {rule}."),
        format!(
            "Orders of before the setting was changed are credited to {rule}, and not to the last paid touch of the same customer within 30 days before it"
        ),
        "came by no campaign in the 7 days before the order".to_owned(),
    ] {
        assert!(other.contains(&told), "{told}");
    }
    for same in [page(), example::page_of(&[], &example::sources())] {
        assert!(same.contains("Each order is credited to the last paid touch of the same customer within 30 days before it."));
        assert!(!same.contains("the setting was changed"));
    }
}

#[test]
fn the_total_is_the_sum_of_the_rows() {
    let (rows, page) = (example::rows(), page());
    for currency in ["EUR", "USD"] {
        let of_currency = || rows.iter().filter(|row| row.currency == currency);
        let revenue: Decimal = of_currency().map(|row| row.revenue).sum();
        let cost: Decimal = of_currency().map(|row| row.cost).sum();
        let total = page.split("<tfoot>").find(|part| part.contains(&money(revenue, currency)));
        let total = total.unwrap_or_else(|| panic!("no total of {currency}"));
        assert!(total.contains(&money(cost, currency)));
        // Tile, and total of the table.
        assert!(page.matches(&money(revenue, currency)).count() >= 2);
    }
    let figures = figures(&rows, example::period());
    let names: Vec<_> = figures[0].campaigns.iter().map(|campaign| campaign.revenue).collect();
    let (last, attributed) = names.split_last().unwrap();
    assert!(attributed.is_sorted_by(|one, next| one >= next));
    assert_eq!(*last, figures[0].totals.unattributed);
    let by_day: Decimal =
        figures[0].steps.iter().map(|step| step.attributed + step.unattributed).sum();
    assert_eq!(by_day, figures[0].totals.revenue);
}

#[test]
fn what_is_not_known_stands_near_the_top() {
    let page = page();
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at("What this report does not know") < at("class=\"tiles\""));
    for gap in [
        "google_ads.click_view is late: nothing came after 21 Nov 2026 23:00 UTC, which is 31 hours ago; its contract promises 24 hours.",
        "shop.orders: 1 run was held, 14 rows in quarantine since 24 Oct 2026.",
        "came by clicks whose campaign Google Ads has not reported yet.",
        "is unattributed: the customer came by no campaign in the 30 days before the order.",
        "23 Nov 2026 is not over yet.",
    ] {
        at(gap);
    }
}

#[test]
fn a_month_without_anything_is_a_page_too() {
    let page = example::page_of(&[], &[]);
    assert!(page.contains("Nothing was advertised or ordered in these days."));
    // Advertisements that were seen, and nothing else.
    let mut rows = example::rows();
    for row in &mut rows {
        (row.cost, row.revenue, row.roas) = (Decimal::ZERO, Decimal::ZERO, None);
    }
    assert!(example::page_of(&rows, &[]).contains("€0.00"));
}

#[test]
fn days_long_gone_with_nothing_missing_say_so() {
    let terms = Terms { rates: Rates::none(Some("EUR".to_owned())), ..example::terms() };
    let period = Period { from: "2026-01-01".parse().unwrap(), to: "2026-01-31".parse().unwrap() };
    let latest = Some("2026-02-01T00:00:00Z".parse().unwrap());
    let sources = DATASETS.map(|name| (name, DatasetRuns { latest, ..DatasetRuns::default() }));
    let known = Known {
        period,
        now: example::now(),
        terms: &terms,
        figures: &[],
        sources: &sources,
        dates_left: 0,
    };
    assert!(gaps(known).is_empty());
    let never = [("shop.orders", DatasetRuns::default())];
    assert_eq!(gaps(Known { sources: &never, ..known }), ["shop.orders: nothing has come yet."]);
    assert_eq!(gaps(Known { dates_left: 2, ..known }).len(), 1);
    // Aliases need not come; what of them did not come through is told.
    let aliases = |runs| [("segment.aliases", runs)];
    let silent = aliases(DatasetRuns::default());
    assert!(gaps(Known { sources: &silent, ..known }).is_empty());
    let held = aliases(DatasetRuns { held: 2, ..DatasetRuns::default() });
    let told = gaps(Known { sources: &held, ..known });
    assert_eq!(told, ["segment.aliases: 2 runs were held since 1 Jan 2026."]);
    // Amounts in a currency that no rate leads from.
    let figures = figures(&example::rows(), example::period());
    let told = gaps(Known { figures: &figures, ..known });
    assert!(told.iter().any(|gap| gap.contains("no exchange rate from USD to EUR")), "{told:?}");
}

#[test]
fn the_page_tells_of_all_that_attribution_reads() {
    assert_eq!(BTreeSet::from(DATASETS), BTreeSet::from(ATTRIBUTION_TABLES));
}

#[test]
fn runs_are_counted_within_the_days_and_remembered_beyond() {
    let since = example::now() - TimeDelta::days(30);
    let run = |outcome, at, quarantined| RunNote {
        outcome,
        finished_at: at,
        rows: Some(RowCounts { quarantined, ..RowCounts::default() }),
    };
    let mut runs = DatasetRuns::default();
    runs.count(&run(Outcome::Held, since + TimeDelta::days(2), 0), since);
    runs.count(&run(Outcome::Failed, since + TimeDelta::days(1), 3), since);
    runs.count(&run(Outcome::Committed, since - TimeDelta::days(1), 7), since);
    runs.count(&run(Outcome::Quarantined, since - TimeDelta::days(2), 7), since);
    let expected = DatasetRuns {
        latest: Some(since - TimeDelta::days(1)),
        held: 1,
        failed: 1,
        quarantined_rows: 3,
        ..DatasetRuns::default()
    };
    assert_eq!(runs, expected);
}

#[test]
fn the_table_has_every_row_and_no_formula() {
    let rows = example::rows();
    let table = table(&rows).unwrap();
    let mut reader = csv::Reader::from_reader(table.as_slice());
    let header = reader.headers().unwrap().clone();
    assert_eq!(header.iter().take(3).collect::<Vec<_>>(), ["date", "currency", "campaign_key"]);
    assert_eq!(header.iter().next_back(), Some("as_of"));
    let place = |name: &str| header.iter().position(|found| found == name).unwrap();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), rows.len());
    let sum: Decimal =
        records.iter().map(|record| record[place("revenue")].parse::<Decimal>().unwrap()).sum();
    assert_eq!(sum, rows.iter().map(|row| row.revenue).sum());
    let formula = records.iter().find(|record| record[place("campaign")].contains("HYPERLINK"));
    assert_eq!(&formula.unwrap()[place("campaign")], "'=HYPERLINK(\"example\")");
}

#[test]
fn the_message_is_short_and_has_the_link() {
    let period = example::period();
    let figures = figures(&example::rows(), period);
    let subject = message::subject(period);
    assert_eq!(subject, "Campaign report 2026-10-24 to 2026-11-23");
    assert!(subject.is_ascii() && subject.len() < 100);
    let gaps: Vec<String> = (0..20).map(|gap| format!("gap {gap}")).collect();
    let text = message::text(period, &figures, &gaps, "https://link.example", 12);
    assert!(text.ends_with("(the link works for 12 hours at most):\nhttps://link.example\n"));
    assert!(text.contains("and 8 more, on the page") && !text.contains("gap 12"));
    assert!(text.contains(&money(figures[0].totals.revenue, "EUR")));
    assert!(text.contains("USD") && text.len() < 4_000);
    let nothing = message::text(period, &[], &[], "https://link.example", 12);
    assert!(nothing.contains("Nothing known to be missing."));
}
