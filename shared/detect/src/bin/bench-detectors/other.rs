//! A second fleet, made in another way: noise that is added, that has heavy tails or persists, seasons that are added or wander,
//! growth by steps of its own, more gaps, longer incidents. Nothing was tuned on it.

use chrono::TimeDelta;

use crate::fleet::{Point, Points, first_day};
use crate::incident::Kind;
use crate::random::Random;

const DAYS: usize = 180;
const SCORED_FROM: usize = 35;

/// The fleet of a seed.
pub fn daily(seed: u64, count: usize) -> Vec<Points> {
    let mut random = Random::new(seed ^ 0x07E4);
    (0..count).map(|_| series(&mut random)).collect()
}

/// The noise of a series: each draws around a mean in its own way.
enum Noise {
    Added { deviation: f64 },
    Gamma { shape: f64 },
    HeavyTailed { deviation: f64 },
    Persistent { deviation: f64 },
    Overdispersed { shape: f64 },
}

fn noise(random: &mut Random) -> Noise {
    let deviation = random.of_any_size(0.01, 0.1);
    match random.whole(0, 9) {
        0..=3 => Noise::Added { deviation },
        4..=5 => Noise::Gamma { shape: random.of_any_size(100.0, 3000.0) },
        6 => Noise::HeavyTailed { deviation: deviation * 0.7 },
        7..=8 => Noise::Persistent { deviation },
        _ => Noise::Overdispersed { shape: random.of_any_size(20.0, 200.0) },
    }
}

fn draw(random: &mut Random, noise: &Noise, mean: f64, last: &mut f64) -> f64 {
    let value = match noise {
        Noise::Added { deviation } => mean * (1.0 + deviation * random.normal()),
        Noise::Gamma { shape } => mean * random.gamma(*shape) / shape,
        Noise::HeavyTailed { deviation } => {
            // Student's t with five degrees of freedom.
            let wide = (random.gamma(2.5) / 2.5).sqrt().max(0.05);
            mean * (1.0 + deviation * random.normal() / wide)
        }
        Noise::Persistent { deviation } => {
            *last = 0.5 * *last + 0.866 * random.normal();
            mean * (deviation * *last).exp()
        }
        Noise::Overdispersed { shape } => {
            let mean = mean * random.gamma(*shape) / shape;
            random.poisson(mean)
        }
    };
    value.max(0.0).round()
}

fn series(random: &mut Random) -> Points {
    let base = random.of_any_size(15.0, 500_000.0);
    let noise = noise(random);
    let (depth, turn) = (random.between(0.0, 0.5), random.between(0.0, 7.0));
    let rests = random.chance(0.15);
    let final_growth = if random.chance(0.3) { random.between(-0.4, 1.0) } else { 0.0 };
    let missing = random.between(0.0, 0.05);
    let (factors, incidents) = incidents(random);
    let mut last = 0.0;
    let mut points = Vec::with_capacity(DAYS);
    for day in 0..DAYS {
        let of_week = std::f64::consts::TAU * ((day % 7) as f64 - turn) / 7.0;
        let season = 1.0 + depth * of_week.cos() - if rests && day % 7 == 6 { 0.4 } else { 0.0 };
        // From one level to another, as a product does that is taken up.
        let taken_up = 1.0 / (1.0 + (-(day as f64 - 90.0) / 20.0).exp());
        let mean = base * season.max(0.1) * (1.0 + final_growth * taken_up) * factors[day];
        let value = draw(random, &noise, mean, &mut last);
        if incidents[day].is_none() && random.chance(missing) {
            continue;
        }
        let at = first_day() + TimeDelta::days(day as i64 + 2);
        points.push(Point { at, value, incident: incidents[day], is_scored: day >= SCORED_FROM });
    }
    points
}

fn incidents(random: &mut Random) -> (Vec<f64>, Vec<Option<Kind>>) {
    let mut factors = vec![1.0; DAYS];
    let mut incidents = vec![None; DAYS];
    let mut day = SCORED_FROM + random.whole(0, 30) as usize;
    while day + 10 < DAYS {
        let days = random.whole(1, 4);
        let (kind, factor, days) = match random.whole(0, 9) {
            0..=1 => (Kind::Zero, 0.0, 1),
            2..=3 => (Kind::Outage, 0.0, 3),
            4 => (Kind::HalfDay, random.between(0.1, 0.6), 1),
            5..=6 => (Kind::Dip50, 0.5, days),
            7 => (Kind::Surge50, 1.5, days),
            8 => (Kind::Spike, 2.0, 1),
            _ => (Kind::Spike, random.between(3.0, 10.0), 1),
        };
        for later in day..day + days as usize {
            factors[later] = factor;
            incidents[later] = Some(kind);
        }
        day += random.whole(14, 50) as usize;
    }
    (factors, incidents)
}
