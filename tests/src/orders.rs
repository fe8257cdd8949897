//! A table of orders that tests change by hand: its contract's versions, its data files, its requests.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use parquet::arrow::{ArrowWriter, PARQUET_FIELD_ID_META_KEY};
use shared::event::{CommitRequest, DataFileDescription, MissingTable, SchemaColumn, TableSchema};
use shared::lake::{Lake, LakeConfig};
use shared::run::{InputIdentity, Outcome, Run};

use crate::lake::Row;
use crate::stack::{Stack, output, unique};

/// The first of March 2026, in days since 1970.
pub const FIRST_DAY: i32 = 20_513;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// How the table is partitioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioning {
    /// By the day of a timestamp.
    Day,
    /// By a date.
    Date,
}

/// A version of the table's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `id, amount: int, weight: float, price: decimal(9, 2), ordered_at`.
    First,
    /// `order_id, quantity: long, weight: double, price: decimal(18, 2), placed_at, note`.
    Second,
}

/// An order. All else follows from its number, so that a row that was read can be told to be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// Its number.
    pub id: i64,
    /// Its day, counted from the first.
    pub day: i32,
    /// How many it is about.
    pub amount: i32,
    /// What only the second version has.
    pub note: Option<String>,
}

/// A data file in the lake, and what is in it.
#[derive(Debug, Clone)]
pub struct OrderFile {
    /// The file.
    pub description: DataFileDescription,
    /// Its rows.
    pub orders: Vec<Order>,
}

/// Tables that nobody else uses.
#[derive(Debug)]
pub struct Orders {
    stack: Stack,
    /// The catalog.
    pub lake: Lake,
    /// The database.
    pub database: String,
    partitioning: Partitioning,
}

/// Orders of a day.
pub fn orders(ids: std::ops::Range<i64>, day: i32, amount: i32) -> Vec<Order> {
    ids.map(|id| Order { id, day, amount: amount + id as i32, note: None }).collect()
}

impl Version {
    fn columns(self, partitioning: Partitioning) -> Vec<(i32, &'static str, &'static str, bool)> {
        let moment = match partitioning {
            Partitioning::Day => "timestamp",
            Partitioning::Date => "date",
        };
        match self {
            Self::First => vec![
                (1, "id", "long", true),
                (2, "amount", "int", false),
                (3, "weight", "float", false),
                (4, "price", "decimal(9, 2)", false),
                (5, "ordered_at", moment, false),
            ],
            Self::Second => vec![
                (1, "order_id", "long", false),
                (2, "quantity", "long", false),
                (3, "weight", "double", false),
                (4, "price", "decimal(18, 2)", false),
                (5, "placed_at", moment, false),
                (6, "note", "string", false),
            ],
        }
    }

    /// The table as this version describes it.
    pub fn schema(self, partitioning: Partitioning) -> TableSchema {
        let columns = self.columns(partitioning);
        let (partition_column, partition_transform) = match partitioning {
            Partitioning::Day => (columns[4].1, "day"),
            Partitioning::Date => (columns[4].1, "identity"),
        };
        TableSchema {
            contract_version: match self {
                Self::First => "1.0.0".to_owned(),
                Self::Second => "1.1.0".to_owned(),
            },
            partition_column: partition_column.to_owned(),
            partition_transform: partition_transform.to_owned(),
            missing_table: MissingTable::Create,
            columns: columns
                .into_iter()
                .map(|(field_id, name, column_type, required)| SchemaColumn {
                    field_id,
                    name: name.to_owned(),
                    column_type: column_type.to_owned(),
                    required,
                    description: String::new(),
                })
                .collect(),
        }
    }
}

impl Order {
    /// The order that a row is, whichever version's names it has.
    ///
    /// # Panics
    /// Where the row is not as the order's number says.
    pub fn of(row: &Row) -> Self {
        let either = |names: [&str; 2]| names.iter().find_map(|name| row.get(*name)).cloned();
        let moment = either(["ordered_at", "placed_at"]).expect("every order has a moment");
        let date = &moment.as_str().expect("moments are text")[..10];
        let date: chrono::NaiveDate = date.parse().expect("a moment begins with its date");
        let id = either(["id", "order_id"]).and_then(|id| id.as_i64()).expect("orders have ids");
        let amount = either(["amount", "quantity"]).and_then(|amount| amount.as_i64());
        assert_eq!(row["weight"].as_f64(), Some(id as f64 / 4.0), "{row:?}");
        assert_eq!(row["price"].as_str(), Some(format!("{id}.05").as_str()), "{row:?}");
        Self {
            id,
            day: date.to_epoch_days() - FIRST_DAY,
            amount: amount.and_then(|amount| i32::try_from(amount).ok()).expect("it has an amount"),
            note: row.get("note").and_then(|note| note.as_str()).map(str::to_owned),
        }
    }
}

impl Orders {
    /// A database of its own in the stack's lake.
    ///
    /// # Panics
    /// Where the catalog does not open.
    pub async fn new(partitioning: Partitioning) -> Self {
        let lake = Lake::connect(LakeConfig {
            bucket: output("LAKE_BUCKET"),
            snapshot_retention_days: 30,
            endpoint: Some(output("AWS_ENDPOINT_URL")),
            region: output("AWS_REGION"),
        });
        Self {
            stack: Stack::connect().await,
            lake: lake.await.expect("the catalog opens"),
            database: format!("test_{}", unique()),
            partitioning,
        }
    }

    /// The table with its database.
    pub fn table(&self) -> String {
        format!("{}.orders", self.database)
    }

    /// Writes orders of one day to a data file, as a version has them.
    ///
    /// # Panics
    /// Where the lake does not take it.
    pub async fn file(&self, version: Version, orders: Vec<Order>) -> OrderFile {
        let batch = self.batch(version, &orders);
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None)
            .expect("the columns are Parquet's");
        writer.write(&batch).expect("memory can be written");
        let body = writer.into_inner().expect("memory can be written");
        let key = format!("{}/orders/data/{}.parquet", self.database, unique());
        let bucket = output("LAKE_BUCKET");
        let path = format!("s3://{bucket}/{key}");
        let size = body.len() as u64;
        let put = self.stack.s3.put_object().bucket(bucket).key(key).body(ByteStream::from(body));
        put.send().await.expect("the lake takes objects");
        OrderFile { description: describe(version, path, size, &orders), orders }
    }

    fn batch(&self, version: Version, orders: &[Order]) -> RecordBatch {
        let moments = orders.iter().map(|order| FIRST_DAY + order.day);
        let moment: ArrayRef = match self.partitioning {
            Partitioning::Day => Arc::new(TimestampMicrosecondArray::from_iter_values(
                moments.map(|day| i64::from(day) * MICROSECONDS_A_DAY + 1_000_000),
            )),
            Partitioning::Date => Arc::new(Date32Array::from_iter_values(moments)),
        };
        let moment_type = match self.partitioning {
            Partitioning::Day => DataType::Timestamp(TimeUnit::Microsecond, None),
            Partitioning::Date => DataType::Date32,
        };
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(orders.iter().map(|one| one.id)));
        let prices = orders.iter().map(|order| i128::from(order.id) * 100 + 5);
        let prices = Decimal128Array::from_iter_values(prices);
        let (types, mut arrays): (Vec<DataType>, Vec<ArrayRef>) = match version {
            Version::First => (
                vec![
                    DataType::Int64,
                    DataType::Int32,
                    DataType::Float32,
                    DataType::Decimal128(9, 2),
                ],
                vec![
                    ids,
                    Arc::new(Int32Array::from_iter_values(orders.iter().map(|one| one.amount))),
                    Arc::new(Float32Array::from_iter_values(
                        orders.iter().map(|one| one.id as f32 / 4.0),
                    )),
                    Arc::new(prices.with_precision_and_scale(9, 2).expect("it has the digits")),
                ],
            ),
            Version::Second => (
                vec![
                    DataType::Int64,
                    DataType::Int64,
                    DataType::Float64,
                    DataType::Decimal128(18, 2),
                ],
                vec![
                    ids,
                    Arc::new(Int64Array::from_iter_values(
                        orders.iter().map(|one| i64::from(one.amount)),
                    )),
                    Arc::new(Float64Array::from_iter_values(
                        orders.iter().map(|one| one.id as f64 / 4.0),
                    )),
                    Arc::new(prices.with_precision_and_scale(18, 2).expect("it has the digits")),
                ],
            ),
        };
        arrays.push(moment);
        if version == Version::Second {
            let notes: StringArray = orders.iter().map(|one| one.note.as_deref()).collect();
            arrays.push(Arc::new(notes));
        }
        let types = types.into_iter().chain([moment_type, DataType::Utf8]);
        let columns = version.columns(self.partitioning);
        let fields = columns.iter().zip(types).map(|((id, name, _, required), data_type)| {
            let id = (PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string());
            Field::new(*name, data_type, !required).with_metadata(HashMap::from([id]))
        });
        let schema = Schema::new(fields.collect::<Vec<_>>());
        RecordBatch::try_new(Arc::new(schema), arrays).expect("the columns are as long")
    }

    /// A request to append files that were written for a version.
    pub fn request(&self, id: &str, version: Version, files: &[&OrderFile]) -> CommitRequest {
        CommitRequest {
            request_id: id.to_owned(),
            dataset: "shop.orders".to_owned(),
            database: self.database.clone(),
            table: "orders".to_owned(),
            schema: version.schema(self.partitioning),
            data_files: files.iter().map(|file| file.description.clone()).collect(),
            row_keys: None,
            run: run(id),
        }
    }
}

fn describe(version: Version, path: String, size: u64, orders: &[Order]) -> DataFileDescription {
    let rows = orders.len() as u64;
    let bounds = |id: Option<i64>, amount: Option<i32>| {
        let amount = amount.unwrap_or_default();
        let amount = match version {
            Version::First => amount.to_le_bytes().to_vec(),
            Version::Second => i64::from(amount).to_le_bytes().to_vec(),
        };
        let id = id.unwrap_or_default().to_le_bytes().to_vec();
        [(1, STANDARD.encode(id)), (2, STANDARD.encode(amount))].into()
    };
    let (ids, amounts) = (orders.iter().map(|one| one.id), orders.iter().map(|one| one.amount));
    let day = FIRST_DAY + orders.first().map_or(0, |order| order.day);
    DataFileDescription {
        path,
        record_count: rows,
        file_size_in_bytes: size,
        partition: Some(STANDARD.encode(day.to_le_bytes())),
        column_sizes: [(1, 10 * rows)].into(),
        value_counts: [(1, rows), (2, rows)].into(),
        null_value_counts: [(1, 0), (2, 0)].into(),
        lower_bounds: bounds(ids.clone().min(), amounts.clone().min()),
        upper_bounds: bounds(ids.max(), amounts.max()),
        split_offsets: vec![4],
    }
}

/// A run that nobody looks at.
fn run(id: &str) -> Run {
    let now = Utc::now();
    Run {
        run_id: id.to_owned(),
        job: "test".to_owned(),
        input: InputIdentity {
            bucket: "none".to_owned(),
            key: id.to_owned(),
            version_id: None,
            checksum: String::new(),
            supersedes: None,
            replay: None,
        },
        dataset: Some("shop.orders".to_owned()),
        outcome: Outcome::Committed,
        arrived_at: now,
        started_at: now,
        finished_at: now,
        records: None,
        rows: None,
        quarantined_by_reason: [].into(),
        quarantined_by_column: [].into(),
        quarantine: None,
        input_copy: None,
        bytes_written: 0,
        data_files: Vec::new(),
        contract_version: None,
        schema_fingerprint: None,
        unknown_members: [].into(),
        event_time: None,
        rows_by_event_time: [].into(),
        checks: Vec::new(),
        columns: Vec::new(),
        snapshot_id: None,
        superseded_runs: Vec::new(),
        left_out: None,
        error: None,
    }
}
