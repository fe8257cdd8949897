//! What is told of a schema's change.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a change is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SchemaSeverity {
    /// Good to know; nobody is in trouble.
    Low,
    /// Some readers may be surprised.
    Medium,
    /// Readers get less than before, or something else.
    High,
    /// Rows do not come through any more.
    Critical,
}

/// What kind of change it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A column or member is new.
    Added,
    /// A column or member is gone.
    Dropped,
    /// A column or member has another name.
    Renamed,
    /// Values are of another type.
    Retyped,
    /// A type holds less than before.
    Narrowed,
    /// A type holds more than before.
    Widened,
    /// A column may be empty now, or may not be any more.
    Nullability,
    /// Something within an object or an array is new, gone, or of another shape.
    Nested,
    /// A value is new that no list has.
    ValueAdded,
    /// A listed value is gone.
    ValueRemoved,
    /// Columns stand in another order.
    Reordered,
}

/// Where a change happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOrigin {
    /// In the contract, and so in the table: somebody meant it.
    Contract,
    /// In what the source sends.
    Source,
}

/// Whether a change begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// It is new.
    Begun,
    /// It is undone: everything is as before.
    Reverted,
    /// It has lasted, and is how things are now.
    Adopted,
}

/// A change that is told once when it begins, and once when it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaChange {
    /// Names the change, the same whenever it is told: `column_dropped:price`. An incident is opened and resolved
    /// by it.
    pub cause: String,
    /// Whether it begins or ends.
    pub state: ChangeState,
    /// The change itself.
    #[serde(flatten)]
    pub what: KnownChange,
    /// The run that showed it.
    pub run_id: String,
    /// Rows that the verdict rests on; zero for changes of the contract.
    pub rows: u64,
}

/// A change as it is remembered while it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownChange {
    /// Its kind.
    pub kind: ChangeKind,
    /// How bad it is.
    pub severity: SchemaSeverity,
    /// Where it happened.
    pub origin: ChangeOrigin,
    /// The column's name, or the path of a member that is no column.
    pub subject: String,
    /// What was: a name, a type, a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What happened, for a person to read.
    pub text: String,
    /// What it means for those who read the dataset.
    pub impact: String,
    /// When the run arrived that showed the first sign of it.
    pub since: DateTime<Utc>,
}

impl KnownChange {
    /// Whether it becomes how things are, when it lasts: what somebody meant, or what harms nobody.
    pub(super) fn settles(&self) -> bool {
        self.origin == ChangeOrigin::Contract || self.severity == SchemaSeverity::Low
    }
}
