//! The reports that are asked for, and the dates that are due.

use std::fmt;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Fields of the campaign report: one row a campaign, day, device and network.
const CAMPAIGN_FIELDS: &str = "customer.id, customer.currency_code, customer.time_zone, campaign.id, \
    campaign.name, campaign.status, campaign.advertising_channel_type, metrics.impressions, \
    metrics.clicks, metrics.cost_micros, metrics.conversions, metrics.conversions_value, \
    segments.date, segments.device, segments.ad_network_type";

/// Fields of the click report: one row a click.
const CLICK_FIELDS: &str = "customer.id, customer.time_zone, campaign.id, campaign.name, ad_group.id, \
    ad_group.name, click_view.gclid, click_view.ad_group_ad, click_view.keyword, \
    click_view.keyword_info.text, click_view.keyword_info.match_type, click_view.page_number, \
    metrics.clicks, segments.date, segments.device, segments.ad_network_type, segments.click_type";

/// Somewhere it is this much earlier than in Greenwich; nowhere more.
const FURTHEST_WEST: TimeDelta = TimeDelta::hours(12);

/// A report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// Impressions, clicks, cost and conversions of campaigns, a window of days at once.
    CampaignDaily,
    /// Clicks with their click ids, exactly one day at once.
    ClickView,
}

impl Query {
    /// The report of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::CampaignDaily, Self::ClickView].into_iter().find(|query| query.name() == name)
    }

    /// Its name: in keys, in checkpoints and as the table of its dataset.
    pub fn name(self) -> &'static str {
        match self {
            Self::CampaignDaily => "campaign_daily",
            Self::ClickView => "click_view",
        }
    }

    /// The query in Google's language for a range of days.
    pub fn text(self, dates: Dates) -> String {
        let Dates { from, to } = dates;
        match self {
            Self::CampaignDaily => format!(
                "SELECT {CAMPAIGN_FIELDS} FROM campaign WHERE segments.date BETWEEN '{from}' AND '{to}'"
            ),
            Self::ClickView => {
                format!("SELECT {CLICK_FIELDS} FROM click_view WHERE segments.date = '{from}'")
            }
        }
    }
}

/// Days from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dates {
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
}

impl Dates {
    /// A single day.
    pub fn day(day: NaiveDate) -> Self {
        Self { from: day, to: day }
    }

    /// The last `days` days that end with `to`.
    pub fn ending(to: NaiveDate, days: u32) -> Self {
        let before = Days::new(u64::from(days.saturating_sub(1)));
        Self { from: to.checked_sub_days(before).unwrap_or(to), to }
    }

    /// Each day, the latest first.
    pub fn latest_first(self) -> impl Iterator<Item = NaiveDate> {
        std::iter::successors(Some(self.to), NaiveDate::pred_opt)
            .take_while(move |day| *day >= self.from)
    }
}

impl fmt::Display for Dates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}_{}", self.from, self.to)
    }
}

/// The latest day that has begun in every time zone. Reports are in the account's time zone, and no
/// account may be asked for a day that lies in its future.
pub fn latest_day(now: DateTime<Utc>) -> NaiveDate {
    (now - FURTHEST_WEST).date_naive()
}

/// From when on a day's clicks do not change any more: `days` days after it is over everywhere.
pub fn settled_at(day: NaiveDate, days: u32) -> DateTime<Utc> {
    let after = day.checked_add_days(Days::new(u64::from(days) + 1)).unwrap_or(day);
    after.and_time(chrono::NaiveTime::MIN).and_utc() + FURTHEST_WEST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_latest_day_has_begun_everywhere() {
        let at = |text: &str| latest_day(text.parse().unwrap());
        assert_eq!(at("2026-03-02T11:59:59Z"), day("2026-03-01"));
        assert_eq!(at("2026-03-02T12:00:00Z"), day("2026-03-02"));
    }

    #[test]
    fn a_window_has_so_many_days() {
        let window = Dates::ending(day("2026-03-02"), 3);
        let days: Vec<String> = window.latest_first().map(|day| day.to_string()).collect();
        assert_eq!(days, ["2026-03-02", "2026-03-01", "2026-02-28"]);
        assert_eq!(window.to_string(), "2026-02-28_2026-03-02");
        assert_eq!(
            settled_at(day("2026-02-27"), 2),
            "2026-03-02T12:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
    }

    #[test]
    fn the_queries_name_their_days() {
        let window = Dates::ending(day("2026-03-02"), 2);
        let campaigns = Query::CampaignDaily.text(window);
        assert!(
            campaigns.ends_with(
                "FROM campaign WHERE segments.date BETWEEN '2026-03-01' AND '2026-03-02'"
            )
        );
        let clicks = Query::ClickView.text(Dates::day(window.to));
        assert!(clicks.ends_with("FROM click_view WHERE segments.date = '2026-03-02'"));
        assert!(!campaigns.contains("  ") && !clicks.contains("  "));
    }
}
