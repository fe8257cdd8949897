//! The report as a page: one file, without a script or anything from elsewhere.

use askama::Template;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::chart::{self, ChartError, Width};
use crate::figures::{AppliedRule, CampaignFigures, Figures, applied_rules};
use crate::performance::Terms;
use crate::period::Period;
use crate::text::{
    count, currency_name, day, money, number, quotient, rule, several, share, visible,
};

/// Campaigns that the table of a page names; the others are one line, and all are in the CSV.
const MOST_CAMPAIGNS: usize = 200;

/// Why there is no page: a defect.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A chart.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The template.
    #[error("the page cannot be rendered: {0}")]
    Template(#[from] askama::Error),
}

/// What a page tells.
#[derive(Debug, Clone, Copy)]
pub struct PageContent<'a> {
    /// The days.
    pub period: Period,
    /// When it is made.
    pub now: DateTime<Utc>,
    /// What holds for all rows.
    pub terms: &'a Terms,
    /// The figures, one for each currency.
    pub figures: &'a [Figures],
    /// What is not known.
    pub gaps: &'a [String],
}

/// Renders the page.
pub fn page(content: PageContent<'_>) -> Result<String, PageError> {
    let PageContent { period, now, terms, figures, gaps } = content;
    let mut sections = Vec::with_capacity(figures.len());
    for figures in figures {
        sections.push(section(figures)?);
    }
    let local = now.with_timezone(&terms.time_zone);
    let report = Report {
        from: day(period.from),
        to: day(period.to),
        days: several(period.len().unsigned_abs(), "day", "days"),
        as_of: format!("{} ({})", local.format("%-d %b %Y, %H:%M"), terms.time_zone),
        time_zone: terms.time_zone.name(),
        rules: rules(figures, terms),
        currency: terms.rates.currency(),
        gaps,
        names_currencies: sections.len() > 1,
        sections,
    };
    Ok(report.render()?)
}

/// What orders were attributed by.
fn rules(figures: &[Figures], terms: &Terms) -> String {
    let applied = applied_rules(figures, terms);
    let text = |applied: &AppliedRule| rule(&applied.model, applied.window_days);
    applied.iter().map(text).collect::<Vec<_>>().join(", or to ")
}

#[derive(Template)]
#[template(path = "report.html")]
struct Report<'a> {
    from: String,
    to: String,
    days: String,
    as_of: String,
    time_zone: &'static str,
    rules: String,
    currency: Option<&'a str>,
    gaps: &'a [String],
    names_currencies: bool,
    sections: Vec<Section>,
}

/// A currency's part of the page.
struct Section {
    currency: String,
    tiles: Vec<Tile>,
    step: &'static str,
    /// The chart for a desk, and for a phone.
    days: [String; 2],
    campaigns: Option<[String; 2]>,
    rows: Vec<Row>,
    total: Row,
}

struct Tile {
    label: &'static str,
    value: String,
    note: String,
}

/// A line of the table.
#[derive(Default)]
struct Row {
    name: String,
    /// Where the campaign is known from, in small letters.
    origin: String,
    channel: String,
    cost: String,
    impressions: String,
    clicks: String,
    click_rate: String,
    conversions: String,
    orders: String,
    revenue: String,
    /// Of the largest revenue, in hundredths: a bar behind the number.
    part: u32,
    roas: String,
    is_quiet: bool,
}

fn section(figures: &Figures) -> Result<Section, PageError> {
    let both = |wide: String, narrow: String| [wide, narrow];
    let campaigns =
        (chart::campaigns(figures, Width::Wide)?, chart::campaigns(figures, Width::Narrow)?);
    Ok(Section {
        currency: currency_name(&figures.currency).to_owned(),
        tiles: tiles(figures),
        step: if figures.is_by_week { "week" } else { "day" },
        days: both(chart::days(figures, Width::Wide)?, chart::days(figures, Width::Narrow)?),
        campaigns: campaigns.0.zip(campaigns.1).map(|(wide, narrow)| both(wide, narrow)),
        rows: rows(figures),
        total: total(figures),
    })
}

fn tiles(figures: &Figures) -> Vec<Tile> {
    let Figures { totals, currency, campaigns, .. } = figures;
    let average = totals.revenue.checked_div(totals.orders);
    let paid = campaigns.iter().filter(|campaign| campaign.cost > Decimal::ZERO).count();
    vec![
        Tile {
            label: "Revenue",
            value: money(totals.revenue, currency),
            note: "all orders that count".to_owned(),
        },
        Tile {
            label: "Attributed revenue",
            value: money(totals.attributed(), currency),
            note: format!("{} of the revenue", share(totals.attributed(), totals.revenue)),
        },
        Tile {
            label: "Cost",
            value: money(totals.cost, currency),
            note: several(paid as u64, "paid campaign", "paid campaigns"),
        },
        Tile {
            label: "ROAS",
            value: quotient(totals.roas()),
            note: "attributed ÷ cost".to_owned(),
        },
        Tile {
            label: "Orders",
            value: number(totals.orders, 2),
            note: average.map_or_else(
                || "none".to_owned(),
                |average| format!("{} on average", money(average, currency)),
            ),
        },
    ]
}

fn rows(figures: &Figures) -> Vec<Row> {
    let most = figures.campaigns.iter().map(|campaign| campaign.revenue).max().unwrap_or_default();
    let mut rows = Vec::with_capacity(figures.campaigns.len());
    let (attributed, unattributed): (Vec<_>, Vec<_>) =
        figures.campaigns.iter().partition(|campaign| !campaign.is_unattributed());
    let (named, others) = attributed.split_at(attributed.len().min(MOST_CAMPAIGNS));
    for campaign in named {
        rows.push(row(campaign, &figures.currency, most));
    }
    if let Some((first, rest)) = others.split_first() {
        let mut sum = CampaignFigures::clone(first);
        for other in rest {
            sum.absorb(other);
        }
        let name = format!("{} others", others.len());
        rows.push(Row {
            name,
            origin: "all of them are in the table beside this page".to_owned(),
            channel: String::new(),
            is_quiet: true,
            ..row(&sum, &figures.currency, most)
        });
    }
    for campaign in unattributed {
        rows.push(Row { is_quiet: true, ..row(campaign, &figures.currency, most) });
    }
    rows
}

fn row(campaign: &CampaignFigures, currency: &str, most: Decimal) -> Row {
    let is_advertised = campaign.latest.customer_id.is_some();
    let if_advertised = |text: String| if is_advertised { text } else { "–".to_owned() };
    let part = campaign.revenue.checked_mul(Decimal::ONE_HUNDRED);
    let part = part.and_then(|part| part.checked_div(most)).unwrap_or_default();
    Row {
        name: campaign.name(),
        origin: origin(campaign),
        channel: campaign.latest.channel.clone(),
        cost: if_advertised(money(campaign.cost, currency)),
        impressions: if_advertised(count(campaign.impressions)),
        clicks: if_advertised(count(campaign.clicks)),
        click_rate: if_advertised(share(campaign.clicks.into(), campaign.impressions.into())),
        conversions: if_advertised(quotient(Some(campaign.conversions))),
        orders: number(campaign.orders, 2),
        revenue: money(campaign.revenue, currency),
        part: u32::try_from(part.max(Decimal::ZERO).round()).unwrap_or_default(),
        roas: quotient(campaign.roas()),
        is_quiet: false,
    }
}

/// Where a campaign is known from: the account, or the source that the address names.
fn origin(campaign: &CampaignFigures) -> String {
    let latest = &campaign.latest;
    match (latest.source.as_str(), &latest.customer_id) {
        ("google_ads", Some(customer)) => format!("Google Ads {customer}"),
        ("google_ads", None) => "Google Ads".to_owned(),
        ("utm", _) => {
            let source = latest.campaign_key.split('/').nth(1).unwrap_or_default();
            visible(&source.replace("%2f", "/").replace("%25", "%"))
        }
        _ => "no campaign before the order".to_owned(),
    }
}

fn total(figures: &Figures) -> Row {
    let Figures { totals, currency, .. } = figures;
    Row {
        name: "Total".to_owned(),
        cost: money(totals.cost, currency),
        impressions: count(totals.impressions),
        clicks: count(totals.clicks),
        click_rate: share(totals.clicks.into(), totals.impressions.into()),
        conversions: quotient(Some(totals.conversions)),
        orders: number(totals.orders, 2),
        revenue: money(totals.revenue, currency),
        roas: quotient(totals.roas()),
        ..Row::default()
    }
}
