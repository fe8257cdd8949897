//! The report as a CSV that spreadsheets open.

use std::borrow::Cow;

use serde_json::Value;
use shared::attribution::performance::PerformanceRow;
use shared::contract::{Column, ColumnType, contracts_of};

/// Why there is no table: a defect.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A row cannot be serialised.
    #[error("a row of performance cannot be serialised: {0}")]
    Row(#[from] serde_json::Error),
    /// The table cannot be written.
    #[error("the table cannot be written: {0}")]
    Csv(#[from] csv::Error),
}

/// The rows, with the columns of the contract, in the order of date, currency and campaign.
pub fn table(rows: &[PerformanceRow]) -> Result<Vec<u8>, TableError> {
    let contracts = contracts_of("attribution");
    let columns: Vec<&Column> = contracts
        .iter()
        .flat_map(|contract| &contract.columns)
        .filter(|column| column.generated.is_none())
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|column| &column.name))?;
    for row in rows {
        let row = serde_json::to_value(row)?;
        writer.write_record(columns.iter().map(|column| cell(column, &row)))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()).into())
}

fn cell(column: &Column, row: &Value) -> String {
    match &row[&column.name] {
        Value::Null => String::new(),
        Value::String(text) if column.column_type == ColumnType::String => {
            harmless(text).into_owned()
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text that no spreadsheet takes for a formula: a campaign's name is written by anybody who can make a
/// link. <https://owasp.org/www-community/attacks/CSV_Injection>
fn harmless(text: &str) -> Cow<'_, str> {
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if is_formula { format!("'{text}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["Brand", "a=b", "", "'quoted"] {
            assert_eq!(harmless(text), text);
        }
    }
}
