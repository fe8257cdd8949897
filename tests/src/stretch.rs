//! The stretch by itself, without AWS: a source's contracts, format and router over any two stores.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use shared::lake::ObjectStore;
use shared::transform::{Origin, Source, StretchSettings, plan};

use crate::segment::SegmentGenerator;

const SEED: u64 = 1;

/// Key of the quarantine object.
pub const QUARANTINE_KEY: &str = "rows/segment/2026-03-01/input.ndjson.gz";

/// What the stretch of Segment works with, but for where its files go.
pub fn settings(
    lake: impl ObjectStore + 'static,
    quarantine: impl ObjectStore + 'static,
) -> StretchSettings {
    settings_of(segment_transform::source(), "segment/input.gz", lake, quarantine)
}

/// What the stretch of a source works with for an input under a key, but for where its files go.
pub fn settings_of(
    source: Source,
    key: &str,
    lake: impl ObjectStore + 'static,
    quarantine: impl ObjectStore + 'static,
) -> StretchSettings {
    StretchSettings {
        plan: Arc::new(plan(source.router.paths(), &source.contracts)),
        format: source.format,
        router: source.router,
        contracts: source.contracts,
        lake: Arc::new(lake),
        quarantine: Arc::new(quarantine),
        database_prefix: String::new(),
        input_token: "input".to_owned(),
        attempt: "attempt".to_owned(),
        quarantine_key: QUARANTINE_KEY.to_owned(),
        chosen: None,
        counts_statistics: true,
        origin: Origin {
            bucket: "landing".to_owned(),
            key: key.to_owned(),
            version_id: Some("version".to_owned()),
            arrived_at: std::time::UNIX_EPOCH.into(),
        },
    }
}

/// A kind of file that is made up, for measurements.
pub struct GeneratedInput {
    /// Its source.
    pub source: Source,
    /// Its key in the landing bucket.
    pub key: &'static str,
    /// Writes so many records; how many bytes, and how many rows they are.
    pub generate: fn(records: u64, target: &mut dyn Write) -> io::Result<Generated>,
}

/// What was written of a [`GeneratedInput`].
pub struct Generated {
    /// Bytes before compression.
    pub bytes: u64,
    /// Rows that the records give.
    pub rows: u64,
}

impl GeneratedInput {
    /// Messages of `segment`, or a full load of orders of a `database` as the Database Migration Service writes
    /// it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "segment" => Some(Self {
                source: segment_transform::source(),
                key: "segment/input.gz",
                generate: messages,
            }),
            "database" => Some(Self {
                source: database_transform::source(),
                key: "databases/dms/shop/orders/LOAD00000001.csv.gz",
                generate: orders,
            }),
            _ => None,
        }
    }
}

fn messages(records: u64, mut target: &mut dyn Write) -> io::Result<Generated> {
    let generator = SegmentGenerator::new(SEED).events(records).days(2);
    let expected = generator.write_to(&mut target)?;
    Ok(Generated { bytes: expected.bytes, rows: expected.committed() })
}

fn orders(records: u64, target: &mut dyn Write) -> io::Result<Generated> {
    let mut bytes = 0;
    let mut line = String::new();
    for number in 0..records {
        line.clear();
        let (day, customer) = (1 + number * 2 / records.max(1), number * 7919 % 100_003);
        // Writing to a String cannot fail.
        let _ = writeln!(
            line,
            "2026-03-0{day} 10:00:00.{:06},order-{number},customer-{customer},paid,EUR,{}.99,0.50,NULL,2026-03-01 09:00:00,\"2026-03-01 09:00:00\"",
            number % 1_000_000,
            number % 500
        );
        target.write_all(line.as_bytes())?;
        bytes += line.len() as u64;
    }
    Ok(Generated { bytes, rows: records })
}
