//! The transform of Segment's messages.
//!
//! Input: SQS messages that tell of objects in the landing bucket, gzip NDJSON in the layout of
//! Segment's S3 destination. Output: Parquet files in the lake and a commit request for each dataset.
//! Everything but the routing is [`shared::transform`].

mod routing;

use std::sync::Arc;

use shared::contract::contracts_of;
use shared::transform::{JsonLines, Source};

pub use routing::SegmentRouter;

/// Segment writes this object when the destination is set up, to see whether it may.
const DUMMY_OBJECT: &str = "segment-logs/dummy-object.txt";

/// Segment, as a source of the stretch that all transforms have in common.
pub fn source() -> Source {
    let contracts = contracts_of("segment");
    Source {
        job: "segment-transform",
        format: Arc::new(JsonLines),
        router: Arc::new(SegmentRouter::new(&contracts)),
        contracts,
        holds_data: |key| !key.ends_with(DUMMY_OBJECT),
    }
}
