//! Reads `customProperties`; a key that is not known is an error, so that a misspelt one is not lost.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::odcs::CustomProperty;
use super::problem::{Problems, Result, refuse};

/// The keys of a dataset. The README's section "Contracts" says what each means, and a test holds it to that.
pub(super) const DATASET_KEYS: &[&str] = &[
    "route",
    "deduplicateBy",
    "lookBackDays",
    "requireOneOf",
    "unknownMembersOf",
    "evolution",
    "extraValues",
    "capturedTable",
    "retiredFieldIds",
];

/// The keys of a column, documented likewise.
pub(super) const COLUMN_KEYS: &[&str] = &[
    "fieldId",
    "source",
    "queryParameter",
    "generated",
    "privacy",
    "normalize",
    "phoneRegion",
    "truncate",
    "jsonValues",
    "partitionTransform",
];

/// The custom properties of one element, asked for by their keys.
pub(super) struct Custom<'a> {
    clause: &'a str,
    keys: &'static [&'static str],
    properties: &'a [CustomProperty],
}

impl<'a> Custom<'a> {
    /// The properties of the element at `clause`, which may have `keys` and no others, each once.
    pub(super) fn new(
        clause: &'a str,
        keys: &'static [&'static str],
        properties: &'a [CustomProperty],
        problems: &mut Problems,
    ) -> Self {
        for (position, entry) in properties.iter().enumerate() {
            let key = &entry.property;
            let entry_clause = format!("{clause}.customProperties.{key}");
            if !keys.contains(&key.as_str()) {
                problems
                    .add(entry_clause, format!("is not known; write one of {}", keys.join(", ")));
            } else if properties[..position].iter().any(|earlier| earlier.property == *key) {
                problems.add(entry_clause, "stands twice; keep one");
            }
        }
        Self { clause, keys, properties }
    }

    /// Whether the element has the property at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.properties.iter().any(|entry| entry.property == name)
    }

    pub(super) fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        debug_assert!(self.keys.contains(&name), "{name} is to stand among the keys");
        let Some(found) = self.properties.iter().find(|entry| entry.property == name) else {
            return Ok(None);
        };
        self.parse(name, found.value.clone()).map(Some)
    }

    pub(super) fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        match self.optional(name)? {
            Some(value) => Ok(value),
            None => refuse(
                format!("{}.customProperties.{name}", self.clause),
                format!(
                    "is missing; write {{property: {name}, value: …}} among the customProperties"
                ),
            ),
        }
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, name: &str, value: Value) -> Result<T> {
        let shown = value.to_string();
        serde_json::from_value(value).or_else(|error| {
            refuse(
                format!("{}.customProperties.{name}", self.clause),
                format!("`{shown}` does not fit: {error}"),
            )
        })
    }
}
