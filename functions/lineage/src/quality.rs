//! What was counted while the data streamed past.

use std::collections::BTreeMap;

use shared::contract::Contract;
use shared::event::DatasetEvent;
use shared::run::{CheckResult, ColumnStatistics, Outcome, Run};

use crate::facet::{
    Assertion, ColumnMetrics, DataQualityAssertions, InputDataQualityMetrics, InputStatistics,
    OutputDataQualityMetrics, OutputStatistics, RowMetrics,
};

/// A run reads one object.
const ONE_FILE: u64 = 1;

/// How much was read: of the input as a whole its records, of a dataset those that were routed to it.
pub(crate) fn input_statistics(run: &Run) -> Option<InputStatistics> {
    let row_count = records(run)?;
    let size = run.records.map(|records| records.bytes);
    Some(InputStatistics { row_count, size, file_count: ONE_FILE })
}

/// What was counted of the fields that were read. They are counted as rows are written, so it is of the rows
/// that passed, and of fields that alone make a column.
pub(crate) fn input_metrics(
    run: &Run,
    contract: Option<&Contract>,
) -> Option<InputDataQualityMetrics> {
    let mut column_metrics = BTreeMap::new();
    for statistics in &run.columns {
        if let Some(field) = contract.and_then(|contract| only_source(contract, &statistics.name)) {
            column_metrics.insert(field.to_owned(), metrics(statistics));
        }
    }
    Some(InputDataQualityMetrics(RowMetrics {
        row_count: records(run)?,
        bytes: run.records.map(|records| records.bytes),
        file_count: ONE_FILE,
        column_metrics,
    }))
}

/// What was counted of the rows that came into the table.
pub(crate) fn output_metrics(event: &DatasetEvent) -> Option<OutputDataQualityMetrics> {
    let OutputStatistics { row_count, size, file_count } = output_statistics(event);
    if event.run.outcome != Outcome::Committed {
        return None;
    }
    let mut column_metrics = BTreeMap::new();
    for statistics in &event.run.columns {
        column_metrics.insert(statistics.name.clone(), metrics(statistics));
    }
    Some(OutputDataQualityMetrics(RowMetrics {
        row_count,
        bytes: Some(size),
        file_count,
        column_metrics,
    }))
}

/// How much was written. Rows that are held were written elsewhere, and count as none.
pub(crate) fn output_statistics(event: &DatasetEvent) -> OutputStatistics {
    let run = &event.run;
    let is_committed = run.outcome == Outcome::Committed;
    OutputStatistics {
        row_count: run.rows.filter(|_| is_committed).map_or(0, |rows| rows.committed),
        size: if is_committed { run.bytes_written } else { 0 },
        file_count: event.data_file_count as u64,
    }
}

/// What became of the contract's checks; none where none was made.
pub(crate) fn assertions(run: &Run, contract: Option<&Contract>) -> Option<DataQualityAssertions> {
    if run.checks.is_empty() {
        return None;
    }
    let assertions = run.checks.iter().map(|check| assertion(check, contract)).collect();
    Some(DataQualityAssertions { assertions })
}

fn assertion(check: &CheckResult, contract: Option<&Contract>) -> Assertion {
    let rounded = (check.value * 100.0).round() / 100.0;
    let column = check.column.as_deref().map(|column| {
        let field = contract.and_then(|contract| only_source(contract, column));
        field.unwrap_or(column).to_owned()
    });
    Assertion {
        assertion: check.metric.clone(),
        success: check.passed,
        column,
        severity: if check.severity == "error" { "error" } else { "warn" },
        name: check.name.clone(),
        expected: check.expectation.clone(),
        actual: format!("{rounded} {}", check.unit),
    }
}

fn records(run: &Run) -> Option<u64> {
    let records = run.records.map(|records| records.records);
    records.or(run.rows.map(|rows| rows.routed))
}

/// The field that a column is read from, where it is one.
fn only_source<'a>(contract: &'a Contract, column: &str) -> Option<&'a str> {
    let column = &contract.columns[contract.position(column)?];
    match column.sources.as_slice() {
        [only] if column.query_parameter.is_none() => Some(only),
        _ => None,
    }
}

fn metrics(statistics: &ColumnStatistics) -> ColumnMetrics {
    ColumnMetrics {
        null_count: statistics.null_count,
        distinct_count: statistics.distinct_estimate,
        min: number(statistics.minimum.as_deref()),
        max: number(statistics.maximum.as_deref()),
    }
}

/// A number as OpenLineage has them; a time or a date is none.
fn number(text: Option<&str>) -> Option<f64> {
    text?.parse().ok().filter(|number: &f64| number.is_finite())
}
