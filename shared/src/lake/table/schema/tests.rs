use iceberg::spec::TableMetadata;

use super::*;
use crate::event::MissingTable;
use crate::lake::table::evolution::FollowContract;
use crate::lake::table::memory::MemoryTable;

fn contract(version: &str, columns: &[(i32, &str, &str, bool)]) -> TableSchema {
    let columns = columns.iter().map(|(field_id, name, column_type, required)| SchemaColumn {
        field_id: *field_id,
        name: (*name).to_owned(),
        column_type: (*column_type).to_owned(),
        required: *required,
        description: String::new(),
    });
    TableSchema {
        contract_version: version.to_owned(),
        columns: columns.collect(),
        partition_column: "ordered_at".to_owned(),
        partition_transform: "day".to_owned(),
        missing_table: MissingTable::Create,
    }
}

const FIRST: [(i32, &str, &str, bool); 3] =
    [(1, "id", "long", true), (2, "amount", "int", false), (3, "ordered_at", "timestamp", false)];

const SECOND: [(i32, &str, &str, bool); 4] = [
    (1, "order_id", "long", false),
    (2, "total", "long", false),
    (3, "placed_at", "timestamp", false),
    (4, "note", "string", false),
];

async fn follow(table: &MemoryTable, contract: &TableSchema) -> Result<TableMetadata, TableError> {
    table.change(&mut FollowContract { table: "shop.orders", contract }).await?;
    Ok(table.metadata().await)
}

/// A table that has seen the first version, then the second.
async fn evolved() -> (MemoryTable, TableMetadata) {
    let table = MemoryTable::create(&[]).await;
    follow(&table, &contract("1.0.0", &FIRST)).await.unwrap();
    let metadata = follow(&table, &contract("1.1.0", &SECOND)).await.unwrap();
    (table, metadata)
}

#[tokio::test]
async fn a_table_follows_a_newer_version() {
    let (table, metadata) = evolved().await;
    let fields = metadata.current_schema().as_struct().fields();
    let shown: Vec<_> =
        fields.iter().map(|field| (field.name.as_str(), field.field_type.to_string())).collect();
    let expected = SECOND.map(|(_, name, column_type, _)| (name, column_type.to_owned()));
    assert_eq!(shown, expected);
    assert!(!fields[0].required);
    check("shop.orders", &contract("1.1.0", &SECOND), &metadata).unwrap();
    // An older version changes nothing.
    let after = follow(&table, &contract("1.0.0", &FIRST)).await.unwrap();
    assert_eq!(after.current_schema_id(), metadata.current_schema_id());
    assert_eq!(after.properties()[CONTRACT_VERSION], "1.1.0");
}

#[tokio::test]
async fn files_of_an_older_version_fit() {
    let (_, metadata) = evolved().await;
    check("shop.orders", &contract("1.0.0", &FIRST), &metadata).unwrap();
    // Of the version that the table has, they do not: somebody has changed it without a new number.
    let refused = check("shop.orders", &contract("1.1.0", &FIRST), &metadata).unwrap_err();
    assert!(refused.to_string().contains("is `order_id` in the table"), "{refused}");
    let mut retyped = FIRST;
    retyped[1].2 = "double";
    assert!(check("shop.orders", &contract("1.0.0", &retyped), &metadata).is_err());
    let mut unknown = FIRST;
    unknown[1].0 = 9;
    assert!(check("shop.orders", &contract("1.0.0", &unknown), &metadata).is_err());
}

#[tokio::test]
async fn a_column_that_a_newer_version_lacks_stays_but_may_be_empty() {
    let (table, _) = evolved().await;
    let mut required = SECOND;
    required[0].3 = true;
    let metadata = follow(&table, &contract("1.2.0", &required)).await.unwrap();
    // Rows without it may be there, so the table does not ask for it again.
    assert!(!metadata.current_schema().field_by_id(1).unwrap().required);
    let fresh = MemoryTable::create(&[]).await;
    follow(&fresh, &contract("1.0.0", &FIRST)).await.unwrap();
    let without = contract("2.0.0", &FIRST[1..]);
    let refused = check("shop.orders", &without, &fresh.metadata().await).unwrap_err();
    assert!(refused.to_string().contains("version 2.0.0 has it not"), "{refused}");
    let metadata = follow(&fresh, &without).await.unwrap();
    let field = metadata.current_schema().field_by_id(1).unwrap();
    assert_eq!((field.name.as_str(), field.required), ("id", false));
    check("shop.orders", &without, &metadata).unwrap();
    check("shop.orders", &contract("1.0.0", &FIRST), &metadata).unwrap();
}

#[tokio::test]
async fn contradictions_are_refused() {
    let (table, before) = evolved().await;
    let with = |position: usize, changed: (i32, &'static str, &'static str, bool)| {
        let mut columns = SECOND;
        columns[position] = changed;
        contract("2.0.0", &columns)
    };
    for wrong in [
        with(1, (2, "total", "int", false)),
        with(1, (2, "total", "string", false)),
        with(3, (6, "note", "string", false)),
        with(3, (4, "total", "string", false)),
        with(3, (4, "note", "no type", false)),
    ] {
        let refused = follow(&table, &wrong).await;
        assert!(refused.is_err_and(|error| !error.is_retryable()), "{wrong:?}");
    }
    let mut columns = SECOND.to_vec();
    columns.push((5, "new", "string", true));
    assert!(follow(&table, &contract("2.0.0", &columns)).await.is_err());
    let after = table.metadata().await;
    assert_eq!(after.current_schema_id(), before.current_schema_id());
}
