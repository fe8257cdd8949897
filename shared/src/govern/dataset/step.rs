//! How a column's cell is made, in few bytes: every column is looked at for every record, and a contract's own description of a
//! column is so long that those of one dataset do not fit into the processor's nearest memory.

use crate::contract::{Column, ColumnType, Privacy};
use crate::govern::plan::SlotId;
use crate::govern::row::Cell;
use crate::govern::scan::Scanned;
use crate::govern::value::{typed, within};

/// Where a column is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadFrom {
    Nowhere,
    Slot(u32),
    Several,
}

/// What is done to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A text is kept as it is written, if it is not longer than so many bytes.
    Text { longest: u32 },
    /// A value of another type is read.
    Typed { column_type: ColumnType, is_limited: bool },
    /// What the contract says in detail.
    Contract,
}

/// How a column's cell is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    from: ReadFrom,
    way: Way,
    required: bool,
}

impl Step {
    /// The step of a column. `has_rules` says whether there are rules for its texts.
    pub(super) fn of(column: &Column, slots: &[SlotId], has_rules: bool) -> Self {
        let from = match slots {
            [] => ReadFrom::Nowhere,
            [slot] => ReadFrom::Slot(*slot as u32),
            _ => ReadFrom::Several,
        };
        let is_kept = column.privacy == Privacy::Keep
            && column.json.is_none()
            && column.query_parameter.is_none();
        let has_limits = column.minimum.is_some() || column.maximum.is_some();
        let longest = column.max_length.map_or(u32::MAX, |longest| longest as u32);
        let way = match column.column_type {
            ColumnType::String if is_kept && !has_rules => Way::Text { longest },
            ColumnType::String => Way::Contract,
            column_type if is_kept => Way::Typed { column_type, is_limited: has_limits },
            _ => Way::Contract,
        };
        Self { from, way, required: column.required }
    }

    /// The cell, where it takes no more than this to make it. What is out of the ordinary has none: the contract is then
    /// looked up.
    pub(super) fn cell(self, column: &Column, scanned: &Scanned<'_>) -> Option<Cell> {
        let value = match self.from {
            ReadFrom::Nowhere => None,
            ReadFrom::Slot(slot) if !scanned.is_present(slot as SlotId) => None,
            ReadFrom::Slot(slot) => Some(slot as SlotId),
            ReadFrom::Several => return None,
        };
        let Some(slot) = value else {
            return (!self.required).then_some(Cell::Null);
        };
        match self.way {
            Way::Text { longest } => {
                let (start, end) = scanned.plain_place(slot)?;
                let is_missing = self.required && start == end;
                (!is_missing && end - start <= longest).then_some(Cell::Record { start, end })
            }
            Way::Typed { column_type, is_limited } => {
                let cell = typed(column_type, &scanned.text(slot)?)?;
                let is_allowed =
                    !is_limited || within(cell, column_type, column.minimum, column.maximum);
                is_allowed.then_some(cell)
            }
            Way::Contract => None,
        }
    }

    /// Whether the column is read from somewhere.
    pub(super) fn is_read(self) -> bool {
        self.from != ReadFrom::Nowhere
    }
}
