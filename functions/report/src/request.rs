//! What is asked of the function, and what it answers.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The longest id; it stands in an object's key.
const LONGEST_ID: usize = 128;

/// An invocation's event; `{}` asks for the page of the last days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportRequest {
    /// How far to go.
    pub task: Task,
    /// The first day. With `refresh`, the days from here on are computed again, changed or not.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
    /// Names the report: asked for again under the same id, it replaces itself and nobody is told twice.
    /// Without one, the invocation's own id is taken, which is the same in Lambda's retries.
    pub id: Option<String>,
}

/// The steps that are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Performance is computed again where something has changed.
    Refresh,
    /// After that, the report is made and told of.
    #[default]
    Page,
}

/// The id cannot stand in an object's key. A retry does not help.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the id has {0} bytes or other signs than letters, digits, `-`, `_` and `.`; 1 to {LONGEST_ID} of these name a report"
)]
pub struct IdError(usize);

impl ReportRequest {
    /// The report's id. A placeholder that the clock has not filled in is the same every day, so it names
    /// nothing.
    pub fn id(&self, invocation: &str) -> Result<String, IdError> {
        let given = self.id.as_deref().filter(|id| !id.starts_with('<'));
        let id = given.unwrap_or(invocation);
        let fits = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(fits) {
            return Err(IdError(id.len()));
        }
        Ok(id.to_owned())
    }
}

/// What an invocation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Days that were computed again.
    pub refreshed_dates: u64,
    /// Rows of performance that were new, other or gone.
    pub changed_rows: u64,
    /// The report, where one was asked for.
    pub report: Option<ReportAnswer>,
}

/// Where a report is.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ReportAnswer {
    /// URI of the page.
    pub page: String,
    /// URI of the table.
    pub table: String,
    /// Opens the page for whoever has it, for some hours. It must not be logged.
    pub link: String,
}

impl std::fmt::Debug for ReportAnswer {
    /// Without the link, so that it does not come into a log by accident.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ReportAnswer")
            .field("page", &self.page)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ReportRequest, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn everything_may_be_left_out_and_nothing_misspelt() {
        assert_eq!(parse("{}").unwrap(), ReportRequest::default());
        assert_eq!(parse(r#"{"task": "refresh"}"#).unwrap().task, Task::Refresh);
        let page =
            parse(r#"{"task": "page", "from": "2026-10-24", "to": "2026-11-22", "id": "a"}"#);
        assert_eq!(page.unwrap().to, NaiveDate::from_ymd_opt(2026, 11, 22));
        let samples = [
            include_str!("../../../events/report/refresh.json"),
            include_str!("../../../events/report/page.json"),
        ];
        assert_eq!(samples.map(|text| parse(text).unwrap().task), [Task::Refresh, Task::Page]);
        for wrong in [r#"{"task": "print"}"#, r#"{"days": 3}"#, r#"{"from": "24.10.2026"}"#] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_names_the_report_where_it_says_something() {
        let asked = |id: &str| {
            let request = ReportRequest { id: Some(id.to_owned()), ..ReportRequest::default() };
            request.id("invocation")
        };
        assert_eq!(asked("d1f0-2").unwrap(), "d1f0-2");
        assert_eq!(asked("<aws.scheduler.execution-id>").unwrap(), "invocation");
        assert_eq!(ReportRequest::default().id("invocation").unwrap(), "invocation");
        for wrong in ["", "a/b", "a b", &"x".repeat(129)] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_link_is_not_printed() {
        let answer = ReportAnswer { page: "p".into(), table: "t".into(), link: "secret".into() };
        assert!(!format!("{answer:?}").contains("secret"));
    }
}
