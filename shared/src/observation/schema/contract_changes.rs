//! How a contract differs from the one before: each difference with what undoes it.

use chrono::{DateTime, Utc};

use super::change::{ChangeKind, ChangeOrigin, KnownChange, SchemaSeverity};
use super::snapshot::{KnownColumn, parse_type};
use crate::contract::ColumnType;

/// A difference between two versions of a contract.
#[derive(Debug)]
pub(super) struct Difference {
    pub cause: String,
    /// The cause of the change that this one undoes.
    pub undoes: String,
    pub change: KnownChange,
}

/// Everything that differs, column by column; a column is its field id.
pub(super) fn differences(
    before: &[KnownColumn],
    after: &[KnownColumn],
    since: DateTime<Utc>,
) -> Vec<Difference> {
    let mut found = Differences { since, found: Vec::new() };
    let of = |columns: &[KnownColumn], id| columns.iter().find(|one| one.field_id == id).cloned();
    for column in before {
        match of(after, column.field_id) {
            Some(now) => found.compare(column, &now),
            None => found.dropped(column),
        }
    }
    for column in after {
        if of(before, column.field_id).is_none() {
            found.added(column);
        }
    }
    found.order(before, after);
    found.found
}

struct Differences {
    since: DateTime<Utc>,
    found: Vec<Difference>,
}

/// What a change means: its kind, how bad it is, what happened, and what that is for readers.
struct Told<'a> {
    kind: ChangeKind,
    severity: SchemaSeverity,
    text: String,
    impact: &'a str,
}

impl Differences {
    /// Notes a difference. `verbs` name it and what undoes it; both have the values in the order of the change.
    fn add(
        &mut self,
        verbs: (&str, &str),
        subject: &str,
        (before, after): (Option<&str>, Option<&str>),
        told: Told<'_>,
    ) {
        let cause = |verb: &str, values: [Option<&str>; 2]| {
            let mut cause = format!("contract_{verb}:{subject}");
            for value in values.into_iter().flatten() {
                cause.push(':');
                cause.push_str(value);
            }
            cause
        };
        self.found.push(Difference {
            cause: cause(verbs.0, [before, after]),
            undoes: cause(verbs.1, [after, before]),
            change: KnownChange {
                kind: told.kind,
                severity: told.severity,
                origin: ChangeOrigin::Contract,
                subject: subject.to_owned(),
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
                text: told.text,
                impact: told.impact.to_owned(),
                since: self.since,
            },
        });
    }

    fn added(&mut self, column: &KnownColumn) {
        let KnownColumn { name, column_type, required, .. } = column;
        let (severity, impact) = if *required {
            (SchemaSeverity::Medium, "rows without a value are quarantined; older rows have none")
        } else {
            (SchemaSeverity::Low, "none; older rows have no value")
        };
        let text = format!("the contract has a new column {name} ({column_type})");
        let told = Told { kind: ChangeKind::Added, severity, text, impact };
        self.add(("added", "dropped"), name, (None, None), told);
    }

    fn dropped(&mut self, column: &KnownColumn) {
        let name = &column.name;
        let told = Told {
            kind: ChangeKind::Dropped,
            severity: SchemaSeverity::High,
            text: format!("the contract has no column {name} any more"),
            impact: "queries that name it fail",
        };
        self.add(("dropped", "added"), name, (None, None), told);
    }

    fn compare(&mut self, before: &KnownColumn, after: &KnownColumn) {
        self.name(before, after);
        if before.json == after.json {
            self.types(before, after);
        } else {
            self.shape(before, after);
        }
        self.length(before, after);
        self.required(before, after);
        self.values(before, after);
    }

    fn name(&mut self, before: &KnownColumn, after: &KnownColumn) {
        if before.name == after.name {
            return;
        }
        let told = Told {
            kind: ChangeKind::Renamed,
            severity: SchemaSeverity::High,
            text: format!("column {} is called {} now", before.name, after.name),
            impact: "queries that use the old name fail",
        };
        let id = before.field_id.to_string();
        let names = (Some(before.name.as_str()), Some(after.name.as_str()));
        self.add(("renamed", "renamed"), &id, names, told);
        // The id is what both names share in the cause; people know the column by its name.
        if let Some(last) = self.found.last_mut() {
            last.change.subject.clone_from(&after.name);
        }
    }

    fn types(&mut self, before: &KnownColumn, after: &KnownColumn) {
        if before.column_type == after.column_type {
            return;
        }
        let (name, from, to) = (&after.name, &before.column_type, &after.column_type);
        let (kind, severity, impact) = match fit(from, to) {
            Fit::Wider => (ChangeKind::Widened, SchemaSeverity::Low, "none where readers take it"),
            Fit::Narrower => (
                ChangeKind::Narrowed,
                SchemaSeverity::High,
                "values that do not fit are quarantined or cut, and old files may not be readable",
            ),
            Fit::Other => (
                ChangeKind::Retyped,
                SchemaSeverity::High,
                "queries that compute or compare with it fail, and old files may not be readable",
            ),
        };
        let text = format!("column {name} was {from} and is {to}");
        let told = Told { kind, severity, text, impact };
        self.add(("type", "type"), name, (Some(from), Some(to)), told);
    }

    /// An object, an array, or a single value.
    fn shape(&mut self, before: &KnownColumn, after: &KnownColumn) {
        let shape = |column: &KnownColumn| column.json.clone().unwrap_or("value".to_owned());
        let (name, from, to) = (&after.name, shape(before), shape(after));
        let told = Told {
            kind: ChangeKind::Nested,
            severity: SchemaSeverity::High,
            text: format!("column {name} held an {from} and holds an {to}")
                .replace("an value", "a single value"),
            impact: "queries that look into it find nothing",
        };
        self.add(("shape", "shape"), name, (Some(&from), Some(&to)), told);
    }

    fn length(&mut self, before: &KnownColumn, after: &KnownColumn) {
        if before.max_length == after.max_length {
            return;
        }
        let length = |column: &KnownColumn| column.max_length.unwrap_or(usize::MAX);
        let shown = |column: &KnownColumn| {
            column.max_length.map_or("any length".to_owned(), |length| length.to_string())
        };
        let (name, from, to) = (&after.name, shown(before), shown(after));
        let (kind, severity, impact) = if length(after) < length(before) {
            (ChangeKind::Narrowed, SchemaSeverity::Medium, "rows with longer texts are quarantined")
        } else {
            (ChangeKind::Widened, SchemaSeverity::Low, "readers may meet longer texts")
        };
        let text = format!("the longest text of column {name} was {from} and is {to}");
        let told = Told { kind, severity, text, impact };
        self.add(("length", "length"), name, (Some(&from), Some(&to)), told);
    }

    fn required(&mut self, before: &KnownColumn, after: &KnownColumn) {
        if before.required == after.required {
            return;
        }
        let name = &after.name;
        let (verbs, text, impact) = if after.required {
            let text = format!("column {name} must have a value now");
            (("required", "optional"), text, "rows without a value are quarantined")
        } else {
            let text = format!("column {name} may be empty now");
            (("optional", "required"), text, "readers may meet rows without a value")
        };
        let (kind, severity) = (ChangeKind::Nullability, SchemaSeverity::Medium);
        self.add(verbs, name, (None, None), Told { kind, severity, text, impact });
    }

    fn values(&mut self, before: &KnownColumn, after: &KnownColumn) {
        // A list that begins or ends limits other values than those it names.
        if before.listed.is_empty() || after.listed.is_empty() {
            return;
        }
        let name = &after.name;
        for value in after.listed.difference(&before.listed) {
            let told = Told {
                kind: ChangeKind::ValueAdded,
                severity: SchemaSeverity::Low,
                text: format!("column {name} may be `{value}` now"),
                impact: "readers that tell all values apart meet one they do not know",
            };
            self.add(("value_added", "value_removed"), name, (None, Some(value)), told);
        }
        for value in before.listed.difference(&after.listed) {
            let told = Told {
                kind: ChangeKind::ValueRemoved,
                severity: SchemaSeverity::Medium,
                text: format!("column {name} may not be `{value}` any more"),
                impact: "rows that have it are quarantined, or counted as invalid",
            };
            self.add(("value_removed", "value_added"), name, (Some(value), None), told);
        }
    }

    /// The order of the columns that both have.
    fn order(&mut self, before: &[KnownColumn], after: &[KnownColumn]) {
        let ids = |columns: &[KnownColumn], others: &[KnownColumn]| -> Vec<i32> {
            let common = columns
                .iter()
                .filter(|column| others.iter().any(|other| other.field_id == column.field_id));
            common.map(|column| column.field_id).collect()
        };
        let (was, is) = (ids(before, after), ids(after, before));
        if was == is {
            return;
        }
        let moved: Vec<&str> = is
            .iter()
            .zip(&was)
            .filter(|(now, then)| now != then)
            .filter_map(|(id, _)| after.iter().find(|column| column.field_id == *id))
            .map(|column| column.name.as_str())
            .collect();
        let told = Told {
            kind: ChangeKind::Reordered,
            severity: SchemaSeverity::Low,
            text: format!("the columns stand in another order: {}", moved.join(", ")),
            impact: "readers that go by position, not by name, read other columns",
        };
        self.add(("reordered", "reordered"), "columns", (None, None), told);
    }
}

#[derive(Debug, PartialEq)]
enum Fit {
    Wider,
    Narrower,
    Other,
}

/// Whether a type holds every value of another.
fn fit(from: &str, to: &str) -> Fit {
    let (Some(from), Some(to)) = (parse_type(from), parse_type(to)) else { return Fit::Other };
    match (holds(to, from), holds(from, to)) {
        (true, _) => Fit::Wider,
        (false, true) => Fit::Narrower,
        // Of two decimals neither may hold the other's: then it is what it takes away that counts.
        (false, false) if is_decimal(from) && is_decimal(to) => Fit::Narrower,
        (false, false) => Fit::Other,
    }
}

fn is_decimal(column_type: ColumnType) -> bool {
    matches!(column_type, ColumnType::Decimal { .. })
}

/// Whether every value of `inner` is one of `outer`, in the same meaning.
fn holds(outer: ColumnType, inner: ColumnType) -> bool {
    use ColumnType::{Date, Decimal, Double, Long, Timestamp};
    match (outer, inner) {
        (Decimal { precision, scale }, Long) => precision - scale >= 19,
        (Long, Decimal { precision, scale: 0 }) => precision <= 18,
        (Decimal { precision, scale }, Decimal { precision: digits, scale: decimals }) => {
            scale >= decimals && precision - scale >= digits - decimals
        }
        // A double holds any number, though not with all of its digits.
        (Double, Long | Decimal { .. }) | (Timestamp, Date) => true,
        (outer, inner) => outer == inner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_hold_each_other() {
        for (from, to, expected) in [
            ("decimal(10,2)", "decimal(12,2)", Fit::Wider),
            ("decimal(12,2)", "decimal(12,4)", Fit::Narrower),
            ("decimal(12,2)", "decimal(14,4)", Fit::Wider),
            ("decimal(12,2)", "decimal(10,2)", Fit::Narrower),
            ("long", "double", Fit::Wider),
            ("double", "long", Fit::Narrower),
            ("long", "decimal(38,6)", Fit::Wider),
            ("long", "decimal(18,0)", Fit::Narrower),
            ("timestamp", "date", Fit::Narrower),
            ("long", "string", Fit::Other),
            ("boolean", "long", Fit::Other),
        ] {
            assert_eq!(fit(from, to), expected, "{from} to {to}");
        }
    }
}
