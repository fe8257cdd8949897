//! What the clock and people ask for.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;

/// An invocation's event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Look at the clock: what is late, what stands in queues.
    Watch(WatchOrder),
    /// Look for landed objects that nobody has read.
    Sweep(SweepOrder),
    /// List incidents.
    Incidents(IncidentsOrder),
    /// Take an incident on.
    Acknowledge(PersonOrder),
    /// Tell nothing of an incident for a while.
    Mute(MuteOrder),
    /// Tell of an incident again.
    Unmute(PersonOrder),
    /// End an incident that nothing else ends. What is still found opens it again.
    Close(PersonOrder),
    /// Say for how long data was bad.
    Downtime(DowntimeOrder),
}

/// What to look at by which clock; `{}` is what the schedule asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchOrder {
    /// Judges as if it were this moment; none for now.
    pub as_of: Option<DateTime<Utc>>,
    /// These datasets alone, and no queue; none for everything.
    pub datasets: Vec<String>,
}

/// Where to look for objects that nobody has read; `{}` is what the schedule asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SweepOrder {
    /// Judges as if it were this moment; none for now.
    pub as_of: Option<DateTime<Utc>>,
    /// Keys that begin with this alone; none for all that transforms read.
    pub prefix: Option<String>,
}

/// Which incidents to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IncidentsOrder {
    /// In which state.
    pub state: Wanted,
    /// Of this dataset, queue or folder alone.
    pub dataset: Option<String>,
    /// The first UTC day on which the data was bad; with `state: all` and no dataset, 30 days ago if none is given.
    pub from: Option<NaiveDate>,
    /// The last; today if none is given.
    pub to: Option<NaiveDate>,
}

/// Which states are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// The data is bad, whoever has taken it on.
    #[default]
    Open,
    /// Resolved ones too.
    All,
}

/// What somebody says of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonOrder {
    /// The incident.
    pub id: String,
    /// Who says so.
    pub by: String,
}

/// For how long nothing is told of an incident: `until` or `hours`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MuteOrder {
    /// The incident.
    pub id: String,
    /// Until when.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// For how many hours from now.
    #[serde(default)]
    pub hours: Option<u32>,
    /// Who says so.
    pub by: String,
}

/// Of which days downtime is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DowntimeOrder {
    /// The first UTC day; 30 days up to the last if none is given.
    pub from: Option<NaiveDate>,
    /// The last; today if none is given.
    pub to: Option<NaiveDate>,
}

impl MuteOrder {
    /// When the mute ends; none where the order does not say it, or says it twice.
    pub fn end(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match (self.until, self.hours) {
            (Some(until), None) => Some(until),
            (None, Some(hours)) => now.checked_add_signed(TimeDelta::hours(i64::from(hours))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_orders() {
        let samples = [
            include_str!("../../../events/watch/watch.json"),
            include_str!("../../../events/watch/sweep.json"),
            include_str!("../../../events/watch/incidents.json"),
            include_str!("../../../events/watch/acknowledge.json"),
            include_str!("../../../events/watch/mute.json"),
            include_str!("../../../events/watch/close.json"),
            include_str!("../../../events/watch/downtime.json"),
        ];
        for sample in samples {
            serde_json::from_str::<Order>(sample).unwrap();
        }
        let clock: Order = serde_json::from_str(r#"{"watch": {}}"#).unwrap();
        assert_eq!(clock, Order::Watch(WatchOrder::default()));
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for order in [
            "{}",
            r#"{"watch": {"asof": "2026-11-01T00:00:00Z"}}"#,
            r#"{"sweep": {"keys": "segment/"}}"#,
            r#"{"incidents": {"state": "closed"}}"#,
            r#"{"acknowledge": {"id": "1"}}"#,
            r#"{"close": {"id": "1"}}"#,
            r#"{"mute": {"id": "1", "days": 1, "by": "a"}}"#,
            r#"{"downtime": {"since": "2026-11-01"}}"#,
            r#"{"resolve": {"id": "1", "by": "a"}}"#,
        ] {
            assert!(serde_json::from_str::<Order>(order).is_err(), "{order}");
        }
    }

    #[test]
    fn a_mute_ends_once() {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        let mute = |until: Option<&str>, hours| {
            let until = until.map(|text| text.parse().unwrap());
            MuteOrder { id: "1".to_owned(), until, hours, by: "a".to_owned() }.end(now)
        };
        assert_eq!(mute(None, Some(2)).unwrap().to_rfc3339(), "2026-11-20T12:00:00+00:00");
        assert_eq!(
            mute(Some("2026-11-21T00:00:00Z"), None).unwrap().to_rfc3339(),
            "2026-11-21T00:00:00+00:00"
        );
        assert_eq!(mute(None, None), None);
        assert_eq!(mute(Some("2026-11-21T00:00:00Z"), Some(2)), None);
    }
}
