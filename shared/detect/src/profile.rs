//! The season: how far each hour or weekday usually lies from the level around it.

use crate::calendar::{DAY, WEEK, weekday};
use crate::robust::trimmed_mean;

/// After which time a season repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cycle {
    /// Never.
    None,
    /// By the time of day.
    Day,
    /// By the time of day, working days apart from weekends.
    Workday,
    /// By the time of the week.
    Week,
}

/// A point to learn the season from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Local seconds.
    pub local: i64,
    /// The place on the scale.
    pub place: f64,
}

/// A season that was learnt.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    cycle: Cycle,
    slot: i64,
    values: Vec<f64>,
    counts: Vec<u32>,
    /// How far points typically lie from level and season, each judged by a season learnt without it.
    scatter: f64,
}

impl Profile {
    /// No season.
    pub fn flat() -> Self {
        Self {
            cycle: Cycle::None,
            slot: DAY,
            values: vec![0.0],
            counts: vec![0],
            scatter: f64::INFINITY,
        }
    }

    /// The season among the cycles that predicts the points best.
    pub fn best(points: &[Place], slot: i64, cycles: &[Cycle]) -> Self {
        let mut best = Self::flat();
        for &cycle in cycles {
            let found = Self::learn(points, slot, cycle);
            if found.scatter < best.scatter {
                best = found;
            }
        }
        best
    }

    /// Learns level and season in turns until they no longer move each other much.
    pub fn learn(points: &[Place], slot: i64, cycle: Cycle) -> Self {
        let size = match cycle {
            Cycle::None => 1,
            Cycle::Day => (DAY / slot).max(1),
            Cycle::Workday => 2 * (DAY / slot).max(1),
            Cycle::Week => (WEEK / slot).max(1),
        } as usize;
        let mut profile =
            Self { cycle, slot, values: vec![0.0; size], counts: vec![0; size], scatter: 0.0 };
        let phases: Vec<usize> = points.iter().map(|point| profile.phase(point.local)).collect();
        for &phase in &phases {
            profile.counts[phase] += 1;
        }
        // Of daily points a week around, of finer ones a day: every phase is in it once.
        let half = if slot >= DAY { WEEK / 2 } else { DAY / 2 };
        let rounds = if cycle == Cycle::None { 1 } else { 3 };
        let mut rest: Vec<f64> = points.iter().map(|point| point.place).collect();
        if cycle != Cycle::None {
            // Where some phases are missing in some weeks, the level alone would take long to find them.
            profile.values = by_phase(&phases, &rest, &profile.counts);
        }
        for _ in 0..rounds {
            remainders(points, &phases, &profile.values, half, &mut rest);
            profile.values = by_phase(&phases, &rest, &profile.counts);
        }
        if cycle == Cycle::None {
            profile.values[0] = 0.0;
        }
        profile.scatter = profile.scatter_of(&phases, &rest);
        profile
    }

    /// How far the phase of a local time lies from the level.
    pub fn at(&self, local: i64) -> f64 {
        self.values.get(self.phase(local)).copied().unwrap_or(0.0)
    }

    /// From how many points the phase of a local time was learnt; none if there is no season.
    pub fn count(&self, local: i64) -> Option<u32> {
        if self.cycle == Cycle::None {
            return None;
        }
        Some(self.counts.get(self.phase(local)).copied().unwrap_or(0))
    }

    /// What the scatter of a point about its phase must be multiplied with, as the point was itself in it.
    pub fn correction(&self) -> f64 {
        if self.cycle == Cycle::None {
            return 1.0;
        }
        let known = self.counts.iter().filter(|&&count| count > 0).count().max(1);
        let mean = f64::from(self.counts.iter().sum::<u32>()) / known as f64;
        if mean > 1.5 { mean / (mean - 1.0) } else { 3.0 }
    }

    fn phase(&self, local: i64) -> usize {
        let of_day = local.rem_euclid(DAY) / self.slot;
        let slots = (DAY / self.slot).max(1);
        let phase = match self.cycle {
            Cycle::None => 0,
            Cycle::Day => of_day,
            Cycle::Workday => of_day + if weekday(local) >= 5 { slots } else { 0 },
            Cycle::Week if self.slot >= DAY => weekday(local) as i64,
            Cycle::Week => weekday(local) as i64 * slots + of_day,
        };
        phase as usize
    }

    fn scatter_of(&self, phases: &[usize], rest: &[f64]) -> f64 {
        let mut sum = 0.0;
        for (&phase, &rest) in phases.iter().zip(rest) {
            let (value, count) = (self.values[phase], f64::from(self.counts[phase]));
            sum += match self.cycle {
                Cycle::None => rest.abs(),
                _ if count < 1.5 => rest.abs(),
                _ => (rest - value).abs() * count / (count - 1.0),
            };
        }
        sum / rest.len().max(1) as f64
    }
}

/// What remains of each point without the level around it, the season taken out of that level.
fn remainders(points: &[Place], phases: &[usize], season: &[f64], half: i64, rest: &mut [f64]) {
    let (mut first, mut next, mut sum) = (0, 0, 0.0);
    for (index, point) in points.iter().enumerate() {
        while next < points.len() && points[next].local - point.local <= half {
            sum += points[next].place - season[phases[next]];
            next += 1;
        }
        while point.local - points[first].local > half {
            sum -= points[first].place - season[phases[first]];
            first += 1;
        }
        rest[index] = point.place - sum / (next - first).max(1) as f64;
    }
}

/// The mean of each phase without its extremes, moved so that the whole season has no level of its own.
fn by_phase(phases: &[usize], rest: &[f64], counts: &[u32]) -> Vec<f64> {
    let mut begins = Vec::with_capacity(counts.len() + 1);
    let mut total = 0usize;
    for &count in counts {
        begins.push(total);
        total += count as usize;
    }
    begins.push(total);
    let mut next = begins.clone();
    let mut sorted = vec![0.0; total];
    for (&phase, &rest) in phases.iter().zip(rest) {
        sorted[next[phase]] = rest;
        next[phase] += 1;
    }
    let mut values: Vec<f64> =
        begins.windows(2).map(|bounds| trimmed_mean(&mut sorted[bounds[0]..bounds[1]])).collect();
    let mut weight = 0.0;
    let mut sum = 0.0;
    for (value, &count) in values.iter().zip(counts) {
        if count > 0 {
            sum += value;
            weight += 1.0;
        }
    }
    let mean = if weight > 0.0 { sum / weight } else { 0.0 };
    for (value, &count) in values.iter_mut().zip(counts) {
        *value = if count > 0 { *value - mean } else { 0.0 };
    }
    values
}
