//! How good detectors are on daily series.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::baselines::Build;
use crate::fleet::Points;
use crate::incident::Kind;

/// What a detector did to a fleet.
#[derive(Debug, Clone, Default)]
pub struct Score {
    hits: usize,
    misses: usize,
    false_alerts: usize,
    quiet: usize,
    by_kind: BTreeMap<Kind, (usize, usize)>,
    series: usize,
    points: usize,
    took: Duration,
}

impl Score {
    /// Runs a detector over a fleet.
    pub fn run(&mut self, build: Build, fleet: &[Points]) {
        for points in fleet {
            let mut detector = build();
            let started = std::time::Instant::now();
            let verdicts: Vec<bool> =
                points.iter().map(|point| detector.judge(point.at, point.value)).collect();
            self.took += started.elapsed();
            self.series += 1;
            self.points += points.len();
            for (point, is_flagged) in points.iter().zip(verdicts) {
                if point.is_scored {
                    self.count(point.incident, is_flagged);
                }
            }
        }
    }

    fn count(&mut self, incident: Option<Kind>, is_flagged: bool) {
        match (incident, is_flagged) {
            (None, false) => self.quiet += 1,
            (None, true) => self.false_alerts += 1,
            (Some(kind), _) => {
                let entry = self.by_kind.entry(kind).or_default();
                entry.1 += 1;
                if is_flagged {
                    entry.0 += 1;
                    self.hits += 1;
                } else {
                    self.misses += 1;
                }
            }
        }
    }

    pub fn precision(&self) -> f64 {
        self.hits as f64 / (self.hits + self.false_alerts).max(1) as f64
    }

    pub fn recall(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses).max(1) as f64
    }

    pub fn f1(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        2.0 * precision * recall / (precision + recall).max(1e-9)
    }

    pub fn false_alerts(&self) -> f64 {
        100.0 * self.false_alerts as f64 / (self.false_alerts + self.quiet).max(1) as f64
    }

    /// The recall of a kind of incident, if the fleet has it.
    pub fn recall_of(&self, kind: Kind) -> Option<f64> {
        self.by_kind.get(&kind).map(|&(found, all)| found as f64 / all.max(1) as f64)
    }

    /// A line of the table.
    pub fn line(&self, name: &str) -> String {
        let kinds = Kind::ALL
            .iter()
            .map(|&kind| {
                self.recall_of(kind).map_or(" – |".to_owned(), |recall| format!(" {recall:.2} |"))
            })
            .collect::<Vec<_>>()
            .concat();
        let micros = self.took.as_secs_f64() * 1e6 / self.points.max(1) as f64;
        format!(
            "| {name} | {:.3} | {:.3} | {:.3} | {:.3} |{kinds} {micros:.1} |",
            self.precision(),
            self.recall(),
            self.f1(),
            self.false_alerts()
        )
    }

    /// The head of the table.
    pub fn head() -> String {
        let kinds =
            Kind::ALL.iter().map(|kind| format!(" {} |", kind.name())).collect::<Vec<_>>().concat();
        let rule = "---|".repeat(6 + Kind::ALL.len());
        format!(
            "| detector | precision | recall | F1 | false alerts / 100 days |{kinds} µs a point |\n|{rule}"
        )
    }
}
