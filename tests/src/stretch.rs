//! The stretch by itself, without AWS: a source's contracts, format and router over any two stores.

use std::sync::Arc;

use shared::lake::ObjectStore;
use shared::transform::{Origin, Source, StretchSettings, plan};

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
        origin: Origin {
            bucket: "landing".to_owned(),
            key: key.to_owned(),
            version_id: Some("version".to_owned()),
            arrived_at: std::time::UNIX_EPOCH.into(),
        },
    }
}
