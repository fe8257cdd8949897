//! Total rows of a downloaded report, held against the sum of its rows.

use crate::header::Kind;

/// Sums are kept in millionths, exactly.
const DECIMALS: usize = 6;
const MILLIONTHS: i128 = 1_000_000;

/// How the first field of a total begins, in the languages of the contracts.
const WORDS: [&str; 5] = ["total", "gesamt", "insgesamt", "summe", "totales"];

/// Whether a row's first field makes it a total.
pub fn is_total(first: &str) -> bool {
    // Most rows begin with a day.
    if first.trim_start().starts_with(|letter: char| letter.is_ascii_digit()) {
        return false;
    }
    let lower = first.trim().to_lowercase();
    let word = lower.split([':', ' ', '\u{a0}', '–']).next().unwrap_or_default();
    WORDS.contains(&word) && (lower == word || lower.contains(':') || lower.contains('–'))
}

/// Impressions, clicks and cost, as far as a row has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    impressions: Option<i128>,
    clicks: Option<i128>,
    cost: Option<i128>,
}

impl Amounts {
    /// Takes a field that is summed up, in its plain form; false where it is no amount.
    pub fn take(&mut self, kind: Kind, plain: Option<&str>) -> bool {
        let target = match kind {
            Kind::Impressions => &mut self.impressions,
            Kind::Clicks => &mut self.clicks,
            Kind::Cost => &mut self.cost,
            Kind::Customer | Kind::Other => return true,
        };
        *target = plain.and_then(millionths);
        target.is_some()
    }
}

/// The sum of the rows, and the totals that stand below them.
#[derive(Debug, Default)]
pub struct Totals {
    sum: Amounts,
    rows: u64,
    /// Rows of which an amount could not be read: nothing can be said of their sum.
    unreadable: bool,
    totals: Vec<Amounts>,
}

impl Totals {
    /// Adds a row.
    pub fn row(&mut self, amounts: Amounts) {
        self.rows += 1;
        self.sum.impressions = added(self.sum.impressions, amounts.impressions);
        self.sum.clicks = added(self.sum.clicks, amounts.clicks);
        self.sum.cost = added(self.sum.cost, amounts.cost);
    }

    /// Notes a row of which an amount cannot be read.
    pub fn unreadable_row(&mut self) {
        self.unreadable = true;
    }

    /// Adds a total.
    pub fn total(&mut self, amounts: Amounts) {
        self.totals.push(amounts);
    }

    /// What contradicts the rows. A report has totals of other things too, of the account and of
    /// networks, so one that agrees in everything is enough.
    pub fn contradiction(&self) -> Option<String> {
        if self.unreadable || self.totals.is_empty() {
            return None;
        }
        if self.totals.iter().any(|total| self.agrees(total)) {
            return None;
        }
        Some(format!(
            "none of its {} totals is the sum of its {} rows: rows are missing",
            self.totals.len(),
            self.rows
        ))
    }

    fn agrees(&self, total: &Amounts) -> bool {
        let exact = |sum: Option<i128>, total: Option<i128>| {
            total.is_none_or(|total| sum.unwrap_or_default() == total)
        };
        // Each row is rounded to a hundredth, and the total for itself.
        let tolerance = (i128::from(self.rows) + 1) * 5_000;
        let near = total
            .cost
            .is_none_or(|cost| (self.sum.cost.unwrap_or_default() - cost).abs() <= tolerance);
        exact(self.sum.impressions, total.impressions)
            && exact(self.sum.clicks, total.clicks)
            && near
    }
}

fn added(sum: Option<i128>, amount: Option<i128>) -> Option<i128> {
    match (sum, amount) {
        (Some(sum), Some(amount)) => sum.checked_add(amount),
        (sum, amount) => sum.or(amount),
    }
}

/// A plain amount in millionths; none where it has more decimals or digits.
fn millionths(plain: &str) -> Option<i128> {
    let (sign, unsigned) = match plain.strip_prefix('-') {
        Some(unsigned) => (-1, unsigned),
        None => (1, plain),
    };
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if decimals.len() > DECIMALS {
        return None;
    }
    let mut rest: i128 = if decimals.is_empty() { 0 } else { decimals.parse().ok()? };
    for _ in decimals.len()..DECIMALS {
        rest *= 10;
    }
    let whole: i128 = whole.parse().ok()?;
    Some(sign * whole.checked_mul(MILLIONTHS)?.checked_add(rest)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::{Style, from_micros, plain};

    fn amounts(impressions: &str, cost: &str) -> Amounts {
        let mut amounts = Amounts::default();
        assert!(amounts.take(Kind::Impressions, plain(impressions, Style::Point).as_deref()));
        assert!(amounts.take(Kind::Cost, plain(cost, Style::Point).as_deref()));
        amounts
    }

    #[test]
    fn millionths_are_exact() {
        for (plain, expected) in [
            ("0", Some(0)),
            ("-0.5", Some(-500_000)),
            ("12.000001", Some(12_000_001)),
            (
                "123456789012345678901234567890",
                Some(123_456_789_012_345_678_901_234_567_890_000_000),
            ),
            ("1234567890123456789012345678901234", None),
            ("0.0000001", None),
            ("", None),
        ] {
            assert_eq!(millionths(plain), expected, "{plain}");
        }
    }

    #[test]
    fn a_total_is_told_by_its_first_field() {
        for total in [
            "Total: Campaigns",
            "Total",
            "total: Account",
            "Gesamt: Kampagnen",
            "Total : Campagnes",
            "Total – Konto",
        ] {
            assert!(is_total(total), "{total}");
        }
        for name in ["Total Recall campaign", "Totally", "2026-03-01", "", "Summer: sale"] {
            assert!(!is_total(name), "{name}");
        }
    }

    #[test]
    fn one_total_that_agrees_is_enough_and_none_is_a_contradiction() {
        let mut totals = Totals::default();
        totals.row(amounts("1,000", "10.00"));
        totals.row(amounts("5", "0.33"));
        assert_eq!(totals.contradiction(), None);
        totals.total(amounts("9,000", "99.00"));
        assert!(totals.contradiction().unwrap().contains("rows are missing"));
        totals.total(amounts("1,005", "10.34"));
        assert_eq!(totals.contradiction(), None);
    }

    #[test]
    fn micros_and_units_meet_in_one_sum() {
        let mut totals = Totals::default();
        let mut row = Amounts::default();
        assert!(row.take(Kind::Cost, from_micros("2500000").as_deref()));
        assert!(!Amounts::default().take(Kind::Cost, from_micros("2.5").as_deref()));
        totals.row(row);
        let mut total = Amounts::default();
        assert!(total.take(Kind::Cost, plain("2.50", Style::Point).as_deref()));
        totals.total(total);
        assert_eq!(totals.contradiction(), None);
    }

    #[test]
    fn what_is_no_amount_is_not_summed_up() {
        let mut amounts = Amounts::default();
        assert!(!amounts.take(Kind::Cost, None));
        assert!(amounts.take(Kind::Other, None));
    }
}
