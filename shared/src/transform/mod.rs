//! The stretch that all transforms have in common: decode → govern → write → ask for a commit.
//!
//! A function's handler is [`handle`]; [`Transform::run`] takes an object that was created and answers with what became of it. What
//! differs between sources is a [`Format`], which turns bytes into records, and a [`Router`], which
//! says to which datasets a record belongs.

mod format;
mod function;
mod hold;
mod input;
mod outcome;
mod quarantine;
mod reference_memory;
mod references;
mod replay;
mod request;
mod stretch;
mod unreadable;

pub use format::{Format, JsonLines, Origin, Original, RecordSink};
pub use function::{
    MessageError, StartError, handle, transform_from_environment, transform_message,
};
pub use input::{Source, Transform, TransformError, TransformSettings, Transformed};
pub use outcome::{DatasetOutcome, StretchOutcome};
pub use quarantine::QuarantineWriter;
pub use references::ReferenceError;
#[cfg(test)]
pub(crate) use request::base_run;
pub use stretch::{Ended, Stretch, StretchError, StretchSettings};

use crate::contract::Contract;
use crate::govern::{Plan, Scanned};

/// Says to which datasets a record belongs.
pub trait Router: Send + Sync {
    /// Adds the positions of the datasets, in the list that the transform was made with. None: no
    /// dataset takes such a record, and it goes to quarantine.
    fn route(&self, scanned: &Scanned<'_>, datasets: &mut Vec<usize>);

    /// Dotted paths that the router reads, so that they are found and not listed as unknown.
    fn paths(&self) -> &[&str];
}

/// Makes the plan of a router and its contracts.
pub fn plan(router_paths: &[&str], contracts: &[&'static Contract]) -> Plan {
    Plan::new(contracts, router_paths)
}
