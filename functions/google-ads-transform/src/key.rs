//! What the key of an object tells of the report in it.

use chrono::{DateTime, NaiveDateTime, Utc};

/// What a key tells. Where it tells nothing, the report itself must.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The key itself.
    pub object: String,
    /// The report, where the object is an answer that was pulled.
    pub report: Option<String>,
    /// The customer's digits, from any folder that is a customer id.
    pub customer: Option<String>,
    /// When the pull began.
    pub pulled_at: Option<DateTime<Utc>>,
}

/// Reads a key: `google-ads/search-stream/{report}/{customer}/{from}_{to}/{pulled at}.json.gz`, or for
/// reports that are dropped, any with a folder named after the customer.
pub fn read(key: &str) -> Known {
    let object = key.to_owned();
    let parts: Vec<&str> = key.split('/').collect();
    let (folders, name) = parts.split_at(parts.len().saturating_sub(1));
    let customer = folders.iter().find_map(|folder| customer(folder));
    let stream = folders.iter().position(|folder| *folder == "search-stream");
    let Some(report) = stream.and_then(|position| folders.get(position + 1)) else {
        return Known { object, customer, ..Known::default() };
    };
    let name = name.first().copied().unwrap_or_default();
    let pulled_at = name.split('.').next().and_then(pulled_at);
    Known { object, report: Some((*report).to_owned()), customer, pulled_at }
}

/// `1234567890` or `123-456-7890`.
fn customer(folder: &str) -> Option<String> {
    let groups: Vec<usize> = folder.split('-').map(str::len).collect();
    let digits = folder.replace('-', "");
    let is_customer = matches!(groups.as_slice(), [10] | [3, 3, 4])
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_customer.then_some(digits)
}

/// `20260302T140506078Z`.
fn pulled_at(text: &str) -> Option<DateTime<Utc>> {
    let moment = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S%3fZ").ok()?;
    Some(moment.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_pull_tells_all() {
        let known = read(
            "google-ads/search-stream/click_view/1234567890/2026-03-01_2026-03-01/20260302T140506078Z.json.gz",
        );
        assert_eq!(known.report.as_deref(), Some("click_view"));
        assert_eq!(known.customer.as_deref(), Some("1234567890"));
        assert_eq!(known.pulled_at.unwrap().to_rfc3339(), "2026-03-02T14:05:06.078+00:00");
    }

    #[test]
    fn a_dropped_file_tells_its_customer_if_anything() {
        assert_eq!(
            read("google-ads/reports/123-456-7890/March.csv").customer.as_deref(),
            Some("1234567890")
        );
        assert_eq!(read("google-ads/2026-03-0100/1234567890.csv").customer, None);
        assert_eq!(read(""), Known::default());
    }
}
