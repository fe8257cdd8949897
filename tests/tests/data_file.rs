//! Columns of a data file in S3, read without the rest of it.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use aws_sdk_s3::primitives::ByteStream;
use end_to_end::stack::{Stack, output, unique};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use shared::lake::{DataFile, ReadError};

const ROWS: i64 = 20_000;

/// A file of several row groups; its text does not compress, so that it is far larger than what is fetched with its end.
fn file() -> Vec<u8> {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..ROWS).map(|_| format!("{}{}", unique(), unique())),
    ));
    let names: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("row {row}"))));
    let batch = RecordBatch::try_from_iter([("number", numbers), ("text", texts), ("name", names)])
        .unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(6_000)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

async fn numbers(stack: &Stack, uri: &str, rows: std::ops::Range<u64>) -> Vec<i64> {
    let file = DataFile::open(&stack.s3, uri).await.unwrap();
    assert_eq!(file.rows(), ROWS as u64);
    let mut batches = file.read(&["name", "number", "of_a_later_version"], rows).unwrap();
    let mut found = Vec::new();
    while let Some(batch) = batches.next().await.unwrap() {
        assert_eq!(batch.num_columns(), 2, "only what was asked for and is there");
        let numbers = batch.column_by_name("number").unwrap().as_primitive::<Int64Type>();
        let names = batch.column_by_name("name").unwrap().as_string::<i32>();
        for (number, name) in numbers.values().iter().zip(names) {
            assert_eq!(name, Some(format!("row {number}").as_str()));
            found.push(*number);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_a_file_are_read_by_ranges_of_its_rows() {
    let stack = Stack::connect().await;
    let (bucket, key) = (output("QUARANTINE_BUCKET"), format!("tests/{}.parquet", unique()));
    let body = file();
    assert!(body.len() > 1024 * 1024, "{}", body.len());
    let put = stack.s3.put_object().bucket(&bucket).key(&key).body(ByteStream::from(body));
    put.send().await.unwrap();
    let uri = format!("s3://{bucket}/{key}");
    let all: Vec<i64> = (0..ROWS).collect();
    assert_eq!(numbers(&stack, &uri, 0..u64::MAX >> 1).await, all);
    // Parts put together are the whole, wherever they are cut.
    let mut parts = Vec::new();
    for cut in [0..1, 1..5_999, 5_999..12_001, 12_001..20_000] {
        parts.extend(numbers(&stack, &uri, cut).await);
    }
    assert_eq!(parts, all);
    assert_eq!(numbers(&stack, &uri, 20_000..30_000).await, Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_data_file_is_named() {
    let stack = Stack::connect().await;
    let bucket = output("QUARANTINE_BUCKET");
    let missing = format!("s3://{bucket}/tests/{}.parquet", unique());
    let opened = DataFile::open(&stack.s3, &missing).await;
    assert!(matches!(opened, Err(ReadError::Missing { uri }) if uri == missing));
    let key = format!("tests/{}.parquet", unique());
    let put = stack.s3.put_object().bucket(&bucket).key(&key);
    put.body(ByteStream::from_static(b"no parquet at all")).send().await.unwrap();
    let uri = format!("s3://{bucket}/{key}");
    assert!(matches!(DataFile::open(&stack.s3, &uri).await, Err(ReadError::Parquet { .. })));
    let unnamed = DataFile::open(&stack.s3, "file:///tmp/x").await;
    assert!(matches!(unnamed, Err(ReadError::Name { .. })));
}
