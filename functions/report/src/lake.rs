//! Performance on its way to its Iceberg table: landed as it is, then through the stretch that all
//! transforms have in common.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use shared::attribution::performance::PerformanceRow;
use shared::aws::{Bucket, BucketError};
use shared::contract::contracts_of;
use shared::event::ObjectCreated;
use shared::govern::{Pseudonymizer, Scanned};
use shared::lake::Nowhere;
use shared::transform::{
    JsonLines, Origin, Router, Source, Stretch, StretchError, StretchSettings, Transform,
    TransformError, Transformed, plan,
};
use uuid::Uuid;

use crate::JOB;

/// Why rows did not come to the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// They cannot be written as JSON: a defect.
    #[error("rows of performance cannot be serialised: {0}")]
    Serialise(std::io::Error),
    /// They cannot be held against their contract.
    #[error(transparent)]
    Check(#[from] StretchError),
    /// Their contract does not take some of them: a defect. Nothing of them was landed.
    #[error("the contract refuses rows of performance: {0:?}")]
    Refused(BTreeMap<String, u64>),
    /// The landing bucket does not take them. A retry may help.
    #[error(transparent)]
    Landing(#[from] BucketError),
    /// They cannot be transformed. A retry may help.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// The object that was just written was not read to its end. A person must look.
    #[error("landing object {key} was not transformed: {outcome:?}")]
    NotRead {
        /// Its key.
        key: String,
        /// What became of it.
        outcome: Transformed,
    },
}

/// Takes rows to the lake.
pub trait Lake: Send + Sync {
    /// Appends rows. When it returns, their commit is asked for.
    fn append(
        &self,
        rows: &[PerformanceRow],
        as_of: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), LakeError>> + Send;
}

/// The table, by way of the landing bucket.
pub struct Table {
    landing: Bucket,
    transform: Transform,
}

impl Table {
    /// The table that a transform of [`source`] writes.
    pub fn new(landing: Bucket, transform: Transform) -> Self {
        Self { landing, transform }
    }
}

impl Lake for Table {
    async fn append(&self, rows: &[PerformanceRow], as_of: DateTime<Utc>) -> Result<(), LakeError> {
        let key = landing_key(as_of, Uuid::now_v7());
        let body = lines(rows).map_err(LakeError::Serialise)?;
        check(&body)?;
        self.landing.put(&key, "application/gzip", body).await?;
        let object = ObjectCreated {
            bucket: self.landing.name().to_owned(),
            key: key.clone(),
            version_id: None,
            at: Some(as_of),
        };
        match self.transform.run(&object, None).await? {
            Transformed::Done { held: 0, .. } => Ok(()),
            outcome => Err(LakeError::NotRead { key, outcome }),
        }
    }
}

/// Holds rows, as they are about to land, against their contract. What it refuses would end in quarantine, and
/// the state would have it that the lake knows.
pub fn check(body: &[u8]) -> Result<(), LakeError> {
    let Source { contracts, format, router, .. } = source();
    let mut stretch = Stretch::new(StretchSettings {
        plan: Arc::new(plan(router.paths(), &contracts)),
        contracts,
        format,
        router,
        lake: Arc::new(Nowhere),
        quarantine: Arc::new(Nowhere),
        database_prefix: String::new(),
        input_token: String::new(),
        attempt: String::new(),
        quarantine_key: String::new(),
        chosen: None,
        counts_statistics: false,
        origin: Origin {
            bucket: String::new(),
            key: String::new(),
            version_id: None,
            arrived_at: DateTime::UNIX_EPOCH,
        },
    });
    stretch.read(body, &mut Pseudonymizer::new(b""))?;
    let outcome = stretch.finish()?;
    let mut refused = outcome.reasons;
    for dataset in outcome.datasets {
        refused.extend(dataset.reasons_by_column);
        refused.extend(dataset.reasons);
    }
    if refused.is_empty() { Ok(()) } else { Err(LakeError::Refused(refused)) }
}

/// What the stretch makes of the rows: each belongs to the one table.
pub fn source() -> Source {
    Source {
        job: JOB,
        contracts: contracts_of("attribution"),
        format: Arc::new(JsonLines),
        router: Arc::new(OneTable),
        holds_data: |_| true,
    }
}

struct OneTable;

impl Router for OneTable {
    fn route(&self, _: &Scanned<'_>, datasets: &mut Vec<usize>) {
        datasets.push(0);
    }

    fn paths(&self) -> &[&str] {
        &[]
    }
}

fn landing_key(as_of: DateTime<Utc>, id: Uuid) -> String {
    let (day, moment) = (as_of.date_naive(), as_of.format("%Y%m%dT%H%M%S%6fZ"));
    format!("attribution/campaign_performance/{day}/{moment}-{id}.ndjson.gz")
}

/// Rows as gzip, one JSON object a line; amounts are text, for a JSON number is a float to many.
pub fn lines(rows: &[PerformanceRow]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for row in rows {
        serde_json::to_writer(&mut encoder, row)?;
        encoder.write_all(b"\n")?;
    }
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_tells_when_and_is_never_the_same() {
        let as_of = "2026-11-23T06:00:00.000001Z".parse().unwrap();
        let key = landing_key(as_of, Uuid::nil());
        let expected = "attribution/campaign_performance/2026-11-23/20261123T060000000001Z-00000000-0000-0000-0000-000000000000.ndjson.gz";
        assert_eq!(key, expected);
        assert_ne!(landing_key(as_of, Uuid::now_v7()), landing_key(as_of, Uuid::now_v7()));
    }
}
