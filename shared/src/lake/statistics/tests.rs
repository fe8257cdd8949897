//! What is told of rows is true of them, and the same in every attempt.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{
    BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::Schema;
use parquet::arrow::arrow_writer::ArrowWriter;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::contract::{ColumnType, Contract, ValidValues, contracts};
use crate::event::{DataFileDescription, RowKeys};
use crate::govern::Key;
use crate::lake::columns::arrow_schema;
use crate::lake::without_rows::{Rewrite, keys_of};
use crate::lake::{Folder, describe::describe};
use crate::run::{InputIdentity, RowCounts};

/// A contract with a column of each type: `id` is the key, `status` has a list, `name` is private.
fn contract() -> Contract {
    let mut contract = contracts()[0].clone();
    let types = [
        ("id", ColumnType::String),
        ("timestamp", ColumnType::Timestamp),
        ("status", ColumnType::String),
        ("name", ColumnType::String),
        ("amount", ColumnType::Decimal { precision: 38, scale: 2 }),
        ("weight", ColumnType::Double),
        ("pieces", ColumnType::Long),
        ("paid", ColumnType::Boolean),
        ("day", ColumnType::Date),
    ];
    let template = contract.columns[0].clone();
    contract.columns.clear();
    for (position, (name, column_type)) in types.into_iter().enumerate() {
        let mut column = template.clone();
        (column.name, column.column_type) = (name.to_owned(), column_type);
        (column.field_id, column.required, column.partition) = (position as i32 + 1, false, None);
        column.privacy = crate::contract::Privacy::Keep;
        contract.columns.push(column);
    }
    contract.columns[8].partition = Some(crate::contract::PartitionTransform::Identity);
    let list = ["open", "paid", "lost"].map(str::to_owned).to_vec();
    let valid = Some(ValidValues { valid_values: list, pattern: None });
    contract.columns[2].valid.clone_from(&valid);
    contract.columns[3].valid = valid;
    contract.columns[3].privacy = crate::contract::Privacy::Scan;
    contract.deduplicate_by = vec!["id".to_owned()];
    contract.checks.clear();
    contract
}

/// A row: id, minute of its event, status, a number for each of the others; some are null.
type Made = (u32, Option<i64>, Option<u8>, Option<i64>);

fn rows() -> impl Strategy<Value = Vec<Made>> {
    let row = (
        proptest::option::weighted(0.9, 0_i64..3_000_000),
        proptest::option::of(0_u8..5),
        proptest::option::of(-1_000_i64..1_000),
    );
    proptest::collection::vec(row, 0..1_500).prop_map(|rows| {
        let numbered = rows.into_iter().enumerate();
        numbered.map(|(id, (minute, status, number))| (id as u32, minute, status, number)).collect()
    })
}

fn batch(schema: &Arc<Schema>, rows: &[Made]) -> RecordBatch {
    const STATUS: [&str; 5] = ["open", "paid", "lost", "a@b.example", ""];
    let numbers = || rows.iter().map(|(_, _, _, number)| *number);
    let texts = || rows.iter().map(|(_, _, status, _)| status.map(|one| STATUS[one as usize]));
    let moments = rows.iter().map(|(_, minute, ..)| minute.map(|minute| minute * 60_000_000));
    let amount: Decimal128Array = numbers().map(|one| one.map(i128::from)).collect();
    let weights = numbers().map(|one| one.map(|one| one as f64 / 8.0));
    let paid = numbers().map(|one| one.map(|one| one > 0));
    let days = numbers().map(|one| one.map(|one| one as i32));
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(id, ..)| format!("row-{id}")))),
        Arc::new(moments.collect::<TimestampMicrosecondArray>()),
        Arc::new(texts().collect::<StringArray>()),
        Arc::new(texts().collect::<StringArray>()),
        Arc::new(amount.with_precision_and_scale(38, 2).unwrap()),
        Arc::new(weights.collect::<Float64Array>()),
        Arc::new(numbers().collect::<Int64Array>()),
        Arc::new(paid.collect::<BooleanArray>()),
        Arc::new(days.collect::<Date32Array>()),
    ];
    RecordBatch::try_new(schema.clone(), arrays).unwrap()
}

/// Counted in arrays of so many rows; without extremes, which come from files.
fn counted(contract: &Contract, rows: &[Made], at_once: usize) -> RowStatistics {
    let schema = arrow_schema(contract);
    let mut counter = RowCounter::of_contract(contract);
    for rows in rows.chunks(at_once) {
        for (position, array) in batch(&schema, rows).columns().iter().enumerate() {
            counter.array(position, array);
        }
    }
    counter.finish(&vec![Bounds::default(); contract.columns.len()])
}

fn column<'a>(statistics: &'a RowStatistics, name: &str) -> &'a ColumnStatistics {
    statistics.columns.iter().find(|column| column.name == name).unwrap()
}

fn exact<T: Ord + Clone>(mut values: Vec<T>) -> Vec<T> {
    values.sort();
    let rank = |percent: usize| (values.len() * percent).div_ceil(100).max(1);
    [5, 25, 50, 75, 95]
        .iter()
        .filter_map(|percent| values.get(rank(*percent) - 1).cloned())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_told_is_true_of_the_rows(rows in rows(), at_once in 1_usize..300) {
        let contract = contract();
        let statistics = counted(&contract, &rows, at_once);
        // The rows alone decide, not the batches that they came in.
        prop_assert_eq!(&statistics, &counted(&contract, &rows, 1_000));
        let with_time = rows.iter().filter(|(_, minute, ..)| minute.is_some()).count() as u64;
        prop_assert_eq!(statistics.rows_by_event_time.values().sum::<u64>(), with_time);
        let numbers: Vec<i64> = rows.iter().filter_map(|(_, _, _, number)| *number).collect();
        for name in ["amount", "weight", "pieces", "paid", "day"] {
            let column = column(&statistics, name);
            prop_assert_eq!(column.null_count as usize, rows.len() - numbers.len());
            let told: u64 = column.value_counts.values().sum();
            prop_assert_eq!(told, if name == "paid" { numbers.len() as u64 } else { 0 });
        }
        if numbers.len() <= 512 {
            let expected = exact(numbers.clone());
            let shown = |one: &i64| one.to_string();
            prop_assert_eq!(&column(&statistics, "pieces").quantiles, &expected.iter().map(shown).collect::<Vec<_>>());
            let shown = |one: &i64| (*one as f64 / 8.0).to_string();
            prop_assert_eq!(&column(&statistics, "weight").quantiles, &expected.iter().map(shown).collect::<Vec<_>>());
        }
        prop_assert!(column(&statistics, "paid").quantiles.is_empty());
        prop_assert!(column(&statistics, "id").quantiles.is_empty());
        prop_assert_eq!(column(&statistics, "id").distinct_estimate, rows.len() as u64);
        let statuses = rows.iter().filter(|(_, _, status, _)| status.is_some()).count() as u64;
        let status = column(&statistics, "status");
        prop_assert_eq!(status.value_counts.values().sum::<u64>(), statuses);
        prop_assert!(status.value_counts.keys().all(|value| ["open", "paid", "lost", "…"].contains(&value.as_str())));
        let different: std::collections::BTreeSet<_> = rows.iter().filter_map(|(_, _, status, _)| *status).collect();
        prop_assert_eq!(status.distinct_estimate, different.len() as u64);
        // Privacy rewrites it: nothing of it is told.
        prop_assert!(column(&statistics, "name").value_counts.is_empty());
    }

    #[test]
    fn rows_that_are_left_out_are_not_told_of(rows in rows(), left_out in proptest::collection::btree_set(0_u32..1_500, 0..40)) {
        prop_assume!(!rows.is_empty());
        let contract = contract();
        let left_out: Vec<u32> = left_out.into_iter().filter(|id| (*id as usize) < rows.len()).collect();
        let (told, left) = rewritten(&contract, &rows, &left_out);
        let stay: Vec<Made> = rows.iter().filter(|(id, ..)| !left_out.contains(id)).copied().collect();
        prop_assert_eq!(left, stay.len() as u64);
        // As if the others had never been, extremes and times of the file included.
        let (fresh, _) = rewritten(&contract, &stay, &[]);
        prop_assert_eq!(&told, &fresh);
        prop_assert_eq!(&told.rows_by_event_time, &counted(&contract, &stay, 256).rows_by_event_time);
        prop_assert_eq!(told.event_time.is_some(), stay.iter().any(|(_, minute, ..)| minute.is_some()));
    }
}

/// Writes rows to a file, and the file anew without some; what is told of it then, and how many rows are left.
fn rewritten(contract: &Contract, rows: &[Made], left_out: &[u32]) -> (RowStatistics, u64) {
    let folder = TempDir::new().unwrap();
    let (path, schema) = (folder.path().join("a.parquet"), arrow_schema(contract));
    let batch = batch(&schema, rows);
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    let metadata = writer.close().unwrap();
    let request = request(contract, counted(contract, rows, 256));
    let types: Vec<_> =
        contract.columns.iter().map(|one| (one.field_id, one.column_type)).collect();
    let described = describe(&types, "a".to_owned(), None, &metadata, 1).description;
    let key_columns = contract.deduplicate_by.clone();
    let all = keys_of("a", &key_columns, &batch).unwrap();
    let mut keys: Vec<Key> = left_out.iter().map(|id| all[*id as usize]).collect();
    keys.sort_unstable();
    let mut recount = Recount::of(&request).unwrap();
    let rewrite = Rewrite {
        description: &described,
        schema: &request.schema,
        key_columns: &key_columns,
        left_out: &keys,
        target: "b.parquet",
    };
    let source = File::open(&path).unwrap();
    let file = rewrite.run(source, &Folder::new(folder.path()), &mut recount).unwrap();
    let left = file.map_or(0, |file: DataFileDescription| file.record_count);
    (recount.finish(), left)
}

fn request(contract: &Contract, told: RowStatistics) -> CommitRequest {
    let moment = DateTime::<Utc>::UNIX_EPOCH;
    let input: InputIdentity =
        serde_json::from_value(json!({"bucket": "landing", "key": "a", "checksum": "c"})).unwrap();
    let mut run = crate::transform::base_run("job", input, moment, moment);
    run.rows = Some(RowCounts::default());
    run.columns = told.columns;
    let columns = contract.deduplicate_by.clone();
    CommitRequest {
        request_id: "request".to_owned(),
        dataset: contract.dataset(),
        database: contract.domain.clone(),
        table: contract.table.clone(),
        schema: crate::event::TableSchema::of(contract),
        data_files: Vec::new(),
        row_keys: Some(RowKeys { columns, look_back_days: 1, segments: Vec::new() }),
        run,
    }
}

#[test]
fn floats_keep_their_order_as_integers() {
    let floats = [f64::MIN, -1.5, -0.0, 0.0, 1e-300, 0.1, 7.25, f64::MAX];
    let keys = floats.map(super::column::ordered);
    assert!(keys.is_sorted_by(|one, next| one < next), "{keys:?}");
    assert_eq!(keys.map(super::column::unordered).map(f64::to_bits), floats.map(f64::to_bits));
}
