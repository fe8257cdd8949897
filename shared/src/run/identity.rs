//! What makes an input, and a run, the same in every attempt.

use ring::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// UUID namespace of run ids: a constant of this project, made once with `uuidgen`.
const RUNS: Uuid = Uuid::from_u128(0x7a1c_54d2_9f0b_4c39_8e6d_1b2f_3a70_c5e4);

/// An input: bucket, key and what is in it.
///
/// The same bytes under the same key are the same input; other bytes are a new one that names what
/// it supersedes. Who reads it again on purpose, after a contract was mended say, names the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputIdentity {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// The object's version, where the bucket is versioned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// SHA-256 of the object's bytes as stored, in lower-case hex; empty when they could not be read.
    pub checksum: String,
    /// The checksum of the input that had this key before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<String>,
    /// The order by which the input was read again, a `UUIDv7`; none for what arrived by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

impl InputIdentity {
    /// The object's URI without its version.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// Names what was read of the object and by which order: the checksum, and the replay behind an `@`.
    pub fn reading(&self) -> String {
        match &self.replay {
            Some(replay) => format!("{}@{replay}", self.checksum),
            None => self.checksum.clone(),
        }
    }

    /// A short name for an object at a place, good for paths: 16 hex digits of its URI and entity tag.
    pub fn path_token(bucket: &str, key: &str, entity_tag: &str) -> String {
        let text = format!("s3://{bucket}/{key}\n{entity_tag}");
        hex(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..8])
    }
}

/// The id of a run: the same for every attempt at the same input, job and dataset.
pub fn run_id(job: &str, input: &InputIdentity, dataset: Option<&str>) -> String {
    let name =
        format!("{job}\n{}\n{}\n{}", input.uri(), input.reading(), dataset.unwrap_or_default());
    Uuid::new_v5(&RUNS, name.as_bytes()).to_string()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(checksum: &str) -> InputIdentity {
        InputIdentity {
            bucket: "landing".to_owned(),
            key: "segment/a.gz".to_owned(),
            version_id: Some("v".to_owned()),
            checksum: checksum.to_owned(),
            supersedes: None,
            replay: None,
        }
    }

    #[test]
    fn a_run_is_the_same_whatever_version_the_bytes_came_in() {
        let other = InputIdentity { version_id: None, ..input("1") };
        assert_eq!(run_id("job", &input("1"), None), run_id("job", &other, None));
        assert_ne!(run_id("job", &input("1"), None), run_id("job", &input("2"), None));
        assert_ne!(
            run_id("job", &input("1"), None),
            run_id("job", &input("1"), Some("segment.tracks"))
        );
        let again = InputIdentity { replay: Some("order".to_owned()), ..input("1") };
        assert_ne!(run_id("job", &input("1"), None), run_id("job", &again, None));
    }

    #[test]
    fn hex_is_lower_case() {
        assert_eq!(hex(&[0, 0xab, 0xff]), "00abff");
    }
}
