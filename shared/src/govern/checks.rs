//! The checks of a contract: single values judged at once, the rows of an input counted while they pass.

use regex::Regex;

use super::keys::{Key, KeyHasher, KeySet};
use super::quarantine::Reason;
use super::references::{MOST_VALUES, ReferenceCounter, UnknownReferences};
use super::row::{Cell, Row};
use crate::contract::{Check, Contract, Metric, Reference, Unit, ValidValues};
use crate::run::{CheckResult, RowCounts};

/// The rules of one dataset, and what was counted of its rows.
#[derive(Debug)]
pub(super) struct Checks {
    checks: &'static [Check],
    /// What was counted for each check.
    counts: Vec<u64>,
    /// The rules of each column's texts.
    texts: Vec<TextRules>,
    /// Columns whose empty cells are counted, each with its check.
    nulls: Vec<(usize, usize)>,
    /// Columns whose repeated values are counted, each with its check.
    duplicates: Vec<(Vec<usize>, usize, KeySet)>,
    /// Columns of which no two rows have the same value.
    unique: Vec<(usize, KeySet)>,
    /// Columns whose values are looked up in other tables.
    references: Vec<Referring>,
    /// Checks that count a value of the row at hand.
    pending: Vec<usize>,
    hasher: KeyHasher,
    new_keys: Vec<Key>,
}

/// A column whose values are looked up in another table.
#[derive(Debug)]
struct Referring {
    column: usize,
    /// The column that it refers to, where that is of the same table.
    own: Option<usize>,
    number: usize,
    reference: &'static Reference,
    counter: ReferenceCounter,
}

/// The rules of a column's texts.
#[derive(Debug, Default)]
struct TextRules {
    shortest: usize,
    valid: Option<Valid>,
    pattern: Option<Regex>,
    counted: Vec<(usize, Valid)>,
}

/// Which texts are valid.
#[derive(Debug)]
struct Valid {
    /// In their order: a few comparisons find one sooner than a hash does.
    values: Vec<String>,
    pattern: Option<Regex>,
}

impl Valid {
    fn of(valid: &ValidValues) -> Self {
        let pattern = valid.pattern.as_deref().and_then(regex_of);
        let mut values = valid.valid_values.clone();
        values.sort_unstable();
        Self { values, pattern }
    }

    fn allows(&self, text: &str) -> bool {
        let is_listed = self.values.is_empty()
            || self.values.binary_search_by(|value| value.as_str().cmp(text)).is_ok();
        is_listed && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }
}

/// The build refuses a contract with a pattern that cannot be read.
fn regex_of(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

impl Checks {
    pub(super) fn new(contract: &'static Contract) -> Self {
        let mut checks = Self {
            checks: &contract.checks,
            counts: vec![0; contract.checks.len()],
            texts: Vec::with_capacity(contract.columns.len()),
            nulls: Vec::new(),
            duplicates: Vec::new(),
            unique: Vec::new(),
            references: Vec::new(),
            pending: Vec::new(),
            hasher: KeyHasher::default(),
            new_keys: Vec::new(),
        };
        for (position, column) in contract.columns.iter().enumerate() {
            checks.texts.push(TextRules {
                shortest: column.min_length.unwrap_or_default(),
                valid: column.valid.as_ref().map(Valid::of),
                pattern: column.pattern.as_deref().and_then(regex_of),
                counted: Vec::new(),
            });
            // Rows with the same key are one row already.
            let is_key = contract.deduplicate_by == [column.name.as_str()];
            if column.unique && !is_key {
                checks.unique.push((position, KeySet::default()));
            }
        }
        for (number, check) in contract.checks.iter().enumerate() {
            checks.add(contract, number, check);
        }
        checks
    }

    fn add(&mut self, contract: &'static Contract, number: usize, check: &Check) {
        match &check.metric {
            Metric::RowCount | Metric::InvalidRows => {}
            Metric::NullValues { column } => {
                self.nulls.extend(contract.position(column).map(|position| (position, number)));
            }
            Metric::InvalidValues { column, valid } => {
                if let Some(position) = contract.position(column) {
                    self.texts[position].counted.push((number, Valid::of(valid)));
                }
            }
            Metric::DuplicateValues { columns } => {
                let positions = columns.iter().filter_map(|column| contract.position(column));
                self.duplicates.push((positions.collect(), number, KeySet::default()));
            }
            Metric::UnknownReferences { column } => {
                self.references.extend(Referring::new(contract, number, column));
            }
        }
    }

    /// Begins with a record.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }

    /// Whether there are rules for the texts of a column.
    pub(super) fn has_text_rules(&self, column: usize) -> bool {
        let TextRules { shortest, valid, pattern, counted } = &self.texts[column];
        *shortest > 0 || valid.is_some() || pattern.is_some() || !counted.is_empty()
    }

    /// Judges a text before anything is done to it: the reason against it, and the clause.
    pub(super) fn text(&mut self, column: usize, text: &str) -> Result<(), (Reason, &'static str)> {
        let rules = &self.texts[column];
        if text.len() < rules.shortest * 4 && text.chars().count() < rules.shortest {
            return Err((Reason::OutOfRange, "logicalTypeOptions.minLength"));
        }
        if rules.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
            return Err((Reason::InvalidValue, "logicalTypeOptions.pattern"));
        }
        if rules.valid.as_ref().is_some_and(|valid| !valid.allows(text)) {
            return Err((Reason::InvalidValue, "quality.invalidValues"));
        }
        for (number, valid) in &rules.counted {
            if !valid.allows(text) {
                self.pending.push(*number);
            }
        }
        Ok(())
    }

    /// Whether rows must differ in something beside their key.
    pub(super) fn has_unique(&self) -> bool {
        !self.unique.is_empty()
    }

    /// The first column whose value an earlier row has, though it must be unique. Without one, the values
    /// are remembered. Empty cells are not compared.
    pub(super) fn repeated(&mut self, row: &Row<'_>) -> Option<usize> {
        self.new_keys.clear();
        for (column, seen) in &self.unique {
            let key = key(&mut self.hasher, row, &[*column]);
            if row.cells()[*column] != Cell::Null && seen.contains(key) {
                return Some(*column);
            }
            self.new_keys.push(key);
        }
        for ((column, seen), key) in self.unique.iter_mut().zip(&self.new_keys) {
            if row.cells()[*column] != Cell::Null {
                seen.insert(*key, 0);
            }
        }
        None
    }

    /// Counts a row that is to be written.
    pub(super) fn row(&mut self, row: &Row<'_>) {
        for number in &self.pending {
            self.counts[*number] += 1;
        }
        for (column, number) in &self.nulls {
            self.counts[*number] += u64::from(row.cells()[*column] == Cell::Null);
        }
        for (columns, number, seen) in &mut self.duplicates {
            if columns.iter().any(|column| row.cells()[*column] == Cell::Null) {
                continue;
            }
            let is_new = seen.insert(key(&mut self.hasher, row, columns), 0);
            self.counts[*number] += u64::from(!is_new);
        }
        for referring in &mut self.references {
            referring.row(&mut self.hasher, row);
        }
    }

    /// Bytes that remembered values take.
    pub(super) fn bytes(&self) -> usize {
        let unique = self.unique.iter().map(|(_, seen)| seen.bytes());
        let duplicates = self.duplicates.iter().map(|(_, _, seen)| seen.bytes());
        let references = self.references.iter().map(|referring| referring.counter.bytes());
        unique.chain(duplicates).chain(references).sum()
    }

    /// What is to be looked up in other tables, once every row was counted.
    pub(super) fn take_references(&mut self) -> Vec<UnknownReferences> {
        let checks = self.checks;
        let finish = |referring: Referring| {
            let Referring { number, reference, counter, .. } = referring;
            counter.finish(&checks[number], number, reference)
        };
        std::mem::take(&mut self.references).into_iter().map(finish).collect()
    }

    /// What became of each check. As long as nobody has looked in other tables, no reference is known.
    pub(super) fn results(&self, rows: RowCounts) -> Vec<CheckResult> {
        let mut results = Vec::with_capacity(self.checks.len());
        for (number, (check, counted)) in self.checks.iter().zip(&self.counts).enumerate() {
            let (count, of) = match check.metric {
                Metric::UnknownReferences { .. } => {
                    let referring = self.references.iter().find(|one| one.number == number);
                    let rows = referring.map_or(0, |referring| referring.counter.rows());
                    (rows, rows)
                }
                Metric::RowCount => (rows.committed, rows.committed),
                Metric::InvalidRows => (rows.quarantined, rows.routed),
                _ => (*counted, rows.committed),
            };
            results.push(result(check, count, of));
        }
        results
    }
}

/// What becomes of a contract's checks where there is no row.
pub fn checks_without_rows(contract: &'static Contract) -> Vec<CheckResult> {
    Checks::new(contract).results(RowCounts::default())
}

impl Referring {
    /// The build refuses a contract whose check has no reference.
    fn new(contract: &'static Contract, number: usize, column: &str) -> Option<Self> {
        let position = contract.position(column)?;
        let reference = contract.columns[position].references.first()?;
        let is_own = contract.is_referred_to(reference);
        Some(Self {
            column: position,
            own: contract.position(&reference.column).filter(|_| is_own),
            number,
            reference,
            counter: ReferenceCounter::within(MOST_VALUES),
        })
    }

    fn row(&mut self, hasher: &mut KeyHasher, row: &Row<'_>) {
        if row.cells()[self.column] != Cell::Null {
            self.counter.value(key(hasher, row, &[self.column]));
        }
        if let Some(own) = self.own.filter(|own| row.cells()[*own] != Cell::Null) {
            self.counter.own(key(hasher, row, &[own]));
        }
    }
}

fn result(check: &Check, count: u64, of: u64) -> CheckResult {
    bounded_result(check, count, 0, of)
}

/// The result of a check that could not look at every row: it passes only if it does so whether none or all of
/// the others count.
pub(super) fn bounded_result(check: &Check, count: u64, unchecked: u64, of: u64) -> CheckResult {
    let share = |count: u64| match check.unit {
        Unit::Rows => count as f64,
        Unit::Percent => count as f64 * 100.0 / of.max(1) as f64,
    };
    let value = share(count);
    let at_most = share(count + unchecked);
    CheckResult {
        name: check.name.clone(),
        metric: check.metric.name().to_owned(),
        column: check.metric.column(),
        value,
        unit: check.unit.name().to_owned(),
        expectation: check.expectation.to_string(),
        severity: check.severity.name().to_owned(),
        passed: check.expectation.holds(value) && check.expectation.holds(at_most),
        unchecked_rows: unchecked,
    }
}

/// The key of a row's values in some columns.
pub(super) fn key(hasher: &mut KeyHasher, row: &Row<'_>, columns: &[usize]) -> Key {
    for position in columns {
        let cell = row.cells()[*position];
        match cell {
            Cell::Null => hasher.value(None),
            Cell::Record { .. } | Cell::Scratch { .. } => {
                hasher.value(row.text(cell).map(str::as_bytes));
            }
            Cell::Long(value) | Cell::Timestamp(value) => hasher.value(Some(&value.to_le_bytes())),
            Cell::Double(value) => hasher.value(Some(&value.to_le_bytes())),
            Cell::Boolean(value) => hasher.value(Some(&[u8::from(value)])),
            Cell::Decimal(value) => hasher.value(Some(&value.to_le_bytes())),
            Cell::Date(value) => hasher.value(Some(&value.to_le_bytes())),
        }
    }
    hasher.finish()
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;
