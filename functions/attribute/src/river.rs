//! The edge: data files in the lake, the ledger of runs, and the function's own queue.

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use shared::aws::explain;
use shared::lake::{DataFile, ReadError};
use shared::run::Run;

use crate::columns::RowError;
use crate::facts::Facts;
use crate::rows::Dataset;

/// What `SendMessageBatch` takes.
const MOST_MESSAGES: usize = 10;

/// Why something cannot be read or handed on.
#[derive(Debug, thiserror::Error)]
pub enum RiverError {
    /// A data file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A data file's rows cannot be understood. A retry does not help.
    #[error("data file {data_file} of {dataset}: {source}")]
    Row {
        /// The dataset.
        dataset: &'static str,
        /// The file's URI.
        data_file: String,
        /// What is wrong with it.
        source: RowError,
    },
    /// The ledger cannot be read. A retry may help.
    #[error("reading run {run_id} from {table} failed: {reason}")]
    Ledger {
        /// The table.
        table: String,
        /// The run.
        run_id: String,
        /// What DynamoDB, or serde, says.
        reason: String,
    },
    /// The ledger has forgotten the run, and nobody else knows its files. A retry does not help.
    #[error("run {run_id} is not in {table}, so its data files are not known")]
    Forgotten {
        /// The table.
        table: String,
        /// The run.
        run_id: String,
    },
    /// The queue does not take messages. A retry may help.
    #[error("sending to {queue} failed: {reason}")]
    Queue {
        /// The queue's URL.
        queue: String,
        /// What SQS says.
        reason: String,
    },
}

/// Where rows come from, and parts of them go.
#[derive(Debug, Clone)]
pub struct River {
    /// Reads data files.
    pub s3: aws_sdk_s3::Client,
    /// Reads runs.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The table of runs.
    pub runs_table: String,
    /// Sends parts.
    pub sqs: aws_sdk_sqs::Client,
    /// The function's own queue.
    pub queue_url: String,
}

impl River {
    /// How many rows a data file has.
    pub async fn rows(&self, data_file: &str) -> Result<u64, RiverError> {
        Ok(DataFile::open(&self.s3, data_file).await?.rows())
    }

    /// What rows of a data file say.
    pub async fn facts(
        &self,
        dataset: Dataset,
        data_file: &str,
        rows: Range<u64>,
    ) -> Result<Facts, RiverError> {
        let mut facts = Facts::default();
        let file = DataFile::open(&self.s3, data_file).await?;
        let mut batches = file.read(dataset.columns(), rows)?;
        while let Some(batch) = batches.next().await? {
            dataset.collect(&batch, &mut facts).map_err(|source| RiverError::Row {
                dataset: dataset.name(),
                data_file: data_file.to_owned(),
                source,
            })?;
        }
        if facts.unreadable_amounts > 0 {
            let (dataset, amounts) = (dataset.name(), facts.unreadable_amounts);
            tracing::error!(
                dataset,
                data_file,
                amounts,
                "amounts of more than 28 digits count as missing"
            );
        }
        Ok(facts)
    }

    /// The data files of a run that had too many for its message.
    pub async fn data_files(&self, run_id: &str) -> Result<Vec<String>, RiverError> {
        let failed = |reason| RiverError::Ledger {
            table: self.runs_table.clone(),
            run_id: run_id.to_owned(),
            reason,
        };
        let get = self.dynamodb.get_item().table_name(&self.runs_table).consistent_read(true);
        let got = get.key("run_id", AttributeValue::S(run_id.to_owned())).send().await;
        let item: Option<HashMap<String, AttributeValue>> =
            got.map_err(|error| failed(explain(&error)))?.item;
        let Some(item) = item else {
            let (table, run_id) = (self.runs_table.clone(), run_id.to_owned());
            return Err(RiverError::Forgotten { table, run_id });
        };
        let run: Run = serde_dynamo::from_item(item).map_err(|error| failed(error.to_string()))?;
        Ok(run.data_files)
    }

    /// Puts messages on the function's own queue.
    pub async fn send(&self, bodies: Vec<String>) -> Result<(), RiverError> {
        let failed = |reason| RiverError::Queue { queue: self.queue_url.clone(), reason };
        for batch in bodies.chunks(MOST_MESSAGES) {
            let mut send = self.sqs.send_message_batch().queue_url(&self.queue_url);
            for (position, body) in batch.iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder().id(position.to_string());
                let entry = entry.message_body(body).build();
                send = send.entries(entry.map_err(|error| failed(error.to_string()))?);
            }
            let output = send.send().await.map_err(|error| failed(explain(&error)))?;
            // A batch is answered with 200 even where entries failed.
            if let Some(first) = output.failed().first() {
                let (count, code) = (output.failed().len(), first.code());
                return Err(failed(format!("{count} messages failed, the first with {code}")));
            }
        }
        Ok(())
    }
}
