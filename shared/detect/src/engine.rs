//! The one engine behind all monitors of values: season, level, noise, and the interval that follows.

use std::rc::Rc;

use chrono::{DateTime, Utc};

use crate::calendar::{DAY, WEEK, local_seconds};
use crate::interval::{self, Interval};
use crate::level::{Adoption, Level, Step, typical_step};
use crate::profile::{Cycle, Place, Profile};
use crate::recurrence;
use crate::robust::quantile;
use crate::scale::Scale;
use crate::settings::{Season, Settings};

/// From how many points on there are statistics.
pub(crate) const FEWEST: usize = 7;
/// After how long without anything a series is taken as dead, in seconds: four weeks.
pub(crate) const DEAD_AFTER: i64 = 28 * DAY;

/// What kind of values a series has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Rows, bytes: never negative, and nothing at all is an outage.
    Volume,
    /// Any number.
    Quantity,
    /// A share of rows.
    Share,
}

/// A point as the engine keeps it: finite and not excluded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observation {
    pub at: i64,
    pub local: i64,
    pub value: f64,
    pub rows: f64,
    pub is_anomaly: bool,
    /// The place of the value on the scale of counts, which most series are on.
    place: f64,
}

impl Observation {
    pub fn new(
        at: DateTime<Utc>,
        value: f64,
        rows: f64,
        is_anomaly: bool,
        settings: &Settings,
    ) -> Self {
        Self {
            at: at.timestamp(),
            local: local_seconds(at, settings.time_zone.0),
            value,
            rows,
            is_anomaly,
            place: Scale::Count.forward(value),
        }
    }
}

impl Observation {
    /// The place of the value on a scale.
    pub fn place(&self, scale: Scale) -> f64 {
        if scale == Scale::Count { self.place } else { scale.forward(self.value) }
    }
}

/// How often points come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Finer than daily.
    Fine,
    /// About daily.
    Daily,
    /// Weekly, monthly.
    Slow,
}

/// The distance of the points, causally: of those before the tested one, and up to it.
pub(crate) fn spacing(observations: &[Observation], at: i64) -> i64 {
    let mut apart = Vec::with_capacity(41);
    let mut later = at;
    for observation in observations.iter().rev().take(40) {
        if later > observation.at {
            apart.push((later - observation.at) as f64);
        }
        later = observation.at;
    }
    quantile(&mut apart, 0.25).map_or(DAY, |apart| apart as i64).max(1)
}

pub(crate) fn pace(spacing: i64) -> Pace {
    match spacing {
        ..64_800 => Pace::Fine,
        64_800..=259_200 => Pace::Daily,
        _ => Pace::Slow,
    }
}

/// How far back is looked, in seconds.
pub(crate) fn memory(pace: Pace) -> i64 {
    match pace {
        Pace::Fine => 35 * DAY,
        Pace::Daily => 70 * DAY,
        Pace::Slow => 3 * 365 * DAY,
    }
}

/// A season that was learnt for a day, kept for the other points of that day.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cache {
    of_day: Option<((i64, i64), Scale, Rc<Profile>)>,
}

/// The interval of a point, from the points before it. None while there are too few.
pub(crate) fn forecast(
    observations: &[Observation],
    target: &Observation,
    measure: Measure,
    settings: &Settings,
    cache: &mut Cache,
) -> Option<Interval> {
    let spacing = spacing(observations, target.at);
    let pace = pace(spacing);
    // Of a series finer than daily a day's points share what was learnt from the days before: see `season`.
    let (window, until) = match pace {
        Pace::Fine => {
            let today = target.local.div_euclid(DAY) * DAY;
            let first = observations.partition_point(|point| point.local < today - memory(pace));
            (&observations[first..], today)
        }
        Pace::Daily | Pace::Slow => (recent(observations, target.at - memory(pace)), target.local),
    };
    let pardoned;
    let window = match recurrence::pardon(window, until, pace, spacing) {
        Some(window) => {
            pardoned = window;
            &pardoned[..]
        }
        None => window,
    };
    let learnt_from = window.iter().filter(|observation| !observation.is_anomaly).count();
    if learnt_from < FEWEST {
        return None;
    }
    let slot = match pace {
        Pace::Fine => slot_of(spacing),
        Pace::Daily | Pace::Slow => DAY,
    };
    let (scale, profile) = season(window, target, measure, (pace, slot), settings, cache);
    let followed = match pace {
        Pace::Fine => thin(recent(window, target.at - 10 * DAY)),
        Pace::Daily | Pace::Slow => window,
    };
    let mut steps: Vec<Step> =
        followed.iter().map(|observation| step(observation, scale, &profile)).collect();
    let adoption = Adoption {
        after: settings.adopt_after.unwrap_or_else(|| adopt_after(pace, spacing)),
        collapse: if measure == Measure::Volume { std::f64::consts::LN_10 } else { f64::INFINITY },
        lasting: DEAD_AFTER,
    };
    let unit = typical_step(&steps).max(scale.least_noise());
    let level = Level::follow(&mut steps, unit, adoption)?;
    let span = window.first().map_or(0, |first| target.at - first.at);
    let known = interval::Known {
        scale,
        profile: &profile,
        level,
        pace,
        spacing,
        adoption,
        span,
        learnt_from,
    };
    Some(interval::around(&known, window, target, settings))
}

/// The observations from a moment on.
pub(crate) fn recent(observations: &[Observation], from: i64) -> &[Observation] {
    &observations[observations.partition_point(|observation| observation.at < from)..]
}

/// The most points whose level is followed: of finer series the last of them.
const MOST_STEPS: usize = 400;

fn thin(observations: &[Observation]) -> &[Observation] {
    &observations[observations.len().saturating_sub(MOST_STEPS)..]
}

/// The part of a day that has a season of its own: an hour, or a quarter of it of finer series.
fn slot_of(spacing: i64) -> i64 {
    match spacing {
        ..=1_800 => 900,
        1_801..=5_400 => 3_600,
        5_401..=18_000 => 2 * 3_600,
        _ => 4 * 3_600,
    }
}

fn adopt_after(pace: Pace, spacing: i64) -> usize {
    match pace {
        Pace::Fine => (DAY / spacing).max(5) as usize,
        Pace::Daily => 5,
        Pace::Slow => 4,
    }
}

fn step(observation: &Observation, scale: Scale, profile: &Profile) -> Step {
    let place = observation.place(scale);
    Step {
        at: observation.at,
        place: place - profile.at(observation.local),
        nature: match scale {
            Scale::Count => 1.0 / (1.0 + observation.value.max(0.0)),
            _ => scale.nature(place, observation.rows),
        },
        noise: 0.0,
        is_anomaly: observation.is_anomaly,
    }
}

/// Scale and season. Of a series finer than daily both are learnt from the days before, so that the points of a day share them.
fn season(
    window: &[Observation],
    target: &Observation,
    measure: Measure,
    (pace, slot): (Pace, i64),
    settings: &Settings,
    cache: &mut Cache,
) -> (Scale, Rc<Profile>) {
    let learn = |window| {
        let (scale, profile) = learn_season(window, measure, (pace, slot), settings);
        (scale, Rc::new(profile))
    };
    if pace != Pace::Fine {
        return learn(window);
    }
    let today = target.local.div_euclid(DAY);
    if let Some((day, scale, profile)) = &cache.of_day
        && *day == (today, slot)
    {
        return (*scale, Rc::clone(profile));
    }
    let before = &window[..window.partition_point(|observation| observation.local < today * DAY)];
    if before.is_empty() {
        return learn(window);
    }
    let (scale, profile) = learn(before);
    cache.of_day = Some(((today, slot), scale, Rc::clone(&profile)));
    (scale, profile)
}

fn learn_season(
    window: &[Observation],
    measure: Measure,
    (pace, slot): (Pace, i64),
    settings: &Settings,
) -> (Scale, Profile) {
    let taught = || window.iter().filter(|observation| !observation.is_anomaly);
    let values = taught().map(|observation| observation.value);
    let scale = match measure {
        Measure::Volume => Scale::of_volume(values),
        Measure::Quantity => Scale::of_quantity(values),
        Measure::Share => Scale::Share,
    };
    let span = match (window.first(), window.last()) {
        (Some(first), Some(last)) => last.local - first.local,
        _ => 0,
    };
    let cycles = cycles(pace, span, settings.season);
    if cycles.is_empty() {
        return (scale, Profile::flat());
    }
    let places: Vec<Place> = taught()
        .map(|observation| Place { local: observation.local, place: observation.place(scale) })
        .collect();
    (scale, Profile::best(&places, slot, &cycles))
}

/// The seasons that can be told apart after a time.
fn cycles(pace: Pace, span: i64, season: Season) -> Vec<Cycle> {
    let mut cycles = Vec::with_capacity(4);
    let (may_day, may_week) = match season {
        Season::Auto => (true, true),
        Season::None => (false, false),
        Season::Day => (true, false),
        Season::Week => (false, true),
    };
    if season == Season::Auto {
        cycles.push(Cycle::None);
    }
    let days = |count: i64| count * DAY - DAY / 2;
    if pace == Pace::Fine && may_day && span >= days(2) {
        cycles.push(Cycle::Day);
    }
    if pace == Pace::Fine && may_week && span >= days(14) {
        cycles.push(Cycle::Workday);
    }
    // The last of 21 daily points comes 20 days after the first.
    if pace != Pace::Slow && may_week && span >= 3 * WEEK - 3 * DAY / 2 {
        cycles.push(Cycle::Week);
    }
    cycles
}
