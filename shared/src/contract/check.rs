//! What must hold of a contract's columns together.

use super::expectation::{Check, Metric};
use super::model::{Column, ColumnType, Privacy};
use super::odcs::SchemaObject;
use super::problem::Problems;

/// The columns of a dataset, as far as each for itself is sound.
pub(super) struct Columns<'a> {
    /// The clause of the dataset: `schema.orders`.
    pub clause: &'a str,
    /// The dataset as it stands in the file, with the columns that are not sound.
    pub object: &'a SchemaObject,
    /// The columns that are.
    pub sound: &'a [Column],
}

impl Columns<'_> {
    /// Names, generated columns, privacy actions.
    pub(super) fn check_each(&self, problems: &mut Problems) {
        let clause = format!("{}.properties", self.clause);
        for (position, property) in self.object.properties.iter().enumerate() {
            let earlier = &self.object.properties[..position];
            if earlier.iter().any(|earlier| earlier.name == property.name) {
                problems.add(
                    format!("{clause}.{}", property.name),
                    "stands twice; give one of the two columns another name",
                );
            }
        }
        for column in self.sound {
            let clause = format!("{clause}.{}", column.name);
            if column.generated.is_some() && column.column_type != ColumnType::String {
                problems.add(
                    format!("{clause}.physicalType"),
                    format!("is {}; a generated column is a string", column.column_type),
                );
            }
            let needs_text =
                !matches!(column.privacy, Privacy::Keep | Privacy::Drop | Privacy::TruncateDate);
            if needs_text && column.column_type != ColumnType::String {
                problems.add(
                    format!("{clause}.physicalType"),
                    format!("is {}; its privacy action needs string", column.column_type),
                );
            }
        }
    }

    /// Field ids: each once, in the order of the file, without a gap that is not explained.
    pub(super) fn check_field_ids(&self, retired: &[i32], problems: &mut Problems) {
        let mut in_order = self.sound.len() == self.object.properties.len();
        let mut expected = next_free(0, retired);
        for (position, column) in self.sound.iter().enumerate() {
            let id = column.field_id;
            let clause =
                format!("{}.properties.{}.customProperties.fieldId", self.clause, column.name);
            let twin = self.sound[..position].iter().find(|earlier| earlier.field_id == id);
            if retired.contains(&id) {
                problems.add(clause, format!("is {id}, which is retired; take the next free one, an id is never given twice"));
                in_order = false;
            } else if let Some(twin) = twin {
                problems.add(
                    clause,
                    format!("is {id}, as that of `{}` is; take the next free one", twin.name),
                );
                in_order = false;
            } else if in_order && id != expected {
                problems.add(clause, format!(
                    "is {id}, expected {expected}: field ids count from 1 in the order of the file and only grow at its end; the id of a column that was dropped goes into retiredFieldIds"
                ));
                in_order = false;
            }
            expected = next_free(expected, retired);
        }
    }

    /// Exactly one column partitions the table, and every row has it.
    pub(super) fn check_partition(&self, problems: &mut Problems) {
        let partitions = self.object.properties.iter().filter(|property| {
            let custom = property.custom_properties();
            property.partitioned == Some(true)
                || custom.iter().any(|entry| entry.property == "partitionTransform")
        });
        let partitions = partitions.count();
        let clause = format!("{}.properties", self.clause);
        if partitions != 1 {
            problems.add(clause, format!(
                "{partitions} columns are partitioned; give exactly one `partitioned: true` and the custom property partitionTransform"
            ));
            return;
        }
        if let Some(column) = self.sound.iter().find(|column| column.partition.is_some())
            && !column.required
        {
            problems.add(
                format!("{clause}.{}", column.name),
                "partitions the table, so every row must have it; write `required: true`",
            );
        }
    }

    /// Every name that a clause of the dataset tells is that of a column.
    pub(super) fn check_names(&self, clause: &str, names: &[String], problems: &mut Problems) {
        for name in names {
            if !self.object.properties.iter().any(|column| column.name == *name) {
                problems.add(
                    format!("{}.{clause}", self.clause),
                    format!("names `{name}`, which is no column; write a column's name"),
                );
            }
        }
    }

    /// What quality rules name are columns.
    pub(super) fn check_quality(&self, checks: &[Check], problems: &mut Problems) {
        for check in checks {
            if let Metric::DuplicateValues { columns } = &check.metric {
                self.check_names(&format!("quality.{}", check.name), columns, problems);
            }
        }
    }

    /// The columns that name a row do name one.
    pub(super) fn check_key(&self, names: &[String], problems: &mut Problems) {
        self.check_names("customProperties.deduplicateBy", names, problems);
        for column in self.sound.iter().filter(|column| names.contains(&column.name)) {
            let lost = matches!(column.privacy, Privacy::Redact | Privacy::Drop);
            let lost = lost || column.json.is_some();
            if lost || !column.required {
                problems.add(
                    format!("{}.customProperties.deduplicateBy", self.clause),
                    format!(
                        "names `{}`, which must be required, of a single value, and neither redacted nor dropped: rows without a value would all be one; take another column",
                        column.name
                    ),
                );
            }
        }
    }
}

/// The id after this one that is not retired.
fn next_free(id: i32, retired: &[i32]) -> i32 {
    let mut next = id.saturating_add(1);
    while retired.contains(&next) {
        next = next.saturating_add(1);
    }
    next
}
