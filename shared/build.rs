//! Compiles and checks the data contracts: a broken contract does not compile, and neither does one that
//! breaks with what was recorded of its last released version.

#![allow(clippy::expect_used)] // A build that cannot read its own folder ends here.

#[path = "src/contract/check.rs"]
mod check;
#[path = "src/contract/column.rs"]
mod column;
#[path = "src/contract/compare.rs"]
mod compare;
#[path = "src/contract/compile.rs"]
mod compile;
#[path = "src/contract/custom.rs"]
mod custom;
#[path = "src/contract/evolution.rs"]
#[allow(dead_code)]
mod evolution;
#[path = "src/contract/expectation.rs"]
#[allow(dead_code)]
mod expectation;
#[path = "src/contract/json_column.rs"]
mod json_column;
#[path = "src/contract/model.rs"]
#[allow(dead_code)]
mod model;
#[path = "src/contract/monitor.rs"]
#[allow(dead_code)]
mod monitor;
#[path = "src/contract/monitoring.rs"]
mod monitoring;
#[path = "src/contract/odcs.rs"]
mod odcs;
#[path = "src/contract/position.rs"]
mod position;
#[path = "src/contract/problem.rs"]
mod problem;
#[path = "src/contract/quality.rs"]
mod quality;
#[path = "src/contract/record.rs"]
#[allow(dead_code)]
mod record;
#[path = "src/contract/relationship.rs"]
mod relationship;

use std::path::{Path, PathBuf};
use std::{env, fs};

use model::Contract;
use problem::Problem;
use record::Record;

/// What a contract's file ends with, and what its record's.
const CONTRACT: &str = ".odcs.yaml";
const RECORD: &str = ".recorded.json";

fn main() {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let contracts = root.join("contracts");
    println!("cargo::rerun-if-changed={}", contracts.display());

    let mut compiled = Vec::new();
    let mut sources = Vec::new();
    let mut problems = Vec::new();
    for file in files(&contracts, CONTRACT) {
        let shown = format!("shared/{}", file.strip_prefix(&root).unwrap_or(&file).display());
        let text = fs::read_to_string(&file).expect("a contract file can be read");
        match compile::compile(&text) {
            Ok(contract) => {
                let broken = broken_promises(&file, &shown, &text, &contract);
                problems.extend(broken.iter().map(|problem| located(&shown, problem)));
                compiled.push(contract);
                sources.push((shown, text));
            }
            Err(error) => {
                problems.extend(error.problems.iter().map(|problem| located(&shown, problem)));
            }
        }
    }
    // What refers to a contract that does not compile is not at fault.
    if problems.is_empty() {
        for ((shown, text), contract) in sources.iter().zip(&compiled) {
            let mut unresolved = relationship::unresolved(contract, &compiled);
            position::locate(text, &mut unresolved);
            problems.extend(unresolved.iter().map(|problem| located(shown, problem)));
        }
    }
    for record in files(&contracts, RECORD) {
        if !beside(&record, RECORD, CONTRACT).exists() {
            problems.push(format!(
                "shared/{}: has no contract beside it; bring that back, or delete the record with it",
                record.strip_prefix(&root).unwrap_or(&record).display()
            ));
        }
    }
    for problem in &problems {
        println!("cargo::error={problem}");
    }
    if !problems.is_empty() {
        return; // Cargo fails the build for the errors, and shows them without a trace of this script.
    }

    compiled.sort_by_key(Contract::dataset);
    let target =
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("contracts.json");
    let json = serde_json::to_string(&compiled).expect("a contract can be written as JSON");
    fs::write(target, json).expect("the build folder can be written");
}

/// `shared/contracts/segment/tracks.odcs.yaml:123: clause: problem`, as editors take it.
fn located(shown: &str, problem: &Problem) -> String {
    format!("{shown}:{}: {problem}", problem.line)
}

/// What the contract breaks of what was recorded. Warns where the record is not of this version.
fn broken_promises(file: &Path, shown: &str, text: &str, contract: &Contract) -> Vec<Problem> {
    let Ok(recorded) = fs::read_to_string(beside(file, CONTRACT, RECORD)) else {
        println!("cargo::warning={shown}: is not recorded; run `make record-contracts`");
        return Vec::new();
    };
    let recorded: Record = match serde_json::from_str(&recorded) {
        Ok(recorded) => recorded,
        Err(error) => {
            let problem = format!("cannot be read ({error}); bring it back from version control");
            return vec![Problem { line: 1, clause: "record".to_owned(), problem }];
        }
    };
    let mut problems = compare::compare(&recorded, contract);
    position::locate(text, &mut problems);
    if problems.is_empty() && recorded != Record::of(contract) {
        println!(
            "cargo::warning={shown}: {} is recorded; run `make record-contracts` when this one is released",
            recorded.version
        );
    }
    problems
}

/// The file of the same dataset with another ending.
fn beside(file: &Path, ending: &str, other: &str) -> PathBuf {
    let name = file.to_string_lossy();
    PathBuf::from(format!("{}{other}", name.strip_suffix(ending).unwrap_or(&name)))
}

/// Every `<domain>/<dataset>` with this ending, sorted, so that a build repeats byte for byte.
fn files(contracts: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for domain in fs::read_dir(contracts).expect("shared/contracts exists") {
        let domain = domain.expect("a folder of shared/contracts can be read").path();
        for file in fs::read_dir(&domain).expect("a domain's folder can be read") {
            let file = file.expect("a domain's folder can be read").path();
            if file.to_string_lossy().ends_with(ending) {
                files.push(file);
            }
        }
    }
    files.sort();
    files
}
