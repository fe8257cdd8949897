//! The laws of conservation, over generated files with any mixture of damage in them: whatever goes in is in a data file, in
//! quarantine, or counted as a repeat, and the counts say which, exactly.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use end_to_end::ledger::by_reason;
use end_to_end::segment::{Damage, Expected, SegmentGenerator};
use end_to_end::stack::gzip;
use end_to_end::stretch::{QUARANTINE_KEY, settings};
use flate2::bufread::MultiGzDecoder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use shared::govern::{KEY_BYTES, Pseudonymizer, QuarantineEntry};
use shared::lake::Folder;
use shared::transform::{DatasetOutcome, Ended, Stretch, StretchOutcome};
use tempfile::TempDir;

/// What became of a file, and where.
struct Went {
    lake: TempDir,
    quarantine: TempDir,
    outcome: StretchOutcome,
}

fn take_through(input: &[u8]) -> Went {
    let (lake, quarantine) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut stretch =
        Stretch::new(settings(Folder::new(lake.path()), Folder::new(quarantine.path())));
    let ended =
        stretch.read(input, &mut Pseudonymizer::new(b"a key for tests that has 32 bytes")).unwrap();
    assert!(matches!(ended, Ended::Whole), "{ended:?}");
    Went { outcome: stretch.finish().unwrap(), lake, quarantine }
}

impl Went {
    fn quarantined(&self) -> Vec<QuarantineEntry> {
        let Ok(file) = File::open(self.quarantine.path().join(QUARANTINE_KEY)) else {
            return Vec::new();
        };
        let lines = BufReader::new(MultiGzDecoder::new(BufReader::new(file))).lines();
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
    }

    fn dataset(&self, table: &str) -> &DatasetOutcome {
        self.outcome.datasets.iter().find(|dataset| dataset.contract.table == table).unwrap()
    }
}

/// The files below a folder, their names relative to it.
fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.display().to_string());
            }
        }
    }
    files.sort();
    files
}

/// Rows of a Parquet file.
fn rows_of(path: &str) -> u64 {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let claimed = reader.metadata().file_metadata().num_rows() as u64;
    let groups: i64 = reader
        .metadata()
        .row_groups()
        .iter()
        .map(parquet::file::metadata::RowGroupMetaData::num_rows)
        .sum();
    assert_eq!(groups as u64, claimed, "{path}");
    claimed
}

fn check_file(went: &Went, expected: &Expected) {
    let records = went.outcome.records;
    assert!(records.is_conserved(), "{records:?}");
    assert_eq!(records.records, expected.records);
    assert_eq!(records.routed, expected.routed);
    assert_eq!(records.quarantined, expected.quarantined);
    assert_eq!(records.ignored, expected.ignored);
    assert_eq!(records.decoded_bytes, expected.bytes);
    assert_eq!(went.outcome.reasons, by_reason(&expected.quarantined_by, None));
    assert!(!went.outcome.has_too_long);
}

fn check_datasets(went: &Went, expected: &Expected) {
    let names: BTreeSet<&str> =
        went.outcome.datasets.iter().map(|dataset| dataset.contract.table.as_str()).collect();
    assert_eq!(names, expected.datasets.keys().copied().collect());
    let mut written = Vec::new();
    for (table, counts) in &expected.datasets {
        let dataset = went.dataset(table);
        assert!(dataset.rows.is_conserved(), "{table}: {:?}", dataset.rows);
        assert_eq!(dataset.rows.routed, counts.routed, "{table}");
        assert_eq!(dataset.rows.committed, counts.committed, "{table}");
        assert_eq!(dataset.rows.quarantined, counts.quarantined, "{table}");
        assert_eq!(dataset.rows.deduplicated, counts.deduplicated, "{table}");
        assert_eq!(dataset.reasons, by_reason(&counts.quarantined_by, Some(table)), "{table}");
        check_statistics(dataset);
        let mut rows = 0;
        for file in &dataset.data_files {
            assert_eq!(rows_of(&file.path), file.record_count, "{}", file.path);
            assert_eq!(
                std::fs::metadata(&file.path).unwrap().len(),
                file.file_size_in_bytes,
                "{}",
                file.path
            );
            rows += file.record_count;
            written.push(file.path.clone());
        }
        assert_eq!(rows, counts.committed, "{table}");
        let mut keys = 0;
        for segment in dataset.row_keys.iter().flat_map(|row_keys| &row_keys.segments) {
            let path = went.lake.path().join(&segment.key).display().to_string();
            assert_eq!(std::fs::metadata(&path).unwrap().len(), KEY_BYTES as u64 * segment.count);
            keys += segment.count;
            written.push(path);
        }
        assert_eq!(keys, counts.committed, "{table}");
        // Also of no rows: what an earlier reading gave may have to leave.
        assert_eq!(dataset.row_keys.is_some(), dataset.contract.look_back_days > 0, "{table}");
    }
    written.sort();
    assert_eq!(files_below(went.lake.path()), written, "no file but those that are told of");
}

/// What is told of the rows is told of each of them.
fn check_statistics(dataset: &DatasetOutcome) {
    let table = &dataset.contract.table;
    let refused: u64 = dataset.reasons_by_column.values().sum();
    assert!(refused <= dataset.rows.quarantined, "{table}");
    let Some(moments) = dataset.contract.event_time_position() else { panic!("{table}") };
    if dataset.columns.is_empty() {
        assert!(dataset.rows.committed == 0 && dataset.rows_by_event_time.is_empty(), "{table}");
        return;
    }
    let with_time = dataset.rows.committed - dataset.columns[moments].null_count;
    assert_eq!(dataset.rows_by_event_time.values().sum::<u64>(), with_time, "{table}");
    for column in &dataset.columns {
        let values = dataset.rows.committed - column.null_count;
        assert!(column.distinct_estimate <= values, "{table}.{}", column.name);
        let counted: u64 = column.value_counts.values().sum();
        assert!(counted == 0 || counted == values, "{table}.{}", column.name);
    }
}

/// Every refused record is in quarantine once for the file or for each dataset that refused it, with the bytes of its line.
fn check_quarantine(went: &Went, lines: &[u8]) {
    let entries = went.quarantined();
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').collect();
    let mut by_dataset: BTreeMap<Option<String>, BTreeMap<String, u64>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for entry in &entries {
        assert!(
            seen.insert((entry.origin.line, entry.dataset.clone())),
            "{:?} twice",
            entry.origin
        );
        assert_eq!(
            entry.decode().unwrap(),
            lines[entry.origin.line as usize - 1],
            "{:?}",
            entry.origin
        );
        assert!(!entry.clause.is_empty());
        *by_dataset
            .entry(entry.dataset.clone())
            .or_default()
            .entry(entry.reason.name().to_owned())
            .or_default() += 1;
    }
    assert_eq!(by_dataset.remove(&None).unwrap_or_default(), went.outcome.reasons);
    for dataset in &went.outcome.datasets {
        let counted = by_dataset.remove(&Some(dataset.contract.dataset())).unwrap_or_default();
        assert_eq!(counted, dataset.reasons, "{}", dataset.contract.dataset());
    }
    assert!(by_dataset.is_empty(), "{by_dataset:?}");
    assert_eq!(went.outcome.quarantine.is_some(), !entries.is_empty());
}

prop_compose! {
    fn generators()(
        seed in any::<u64>(),
        events in 0_u64..800,
        duplicate_share in prop_oneof![Just(0.0), 0.0..0.5],
        damage_shares in prop::collection::vec(prop_oneof![3 => Just(0.0), 2 => 0.0..0.06], Damage::ALL.len()),
        blank_line_share in prop_oneof![Just(0.0), 0.0..0.3],
        days in 1_u32..12,
    ) -> SegmentGenerator {
        let generator = SegmentGenerator::new(seed).events(events).people(200).days(days);
        let generator = generator.duplicate_share(duplicate_share).blank_line_share(blank_line_share);
        Damage::ALL.into_iter().zip(damage_shares).fold(generator, |generator, (damage, share)| generator.damage_share(damage, share))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_is_counted_twice(generator in generators(), compressed in any::<bool>()) {
        let (lines, expected) = generator.file();
        let went = if compressed { take_through(&gzip(&lines)) } else { take_through(&lines) };
        check_file(&went, &expected);
        check_datasets(&went, &expected);
        check_quarantine(&went, &lines);
    }
}

/// The property above would hold of an empty file alone; this one has everything in it.
#[test]
fn a_file_with_every_kind_of_damage_is_conserved() {
    let generator = SegmentGenerator::new(11)
        .events(6_000)
        .every_damage_share(0.01)
        .duplicate_share(0.05)
        .blank_line_share(0.02)
        .days(3);
    let (lines, expected) = generator.file();
    let went = take_through(&gzip(&lines));
    check_file(&went, &expected);
    check_datasets(&went, &expected);
    check_quarantine(&went, &lines);
    for counts in expected.datasets.values() {
        assert!(
            counts.committed > 0 && counts.quarantined > 0 && counts.deduplicated > 0,
            "{counts:?}"
        );
    }
    assert_eq!(
        went.outcome.reasons.keys().map(String::as_str).collect::<Vec<_>>(),
        ["not_an_object", "not_json", "unknown_type"]
    );
}
