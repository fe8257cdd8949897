//! The interval in which a value is normal: how far values miss, how much is known, and what the last points hint at.

use crate::calendar::{DAY, WEEK};
use crate::engine::{Observation, Pace};
use crate::level::{Adoption, Level};
use crate::month;
use crate::profile::Profile;
use crate::recurrence::recurs;
use crate::robust::median;
use crate::scale::Scale;
use crate::settings::{MonthEnds, Settings};
use crate::tail::{count_bounds, normal_tail, nothing, student};

/// Everything that was learnt.
pub(crate) struct Known<'a> {
    pub scale: Scale,
    pub profile: &'a Profile,
    pub level: Level,
    pub pace: Pace,
    pub spacing: i64,
    pub adoption: Adoption,
    /// Since when the series is known, in seconds.
    pub span: i64,
    pub learnt_from: usize,
}

/// What is normal for a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interval {
    pub expected: f64,
    pub lower: f64,
    pub upper: f64,
    /// Whether this is a level that only the last anomalies, or an earlier time, speak for.
    pub is_other_level: bool,
    /// How probable it is that nothing comes at all.
    pub nothing: f64,
    pub learnt_from: usize,
}

/// How many deviations away the bounds are, of a deviation that is known: about one point in 10,000 lies outside.
const WIDTH: f64 = 4.0;
/// The same of series finer than daily, of which there are more points and incidents of several points.
const FINE_WIDTH: f64 = 3.4;
/// The least noise of series finer than daily, which have more points to be wrong about.
const FINE_NOISE: f64 = 0.08;
/// The bound on the side of an incident that goes on: the next point is likely to be part of it.
const WIDTH_WITHIN: f64 = 2.6;
/// The bound for the mean of the last points, one that is below and those before it.
const WIDTHS_TOGETHER: [f64; 3] = [4.2, 4.4, 4.6];
/// How much nearer the bounds of other levels are than those of the level.
const OTHER_LEVEL: f64 = 0.7;
/// What the points before must miss by at least to count together.
const LEANS: f64 = 1.0;
/// The least bound that the points before can lead to.
const LEAST_WIDTH: f64 = 2.2;
/// The mean up to which counts are judged by their exact probabilities.
const SMALL_MEAN: f64 = 150.0;
/// … unless noise is so wide that the mean is far above what is expected: probabilities are added up one by one, and of bytes there
/// would be billions.
const MOST_MEAN: f64 = 10.0 * SMALL_MEAN;

/// The interval for a point.
pub(crate) fn around(
    known: &Known<'_>,
    window: &[Observation],
    target: &Observation,
    settings: &Settings,
) -> Interval {
    let season = known.profile.at(target.local);
    let noise = noise(known);
    let steps = ((target.at - known.level.moved_at) as f64 / known.spacing as f64).clamp(1.0, 60.0);
    let drifting = known.level.weight * known.level.weight * (steps - 1.0);
    let phase =
        known.profile.count(target.local).map_or(0.0, |count| 1.0 / f64::from(count.max(1)));
    let spread = noise * noise * (1.0 + phase + drifting);
    // Smoothing lags behind growth by growth / weight: that is the drift, and each further step adds the growth.
    let drift = known.level.drift * (1.0 + known.level.weight * (steps.min(10.0) - 1.0));
    let (below, above) = widths(known, noise, target, settings);
    let main = bounds(known, target, known.level.level + drift + season, spread, (below, above));
    if main.lower <= target.value && target.value <= main.upper {
        return main;
    }
    if known.pace != Pace::Slow && recurs(window, target, known.spacing) {
        let place = target.place(known.scale);
        let other = bounds(known, target, place, spread, (below, above));
        return Interval { is_other_level: true, nothing: 1.0, ..other };
    }
    if settings.month_ends == MonthEnds::Auto
        && let Some(usual) = month::usual_deviation(known, window, target)
    {
        let place = known.level.level + drift + season + usual;
        let other = bounds(known, target, place, spread + noise * noise, (below, above));
        if other.lower <= target.value && target.value <= other.upper {
            return Interval { is_other_level: true, ..other };
        }
    }
    let plain = width(known, settings) * OTHER_LEVEL;
    for (level, more) in other_levels(known, window, target, season) {
        let other =
            bounds(known, target, level + season, spread + noise * noise * more, (plain, plain));
        if other.lower <= target.value && target.value <= other.upper {
            return Interval { is_other_level: true, ..other };
        }
    }
    main
}

/// The deviation of what points miss by, beside their nature.
fn noise(known: &Known<'_>) -> f64 {
    let variance = known.level.variance(known.profile.correction());
    variance.sqrt().max(known.scale.least_noise()).max(least_while_learning(known))
}

/// While less than three weeks are known, weekends and bad days may still be to come.
fn least_while_learning(known: &Known<'_>) -> f64 {
    match known.pace {
        Pace::Slow => 0.05,
        Pace::Daily if known.span < 3 * WEEK - 2 * DAY => 0.12,
        Pace::Daily => 0.0,
        // Night and day may differ by orders of magnitude.
        Pace::Fine if known.span < 2 * DAY => 1.0,
        Pace::Fine if known.span < WEEK => 0.25,
        Pace::Fine => FINE_NOISE,
    }
}

fn width(known: &Known<'_>, settings: &Settings) -> f64 {
    let plain = if known.pace == Pace::Fine { FINE_WIDTH } else { WIDTH };
    student(plain * settings.sensitivity.width(), known.level.residuals.len() as f64 * 0.8)
}

/// How many deviations the bounds are away, below and above. The last points bring them nearer: an incident that goes
/// on is not over because of a slightly better day, and several points that lean to one side say together what none says alone.
fn widths(known: &Known<'_>, noise: f64, target: &Observation, settings: &Settings) -> (f64, f64) {
    let plain = width(known, settings);
    let near = 3 * known.spacing.max(1);
    if let Some(last) = known.level.run.last() {
        if target.at - last.at > near {
            return (plain, plain);
        }
        let within = plain * WIDTH_WITHIN / WIDTH;
        let is_below = last.place < known.level.level;
        return if is_below { (within, plain) } else { (plain, within) };
    }
    let mut nearest = [plain, plain];
    for (side, bound) in nearest.iter_mut().enumerate() {
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let mut leaning = 0.0;
        let mut later = target.at;
        for (before, together) in WIDTHS_TOGETHER.iter().enumerate() {
            let Some(residual) = known.level.residuals.iter().rev().nth(before) else { break };
            let deviation = (noise * noise + residual.nature).sqrt();
            let miss = sign * (residual.miss - known.level.drift) / deviation;
            if later - residual.at > near || miss < LEANS {
                break;
            }
            later = residual.at;
            leaning += miss;
            let scaled = together * plain / WIDTH;
            let needed = scaled * (before as f64 + 2.0).sqrt() - leaning;
            *bound = bound.min(needed.max(LEAST_WIDTH * plain / WIDTH));
        }
    }
    (nearest[0], nearest[1])
}

/// Levels that the value may also have: the one that the last anomalies agree upon, the former one after a change,
/// and while no season is known that of a week ago. Each with how much less is known of it.
fn other_levels(
    known: &Known<'_>,
    window: &[Observation],
    target: &Observation,
    season: f64,
) -> Vec<(f64, f64)> {
    let mut levels = Vec::new();
    if let Some(agreed) = known.level.agreed(known.adoption) {
        levels.push((agreed, 1.0 / known.adoption.after.max(1) as f64));
    }
    let remembered = 3 * known.adoption.after as i64 * known.spacing;
    if let Some((former, left_at)) = known.level.former
        && target.at - left_at <= remembered
    {
        levels.push((former, 0.1));
    }
    levels.extend(usual_level(known, window, target.at).map(|usual| (usual, 0.2)));
    let is_young = window.first().is_none_or(|first| target.at - first.at < 3 * WEEK);
    if is_young && known.pace != Pace::Slow {
        let week_ago = target.local - WEEK;
        let tolerance = known.spacing / 2;
        let mates = window
            .iter()
            .filter(|mate| !mate.is_anomaly && (mate.local - week_ago).abs() <= tolerance);
        levels.extend(mates.map(|mate| (mate.place(known.scale) - season, 1.0)));
    }
    levels
}

/// The level of the time before the last days. What returns to it ends an incident that was followed for a while rather than begins one.
fn usual_level(known: &Known<'_>, window: &[Observation], at: i64) -> Option<f64> {
    let (from, to) = match known.pace {
        Pace::Slow => return None,
        Pace::Daily => (at - 28 * DAY, at - 6 * DAY),
        Pace::Fine => (at - WEEK, at - DAY / 2),
    };
    let first = window.partition_point(|point| point.at < from);
    let last = window.partition_point(|point| point.at < to);
    let mut places: Vec<f64> = window[first..last]
        .iter()
        .filter(|point| !point.is_anomaly)
        .map(|point| point.place(known.scale) - known.profile.at(point.local))
        .collect();
    if places.len() < 7 { None } else { median(&mut places) }
}

/// The bounds around a place of the scale.
fn bounds(
    known: &Known<'_>,
    target: &Observation,
    place: f64,
    spread: f64,
    (below, above): (f64, f64),
) -> Interval {
    let scale = known.scale;
    let nature = scale.nature(place, target.rows);
    let deviation = (spread + nature).sqrt();
    let expected = scale.backward(place);
    let is_other_level = false;
    let learnt_from = known.learnt_from;
    let nothing =
        nothing((expected + scale.offset()) / scale.offset().max(f64::MIN_POSITIVE) - 1.0, spread);
    let mean = scale.backward(place + f64::midpoint(nature, spread));
    if scale == Scale::Count && expected < SMALL_MEAN && mean < MOST_MEAN {
        // What widens the bounds because little is known belongs to the mean, not to the chance of counts.
        let wider = (below.max(above) / WIDTH).max(1.0);
        let (lower, _) = count_bounds(mean, spread * wider * wider, normal_tail(below));
        let (_, upper) = count_bounds(mean, spread * wider * wider, normal_tail(above));
        return Interval { expected, lower, upper, is_other_level, nothing, learnt_from };
    }
    let mut lower = scale.backward(place - below * deviation);
    let upper = scale.backward(place + above * deviation);
    if scale.is_logarithmic() {
        // Noise that is added has a lower tail that is long on a logarithm; the square root lies between both.
        let share = (1.0 - below * deviation / 2.0).max(0.0).powi(2);
        lower = lower.min(((expected + scale.offset()) * share - scale.offset()).max(0.0));
    }
    Interval { expected, lower, upper, is_other_level, nothing, learnt_from }
}
