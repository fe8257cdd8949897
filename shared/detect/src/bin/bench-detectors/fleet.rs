//! A fleet of daily series: seasons, growth, noise of several kinds, small counts, missing days, new levels, incidents.

use chrono::{DateTime, TimeDelta, Utc};

use crate::incident::Kind;
use crate::random::Random;

/// A point and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub at: DateTime<Utc>,
    pub value: f64,
    /// What went wrong, if anything did.
    pub incident: Option<Kind>,
    /// Whether a verdict on it counts. The first weeks do not, nor does what nobody can call right or wrong.
    pub is_scored: bool,
}

/// A series.
pub type Points = Vec<Point>;

/// How long the series are, and from which day on verdicts count.
pub const DAYS: usize = 150;
pub const SCORED_FROM: usize = 28;

/// 2026-03-02, a Monday.
pub fn first_day() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_409_600, 0).unwrap_or_default()
}

/// The fleet of a seed.
pub fn daily(seed: u64, count: usize) -> Vec<Points> {
    let mut random = Random::new(seed);
    (0..count).map(|_| series(&mut random)).collect()
}

struct Nature {
    base: f64,
    noise: f64,
    shape: Option<f64>,
    growth: f64,
    wander: f64,
    week: [f64; 7],
    missing: f64,
}

fn nature(random: &mut Random) -> Nature {
    let is_small = random.chance(0.07);
    let base =
        if is_small { random.of_any_size(6.0, 60.0) } else { random.of_any_size(100.0, 2e6) };
    let noise = if random.chance(0.03) {
        random.between(0.12, 0.3)
    } else {
        random.of_any_size(0.01, 0.06)
    };
    let shape = random.chance(0.05).then(|| random.between(30.0, 200.0));
    let growth = if random.chance(0.4) { random.between(-0.002, 0.006) } else { 0.0 };
    let wander = random.between(0.0, 0.008);
    let weekend = match random.unit() {
        part if part < 0.4 => 1.0,
        part if part < 0.7 => random.between(0.7, 0.95),
        part if part < 0.9 => random.between(0.25, 0.7),
        _ => random.between(1.1, 1.6),
    };
    let mut week = [1.0; 7];
    for (day, factor) in week.iter_mut().enumerate() {
        let around = 1.0 + 0.04 * random.normal();
        *factor = around.clamp(0.8, 1.2) * if day >= 5 { weekend } else { 1.0 };
    }
    let missing = if random.chance(0.25) { 0.02 } else { 0.0 };
    Nature { base, noise, shape, growth, wander, week, missing }
}

fn series(random: &mut Random) -> Points {
    let nature = nature(random);
    let mut factors = vec![1.0; DAYS];
    let mut incidents: Vec<Option<Kind>> = vec![None; DAYS];
    let mut is_scored: Vec<bool> = (0..DAYS).map(|day| day >= SCORED_FROM).collect();
    put_incidents(random, &mut factors, &mut incidents);
    if random.chance(0.1) {
        put_shift(random, &mut factors, &mut incidents, &mut is_scored);
    }
    let mut level = nature.base.ln();
    let mut points = Vec::with_capacity(DAYS);
    for day in 0..DAYS {
        level += nature.growth + nature.wander * random.normal();
        let mean = level.exp() * nature.week[day % 7] * factors[day];
        let value = draw(random, &nature, mean);
        if incidents[day].is_none() && random.chance(nature.missing) {
            continue;
        }
        let at = first_day() + TimeDelta::days(day as i64);
        points.push(Point { at, value, incident: incidents[day], is_scored: is_scored[day] });
    }
    points
}

fn draw(random: &mut Random, nature: &Nature, mean: f64) -> f64 {
    let mut mean =
        mean * (nature.noise * random.normal() - nature.noise * nature.noise / 2.0).exp();
    if let Some(shape) = nature.shape {
        mean *= random.gamma(shape) / shape;
    }
    random.poisson(mean)
}

fn put_incidents(random: &mut Random, factors: &mut [f64], incidents: &mut [Option<Kind>]) {
    let mut day = SCORED_FROM + random.whole(2, 25) as usize;
    while day + 10 < factors.len() {
        let kind = match random.whole(0, 99) {
            0..=25 => Kind::Zero,
            26..=41 => Kind::Outage,
            42..=49 => Kind::HalfDay,
            50..=61 => Kind::Dip50,
            62..=64 => Kind::Dip30,
            65..=76 => Kind::Surge50,
            77..=97 => Kind::Spike,
            _ => Kind::Decline,
        };
        for (after, factor) in kind.factors(random).into_iter().enumerate() {
            factors[day + after] = factor;
            incidents[day + after] = Some(kind);
        }
        day += random.whole(16, 45) as usize;
    }
}

/// A new level that lasts. Its first three days are an incident; of the next four nobody can say whether they are still one.
fn put_shift(
    random: &mut Random,
    factors: &mut [f64],
    incidents: &mut [Option<Kind>],
    is_scored: &mut [bool],
) {
    let day = random.whole(50, 120) as usize;
    if incidents[day - 8..day + 12].iter().any(Option::is_some) {
        return;
    }
    let factor =
        if random.chance(0.5) { random.between(0.4, 0.65) } else { random.between(1.5, 2.5) };
    for later in &mut factors[day..] {
        *later *= factor;
    }
    incidents[day..day + 3].fill(Some(Kind::Shift));
    is_scored[day + 3..day + 7].fill(false);
}
