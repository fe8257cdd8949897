//! Probabilities of counts: a Poisson count whose mean itself varies (negative binomial), and the widening of
//! intervals that were learnt from few points (Student).

/// The bounds outside of which a count of a mean lies with less than a probability on either side. `spread` is the variance
/// of the logarithm of the mean.
pub(crate) fn count_bounds(mean: f64, spread: f64, probability: f64) -> (f64, f64) {
    let spread = spread.max(1e-4);
    let shape = 1.0 / spread;
    let success = mean / (mean + shape);
    // ln P(0) = −shape · ln(1 + mean / shape)
    let mut mass = (-shape * (mean / shape).ln_1p()).exp();
    let mut below = mass;
    let mut count = 0.0;
    let mut lower = 0.0;
    let mut is_lower_known = below > probability;
    let limit = 20.0 + mean * (1.0 + 12.0 * spread.sqrt()) + 12.0 * mean.sqrt();
    while 1.0 - below > probability && count < limit {
        mass *= success * (count + shape) / (count + 1.0);
        count += 1.0;
        below += mass;
        if !is_lower_known && below > probability {
            lower = count;
            is_lower_known = true;
        }
    }
    (lower, count)
}

/// The probability that nothing comes.
pub(crate) fn nothing(mean: f64, spread: f64) -> f64 {
    let shape = 1.0 / spread.max(1e-4);
    (-shape * (mean / shape).ln_1p()).exp()
}

/// How many deviations a bound must be away if the deviation was estimated with so many degrees of freedom, for the
/// same probability as `width` deviations that are known (Cornish and Fisher's expansion of Student's quantiles).
pub(crate) fn student(width: f64, degrees: f64) -> f64 {
    let degrees = degrees.max(3.0);
    let square = width * width;
    let first = (square + 1.0) / (4.0 * degrees);
    let second = (5.0 * square * square + 16.0 * square + 3.0) / (96.0 * degrees * degrees);
    width * (1.0 + first + second)
}

/// The probability that a normal value lies more than so many deviations on one side (the bound of Mills' ratio, close
/// beyond two deviations).
pub(crate) fn normal_tail(deviations: f64) -> f64 {
    let deviations = deviations.clamp(1.0, 8.0);
    let density = (-deviations * deviations / 2.0).exp() / std::f64::consts::TAU.sqrt();
    density * deviations / (deviations * deviations + 1.0)
}
