//! The detectors of data observability, as pure functions over a series: volume, distribution, freshness.
//!
//! No clock, no store, no network: whoever calls brings the past with the verdicts that were given then, and keeps the
//! new one. The tested point never teaches itself, a confirmed anomaly teaches nothing, and a level that lasts is adopted.

mod calendar;
mod distribution;
mod engine;
mod extreme;
mod freshness;
mod interval;
mod level;
mod month;
mod profile;
mod recurrence;
mod robust;
mod scale;
mod series;
mod settings;
mod tail;
mod verdict;
mod volume;

pub use distribution::{judge_quantity, judge_share};
pub use extreme::{JudgedRange, judge_end};
pub use freshness::{Calendar, Deadline, cadence};
pub use series::Series;
pub use settings::{
    MaintenanceWindow, MonthEnds, OnceWindow, Season, Sensitivity, Settings, SettingsError,
    TimeZone, WeeklyWindow,
};
pub use verdict::{Direction, Judged, JudgedShare, Reason, Verdict};
pub use volume::judge;
