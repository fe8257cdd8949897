//! Every mutation of a source or a contract is found, and nothing else.

mod contracts;
mod source;
mod world;

use self::world::{Mutation, World};
use super::*;

/// What was told of a history, and what is known after it.
#[derive(Default)]
struct Watch {
    known: SchemaSnapshot,
    told: Vec<SchemaChange>,
}

impl Watch {
    /// Takes in a run; what it told.
    fn run(&mut self, run: &Run, contract: &Contract) -> Vec<SchemaChange> {
        let (known, told) = observe(&self.known, run, contract);
        self.known = known;
        self.told.extend(told.iter().cloned());
        told
    }

    fn causes(&self) -> Vec<(String, ChangeState)> {
        self.told.iter().map(|change| (change.cause.clone(), change.state)).collect()
    }
}
