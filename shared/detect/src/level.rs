//! The level of a series without its season, followed from point to point.
//!
//! Simple exponential smoothing (Holt 1957, Brown 1959) whose steps are clipped; the weight of a new point is the one
//! that would have predicted the past best. Anomalies do not move it, until enough of them agree: then their level is
//! the new one, and the old one stays known for a while.

use crate::robust::{median, winsorised_deviation};

/// A point without its season.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Seconds since 1970.
    pub at: i64,
    /// The place on the scale, without the season.
    pub place: f64,
    /// The variance that the value has by its nature.
    pub nature: f64,
    /// How far it usually lies from its neighbours: set by `Level::follow`.
    pub noise: f64,
    /// Whether the point was judged to be an anomaly.
    pub is_anomaly: bool,
}

/// By how much a point missed what the points before it said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Residual {
    /// When.
    pub at: i64,
    /// By how much, on the scale.
    pub miss: f64,
    /// The variance that the value has by its nature.
    pub nature: f64,
    /// How far such points usually lie from their neighbours.
    pub noise: f64,
}

/// What must be agreed upon before anomalies become a new level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adoption {
    /// How many points in a row.
    pub after: usize,
    /// A level that lies lower than the old one by this much must last `lasting` seconds.
    pub collapse: f64,
    /// How long a level that is next to nothing must last.
    pub lasting: i64,
}

/// The level after the last point.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    /// The level, without drift.
    pub level: f64,
    /// By how much the next point lies above the level, of a series that grows.
    pub drift: f64,
    /// The weight that a new point has.
    pub weight: f64,
    /// What points missed by, oldest first.
    pub residuals: Vec<Residual>,
    /// The former level, and when it was left.
    pub former: Option<(f64, i64)>,
    /// The anomalies since the last point that was none.
    pub run: Vec<Step>,
    /// How many points the level was learnt from since it began.
    pub since: usize,
    /// When the level was last moved.
    pub moved_at: i64,
    scatter: f64,
}

/// The weights that are tried.
const WEIGHTS: [f64; 4] = [0.06, 0.14, 0.28, 0.5];
/// How many typical misses a single point may move the level by, before its weight.
const CLIP: f64 = 2.5;

impl Level {
    /// Follows the points with each weight and keeps what predicted best. None without a point to start from.
    pub fn follow(steps: &mut [Step], unit: f64, adoption: Adoption) -> Option<Self> {
        for step in steps.iter_mut() {
            step.noise = (unit * unit + step.nature).sqrt();
        }
        let mut best: Option<Self> = None;
        for weight in WEIGHTS {
            let found = Self::follow_with(steps, weight, adoption)?;
            if best.as_ref().is_none_or(|best| found.scatter < best.scatter * 0.98) {
                best = Some(found);
            }
        }
        best
    }

    fn follow_with(steps: &[Step], weight: f64, adoption: Adoption) -> Option<Self> {
        let mut level = Self::start(steps, weight)?;
        for step in steps {
            if step.is_anomaly {
                level.run.push(*step);
            } else {
                level.leave_run(step, adoption);
                level.learn(step);
            }
        }
        level.settle();
        Some(level)
    }

    fn start(steps: &[Step], weight: f64) -> Option<Self> {
        let mut first: Vec<f64> =
            steps.iter().filter(|step| !step.is_anomaly).take(5).map(|step| step.place).collect();
        Some(Self {
            level: median(&mut first)?,
            drift: 0.0,
            weight,
            residuals: Vec::with_capacity(steps.len()),
            former: None,
            run: Vec::new(),
            since: 0,
            moved_at: steps.first()?.at,
            scatter: 0.0,
        })
    }

    /// The first point that is no anomaly says what the anomalies before it were: a new level, or an incident.
    fn leave_run(&mut self, step: &Step, adoption: Adoption) {
        if self.run.is_empty() {
            return;
        }
        if let Some(new) = self.agreed(adoption)
            && (step.place - new).abs() < (step.place - self.level).abs()
        {
            self.former = Some((self.level, step.at));
            self.level = new;
            self.since = 0;
        }
        self.run.clear();
    }

    fn learn(&mut self, step: &Step) {
        let noise = step.noise;
        let mut miss = step.place - self.level;
        if let Some((former, _)) = self.former
            && miss.abs() > 4.0 * noise
            && (step.place - former).abs() < 0.5 * miss.abs()
        {
            self.former = Some((self.level, step.at));
            self.level = former;
            miss = step.place - former;
        }
        self.since += 1;
        // Before a level is known, each miss has the error of that level in it.
        let known = 1.0 + 1.0 / (self.since as f64 + 2.0);
        self.residuals.push(Residual {
            at: step.at,
            miss: miss / known.sqrt(),
            nature: step.nature,
            noise,
        });
        let weight = self.weight.max(1.0 / (self.since as f64 + 3.0));
        self.level += weight * miss.clamp(-CLIP * noise, CLIP * noise);
        self.moved_at = step.at;
    }

    /// What remains of the misses on average, beyond chance, is growth, which smoothing lags behind.
    fn settle(&mut self) {
        let limit = |residual: &Residual| 3.0 * residual.noise;
        let recent = &self.residuals[self.residuals.len().saturating_sub(28)..];
        if recent.len() >= 14 {
            let count = recent.len() as f64;
            let (mut sum, mut squares) = (0.0, 0.0);
            for residual in recent {
                let miss = residual.miss.clamp(-limit(residual), limit(residual));
                sum += miss;
                squares += miss * miss;
            }
            let drift = sum / count;
            self.drift = if drift.abs() > 2.0 * squares.sqrt() / count { drift } else { 0.0 };
        }
        let far = |residual: &Residual| (residual.miss - self.drift).abs().min(limit(residual));
        let sum: f64 = self.residuals.iter().map(far).sum();
        self.scatter = sum / self.residuals.len().max(1) as f64;
    }

    /// The variance of what points miss by, beside their nature. Points whose nature hides everything else (nothing on a weekend,
    /// beside thousands on other days) have no say in it.
    pub fn variance(&self, correction: f64) -> f64 {
        let mut natures: Vec<f64> = self.residuals.iter().map(|residual| residual.nature).collect();
        let most = 4.0 * median(&mut natures).unwrap_or(0.0);
        let telling = || self.residuals.iter().filter(|residual| residual.nature <= most);
        let misses: Vec<f64> = telling().map(|residual| residual.miss).collect();
        let nature =
            telling().map(|residual| residual.nature).sum::<f64>() / misses.len().max(1) as f64;
        let all = winsorised_deviation(&misses, self.drift, &mut natures);
        (all * all * correction - nature).max(0.0)
    }

    /// The level that the anomalies since the last ordinary point agree upon.
    pub fn agreed(&self, adoption: Adoption) -> Option<f64> {
        let run = &self.run;
        if run.len() < adoption.after {
            return None;
        }
        let tail = &run[run.len() - adoption.after..];
        let mut places: Vec<f64> = tail.iter().map(|step| step.place).collect();
        let centre = median(&mut places)?;
        let lasted = tail[tail.len() - 1].at - run[0].at;
        if centre < self.level - adoption.collapse && lasted < adoption.lasting {
            return None;
        }
        let close =
            tail.iter().filter(|step| (step.place - centre).abs() <= 2.5 * step.noise).count();
        let half = tail.len() / 2;
        let mean = |part: &[Step]| {
            part.iter().map(|step| step.place).sum::<f64>() / part.len().max(1) as f64
        };
        let slope = mean(&tail[tail.len() - half..]) - mean(&tail[..half]);
        let is_level = slope.abs() <= 2.0 * tail[0].noise;
        let agree = close * 5 >= tail.len() * 4 && is_level;
        // What goes on for so long without agreeing is how the series is now.
        (agree || run.len() >= 3 * adoption.after).then_some(centre)
    }
}

/// How far neighbouring points typically lie apart, as the deviation of one of them.
pub(crate) fn typical_step(steps: &[Step]) -> f64 {
    let mut apart = Vec::with_capacity(steps.len());
    let mut last: Option<f64> = None;
    for step in steps.iter().filter(|step| !step.is_anomaly) {
        if let Some(last) = last {
            apart.push((step.place - last).abs());
        }
        last = Some(step.place);
    }
    1.4826 * median(&mut apart).unwrap_or(0.0) / std::f64::consts::SQRT_2
}
