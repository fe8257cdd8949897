//! The detectors of others, as they are described, to be compared with.

use chrono::{DateTime, Datelike, Utc};
use detect::{Series, Settings};

/// A detector that sees the points of one series one by one.
pub trait Detector {
    /// Whether a point is an anomaly.
    fn judge(&mut self, at: DateTime<Utc>, value: f64) -> bool;
}

/// This crate's.
pub struct Own(Series);

impl Own {
    pub fn new() -> Self {
        Self(Series::new(Settings::default()))
    }
}

impl Detector for Own {
    fn judge(&mut self, at: DateTime<Utc>, value: f64) -> bool {
        self.0.push(at, value).anomaly
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let sum: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (sum / (values.len() as f64 - 1.0).max(1.0)).sqrt()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    f64::midpoint(low, high)
}

fn tail(values: &[f64], count: usize) -> &[f64] {
    &values[values.len().saturating_sub(count)..]
}

/// Elementary's default: |z| > 3 over 14 days, the tested point among them; by weekday if `is_weekly`.
pub struct Score {
    pub is_weekly: bool,
    pub values: [Vec<f64>; 7],
}

impl Detector for Score {
    fn judge(&mut self, at: DateTime<Utc>, value: f64) -> bool {
        let phase = if self.is_weekly { at.weekday().num_days_from_monday() as usize } else { 0 };
        let values = &mut self.values[phase];
        values.push(value);
        let window = tail(values, 14);
        let deviation = deviation(window);
        window.len() >= 3 && deviation > 0.0 && (value - mean(window)).abs() > 3.0 * deviation
    }
}

/// `re_data`'s: 0.6745 · (x − median) / MAD beyond 3, over 30 days.
#[derive(Default)]
pub struct MedianDeviation(Vec<f64>);

impl Detector for MedianDeviation {
    fn judge(&mut self, _: DateTime<Utc>, value: f64) -> bool {
        self.0.push(value);
        let window = tail(&self.0, 30);
        let middle = median(window);
        let apart: Vec<f64> = window.iter().map(|value| (value - middle).abs()).collect();
        let typical = median(&apart);
        window.len() >= 7 && typical > 0.0 && 0.6745 * (value - middle).abs() / typical > 3.0
    }
}

/// deequ's `OnlineNormal`: the mean of all points so far ± 3 σ.
#[derive(Default)]
pub struct Running(Vec<f64>);

impl Detector for Running {
    fn judge(&mut self, _: DateTime<Utc>, value: f64) -> bool {
        let is_far = (value - mean(&self.0)).abs() > 3.0 * deviation(&self.0);
        let is_anomaly = self.0.len() >= 7 && is_far;
        self.0.push(value);
        is_anomaly
    }
}

/// deequ's `HoltWinters`: additive, weekly; beyond 1.96 σ of the |residuals|. Its weights are fitted anew every week.
#[derive(Default)]
pub struct HoltWinters {
    values: Vec<f64>,
    weights: Option<(usize, [f64; 3])>,
}

impl HoltWinters {
    /// The residuals and the next value.
    fn run(values: &[f64], [alpha, beta, gamma]: [f64; 3]) -> (Vec<f64>, f64) {
        let first = mean(&values[..7]);
        let (mut level, mut trend) = (first, (mean(&values[7..14]) - first) / 7.0);
        let mut season: Vec<f64> = values[..7].iter().map(|value| value - first).collect();
        let mut residuals = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate().skip(7) {
            let phase = index % 7;
            residuals.push(value - (level + trend + season[phase]));
            let before = level;
            level = alpha * (value - season[phase]) + (1.0 - alpha) * (level + trend);
            trend = beta * (level - before) + (1.0 - beta) * trend;
            season[phase] = gamma * (value - level) + (1.0 - gamma) * season[phase];
        }
        (residuals, level + trend + season[values.len() % 7])
    }

    fn fit(values: &[f64]) -> [f64; 3] {
        let mut best = (f64::INFINITY, [0.0; 3]);
        for alpha in [0.05, 0.15, 0.3, 0.6] {
            for beta in [0.0, 0.05, 0.2] {
                for gamma in [0.05, 0.2, 0.5] {
                    let weights = [alpha, beta, gamma];
                    let (residuals, _) = Self::run(values, weights);
                    let error: f64 = residuals.iter().map(|residual| residual * residual).sum();
                    if error < best.0 {
                        best = (error, weights);
                    }
                }
            }
        }
        best.1
    }
}

impl Detector for HoltWinters {
    fn judge(&mut self, _: DateTime<Utc>, value: f64) -> bool {
        let mut is_anomaly = false;
        let count = self.values.len();
        if count >= 21 {
            let weights = match self.weights {
                Some((at, weights)) if count < at + 7 => weights,
                _ => Self::fit(&self.values),
            };
            if self.weights.is_none_or(|(at, _)| count >= at + 7) {
                self.weights = Some((count, weights));
            }
            let (residuals, expected) = Self::run(&self.values, weights);
            let sizes: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
            is_anomaly = (value - expected).abs() > 1.96 * deviation(&sizes);
        }
        self.values.push(value);
        is_anomaly
    }
}

/// The median of the same weekday × the recent level; log residual beyond 4 × max(MAD, ½ σ, 2 %), a Poisson floor; confirmed anomalies
/// teach nothing until seven in a row.
#[derive(Default)]
pub struct PhaseMedian {
    points: Vec<(usize, f64, bool)>,
    run: usize,
}

impl PhaseMedian {
    fn expected(points: &[&(usize, f64, bool)], phase: usize) -> Option<f64> {
        let usual = |phase: usize| {
            let same: Vec<f64> =
                points.iter().filter(|point| point.0 == phase).map(|point| point.1).collect();
            (same.len() >= 3).then(|| median(tail(&same, 8)))
        };
        let ratios: Vec<f64> = points
            .iter()
            .rev()
            .take(7)
            .filter_map(|point| usual(point.0).map(|usual| point.1 - usual))
            .collect();
        (!ratios.is_empty()).then(|| usual(phase).map(|usual| usual + median(&ratios))).flatten()
    }
}

impl Detector for PhaseMedian {
    fn judge(&mut self, at: DateTime<Utc>, value: f64) -> bool {
        let phase = at.weekday().num_days_from_monday() as usize;
        let place = value.ln_1p();
        let known: Vec<&(usize, f64, bool)> = self.points.iter().filter(|point| !point.2).collect();
        let known = &known[known.len().saturating_sub(70)..];
        let mut is_anomaly = false;
        if let Some(expected) = Self::expected(known, phase) {
            let first = known.len().saturating_sub(28);
            let misses: Vec<f64> = (first..known.len())
                .filter_map(|index| {
                    Self::expected(&known[..index], known[index].0)
                        .map(|usual| known[index].1 - usual)
                })
                .collect();
            if misses.len() >= 7 {
                let sizes: Vec<f64> = misses.iter().map(|miss| miss.abs()).collect();
                let noise = (1.4826 * median(&sizes)).max(0.5 * deviation(&misses)).max(0.02);
                let noise = noise.max((-expected).exp().sqrt());
                is_anomaly = (place - expected).abs() > 5.0 * noise;
            }
        }
        self.run = if is_anomaly { self.run + 1 } else { 0 };
        if self.run >= 7 && value > 0.0 {
            let count = self.points.len();
            for point in &mut self.points[count - 6..] {
                point.2 = false;
            }
            is_anomaly = false;
        }
        self.points.push((phase, place, is_anomaly));
        is_anomaly
    }
}

/// A new detector for a series.
pub type Build = fn() -> Box<dyn Detector>;

/// A detector: its name, whether it knows daily series alone, and how it is made.
struct Entry(&'static str, bool, Build);

const ALL: [Entry; 7] = [
    Entry("z-score, 14 days", false, || {
        Box::new(Score { is_weekly: false, values: Default::default() })
    }),
    Entry("z-score by weekday", true, || {
        Box::new(Score { is_weekly: true, values: Default::default() })
    }),
    Entry("median deviation, 30 days", false, || Box::new(MedianDeviation::default())),
    Entry("running mean ± 3 σ", false, || Box::new(Running::default())),
    Entry("Holt-Winters, 1.96 σ", true, || Box::new(HoltWinters::default())),
    Entry("weekday median × level", true, || Box::new(PhaseMedian::default())),
    Entry("**this one**", false, || Box::new(Own::new())),
];

/// All of them, this crate's last.
pub fn all() -> Vec<(&'static str, Build)> {
    ALL.iter().map(|Entry(name, _, build)| (*name, *build)).collect()
}

/// Those that know hours.
pub fn of_hours() -> Vec<(&'static str, Build)> {
    ALL.iter()
        .filter(|Entry(_, is_daily, _)| !is_daily)
        .map(|Entry(name, _, build)| (*name, *build))
        .collect()
}
