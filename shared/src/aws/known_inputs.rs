//! Whether the ledger knows an object at all.

use aws_sdk_dynamodb::Client;

use super::explain;
use super::ledger::{LedgerError, text};

/// The Inputs table, for who asks of many objects whether any transform has read them.
#[derive(Debug, Clone)]
pub struct KnownInputs {
    client: Client,
    table: String,
}

impl KnownInputs {
    /// The table of a name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Whether an object was read, or a reading of it is on its way to the tables. It may be a moment behind.
    pub async fn contains(&self, uri: &str) -> Result<bool, LedgerError> {
        let queried = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#input = :input")
            .expression_attribute_names("#input", "input")
            .expression_attribute_values(":input", text(uri))
            .projection_expression("#input")
            .limit(1)
            .send()
            .await;
        match queried {
            Ok(found) => Ok(!found.items().is_empty()),
            Err(error) => Err(LedgerError {
                operation: "Query",
                table: self.table.clone(),
                input: uri.to_owned(),
                reason: explain(&error),
            }),
        }
    }
}
