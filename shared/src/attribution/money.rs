//! Amounts: never a float, and shares that add up.

use rust_decimal::Decimal;

/// Digits after the point, in contracts as in Google Ads' micros.
pub const SCALE: u32 = 6;

/// An amount from the unscaled value of a decimal column; none beyond 28 digits, which is no money.
pub fn from_unscaled(unscaled: i128, scale: u32) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(unscaled, scale).ok().map(|amount| amount.normalize())
}

/// A whole cut into equal parts that add up to it, to the cent where it is a sum of whole cents, else to
/// the sixth digit. What does not divide goes to the earliest parts.
pub fn split(whole: Decimal, parts: usize) -> Vec<Decimal> {
    let in_cents = whole.round_dp(2) == whole;
    split_at(whole, parts, if in_cents { 2 } else { SCALE })
}

/// As [`split`], with as many digits after the point.
pub fn split_at(whole: Decimal, parts: usize, scale: u32) -> Vec<Decimal> {
    let Some(count) = u32::try_from(parts).ok().filter(|count| *count > 0) else {
        return Vec::new();
    };
    let share = (whole / Decimal::from(count)).trunc_with_scale(scale);
    let mut shares = vec![share; parts];
    let unit = Decimal::new(if whole.is_sign_negative() { -1 } else { 1 }, scale);
    let mut rest = whole - share * Decimal::from(count);
    for share in &mut shares {
        if rest.abs() < unit.abs() {
            break;
        }
        *share += unit;
        rest -= unit;
    }
    // What is smaller than the unit, where the whole has more digits.
    shares[0] += rest;
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hundred_in_three() {
        let shares = split(Decimal::new(10_000, 2), 3);
        let cents: Vec<String> = shares.iter().map(ToString::to_string).collect();
        assert_eq!(cents, ["33.34", "33.33", "33.33"]);
    }

    proptest! {
        #[test]
        fn shares_add_up_and_differ_by_one_unit(
            unscaled in -1_000_000_000_000_i64..1_000_000_000_000,
            scale in 0_u32..7,
            parts in 1_usize..40,
        ) {
            let whole = Decimal::new(unscaled, scale);
            let shares = split(whole, parts);
            prop_assert_eq!(shares.len(), parts);
            prop_assert_eq!(shares.iter().sum::<Decimal>(), whole);
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            prop_assert!(most - least <= Decimal::new(1, 2));
        }
    }
}
