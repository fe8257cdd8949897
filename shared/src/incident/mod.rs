//! Incidents: what is wrong with data, from the first finding to the resolution.
//!
//! Who judges data (`observe`, `watch`) reports a [`Finding`] for what is bad and clears what is good
//! again, both as of the moment that the judgement holds for. One incident is open for a dataset, a
//! monitor and a cause, whatever is delivered late or twice: [`machine`] says what a judgement makes
//! of an incident, [`cascade`] what is grouped under what, [`Incidents`] keeps them in a [`Store`],
//! and `alert` tells what grows an incident's [`Incident::change`]. [`downtime`] reckons from them
//! for how long data was bad.

pub mod cascade;
pub mod downtime;
pub mod machine;

mod asked;
mod close;
mod finding;
mod key;
mod memory;
mod record;
mod register;
mod store;
mod table;

#[cfg(test)]
mod tests;

pub use close::CLOSED_BY;
pub use finding::{Context, Evidence, Finding, LastGoodRun};
pub use key::{IncidentKey, Monitor, Severity};
pub use memory::MemoryStore;
pub use record::{Affected, Change, ChangeKind, Incident, Recurrence, Root, State};
pub use register::{IncidentError, Incidents, Outcome, Reported};
pub use store::{Batch, Store, StoreError};
pub use table::{DynamoStore, IncidentTable};
