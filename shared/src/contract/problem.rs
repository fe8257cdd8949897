//! What is wrong with a contract: line, clause and mend.

use std::fmt;

/// One defect of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file, from 1; of the nearest element that exists where something is missing.
    pub line: usize,
    /// The clause at fault: `schema.tracks.properties.user_id.classification`.
    pub clause: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.clause, self.problem)
    }
}

/// Why a contract was refused: all that could be found, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractError {
    /// The defects, at least one.
    pub problems: Vec<Problem>,
}

impl std::error::Error for ContractError {}

impl fmt::Display for ContractError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(formatter, "{separator}line {}: {problem}", problem.line)?;
        }
        Ok(())
    }
}

/// The result of looking at one part of a contract.
pub(super) type Result<T> = std::result::Result<T, Problem>;

/// Refuses a part; its line is found later, by the clause.
pub(super) fn refuse<T>(clause: impl Into<String>, problem: impl Into<String>) -> Result<T> {
    Err(Problem { line: 1, clause: clause.into(), problem: problem.into() })
}

/// The problems found so far: where one part is at fault, the others are looked at all the same.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// What was found, or nothing, its problem kept.
    pub(super) fn keep<T>(&mut self, found: Result<T>) -> Option<T> {
        match found {
            Ok(value) => Some(value),
            Err(problem) => {
                self.0.push(problem);
                None
            }
        }
    }

    /// One more problem.
    pub(super) fn add(&mut self, clause: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Problem { line: 1, clause: clause.into(), problem: problem.into() });
    }

    /// All of them.
    pub(super) fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}
