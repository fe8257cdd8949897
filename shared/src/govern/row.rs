//! A governed row, in memory that every row of a dataset shares.

/// A value of a row. Text is kept as a place, in the record or in the scratch text beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// Text that stands in the record as it is.
    Record {
        /// First byte.
        start: u32,
        /// Byte behind the last.
        end: u32,
    },
    /// Text that was made: unescaped, hashed, truncated.
    Scratch {
        /// First byte.
        start: u32,
        /// Byte behind the last.
        end: u32,
    },
    /// A whole number.
    Long(i64),
    /// A float.
    Double(f64),
    /// A truth value.
    Boolean(bool),
    /// A decimal, scaled by its column's scale.
    Decimal(i128),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// Days since 1970-01-01.
    Date(i32),
}

/// What a day has without a leap second.
pub(crate) const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

impl Cell {
    /// The UTC day of a date or a timestamp, counted from 1970-01-01; none for anything else.
    pub fn day(self) -> Option<i32> {
        match self {
            Self::Timestamp(moment) => Some(moment.div_euclid(MICROSECONDS_A_DAY) as i32),
            Self::Date(days) => Some(days),
            _ => None,
        }
    }
}

/// One row: its cells in the order of the contract's columns.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub(super) cells: &'a [Cell],
    pub(super) record: &'a str,
    pub(super) scratch: &'a str,
}

impl<'a> Row<'a> {
    /// The cells.
    pub fn cells(&self) -> &'a [Cell] {
        self.cells
    }

    /// The text of a cell; none where it is null or no text.
    pub fn text(&self, cell: Cell) -> Option<&'a str> {
        match cell {
            Cell::Record { start, end } => Some(&self.record[start as usize..end as usize]),
            Cell::Scratch { start, end } => Some(&self.scratch[start as usize..end as usize]),
            _ => None,
        }
    }
}
