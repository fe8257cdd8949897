//! Compiles and checks the data contracts: a broken contract does not compile.

#![allow(clippy::expect_used)] // A build that cannot read its own folder ends here.

#[path = "src/contract/compile.rs"]
mod compile;
#[path = "src/contract/custom.rs"]
mod custom;
#[path = "src/contract/expectation.rs"]
#[allow(dead_code)]
mod expectation;
#[path = "src/contract/model.rs"]
#[allow(dead_code)]
mod model;
#[path = "src/contract/odcs.rs"]
mod odcs;
#[path = "src/contract/quality.rs"]
mod quality;

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let contracts = root.join("contracts");
    println!("cargo::rerun-if-changed={}", contracts.display());

    let mut compiled = Vec::new();
    let mut problems = 0;
    for file in contract_files(&contracts) {
        let shown = file.strip_prefix(&root).unwrap_or(&file).display();
        let text = fs::read_to_string(&file).expect("a contract file can be read");
        match compile::compile(&text) {
            Ok(contract) => compiled.push(contract),
            Err(error) => {
                problems += 1;
                println!("cargo::error=contract shared/{shown}: {error}");
            }
        }
    }
    assert!(problems == 0, "{problems} contracts were refused");

    compiled.sort_by_key(model::Contract::dataset);
    let target =
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("contracts.json");
    let json = serde_json::to_string(&compiled).expect("a contract can be written as JSON");
    fs::write(target, json).expect("the build folder can be written");
}

/// Every `<domain>/<dataset>.odcs.yaml`, sorted, so that a build repeats byte for byte.
fn contract_files(contracts: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for domain in fs::read_dir(contracts).expect("shared/contracts exists") {
        let domain = domain.expect("a folder of shared/contracts can be read").path();
        for file in fs::read_dir(&domain).expect("a domain's folder can be read") {
            let file = file.expect("a domain's folder can be read").path();
            if file.to_string_lossy().ends_with(".odcs.yaml") {
                files.push(file);
            }
        }
    }
    files.sort();
    files
}
