//! Exchange rates: so many units of the report's currency for one of another, from a date on.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;
use shared::attribution::money::SCALE;
use shared::attribution::performance::PerformanceRow;

/// The rates that are known, and the currency that they lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates {
    /// The report's currency; none: currencies are kept apart.
    currency: Option<String>,
    rates: BTreeMap<String, BTreeMap<NaiveDate, Decimal>>,
    unreadable_lines: u64,
}

/// A line of the table of rates.
#[derive(Debug, Deserialize)]
struct Line {
    date: NaiveDate,
    currency: String,
    rate: Decimal,
}

impl Rates {
    /// No rate; with a currency, the amounts in all others are kept apart.
    pub fn none(currency: Option<String>) -> Self {
        Self { currency, ..Self::default() }
    }

    /// Rates to a currency from a CSV with the header `date,currency,rate`. Lines that cannot be read are
    /// counted and passed over: a slip in one must not change what the others say.
    pub fn read(currency: String, csv: &[u8]) -> Self {
        let mut rates = Self::none(Some(currency));
        let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv);
        for line in reader.deserialize::<Line>() {
            match line {
                Ok(line) if line.rate > Decimal::ZERO => {
                    let dates = rates.rates.entry(line.currency.to_uppercase()).or_default();
                    dates.insert(line.date, line.rate);
                }
                _ => rates.unreadable_lines += 1,
            }
        }
        rates
    }

    /// The report's currency, where there is one.
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// Lines that say nothing.
    pub fn unreadable_lines(&self) -> u64 {
        self.unreadable_lines
    }

    /// The latest rate on or before a date.
    pub fn rate(&self, currency: &str, date: NaiveDate) -> Option<Decimal> {
        let dates = self.rates.get(currency)?;
        dates.range(..=date).next_back().map(|(_, rate)| *rate)
    }

    /// A row's amounts in the report's currency; as they were where no rate is known.
    pub fn convert(&self, row: &mut PerformanceRow) {
        let Some(currency) = self.currency.as_deref().filter(|to| **to != *row.currency) else {
            return;
        };
        let Some(rate) = self.rate(&row.currency, row.date) else { return };
        let converted = |amount: Decimal| Some(amount.checked_mul(rate)?.round_dp(SCALE));
        // All or none: a row has one currency.
        if let (Some(cost), Some(conversions_value), Some(revenue)) =
            (converted(row.cost), converted(row.conversions_value), converted(row.revenue))
        {
            row.currency = currency.to_owned();
            (row.cost, row.conversions_value, row.revenue) = (cost, conversions_value, revenue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_latest_rate_on_or_before_the_date_holds() {
        let csv = "\u{feff}date, currency, rate\n2026-11-01,usd,0.90\n2026-11-10,USD,0.95\n";
        let rates = Rates::read("EUR".to_owned(), csv.as_bytes());
        let rate = |date| rates.rate("USD", day(date)).map(|rate| rate.to_string());
        assert_eq!(rate("2026-10-31"), None);
        assert_eq!(rate("2026-11-09").as_deref(), Some("0.90"));
        assert_eq!(rate("2027-01-01").as_deref(), Some("0.95"));
        assert_eq!(rates.rate("GBP", day("2026-11-09")), None);
        assert_eq!(rates.unreadable_lines(), 0);
    }

    #[test]
    fn a_slip_is_counted_and_changes_nothing_else() {
        let csv = "date,currency,rate\n2026-11-01,USD,0.9\n2026-11-02,USD,\"0,9\"\n,USD,1\n2026-11-03,USD,0\n2026-11-03,USD\n";
        let rates = Rates::read("EUR".to_owned(), csv.as_bytes());
        assert_eq!(rates.unreadable_lines(), 4);
        assert_eq!(rates.rate("USD", day("2026-11-30")), Some(Decimal::new(9, 1)));
        assert_eq!(Rates::read("EUR".to_owned(), b"").rate("USD", day("2026-11-30")), None);
    }
}
