//! What is counted of one column.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};

use crate::contract::ColumnType;
use crate::lake::bounds::{Bounds, Extreme, shown};
use crate::run::{ColumnStatistics, DistinctCounter, Reservoir, ValueCounter};

/// How a column is looked at.
#[derive(Debug)]
pub(super) struct Watched {
    pub column_type: ColumnType,
    /// No two rows have the same value: that need not be found out.
    pub is_unique: bool,
    /// The values that are counted one by one.
    pub listed: Vec<String>,
    /// Whether values may be told at all.
    pub shows_values: bool,
}

/// Counts the values of one column.
#[derive(Debug)]
pub(super) struct ColumnCounter {
    pub name: String,
    watched: Watched,
    nulls: u64,
    values: u64,
    distinct: DistinctCounter,
    sample: Reservoir,
    listed: Option<ValueCounter>,
    /// Of booleans, how many are false and how many true.
    booleans: [u64; 2],
}

impl ColumnCounter {
    /// A counter of the column at a position.
    pub fn new(name: &str, position: usize, mut watched: Watched) -> Self {
        let listed = std::mem::take(&mut watched.listed);
        Self {
            name: name.to_owned(),
            nulls: 0,
            values: 0,
            distinct: DistinctCounter::default(),
            sample: Reservoir::new(position as u64),
            listed: (!listed.is_empty()).then(|| ValueCounter::new(listed)),
            booleans: [0; 2],
            watched,
        }
    }

    pub fn column_type(&self) -> ColumnType {
        self.watched.column_type
    }

    /// Counts the values of an array.
    pub fn array(&mut self, array: &ArrayRef) {
        let nulls = array.null_count();
        self.nulls += nulls as u64;
        if nulls == array.len() {
            return;
        }
        self.values += (array.len() - nulls) as u64;
        match self.watched.column_type {
            ColumnType::String => self.texts(array),
            ColumnType::Boolean => {
                let trues = array.as_boolean().true_count();
                self.booleans[0] += (array.len() - nulls - trues) as u64;
                self.booleans[1] += trues as u64;
            }
            ColumnType::Long => self.numbers::<Int64Type>(array, i128::from),
            ColumnType::Double => self.numbers::<Float64Type>(array, ordered),
            ColumnType::Decimal { .. } => self.numbers::<Decimal128Type>(array, |value| value),
            ColumnType::Timestamp => self.numbers::<TimestampMicrosecondType>(array, i128::from),
            ColumnType::Date => self.numbers::<Date32Type>(array, i128::from),
        }
    }

    fn texts(&mut self, array: &ArrayRef) {
        let texts = array.as_string::<i32>();
        if !self.watched.is_unique {
            let bytes = texts.value_data();
            let mut last = None;
            for (position, ends) in texts.value_offsets().windows(2).enumerate() {
                let text = &bytes[ends[0] as usize..ends[1] as usize];
                // Equal values often follow each other. Null takes no bytes.
                if last == Some(text) || (text.is_empty() && texts.is_null(position)) {
                    continue;
                }
                self.distinct.insert(text);
                last = Some(text);
            }
        }
        if let Some(listed) = &mut self.listed {
            for text in texts.iter().flatten() {
                listed.insert(text);
            }
        }
    }

    fn numbers<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef, key: fn(T::Native) -> i128) {
        let values = array.as_primitive::<T>();
        if !self.watched.is_unique {
            for value in values.iter().flatten() {
                self.distinct.insert(&key(value).to_le_bytes());
            }
        }
        match values.nulls() {
            Some(nulls) => sample(&mut self.sample, values, nulls.valid_indices(), key),
            None => sample(&mut self.sample, values, 0..values.len(), key),
        }
    }

    /// What was counted; extremes are those of the files.
    pub fn finish(self, bounds: &Bounds) -> ColumnStatistics {
        let column_type = self.watched.column_type;
        let readable = |extreme: &Option<Extreme>| {
            extreme.as_ref().and_then(|extreme| shown(extreme, column_type))
        };
        let mut quantiles = Vec::new();
        for quantile in self.sample.quantiles() {
            let quantile = match column_type {
                ColumnType::Double => Extreme::Double(unordered(quantile)),
                _ => Extreme::Integer(quantile),
            };
            quantiles.extend(shown(&quantile, column_type));
        }
        let distinct_estimate = match column_type {
            ColumnType::Boolean => self.booleans.iter().filter(|count| **count > 0).count() as u64,
            _ if self.watched.is_unique => self.values,
            // An estimate may be a little above what there is.
            _ => self.distinct.estimate().min(self.values),
        };
        let value_counts = match (column_type, self.listed) {
            (ColumnType::Boolean, _) if self.watched.shows_values => booleans(self.booleans),
            (_, Some(listed)) if self.watched.shows_values => listed.finish(),
            _ => BTreeMap::new(),
        };
        ColumnStatistics {
            name: self.name,
            null_count: self.nulls,
            distinct_estimate,
            minimum: readable(&bounds.lower),
            maximum: readable(&bounds.upper),
            quantiles,
            value_counts,
        }
    }
}

fn booleans(counts: [u64; 2]) -> BTreeMap<String, u64> {
    let named = [("false", counts[0]), ("true", counts[1])];
    let seen = named.into_iter().filter(|(_, count)| *count > 0);
    seen.map(|(value, count)| (value.to_owned(), count)).collect()
}

/// Takes those values of an array that the sample wants.
fn sample<T: ArrowPrimitiveType>(
    sample: &mut Reservoir,
    array: &PrimitiveArray<T>,
    mut positions: impl Iterator<Item = usize>,
    key: fn(T::Native) -> i128,
) {
    let mut left = (array.len() - array.null_count()) as u64;
    while let Some(before) = sample.next_within(left) {
        let Some(position) = positions.nth(before as usize) else { return };
        sample.take(key(array.value(position)));
        left -= before + 1;
    }
}

/// A float as an integer of the same order (IEEE 754 totalOrder, as `f64::total_cmp` has it).
pub(super) fn ordered(value: f64) -> i128 {
    let bits = value.to_bits() as i64;
    i128::from(bits ^ (((bits >> 63) as u64) >> 1) as i64)
}

/// The float of an [`ordered`] integer.
pub(super) fn unordered(value: i128) -> f64 {
    let bits = value as i64;
    f64::from_bits((bits ^ (((bits >> 63) as u64) >> 1) as i64) as u64)
}
