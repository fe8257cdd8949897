//! Producers of many calendars, that stop one day: is it noticed in time, and is nothing said before?

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use detect::{Settings, TimeZone as Zone, cadence};

use crate::random::Random;

/// A producer: when it is due, and by how much it is late at most (evenly spread) or on average (exponentially).
pub struct Producer {
    pub name: &'static str,
    zone: Tz,
    due: fn(NaiveDate) -> Vec<NaiveTime>,
    days: i64,
    late: i64,
    is_wild: bool,
}

fn time(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default()
}

fn is_working(day: NaiveDate) -> bool {
    day.weekday().num_days_from_monday() < 5
}

fn every(minutes: i64, from: i64, to: i64) -> Vec<NaiveTime> {
    (from..to)
        .step_by(minutes as usize)
        .map(|minute| NaiveTime::MIN + TimeDelta::minutes(minute))
        .collect()
}

fn last_working_day(day: NaiveDate) -> bool {
    is_working(day)
        && (1..=3).all(|later| {
            let next = day + TimeDelta::days(later);
            next.month() != day.month() || !is_working(next)
        })
}

/// The producers.
pub fn all() -> Vec<Producer> {
    let producer =
        |name, zone, due, days, late, is_wild| Producer { name, zone, due, days, late, is_wild };
    vec![
        producer("every minute", Tz::UTC, |_| every(1, 0, 1440), 9, 10, false),
        producer("every 15 minutes", Tz::UTC, |_| every(15, 0, 1440), 21, 60, false),
        producer("hourly", Tz::Europe__Berlin, |_| every(60, 5, 1440), 35, 240, false),
        producer("hourly, up to 30 minutes late", Tz::UTC, |_| every(60, 5, 1440), 35, 1800, false),
        producer(
            "three times a day",
            Tz::America__New_York,
            |_| vec![time(2, 0), time(9, 30), time(16, 0)],
            60,
            600,
            false,
        ),
        producer("daily", Tz::Europe__Berlin, |_| vec![time(2, 15)], 90, 900, false),
        producer(
            "daily, up to 3 hours late",
            Tz::Europe__Berlin,
            |_| vec![time(2, 15)],
            90,
            10_800,
            false,
        ),
        producer("daily, wild", Tz::UTC, |_| vec![time(4, 0)], 120, 1200, true),
        producer(
            "working days",
            Tz::America__New_York,
            |day| if is_working(day) { vec![time(6, 0)] } else { vec![] },
            90,
            1800,
            false,
        ),
        producer(
            "business hours, half-hourly",
            Tz::Europe__Berlin,
            |day| if is_working(day) { every(30, 540, 1050) } else { vec![] },
            42,
            120,
            false,
        ),
        producer(
            "business hours, hourly",
            Tz::America__New_York,
            |day| if is_working(day) { every(60, 480, 1100) } else { vec![] },
            42,
            400,
            false,
        ),
        producer(
            "weekly",
            Tz::Europe__Berlin,
            |day| if day.weekday().num_days_from_monday() == 0 { vec![time(7, 0)] } else { vec![] },
            210,
            3600,
            false,
        ),
        producer(
            "month's last day",
            Tz::UTC,
            |day| {
                if day.day() == u32::from(day.num_days_in_month()) {
                    vec![time(22, 0)]
                } else {
                    vec![]
                }
            },
            400,
            3600,
            false,
        ),
        producer(
            "month's last working day",
            Tz::Europe__Berlin,
            |day| if last_working_day(day) { vec![time(18, 0)] } else { vec![] },
            400,
            3600,
            false,
        ),
        producer(
            "month's third",
            Tz::UTC,
            |day| if day.day() == 3 { vec![time(5, 0)] } else { vec![] },
            400,
            3600,
            false,
        ),
    ]
}

/// How the deadlines of a producer were.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadlines {
    stops: usize,
    in_time: usize,
    false_alerts: usize,
    days: f64,
    late: f64,
}

impl Producer {
    /// When it is due (on its clock) and when it arrives, of a seed.
    fn arrivals(&self, random: &mut Random) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        // Over the end of daylight saving time in both zones.
        let start = NaiveDate::from_ymd_opt(2026, 8, 3).unwrap_or_default()
            + TimeDelta::days(random.whole(0, 70));
        let mut arrivals = Vec::new();
        for after in 0..self.days {
            for time in (self.due)(start + TimeDelta::days(after)) {
                let local = (start + TimeDelta::days(after)).and_time(time);
                let Some(due) = self.zone.from_local_datetime(&local).latest() else { continue };
                let due = due.with_timezone(&Utc);
                let spread = if self.is_wild { random.exponential() } else { random.unit() };
                arrivals.push((due, due + TimeDelta::seconds((spread * self.late as f64) as i64)));
            }
        }
        arrivals
    }

    /// Runs a seed: false alerts while it works, and whether its stop is noticed in time. It counts as late from when it would
    /// have come at the latest; noticed in time is within max(5 minutes, 10 % of the distance to the arrival before).
    pub fn run(&self, seed: u64, deadlines: &mut Deadlines) {
        let mut random = Random::new(seed ^ 0xF3E5);
        let arrivals = self.arrivals(&mut random);
        let settings = Settings { time_zone: Zone(self.zone), ..Settings::default() };
        let moments: Vec<DateTime<Utc>> = arrivals.iter().map(|arrival| arrival.1).collect();
        let from = moments.len() / 2;
        let every = (moments.len() / 300).max(1);
        for index in (from..moments.len()).step_by(every) {
            let Some(found) = cadence(&moments[..index], moments[index - 1], &settings) else {
                continue;
            };
            let apart = moments[index] - moments[index - 1];
            deadlines.days += apart.num_seconds() as f64 / 86_400.0;
            deadlines.false_alerts += usize::from(moments[index] > found.deadline);
            // Had it stopped here: the arrival would have come at the latest at …
            let latest = arrivals[index].0
                + TimeDelta::seconds(if self.is_wild { 5 * self.late } else { self.late });
            let apart = (arrivals[index].0 - arrivals[index - 1].0).num_seconds();
            let allowed = TimeDelta::seconds((apart / 10).max(300));
            deadlines.stops += 1;
            deadlines.in_time += usize::from(
                found.deadline <= latest + allowed && found.deadline >= arrivals[index].0,
            );
            deadlines.late += (found.deadline - arrivals[index].0).num_seconds() as f64 / 60.0;
        }
    }
}

impl Deadlines {
    /// The part of stops that is noticed in time.
    pub fn recall(&self) -> f64 {
        self.in_time as f64 / self.stops.max(1) as f64
    }

    /// How many false alerts there are in 100 days.
    pub fn false_alerts(&self) -> f64 {
        100.0 * self.false_alerts as f64 / self.days.max(1e-9)
    }

    /// A line of the table.
    pub fn line(&self, name: &str) -> String {
        let after = self.late / self.stops.max(1) as f64;
        format!("| {name} | {:.3} | {:.2} | {after:.0} |", self.recall(), self.false_alerts())
    }

    /// The head of the table.
    pub fn head() -> &'static str {
        "| producer | stops noticed in time | false alerts / 100 days | minutes from due to deadline |\n|---|---|---|---|"
    }
}
