//! What a contract says of what it does not know. Like the model, this file is compiled into the build script
//! as well.

use serde::{Deserialize, Serialize};

/// What to do with what the contract does not know, and with a table that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evolution {
    /// Where rows come to be committed, and the dataset's table does not exist. `evolve`: it is created.
    /// `freeze`: the commit is refused. Either `discard`: the rows are left out and counted as discarded.
    pub tables: EvolutionMode,
    /// For a member that is no column.
    pub columns: EvolutionMode,
    /// For a value that is not of its column's type.
    pub types: EvolutionMode,
}

impl Default for Evolution {
    /// What holds where a contract says nothing.
    fn default() -> Self {
        Self {
            tables: EvolutionMode::Evolve,
            columns: EvolutionMode::DiscardValue,
            types: EvolutionMode::Freeze,
        }
    }
}

/// What is kept of a value that nobody has classified: in `extra`, or within the value of a JSON column.
/// The later, the more comes into the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptValues {
    /// Its name and JSON type.
    Names,
    /// The value, without the personal data that is found in its texts.
    Scanned,
    /// The value as it came.
    All,
}

/// The modes of [`Evolution`], as they are meant of members and values; a table has its own meaning of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvolutionMode {
    /// The row is quarantined.
    Freeze,
    /// The row is left out and counted as discarded.
    DiscardRow,
    /// The value is left out; its name and type stay in `extra`.
    DiscardValue,
    /// The value is kept in `extra`, until a version of the contract has a column for it.
    Evolve,
}
