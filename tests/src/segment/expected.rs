//! What must be in the ledger and in the tables after a generated file went through.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::damage::{Damage, Harm};
use super::kind::Kind;

/// What a file holds and what must become of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Bytes written, before any compression.
    pub bytes: u64,
    /// Blank lines: they are no records and are counted nowhere else.
    pub blank_lines: u64,
    /// Lines that are not blank.
    pub records: u64,
    /// Records routed to at least one dataset.
    pub routed: u64,
    /// Records that cannot be read or belong nowhere.
    pub quarantined: u64,
    /// Records left aside on purpose: a generated file has none.
    pub ignored: u64,
    /// The quarantined records of the file by what is wrong with them.
    pub quarantined_by: BTreeMap<Damage, u64>,
    /// What each dataset makes of the records routed to it, by the dataset's name without its domain.
    pub datasets: BTreeMap<&'static str, DatasetCounts>,
    /// The sum of `total` over the committed rows of `order_completed`, in hundredths.
    pub committed_order_total: u64,
}

/// What one dataset makes of the records routed to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatasetCounts {
    /// Records routed to the dataset.
    pub routed: u64,
    /// Rows in the table.
    pub committed: u64,
    /// Rows that the dataset's contract refuses.
    pub quarantined: u64,
    /// Valid rows whose key an earlier valid row of the file has.
    pub deduplicated: u64,
    /// The quarantined rows by what is wrong with them.
    pub quarantined_by: BTreeMap<Damage, u64>,
}

/// What the record was in the file before, if it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Earlier {
    /// Not at all.
    Never,
    /// As a valid record.
    Whole,
    /// Only with this damage: a dataset that refused it then takes it now.
    Damaged(Harm),
}

impl Expected {
    /// Counts a record without damage, and says whether `order_completed` takes it.
    pub(super) fn count_whole(&mut self, kind: Kind, earlier: Earlier) -> bool {
        self.records += 1;
        self.routed += 1;
        let mut taken = false;
        for dataset in kind.datasets() {
            let is_repeat = match earlier {
                Earlier::Never => false,
                Earlier::Whole => true,
                Earlier::Damaged(harm) => {
                    !harm.damage.is_unroutable() && !harm.is_refused_by(dataset, kind)
                }
            };
            let counts = self.datasets.entry(dataset).or_default();
            counts.routed += 1;
            if is_repeat {
                counts.deduplicated += 1;
            } else {
                counts.committed += 1;
                taken |= *dataset == "order_completed";
            }
        }
        taken
    }

    pub(super) fn count_damaged(&mut self, kind: Kind, harm: Harm) {
        self.records += 1;
        if harm.damage.is_unroutable() {
            self.quarantined += 1;
            *self.quarantined_by.entry(harm.damage).or_default() += 1;
            return;
        }
        self.routed += 1;
        for dataset in kind.datasets() {
            let counts = self.datasets.entry(dataset).or_default();
            counts.routed += 1;
            if harm.is_refused_by(dataset, kind) {
                counts.quarantined += 1;
                *counts.quarantined_by.entry(harm.damage).or_default() += 1;
            } else {
                counts.committed += 1;
            }
        }
    }

    /// Rows over all datasets that must be in the tables.
    pub fn committed(&self) -> u64 {
        self.datasets.values().map(|counts| counts.committed).sum()
    }
}

/// Adds what another file, of another seed, must become.
impl AddAssign<&Expected> for Expected {
    fn add_assign(&mut self, other: &Expected) {
        self.bytes += other.bytes;
        self.blank_lines += other.blank_lines;
        self.records += other.records;
        self.routed += other.routed;
        self.quarantined += other.quarantined;
        self.ignored += other.ignored;
        self.committed_order_total += other.committed_order_total;
        add_reasons(&mut self.quarantined_by, &other.quarantined_by);
        for (dataset, theirs) in &other.datasets {
            let ours = self.datasets.entry(dataset).or_default();
            ours.routed += theirs.routed;
            ours.committed += theirs.committed;
            ours.quarantined += theirs.quarantined;
            ours.deduplicated += theirs.deduplicated;
            add_reasons(&mut ours.quarantined_by, &theirs.quarantined_by);
        }
    }
}

fn add_reasons(ours: &mut BTreeMap<Damage, u64>, theirs: &BTreeMap<Damage, u64>) {
    for (damage, count) in theirs {
        *ours.entry(*damage).or_default() += count;
    }
}
