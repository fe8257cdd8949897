use std::collections::HashSet;

use super::{Damage, EventMix, SegmentGenerator, personal_values};

fn damaged(seed: u64) -> SegmentGenerator {
    SegmentGenerator::new(seed)
        .events(20_000)
        .duplicate_share(0.03)
        .every_damage_share(0.004)
        .blank_line_share(0.01)
        .days(2)
}

#[test]
fn the_same_seed_gives_the_same_file() {
    assert_eq!(damaged(3).file(), damaged(3).file());
    assert_ne!(damaged(3).file().0, damaged(4).file().0);
}

#[test]
fn writing_and_building_in_memory_give_the_same() {
    let mut written = Vec::new();
    let expected = damaged(5).write_to(&mut written);
    assert!(expected.is_ok_and(|expected| (written, expected) == damaged(5).file()));
}

#[test]
fn the_expected_counts_are_conserved() {
    let (lines, expected) = damaged(6).file();
    assert_eq!(expected.records, 20_000);
    assert_eq!(expected.records, expected.routed + expected.quarantined + expected.ignored);
    assert_eq!(expected.quarantined, expected.quarantined_by.values().sum::<u64>());
    for (dataset, counts) in &expected.datasets {
        assert_eq!(
            counts.routed,
            counts.committed + counts.quarantined + counts.deduplicated,
            "{dataset}"
        );
        assert_eq!(counts.quarantined, counts.quarantined_by.values().sum::<u64>(), "{dataset}");
        assert!(counts.committed > 0, "{dataset}");
    }
    let ends = lines.split(|byte| *byte == b'\n').count() as u64 - 1;
    assert_eq!(ends, expected.records + expected.blank_lines);
}

#[test]
fn every_damage_occurs() {
    let (_, expected) = damaged(7).file();
    for damage in Damage::ALL {
        let by_files = expected.quarantined_by.get(&damage);
        let by_rows = expected.datasets["tracks"].quarantined_by.get(&damage);
        assert_eq!(by_files.is_some(), damage.is_unroutable(), "{damage:?}");
        assert_eq!(by_rows.is_some(), !damage.is_unroutable(), "{damage:?}");
    }
}

#[test]
fn what_is_whole_and_never_repeated_is_all_committed() {
    let (lines, expected) =
        SegmentGenerator::new(8).mix(EventMix::tracks_only()).events(500).file();
    assert_eq!(expected.committed(), 500);
    let text = String::from_utf8_lossy(&lines);
    assert_eq!(text.lines().collect::<HashSet<_>>().len(), 500);
}

#[test]
fn counts_of_files_add_up() {
    let (first, second) = (damaged(9).file().1, damaged(10).file().1);
    let mut both = first.clone();
    both += &second;
    assert_eq!(both.committed(), first.committed() + second.committed());
    assert_eq!(both.bytes, first.bytes + second.bytes);
}

#[test]
fn every_kind_of_personal_value_is_there_to_be_found() {
    let (lines, _) = damaged(11).file();
    let text = String::from_utf8_lossy(&lines).to_lowercase();
    let values = personal_values();
    let found: HashSet<_> = values
        .iter()
        .filter(|value| text.contains(&value.text.to_lowercase()))
        .map(|value| value.kind)
        .collect();
    let kinds: HashSet<_> = values.iter().map(|value| value.kind).collect();
    assert_eq!(found, kinds);
}

#[test]
fn a_file_opens_as_many_days_as_asked_for() {
    let (lines, _) = SegmentGenerator::new(12).first_day(2024, 2, 28).days(3).file();
    let text = String::from_utf8_lossy(&lines);
    for day in ["2024-02-28", "2024-02-29", "2024-03-01"] {
        assert!(text.contains(&format!(r#""receivedAt":"{day}T"#)), "{day}");
    }
    assert!(!text.contains(r#""receivedAt":"2024-03-02T"#));
}
