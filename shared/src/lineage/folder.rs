//! From an object's key to the folder that is the same in every run.

use super::DatasetName;

/// Stands for a folder that has another name each time.
const ANY: &str = "*";

/// The dataset that an object belongs to.
///
/// | key | dataset |
/// |---|---|
/// | `segment/segment-logs/<source>/<day>/…` | `segment/segment-logs/<source>` |
/// | `google-ads/search-stream/<report>/<customer>/<from>_<to>/…` | `google-ads/search-stream/<report>/<customer>` |
/// | `databases/changes/<database>/<day>/…` | `databases/changes/<database>` |
/// | `databases/dynamodb/<table>/<day>/…` | `databases/dynamodb/<table>` |
/// | `databases/snapshots/<export>/<database>/<table>/<part>/…` | `databases/snapshots/*/<database>/<table>` |
/// | `databases/dms/<schema>/<table>/…` and all else | its folder, up to the first that is a day or a part |
///
/// An export of a snapshot has a name of its own each time, so the dataset is the table in all of them. An
/// object in no folder belongs to `/`, the bucket.
pub fn input_dataset(bucket: &str, key: &str) -> DatasetName {
    let mut folders: Vec<&str> = key.split('/').collect();
    folders.pop();
    let name = match known(&folders) {
        Some(name) => name,
        None => up_to_a_part(&folders).join("/"),
    };
    let name = if name.is_empty() { "/".to_owned() } else { name };
    DatasetName { namespace: format!("s3://{bucket}"), name }
}

/// The dataset of a key in one of the layouts that this project writes or asks for. Names in it are taken as
/// they are: a database may be called `2026`.
fn known(folders: &[&str]) -> Option<String> {
    let length = match folders {
        ["segment", "segment-logs", _, ..] | ["databases", "changes" | "dynamodb", _, ..] => 3,
        ["google-ads", "search-stream", _, _, ..] => 4,
        ["databases", "snapshots", _, database, table, ..] => {
            return Some(format!("databases/snapshots/{ANY}/{database}/{table}"));
        }
        ["databases", "snapshots", ..] => return Some("databases/snapshots".to_owned()),
        _ => return None,
    };
    Some(folders[..length].join("/"))
}

/// The folders before the first that tells a moment or a part.
fn up_to_a_part<'a, 'b>(folders: &'b [&'a str]) -> &'b [&'a str] {
    let part = folders.iter().position(|folder| is_part(folder));
    &folders[..part.unwrap_or(folders.len())]
}

/// Whether a folder divides a dataset: a day, an hour or a month, a partition (`day=…`, `p0`), an id.
fn is_part(folder: &str) -> bool {
    folder.contains('=')
        || begins_with_date(folder)
        || is_number_of_time(folder)
        || is_parallel_load(folder)
        || uuid::Uuid::try_parse(folder).is_ok()
}

/// `2026-11-23`, `2026-11`, `2026-03-01_2026-03-31`, `2026-11-23T10`.
fn begins_with_date(folder: &str) -> bool {
    let mut groups = folder.splitn(3, '-');
    let (year, month) = (groups.next().unwrap_or_default(), groups.next().unwrap_or_default());
    is_year(year) && month.len() == 2 && is_digits(month)
}

/// `2026`, `20261123`, `2026112310`, or milliseconds since 1970. Numbers of ten digits that begin with no year
/// are customers of Google Ads.
fn is_number_of_time(folder: &str) -> bool {
    let is_calendar = matches!(folder.len(), 4 | 6 | 8) && is_year(&folder[..4.min(folder.len())]);
    is_digits(folder) && (is_calendar || folder.len() == 13)
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && is_digits(text) && (text.starts_with("19") || text.starts_with("20"))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `p0`, `p1`: a load in parallel has a folder a partition.
fn is_parallel_load(folder: &str) -> bool {
    folder.strip_prefix('p').is_some_and(|number| !number.is_empty() && is_digits(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(key: &str) -> String {
        let dataset = input_dataset("landing", key);
        assert_eq!(dataset.namespace, "s3://landing");
        dataset.name
    }

    #[test]
    fn every_way_into_landing_has_its_dataset() {
        for (key, expected) in [
            ("segment/segment-logs/web/1795392000000/a.gz", "segment/segment-logs/web"),
            ("segment/segment-logs/2026/1795392000000/a.gz", "segment/segment-logs/2026"),
            (
                "google-ads/search-stream/click_view/1234567890/2026-03-01_2026-03-01/20260302T140506078Z.json.gz",
                "google-ads/search-stream/click_view/1234567890",
            ),
            ("google-ads/reports/123-456-7890/march.csv", "google-ads/reports/123-456-7890"),
            ("google-ads/1234567890/2026-03/march.csv", "google-ads/1234567890"),
            ("databases/changes/shop/2026-11-23/a.ndjson.gz", "databases/changes/shop"),
            ("databases/dynamodb/orders/2026-11-23/1-2-3.ndjson.gz", "databases/dynamodb/orders"),
            ("databases/dms/shop/orders/LOAD00000001.csv", "databases/dms/shop/orders"),
            ("databases/dms/shop/orders/p0/LOAD00000001.csv", "databases/dms/shop/orders"),
            ("databases/dms/shop/orders/2026/11/23/20261123-1.csv", "databases/dms/shop/orders"),
            ("databases/dms/cdc/CDC_TXN-20141029-1134010000.csv", "databases/dms/cdc"),
            (
                "databases/snapshots/nightly-17/shop/shop.orders/1/part-0.gz.parquet",
                "databases/snapshots/*/shop/shop.orders",
            ),
            ("databases/snapshots/nightly-17/export_info.json", "databases/snapshots"),
        ] {
            assert_eq!(name(key), expected, "{key}");
        }
    }

    #[test]
    fn two_days_of_one_thing_are_one_dataset() {
        for (one, other) in [
            ("events/2026/11/23/a", "events/2026/11/24/b"),
            ("events/20261123/a", "events/20261124/a"),
            ("events/2026-11-23T10/a", "events/2026-12-01T00/a"),
            ("events/day=2026-11-23/a", "events/day=2026-11-24/a"),
            (
                "events/018f8e5e-0000-7000-8000-000000000000/a",
                "events/018f8e5e-0000-7000-8000-000000000001/a",
            ),
        ] {
            assert_eq!(name(one), "events");
            assert_eq!(name(one), name(other));
        }
    }

    #[test]
    fn what_is_no_moment_stays() {
        for key in ["a/b/c.gz", "reports/q3-2026/c.gz", "v2/1234567890/x", "shop/p/x", "2/x"] {
            let folder = key.rsplit_once('/').unwrap().0;
            assert_eq!(name(key), folder);
        }
    }

    #[test]
    fn an_object_in_no_folder_belongs_to_the_bucket() {
        assert_eq!(name("orders.csv"), "/");
        assert_eq!(name("2026-11-23/orders.csv"), "/");
    }

    proptest! {
        #[test]
        fn any_key_has_a_dataset_that_the_objects_name_does_not_change(
            folder in "[a-z0-9=/é-]{0,40}",
            one in "[a-z0-9.]{1,10}",
            other in "[a-z0-9.]{1,10}",
        ) {
            let dataset = name(&format!("{folder}/{one}"));
            prop_assert!(!dataset.is_empty());
            prop_assert_eq!(dataset, name(&format!("{folder}/{other}")));
        }
    }
}
