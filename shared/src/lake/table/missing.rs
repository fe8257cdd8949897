//! Whether rows make their table, where it does not exist.

use super::error::TableError;
use crate::event::{CommitRequest, MissingTable};

/// What is done without a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is created.
    Create,
    /// It stays away, and so do the rows of the requests.
    LeaveOut,
}

/// What the newest contract of some requests says of a table that is not there. A request without rows asks
/// for none.
pub(super) fn decide(
    table: &str,
    newest: &CommitRequest,
    requests: &[&CommitRequest],
) -> Result<Decision, TableError> {
    let has_rows = requests.iter().any(|request| !request.data_files.is_empty());
    match newest.schema.missing_table {
        MissingTable::Create => Ok(Decision::Create),
        MissingTable::Refuse if has_rows => Err(TableError::NotMadeByRows {
            table: table.to_owned(),
            dataset: newest.dataset.clone(),
        }),
        MissingTable::Refuse | MissingTable::Discard => Ok(Decision::LeaveOut),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::contract::contracts;
    use crate::event::TableSchema;
    use crate::lake::table::memory::file;
    use crate::run::{InputIdentity, Outcome, Run};

    fn request(missing_table: MissingTable, has_rows: bool) -> CommitRequest {
        let input = InputIdentity {
            bucket: "landing".to_owned(),
            key: "orders.csv".to_owned(),
            version_id: None,
            checksum: "0".to_owned(),
            supersedes: None,
            replay: None,
        };
        let run = serde_json::json!({
            "run_id": "run",
            "job": "database-transform",
            "input": input,
            "outcome": Outcome::Transformed,
            "arrived_at": Utc::now(),
            "started_at": Utc::now(),
            "finished_at": Utc::now(),
        });
        CommitRequest {
            request_id: "request".to_owned(),
            dataset: "shop.orders".to_owned(),
            database: "test_shop".to_owned(),
            table: "orders".to_owned(),
            schema: TableSchema { missing_table, ..TableSchema::of(&contracts()[0]) },
            data_files: if has_rows { vec![file("memory://a", 1)] } else { Vec::new() },
            row_keys: None,
            run: serde_json::from_value::<Run>(run).unwrap(),
        }
    }

    #[test]
    fn a_contract_decides_whether_rows_make_a_table() {
        for (missing_table, has_rows, expected) in [
            (MissingTable::Create, true, Decision::Create),
            (MissingTable::Create, false, Decision::Create),
            (MissingTable::Discard, true, Decision::LeaveOut),
            (MissingTable::Discard, false, Decision::LeaveOut),
            (MissingTable::Refuse, false, Decision::LeaveOut),
        ] {
            let request = request(missing_table, has_rows);
            let decision = decide("test_shop.orders", &request, &[&request]).unwrap();
            assert_eq!(decision, expected, "{missing_table:?} {has_rows}");
        }
    }

    #[test]
    fn a_refusal_names_dataset_and_table_and_no_retry_helps() {
        let (with_rows, without) =
            (request(MissingTable::Refuse, true), request(MissingTable::Refuse, false));
        let error = decide("test_shop.orders", &without, &[&without, &with_rows]).unwrap_err();
        assert!(!error.is_retryable());
        let text = error.to_string();
        for part in ["table test_shop.orders", "dataset shop.orders", "evolution.tables", "freeze"]
        {
            assert!(text.contains(part), "{text}");
        }
    }
}
