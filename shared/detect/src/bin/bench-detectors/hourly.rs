//! A fleet of hourly series: hours of the day, working days and weekends, and incidents that last for hours.

use chrono::TimeDelta;

use crate::baselines::Build;
use crate::fleet::{Point, Points, first_day};
use crate::incident::Kind;
use crate::random::Random;

/// How long the series are, and from which hour on verdicts count.
const HOURS: usize = 70 * 24;
const SCORED_FROM: usize = 28 * 24;

/// The hourly fleet of a seed.
pub fn hourly(seed: u64, count: usize) -> Vec<Points> {
    let mut random = Random::new(seed ^ 0x4855);
    (0..count).map(|_| series(&mut random)).collect()
}

fn series(random: &mut Random) -> Points {
    let base = random.of_any_size(30.0, 100_000.0);
    let noise = random.of_any_size(0.03, 0.2);
    let weekend = if random.chance(0.3) { 1.0 } else { random.between(0.2, 0.9) };
    let (peak, depth) = (random.between(9.0, 20.0), random.between(0.0, 0.9));
    let second = random.between(0.0, 0.4);
    let persistence = random.between(0.0, 0.6);
    let growth = random.between(-0.0001, 0.0003);
    let (factors, incidents) = incidents(random);
    let mut deviation = 0.0;
    let mut points = Vec::with_capacity(HOURS);
    for hour in 0..HOURS {
        let of_day = std::f64::consts::TAU * ((hour % 24) as f64 - peak) / 24.0;
        let shape = 1.0 + depth * (of_day.cos() + second * (2.0 * of_day).cos()) / (1.0 + second);
        let week = if hour / 24 % 7 >= 5 { weekend } else { 1.0 };
        deviation =
            persistence * deviation + (1.0 - persistence * persistence).sqrt() * random.normal();
        let mean =
            base * shape * week * (growth * hour as f64 + noise * deviation).exp() * factors[hour];
        points.push(Point {
            at: first_day() + TimeDelta::hours(hour as i64),
            value: random.poisson(mean),
            incident: incidents[hour],
            is_scored: hour >= SCORED_FROM,
        });
    }
    points
}

fn incidents(random: &mut Random) -> (Vec<f64>, Vec<Option<Kind>>) {
    let mut factors = vec![1.0; HOURS];
    let mut incidents = vec![None; HOURS];
    let mut hour = SCORED_FROM + random.whole(10, 150) as usize;
    while hour + 40 < HOURS {
        let (kind, factor, hours) = match random.whole(0, 99) {
            0..=34 => (Kind::Zero, 0.0, random.whole(2, 10)),
            35..=54 => (Kind::Dip50, 0.5, random.whole(4, 14)),
            55..=69 => (Kind::Surge50, 1.5, random.whole(4, 14)),
            70..=84 => (Kind::Spike, random.of_any_size(2.0, 8.0), random.whole(1, 4)),
            _ => (Kind::Dip30, 0.7, random.whole(6, 18)),
        };
        for later in hour..hour + hours as usize {
            factors[later] = factor;
            incidents[later] = Some(kind);
        }
        hour += random.whole(80, 260) as usize;
    }
    (factors, incidents)
}

/// How a detector does on the hourly fleet, by episodes.
#[derive(Debug, Clone, Default)]
pub struct Episodes {
    found: usize,
    all: usize,
    by_kind: std::collections::BTreeMap<Kind, (usize, usize)>,
    false_episodes: usize,
    hours: usize,
    delay: usize,
}

impl Episodes {
    /// Runs a detector over a fleet.
    pub fn run(&mut self, build: Build, fleet: &[Points]) {
        for points in fleet {
            let mut detector = build();
            let flagged: Vec<bool> =
                points.iter().map(|point| detector.judge(point.at, point.value)).collect();
            self.count_incidents(points, &flagged);
            self.count_false(points, &flagged);
        }
    }

    fn count_incidents(&mut self, points: &Points, flagged: &[bool]) {
        let mut hour = 0;
        while hour < points.len() {
            let Some(kind) = points[hour].incident else {
                hour += 1;
                continue;
            };
            let begin = hour;
            while hour < points.len() && points[hour].incident.is_some() {
                hour += 1;
            }
            let entry = self.by_kind.entry(kind).or_default();
            entry.1 += 1;
            self.all += 1;
            if let Some(delay) = flagged[begin..hour].iter().position(|&flag| flag) {
                entry.0 += 1;
                self.found += 1;
                self.delay += delay;
            }
        }
    }

    /// Alerts that are not within an incident or two hours after it, those within three hours of each other being one.
    fn count_false(&mut self, points: &Points, flagged: &[bool]) {
        let (mut last_incident, mut last_flag) = (None, None);
        for (hour, point) in points.iter().enumerate() {
            if point.incident.is_some() {
                last_incident = Some(hour);
            }
            if !point.is_scored {
                continue;
            }
            self.hours += 1;
            if !flagged[hour] {
                continue;
            }
            let is_new = last_flag.is_none_or(|last| hour > last + 3);
            last_flag = Some(hour);
            if is_new && last_incident.is_none_or(|last| hour > last + 2) {
                self.false_episodes += 1;
            }
        }
    }

    /// The part of the incidents that was found.
    pub fn recall(&self) -> f64 {
        self.found as f64 / self.all.max(1) as f64
    }

    /// How many false episodes there are a series and week.
    pub fn false_a_week(&self) -> f64 {
        self.false_episodes as f64 * 168.0 / self.hours.max(1) as f64
    }

    /// A line of the table.
    pub fn line(&self, name: &str) -> String {
        let kinds = self
            .by_kind
            .values()
            .map(|&(found, all)| format!(" {:.2} |", found as f64 / all.max(1) as f64))
            .collect::<Vec<_>>()
            .concat();
        let delay = self.delay as f64 / self.found.max(1) as f64;
        format!(
            "| {name} | {:.3} | {:.3} | {delay:.1} |{kinds}",
            self.recall(),
            self.false_a_week()
        )
    }

    /// The head of the table.
    pub fn head() -> String {
        let kinds = [Kind::Zero, Kind::Dip50, Kind::Dip30, Kind::Surge50, Kind::Spike];
        let names =
            kinds.iter().map(|kind| format!(" {} |", kind.name())).collect::<Vec<_>>().concat();
        let rule = "---|".repeat(9);
        format!(
            "| detector, hourly | recall of episodes | false episodes / week | hours to find |{names}\n|{rule}"
        )
    }
}
