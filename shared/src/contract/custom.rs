//! Reads `customProperties`; a key that is not known is an error, so that a misspelt one is not lost.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::compile::{Result, refuse};
use super::odcs::CustomProperty;

/// The custom properties of one element, taken out one by one; what is left over is unknown.
pub(super) struct Custom<'a> {
    clause: &'a str,
    left: Vec<(&'a str, Value)>,
}

impl<'a> Custom<'a> {
    pub(super) fn new(clause: &'a str, properties: &'a [CustomProperty]) -> Result<Self> {
        let mut left: Vec<(&str, Value)> = Vec::with_capacity(properties.len());
        for entry in properties {
            if left.iter().any(|(name, _)| *name == entry.property) {
                return refuse(
                    format!("{clause}.customProperties.{}", entry.property),
                    "stands twice",
                );
            }
            left.push((&entry.property, entry.value.clone()));
        }
        Ok(Self { clause, left })
    }

    pub(super) fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(found) = self.left.iter().position(|(property, _)| *property == name) else {
            return Ok(None);
        };
        let (_, value) = self.left.swap_remove(found);
        self.parse(name, value).map(Some)
    }

    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T> {
        match self.optional(name)? {
            Some(value) => Ok(value),
            None => refuse(format!("{}.customProperties.{name}", self.clause), "is missing"),
        }
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, name: &str, value: Value) -> Result<T> {
        serde_json::from_value(value).or_else(|error| {
            refuse(format!("{}.customProperties.{name}", self.clause), error.to_string())
        })
    }

    pub(super) fn finish(self) -> Result<()> {
        match self.left.first() {
            None => Ok(()),
            Some((unknown, _)) => refuse(
                format!("{}.customProperties.{unknown}", self.clause),
                "is not known here; the README lists the keys",
            ),
        }
    }
}
