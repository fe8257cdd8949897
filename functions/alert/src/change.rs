//! What a record of the stream tells.

use aws_lambda_events::dynamodb::EventRecord;
use serde::Deserialize;
use shared::incident::{Change, Incident, Severity};

/// A change of an incident that people are told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The incident after it.
    pub incident: Incident,
    /// What happened.
    pub change: Change,
    /// Changes before it that no record of their own tells.
    pub missed: u64,
}

/// A record of the stream is no incident. A retry does not help.
#[derive(Debug, thiserror::Error)]
#[error("stream record {sequence_number} is no incident: {source}")]
pub struct ChangeError {
    /// The record's sequence number.
    pub sequence_number: String,
    /// What serde says.
    pub source: serde_dynamo::Error,
}

/// As much of an image as must be known of the version before.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Counted {
    change: u64,
}

impl Told {
    /// The change that a record tells, if it tells one.
    ///
    /// The number of changes says it, not the kind of the record: an incident can be inserted and not
    /// told, and be written often without a change. Where it grew by more than one, versions between
    /// were lost; the last one is told and says how many it stands for.
    pub fn of(record: EventRecord) -> Result<Option<Self>, ChangeError> {
        let sequence_number = record.change.sequence_number.unwrap_or_default();
        let is_written = matches!(record.event_name.as_str(), "INSERT" | "MODIFY");
        // The table holds more than incidents: the moments for which keys were cleared.
        if !is_written || !record.change.new_image.contains_key("occurrence") {
            return Ok(None);
        }
        let failed = |source| ChangeError { sequence_number: sequence_number.clone(), source };
        let has_old = !record.change.old_image.is_empty();
        let old: Counted = serde_dynamo::from_item(record.change.old_image).map_err(failed)?;
        let incident: Incident =
            serde_dynamo::from_item(record.change.new_image).map_err(failed)?;
        let Some(change) = incident.last_change.clone() else {
            return Ok(None);
        };
        let before = if has_old || record.event_name == "INSERT" {
            old.change
        } else {
            // Without an old image nothing is known of the version before: what was told is known by
            // its id, and is not told again.
            incident.change.saturating_sub(1)
        };
        if incident.change <= before {
            return Ok(None);
        }
        let missed = incident.change - before - 1;
        Ok(Some(Self { incident, change, missed }))
    }

    /// How bad it is, for who it goes to: the worst that was told.
    pub fn severity(&self) -> Severity {
        let now = self.incident.severity;
        self.incident.told_severity.map_or(now, |told| told.max(now))
    }
}
