//! Requests of which no row is committed, although they have some.

use shared::event::CommitRequest;
use shared::run::{LeftOut, Run};

/// The table does not exist, and the contract says that rows do not make it.
pub const NO_TABLE: (LeftOut, &str) =
    (LeftOut::TableMissing, "the table does not exist, and evolution.tables says not to make it");

/// The object was read again, or has other bytes.
pub const STALE: (LeftOut, &str) =
    (LeftOut::Superseded, "a later reading of the object is in the table");

/// The run of a request of which no row is committed: those that would have been are discarded. Its data
/// files stay without a table that names them.
pub fn left_out(request: &CommitRequest, (left_out, why): (LeftOut, &str)) -> Run {
    let mut run = request.run.clone();
    if let Some(rows) = &mut run.rows
        && rows.committed > 0
    {
        tracing::warn!(
            dataset = request.dataset,
            database = request.database,
            table = request.table,
            request = request.request_id,
            rows = rows.committed,
            why,
            "rows were left out"
        );
        rows.discarded += rows.committed;
        rows.committed = 0;
        run.left_out = Some(left_out);
        run.error = Some(why.to_owned());
    }
    run.bytes_written = 0;
    run.data_files.clear();
    run.event_time = None;
    run.rows_by_event_time.clear();
    run.columns.clear();
    run
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_without_a_table_are_discarded_and_counted() {
        let moment = "2026-11-23T10:00:00Z";
        let schema = json!({
            "contract_version": "1.0.0", "columns": [], "partition_column": "ordered_at",
            "partition_transform": "day", "missing_table": "discard",
        });
        let rows = json!({"routed": 10, "committed": 6, "quarantined": 2, "deduplicated": 1, "discarded": 1, "held": 0});
        let run = json!({
            "run_id": "run", "job": "database-transform", "outcome": "transformed",
            "input": {"bucket": "landing", "key": "orders.csv", "checksum": "0"},
            "arrived_at": moment, "started_at": moment, "finished_at": moment,
            "rows": rows, "bytes_written": 100, "data_files": ["s3://lake/a.parquet"],
            "event_time": {"from": moment, "to": moment}, "rows_by_event_time": {"2026-11-23T10": 6},
        });
        let request = json!({
            "request_id": "request", "dataset": "shop.orders", "database": "shop", "table": "orders",
            "schema": schema, "data_files": [], "run": run,
        });
        let run = left_out(&serde_json::from_value(request).unwrap(), NO_TABLE);
        let rows = run.rows.unwrap();
        assert_eq!((rows.committed, rows.discarded, rows.quarantined), (0, 7, 2));
        assert!(rows.is_conserved());
        assert_eq!((run.bytes_written, run.data_files.len(), run.event_time), (0, 0, None));
        assert!(run.rows_by_event_time.is_empty());
        assert_eq!(run.left_out, Some(LeftOut::TableMissing));
        assert!(run.is_failure() && !run.is_silent());
    }
}
