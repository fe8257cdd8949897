//! An incident as it is stored and told.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Evidence, IncidentKey, Severity};

/// One stretch of time in which data is bad in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// A `UUIDv5` of the key and the occurrence.
    pub id: String,
    /// What it is about: `dataset`, `monitor` and `cause`.
    #[serde(flatten)]
    pub key: IncidentKey,
    /// The how many-th incident of its key, from 1.
    pub occurrence: u32,
    /// Where it stands.
    pub state: State,
    /// How bad it is: the newest finding's severity, or the worst of what is grouped under it, so that
    /// nothing severe is hidden by a root that is less so.
    pub severity: Severity,
    /// How bad its own data is by the newest finding.
    pub found_severity: Severity,
    /// How bad its own data was at most.
    pub worst_severity: Severity,
    /// How bad it was at most when people were told of it; none where nobody was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_severity: Option<Severity>,
    /// The domain of the dataset.
    pub domain: String,
    /// Who answers for the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When the data became bad: the earliest that any finding says.
    pub since: DateTime<Utc>,
    /// When it was detected.
    pub opened_at: DateTime<Utc>,
    /// The moment that the newest judgement that was taken holds for: what holds for an earlier one
    /// changes nothing any more.
    pub judged_at: DateTime<Utc>,
    /// When somebody took it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who took it on, in their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When the data was good again; not before it was detected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<DateTime<Utc>>,
    /// When that was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<DateTime<Utc>>,
    /// What resolved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Until when nothing is told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<DateTime<Utc>>,
    /// Who muted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_by: Option<String>,
    /// When it was reopened the last time, by the finding's own moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened_at: Option<DateTime<Utc>>,
    /// How often it was reopened.
    #[serde(default)]
    pub reopenings: u32,
    /// It was reopened and nobody was told of that: it flaps.
    #[serde(default)]
    pub is_flapping: bool,
    /// What is wrong, in a sentence.
    pub summary: String,
    /// What the newest finding goes by.
    pub evidence: Evidence,
    /// The datasets that the dataset is made from.
    #[serde(default)]
    pub upstream: Vec<String>,
    /// The datasets that are made from the dataset.
    #[serde(default)]
    pub downstream: Vec<String>,
    /// What was grouped under it, at most [`Incident::MOST_AFFECTED`].
    #[serde(default)]
    pub affected: Vec<Affected>,
    /// How many more were grouped under it.
    #[serde(default)]
    pub affected_more: u32,
    /// What it is grouped under: then nothing is told of it on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// Its earlier occurrences.
    #[serde(default)]
    pub recurrence: Recurrence,
    /// How many changes were told of it: 1 when it was opened and told. What grows it is told, once.
    pub change: u64,
    /// The change that made it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<Change>,
    /// Grows by one with every write.
    pub version: u64,
    /// When the table forgets it, in Unix seconds; not before it is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The data is bad.
    Open,
    /// The data is bad, and somebody has taken it on.
    Acknowledged,
    /// The data is good again.
    Resolved,
}

/// What happened to an incident that people are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is told for the first time.
    Opened,
    /// It is worse than was told before.
    Escalated,
    /// Somebody has taken it on.
    Acknowledged,
    /// Nothing is told of it until a moment.
    Muted,
    /// Things are told of it again.
    Unmuted,
    /// The data is good again.
    Resolved,
    /// The data was good for less than an hour.
    Reopened,
}

/// A change that is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it, where it was a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// An incident that was grouped under another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Affected {
    /// Its id.
    pub id: String,
    /// What it is about: `dataset`, `monitor` and `cause`.
    #[serde(flatten)]
    pub key: IncidentKey,
    /// Its occurrence.
    pub occurrence: u32,
    /// When its data became bad.
    pub since: DateTime<Utc>,
    /// How bad it was when it was grouped.
    pub severity: Severity,
    /// Whether it was resolved, or told on its own since.
    pub resolved: bool,
}

/// The incident that another is grouped under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Root {
    /// Its id.
    pub id: String,
    /// What it is about: `dataset`, `monitor` and `cause`.
    #[serde(flatten)]
    pub key: IncidentKey,
    /// Its occurrence.
    pub occurrence: u32,
}

/// The earlier occurrences of an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recurrence {
    /// How many were opened in the 30 days before, at most [`Recurrence::MOST`].
    pub count: u32,
    /// The id of the last one, however long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// When those 30 days' were opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<DateTime<Utc>>,
}

impl Incident {
    /// More than this many are counted and not listed: an item must stay far below DynamoDB's 400 KB.
    pub const MOST_AFFECTED: usize = 200;

    /// Whether the data is bad.
    pub fn is_open(&self) -> bool {
        self.state != State::Resolved
    }

    /// Whether nothing is told of it at a moment.
    pub fn is_muted(&self, at: DateTime<Utc>) -> bool {
        self.muted_until.is_some_and(|until| at < until)
    }

    /// How others point at it.
    pub fn as_root(&self) -> Root {
        Root { id: self.id.clone(), key: self.key.clone(), occurrence: self.occurrence }
    }
}

impl Recurrence {
    /// More are not remembered.
    pub const MOST: usize = 100;
}

impl State {
    /// Its name in messages and attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

impl ChangeKind {
    /// Its name in messages and attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Escalated => "escalated",
            Self::Acknowledged => "acknowledged",
            Self::Muted => "muted",
            Self::Unmuted => "unmuted",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
        }
    }
}
