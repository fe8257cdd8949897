//! From a record to the rows of its datasets, as their contracts say.
//!
//! A record is scanned once ([`Scanner`]): what a contract names is found, everything else is
//! passed by. A source that is no JSON puts its fields where the plan wants them ([`Fields`]). Then each dataset that it is routed to judges it alone ([`DatasetGovernor`]): types,
//! limits, required values, privacy. Nothing here knows AWS; values go in and values come out.

mod checks;
mod dataset;
mod depth;
mod extra;
mod extra_value;
mod fields;
mod json_cursor;
mod json_text;
mod json_types;
mod keys;
mod number;
pub mod personal;
mod plan;
mod privacy;
mod quarantine;
mod references;
mod row;
mod scan;
mod shown_name;
mod timestamp;
mod value;

pub use checks::checks_without_rows;
pub use dataset::{DatasetGovernor, Verdict};
pub use depth::{DEEPEST_JSON, is_too_deep};
pub use fields::{FieldValue, Fields};
pub use keys::{DayGroup, KEY_BYTES, Key, KeyHasher, KeySet, SortedKeySet};
pub use plan::{Plan, SlotId};
pub use privacy::Pseudonymizer;
pub use quarantine::{QuarantineEntry, QuarantineOrigin, Reason, Rejection};
pub use references::{MOST_VALUES, UnknownReferences};
pub(crate) use row::MICROSECONDS_A_DAY;
pub use row::{Cell, Row};
pub use scan::{JsonType, ScanError, Scanned, Scanner};
pub use timestamp::{parse_date, parse_timestamp};
