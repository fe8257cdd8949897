//! The stretch by itself, without AWS: the contracts and the router of Segment over any two stores.

use std::sync::Arc;

use segment_transform::SegmentRouter;
use shared::contract::contracts_of;
use shared::lake::ObjectStore;
use shared::transform::{Router, StretchSettings, plan};

/// Key of the quarantine object.
pub const QUARANTINE_KEY: &str = "rows/segment/2026-03-01/input.ndjson.gz";

/// What a stretch works with, but for where its files go.
pub fn settings(
    lake: impl ObjectStore + 'static,
    quarantine: impl ObjectStore + 'static,
) -> StretchSettings {
    let contracts = contracts_of("segment");
    let router = SegmentRouter::new(&contracts);
    StretchSettings {
        plan: Arc::new(plan(router.paths(), &contracts)),
        router: Arc::new(router),
        contracts,
        lake: Arc::new(lake),
        quarantine: Arc::new(quarantine),
        database_prefix: String::new(),
        input_token: "input".to_owned(),
        attempt: "attempt".to_owned(),
        quarantine_key: QUARANTINE_KEY.to_owned(),
        bucket: "landing".to_owned(),
        key: "segment/input.gz".to_owned(),
        version_id: Some("version".to_owned()),
    }
}
