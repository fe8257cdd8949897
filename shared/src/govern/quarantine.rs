//! What is kept of a record that cannot go on: reason, clause, origin and its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Why a record or a row is in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The record is not JSON.
    NotJson,
    /// The record is JSON, but no object.
    NotAnObject,
    /// The record is longer than a record may be; it is in the copy of the whole input.
    TooLong,
    /// No dataset takes records of this type.
    UnknownType,
    /// A required column has no value.
    RequiredValueMissing,
    /// None of a group of columns has a value.
    RequiredOneOfMissing,
    /// A value is not of its column's type.
    WrongType,
    /// A value is outside its column's limits.
    OutOfRange,
    /// A value is none of those that its column may have, or not of their form.
    InvalidValue,
    /// A value that must be unique stood in an earlier row of the input.
    NotUnique,
    /// The record has a member that the contract does not know and does not allow.
    UnknownMember,
    /// The input broke off; nothing of it was committed.
    InputDamaged,
}

impl Reason {
    /// As it is written in the ledger and in quarantine.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::TooLong => "too_long",
            Self::UnknownType => "unknown_type",
            Self::RequiredValueMissing => "required_value_missing",
            Self::RequiredOneOfMissing => "required_one_of_missing",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::InvalidValue => "invalid_value",
            Self::NotUnique => "not_unique",
            Self::UnknownMember => "unknown_member",
            Self::InputDamaged => "input_damaged",
        }
    }
}

/// A verdict against a record: the reason and the clause that it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// The contract's clause: `segment.tracks 1.0.0 properties.user_id.required`. Holds no value.
    pub clause: String,
}

/// One line of a quarantine object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// Why.
    pub reason: Reason,
    /// The clause that was broken.
    pub clause: String,
    /// The dataset whose contract refused it; none where no dataset took the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Where it came from.
    pub origin: QuarantineOrigin,
    /// The record's bytes as they were, base64; none where they stay in the copy of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// Where a quarantined record stands in the landing bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineOrigin {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// The object's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The record's line, counted from 1.
    pub line: u64,
    /// For a record that was too long to hold: its first byte in the decoded input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// For a record that was too long to hold: its length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

impl QuarantineEntry {
    /// The form in which a record's bytes are kept: they need not be UTF-8.
    pub fn encode(record: &[u8]) -> String {
        STANDARD.encode(record)
    }

    /// The record's bytes; none where they are not in the entry.
    pub fn decode(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.record.as_deref()?).ok()
    }
}
