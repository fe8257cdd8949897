//! The scale that a kind of value is compared on, and the noise that is in it by its nature.

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// Counts, by their logarithm; their noise is never below that of Poisson.
    Count,
    /// Positive numbers that are not counts, by the logarithm of themselves and an offset.
    Magnitude { offset: f64 },
    /// Any numbers, as they are, in a unit that belongs to their size.
    Additive { unit: f64 },
    /// Shares of rows, by the arc sine of their root: there the binomial noise is 1 / rows wherever the share lies.
    Share,
}

impl Scale {
    /// The scale of a series of counts or magnitudes. Whole numbers are counts, and so is what is large.
    pub fn of_volume(values: impl Iterator<Item = f64> + Clone) -> Self {
        if values.clone().any(|value| value < 0.0) {
            return Self::additive(values);
        }
        let is_whole = values.clone().all(|value| value.fract() == 0.0);
        if is_whole {
            return Self::Count;
        }
        let typical = typical_size(values);
        if typical >= 100.0 {
            Self::Count
        } else {
            Self::Magnitude { offset: positive(typical * 0.01) }
        }
    }

    /// The scale of quantities: by their logarithm if none is negative and they have a size, as they are otherwise.
    pub fn of_quantity(values: impl Iterator<Item = f64> + Clone) -> Self {
        let typical = typical_size(values.clone());
        if typical > 0.0 && values.clone().all(|value| value >= 0.0) {
            Self::Magnitude { offset: positive(typical * 0.01) }
        } else {
            Self::additive(values)
        }
    }

    fn additive(values: impl Iterator<Item = f64>) -> Self {
        Self::Additive { unit: positive(typical_size(values)) }
    }

    /// A value on the scale.
    pub fn forward(self, value: f64) -> f64 {
        match self {
            Self::Count => value.max(0.0).ln_1p(),
            Self::Magnitude { offset } => (value.max(0.0) + offset).ln(),
            Self::Additive { unit } => value / unit,
            Self::Share => 2.0 * value.clamp(0.0, 1.0).sqrt().asin(),
        }
    }

    /// The value at a place of the scale.
    pub fn backward(self, place: f64) -> f64 {
        let value = match self {
            Self::Count => place.exp_m1().max(0.0),
            Self::Magnitude { offset } => (place.exp() - offset).max(0.0),
            Self::Additive { unit } => place * unit,
            Self::Share => {
                let half = (place / 2.0).clamp(0.0, std::f64::consts::FRAC_PI_2);
                half.sin().powi(2)
            }
        };
        value.clamp(f64::MIN, f64::MAX)
    }

    /// The variance that a value has by its nature, at a place of the scale: Poisson for counts, binomial for shares.
    pub fn nature(self, place: f64, rows: f64) -> f64 {
        match self {
            Self::Count => 1.0 / (1.0 + place.exp_m1().max(0.0)),
            Self::Share => 1.0 / rows.max(1.0),
            Self::Magnitude { .. } | Self::Additive { .. } => 0.0,
        }
    }

    /// The least noise that is assumed, beside what values have by their nature: nothing is as regular as to be known better.
    pub fn least_noise(self) -> f64 {
        match self {
            Self::Count | Self::Magnitude { .. } | Self::Additive { .. } => 0.02,
            Self::Share => 0.01,
        }
    }

    /// Whether the logarithm makes the lower tail long: noise that is added rather than multiplied.
    pub fn is_logarithmic(self) -> bool {
        matches!(self, Self::Count | Self::Magnitude { .. })
    }

    /// What was added before the logarithm was taken.
    pub fn offset(self) -> f64 {
        match self {
            Self::Count => 1.0,
            Self::Magnitude { offset } => offset,
            Self::Additive { .. } | Self::Share => 0.0,
        }
    }
}

/// The median of the sizes.
fn typical_size(values: impl Iterator<Item = f64>) -> f64 {
    let mut sizes: Vec<f64> = values.map(f64::abs).collect();
    crate::robust::median(&mut sizes).unwrap_or(0.0)
}

/// A number that can be divided by.
fn positive(value: f64) -> f64 {
    if value.is_normal() && value > 0.0 { value } else { 1.0 }
}
