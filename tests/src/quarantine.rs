//! What is in quarantine, as whoever looks into it finds it.

use std::io::Read as _;

use flate2::bufread::MultiGzDecoder;
use shared::govern::QuarantineEntry;
use shared::run::Run;

use crate::stack::Stack;

/// The copy of a run's whole input.
///
/// # Panics
/// Where there is none.
pub async fn input_copy(stack: &Stack, run: &Run) -> Vec<u8> {
    object(stack, run.input_copy.as_deref().expect("the run names the copy of its input")).await
}

async fn object(stack: &Stack, uri: &str) -> Vec<u8> {
    let (bucket, key) = uri
        .strip_prefix("s3://")
        .and_then(|rest| rest.split_once('/'))
        .expect("quarantine is in s3");
    stack.object(bucket, key).await.unwrap_or_else(|| panic!("{uri} does not exist"))
}

/// The quarantined records of a run.
///
/// # Panics
/// Where there are none, or where they are no gzip NDJSON.
pub async fn quarantined_records(stack: &Stack, run: &Run) -> Vec<QuarantineEntry> {
    let uri = run.quarantine.as_deref().expect("the run names its quarantined records");
    entries(&object(stack, uri).await)
}

/// The lines of a quarantine object.
///
/// # Panics
/// Where it is no gzip NDJSON.
pub fn entries(object: &[u8]) -> Vec<QuarantineEntry> {
    let mut text = String::new();
    MultiGzDecoder::new(object).read_to_string(&mut text).expect("quarantined records are gzip");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a quarantined record is json"))
        .collect()
}
