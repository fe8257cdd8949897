//! From ODCS `relationships` of a property to the columns that it refers to, and whether they are there.
//!
//! Of the standard's two notations the short one, `table.column`, names a property of the same file, which is
//! one of the same dataset; the full one names one of another file:
//! `../shop/customers.odcs.yaml#/schema/customers/properties/id`. The folder of a file is its domain.

use super::expectation::{Check, Metric};
use super::model::{Column, Contract, Privacy, Reference};
use super::odcs::{Property, Relationship};
use super::problem::{Problem, Problems, Result, refuse};

/// What a full reference looks like.
const EXAMPLE: &str = "../shop/customers.odcs.yaml#/schema/customers/properties/id";

/// What a property refers to. `own` are domain and table of its dataset, `checks` those that stand at it.
pub(super) fn compile(
    object: &str,
    own: (&str, &str),
    property: &Property,
    checks: &[Check],
    problems: &mut Problems,
) -> Vec<Reference> {
    let clause = format!("{object}.properties.{}", property.name);
    let mut references = Vec::with_capacity(property.relationships().len());
    for (position, relationship) in property.relationships().iter().enumerate() {
        let clause = format!("{clause}.relationships.{position}");
        references.extend(problems.keep(compile_relationship(&clause, own, relationship)));
    }
    let is_unknown_reference =
        |check: &&Check| matches!(check.metric, Metric::UnknownReferences { .. });
    let count = property.relationships().len();
    for check in checks.iter().filter(is_unknown_reference) {
        if count != 1 {
            problems.add(
                format!("{clause}.quality.{}", check.name),
                format!(
                    "looks for the rows that the column refers to, but it has {count} relationships; write exactly one, such as {{to: {EXAMPLE}}}"
                ),
            );
        }
    }
    references
}

fn compile_relationship(
    clause: &str,
    own: (&str, &str),
    relationship: &Relationship,
) -> Result<Reference> {
    if let Some(kind) = relationship.kind.as_deref().filter(|kind| *kind != "foreignKey") {
        return refuse(format!("{clause}.type"), format!("is {kind}; write foreignKey"));
    }
    let clause = format!("{clause}.to");
    match relationship.to.as_str() {
        Some(to) => compile_target(&clause, own, to),
        None => refuse(
            clause,
            "is no single property; composite keys are not supported, refer to one column by a text",
        ),
    }
}

fn compile_target(clause: &str, own: (&str, &str), to: &str) -> Result<Reference> {
    let (domain, table) = own;
    let reference = |domain: &str, table: &str, column: &str| Reference {
        domain: domain.to_owned(),
        table: table.to_owned(),
        column: column.to_owned(),
    };
    if let Some((named, column)) = to.split_once('.').filter(|_| !to.contains('/')) {
        if named != table {
            let problem = format!(
                "`{to}` names a property of this file, which has no `{named}`; write one of another file as {EXAMPLE}"
            );
            return refuse(clause, problem);
        }
        return Ok(reference(domain, table, column));
    }
    let (file, element) = to.split_once('#').unwrap_or(("", to));
    let parts: Vec<&str> = element.trim_start_matches('/').split('/').collect();
    let ["schema", named, "properties", column] = parts[..] else {
        return refuse(clause, format!("`{to}` names no property; write it as {EXAMPLE}"));
    };
    let (folder, file_table) = match file {
        "" => own,
        file => match dataset_of(domain, file) {
            Some(dataset) => dataset,
            None => {
                let problem = format!("`{file}` is no file of shared/contracts; write {EXAMPLE}");
                return refuse(clause, problem);
            }
        },
    };
    if file_table != named {
        let problem = format!("names `{named}`, but {file_table}.odcs.yaml holds `{file_table}`");
        return refuse(clause, problem);
    }
    Ok(reference(folder, named, column))
}

/// Domain and table of a contract's file, as seen from one of this domain.
fn dataset_of<'a>(domain: &'a str, file: &'a str) -> Option<(&'a str, &'a str)> {
    let path = file.strip_suffix(".odcs.yaml")?;
    match path.strip_prefix("../") {
        Some(path) => path.split_once('/').filter(|(_, table)| !table.contains('/')),
        None => Some((domain, path)).filter(|_| !path.contains('/')),
    }
}

/// The references of a contract that none of all contracts answers, or not with the same values; their lines
/// are found by [`super::position::locate`].
pub fn unresolved(contract: &Contract, all: &[Contract]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for column in &contract.columns {
        for (position, reference) in column.references.iter().enumerate() {
            if let Some(problem) = mismatch(column, reference, all) {
                let clause = format!(
                    "schema.{}.properties.{}.relationships.{position}.to",
                    contract.table, column.name
                );
                problems.push(Problem { line: 1, clause, problem });
            }
        }
    }
    problems
}

/// Why the values of a column are never those of the one that it refers to.
fn mismatch(column: &Column, reference: &Reference, all: &[Contract]) -> Option<String> {
    let Some(dataset) = all.iter().find(|contract| contract.is_referred_to(reference)) else {
        return Some(format!(
            "refers to dataset {}.{}, of which there is no contract; write that of one there is",
            reference.domain, reference.table
        ));
    };
    let Some(position) = dataset.position(&reference.column) else {
        return Some(format!("refers to {reference}, which is no column; write a column's name"));
    };
    let target = &dataset.columns[position];
    if target.column_type != column.column_type {
        return Some(format!(
            "refers to {reference}, which is {}, but `{}` is {}; make them the same",
            target.column_type, column.name, column.column_type
        ));
    }
    let is_lost = |column: &Column| {
        matches!(column.privacy, Privacy::Redact | Privacy::Drop) || column.json.is_some()
    };
    if is_lost(column) || is_lost(target) {
        return Some(format!(
            "refers to {reference}, but one of the two is redacted, dropped or no single value, and so no key; take another column"
        ));
    }
    let treatment = |column: &Column| {
        let is_hashed = column.privacy == Privacy::Hmac;
        let form = is_hashed.then(|| (column.normalize, column.phone_region.clone()));
        (column.privacy, form)
    };
    (treatment(column) != treatment(target)).then(|| {
        format!(
            "refers to {reference}, whose privacy or normalize is another, so that their values are never equal; make them the same"
        )
    })
}
