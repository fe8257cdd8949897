//! The transform of Segment's messages.
//!
//! Input: SQS messages that tell of objects in the landing bucket, gzip NDJSON in the layout of
//! Segment's S3 destination. Output: Parquet files in the lake and a commit request for each dataset.
//! Everything but the routing is [`shared::transform`].

mod routing;

use std::sync::Arc;

use shared::contract::contracts_of;
use shared::landing::holds_messages;
use shared::transform::{JsonLines, Source};

pub use routing::SegmentRouter;

/// Segment, as a source of the stretch that all transforms have in common.
pub fn source() -> Source {
    let contracts = contracts_of("segment");
    Source {
        job: "segment-transform",
        format: Arc::new(JsonLines),
        router: Arc::new(SegmentRouter::new(&contracts)),
        contracts,
        holds_data: holds_messages,
    }
}
