//! What is observed of datasets: measured from the runs, and judged by what is usual.
//!
//! Every run is taken in once, whatever is delivered twice, late or out of order ([`tally`]). Rows are
//! counted in buckets by event time and by arrival ([`volume`]), columns by day ([`columns`]), arrivals to
//! the minute ([`arrivals`]), edges by what was read ([`edges`]). The monitors judge what stands there
//! ([`volume_monitor`], [`freshness`], [`edges`], [`schema`]); what they find becomes an incident
//! ([`judgement`], [`crate::incident`]). `observe` takes in and judges, `watch` judges by the clock.

pub mod arrivals;
pub mod bucket;
pub mod columns;
pub mod dataset;
pub mod edge_columns;
pub mod edges;
pub mod freshness;
pub mod graph;
pub mod judgement;
pub mod key;
pub mod lateness;
pub mod metrics;
pub mod schema;

pub mod series;
pub mod tally;
#[cfg(test)]
mod testing;
pub mod volume;
mod volume_findings;
pub mod volume_monitor;

pub use arrivals::Arrivals;
pub use bucket::{Bucket, Clock, Grain, Length};
pub use columns::DayColumns;
pub use dataset::DatasetState;
pub use edges::Edge;
pub use judgement::Judgement;
pub use metrics::Metrics;
pub use volume::{Measure, RunShare, Volume};
