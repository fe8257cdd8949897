//! Data contracts: one ODCS file a dataset drives everything else.
//!
//! The files stand in `shared/contracts/<domain>/<dataset>.odcs.yaml`. The build script compiles
//! them ([`compile`]) into [`Contract`] values, which the functions read once at start-up.

#[cfg(test)]
pub(crate) mod compile;
#[cfg(test)]
mod custom;
mod expectation;
mod model;
#[cfg(test)]
mod odcs;
#[cfg(test)]
mod quality;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use expectation::{Check, Expectation, Metric, Severity, Unit, ValidValues};
pub use model::{
    Bound, CapturedTable, Column, ColumnType, Contract, Evolution, EvolutionMode, Generated,
    Normalize, PartitionTransform, Privacy, Route,
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
