//! From ODCS `quality` to checks: of single values, and of an input's rows taken together.
//!
//! `invalidValues` with `mustBe: 0` is a rule for each value: a row that breaks it is quarantined. With
//! any other bound, and for every other metric, the rows are counted while they pass, and the check is
//! made at the end of the input.

use serde_json::{Map, Value};

use super::expectation::{Check, Expectation, Metric, Severity, Unit, ValidValues};
use super::odcs::Quality;
use super::problem::{Problems, Result, refuse};

/// What the quality rules of an element come to.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// What every value must be.
    pub(super) valid: Option<ValidValues>,
    /// What the rows must be, taken together.
    pub(super) checks: Vec<Check>,
}

/// The rules of a dataset, or of one of its columns.
pub(super) fn compile(
    clause: &str,
    column: Option<&str>,
    rules: &[Quality],
    problems: &mut Problems,
) -> Rules {
    let mut compiled = Rules::default();
    for (position, rule) in rules.iter().enumerate() {
        let named = rule.name.clone().unwrap_or_else(|| position.to_string());
        let clause = format!("{clause}.quality.{named}");
        problems.keep(compile_rule(&clause, column, rule, &mut compiled));
    }
    compiled
}

fn compile_rule(
    clause: &str,
    column: Option<&str>,
    rule: &Quality,
    compiled: &mut Rules,
) -> Result<()> {
    match rule.kind.as_deref() {
        // For people.
        Some("text") => Ok(()),
        None | Some("library") => library(clause, column, rule, compiled),
        Some("custom") => custom(clause, column, rule, compiled),
        Some(other) => refuse(
            clause,
            format!("type {other} is not run here; write it as library, custom or text"),
        ),
    }
}

fn library(clause: &str, column: Option<&str>, rule: &Quality, compiled: &mut Rules) -> Result<()> {
    let metric = rule.metric.as_deref().unwrap_or_default();
    let expectation = expectation(clause, &rule.rest)?;
    let metric = match (metric, column) {
        ("rowCount", None) => Metric::RowCount,
        ("nullValues", Some(column)) => Metric::NullValues { column: column.to_owned() },
        ("duplicateValues", Some(column)) => {
            Metric::DuplicateValues { columns: vec![column.to_owned()] }
        }
        ("duplicateValues", None) => Metric::DuplicateValues { columns: properties(clause, rule)? },
        ("invalidValues", Some(column)) => {
            let valid = valid_values(clause, rule)?;
            if expectation == Expectation::MustBe(0.0) {
                if compiled.valid.replace(valid).is_some() {
                    return refuse(clause, "is the second rule for every value; make one of them");
                }
                return Ok(());
            }
            Metric::InvalidValues { column: column.to_owned(), valid }
        }
        (metric, Some(_)) => {
            return refuse(
                clause,
                format!(
                    "metric `{metric}` of a column is none of nullValues, invalidValues, duplicateValues"
                ),
            );
        }
        (metric, None) => {
            return refuse(
                clause,
                format!(
                    "metric `{metric}` of a dataset is none of rowCount, duplicateValues; others stand at a column"
                ),
            );
        }
    };
    compiled.checks.push(check(clause, rule, metric, expectation)?);
    Ok(())
}

/// `engine: tributary` with `implementation: {check: invalidRows, mustBeLessOrEqualTo: 5}` at a dataset,
/// `unknownReferences` at a column.
fn custom(clause: &str, column: Option<&str>, rule: &Quality, compiled: &mut Rules) -> Result<()> {
    if rule.engine.as_deref() != Some("tributary") {
        // Another tool's.
        return Ok(());
    }
    if column.is_none() && super::monitoring::settings_of(rule).is_some() {
        return Ok(());
    }
    let Some(Value::Object(implementation)) = &rule.implementation else {
        return refuse(format!("{clause}.implementation"), "must be an object with `check`");
    };
    let metric = match (implementation.get("check").and_then(Value::as_str), column) {
        (Some("invalidRows"), None) => Metric::InvalidRows,
        (Some("unknownReferences"), Some(column)) => {
            Metric::UnknownReferences { column: column.to_owned() }
        }
        _ => {
            return refuse(
                format!("{clause}.implementation"),
                "the checks are `invalidRows`, which stands at the dataset, and `unknownReferences`, which stands at a column",
            );
        }
    };
    let expectation = expectation(clause, implementation)?;
    compiled.checks.push(check(clause, rule, metric, expectation)?);
    Ok(())
}

fn check(clause: &str, rule: &Quality, metric: Metric, expectation: Expectation) -> Result<Check> {
    let unit = match rule.unit.as_deref() {
        None | Some("rows") => Unit::Rows,
        Some("percent") if metric != Metric::RowCount => Unit::Percent,
        Some(other) => {
            return refuse(
                format!("{clause}.unit"),
                format!("`{other}` is none of rows, percent; a row count is in rows"),
            );
        }
    };
    let severity = match rule.severity.as_deref() {
        Some("error") => Severity::Error,
        Some("warning" | "info") => Severity::Warning,
        _ => {
            return refuse(
                format!("{clause}.severity"),
                "is none of error (the rows are held) and warning (it is told)",
            );
        }
    };
    let name = rule.name.clone().unwrap_or_else(|| default_name(&metric));
    Ok(Check { name, metric, unit, expectation, severity })
}

fn default_name(metric: &Metric) -> String {
    match metric {
        Metric::RowCount => "row_count".to_owned(),
        Metric::NullValues { column } => format!("null_values_of_{column}"),
        Metric::InvalidValues { column, .. } => format!("invalid_values_of_{column}"),
        Metric::DuplicateValues { columns } => format!("duplicate_values_of_{}", columns.join("_")),
        Metric::InvalidRows => "invalid_rows".to_owned(),
        Metric::UnknownReferences { column } => format!("unknown_references_of_{column}"),
    }
}

fn properties(clause: &str, rule: &Quality) -> Result<Vec<String>> {
    let properties =
        rule.arguments.as_ref().and_then(|arguments| arguments.get("properties")).cloned();
    let properties = properties.unwrap_or_default();
    match serde_json::from_value::<Vec<String>>(properties) {
        Ok(properties) if !properties.is_empty() => Ok(properties),
        _ => refuse(
            format!("{clause}.arguments"),
            "must have `properties`, a list of the columns that must differ",
        ),
    }
}

fn valid_values(clause: &str, rule: &Quality) -> Result<ValidValues> {
    let clause = format!("{clause}.arguments");
    let valid: ValidValues =
        match serde_json::from_value(Value::Object(rule.arguments.clone().unwrap_or_default())) {
            Ok(valid) => valid,
            Err(error) => return refuse(clause, error.to_string()),
        };
    if valid == ValidValues::default() {
        return refuse(clause, "must have `validValues`, a list of texts, or a `pattern`");
    }
    check_pattern(&clause, valid.pattern.as_deref())?;
    Ok(valid)
}

/// Whether a regular expression can be read.
pub(super) fn check_pattern(clause: &str, pattern: Option<&str>) -> Result<()> {
    let Some(pattern) = pattern else { return Ok(()) };
    match regex::Regex::new(pattern) {
        Ok(_) => Ok(()),
        Err(error) => refuse(
            format!("{clause}.pattern"),
            format!("is no regular expression (no look-around, no back-references): {error}"),
        ),
    }
}

fn expectation(clause: &str, members: &Map<String, Value>) -> Result<Expectation> {
    let mut operators = members.iter().filter(|(name, _)| name.starts_with("must"));
    let (Some((name, value)), None) = (operators.next(), operators.next()) else {
        return refuse(clause, "must have exactly one of mustBe, mustBeLessThan and the like");
    };
    let number = value.as_f64();
    let range = value.as_array().and_then(|bounds| match bounds.as_slice() {
        [from, to] => Some((from.as_f64()?, to.as_f64()?)),
        _ => None,
    });
    let expectation = match (name.as_str(), number, range) {
        ("mustBe", Some(bound), _) => Expectation::MustBe(bound),
        ("mustNotBe", Some(bound), _) => Expectation::MustNotBe(bound),
        ("mustBeGreaterThan", Some(bound), _) => Expectation::MustBeGreaterThan(bound),
        ("mustBeGreaterOrEqualTo", Some(bound), _) => Expectation::MustBeGreaterOrEqualTo(bound),
        ("mustBeLessThan", Some(bound), _) => Expectation::MustBeLessThan(bound),
        ("mustBeLessOrEqualTo", Some(bound), _) => Expectation::MustBeLessOrEqualTo(bound),
        ("mustBeBetween", _, Some((from, to))) => Expectation::MustBeBetween(from, to),
        ("mustNotBeBetween", _, Some((from, to))) => Expectation::MustNotBeBetween(from, to),
        _ => {
            return refuse(
                format!("{clause}.{name}"),
                format!("`{value}` is no number, or no pair of numbers, that this operator takes"),
            );
        }
    };
    Ok(expectation)
}
