//! What is said of changes that the source made, and how bad they are.

use chrono::{DateTime, Utc};

use super::change::{ChangeKind, ChangeOrigin, KnownChange, SchemaSeverity};
use super::snapshot::{KnownColumn, Presence};

/// What is there in at least every other row is what readers count on.
const COUNTED_ON: f64 = 0.5;

/// Members have a path; it begins no change of a column, whose subject is the column's name.
const MEMBER: &str = "member ";

/// Whether a change is one of a member that is no column.
pub(super) fn is_of_member(change: &KnownChange) -> bool {
    change.origin == ChangeOrigin::Source && change.text.starts_with(MEMBER)
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent >= 1.0 => format!("{percent:.0} %"),
        percent => format!("{percent:.2} %"),
    }
}

fn of_column(
    kind: ChangeKind,
    column: &KnownColumn,
    presence: &Presence,
    after: Option<String>,
    text: String,
) -> KnownChange {
    let (severity, impact) = if column.required {
        let impact = "the column is required: the rows are quarantined and do not reach the table";
        (SchemaSeverity::Critical, impact)
    } else if presence.share() >= COUNTED_ON {
        (SchemaSeverity::High, "new rows have no value; what is computed from it is wrong")
    } else {
        (SchemaSeverity::Medium, "new rows have no value; few had one")
    };
    KnownChange {
        kind,
        severity,
        origin: ChangeOrigin::Source,
        subject: column.name.clone(),
        before: Some(column.sources.join(", ")),
        after,
        text,
        impact: impact.to_owned(),
        since: presence.gap_since.unwrap_or_default(),
    }
}

pub(super) fn column_dropped(column: &KnownColumn, presence: &Presence) -> KnownChange {
    let text = format!(
        "column {} had a value in {} of the rows and has none in the last {}: the source does not send {} any more",
        column.name,
        percent(presence.share()),
        presence.gap_rows,
        column.sources.join(" or ")
    );
    of_column(ChangeKind::Dropped, column, presence, None, text)
}

pub(super) fn column_renamed(column: &KnownColumn, presence: &Presence, to: &str) -> KnownChange {
    let text = format!(
        "column {} has no value in the last {} rows, and {to} came in the same runs as often: the source calls {} so now",
        column.name,
        presence.gap_rows,
        column.sources.join(" or ")
    );
    of_column(ChangeKind::Renamed, column, presence, Some(to.to_owned()), text)
}

pub(super) fn column_retyped(column: &KnownColumn, presence: &Presence) -> KnownChange {
    let came = presence.gap_type.as_deref().unwrap_or("another type");
    let text = format!(
        "column {} is {} and its values are {came} in the last {} rows",
        column.name, column.column_type, presence.gap_rows
    );
    let after = presence.gap_type.clone();
    let mut change = of_column(ChangeKind::Retyped, column, presence, after, text);
    change.before = Some(column.column_type.clone());
    if presence.gap_type.is_none() {
        // What came is known of values that are left out; of rows that are quarantined it is not.
        change.severity = SchemaSeverity::Critical;
        "the rows are quarantined and do not reach the table".clone_into(&mut change.impact);
    }
    change
}

fn of_member(
    is_nested: bool,
    kind: ChangeKind,
    path: &str,
    before: Option<&str>,
    after: Option<&str>,
    what: &str,
) -> KnownChange {
    KnownChange {
        kind: if is_nested { ChangeKind::Nested } else { kind },
        severity: SchemaSeverity::Low,
        origin: ChangeOrigin::Source,
        subject: path.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
        text: format!("{MEMBER}{path} {what}"),
        impact: "none: no column reads it; its name and type stand in extra".to_owned(),
        since: DateTime::<Utc>::default(),
    }
}

pub(super) fn member_added(is_nested: bool, path: &str, json_type: &str) -> KnownChange {
    let what = format!("is new ({json_type}), and no column takes it");
    of_member(is_nested, ChangeKind::Added, path, None, Some(json_type), &what)
}

pub(super) fn member_dropped(is_nested: bool, path: &str, json_type: &str) -> KnownChange {
    let what = format!("({json_type}) does not come any more");
    of_member(is_nested, ChangeKind::Dropped, path, Some(json_type), None, &what)
}

pub(super) fn member_retyped(is_nested: bool, path: &str, from: &str, to: &str) -> KnownChange {
    let what = format!("was {from} and is {to}");
    of_member(is_nested, ChangeKind::Retyped, path, Some(from), Some(to), &what)
}

pub(super) fn member_renamed(is_nested: bool, path: &str, to: &str) -> KnownChange {
    let what = format!("does not come any more, and {to} came in the same runs as often");
    of_member(is_nested, ChangeKind::Renamed, path, Some(path), Some(to), &what)
}

pub(super) fn value_added(column: &KnownColumn, rows: u64, since: DateTime<Utc>) -> KnownChange {
    let (severity, impact) = if column.refuses_unlisted {
        (SchemaSeverity::High, "rows with such a value are quarantined and do not reach the table")
    } else {
        (SchemaSeverity::Medium, "readers meet a value that they do not know")
    };
    let name = &column.name;
    KnownChange {
        kind: ChangeKind::ValueAdded,
        severity,
        origin: ChangeOrigin::Source,
        subject: name.clone(),
        before: None,
        after: None,
        text: format!("column {name} has values in {rows} rows that its list has not"),
        impact: impact.to_owned(),
        since,
    }
}

pub(super) fn value_removed(
    column: &KnownColumn,
    value: &str,
    since: DateTime<Utc>,
) -> KnownChange {
    let name = &column.name;
    KnownChange {
        kind: ChangeKind::ValueRemoved,
        severity: SchemaSeverity::Low,
        origin: ChangeOrigin::Source,
        subject: name.clone(),
        before: Some(value.to_owned()),
        after: None,
        text: format!("column {name} is never `{value}` any more"),
        impact: "reports on this value end".to_owned(),
        since,
    }
}
