//! For how long data was bad.
//!
//! Downtime is the time in which at least one incident that counts is unresolved, from when the data
//! became bad, not from when that was noticed. An incident counts from [`Severity::Medium`] up, by its
//! own findings at their worst, and of every monitor but two: a change of lineage does not make data
//! bad, and what is stuck on its way shows as freshness of the dataset that misses it. What is grouped
//! under a root counts for its own dataset. A flap is one stretch: see [`super::machine::FLAP`].
//!
//! Where no two incidents of a dataset overlap, all are resolved and all lie in the period, downtime is
//! what the textbooks say: incidents × (mean time to detect + mean time to resolve).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Incident, Monitor, Severity};

/// A stretch of time, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its start.
    pub from: DateTime<Utc>,
    /// Its end.
    pub to: DateTime<Utc>,
}

/// For how long data was bad in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Downtime {
    /// How many incidents counted.
    pub incidents: u64,
    /// Seconds in which the data was bad; of a domain, those of its datasets together.
    pub downtime_seconds: f64,
    /// Seconds from when data became bad to when that was noticed, on average.
    pub mean_seconds_to_detect: Option<f64>,
    /// Seconds from there to when it was good again, on average of those that are resolved.
    pub mean_seconds_to_resolve: Option<f64>,
    /// The share of the period in which the data was good, from 0 to 1; of a domain, on average of its
    /// datasets.
    pub attainment: f64,
}

impl Period {
    /// The day of a date (UTC).
    pub fn day(date: NaiveDate) -> Self {
        let from = date.and_time(NaiveTime::MIN).and_utc();
        Self { from, to: from + Days::new(1) }
    }

    fn seconds(self) -> f64 {
        seconds((self.to - self.from).max(TimeDelta::zero()))
    }

    fn days(self) -> impl Iterator<Item = NaiveDate> {
        let last = self.to - TimeDelta::microseconds(1);
        self.from.date_naive().iter_days().take_while(move |date| *date <= last.date_naive())
    }

    fn overlap(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }
}

fn seconds(duration: TimeDelta) -> f64 {
    duration.as_seconds_f64()
}

/// Whether an incident makes downtime.
pub fn counts(incident: &Incident) -> bool {
    let monitor = !matches!(incident.key.monitor, Monitor::Lineage | Monitor::Delivery);
    monitor && incident.worst_severity >= Severity::Medium
}

/// The downtime of a dataset in a period, from its incidents. What is unresolved at the period's end
/// is bad to its end: end it now to ask for what was so far.
pub fn of_dataset(incidents: &[Incident], period: Period) -> Downtime {
    let counted: Vec<&Incident> = incidents
        .iter()
        .filter(|incident| counts(incident) && !clipped(incident, period).is_empty())
        .collect();
    let stretches = counted.iter().map(|incident| clipped(incident, period));
    let downtime_seconds = union_seconds(stretches.collect());
    let detect = counted.iter().map(|incident| seconds(incident.opened_at - incident.since));
    let resolve = counted
        .iter()
        .filter_map(|incident| Some(seconds(incident.resolved_at? - incident.opened_at)));
    Downtime {
        incidents: counted.len() as u64,
        downtime_seconds,
        mean_seconds_to_detect: mean(detect),
        mean_seconds_to_resolve: mean(resolve),
        attainment: attainment(downtime_seconds, period.seconds()),
    }
}

/// The downtime of a dataset on each day (UTC) of a period.
pub fn by_day(incidents: &[Incident], period: Period) -> BTreeMap<NaiveDate, Downtime> {
    let of_day = |date| (date, of_dataset(incidents, period.overlap(Period::day(date))));
    period.days().map(of_day).collect()
}

/// The downtime of every dataset in a period. `datasets` names those without an incident too.
pub fn by_dataset(
    incidents: &[Incident],
    datasets: &BTreeSet<String>,
    period: Period,
) -> BTreeMap<String, Downtime> {
    let mut of: BTreeMap<&str, Vec<Incident>> =
        datasets.iter().map(|name| (name.as_str(), Vec::new())).collect();
    for incident in incidents {
        of.entry(&incident.key.dataset).or_default().push(incident.clone());
    }
    of.into_iter().map(|(name, of)| (name.to_owned(), of_dataset(&of, period))).collect()
}

/// The downtime of every domain in a period. `domains` has every dataset's domain; a dataset that is
/// not in it is of no domain, and left out.
pub fn by_domain(
    incidents: &[Incident],
    domains: &BTreeMap<String, String>,
    period: Period,
) -> BTreeMap<String, Downtime> {
    let mut members: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (dataset, domain) in domains {
        members.entry(domain).or_default().insert(dataset);
    }
    let mut found = BTreeMap::new();
    for (domain, datasets) in members {
        let mut all = Vec::new();
        let mut downtime_seconds = 0.0;
        for dataset in &datasets {
            let of = incidents.iter().filter(|incident| incident.key.dataset == *dataset);
            let of: Vec<Incident> = of.cloned().collect();
            downtime_seconds += of_dataset(&of, period).downtime_seconds;
            all.extend(of);
        }
        let possible = period.seconds() * datasets.len() as f64;
        let together = of_dataset(&all, period);
        let attainment = attainment(downtime_seconds, possible);
        let together = Downtime { downtime_seconds, attainment, ..together };
        found.insert(domain.to_owned(), together);
    }
    found
}

impl Period {
    fn is_empty(self) -> bool {
        self.from >= self.to
    }
}

/// When an incident's data was bad, as far as that lies in a period.
fn clipped(incident: &Incident, period: Period) -> Period {
    let to = incident.resolved_at.unwrap_or(period.to);
    period.overlap(Period { from: incident.since, to })
}

fn union_seconds(mut stretches: Vec<Period>) -> f64 {
    stretches.sort_by_key(|stretch| stretch.from);
    let mut total = TimeDelta::zero();
    let mut reached = DateTime::<Utc>::MIN_UTC;
    for stretch in stretches {
        let from = stretch.from.max(reached);
        total += (stretch.to - from).max(TimeDelta::zero());
        reached = reached.max(stretch.to);
    }
    seconds(total)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn attainment(downtime: f64, possible: f64) -> f64 {
    if possible > 0.0 { (1.0 - downtime / possible).clamp(0.0, 1.0) } else { 1.0 }
}
