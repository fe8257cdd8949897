//! Files of a table make way for others, and its columns change, while other engines read it.
//!
//! What each snapshot holds is kept beside the table, and compared with what PyIceberg and DuckDB find by
//! the metadata of the time and by today's.

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::lake::{Engine, SnapshotRows, pyiceberg_rows, pyiceberg_table, rust_rows};
use end_to_end::orders::{Order, OrderFile, Orders, Partitioning, Version, orders};
use shared::lake::{Append, ColumnChange, Effect, OpenTable, Replaced, Replacement, TableError};

/// A table, and what each of its snapshots has changed.
struct Model {
    orders: Orders,
    changes: BTreeMap<i64, Change>,
}

#[derive(Default)]
struct Change {
    removed: Vec<OrderFile>,
    added: Vec<OrderFile>,
}

impl Model {
    async fn new(partitioning: Partitioning) -> Self {
        Self { orders: Orders::new(partitioning).await, changes: BTreeMap::new() }
    }

    async fn open(&self) -> OpenTable<'_> {
        let opened = self.orders.lake.open_existing(&self.orders.database, "orders").await;
        opened.unwrap().expect("the table is there")
    }

    async fn append(&mut self, id: &str, version: Version, files: &[&OrderFile]) {
        let snapshot = append(&self.orders, id, version, files).await;
        self.remember(snapshot, &[], files);
    }

    async fn replace(&mut self, id: &str, removed: &[&OrderFile], added: &[&OrderFile]) {
        let replacement = replacement(id, removed, added);
        let replaced = self.open().await.replace_files(&replacement).await.unwrap();
        assert!(!replaced.before);
        self.remember(replaced.snapshot_id.unwrap(), removed, added);
    }

    fn remember(&mut self, snapshot: i64, removed: &[&OrderFile], added: &[&OrderFile]) {
        let files = |files: &[&OrderFile]| files.iter().map(|file| (*file).clone()).collect();
        let change = Change { removed: files(removed), added: files(added) };
        assert!(self.changes.insert(snapshot, change).is_none());
    }

    /// Both engines find in every snapshot what it has, then and now.
    fn check(&self) {
        let table = self.orders.table();
        for engine in Engine::ALL {
            self.check_history(engine, &engine.history(&table));
        }
    }

    fn check_history(&self, engine: Engine, history: &[SnapshotRows]) {
        let now: Vec<_> = history.iter().filter(|one| !one.then).collect();
        let ids: BTreeSet<i64> = now.iter().map(|one| one.snapshot_id).collect();
        assert_eq!(ids, self.changes.keys().copied().collect(), "{engine:?}");
        let mut expected = BTreeMap::new();
        let mut files: BTreeMap<&str, &OrderFile> = BTreeMap::new();
        for snapshot in &now {
            let change = &self.changes[&snapshot.snapshot_id];
            for file in &change.removed {
                files.remove(file.description.path.as_str()).expect("it was there");
            }
            files.extend(change.added.iter().map(|one| (one.description.path.as_str(), one)));
            let mut rows: Vec<Order> =
                files.values().flat_map(|file| file.orders.iter().cloned()).collect();
            rows.sort();
            expected.insert(snapshot.snapshot_id, rows);
        }
        for SnapshotRows { then, snapshot_id, rows } in history {
            let mut found: Vec<Order> = rows.iter().map(Order::of).collect();
            found.sort();
            assert_eq!(found, expected[snapshot_id], "{engine:?}, {snapshot_id}, then: {then}");
        }
        assert!(history.iter().filter(|one| one.then).count() >= now.len(), "{engine:?}");
    }
}

async fn append(orders: &Orders, id: &str, version: Version, files: &[&OrderFile]) -> i64 {
    let request = orders.request(id, version, files);
    let table = orders.lake.open(&[&request]).await.unwrap().unwrap();
    let appended = table.append(&[Append { request: &request, rewritten: None }], None).await;
    appended.unwrap().snapshot_id.expect("it has files")
}

fn replacement(id: &str, removed: &[&OrderFile], added: &[&OrderFile]) -> Replacement {
    Replacement {
        request_ids: vec![id.to_owned()],
        removed: removed.iter().map(|file| file.description.path.clone()).collect(),
        added: added.iter().map(|file| file.description.clone()).collect(),
        ..Replacement::default()
    }
}

fn noted(mut orders: Vec<Order>) -> Vec<Order> {
    for order in &mut orders {
        order.note = Some(format!("note {}", order.id));
    }
    orders
}

#[tokio::test(flavor = "multi_thread")]
async fn every_snapshot_reads_as_it_was_by_day() {
    every_snapshot_reads_as_it_was(Partitioning::Day).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_snapshot_reads_as_it_was_by_date() {
    every_snapshot_reads_as_it_was(Partitioning::Date).await;
}

async fn every_snapshot_reads_as_it_was(partitioning: Partitioning) {
    use Version::{First, Second};
    let mut model = Model::new(partitioning).await;
    let a = model.orders.file(First, orders(0..5, 0, 10)).await;
    let b = model.orders.file(First, orders(5..10, 1, 10)).await;
    let c = model.orders.file(First, orders(10..15, 0, 10)).await;
    model.append("a and b", First, &[&a, &b]).await;
    model.append("c", First, &[&c]).await;
    // One of the two files of a manifest.
    let a2 = model.orders.file(First, orders(0..3, 0, 100)).await;
    model.replace("a2 for a", &[&a], &[&a2]).await;
    // An append at the same moment.
    let c2 = model.orders.file(First, orders(10..16, 0, 100)).await;
    let d = model.orders.file(First, orders(20..25, 1, 10)).await;
    let change = replacement("c2 for c", &[&c], &[&c2]);
    let only_d = [&d];
    let table = model.open().await;
    let (replaced, appended) =
        tokio::join!(table.replace_files(&change), append(&model.orders, "d", First, &only_d));
    drop(table);
    model.remember(replaced.unwrap().snapshot_id.unwrap(), &[&c], &[&c2]);
    model.remember(appended, &[], &[&d]);
    // All of a day.
    model.replace("the second day", &[&b, &d], &[]).await;
    // Columns renamed and wider, a new one, and none that is required.
    let e = model.orders.file(Second, noted(orders(30..35, 1, 10))).await;
    model.append("e", Second, &[&e]).await;
    let f = model.orders.file(First, orders(40..45, 0, 10)).await;
    model.append("f of the first version", First, &[&f]).await;
    // Files of both versions become one.
    let whole = [&a2, &f].map(|file| file.orders.clone()).concat();
    let whole = model.orders.file(Second, whole).await;
    let mut compaction = replacement("compaction", &[&a2, &f], &[&whole]);
    compaction.effect = Effect::Layout;
    let compacted = model.open().await.replace_files(&compaction).await.unwrap();
    model.remember(compacted.snapshot_id.unwrap(), &[&a2, &f], &[&whole]);
    model.check();
    check_today(&model, &c2, &e).await;
}

/// The newest rows under their new names, for PyIceberg and for Rust, and with the bounds of old files in use.
async fn check_today(model: &Model, c2: &OrderFile, e: &OrderFile) {
    let table = model.orders.table();
    let names: BTreeSet<String> =
        pyiceberg_table(&table).iter().flat_map(|row| row.keys().cloned()).collect();
    let expected = ["order_id", "quantity", "weight", "price", "placed_at", "note"];
    assert_eq!(names, expected.map(str::to_owned).into());
    for file in [c2, e] {
        let order = &file.orders[2];
        let found = pyiceberg_rows(&table, "quantity", &order.amount.to_string());
        let found: Vec<Order> = found.iter().map(Order::of).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), [order]);
    }
    let batches = rust_rows(&table, &expected).await;
    let rows: usize = batches.iter().map(arrow_array::RecordBatch::num_rows).sum();
    assert_eq!(rows, pyiceberg_table(&table).len());
}

/// A caller that heard no answer asks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_replacement_applies_once() {
    let mut model = Model::new(Partitioning::Day).await;
    let a = model.orders.file(Version::First, orders(0..5, 0, 10)).await;
    let b = model.orders.file(Version::First, orders(0..4, 0, 20)).await;
    model.append("a", Version::First, &[&a]).await;
    let before = model.open().await;
    let change = replacement("b for a", &[&a], &[&b]);
    let first = before.replace_files(&change).await.unwrap();
    let again = before.replace_files(&change).await.unwrap();
    assert_eq!(again, Replaced { before: true, ..first });
    let found = model.open().await.find("b for a").await.unwrap().unwrap();
    assert_eq!(found.snapshot_id, first.snapshot_id.unwrap());
    drop(before);
    model.remember(first.snapshot_id.unwrap(), &[&a], &[&b]);
    model.check();
}

/// Two who replace different files both do; of two who replace the same one, one does.
#[tokio::test(flavor = "multi_thread")]
async fn replacements_at_the_same_moment() {
    let mut model = Model::new(Partitioning::Day).await;
    let mut files = Vec::new();
    for number in 0..4 {
        files.push(
            model.orders.file(Version::First, orders(number * 10..number * 10 + 5, 0, 1)).await,
        );
    }
    model.append("all", Version::First, &files.iter().collect::<Vec<_>>()).await;
    let mut others = Vec::new();
    for number in 0..4 {
        others.push(
            model.orders.file(Version::First, orders(number * 10..number * 10 + 3, 1, 2)).await,
        );
    }
    let table = model.open().await;
    let disjoint = [0, 1].map(|at| replacement(&format!("{at}"), &[&files[at]], &[&others[at]]));
    let (one, two) =
        tokio::join!(table.replace_files(&disjoint[0]), table.replace_files(&disjoint[1]));
    let snapshots = [one, two].map(|replaced| replaced.unwrap().snapshot_id.unwrap());
    let same = [2, 3].map(|at| replacement(&format!("{at}"), &[&files[2]], &[&others[at]]));
    let (one, two) = tokio::join!(table.replace_files(&same[0]), table.replace_files(&same[1]));
    let (winner, replaced, refused) = match (one, two) {
        (Ok(replaced), Err(error)) => (2, replaced, error),
        (Err(error), Ok(replaced)) => (3, replaced, error),
        both => panic!("{both:?}"),
    };
    assert!(!refused.is_retryable());
    match refused {
        TableError::NotInTable { files: named, .. } => {
            assert_eq!(named, [files[2].description.path.clone()]);
        }
        other => panic!("{other:?}"),
    }
    drop(table);
    for (at, snapshot) in snapshots.into_iter().enumerate() {
        model.remember(snapshot, &[&files[at]], &[&others[at]]);
    }
    model.remember(replaced.snapshot_id.unwrap(), &[&files[2]], &[&others[winner]]);
    model.check();
}

/// Appends and replacements that get in each other's way, many times.
#[tokio::test(flavor = "multi_thread")]
async fn appends_and_replacements_at_the_same_moment() {
    let mut model = Model::new(Partitioning::Date).await;
    let mut last = model.orders.file(Version::First, orders(0..5, 0, 0)).await;
    model.append("first", Version::First, &[&last]).await;
    for round in 1..5_i64 {
        let next = model.orders.file(Version::First, orders(0..5, 0, round as i32)).await;
        let mut more = Vec::new();
        for number in 0..2 {
            let from = round * 100 + number * 10;
            more.push(model.orders.file(Version::First, orders(from..from + 2, 1, 0)).await);
        }
        let change = replacement(&format!("replace {round}"), &[&last], &[&next]);
        let names = [0, 1].map(|number| format!("append {round} {number}"));
        let files = [[&more[0]], [&more[1]]];
        let table = model.open().await;
        let (replaced, one, two) = tokio::join!(
            table.replace_files(&change),
            append(&model.orders, &names[0], Version::First, &files[0]),
            append(&model.orders, &names[1], Version::First, &files[1]),
        );
        drop(table);
        model.remember(replaced.unwrap().snapshot_id.unwrap(), &[&last], &[&next]);
        model.remember(one, &[], &[&more[0]]);
        model.remember(two, &[], &[&more[1]]);
        last = next;
    }
    model.check();
}

/// Columns that somebody changes by hand.
#[tokio::test(flavor = "multi_thread")]
async fn columns_change_without_data_written_anew() {
    let mut model = Model::new(Partitioning::Day).await;
    let a = model.orders.file(Version::First, orders(0..5, 0, 10)).await;
    model.append("a", Version::First, &[&a]).await;
    let changes = [
        ColumnChange::Rename { field_id: 5, name: "placed_at".to_owned() },
        ColumnChange::MakeOptional { field_id: 1 },
    ];
    let (lake, database) = (&model.orders.lake, &model.orders.database);
    lake.evolve_columns(database, "orders", &changes).await.unwrap();
    lake.evolve_columns(database, "orders", &changes).await.unwrap();
    let source = [ColumnChange::Delete { field_id: 5 }];
    assert!(lake.evolve_columns(database, "orders", &source).await.is_err());
    assert!(pyiceberg_table(&model.orders.table()).iter().all(|row| row.contains_key("placed_at")));
    model.check();
}
