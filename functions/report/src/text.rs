//! Amounts, counts and dates as people read them.

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy};

/// Stands for a currency that the shop does not tell.
pub const NO_CURRENCY: &str = "XXX";

/// An amount with two digits: `€12,345.60`, `CHF 12.00`.
pub fn money(amount: Decimal, currency: &str) -> String {
    signed(amount, currency, &grouped(amount.abs(), 2))
}

/// An amount in short, beside the axis of a chart: without a currency's code, for which there is no room. All
/// other amounts around the chart have it.
pub fn axis_money(amount: Decimal, currency: &str) -> String {
    let has_sign = symbol(currency).chars().count() == 1;
    short_money(amount, if has_sign { currency } else { NO_CURRENCY })
}

/// An amount in short, for charts: `€12.3k`.
pub fn short_money(amount: Decimal, currency: &str) -> String {
    let size = amount.abs();
    for (power, sign) in [(9, "bn"), (6, "m"), (3, "k")] {
        let unit = Decimal::from(10_u64.pow(power));
        if size >= unit {
            let digits = u32::from(size < unit * Decimal::from(100));
            let number = grouped(size / unit, digits);
            let number = number.strip_suffix(".0").unwrap_or(&number);
            return signed(amount, currency, &format!("{number}{sign}"));
        }
    }
    let digits = if size < Decimal::TEN && !size.fract().is_zero() { 2 } else { 0 };
    signed(amount, currency, &grouped(size, digits))
}

fn signed(amount: Decimal, currency: &str, number: &str) -> String {
    let sign = if amount.is_sign_negative() && !amount.is_zero() { "−" } else { "" };
    format!("{sign}{}{number}", symbol(currency))
}

/// What stands before amounts.
fn symbol(currency: &str) -> String {
    match currency {
        "EUR" => "€".to_owned(),
        "USD" => "$".to_owned(),
        "GBP" => "£".to_owned(),
        "JPY" => "¥".to_owned(),
        "INR" => "₹".to_owned(),
        NO_CURRENCY => String::new(),
        // A space that does not break.
        other => format!("{other}\u{a0}"),
    }
}

/// A currency as a heading.
pub fn currency_name(currency: &str) -> &str {
    if currency == NO_CURRENCY { "no currency" } else { currency }
}

/// A number with at most so many digits after the point, without zeros at the end: orders may be shared.
pub fn number(amount: Decimal, digits: u32) -> String {
    let rounded = rounded(amount, digits).normalize();
    let sign = if rounded.is_sign_negative() { "−" } else { "" };
    format!("{sign}{}", grouped(rounded.abs(), rounded.scale()))
}

/// A whole number with its thousands apart.
pub fn count(count: i64) -> String {
    number(Decimal::from(count), 0)
}

/// A part of a whole: `41.2%`; a dash where there is no whole.
pub fn share(part: Decimal, whole: Decimal) -> String {
    match part.checked_mul(Decimal::ONE_HUNDRED).and_then(|part| part.checked_div(whole)) {
        Some(share) => format!("{}%", grouped_signed(share, 1)),
        None => "–".to_owned(),
    }
}

/// A quotient with two digits; a dash where there is none.
pub fn quotient(value: Option<Decimal>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| grouped_signed(value, 2))
}

/// One thing, or several: `1 run`, `2 runs`.
pub fn several(count: u64, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{} {noun}", grouped(Decimal::from(count), 0))
}

/// A rule of attribution: `the last paid touch of the same customer within 30 days before it`.
pub fn rule(model: &str, window_days: u32) -> String {
    let touches = match model {
        "first" => "the first paid touch".to_owned(),
        "last" => "the last paid touch".to_owned(),
        "linear" => "all paid touches in equal shares".to_owned(),
        other => format!("paid touches by the model “{other}”"),
    };
    let window = several(u64::from(window_days), "day", "days");
    format!("{touches} of the same customer within {window} before it")
}

/// A day: `24 Oct 2026`.
pub fn day(date: NaiveDate) -> String {
    date.format("%-d %b %Y").to_string()
}

/// A name that anybody may have written, without signs that no eye sees.
pub fn visible(name: &str) -> String {
    let is_hidden = |sign: char| {
        sign.is_control()
            || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    name.chars().map(|sign| if is_hidden(sign) { ' ' } else { sign }).collect()
}

fn rounded(amount: Decimal, digits: u32) -> Decimal {
    amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)
}

fn grouped_signed(amount: Decimal, digits: u32) -> String {
    let sign = if rounded(amount, digits) < Decimal::ZERO { "−" } else { "" };
    format!("{sign}{}", grouped(amount.abs(), digits))
}

/// Digits in groups of three, of an amount that is not negative.
fn grouped(amount: Decimal, digits: u32) -> String {
    let text = format!("{:.*}", digits as usize, rounded(amount, digits));
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::with_capacity(text.len() + whole.len() / 3 + 1);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !rest.is_empty() {
        grouped.push('.');
        grouped.push_str(rest);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_have_two_digits_and_their_thousands_apart() {
        for (amount, currency, text) in [
            ("1234567.891", "EUR", "€1,234,567.89"),
            ("0.005", "USD", "$0.01"),
            ("-12.5", "GBP", "−£12.50"),
            ("-0", "EUR", "€0.00"),
            ("999", "CHF", "CHF\u{a0}999.00"),
            ("5", "XXX", "5.00"),
        ] {
            assert_eq!(money(decimal(amount), currency), text);
        }
    }

    #[test]
    fn short_amounts_fit_beside_a_bar() {
        for (amount, text) in [
            ("0", "€0"),
            ("5.5", "€5.50"),
            ("950", "€950"),
            ("12345", "€12.3k"),
            ("20000", "€20k"),
            ("250000", "€250k"),
            ("-1500000", "−€1.5m"),
            ("2000000000", "€2bn"),
        ] {
            assert_eq!(short_money(decimal(amount), "EUR"), text);
            assert_eq!(axis_money(decimal(amount), "EUR"), text);
            assert_eq!(axis_money(decimal(amount), "CHF"), text.replace('€', ""));
        }
    }

    #[test]
    fn numbers_shares_and_quotients() {
        assert_eq!(number(decimal("1234.333333"), 2), "1,234.33");
        assert_eq!(number(decimal("12.00"), 2), "12");
        assert_eq!(count(-1_234), "−1,234");
        assert_eq!(share(decimal("1"), decimal("3")), "33.3%");
        assert_eq!(share(decimal("1"), decimal("0")), "–");
        assert_eq!(quotient(Some(decimal("4.125"))), "4.13");
        assert_eq!(quotient(None), "–");
        assert_eq!(several(1, "run", "runs"), "1 run");
        assert_eq!(several(1_200, "run", "runs"), "1,200 runs");
    }

    #[test]
    fn hidden_signs_do_not_turn_a_name_around() {
        assert_eq!(visible("a\u{202e}b\tc"), "a b c");
    }
}
