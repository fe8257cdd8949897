//! Estimates that a few wild values do not move.

/// The median; the values are reordered. None of no values.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which a part of the values lies, the nearest one if there is none just there.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let last = values.len() - 1;
    let place = part.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (_, &mut low, rest) = values.select_nth_unstable_by(below, f64::total_cmp);
    let share = place - below as f64;
    if share == 0.0 {
        return Some(low);
    }
    let high = rest.iter().copied().fold(f64::INFINITY, f64::min);
    Some(low + (high - low) * share)
}

/// The mean without the least and the greatest quarter (without one of each of 4 to 7 values).
pub(crate) fn trimmed_mean(values: &mut [f64]) -> f64 {
    let count = values.len();
    if count == 0 {
        return 0.0;
    }
    let trimmed = count / 4;
    if trimmed > 0 {
        values.sort_unstable_by(f64::total_cmp);
    }
    let kept = &values[trimmed..count - trimmed];
    kept.iter().sum::<f64>() / kept.len() as f64
}

/// The standard deviation about a centre, values beyond three times the median deviation drawn in to there.
pub(crate) fn winsorised_deviation(values: &[f64], centre: f64, scratch: &mut Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    scratch.clear();
    scratch.extend(values.iter().map(|value| (value - centre).abs()));
    let typical = 1.4826 * median(scratch).unwrap_or(0.0);
    // More than half of the values may be alike: then the median says nothing.
    let limit = if typical > 0.0 { 3.0 * typical } else { f64::INFINITY };
    let sum: f64 = values.iter().map(|value| (value - centre).abs().min(limit).powi(2)).sum();
    let deviation = (sum / (values.len() as f64 - 1.0).max(1.0)).sqrt();
    deviation.max(typical * 0.8)
}
