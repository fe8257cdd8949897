//! What `report` makes of it all: `marketing.campaign_performance`.

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use ring::digest;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::key::{name, performance_subject};
use crate::run::hex;
use crate::state::ItemKey;

/// The days that a row may be of, as its contract has them: of any other the lake would refuse it.
pub const DAYS: RangeInclusive<NaiveDate> = new_year(2000)..=new_year(2100);

const fn new_year(year: i32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, 1, 1) {
        Some(day) => day,
        None => NaiveDate::MIN,
    }
}

/// The moment itself, where its day is one of [`DAYS`] in every time zone; else the nearest that is.
pub fn within_days(at: DateTime<Utc>) -> DateTime<Utc> {
    // No time zone is further from UTC than a day.
    let day = TimeDelta::days(1);
    let [first, last] = [*DAYS.start() + day, *DAYS.end() - day];
    at.clamp(first.and_time(NaiveTime::MIN).and_utc(), last.and_time(NaiveTime::MIN).and_utc())
}

/// A day whose performance must be computed again.
///
/// `attribute` writes the mark before it changes anything of the day. `report` takes it away once it
/// has read the day, and only when it is older than any invocation of `attribute` can be. Marks of its own
/// stand beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The UTC day of orders, or the day of a report in its account's calendar.
    pub date: NaiveDate,
    /// When the mark was written, as [`moment`](super::key::moment) writes it.
    pub marked_at: String,
}

/// On which local days the orders of a UTC day were reported.
///
/// Which day that is depends on whose campaign an order is credited to and on the time zone of its
/// account, and either may be known later. An order that leaves one day must come to another in the same
/// refresh, so it is kept whether orders have moved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dating {
    /// Another one means that an order has moved, come or gone; empty where there is no order.
    pub fingerprint: String,
}

impl Dating {
    /// Of orders by their ids, with a day for each of their credits.
    pub fn of(dated: &[(&str, NaiveDate)]) -> Self {
        if dated.is_empty() {
            return Self::default();
        }
        let mut context = digest::Context::new(&digest::SHA256);
        for (order, day) in dated {
            context.update(format!("{day} {order}\n").as_bytes());
        }
        Self { fingerprint: hex(context.finish().as_ref()) }
    }
}

/// How a campaign did on a day, in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerformanceRow {
    /// The day, in the time zone of the account (or of the report, where there is no account).
    pub date: NaiveDate,
    /// Of cost and revenue, ISO 4217.
    pub currency: String,
    /// Names the campaign: `google_ads/<customer>/<campaign id>`, `utm/<source>/<campaign>`, `unattributed`.
    pub campaign_key: String,
    /// `google_ads`, `utm` or `unattributed`.
    pub source: String,
    /// The customer of Google Ads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The campaign's id in Google Ads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    /// The campaign's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The channel, by the names of Google Analytics' default channel group.
    pub channel: String,
    /// What was paid.
    pub cost: Decimal,
    /// How often an advertisement was seen.
    pub impressions: i64,
    /// How often one was clicked.
    pub clicks: i64,
    /// Conversions as Google counts them.
    pub conversions: Decimal,
    /// Their value as Google counts it.
    pub conversions_value: Decimal,
    /// Orders that are credited to the campaign; models that share give fractions.
    pub orders: Decimal,
    /// Their revenue.
    pub revenue: Decimal,
    /// Revenue by cost, where there is a cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roas: Option<Decimal>,
    /// The model that its orders were attributed by: `last`, `first` or `linear`. Without orders, the one
    /// that is set.
    pub model: String,
    /// The look-back window in days, likewise.
    pub window_days: u32,
    /// What this is known as of.
    pub as_of: DateTime<Utc>,
}

impl PerformanceRow {
    /// The row's key: it names it within the table of the lake as well.
    pub fn key(&self) -> ItemKey {
        let (currency, campaign) = (name(&self.currency), name(&self.campaign_key));
        let part = format!("{}#{currency}#{campaign}", self.date);
        ItemKey::new(performance_subject(self.date), part)
    }

    /// Whether nothing was paid, seen, clicked, ordered: what is left of a row that was taken back.
    pub fn is_nothing(&self) -> bool {
        self.cost.is_zero()
            && self.impressions == 0
            && self.clicks == 0
            && self.conversions.is_zero()
            && self.conversions_value.is_zero()
            && self.orders.is_zero()
            && self.revenue.is_zero()
    }

    /// Whether two rows say the same, whenever they were computed.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let other = Self { as_of: self.as_of, ..other.clone() };
        *self == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Bound, contracts_of};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_days_are_those_of_the_contract() {
        let contracts = contracts_of("attribution");
        let date = &contracts[0].columns[contracts[0].position("date").unwrap()];
        let bound =
            |day: &NaiveDate| Some(Bound::Integer((*day - NaiveDate::default()).num_days()));
        assert_eq!((date.minimum, date.maximum), (bound(DAYS.start()), bound(DAYS.end())));
    }

    #[test]
    fn a_moment_that_no_row_can_be_of_becomes_the_nearest_that_one_can() {
        for (at, within) in [
            ("1970-01-01T00:00:00Z", "2000-01-02T00:00:00Z"),
            ("2000-01-01T23:59:59Z", "2000-01-02T00:00:00Z"),
            ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
            ("9999-12-31T00:00:00Z", "2099-12-31T00:00:00Z"),
        ] {
            let at: DateTime<Utc> = at.parse().unwrap();
            assert_eq!(within_days(at), within.parse::<DateTime<Utc>>().unwrap());
        }
    }

    #[test]
    fn orders_are_dated_otherwise_when_one_moves_comes_or_goes() {
        let (monday, tuesday) = (day("2026-11-23"), day("2026-11-24"));
        let dating = Dating::of(&[("1", monday), ("2", monday)]);
        assert_eq!(dating, Dating::of(&[("1", monday), ("2", monday)]));
        assert_ne!(dating, Dating::of(&[("1", monday), ("2", tuesday)]));
        assert_ne!(dating, Dating::of(&[("1", monday)]));
        assert_eq!(Dating::of(&[]), Dating::default());
    }

    #[test]
    fn a_key_fits_whatever_the_currency_and_the_campaign_are_called() {
        let row = PerformanceRow {
            date: day("2026-11-23"),
            currency: "EUR".to_owned(),
            campaign_key: "unattributed".to_owned(),
            source: "unattributed".to_owned(),
            customer_id: None,
            campaign_id: None,
            campaign: None,
            channel: "Unattributed".to_owned(),
            cost: Decimal::ZERO,
            impressions: 0,
            clicks: 0,
            conversions: Decimal::ZERO,
            conversions_value: Decimal::ZERO,
            orders: Decimal::ONE,
            revenue: Decimal::ONE,
            roas: None,
            model: "last".to_owned(),
            window_days: 30,
            as_of: DateTime::UNIX_EPOCH,
        };
        assert_eq!(row.key().part, "2026-11-23#EUR#unattributed");
        let long =
            PerformanceRow { currency: "E".repeat(2_000), campaign_key: "u".repeat(2_000), ..row };
        assert!(long.key().part.len() <= 1_024, "DynamoDB takes no longer part");
    }
}
