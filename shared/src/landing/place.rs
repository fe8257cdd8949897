//! What the key of a captured database's object tells of what is in it.

use std::path::Path;

/// Where a captured object comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `databases/changes/<database>/<day>/…`: change records of triggers.
    Changes {
        /// The database.
        database: String,
    },
    /// `databases/dynamodb/<table>/<day>/…`: stream records.
    DynamoDb {
        /// The table.
        table: String,
    },
    /// `databases/dms/…` and `databases/snapshots/…`: files of tables.
    Files {
        /// What wrote them: `dms`, or `snapshots/<export>`.
        origin: String,
        /// The folders between that and the file.
        folders: Vec<String>,
        /// What a file's name says.
        role: FileRole,
        /// The file's name.
        name: String,
    },
}

/// What a file of a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRole {
    /// Rows as they were when a full load read them.
    Load,
    /// Rows as they were when a snapshot was taken.
    Snapshot,
    /// Changes of one table.
    Changes,
    /// Changes of all tables in the order of their transactions.
    Transactions,
}

impl Place {
    /// The place that a key names. What is in none of the known folders is taken for files of the
    /// Database Migration Service, whose folder anybody may choose.
    pub fn of(key: &str) -> Self {
        let mut parts: Vec<&str> = key.split('/').collect();
        let name = parts.pop().unwrap_or_default().to_owned();
        let start = parts.iter().position(|part| *part == "databases").map_or(0, |found| found + 1);
        match &parts[start..] {
            ["changes", database, ..] => Self::Changes { database: (*database).to_owned() },
            ["dynamodb", table, ..] => Self::DynamoDb { table: (*table).to_owned() },
            ["snapshots", export, folders @ ..] => Self::Files {
                origin: format!("snapshots/{export}"),
                folders: owned(folders),
                role: FileRole::Snapshot,
                name,
            },
            folders => {
                let folders = folders.strip_prefix(&["dms"]).unwrap_or(folders);
                let role = role_of(&name);
                Self::Files { origin: "dms".to_owned(), folders: owned(folders), role, name }
            }
        }
    }

    /// Whether the object holds rows: exports also write what they are and that they are done.
    pub fn holds_data(&self) -> bool {
        match self {
            Self::Changes { .. } | Self::DynamoDb { .. } => true,
            Self::Files { role: FileRole::Snapshot, name, .. } => has_ending(name, "parquet"),
            Self::Files { name, .. } => {
                let plain = name.strip_suffix(".gz").unwrap_or(name);
                has_ending(plain, "csv") || has_ending(plain, "parquet")
            }
        }
    }

    /// Whether the object is a Parquet file by its name.
    pub fn is_parquet(&self) -> bool {
        matches!(self, Self::Files { name, .. } if has_ending(name, "parquet"))
    }

    /// Names the table may have, the likeliest first: `shop.orders` of folders `shop`, `orders`.
    pub fn table_names(&self) -> Vec<String> {
        let Self::Files { folders, role, .. } = self else {
            return Vec::new();
        };
        let mut names = Vec::new();
        for position in (0..folders.len()).rev() {
            if *role == FileRole::Snapshot {
                names.push(folders[position].clone());
            } else if let Some(table) = folders.get(position + 1) {
                names.push(format!("{}.{table}", folders[position]));
            }
        }
        names
    }
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

fn owned(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// `LOAD00000001.csv`, `SEGMENT1_LOAD00000001.csv`, `CDC_TXN-….csv`; all else are changes of a table.
fn role_of(name: &str) -> FileRole {
    if name.starts_with("CDC_TXN") {
        return FileRole::Transactions;
    }
    let segment = name.strip_prefix("SEGMENT").and_then(|rest| rest.split_once('_'));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let name = match segment {
        Some((number, rest)) if is_number(number) => rest,
        _ => name,
    };
    if name.starts_with("LOAD") { FileRole::Load } else { FileRole::Changes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(key: &str) -> FileRole {
        match Place::of(key) {
            Place::Files { role, .. } => role,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_as_they_are_written() {
        assert_eq!(
            Place::of("databases/changes/shop/2026-11-23/a.gz"),
            Place::Changes { database: "shop".to_owned() }
        );
        assert_eq!(
            Place::of("databases/dynamodb/orders/2026-11-23/1-2-3.ndjson.gz"),
            Place::DynamoDb { table: "orders".to_owned() }
        );
        assert_eq!(role("databases/dms/shop/orders/LOAD00000001.csv"), FileRole::Load);
        assert_eq!(
            role("databases/dms/shop/orders/p0/SEGMENT1_LOAD0000000A.csv.gz"),
            FileRole::Load
        );
        assert_eq!(role("databases/dms/shop/orders/20141029-1134010000.csv"), FileRole::Changes);
        assert_eq!(
            role("databases/dms/cdc/CDC_TXN-20141029-1134010000.csv"),
            FileRole::Transactions
        );
        assert_eq!(
            role("databases/snapshots/e1/db/shop.orders/1/part-0.gz.parquet"),
            FileRole::Snapshot
        );
    }

    #[test]
    fn the_table_is_among_the_names() {
        for key in [
            "databases/dms/shop/orders/LOAD00000001.csv",
            "databases/dms/a/folder/shop/orders/2026/11/23/20141029-1134010000.csv",
            "databases/dms/shop/orders/p0/LOAD00000001.parquet",
            "databases/snapshots/e1/db/shop.orders/1/part-0.gz.parquet",
            "databases/snapshots/e1/db/shop.orders/part-0.gz.parquet",
            "samples/databases/snapshots/e1/db/shop.orders/part-0.gz.parquet",
        ] {
            assert!(Place::of(key).table_names().contains(&"shop.orders".to_owned()), "{key}");
        }
    }

    #[test]
    fn what_exports_write_beside_the_rows_is_no_data() {
        for key in [
            "databases/snapshots/e1/export_info_e1.json",
            "databases/snapshots/e1/db/shop.orders/1/_success",
            "databases/dms/shop/orders/manifest.json",
        ] {
            assert!(!Place::of(key).holds_data(), "{key}");
        }
        assert!(Place::of("databases/dms/shop/orders/LOAD00000001.csv.gz").holds_data());
        assert!(Place::of("databases/changes/shop/2026-11-23/x").holds_data());
    }
}
