//! How improbable an absence or an appearance is, given what was seen before.
//!
//! All probabilities are natural logarithms: the interesting ones are too small to be multiplied.

/// What is less probable than one in a million is no luck.
pub(super) const IMPROBABLE: f64 = -13.815_510_557_964_274;

/// What is less probable than one in a thousand is not taken for the same.
const IMPLAUSIBLE: f64 = -6.907_755_278_982_137;

fn ln_beta(one: f64, other: f64) -> f64 {
    libm::lgamma(one) + libm::lgamma(other) - libm::lgamma(one + other)
}

/// That none of the next `rows` has a value, after so many with and without one: the predictive probability of
/// the beta-binomial with Jeffreys' prior. With many rows behind it, it is (1 − p)ⁿ; with few, it is not as sure.
pub(super) fn absent(with: f64, without: f64, rows: f64) -> f64 {
    ln_beta(with + 0.5, without + rows + 0.5) - ln_beta(with + 0.5, without + 0.5)
}

/// As [`absent`], of something that was told because there was suddenly much of it: at first it looks more frequent
/// than it is, so only half of what was seen counts.
pub(super) fn ended(with: f64, without: f64, rows: f64) -> f64 {
    absent(with / 2.0, without + with / 2.0, rows)
}

/// That what was in `with` of all rows was in none of the `before` first and only in the `since` last, had its
/// rate been the same all along (Fisher's exact test). The first of them says when to begin, and does not count.
pub(super) fn late(before: f64, since: f64, with: f64) -> f64 {
    let (since, with) = ((since - 1.0).max(0.0), (with - 1.0).max(0.0).min((since - 1.0).max(0.0)));
    let ways = |of: f64| libm::lgamma(of + 1.0) - libm::lgamma(of - with + 1.0);
    ways(since) - ways(before + since)
}

/// A bound of the probability of `with` of `rows` or something as far off, at a share (Chernoff).
pub(super) fn deviates(with: f64, rows: f64, share: f64) -> f64 {
    if rows <= 0.0 {
        return 0.0;
    }
    let share = share.clamp(0.5 / (rows + 1.0), 1.0 - 0.5 / (rows + 1.0));
    let seen = (with / rows).clamp(0.0, 1.0);
    let part = |seen: f64, share: f64| if seen > 0.0 { seen * (seen / share).ln() } else { 0.0 };
    -rows * (part(seen, share) + part(1.0 - seen, 1.0 - share))
}

/// Whether `with` of `rows` may well be of a share.
pub(super) fn is_plausible(with: f64, rows: f64, share: f64) -> bool {
    deviates(with, rows, share) > IMPLAUSIBLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_is_as_improbable_as_it_should_be() {
        // (1 − p)ⁿ at p = ½ and n = 20, learnt from a million rows.
        assert!((absent(5e5, 5e5, 20.0) - 20.0 * 0.5_f64.ln()).abs() < 0.01);
        // Three rows say little.
        assert!(absent(3.0, 0.0, 1.0) > IMPROBABLE);
        assert!(absent(3.0, 0.0, 1_000.0) < IMPROBABLE);
        // Always there, then missing in two rows.
        assert!(absent(1e3, 0.0, 2.0) < IMPROBABLE);
        assert!(absent(10.0, 1e5, 1e4) > IMPROBABLE);
    }

    #[test]
    fn an_appearance_counts_by_what_was_seen_without_it() {
        assert!(late(50_000.0, 1_000.0, 100.0) < IMPROBABLE);
        // Rare, and not seen before by chance.
        assert!(late(3_000.0, 1_000.0, 1.0) > IMPROBABLE);
        // In every row but the first three: that is no chance, but of ten rows it may be.
        assert!(late(3.0, 1_000.0, 1_000.0) < IMPROBABLE);
        assert!(late(3.0, 10.0, 10.0) > IMPROBABLE);
        assert!(late(100.0, 1e6, 1_000.0) > IMPROBABLE);
        assert!(late(1e5, 1.0, 1.0).abs() < 1e-9);
    }

    #[test]
    fn similar_shares_are_plausible() {
        assert!(is_plausible(30.0, 100.0, 0.33) && is_plausible(1_000.0, 1_000.0, 1.0));
        assert!(!is_plausible(30.0, 100.0, 0.9) && !is_plausible(1_000.0, 1_000.0, 0.1));
    }
}
