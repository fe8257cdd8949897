//! The schema monitor: what changed in a dataset's schema, told once when it begins and once when it is over.
//!
//! Two things can change: the contract, which says so itself, and what the source sends, of which a run tells only
//! counts. A count is luck until it is improbable (less than one in a million, see `chance`): a column is gone when
//! that nobody should have had a value in so many rows is improbable, a member is new when that it should not have come
//! before is. Small inputs add up. What is told has a cause that stays the same, so that the incident can be resolved.
//!
//! Everything here is a function of values: [`observe`] takes what is known and a run, and gives what is known then.

mod chance;
mod change;
mod contract_changes;
mod facts;
mod judge;
mod members;
mod snapshot;
#[cfg(test)]
mod tests;
mod texts;
mod values;

pub use change::{
    ChangeKind, ChangeOrigin, ChangeState, KnownChange, SchemaChange, SchemaSeverity,
};
pub use snapshot::{KnownColumn, Presence, SchemaSnapshot};

use crate::contract::Contract;
use crate::run::Run;

/// What is known of a schema after a run of its dataset, and what changed.
///
/// A run that was seen, or that arrived before the newest that was, changes nothing. `contract` is the one that is
/// deployed; it is looked at when the run was made with it.
pub fn observe(
    snapshot: &SchemaSnapshot,
    run: &Run,
    contract: &Contract,
) -> (SchemaSnapshot, Vec<SchemaChange>) {
    let mut known = snapshot.clone();
    if !judge::takes(&mut known, run, contract) {
        return (snapshot.clone(), Vec::new());
    }
    let mut judge = judge::Judge::new(&mut known, run);
    judge.contract(contract);
    judge.source();
    judge.settle();
    let changes = judge.finish();
    (known, changes)
}
