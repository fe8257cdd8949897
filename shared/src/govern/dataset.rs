//! One dataset's judgement over the records that are routed to it.

mod cells;
#[cfg(test)]
#[path = "evolution_tests.rs"]
mod evolution_tests;
#[cfg(test)]
mod json_tests;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checks::{self, Checks};
use super::extra::{Extra, LeftOut};
use super::keys::{KeyHasher, KeySet};
use super::plan::{Plan, SlotId};
use super::privacy::Pseudonymizer;
use super::quarantine::{Reason, Rejection};
use super::references::UnknownReferences;
use super::row::{Cell, Row};
use super::scan::Scanned;
use crate::contract::{Column, Contract, EvolutionMode, Generated};
use crate::run::{CheckResult, RowCounts};
use cells::Refusal;
use step::Step;

/// Reasons with their columns that a run tells of: an item of the ledger holds 400 KB.
const MOST_COLUMN_REASONS: usize = 200;

/// What becomes of a record in a dataset.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// A row to write.
    Row(Row<'a>),
    /// The same key stood in an earlier record of the input.
    Duplicate,
    /// The contract says to leave the row out.
    Discarded,
    /// To quarantine.
    Rejected(Rejection),
}

/// Judges records by a contract, counts the verdicts, and keeps what it needs between records.
#[derive(Debug)]
pub struct DatasetGovernor {
    contract: &'static Contract,
    plan: Arc<Plan>,
    /// For each column, the slots that it is read from.
    slots: Vec<Vec<SlotId>>,
    steps: Vec<Step>,
    require_one_of: Vec<Vec<usize>>,
    deduplicate_by: Vec<usize>,
    extra_column: Option<usize>,
    absent_column: Option<usize>,
    partition_column: Option<usize>,
    extra: Extra,
    checks: Checks,
    keys: KeySet,
    key_hasher: KeyHasher,
    cells: Vec<Cell>,
    scratch: String,
    left_out: Vec<LeftOut>,
    counts: RowCounts,
    reasons: BTreeMap<Reason, u64>,
    /// Where the reason names a column: with its position.
    reasons_by_column: BTreeMap<(Reason, usize), u64>,
}

impl DatasetGovernor {
    /// A governor for a contract. `read_by_router` are paths that are known, though no column.
    pub fn new(contract: &'static Contract, plan: Arc<Plan>, read_by_router: &[&str]) -> Self {
        let slots_of =
            |column: &Column| column.sources.iter().filter_map(|path| plan.slot(path)).collect();
        let positions =
            |names: &Vec<String>| names.iter().filter_map(|name| contract.position(name)).collect();
        let slots: Vec<Vec<SlotId>> = contract.columns.iter().map(slots_of).collect();
        let checks = Checks::new(contract);
        let mut steps = Vec::with_capacity(slots.len());
        for (position, column) in contract.columns.iter().enumerate() {
            steps.push(Step::of(column, &slots[position], checks.has_text_rules(position)));
        }
        Self {
            slots,
            steps,
            require_one_of: contract.require_one_of.iter().map(positions).collect(),
            deduplicate_by: positions(&contract.deduplicate_by),
            extra_column: contract.generated_position(Generated::Extra),
            absent_column: contract.generated_position(Generated::Absent),
            partition_column: contract.partition_column().map(|(position, _)| position),
            extra: Extra::new(&plan, contract, read_by_router),
            checks,
            contract,
            plan,
            keys: KeySet::default(),
            key_hasher: KeyHasher::default(),
            cells: Vec::with_capacity(contract.columns.len()),
            scratch: String::new(),
            left_out: Vec::new(),
            counts: RowCounts::default(),
            reasons: BTreeMap::new(),
            reasons_by_column: BTreeMap::new(),
        }
    }

    /// The contract.
    pub fn contract(&self) -> &'static Contract {
        self.contract
    }

    /// The counts so far. `committed` holds the rows that were given out to be written.
    pub fn counts(&self) -> RowCounts {
        self.counts
    }

    /// Rejected rows by reason.
    pub fn reasons(&self) -> &BTreeMap<Reason, u64> {
        &self.reasons
    }

    /// Rejected rows whose reason names a column, as `reason:column`; the most frequent where there are more
    /// than a run can tell.
    pub fn reasons_by_column(&self) -> BTreeMap<String, u64> {
        let mut counts: Vec<_> = self.reasons_by_column.iter().collect();
        counts.sort_by(|(_, one), (_, other)| other.cmp(one));
        let mut named = BTreeMap::new();
        for ((reason, position), count) in counts.into_iter().take(MOST_COLUMN_REASONS) {
            let column = &self.contract.columns[*position].name;
            named.insert(format!("{}:{column}", reason.name()), *count);
        }
        named
    }

    /// `path:type` of members that were no column, with the number of rows.
    pub fn unknown_members(&self) -> BTreeMap<String, u64> {
        self.extra.unknown_members()
    }

    /// What became of the contract's checks, once every record was judged.
    pub fn check_results(&self) -> Vec<CheckResult> {
        self.checks.results(self.counts)
    }

    /// The values that are to be looked up in other tables, once every record was judged.
    pub fn take_references(&mut self) -> Vec<UnknownReferences> {
        self.checks.take_references()
    }

    /// Bytes that keys and values take which are remembered of this input.
    pub fn key_bytes(&self) -> usize {
        self.keys.bytes() + self.checks.bytes()
    }

    /// The keys of the rows that were given out, once all are.
    pub fn into_keys(self) -> KeySet {
        self.keys
    }

    /// Judges a record that was routed here.
    pub fn judge<'a>(
        &'a mut self,
        scanned: &Scanned<'a>,
        pseudonymizer: &mut Pseudonymizer,
    ) -> Verdict<'a> {
        self.counts.routed += 1;
        let filled = self.fill(scanned, pseudonymizer);
        match filled.and_then(|()| self.is_first(scanned.record())) {
            Err(Refused::Discard) => {
                self.counts.discarded += 1;
                return Verdict::Discarded;
            }
            Err(Refused::Reject(rejection, column)) => {
                self.counts.quarantined += 1;
                *self.reasons.entry(rejection.reason).or_insert(0) += 1;
                if let Some(column) = column {
                    *self.reasons_by_column.entry((rejection.reason, column)).or_insert(0) += 1;
                }
                return Verdict::Rejected(rejection);
            }
            Ok(false) => {
                self.counts.deduplicated += 1;
                return Verdict::Duplicate;
            }
            Ok(true) => {}
        }
        self.counts.committed += 1;
        self.checks.row(&Row {
            cells: &self.cells,
            record: scanned.record(),
            scratch: &self.scratch,
        });
        if let Some(Cell::Scratch { start, end }) =
            self.extra_column.map(|column| self.cells[column])
        {
            self.extra.count(&self.scratch[start as usize..end as usize]);
        }
        Verdict::Row(Row { cells: &self.cells, record: scanned.record(), scratch: &self.scratch })
    }

    fn fill(
        &mut self,
        scanned: &Scanned<'_>,
        pseudonymizer: &mut Pseudonymizer,
    ) -> Result<(), Refused> {
        self.cells.clear();
        self.scratch.clear();
        self.left_out.clear();
        self.checks.clear();
        for position in 0..self.steps.len() {
            let column = &self.contract.columns[position];
            if let Some(cell) = self.steps[position].cell(column, scanned) {
                self.cells.push(cell);
                continue;
            }
            let cell = match self.cell(position, column, scanned, pseudonymizer) {
                Ok(cell) => cell,
                Err(Refusal::Discard) => return Err(Refused::Discard),
                Err(Refusal::Reject(reason, clause)) => {
                    return Err(self.reject_column(reason, position, clause));
                }
            };
            if cell == Cell::Null && column.required {
                return Err(self.reject_column(Reason::RequiredValueMissing, position, "required"));
            }
            self.cells.push(cell);
        }
        for group in &self.require_one_of {
            if group.iter().all(|position| self.cells[*position] == Cell::Null) {
                return Err(self.reject(Reason::RequiredOneOfMissing, "requireOneOf"));
            }
        }
        self.fill_absent(scanned);
        self.fill_extra(scanned)
    }

    /// Whether the record has anything that a column is read from.
    fn is_present(&self, position: usize, scanned: &Scanned<'_>) -> bool {
        self.slots[position].iter().any(|slot| scanned.is_present(*slot))
    }

    fn reject(&self, reason: Reason, clause: &str) -> Refused {
        let clause = format!("{} {} {clause}", self.contract.dataset(), self.contract.version);
        Refused::Reject(Rejection { reason, clause }, None)
    }

    fn reject_column(&self, reason: Reason, position: usize, clause: &str) -> Refused {
        let (contract, column) = (self.contract, &self.contract.columns[position].name);
        let clause =
            format!("{} {} properties.{column}.{clause}", contract.dataset(), contract.version);
        Refused::Reject(Rejection { reason, clause }, Some(position))
    }

    /// Lists the columns of which the record says nothing, not even null: they overwrite nothing.
    fn fill_absent(&mut self, scanned: &Scanned<'_>) {
        let Some(column) = self.absent_column else { return };
        let start = self.scratch.len();
        for (position, step) in self.steps.iter().enumerate() {
            if step.is_read() && !self.is_present(position, scanned) {
                if self.scratch.len() > start {
                    self.scratch.push(',');
                }
                self.scratch.push_str(&self.contract.columns[position].name);
            }
        }
        self.cells[column] = self.scratch_cell(start);
    }

    fn fill_extra(&mut self, scanned: &Scanned<'_>) -> Result<(), Refused> {
        let start = self.scratch.len();
        let unknown = self.extra.append(scanned, &self.left_out, &self.plan, &mut self.scratch);
        if unknown {
            match self.contract.evolution.columns {
                EvolutionMode::DiscardValue | EvolutionMode::Evolve => {}
                EvolutionMode::DiscardRow => return Err(Refused::Discard),
                EvolutionMode::Freeze => {
                    return Err(self.reject(Reason::UnknownMember, "evolution.columns"));
                }
            }
        }
        if let Some(column) = self.extra_column {
            self.cells[column] = self.scratch_cell(start);
        }
        Ok(())
    }

    fn partition_day(&self) -> i32 {
        self.partition_column.and_then(|position| self.cells[position].day()).unwrap_or_default()
    }

    /// Whether the row's key was not seen before in this input. A row that breaks a rule about others
    /// leaves no trace: the record may come again, mended.
    fn is_first(&mut self, record: &str) -> Result<bool, Refused> {
        let row = Row { cells: &self.cells, record, scratch: &self.scratch };
        if self.deduplicate_by.is_empty() {
            return self.differs(record).map(|()| true);
        }
        let key = checks::key(&mut self.key_hasher, &row, &self.deduplicate_by);
        if self.checks.has_unique() {
            if self.keys.contains(key) {
                return Ok(false);
            }
            self.differs(record)?;
        }
        let day = self.partition_day();
        Ok(self.keys.insert(key, day))
    }

    /// Whether the row differs from the earlier ones where it must.
    fn differs(&mut self, record: &str) -> Result<(), Refused> {
        let row = Row { cells: &self.cells, record, scratch: &self.scratch };
        match self.checks.repeated(&row) {
            None => Ok(()),
            Some(position) => Err(self.reject_column(Reason::NotUnique, position, "unique")),
        }
    }
}

/// Why a record gives no row.
enum Refused {
    /// With the position of the column that the reason names, if it names one.
    Reject(Rejection, Option<usize>),
    Discard,
}
