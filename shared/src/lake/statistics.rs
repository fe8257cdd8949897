//! What a run tells of its rows, counted from the arrays that are written anyway.

mod column;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, RecordBatch};
use chrono::{DateTime, Utc};

use self::column::{ColumnCounter, Watched};
use super::bounds::{Bounds, Extreme};
use crate::contract::{ColumnType, Contract, Metric};
use crate::event::CommitRequest;
use crate::govern::MICROSECONDS_A_DAY;
use crate::run::{ColumnStatistics, EventTimeCounter, EventTimeRange, OTHER_VALUES};

/// What was counted of rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowStatistics {
    /// Of each column.
    pub columns: Vec<ColumnStatistics>,
    /// The earliest and latest event time.
    pub event_time: Option<EventTimeRange>,
    /// Rows by the hour or day of their event time.
    pub rows_by_event_time: BTreeMap<String, u64>,
}

/// Counts rows, array by array: a column's values lie side by side.
#[derive(Debug)]
pub(super) struct RowCounter {
    columns: Vec<ColumnCounter>,
    event_time: Option<(usize, EventTimeCounter)>,
}

impl RowCounter {
    /// A counter of a contract's rows.
    pub fn of_contract(contract: &Contract) -> Self {
        let mut columns = Vec::with_capacity(contract.columns.len());
        for (position, column) in contract.columns.iter().enumerate() {
            let shows_values = !column.is_private() && column.json.is_none();
            let watched = Watched {
                column_type: column.column_type,
                is_unique: contract.deduplicate_by == [column.name.as_str()],
                listed: if shows_values { listed(contract, position) } else { Vec::new() },
                shows_values,
            };
            columns.push(ColumnCounter::new(&column.name, position, watched));
        }
        let event_time = contract
            .event_time_position()
            .map(|position| (position, event_times(contract.columns[position].column_type)));
        Self { columns, event_time }
    }

    /// A counter of the rows of a request; none where its table has a type that no contract uses. Values are told
    /// of columns of which its run tells some.
    pub fn of_request(request: &CommitRequest) -> Option<Self> {
        let key = request.row_keys.as_ref().map(|keys| keys.columns.as_slice());
        let mut columns = Vec::with_capacity(request.schema.columns.len());
        for (position, column) in request.schema.columns.iter().enumerate() {
            let told = request.run.columns.iter().find(|told| told.name == column.name);
            let told = told.map(|told| &told.value_counts);
            let listed = told.into_iter().flat_map(BTreeMap::keys);
            let watched = Watched {
                column_type: column.parsed_type()?,
                is_unique: key.is_some_and(|key| key == [column.name.as_str()]),
                listed: listed.filter(|value| *value != OTHER_VALUES).cloned().collect(),
                shows_values: told.is_some_and(|told| !told.is_empty()),
            };
            columns.push(ColumnCounter::new(&column.name, position, watched));
        }
        let position = request.schema.event_time_position();
        let event_time = position.and_then(|position| {
            Some((position, event_times(request.schema.columns[position].parsed_type()?)))
        });
        Some(Self { columns, event_time })
    }

    /// Counts the values of a column.
    pub fn array(&mut self, position: usize, array: &ArrayRef) {
        self.columns[position].array(array);
        if let Some((event_time, counter)) = &mut self.event_time
            && *event_time == position
        {
            count_event_times(counter, array);
        }
    }

    /// Counts rows whose columns may stand in any order, found by their names.
    pub fn batch(&mut self, batch: &RecordBatch) {
        for position in 0..self.columns.len() {
            if let Some(array) = batch.column_by_name(&self.columns[position].name) {
                let array = array.clone();
                self.array(position, &array);
            }
        }
    }

    /// What was counted; extremes are those of the files.
    pub fn finish(self, bounds: &[Bounds]) -> RowStatistics {
        let event_time = self.event_time.as_ref().and_then(|(position, _)| {
            event_time_range(&bounds[*position], self.columns[*position].column_type())
        });
        let mut columns = Vec::with_capacity(self.columns.len());
        for (counter, bounds) in self.columns.into_iter().zip(bounds) {
            columns.push(counter.finish(bounds));
        }
        let rows_by_event_time = self.event_time.map(|(_, counter)| counter.finish());
        let rows_by_event_time = rows_by_event_time.unwrap_or_default();
        RowStatistics { columns, event_time, rows_by_event_time }
    }
}

/// Counts anew what a run tells of its rows, where some of them are left out.
#[derive(Debug)]
pub struct Recount {
    counter: RowCounter,
    bounds: Vec<Bounds>,
}

impl Recount {
    /// For a request; none where its table has a type that no contract uses.
    pub fn of(request: &CommitRequest) -> Option<Self> {
        let counter = RowCounter::of_request(request)?;
        let bounds = vec![Bounds::default(); counter.columns.len()];
        Some(Self { counter, bounds })
    }

    /// Counts rows that stay.
    pub(super) fn batch(&mut self, batch: &RecordBatch) {
        self.counter.batch(batch);
    }

    /// Takes in the extremes of a file that stays.
    pub(super) fn bounds(&mut self, file: &[Bounds]) {
        for (known, bounds) in self.bounds.iter_mut().zip(file) {
            known.include(bounds);
        }
    }

    /// What was counted.
    pub fn finish(self) -> RowStatistics {
        self.counter.finish(&self.bounds)
    }
}

/// The earliest and latest moment of a column of timestamps or dates.
fn event_time_range(bounds: &Bounds, column_type: ColumnType) -> Option<EventTimeRange> {
    let scale = if column_type == ColumnType::Date { MICROSECONDS_A_DAY } else { 1 };
    let moment = |extreme: &Option<Extreme>| match extreme {
        Some(Extreme::Integer(value)) => {
            let value = i64::try_from(*value).ok()?.checked_mul(scale)?;
            DateTime::<Utc>::from_timestamp_micros(value)
        }
        _ => None,
    };
    Some(EventTimeRange { from: moment(&bounds.lower)?, to: moment(&bounds.upper)? })
}

fn event_times(column_type: ColumnType) -> EventTimeCounter {
    match column_type {
        ColumnType::Date => EventTimeCounter::of_dates(),
        _ => EventTimeCounter::of_timestamps(),
    }
}

fn count_event_times(counter: &mut EventTimeCounter, array: &ArrayRef) {
    if let Some(moments) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        for moment in moments.iter().flatten() {
            counter.timestamp(moment);
        }
    } else if let Some(days) = array.as_primitive_opt::<Date32Type>() {
        for day in days.iter().flatten() {
            counter.date(day);
        }
    }
}

/// The values that a contract lists of a column: as a rule for each of them, or to be counted.
fn listed(contract: &Contract, position: usize) -> Vec<String> {
    let column = &contract.columns[position];
    let mut listed = Vec::new();
    listed.extend(column.valid.iter().flat_map(|valid| valid.valid_values.clone()));
    for check in &contract.checks {
        if let Metric::InvalidValues { column: name, valid } = &check.metric
            && *name == column.name
        {
            listed.extend(valid.valid_values.clone());
        }
    }
    listed
}
