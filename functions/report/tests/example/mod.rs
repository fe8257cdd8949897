//! A believable month: the same every time.

use chrono::{DateTime, TimeDelta, Utc};
use report::figures::figures;
use report::gaps::{DATASETS, Known, gaps};
use report::page::{PageContent, page};
use report::performance::{Terms, roas};
use report::period::Period;
use report::rates::Rates;
use report::runs::DatasetRuns;
use rust_decimal::Decimal;
use shared::attribution::performance::PerformanceRow;

/// Key, name, channel, cost of a day in euros, orders of a day, in hundredths each.
type Kind = (&'static str, Option<&'static str>, &'static str, i64, i64);

const CAMPAIGNS: [Kind; 17] = [
    ("google_ads/1234567890/101", Some("Brand – exact"), "Paid Search", 6_200, 640),
    ("google_ads/1234567890/102", Some("Winter coats | Shopping DE"), "Paid Shopping", 24_800, 910),
    (
        "google_ads/1234567890/103",
        Some("Performance Max – all products"),
        "Cross-network",
        31_000,
        1_080,
    ),
    ("google_ads/1234567890/104", Some("Generic – running shoes"), "Paid Search", 18_400, 420),
    ("google_ads/1234567890/105", Some("Remarketing 30 days"), "Display", 5_400, 210),
    ("google_ads/1234567890/106", Some("Prospecting video"), "Paid Video", 9_900, 60),
    ("google_ads/1234567890/107", Some("Competitors"), "Paid Search", 7_300, 70),
    ("google_ads/1234567890/108", Some("Black Friday"), "Paid Search", 12_000, 380),
    ("google_ads/1234567890/109", Some("Gift finder"), "Paid Search", 2_900, 90),
    ("google_ads/1234567890/110", Some("Outlet"), "Paid Shopping", 3_100, 150),
    ("google_ads/1234567890/111", Some("New markets – test"), "Display", 1_800, 0),
    ("google_ads/unknown", None, "Paid Other", 0, 110),
    ("utm/newsletter/november", Some("November"), "Email", 0, 330),
    ("utm/facebook/lookalike-de", Some("lookalike-DE"), "Paid Social", 0, 240),
    (
        "utm/partner/<script>alert(1)</script>",
        Some("<script>alert(1)</script>"),
        "Affiliates",
        0,
        40,
    ),
    ("utm/partner/=hyperlink", Some("=HYPERLINK(\"example\")"), "Affiliates", 0, 20),
    ("unattributed", None, "Unattributed", 0, 1_350),
];

/// Numbers that look like chance: a linear congruential generator.
struct Chance(u64);

impl Chance {
    /// A number from 0 to below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// About as much.
    fn about(&mut self, amount: i64) -> i64 {
        amount * (60 + self.below(81) as i64) / 100
    }
}

pub fn period() -> Period {
    Period { from: "2026-10-24".parse().unwrap(), to: "2026-11-23".parse().unwrap() }
}

pub fn now() -> DateTime<Utc> {
    "2026-11-23T06:00:04Z".parse().unwrap()
}

pub fn terms() -> Terms {
    Terms {
        time_zone: chrono_tz::Europe::Berlin,
        rates: Rates::none(None),
        model: "last".to_owned(),
        window_days: 30,
    }
}

pub fn rows() -> Vec<PerformanceRow> {
    let mut chance = Chance(2_026);
    let mut rows = Vec::new();
    for (position, date) in period().days().enumerate() {
        // More before Black Friday, less on the last day, which is not over.
        let season = if date == period().to { 25 } else { 80 + position as i64 * 2 };
        for kind in CAMPAIGNS {
            rows.push(row(date, "EUR", kind, season, &mut chance));
        }
        for kind in [CAMPAIGNS[0], CAMPAIGNS[16]] {
            let kind = (kind.0, kind.1, kind.2, kind.3 / 4, kind.4 / 6);
            rows.push(row(date, "USD", kind, season, &mut chance));
        }
    }
    rows.retain(|row| !row.is_nothing());
    rows
}

fn row(
    date: chrono::NaiveDate,
    currency: &str,
    (key, campaign, channel, cost, orders): Kind,
    season: i64,
    chance: &mut Chance,
) -> PerformanceRow {
    let cost = chance.about(cost) * season / 100;
    let orders = (chance.about(orders) * season / 100 + chance.below(100) as i64) / 100;
    let revenue: i64 = (0..orders).map(|_| 2_900 + chance.below(14_000) as i64).sum();
    let parts: Vec<&str> = key.split('/').collect();
    let google = parts[0] == "google_ads" && parts.len() == 3;
    let (cost, revenue) = (Decimal::new(cost, 2), Decimal::new(revenue, 2));
    PerformanceRow {
        date,
        currency: currency.to_owned(),
        campaign_key: key.to_owned(),
        source: parts[0].to_owned(),
        customer_id: google.then(|| parts[1].to_owned()),
        campaign_id: google.then(|| parts[2].to_owned()),
        campaign: campaign.map(str::to_owned),
        channel: channel.to_owned(),
        cost,
        impressions: if google { chance.about(9_000) } else { 0 },
        clicks: if google { chance.about(240) } else { 0 },
        conversions: if google {
            Decimal::new(chance.about(orders * 108), 2)
        } else {
            Decimal::ZERO
        },
        conversions_value: Decimal::ZERO,
        orders: Decimal::from(orders),
        revenue,
        roas: roas(revenue, cost),
        model: "last".to_owned(),
        window_days: 30,
        as_of: now(),
    }
}

pub fn sources() -> Vec<(&'static str, DatasetRuns)> {
    let mut sources = DATASETS.map(|dataset| {
        (
            dataset,
            DatasetRuns { latest: Some(now() - TimeDelta::minutes(20)), ..DatasetRuns::default() },
        )
    });
    sources[7].1.latest = Some(now() - TimeDelta::hours(31));
    sources[4].1.quarantined_rows = 14;
    sources[4].1.held = 1;
    sources.to_vec()
}

/// The page of some rows.
pub fn page_of(rows: &[PerformanceRow], sources: &[(&'static str, DatasetRuns)]) -> String {
    let (period, now, terms) = (period(), now(), terms());
    let figures = figures(rows, period);
    let gaps =
        gaps(Known { period, now, terms: &terms, figures: &figures, sources, dates_left: 0 });
    page(PageContent { period, now, terms: &terms, figures: &figures, gaps: &gaps }).unwrap()
}
