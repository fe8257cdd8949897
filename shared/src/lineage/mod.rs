//! Names for lineage: which dataset a run reads and which it writes, the same name whoever asks.
//!
//! The names are OpenLineage's (<https://openlineage.io/docs/spec/naming>): an object store's dataset is
//! `s3://<bucket>` and a folder, a table of Glue `arn:aws:glue:<region>:<account>` and
//! `table/<database>/<table>`. A dataset has one name. What is a dataset in the landing bucket is the folder
//! that stays the same from one run to the next ([`input_dataset`]), never a single object.

mod attribution;
mod catalog;
mod folder;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use attribution::{
    ATTRIBUTION_COLUMNS, ATTRIBUTION_TABLES, Derivation, DerivedColumn, SourceColumn,
    upstream_tables_of_dataset, upstream_tables_of_job,
};
pub use catalog::{Catalog, output_dataset, table_location};
pub use folder::input_dataset;

use crate::run::Run;

/// A dataset's name in OpenLineage: together, and only together, namespace and name are unique.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct DatasetName {
    /// The data source: `s3://landing`, `arn:aws:glue:eu-central-1:123456789012`.
    pub namespace: String,
    /// The dataset in it: `segment/segment-logs/web`, `table/shop/orders`.
    pub name: String,
}

impl fmt::Display for DatasetName {
    /// Both with a slash between: `s3://landing/segment/segment-logs/web`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name.trim_start_matches('/'))
    }
}

/// What a run reads: the folder of its input; of a job that computes from tables, these tables.
///
/// Such a job lands what it has computed before it is transformed as everything else is. That object holds
/// nothing that is not from the tables, so it is no dataset of its own.
pub fn run_inputs(run: &Run, catalog: &Catalog) -> Vec<DatasetName> {
    // By the dataset first: rows that a person has released are committed by another job.
    let upstream = match &run.dataset {
        Some(dataset) => upstream_tables_of_dataset(dataset),
        None => upstream_tables_of_job(&run.job),
    };
    if upstream.is_empty() {
        return vec![input_dataset(&run.input.bucket, &run.input.key)];
    }
    upstream.iter().map(|dataset| catalog.table(dataset)).collect()
}

/// What a run writes: the table of its dataset; nothing where it is the run of an input as a whole.
pub fn run_output(run: &Run, catalog: &Catalog) -> Option<DatasetName> {
    run.dataset.as_deref().map(|dataset| catalog.table(dataset))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::run::InputIdentity;
    use crate::transform::base_run;

    fn catalog() -> Catalog {
        Catalog {
            region: "eu-central-1".to_owned(),
            account: "123456789012".to_owned(),
            database_prefix: "test_".to_owned(),
        }
    }

    fn run(job: &str, key: &str, dataset: Option<&str>) -> Run {
        let input = InputIdentity {
            bucket: "landing".to_owned(),
            key: key.to_owned(),
            version_id: None,
            checksum: "c".to_owned(),
            supersedes: None,
            replay: None,
        };
        let mut run = base_run(job, input, DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        run.dataset = dataset.map(str::to_owned);
        run
    }

    #[test]
    fn a_transform_reads_a_folder_and_writes_a_table() {
        let key = "databases/changes/shop/2026-11-23/a.gz";
        let run = run("database-transform", key, Some("shop.orders"));
        let inputs = run_inputs(&run, &catalog());
        assert_eq!(inputs.len(), 1);
        assert_eq!(inputs[0].to_string(), "s3://landing/databases/changes/shop");
        let output = run_output(&run, &catalog()).unwrap();
        assert_eq!(output.namespace, "arn:aws:glue:eu-central-1:123456789012");
        assert_eq!(output.name, "table/test_shop/orders");
    }

    #[test]
    fn the_report_reads_the_tables_of_attribution() {
        let key = "attribution/campaign_performance/2026-11-23/a.ndjson.gz";
        let performance = Some("marketing.campaign_performance");
        for (job, dataset) in [("report", performance), ("report", None), ("replay", performance)] {
            let inputs = run_inputs(&run(job, key, dataset), &catalog());
            assert_eq!(inputs.len(), ATTRIBUTION_TABLES.len());
            assert!(inputs.contains(&catalog().table("shop.orders")));
        }
    }

    #[test]
    fn the_run_of_an_input_writes_no_table() {
        let run = run("segment-transform", "segment/segment-logs/web/1/a.gz", None);
        assert_eq!(run_output(&run, &catalog()), None);
    }
}
