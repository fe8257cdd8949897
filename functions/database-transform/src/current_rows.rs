//! The query for a table's current rows: of each key what its latest change says, unless that is a
//! delete.
//!
//! A change need not bring every column; of each the latest value that was said stands. What was
//! said before a delete is forgotten with it.

use std::fmt::Write as _;

use shared::contract::{Column, Contract, Generated};

/// Who reads the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Athena, and Trino.
    Athena,
    /// DuckDB.
    DuckDb,
}

/// The columns that tell of a change, not of the row.
const OF_CHANGE: [&str; 2] = ["_op", "_absent"];

/// What names a change among those of its row: the rest of `deduplicateBy` is the row's key.
const OF_THE_CHANGES_NAME: [&str; 2] = ["_sequence", "_source"];

/// The query for the current rows of a dataset.
pub fn current_rows(contract: &Contract, dialect: Dialect) -> String {
    let key: Vec<&str> = contract
        .deduplicate_by
        .iter()
        .map(String::as_str)
        .filter(|name| !OF_THE_CHANGES_NAME.contains(name))
        .collect();
    let key = key.join(", ");
    let mut sql = format!(
        "-- The current rows of {dataset}. Made from the contract; `UPDATE_SQL=1 cargo test -p database-transform` makes it anew.\n\
         with changes as (\n\
         \x20 select *, max(case when _op = 'D' then _sequence end) over (partition by {key}) as deleted\n\
         \x20 from {dataset}\n\
         )\n\
         select\n  {key}",
        dataset = contract.dataset(),
    );
    for column in &contract.columns {
        let is_key = contract.deduplicate_by.contains(&column.name)
            && !OF_THE_CHANGES_NAME.contains(&column.name.as_str());
        let is_of_change = OF_CHANGE.contains(&column.name.as_str());
        if !is_key && !is_of_change {
            // Writing to a String cannot fail.
            let _ = write!(sql, ",\n  {} as {}", latest(column, dialect), column.name);
        }
    }
    let _ = write!(
        sql,
        "\nfrom changes\nwhere deleted is null or _sequence > deleted\ngroup by {key}\n"
    );
    sql
}

/// A column's latest value. Null is one; absence is none.
fn latest(column: &Column, dialect: Dialect) -> String {
    let name = &column.name;
    let may_be_absent = !column.required && column.generated != Some(Generated::Extra);
    match (dialect, may_be_absent) {
        (Dialect::Athena, false) => format!("max_by({name}, _sequence)"),
        (Dialect::Athena, true) => format!(
            "max_by({name}, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), '{name}'))"
        ),
        // Its `arg_max` passes nulls by, so the value travels in a struct.
        (Dialect::DuckDb, false) => format!("arg_max({{'value': {name}}}, _sequence).value"),
        (Dialect::DuckDb, true) => format!(
            "(arg_max({{'value': {name}}}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), '{name}'))).value"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use shared::contract::contracts_of;

    use super::*;

    #[test]
    fn the_queries_that_ship_are_those_of_the_contracts() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
        for contract in contracts_of("database") {
            for (dialect, name) in [(Dialect::Athena, "athena"), (Dialect::DuckDb, "duckdb")] {
                let file = folder.join(name).join(format!("{}.sql", contract.dataset()));
                let sql = current_rows(contract, dialect);
                if std::env::var_os("UPDATE_SQL").is_some() {
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    fs::write(&file, &sql).unwrap();
                }
                let shipped = fs::read_to_string(&file).unwrap_or_default();
                assert_eq!(shipped, sql, "{}: UPDATE_SQL=1 makes it anew", file.display());
            }
        }
    }
}
