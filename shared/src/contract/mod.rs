//! Data contracts: one ODCS file a dataset drives everything else.
//!
//! The files stand in `shared/contracts/<domain>/<dataset>.odcs.yaml`. The build script compiles
//! them into [`Contract`] values, which the functions read once at start-up, and holds each to what is
//! recorded of its last released version (`<dataset>.recorded.json`).
//!
//! With the feature `contract-compiler` the compiler is here too: for tests and tools that have contracts of
//! their own. What the functions take is `&'static Contract`: `Box::leak(Box::new(compile(text)?))`.

#[cfg(any(test, feature = "contract-compiler"))]
mod check;
#[cfg(any(test, feature = "contract-compiler"))]
mod column;
#[cfg(any(test, feature = "contract-compiler"))]
mod compare;
#[cfg(any(test, feature = "contract-compiler"))]
mod compile;
#[cfg(any(test, feature = "contract-compiler"))]
mod custom;
mod evolution;
mod expectation;
#[cfg(any(test, feature = "contract-compiler"))]
mod json_column;
mod model;
mod monitor;
#[cfg(any(test, feature = "contract-compiler"))]
mod monitoring;
#[cfg(any(test, feature = "contract-compiler"))]
mod odcs;
#[cfg(any(test, feature = "contract-compiler"))]
mod position;
#[cfg(any(test, feature = "contract-compiler"))]
mod problem;
#[cfg(any(test, feature = "contract-compiler"))]
mod quality;
#[cfg(any(test, feature = "contract-compiler"))]
mod record;
#[cfg(any(test, feature = "contract-compiler"))]
mod relationship;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use evolution::{Evolution, EvolutionMode, KeptValues};
pub use expectation::{Check, Expectation, Metric, Severity, Unit, ValidValues};
pub use model::{
    Bound, CapturedTable, Column, ColumnType, Contract, Generated, JsonColumn, JsonShape,
    Normalize, PartitionTransform, Privacy, Reference, Route,
};
pub use monitor::{Clock, MonitorSettings, Monitors};

#[cfg(any(test, feature = "contract-compiler"))]
pub use self::{
    compare::compare,
    compile::compile,
    position::locate,
    problem::{ContractError, Problem},
    record::{Record, RecordedColumn, RecordedPartition},
    relationship::unresolved,
};

static CONTRACTS: LazyLock<Vec<Contract>> = LazyLock::new(|| {
    // The build script wrote this text from the same types: it cannot fail to parse.
    #[allow(clippy::expect_used)]
    serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/contracts.json")))
        .expect("the build script writes contracts that parse")
});

/// Every contract that ships, in the order of the datasets' names.
pub fn contracts() -> &'static [Contract] {
    &CONTRACTS
}

/// The contracts of one source: `segment`.
pub fn contracts_of(source: &str) -> Vec<&'static Contract> {
    contracts().iter().filter(|contract| contract.route.source == source).collect()
}
