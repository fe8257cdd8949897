//! The runs of the ledger, held against what a generated file must become.

use std::collections::BTreeMap;

use shared::govern::Reason;
use shared::run::{Outcome, Run};

use crate::segment::{Damage, DatasetCounts, Expected};

/// The reason that quarantine gives for a damage; the dataset is that which refuses it, if one does.
pub fn reason(damage: Damage, dataset: Option<&str>) -> Reason {
    match damage {
        // JSON is UTF-8.
        Damage::NotJson | Damage::InvalidUtf8 => Reason::NotJson,
        Damage::NotAnObject => Reason::NotAnObject,
        Damage::UnknownType => Reason::UnknownType,
        // An alias must say which user it is of; everything else can be of a visitor.
        Damage::MissingIdentity if dataset != Some("aliases") => Reason::RequiredOneOfMissing,
        Damage::MissingIdentity | Damage::MissingMessageId => Reason::RequiredValueMissing,
        Damage::WrongType => Reason::WrongType,
        Damage::TimestampYear9999 => Reason::OutOfRange,
    }
}

/// Counts by damage as the ledger has them: by reason.
pub fn by_reason(damages: &BTreeMap<Damage, u64>, dataset: Option<&str>) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    for (damage, count) in damages {
        *reasons.entry(reason(*damage, dataset).name().to_owned()).or_default() += count;
    }
    reasons
}

/// The run of an input as a whole.
///
/// # Panics
/// Where it is not what was expected.
pub fn check_input(run: &Run, expected: &Expected) {
    let records = run.records.expect("the run of an input counts records");
    assert!(records.is_conserved(), "{records:?}");
    assert_eq!(
        run.outcome,
        if expected.routed > 0 { Outcome::Transformed } else { Outcome::Empty }
    );
    assert_eq!(records.records, expected.records);
    assert_eq!(records.routed, expected.routed);
    assert_eq!(records.quarantined, expected.quarantined);
    assert_eq!(records.ignored, expected.ignored);
    assert_eq!(records.decoded_bytes, expected.bytes);
    assert_eq!(run.quarantined_by_reason, by_reason(&expected.quarantined_by, None));
    assert_eq!(run.error, None);
}

/// The run of an input in one dataset.
///
/// # Panics
/// Where it is not what was expected.
pub fn check_dataset(run: &Run, counts: &DatasetCounts) {
    let rows = run.rows.expect("the run of a dataset counts rows");
    let dataset = run.dataset.as_deref().unwrap_or_default();
    assert!(rows.is_conserved(), "{dataset}: {rows:?}");
    assert_eq!(
        run.outcome,
        if counts.committed > 0 { Outcome::Committed } else { Outcome::Empty },
        "{dataset}"
    );
    assert_eq!(rows.routed, counts.routed, "{dataset}");
    assert_eq!(rows.committed, counts.committed, "{dataset}");
    assert_eq!(rows.quarantined, counts.quarantined, "{dataset}");
    assert_eq!(rows.deduplicated, counts.deduplicated, "{dataset}");
    let reasons = by_reason(&counts.quarantined_by, dataset.strip_prefix("segment."));
    assert_eq!(run.quarantined_by_reason, reasons, "{dataset}");
    assert_eq!(run.snapshot_id.is_some(), counts.committed > 0, "{dataset}");
    assert_eq!(run.data_files.is_empty(), counts.committed == 0, "{dataset}");
}
