//! The files that ship: nothing is lost by reading them, each is recorded, and the README tells of every key.

use std::collections::BTreeSet;
use std::fs;

use serde_norway::Value;

use super::super::custom::{COLUMN_KEYS, DATASET_KEYS};
use super::super::odcs::DataContract;
use super::*;

#[test]
fn a_contract_that_is_read_and_written_is_the_same_document() {
    for (file, text) in files() {
        let before: Value = serde_norway::from_str(&text).unwrap();
        let contract: DataContract = serde_norway::from_str(&text).unwrap();
        let written = serde_norway::to_string(&contract).unwrap();
        let after: Value = serde_norway::from_str(&written).unwrap();
        assert_eq!(after, before, "{}", file.display());
    }
}

#[test]
fn parts_of_the_standard_that_are_not_read_are_kept() {
    // Of every element one clause that Tributary does not read, and one of its own with its default written out.
    let text = SOUND
        .replace("status: active", "status: active\ntags: [a, b]\ndescription: {purpose: p, usage: u}")
        .replace("physicalName: orders", "physicalName: orders\n    quality: [{type: library, metric: rowCount, mustBeGreaterThan: 0, severity: warning}]")
        .replace("name: total", "name: total\n        required: false\n        examples: [1, 2.5]")
        .replace("property: source, value: total", "property: source, value: total, description: d")
        + "slaProperties: [{property: retention, value: 3, unit: y, driver: regulatory}]\n";
    compile(&text).unwrap();
    let before: Value = serde_norway::from_str(&text).unwrap();
    let contract: DataContract = serde_norway::from_str(&text).unwrap();
    assert_eq!(serde_norway::to_value(&contract).unwrap(), before);
}

/// `UPDATE_RECORDS=1` writes the records instead; the build refuses before what breaks with the old ones.
#[test]
fn every_contract_is_recorded() {
    for (file, text) in files() {
        let name = file.to_string_lossy();
        let record = PathBuf::from(name.replace(".odcs.yaml", ".recorded.json"));
        let current = Record::of(&compile(&text).unwrap());
        let written = current.to_json().unwrap();
        assert_eq!(serde_json::from_str::<Record>(&written).unwrap(), current);
        if std::env::var_os("UPDATE_RECORDS").is_some() {
            fs::write(record, written).unwrap();
        } else {
            let recorded = fs::read_to_string(&record).unwrap_or_default();
            assert!(
                recorded == written,
                "{name} is not the version that is recorded: `make record-contracts`"
            );
        }
    }
}

/// The first cells of the table of the README that begins with this heading.
fn documented(heading: &str) -> BTreeSet<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let table = readme.split_once(&format!("\n| {heading} |")).unwrap().1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap().to_owned());
    // A cell may name several keys.
    cells
        .flat_map(|cell| {
            let names: Vec<String> =
                cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            names
        })
        .collect()
}

#[test]
fn the_readme_tells_of_every_key_and_of_no_other() {
    let keys =
        |keys: &[&str]| -> BTreeSet<String> { keys.iter().map(|&key| key.to_owned()).collect() };
    assert_eq!(documented("of the dataset"), keys(DATASET_KEYS));
    assert_eq!(documented("of a column"), keys(COLUMN_KEYS));
    let captured = serde_json::to_value(CapturedTable::default()).unwrap();
    let captured: Vec<&str> = captured.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(documented("`capturedTable`"), keys(&captured));
}

#[test]
fn the_contract_that_the_readme_shows_compiles() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let shown = readme.split("```yaml\n").find(|block| block.starts_with("apiVersion")).unwrap();
    let shown = shown.split_once("```").unwrap().0;
    assert_eq!(compile(shown).unwrap().dataset(), "segment.signed_up");
}
