//! What an incident is about.

use std::fmt;

use ring::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::run::hex;

/// UUID namespace of incident ids: a constant of this project, made once with `uuidgen`.
const INCIDENTS: Uuid = Uuid::from_u128(0x3f0d_9c62_51b8_4e0a_9a77_d4c8_06e1_2b95);

/// A sort key holds 1,024 bytes; the name of a cause gets this many of them.
const MOST_CAUSE_BYTES: usize = 800;

/// Who finds that data is bad.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// Data comes later than it should.
    Freshness,
    /// There is more or less of it than there should be.
    Volume,
    /// Its columns have changed.
    Schema,
    /// What its columns hold has changed.
    Distribution,
    /// What it is made from, or what is made from it, has changed.
    Lineage,
    /// It broke its contract and was held or quarantined.
    Governance,
    /// It is stuck on its way: queues, dead letters, objects that nobody has read.
    Delivery,
}

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look some day: gathered in the daily digest.
    Low,
    /// Worth a look today.
    Medium,
    /// Somebody should look now.
    High,
    /// Wake somebody up; it breaks a mute.
    Critical,
}

/// What an incident is about: at any time at most one is open for a key.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct IncidentKey {
    /// The dataset, or the queue or folder of a [`Monitor::Delivery`].
    pub dataset: String,
    /// Who has found it.
    pub monitor: Monitor,
    /// What is wrong, a short text, never empty, that stays the same while it is wrong: `rows_low`,
    /// `late`, `column_dropped:price`.
    pub cause: String,
}

impl Monitor {
    /// Every monitor.
    pub const ALL: [Self; 7] = [
        Self::Freshness,
        Self::Volume,
        Self::Schema,
        Self::Distribution,
        Self::Lineage,
        Self::Governance,
        Self::Delivery,
    ];

    /// Its name in keys, messages and attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Freshness => "freshness",
            Self::Volume => "volume",
            Self::Schema => "schema",
            Self::Distribution => "distribution",
            Self::Lineage => "lineage",
            Self::Governance => "governance",
            Self::Delivery => "delivery",
        }
    }
}

impl Severity {
    /// From the least to the most severe.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its name in messages and attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for IncidentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.dataset, self.monitor, self.cause)
    }
}

impl IncidentKey {
    /// A key.
    pub fn new(dataset: impl Into<String>, monitor: Monitor, cause: impl Into<String>) -> Self {
        Self { dataset: dataset.into(), monitor, cause: cause.into() }
    }

    /// The domain of its dataset: what stands before the first dot.
    pub fn domain(&self) -> &str {
        self.dataset.split('.').next().unwrap_or_default()
    }

    /// The id of its incident of an occurrence: always the same one.
    pub fn id(&self, occurrence: u32) -> String {
        let name = format!("{}\n{}\n{}\n{occurrence}", self.dataset, self.monitor, self.cause);
        Uuid::new_v5(&INCIDENTS, name.as_bytes()).to_string()
    }

    /// The table's sort key of an occurrence: they sort by their numbers.
    ///
    /// A `#` of the cause is escaped, so that no cause's keys lie among another's; of a cause that is
    /// longer than a sort key can be, the end becomes a checksum.
    pub fn part(&self, occurrence: u32) -> String {
        let mut cause = self.cause.replace('%', "%25").replace('#', "%23");
        if cause.len() > MOST_CAUSE_BYTES {
            let checksum = digest::digest(&digest::SHA256, self.cause.as_bytes());
            let kept = cause.floor_char_boundary(MOST_CAUSE_BYTES);
            cause.truncate(kept);
            cause.push('%');
            cause.push_str(&hex(&checksum.as_ref()[..16]));
        }
        format!("{}#{cause}#{occurrence:06}", self.monitor)
    }
}
