//! The stretch by itself, without AWS: the contracts and the router of Segment over any two stores.

use std::sync::Arc;

use shared::lake::ObjectStore;
use shared::transform::{Origin, StretchSettings, plan};

/// Key of the quarantine object.
pub const QUARANTINE_KEY: &str = "rows/segment/2026-03-01/input.ndjson.gz";

/// What a stretch works with, but for where its files go.
pub fn settings(
    lake: impl ObjectStore + 'static,
    quarantine: impl ObjectStore + 'static,
) -> StretchSettings {
    let source = segment_transform::source();
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
        origin: Origin {
            bucket: "landing".to_owned(),
            key: "segment/input.gz".to_owned(),
            version_id: Some("version".to_owned()),
            arrived_at: std::time::UNIX_EPOCH.into(),
        },
    }
}
