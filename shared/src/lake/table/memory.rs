//! A table in memory, whose catalog fails on command.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use iceberg::io::FileIO;
use iceberg::spec::{
    FormatVersion, ManifestList, ManifestStatus, NestedField, PrimitiveType, Schema, Snapshot,
    SortOrder, TableMetadata, TableMetadataBuilder, Transform, Type, UnboundPartitionSpec,
};
use iceberg::{Error, ErrorKind, MetadataLocation, TableIdent};

use super::error::TableError;
use super::forget::Notes;
use super::manifests::ManifestRewriter;
use super::replace::{ReplaceFiles, Replaced, Replacement};
use super::requests::key_index;
use super::snapshot::new_snapshot_id;
use super::update::{Advance, Applied, Base, Pointer, Position, TableChange, update};
use crate::event::DataFileDescription;

const LOCATION: &str = "memory://lake/shop/orders";

/// What happens to an update.
#[derive(Debug)]
pub(in crate::lake::table) enum Fault {
    /// It goes through; its answer is lost, and the repeated call finds another version.
    SentTwice,
    /// It goes through; its answer is lost.
    Unanswered,
    /// Another replacement is faster.
    Overtaken(Box<Replacement>),
}

#[derive(Debug)]
pub(in crate::lake::table) struct MemoryTable {
    pub storage: FileIO,
    pub identifier: TableIdent,
    state: Mutex<(Position, u64)>,
    faults: Mutex<VecDeque<Fault>>,
}

/// A file of a snapshot as its manifest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lake::table) struct Entry {
    pub status: ManifestStatus,
    pub snapshot_id: i64,
    pub sequence_number: i64,
    pub file_sequence_number: i64,
    pub manifest: String,
}

impl MemoryTable {
    /// Orders by day: `id: long`, `amount: int`, `ordered_at: timestamp`.
    pub async fn create(properties: &[(&str, &str)]) -> Self {
        let field = |id, name, primitive| {
            NestedField::optional(id, name, Type::Primitive(primitive)).into()
        };
        let schema = Schema::builder().with_fields([
            NestedField::required(1, "id", Type::Primitive(PrimitiveType::Long)).into(),
            field(2, "amount", PrimitiveType::Int),
            field(3, "ordered_at", PrimitiveType::Timestamp),
        ]);
        let spec = UnboundPartitionSpec::builder().add_partition_field(
            3,
            "ordered_at_day",
            Transform::Day,
        );
        let properties = properties.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let metadata = TableMetadataBuilder::new(
            schema.build().unwrap(),
            spec.unwrap().build(),
            SortOrder::unsorted_order(),
            LOCATION.to_owned(),
            FormatVersion::V2,
            properties.collect::<HashMap<_, _>>(),
        );
        let metadata = metadata.unwrap().build().unwrap().metadata;
        let storage = FileIO::new_with_memory();
        let location = MetadataLocation::new_with_metadata(LOCATION, &metadata);
        metadata.write_to(&storage, &location).await.unwrap();
        let position =
            Position { metadata_location: location.to_string(), version_id: Some("0".into()) };
        Self {
            storage,
            identifier: TableIdent::from_strs(["shop", "orders"]).unwrap(),
            state: Mutex::new((position, 0)),
            faults: Mutex::default(),
        }
    }

    pub fn fail_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    pub async fn metadata(&self) -> TableMetadata {
        let location = self.state.lock().unwrap().0.metadata_location.clone();
        TableMetadata::read_from(&self.storage, &location).await.unwrap()
    }

    pub async fn change<C: TableChange>(&self, change: &mut C) -> Result<C::Outcome, TableError> {
        update(self, &self.storage, &self.identifier, None, change).await
    }

    /// Replaces files, as one who has opened the table now.
    pub async fn replace(&self, replacement: &Replacement) -> Result<Replaced, TableError> {
        let metadata = self.metadata().await;
        self.replace_since(&metadata, replacement).await
    }

    /// Replaces files, as one who has opened the table before.
    pub async fn replace_since(
        &self,
        metadata: &TableMetadata,
        replacement: &Replacement,
    ) -> Result<Replaced, TableError> {
        replacement.check("shop.orders")?;
        let id = new_snapshot_id(metadata);
        let mut change = ReplaceFiles {
            table: "shop.orders",
            replacement,
            key_index: key_index(metadata),
            storage: &self.storage,
            manifests: ManifestRewriter::new(&self.storage, id, &replacement.removed),
            notes: self.notes(),
        };
        self.change(&mut change).await
    }

    pub fn notes(&self) -> Notes<'_> {
        Notes { storage: &self.storage, folder: "memory://lake/notes/shop.orders".to_owned() }
    }

    /// The files of a snapshot, the deleted among them.
    pub async fn entries(&self, snapshot: &Snapshot) -> BTreeMap<String, Entry> {
        let list = self.storage.new_input(snapshot.manifest_list()).unwrap().read().await.unwrap();
        let list = ManifestList::parse_with_version(&list, FormatVersion::V2).unwrap();
        let mut entries = BTreeMap::new();
        for listed in list.entries() {
            let manifest = listed.load_manifest(&self.storage).await.unwrap();
            for entry in manifest.entries() {
                let found = Entry {
                    status: entry.status,
                    snapshot_id: entry.snapshot_id.unwrap(),
                    sequence_number: entry.sequence_number.unwrap(),
                    file_sequence_number: entry.file_sequence_number.unwrap(),
                    manifest: listed.manifest_path.clone(),
                };
                assert!(entries.insert(entry.file_path().to_owned(), found).is_none());
            }
        }
        entries
    }

    /// The files that a reader of a snapshot reads.
    pub async fn live(&self, snapshot: &Snapshot) -> Vec<String> {
        let mut entries = self.entries(snapshot).await;
        entries.retain(|_, entry| entry.status != ManifestStatus::Deleted);
        entries.into_keys().collect()
    }

    pub async fn live_now(&self) -> Vec<String> {
        let metadata = self.metadata().await;
        self.live(metadata.current_snapshot().unwrap()).await
    }
}

/// A file of ten rows of a day.
pub(in crate::lake::table) fn file(path: &str, day: i32) -> DataFileDescription {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    DataFileDescription {
        path: path.to_owned(),
        record_count: 10,
        file_size_in_bytes: 1_000,
        partition: Some(encode(&day.to_le_bytes())),
        column_sizes: BTreeMap::from([(1, 500)]),
        value_counts: BTreeMap::from([(1, 10)]),
        null_value_counts: BTreeMap::from([(1, 0)]),
        lower_bounds: BTreeMap::from([
            (1, encode(&1_i64.to_le_bytes())),
            (2, encode(&(-7_i32).to_le_bytes())),
        ]),
        upper_bounds: BTreeMap::from([
            (1, encode(&9_i64.to_le_bytes())),
            (2, encode(&7_i32.to_le_bytes())),
        ]),
        split_offsets: vec![4],
    }
}

/// A replacement of files by others, of the first day all.
pub(in crate::lake::table) fn replacement(
    id: &str,
    removed: &[&str],
    added: &[&str],
) -> Replacement {
    Replacement {
        request_ids: vec![id.to_owned()],
        removed: removed.iter().map(|path| (*path).to_owned()).collect(),
        added: added.iter().map(|path| file(path, 1)).collect(),
        ..Replacement::default()
    }
}

/// Any change of the metadata.
pub(in crate::lake::table) struct Raw<F>(pub F);

impl<F> TableChange for Raw<F>
where
    F: Fn(TableMetadataBuilder) -> iceberg::Result<TableMetadataBuilder> + Send,
{
    type Outcome = ();

    async fn apply(&mut self, base: &Base) -> Result<Applied<()>, TableError> {
        Ok(Applied::Changed(Box::new((self.0)(base.builder()).unwrap()), ()))
    }
}

#[async_trait]
impl Pointer for MemoryTable {
    async fn read(&self, _: &TableIdent) -> iceberg::Result<Position> {
        Ok(self.state.lock().unwrap().0.clone())
    }

    async fn advance(
        &self,
        _: &TableIdent,
        from: &Position,
        to: &MetadataLocation,
        _: &TableMetadata,
    ) -> iceberg::Result<Advance> {
        let fault = self.faults.lock().unwrap().pop_front();
        if let Some(Fault::Overtaken(faster)) = &fault {
            Box::pin(self.replace(faster)).await.unwrap();
        }
        let mut state = self.state.lock().unwrap();
        if state.0 != *from {
            return Ok(Advance::Conflict);
        }
        state.1 += 1;
        state.0 =
            Position { metadata_location: to.to_string(), version_id: Some(state.1.to_string()) };
        match fault {
            Some(Fault::SentTwice) => Ok(Advance::Conflict),
            Some(Fault::Unanswered) => Err(Error::new(ErrorKind::Unexpected, "no answer")),
            Some(Fault::Overtaken(_)) | None => Ok(Advance::Done),
        }
    }
}
