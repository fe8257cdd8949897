//! From the record's values to the cells of a row.

use super::DatasetGovernor;
use crate::contract::{Column, ColumnType, EvolutionMode, JsonColumn, Privacy};
use crate::govern::extra::LeftOut;
use crate::govern::plan::SlotId;
use crate::govern::privacy::{self, Pseudonymizer, REDACTED};
use crate::govern::quarantine::Reason;
use crate::govern::row::Cell;
use crate::govern::scan::Scanned;
use crate::govern::{json_text, personal, value};

/// Why a column has no cell.
pub(super) enum Refusal {
    Reject(Reason, &'static str),
    Discard,
}

impl DatasetGovernor {
    /// The cell of a column; null where the record has no value for it.
    pub(super) fn cell(
        &mut self,
        position: usize,
        column: &Column,
        scanned: &Scanned<'_>,
        pseudonymizer: &mut Pseudonymizer,
    ) -> Result<Cell, Refusal> {
        if column.privacy == Privacy::Drop {
            return Ok(Cell::Null);
        }
        let found = self.slots[position].iter().find(|slot| scanned.has_value(**slot));
        let Some(&slot) = found else {
            return Ok(Cell::Null);
        };
        if column.privacy == Privacy::Redact {
            return Ok(self.made(|scratch| scratch.push_str(REDACTED)));
        }
        if let Some(json) = column.json {
            return self.json_cell(column, json, slot, scanned);
        }
        let Some(text) = scanned.text(slot) else {
            return self.wrong_type(column, slot);
        };
        if column.required && text.is_empty() {
            return Ok(Cell::Null);
        }
        if column.column_type == ColumnType::String {
            if column
                .max_length
                .is_some_and(|longest| text.len() > longest && text.chars().count() > longest)
            {
                return Err(Refusal::Reject(Reason::OutOfRange, "logicalTypeOptions.maxLength"));
            }
            if let Err((reason, clause)) = self.checks.text(position, &text) {
                return Err(Refusal::Reject(reason, clause));
            }
            return Ok(self.text_cell(column, scanned, &text, pseudonymizer));
        }
        let Some(cell) = value::typed(column.column_type, &text) else {
            return self.wrong_type(column, slot);
        };
        if !value::within(cell, column.column_type, column.minimum, column.maximum) {
            return Err(Refusal::Reject(Reason::OutOfRange, "logicalTypeOptions"));
        }
        Ok(match (column.privacy, cell) {
            (Privacy::TruncateDate, Cell::Date(days)) => Cell::Date(first_of_month(days)),
            _ => cell,
        })
    }

    /// An object or an array of the record; also one that is the text of a field.
    fn json_cell(
        &mut self,
        column: &Column,
        json: JsonColumn,
        slot: SlotId,
        scanned: &Scanned<'_>,
    ) -> Result<Cell, Refusal> {
        let start = self.scratch.len();
        let Some(written) = scanned.written(slot) else { return Ok(Cell::Null) };
        let node = self.plan.node_of_slot(slot);
        match json_text::append_json(written, json, &self.plan, node, &mut self.scratch) {
            Some(()) => Ok(self.scratch_cell(start)),
            None => self.wrong_type(column, slot),
        }
    }

    fn wrong_type(&mut self, column: &Column, slot: SlotId) -> Result<Cell, Refusal> {
        match self.contract.evolution.types {
            EvolutionMode::Freeze => Err(Refusal::Reject(Reason::WrongType, "logicalType")),
            EvolutionMode::DiscardRow => Err(Refusal::Discard),
            EvolutionMode::DiscardValue | EvolutionMode::Evolve => {
                // Within a JSON value there may be what other columns take out.
                let is_private = column.is_private() || column.json.is_some();
                self.left_out.push(LeftOut { slot, is_private });
                Ok(Cell::Null)
            }
        }
    }

    fn text_cell(
        &mut self,
        column: &Column,
        scanned: &Scanned<'_>,
        text: &str,
        pseudonymizer: &mut Pseudonymizer,
    ) -> Cell {
        if let Some(parameter) = &column.query_parameter {
            return self.made(|scratch| {
                privacy::query_parameter(text, parameter, scratch);
            });
        }
        match column.privacy {
            Privacy::Hmac => self.made(|scratch| {
                let region = column.phone_region.as_deref();
                pseudonymizer.append(text, column.normalize, region, scratch);
            }),
            Privacy::Scan => {
                let start = self.scratch.len();
                if personal::redact_into(text, &mut self.scratch) {
                    self.scratch_cell(start)
                } else {
                    self.kept(scanned, text)
                }
            }
            Privacy::TruncateIp => self.made(|scratch| privacy::truncate_ip(text, scratch)),
            Privacy::TruncateUrl => self.made(|scratch| privacy::truncate_url(text, scratch)),
            _ => self.kept(scanned, text),
        }
    }

    /// A text as it came: where it stands in the record, or beside it where it was unescaped.
    fn kept(&mut self, scanned: &Scanned<'_>, text: &str) -> Cell {
        if let Some((start, end)) = scanned.place(text) {
            return Cell::Record { start, end };
        }
        let start = self.scratch.len();
        self.scratch.push_str(text);
        Cell::Scratch { start: start as u32, end: self.scratch.len() as u32 }
    }

    fn made(&mut self, make: impl FnOnce(&mut String)) -> Cell {
        let start = self.scratch.len();
        make(&mut self.scratch);
        self.scratch_cell(start)
    }

    /// What was written to the scratch text since `start`, as a cell.
    pub(super) fn scratch_cell(&self, start: usize) -> Cell {
        if self.scratch.len() == start {
            return Cell::Null;
        }
        Cell::Scratch { start: start as u32, end: self.scratch.len() as u32 }
    }
}

/// The first day of a date's month.
fn first_of_month(days: i32) -> i32 {
    use chrono::{Datelike, NaiveDate};
    NaiveDate::from_epoch_days(days)
        .and_then(|date| date.with_day(1))
        .map_or(days, |first| first.to_epoch_days())
}
