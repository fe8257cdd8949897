use iceberg::spec::{PrimitiveType, Type};

use super::*;
use crate::lake::table::memory::{Fault, MemoryTable, replacement};

async fn change(table: &MemoryTable, changes: &[ColumnChange]) -> Result<(), TableError> {
    table.change(&mut ChangeColumns { table: "shop.orders", changes }).await
}

fn all() -> Vec<ColumnChange> {
    vec![
        ColumnChange::Rename { field_id: 2, name: "total".to_owned() },
        ColumnChange::Widen { field_id: 2, column_type: PrimitiveType::Long },
        ColumnChange::MakeOptional { field_id: 1 },
        ColumnChange::Describe { field_id: 1, description: "The order.".to_owned() },
        ColumnChange::Add {
            field_id: 4,
            name: "amount".to_owned(),
            column_type: PrimitiveType::String,
            description: String::new(),
        },
    ]
}

#[tokio::test]
async fn columns_change_in_one_commit_and_once() {
    let table = MemoryTable::create(&[]).await;
    table.fail_with([Fault::SentTwice]);
    change(&table, &all()).await.unwrap();
    let metadata = table.metadata().await;
    assert_eq!(metadata.current_schema_id(), 1);
    assert_eq!(metadata.last_column_id(), 4);
    let fields = metadata.current_schema().as_struct().fields();
    let shown: Vec<_> = fields.iter().map(|field| (field.id, field.name.as_str())).collect();
    assert_eq!(shown, [(1, "id"), (2, "total"), (3, "ordered_at"), (4, "amount")]);
    assert!(!fields[0].required);
    assert_eq!(fields[0].doc.as_deref(), Some("The order."));
    assert_eq!(*fields[1].field_type, Type::Primitive(PrimitiveType::Long));
    // Once more is the same.
    change(&table, &all()).await.unwrap();
    assert_eq!(table.metadata().await.current_schema_id(), 1);
}

#[tokio::test]
async fn a_renamed_source_keeps_its_partition() {
    let table = MemoryTable::create(&[]).await;
    table.replace(&replacement("before", &[], &["a"])).await.unwrap();
    let rename = ColumnChange::Rename { field_id: 3, name: "placed_at".to_owned() };
    change(&table, &[rename]).await.unwrap();
    table.replace(&replacement("after", &[], &["b"])).await.unwrap();
    let metadata = table.metadata().await;
    let [field] = metadata.default_partition_spec().fields() else { panic!("one field") };
    assert_eq!((field.source_id, field.name.as_str()), (3, "ordered_at_day"));
    assert_eq!(metadata.default_partition_spec_id(), 0);
    assert_eq!(table.live_now().await, ["a", "b"]);
}

#[tokio::test]
async fn a_deleted_column_stays_away() {
    let table = MemoryTable::create(&[]).await;
    let delete = [ColumnChange::Delete { field_id: 2 }];
    change(&table, &delete).await.unwrap();
    change(&table, &delete).await.unwrap();
    let metadata = table.metadata().await;
    assert!(metadata.current_schema().field_by_id(2).is_none());
    // A file of an earlier version has bounds for it, which nobody asks for.
    table.replace(&replacement("older", &[], &["a"])).await.unwrap();
    let again = ColumnChange::Add {
        field_id: 2,
        name: "amount".to_owned(),
        column_type: PrimitiveType::Int,
        description: String::new(),
    };
    assert!(change(&table, &[again]).await.is_err());
}

#[tokio::test]
async fn what_would_need_data_written_anew_is_refused() {
    let table = MemoryTable::create(&[]).await;
    let widen = |field_id, column_type| ColumnChange::Widen { field_id, column_type };
    let rename = |name: &str| ColumnChange::Rename { field_id: 2, name: name.to_owned() };
    for wrong in [
        widen(1, PrimitiveType::Int),
        widen(2, PrimitiveType::Double),
        widen(2, PrimitiveType::String),
        widen(9, PrimitiveType::Long),
        rename("id"),
        // The name of a partition.
        rename("ordered_at_day"),
        ColumnChange::Delete { field_id: 3 },
        ColumnChange::Delete { field_id: 9 },
    ] {
        let refused = change(&table, std::slice::from_ref(&wrong)).await;
        assert!(refused.is_err_and(|error| !error.is_retryable()), "{wrong:?}");
    }
    assert_eq!(table.metadata().await.current_schema_id(), 0);
}

#[test]
fn types_widen_as_iceberg_says() {
    use PrimitiveType::{Date, Double, Float, Int, Long, Timestamp};
    let decimal = |precision, scale| PrimitiveType::Decimal { precision, scale };
    assert!(widens(&Int, &Long) && widens(&Float, &Double));
    assert!(widens(&decimal(9, 2), &decimal(38, 2)));
    for (from, to) in [
        (Long, Int),
        (Double, Float),
        (Int, Double),
        (Date, Timestamp),
        (decimal(9, 2), decimal(9, 2)),
        (decimal(9, 2), decimal(8, 2)),
        (decimal(9, 2), decimal(18, 3)),
    ] {
        assert!(!widens(&from, &to), "{from} {to}");
    }
}
