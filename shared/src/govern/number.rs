//! Numbers as JSON and people write them, exactly.

/// A decimal number scaled to `scale` digits after the point, rounded half to even.
///
/// JSON's grammar, with an optional `+` in front. None when it is no number or has more than
/// `precision` digits. Money comes as `19.99`, but also as `29.990000000000002` from somebody's
/// floating point, so digits beyond the scale are rounded, not refused.
pub(super) fn parse_decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if let Some(magnitude) = short_magnitude(unsigned, precision, scale) {
        return Some(if negative { -magnitude } else { magnitude });
    }
    let (digits, exponent) = split_exponent(unsigned)?;
    let (whole, fraction) = split_point(digits)?;
    // The position of the point among the digits, after the exponent.
    let point = whole.len() as i64 + exponent;
    let magnitude = scale_digits(whole.iter().chain(fraction), point + i64::from(scale))?;
    if magnitude >= 10_i128.pow(u32::from(precision)) {
        return None;
    }
    Some(if negative { -magnitude } else { magnitude })
}

/// Of digits with or without a point, as nearly all amounts are: few enough for a word of the processor, and none to be
/// rounded off. None for all others.
fn short_magnitude(unsigned: &[u8], precision: u8, scale: u8) -> Option<i128> {
    const MOST_DIGITS: usize = 18;
    let mut magnitude: u64 = 0;
    let mut decimals = None;
    for byte in unsigned {
        match byte {
            b'0'..=b'9' => magnitude = magnitude.wrapping_mul(10) + u64::from(byte - b'0'),
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return None,
        }
        if let (Some(decimals), b'0'..=b'9') = (&mut decimals, byte) {
            *decimals += 1_u32;
        }
    }
    let zeros = u32::from(scale).checked_sub(decimals.unwrap_or_default())?;
    let digits = unsigned.len() - usize::from(decimals.is_some());
    let fits =
        (1..=MOST_DIGITS).contains(&digits) && digits + zeros as usize <= usize::from(precision);
    fits.then(|| i128::from(magnitude) * 10_i128.pow(zeros))
}

/// A whole number; a fraction of zeros is allowed, since `5.0` is what some encoders make of 5.
pub(super) fn parse_long(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let scaled = parse_decimal(text, 38, 6)?;
    if scaled % 1_000_000 != 0 {
        return None;
    }
    i64::try_from(scaled / 1_000_000).ok()
}

/// A finite 64-bit float.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let numeric =
        text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if !numeric {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn split_exponent(text: &[u8]) -> Option<(&[u8], i64)> {
    let Some(mark) = text.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return Some((text, 0));
    };
    let exponent: i64 = str::from_utf8(&text[mark + 1..]).ok()?.parse().ok()?;
    // Beyond this, every digit is lost or every precision exceeded.
    Some((&text[..mark], exponent.clamp(-1_000, 1_000)))
}

fn split_point(digits: &[u8]) -> Option<(&[u8], &[u8])> {
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &digits[digits.len()..]),
    };
    let well_formed = !(whole.is_empty() && fraction.is_empty())
        && whole.iter().chain(fraction).all(u8::is_ascii_digit);
    well_formed.then_some((whole, fraction))
}

/// The first `keep` digits as a number (zeros are added where there are fewer), rounded half to even.
fn scale_digits<'a>(digits: impl Iterator<Item = &'a u8>, keep: i64) -> Option<i128> {
    let mut magnitude: i128 = 0;
    let mut position = 0;
    let mut dropped = Dropped::default();
    for digit in digits {
        if position < keep {
            magnitude = magnitude.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        } else {
            dropped.push(digit - b'0', position == keep);
        }
        position += 1;
    }
    while position < keep && magnitude != 0 {
        magnitude = magnitude.checked_mul(10)?;
        position += 1;
    }
    magnitude.checked_add(i128::from(dropped.rounds_up(magnitude % 2 == 1)))
}

/// The digits that do not fit.
#[derive(Default)]
struct Dropped {
    first: u8,
    others: bool,
}

impl Dropped {
    fn push(&mut self, digit: u8, is_first: bool) {
        if is_first {
            self.first = digit;
        } else {
            self.others |= digit != 0;
        }
    }

    fn rounds_up(&self, odd: bool) -> bool {
        self.first > 5 || (self.first == 5 && (self.others || odd))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn money_is_exact() {
        for (text, expected) in [
            ("19.99", 19_990_000),
            ("-0.5", -500_000),
            ("29.990000000000002", 29_990_000),
            ("1e3", 1_000_000_000),
            ("12.5E-1", 1_250_000),
            ("0.0000005", 0),
            ("0.0000015", 2),
            ("0.00000051", 1),
            ("1e-400", 0),
            ("0e999", 0),
            (".5", 500_000),
        ] {
            assert_eq!(parse_decimal(text, 38, 6), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_large_is_none() {
        for text in ["", "-", ".", "1.2.3", "1,5", "NaN", "1e", "0x10", "1e33", "１"] {
            assert_eq!(parse_decimal(text, 38, 6), None, "{text}");
        }
        assert_eq!(parse_long("5.0"), Some(5));
        assert_eq!(parse_long("5.5"), None);
        assert_eq!(parse_long("9223372036854775808"), None);
        assert_eq!(parse_double("inf"), None);
        assert_eq!(parse_double("1e999"), None);
    }

    proptest! {
        #[test]
        fn written_decimals_are_read_back(value in -10_i128.pow(30)..10_i128.pow(30)) {
            let text = format!("{}{}.{:06}", if value < 0 { "-" } else { "" }, value.abs() / 1_000_000, value.abs() % 1_000_000);
            prop_assert_eq!(parse_decimal(&text, 38, 6), Some(value));
        }

        #[test]
        fn longs_are_read_back(value in any::<i64>()) {
            prop_assert_eq!(parse_long(&value.to_string()), Some(value));
            prop_assert_eq!(parse_long(&format!("{value}.0")), Some(value));
        }
    }
}
