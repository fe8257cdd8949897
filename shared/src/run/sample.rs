//! A sample of a column's values, from which its quantiles are read.
//!
//! Algorithm L (Li, "Reservoir-Sampling Algorithms of Time Complexity O(n(1 + log(N/n)))", ACM TOMS 20, 1994)
//! draws how many values to pass by, so that a million rows cost about as much as the first few thousand. A
//! sketch (t-digest, KLL) would look at every value for an error that is not much smaller.

use fastrand::Rng;

/// Values that are kept. A quantile read from 512 is off by 2.2 points of rank at the median (one standard
/// deviation), by 1 at the outer ones; up to as many values it is exact.
const MOST_VALUES: usize = 512;

/// The quantiles that a run tells, in percent.
pub const QUANTILES: [usize; 5] = [5, 25, 50, 75, 95];

/// A uniform sample of values in at most 8 KiB; the same for the same values in the same order.
#[derive(Debug, Clone)]
pub struct Reservoir {
    values: Vec<i128>,
    /// Values to pass by before the next is taken.
    to_pass: u64,
    weight: f64,
    random: Rng,
}

impl Reservoir {
    /// A sample with a seed: the column's position.
    pub fn new(seed: u64) -> Self {
        Self { values: Vec::new(), to_pass: 0, weight: 1.0, random: Rng::with_seed(seed) }
    }

    /// How many of the next `count` values stand before the one that is wanted; where none is wanted, they are
    /// all passed by.
    pub fn next_within(&mut self, count: u64) -> Option<u64> {
        if self.to_pass < count {
            return Some(self.to_pass);
        }
        self.to_pass -= count;
        None
    }

    /// Takes the value that is wanted, those before it having been passed by.
    pub fn take(&mut self, value: i128) {
        if self.values.len() < MOST_VALUES {
            self.values.push(value);
            self.to_pass = 0;
            if self.values.len() < MOST_VALUES {
                return;
            }
        } else {
            let position = self.random.usize(..MOST_VALUES);
            self.values[position] = value;
        }
        self.weight *= (self.above_zero().ln() / MOST_VALUES as f64).exp();
        let passed = (self.above_zero().ln() / (-self.weight).ln_1p()).floor();
        // A float beyond the integers becomes the largest of them: then no further value is wanted.
        self.to_pass = passed as u64;
    }

    /// Uniform above 0 and at most 1: its logarithm is a number.
    fn above_zero(&mut self) -> f64 {
        1.0 - self.random.f64()
    }

    /// The values at [`QUANTILES`], by the nearest rank; none where no value was seen.
    pub fn quantiles(mut self) -> Vec<i128> {
        self.values.sort_unstable();
        let mut quantiles = Vec::with_capacity(QUANTILES.len());
        for percent in QUANTILES {
            let rank = (self.values.len() * percent).div_ceil(100).max(1);
            quantiles.extend(self.values.get(rank - 1));
        }
        quantiles
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampled(seed: u64, values: impl IntoIterator<Item = i128>) -> Reservoir {
        let mut reservoir = Reservoir::new(seed);
        for value in values {
            if reservoir.next_within(1).is_some() {
                reservoir.take(value);
            }
        }
        reservoir
    }

    #[test]
    fn few_values_give_exact_quantiles() {
        assert_eq!(sampled(0, 1..=100).quantiles(), [5, 25, 50, 75, 95]);
        assert_eq!(sampled(0, [7]).quantiles(), [7; 5]);
        assert_eq!(sampled(0, []).quantiles(), []);
    }

    #[test]
    fn every_value_is_as_likely_to_be_taken() {
        // How many of 20,000 values are taken of each tenth, over 200 samples: 512 · 200 / 10 each.
        let mut tenths = [0_u32; 10];
        for seed in 0..200 {
            for value in sampled(seed, 0..20_000).values {
                tenths[(value / 2_000) as usize] += 1;
            }
        }
        for count in tenths {
            assert!(count.abs_diff(10_240) < 500, "{tenths:?}");
        }
    }

    #[test]
    fn a_million_values_are_mostly_passed_by() {
        let mut reservoir = Reservoir::new(1);
        let (mut left, mut taken) = (1_000_000_u64, 0);
        while let Some(before) = reservoir.next_within(left) {
            reservoir.take(0);
            left -= before + 1;
            taken += 1;
        }
        // 512 · (1 + ln(1,000,000 / 512)) are expected.
        assert!((3_900..4_900).contains(&taken), "{taken}");
        assert_eq!(reservoir.values.len(), MOST_VALUES);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn quantiles_are_near_in_rank(
            values in proptest::collection::vec(-1_000_i128..1_000_000, 1..20_000), seed in 0_u64..100
        ) {
            let reservoir = sampled(seed, values.iter().copied());
            prop_assert_eq!(&reservoir.values, &sampled(seed, values.iter().copied()).values);
            let quantiles = reservoir.quantiles();
            prop_assert!(quantiles.is_sorted());
            for (quantile, percent) in quantiles.iter().zip(QUANTILES) {
                let below = values.iter().filter(|value| *value < quantile).count() as f64;
                let within = values.iter().filter(|value| *value <= quantile).count() as f64;
                let (from, to) = (below / values.len() as f64, within / values.len() as f64);
                let wanted = percent as f64 / 100.0;
                // Six standard deviations.
                let error = 6.0 * (wanted * (1.0 - wanted) / MOST_VALUES as f64).sqrt();
                prop_assert!(from - error <= wanted && wanted <= to + error, "{from} {wanted} {to}");
            }
        }
    }
}
