//! Whether a contract may follow its last released version: evolution that readers and the table survive.
//!
//! Versions are semantic (<https://semver.org>): major for what breaks a reader, minor for what adds, patch for
//! the rest. Field ids are Iceberg's (<https://iceberg.apache.org/spec/#schema-evolution>): a column is its id,
//! whatever its name, and an id is never given twice.

use semver::Version;

use super::evolution::KeptValues;
use super::model::{ColumnType, Contract, JsonColumn, Privacy};
use super::problem::Problem;
use super::record::{Record, RecordedColumn};

/// What a change asks of the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Patch,
    Minor,
    Major,
    /// No version allows it; the change says itself what to do.
    Never,
}

/// One difference between the record and the contract.
struct Change {
    weight: Weight,
    clause: String,
    what: String,
}

/// Why the contract may not follow what was recorded; empty where it may.
///
/// Descriptions, limits, promises and whatever else no record holds may change freely.
pub fn compare(recorded: &Record, contract: &Contract) -> Vec<Problem> {
    let current = Record::of(contract);
    let mut comparison = Comparison {
        object: format!("schema.{}", contract.table),
        recorded,
        current: &current,
        changes: Vec::new(),
    };
    comparison.compare();
    judge(&comparison.changes, &recorded.version, &current.version)
}

/// The problems that remain, given which version was recorded and which the contract has.
fn judge(changes: &[Change], recorded: &Version, current: &Version) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |clause: &str, problem: String| {
        problems.push(Problem { line: 1, clause: clause.to_owned(), problem });
    };
    for change in changes.iter().filter(|change| change.weight == Weight::Never) {
        add(&change.clause, change.what.clone());
    }
    if current < recorded {
        add("version", format!("is {current}, but {recorded} was released; write a higher one"));
        return problems;
    }
    let mut lighter = changes.iter().filter(|change| change.weight < Weight::Never);
    if current.major > recorded.major {
        return problems;
    }
    for change in changes.iter().filter(|change| change.weight == Weight::Major) {
        let next = next_version(Weight::Major, recorded);
        let what = &change.what;
        add(&change.clause, format!("{what}; take that back, or write `version: {next}`"));
    }
    let Some(heaviest) = lighter.clone().map(|change| change.weight).max() else { return problems };
    let next = next_version(heaviest, recorded);
    // What breaks was told clause by clause.
    if heaviest < Weight::Major
        && *current < next
        && let Some(change) = lighter.find(|change| change.weight == heaviest)
    {
        let what = format!("{} {}", change.clause, change.what);
        add(
            "version",
            format!(
                "is {current}, but {recorded} was released with other content ({what}); write {next}"
            ),
        );
    }
    problems
}

/// The lowest version that a change of this weight may have.
fn next_version(weight: Weight, recorded: &Version) -> Version {
    match weight {
        Weight::Patch => Version::new(recorded.major, recorded.minor, recorded.patch + 1),
        Weight::Minor => Version::new(recorded.major, recorded.minor + 1, 0),
        Weight::Major | Weight::Never => Version::new(recorded.major + 1, 0, 0),
    }
}

/// A record, what it would be now, and the differences.
struct Comparison<'a> {
    object: String,
    recorded: &'a Record,
    current: &'a Record,
    changes: Vec<Change>,
}

impl Comparison<'_> {
    fn add(&mut self, weight: Weight, clause: String, what: impl Into<String>) {
        self.changes.push(Change { weight, clause, what: what.into() });
    }

    fn compare(&mut self) {
        if self.recorded.dataset != self.current.dataset {
            // Another table has no rows and no readers yet: of the columns everything may be new.
            let what = format!("was {}, and readers look there", self.recorded.dataset);
            self.add(Weight::Major, format!("{}.physicalName", self.object), what);
            return;
        }
        self.compare_retired();
        for column in &self.recorded.columns {
            match self.current.column(column.field_id) {
                Some(now) => self.compare_column(column, now),
                None => self.dropped(column),
            }
        }
        for column in &self.current.columns {
            if self.recorded.column(column.field_id).is_none() {
                self.added(column);
            }
        }
        self.compare_key();
        self.compare_partition();
    }

    /// Retired ids stay retired, and only what was a column can be.
    fn compare_retired(&mut self) {
        let clause = format!("{}.customProperties.retiredFieldIds", self.object);
        for id in &self.recorded.retired_field_ids {
            if !self.current.retired_field_ids.contains(id) && self.current.column(*id).is_none() {
                let what = format!("lacks {id}, which was retired before; list it again");
                self.add(Weight::Never, clause.clone(), what);
            }
        }
        for id in &self.current.retired_field_ids {
            let was_retired = self.recorded.retired_field_ids.contains(id);
            if !was_retired && self.recorded.column(*id).is_none() {
                let what = format!("lists {id}, which no column had; take it out");
                self.add(Weight::Never, clause.clone(), what);
            }
        }
    }

    fn dropped(&mut self, column: &RecordedColumn) {
        let RecordedColumn { field_id, name, .. } = column;
        let what = format!("no longer has `{name}` (field id {field_id}), which readers may use");
        self.add(Weight::Major, format!("{}.properties", self.object), what);
        if !self.current.retired_field_ids.contains(field_id) {
            let clause = format!("{}.customProperties.retiredFieldIds", self.object);
            let what = format!("lacks {field_id}, the id of `{name}`, which was dropped; list it");
            self.add(Weight::Never, clause, what);
        }
    }

    fn added(&mut self, column: &RecordedColumn) {
        let clause = self.clause_of(column);
        if self.recorded.retired_field_ids.contains(&column.field_id) {
            let what = format!(
                "is {}, which a dropped column had; take the next free one and leave that in retiredFieldIds",
                column.field_id
            );
            self.add(Weight::Never, format!("{clause}.customProperties.fieldId"), what);
        } else if column.required {
            let what = "is a new column and required, but the rows that are there have none";
            self.add(Weight::Major, format!("{clause}.required"), what);
        } else {
            self.add(Weight::Minor, clause, "is a new column");
        }
    }

    fn compare_column(&mut self, before: &RecordedColumn, now: &RecordedColumn) {
        let clause = self.clause_of(now);
        if before.name != now.name && !before.has_data_of(now) {
            let what = format!(
                "is {}, the id of `{}`, and a column's data cannot become another's; take the next free id and list {0} in retiredFieldIds, or, if it is renamed with its source, keep the old source beside the new one",
                now.field_id, before.name
            );
            self.add(Weight::Never, format!("{clause}.customProperties.fieldId"), what);
            return;
        }
        if before.name != now.name {
            self.add(Weight::Minor, clause.clone(), format!("was `{}`", before.name));
        }
        if before.column_type != now.column_type {
            self.retyped(&clause, before.column_type, now.column_type);
        }
        match (before.required, now.required) {
            (true, false) => {
                let what = "was required and may be empty now, which readers do not expect";
                self.add(Weight::Major, format!("{clause}.required"), what);
            }
            (false, true) => {
                let what = "is required now, but the rows that are there may lack it";
                self.add(Weight::Major, format!("{clause}.required"), what);
            }
            _ => {}
        }
        if before.classification != now.classification {
            let what = format!("was {}", before.classification);
            self.add(Weight::Minor, format!("{clause}.classification"), what);
        }
        self.compare_privacy(&clause, before, now);
        self.compare_json(&clause, before.json, now.json);
        if before.source != now.source || before.generated != now.generated {
            let what = "is read from elsewhere";
            self.add(Weight::Patch, format!("{clause}.customProperties.source"), what);
        }
    }

    fn retyped(&mut self, clause: &str, before: ColumnType, now: ColumnType) {
        let clause = format!("{clause}.physicalType");
        if widens(before, now) {
            self.add(Weight::Minor, clause, format!("was {before}"));
            return;
        }
        let what = format!(
            "was {before}, and a table's column cannot become {now}; write {before} again, or give the dataset another physicalName and a higher major version"
        );
        self.add(Weight::Never, clause, what);
    }

    /// Pseudonyms are what tables are joined by: other ones are other persons.
    fn compare_privacy(&mut self, clause: &str, before: &RecordedColumn, now: &RecordedColumn) {
        let hashed = before.privacy == Privacy::Hmac || now.privacy == Privacy::Hmac;
        if before.privacy != now.privacy {
            let weight = if hashed { Weight::Major } else { Weight::Minor };
            let what = if hashed {
                "is another action, and values would not be equal to those that are there"
            } else {
                "is another action"
            };
            self.add(weight, format!("{clause}.customProperties.privacy"), what);
        } else if (before.normalize, &before.phone_region) != (now.normalize, &now.phone_region) {
            let weight = if hashed { Weight::Major } else { Weight::Patch };
            let what = if hashed {
                "is another form, and pseudonyms would not be equal to those that are there"
            } else {
                "is another form"
            };
            self.add(weight, format!("{clause}.customProperties.normalize"), what);
        }
    }

    /// A looser mode lets into the lake what those who may read the column were not chosen for, and names
    /// in place of values are another text. Only markers in place of some values, a reader survives.
    fn compare_json(&mut self, clause: &str, before: Option<JsonColumn>, now: Option<JsonColumn>) {
        if before.map(|json| json.shape) != now.map(|json| json.shape) {
            let what = "is other JSON than before, or none, which readers do not expect";
            self.add(Weight::Major, format!("{clause}.logicalType"), what);
            return;
        }
        let (Some(before), Some(now)) = (before, now) else { return };
        let (weight, what) = match (before.values, now.values) {
            (before, now) if before == now => return,
            (before, now) if now > before => {
                (Weight::Major, "lets in more than before, and it may be personal data")
            }
            (KeptValues::All, KeptValues::Scanned) => (Weight::Minor, "lets in less than before"),
            _ => (Weight::Major, "has names where readers expect values"),
        };
        self.add(weight, format!("{clause}.customProperties.jsonValues"), what);
    }

    /// The key is its columns' ids: a renamed column is the same.
    fn compare_key(&mut self) {
        let ids = |record: &Record| -> Vec<Option<i32>> {
            record.deduplicate_by.iter().map(|name| record.field_id(name)).collect()
        };
        if ids(self.recorded) != ids(self.current) {
            let what = format!(
                "was [{}], and repeats of rows that are there would be counted again",
                self.recorded.deduplicate_by.join(", ")
            );
            self.add(
                Weight::Major,
                format!("{}.customProperties.deduplicateBy", self.object),
                what,
            );
        }
    }

    fn compare_partition(&mut self) {
        let of = |record: &Record| {
            let partition = record.partition.as_ref();
            partition.map(|partition| (record.field_id(&partition.column), partition.transform))
        };
        if of(self.recorded) != of(self.current) {
            let before = self.recorded.partition.as_ref();
            let before = before.map_or("none", |partition| partition.column.as_str());
            let what = format!(
                "are not partitioned as before (by `{before}`), and a table cannot follow; partition them so again, or give the dataset another physicalName and a higher major version"
            );
            self.add(Weight::Never, format!("{}.properties", self.object), what);
        }
    }

    fn clause_of(&self, column: &RecordedColumn) -> String {
        format!("{}.properties.{}", self.object, column.name)
    }
}

/// Whether every value of the one type is one of the other, as Iceberg promotes types: of those in use, a
/// decimal of more digits before the point.
fn widens(before: ColumnType, now: ColumnType) -> bool {
    match (before, now) {
        (
            ColumnType::Decimal { precision, scale },
            ColumnType::Decimal { precision: wider, scale: same },
        ) => wider >= precision && scale == same,
        _ => false,
    }
}
