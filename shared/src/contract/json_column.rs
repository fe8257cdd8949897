//! Columns that take an object or an array of the record whole.

use super::custom::Custom;
use super::evolution::KeptValues;
use super::model::{Column, JsonColumn, JsonShape, Privacy};
use super::odcs::Property;
use super::problem::{Problems, Result, refuse};

/// What a property takes whole, where its `logicalType` says so.
pub(super) fn shape(property: &Property) -> Option<JsonShape> {
    match property.logical_type.as_deref() {
        Some("object") => Some(JsonShape::Object),
        Some("array") => Some(JsonShape::Array),
        _ => None,
    }
}

/// What a property says of JSON; none where its column is of another kind.
pub(super) fn compile(
    clause: &str,
    property: &Property,
    custom: &Custom<'_>,
) -> Result<Option<JsonColumn>> {
    let values = custom.optional::<KeptValues>("jsonValues")?;
    match (shape(property), values) {
        (Some(shape), values) => {
            Ok(Some(JsonColumn { shape, values: values.unwrap_or(KeptValues::Names) }))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => refuse(
            format!("{clause}.customProperties.jsonValues"),
            "needs `logicalType: object` or `logicalType: array`; write one of them, or leave it out",
        ),
    }
}

/// What must hold of a JSON column, beside what holds of every column.
pub(super) fn check(clause: &str, column: &Column, problems: &mut Problems) {
    let Some(json) = column.json else { return };
    if column.generated.is_some() || column.query_parameter.is_some() {
        problems.add(
            format!("{clause}.logicalType"),
            "is an object or an array, which is read whole from its source; write `logicalType: string`",
        );
    }
    if !matches!(column.privacy, Privacy::Keep | Privacy::Drop) {
        problems.add(
            format!("{clause}.customProperties.privacy"),
            "is for a single value; write keep or drop, and jsonValues for what is kept of the values within",
        );
    }
    if column.unique || column.partition.is_some() {
        problems.add(
            format!("{clause}.logicalType"),
            "is an object or an array, which names no row and no partition; take another column",
        );
    }
    problems.keep(check_classification(clause, column, json));
}

/// Nobody has looked at what comes in such a value, so it is at least as confidential as what may be in it.
fn check_classification(clause: &str, column: &Column, json: JsonColumn) -> Result<()> {
    let (refused, least): (&[&str], &str) = match json.values {
        KeptValues::Names => return Ok(()),
        KeptValues::Scanned => (&["public"], "internal, confidential or restricted"),
        KeptValues::All => (&["public", "internal"], "confidential or restricted"),
    };
    if column.privacy == Privacy::Drop || !refused.contains(&column.classification.as_str()) {
        return Ok(());
    }
    refuse(
        format!("{clause}.classification"),
        format!(
            "is {}, but jsonValues lets in values that nobody has classified; write {least}",
            column.classification
        ),
    )
}
