//! What people are told of incidents.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incident::{Change, Incident, Severity};

/// A message on the `alerts` topic: a change of an incident, or the digest of a day.
///
/// The same `notification_id` is told once, but for one window: a sender that ends between publishing
/// and noting that it has published publishes again under the same id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// A `UUIDv5` of the incident's id and the number of its change, or of the digest's day.
    pub notification_id: String,
    /// How bad it is: the worst that was told of the incident, so that who hears that it was opened
    /// hears that it was resolved.
    pub severity: Severity,
    /// A line of at most 100 characters of ASCII, for the subject of a mail.
    pub subject: String,
    /// All of it in plain words.
    pub text: String,
    /// Where to look closer, if the stack knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What happened; none in a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Changes before this one that no message of their own tells.
    #[serde(default)]
    pub missed_changes: u64,
    /// The incident after the change; none in a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// The digest of a day; none in what tells a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

impl Alert {
    /// The line of the text behind which stands what to do, up to its end: who shortens the text leaves
    /// that whole. A digest has no such line.
    pub const WHAT_TO_DO: &str = "What to do";
}

/// What was not told at once, and what is still open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Digest {
    /// The moment of the digest before.
    pub from: DateTime<Utc>,
    /// The moment of this one.
    pub to: DateTime<Utc>,
    /// Incidents of low severity that were opened since.
    pub opened: Vec<Line>,
    /// Incidents of low severity that were resolved since.
    pub resolved: Vec<Line>,
    /// What is open, the most severe first.
    pub open: Vec<Line>,
    /// What is open and muted.
    pub muted: Vec<Line>,
    /// How many incidents there was no room to name.
    pub more: u64,
}

/// An incident in a digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// Its dataset.
    pub dataset: String,
    /// What is wrong, in a sentence.
    pub summary: String,
    /// When the data became bad.
    pub since: DateTime<Utc>,
    /// Until when it is muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<DateTime<Utc>>,
}

impl Line {
    /// The line of an incident.
    pub fn of(incident: &Incident) -> Self {
        Self {
            id: incident.id.clone(),
            severity: incident.severity,
            dataset: incident.key.dataset.clone(),
            summary: incident.summary.clone(),
            since: incident.since,
            muted_until: incident.muted_until,
        }
    }
}
