//! How long after its end a bucket still fills, learnt from those before it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::bucket::{Bucket, Clock, Length};
use super::volume::Volume;

/// Buckets that are looked back on.
const MOST_BUCKETS: usize = 48;

/// Of so many in a hundred buckets the last rows came within what is learnt.
const PERCENTILE: usize = 90;

/// A file that arrived in the last minutes of a bucket may still be on its way to the table.
const UNDER_WAY: TimeDelta = TimeDelta::minutes(15);

/// How long after its end a bucket of a series is not judged yet.
///
/// By arrival nothing comes later, but for what is under way. By event time it is what most of the
/// buckets before took until their last rows came, at most a day or half a day; a bucket whose first
/// rows came that late was loaded from history, and says nothing.
pub fn lateness(clock: Clock, length: Length, volumes: &BTreeMap<Bucket, Volume>) -> TimeDelta {
    if clock == Clock::Arrival {
        return UNDER_WAY;
    }
    let most = match length {
        Length::Hour => TimeDelta::hours(12),
        Length::Day => TimeDelta::days(1),
    };
    let mut known: Vec<TimeDelta> = Vec::new();
    for (bucket, volume) in volumes.iter().rev() {
        let (Some(first), Some(last)) = (volume.first_arrival, volume.last_arrival) else {
            continue;
        };
        if first < bucket.end() + most && volume.rows > 0 {
            known.push((last - bucket.end()).clamp(TimeDelta::zero(), most));
        }
        if known.len() == MOST_BUCKETS {
            break;
        }
    }
    known.sort();
    let position = (known.len() * PERCENTILE / 100).min(known.len().saturating_sub(1));
    known.get(position).map_or(TimeDelta::zero(), |late| *late + UNDER_WAY)
}

/// The first bucket of a series that is not judged yet at a moment.
pub fn first_open(bucket: Bucket, late: TimeDelta, now: DateTime<Utc>) -> Bucket {
    let mut open = bucket.grain.bucket(now - late);
    while open.end() + late <= now {
        open = open.next();
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::bucket::Grain;

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn volume(first: &str, last: &str) -> Volume {
        let (first, last) = (Some(moment(first)), Some(moment(last)));
        Volume { rows: 10, runs: 2, first_arrival: first, last_arrival: last, ..Volume::default() }
    }

    #[test]
    fn what_usually_comes_late_is_waited_for() {
        let day = |text: &str| Grain::EVENT_DAY.bucket(moment(text));
        let mut volumes = BTreeMap::new();
        for number in 1..=20 {
            let date = format!("2026-10-{number:02}");
            let next = format!("2026-10-{:02}", number + 1);
            volumes.insert(
                day(&format!("{date}T00:00:00Z")),
                volume(&format!("{date}T01:00:00Z"), &format!("{next}T00:40:00Z")),
            );
        }
        // One day was late once, another was loaded from history.
        volumes.insert(
            day("2026-10-05T00:00:00Z"),
            volume("2026-10-05T01:00:00Z", "2026-10-06T20:00:00Z"),
        );
        volumes.insert(
            day("2026-10-06T00:00:00Z"),
            volume("2026-10-09T01:00:00Z", "2026-10-09T01:00:00Z"),
        );
        let late = lateness(Clock::Event, Length::Day, &volumes);
        assert_eq!(late, TimeDelta::minutes(40) + UNDER_WAY);
        let last = *volumes.keys().next_back().unwrap();
        assert_eq!(first_open(last, late, moment("2026-10-21T00:54:59Z")), last);
        assert_eq!(first_open(last, late, moment("2026-10-21T00:55:00Z")), last.next());
        assert_eq!(lateness(Clock::Arrival, Length::Day, &volumes), UNDER_WAY);
        assert_eq!(lateness(Clock::Event, Length::Day, &BTreeMap::new()), TimeDelta::zero());
    }
}
