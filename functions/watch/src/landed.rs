//! The landing bucket, as far as it is swept.

use std::future::Future;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use shared::aws::{Bucket, KnownInputs, Listed, Page};

use crate::error::WatchError;

/// What lands may come to the folder of a day that is so long past.
const DAYS_LATE: TimeDelta = TimeDelta::days(3);

/// What has landed, and what was read of it.
pub trait Landed: Send + Sync {
    /// The bucket's name.
    fn bucket(&self) -> &str;

    /// Objects whose keys begin with a prefix, behind a key.
    fn list(
        &self,
        prefix: &str,
        after: &str,
    ) -> impl Future<Output = Result<Page, WatchError>> + Send;

    /// Whether a transform has read what is in an object now, or is about to hand it on.
    fn is_read(&self, object: &Listed) -> impl Future<Output = Result<bool, WatchError>> + Send;
}

/// S3 and the Inputs table.
#[derive(Debug, Clone)]
pub struct LandingBucket {
    /// The bucket.
    pub bucket: Bucket,
    /// What was read.
    pub inputs: KnownInputs,
}

impl Landed for LandingBucket {
    fn bucket(&self) -> &str {
        self.bucket.name()
    }

    async fn list(&self, prefix: &str, after: &str) -> Result<Page, WatchError> {
        Ok(self.bucket.list(prefix, after).await?)
    }

    async fn is_read(&self, object: &Listed) -> Result<bool, WatchError> {
        Ok(self.inputs.have_read(&self.bucket.uri_of(&object.key), object).await?)
    }
}

/// Where to go on behind a key that is in the folder of a day long past; none where it is not.
///
/// S3 lists by key and not by time, and a bucket holds all that ever landed. Where folders are named by the
/// day on which things landed, they need not be gone through: listing goes on at the first that may have
/// got something since `from`.
pub fn pass_over(key: &str, from: DateTime<Utc>) -> Option<String> {
    let horizon = (from - DAYS_LATE).date_naive();
    let folders: Vec<&str> = key.split('/').collect();
    let (day, label) = match folders.as_slice() {
        ["segment", "segment-logs", _, day, _, ..] => {
            (day_of_milliseconds(day)?, midnight(horizon).timestamp_millis().to_string())
        }
        ["databases", "changes" | "dynamodb", _, day, _, ..] => {
            (day.parse::<NaiveDate>().ok()?, horizon.to_string())
        }
        _ => return None,
    };
    (day < horizon).then(|| format!("{}/{label}", folders[..3].join("/")))
}

/// `1795392000000`: how Segment names the folder of a day.
fn day_of_milliseconds(text: &str) -> Option<NaiveDate> {
    let milliseconds = text.parse().ok().filter(|_| text.len() == 13)?;
    Some(DateTime::from_timestamp_millis(milliseconds)?.date_naive())
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_days_long_past_are_passed_over() {
        let from = "2026-11-20T10:00:00Z".parse().unwrap();
        // 1794614400000 is 2026-11-14, 1794873600000 is 2026-11-17.
        let next = pass_over("segment/segment-logs/web/1794614400000/a.gz", from).unwrap();
        assert_eq!(next, "segment/segment-logs/web/1794873600000");
        assert!("segment/segment-logs/web/1794614400000/z.gz" < next.as_str());
        assert!("segment/segment-logs/web/1794873600000/a.gz" > next.as_str());
        let next = pass_over("databases/changes/shop/2026-11-16/a.gz", from).unwrap();
        assert_eq!(next, "databases/changes/shop/2026-11-17");
        assert!("databases/changes/shop/2026-11-16/z.gz" < next.as_str());
        for key in [
            "segment/segment-logs/web/1794873600000/a.gz",
            "databases/changes/shop/2026-11-17/a.gz",
            "databases/dms/shop/orders/2020/11/16/a.csv",
            "google-ads/search-stream/click_view/1/2020-03-01_2020-03-01/a.json.gz",
            "segment/segment-logs/web/2020/a.gz",
        ] {
            assert_eq!(pass_over(key, from), None, "{key}");
        }
    }
}
