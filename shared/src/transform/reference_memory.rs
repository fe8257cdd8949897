//! What was read of tables that columns refer to, kept between inputs: manifests and data files never change.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use crate::govern::{KEY_BYTES, Key};
use crate::lake::ListedFile;

/// Rows of a data file that are read and kept as one.
const PIECE_ROWS: u64 = 131_072;

/// Taken by an entry beside its names and keys.
const ENTRY_BYTES: usize = 96;

/// A part of a data file: the one thing that is read at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Piece {
    /// The file's URI.
    pub uri: String,
    /// The Iceberg field id of the column.
    pub field_id: i32,
    /// Its rows.
    pub rows: Range<u64>,
}

/// What is known of tables, within a bound. What finds no room is read again each time: to make room for it
/// would let a table that is larger than the memory push out, row by row, all that is there.
#[derive(Debug)]
pub(super) struct ReferenceMemory {
    tables: HashMap<String, TableMemory>,
    most_bytes: usize,
}

/// What is known of one table.
#[derive(Debug, Default)]
struct TableMemory {
    manifests: HashMap<String, Vec<ListedFile>>,
    pieces: HashMap<Piece, Vec<Key>>,
}

impl Piece {
    /// The parts of a file.
    pub(super) fn all_of(file: &ListedFile, field_id: i32) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut from = 0;
        while from < file.rows {
            let to = file.rows.min(from + PIECE_ROWS);
            pieces.push(Self { uri: file.uri.clone(), field_id, rows: from..to });
            from = to;
        }
        pieces
    }

    /// How many of some pieces are read at the same time; one at least.
    pub(super) fn group_size(pieces: &[&Self], most: usize) -> usize {
        let mut rows = 0;
        let fits = |piece: &&&Self| {
            rows += piece.rows.end - piece.rows.start;
            rows <= PIECE_ROWS
        };
        pieces.iter().take(most).take_while(fits).count().max(1)
    }
}

impl ReferenceMemory {
    /// A memory of at most so many bytes.
    pub(super) fn within(most_bytes: usize) -> Self {
        Self { tables: HashMap::new(), most_bytes }
    }

    /// The files that a manifest lists, where they are known.
    pub(super) fn files(&self, table: &str, manifest: &str) -> Option<&[ListedFile]> {
        self.tables.get(table)?.manifests.get(manifest).map(Vec::as_slice)
    }

    /// The keys of a piece, where they are known.
    pub(super) fn keys(&self, table: &str, piece: &Piece) -> Option<&[Key]> {
        self.tables.get(table)?.pieces.get(piece).map(Vec::as_slice)
    }

    /// How many pieces of a table are known.
    pub(super) fn pieces_of(&self, table: &str) -> usize {
        self.tables.get(table).map_or(0, |table| table.pieces.len())
    }

    /// Keeps what a manifest lists, if there is room.
    pub(super) fn keep_files(&mut self, table: &str, manifest: &str, files: &[ListedFile]) {
        if self.bytes() + listing_bytes(manifest, files) <= self.most_bytes {
            let table = self.tables.entry(table.to_owned()).or_default();
            table.manifests.insert(manifest.to_owned(), files.to_vec());
        }
    }

    /// Keeps the keys of a piece, if there is room.
    pub(super) fn keep_keys(&mut self, table: &str, piece: &Piece, keys: Vec<Key>) {
        if self.bytes() + piece_bytes(piece, &keys) <= self.most_bytes {
            let table = self.tables.entry(table.to_owned()).or_default();
            table.pieces.insert(piece.clone(), keys);
        }
    }

    /// Forgets the manifests and files that are no longer in a table.
    pub(super) fn retain(
        &mut self,
        table: &str,
        manifests: &BTreeSet<&str>,
        files: &BTreeSet<&str>,
    ) {
        let Some(table) = self.tables.get_mut(table) else { return };
        table.manifests.retain(|manifest, _| manifests.contains(manifest.as_str()));
        table.pieces.retain(|piece, _| files.contains(piece.uri.as_str()));
    }

    /// Bytes in use.
    fn bytes(&self) -> usize {
        self.tables.values().map(TableMemory::bytes).sum()
    }
}

impl TableMemory {
    fn bytes(&self) -> usize {
        let manifests = self.manifests.iter().map(|(path, files)| listing_bytes(path, files));
        let pieces = self.pieces.iter().map(|(piece, keys)| piece_bytes(piece, keys));
        manifests.chain(pieces).sum()
    }
}

fn listing_bytes(manifest: &str, files: &[ListedFile]) -> usize {
    let files = files.iter().map(|file| file.uri.len() + ENTRY_BYTES);
    manifest.len() + ENTRY_BYTES + files.sum::<usize>()
}

fn piece_bytes(piece: &Piece, keys: &[Key]) -> usize {
    piece.uri.len() + ENTRY_BYTES + keys.len() * KEY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(uri: &str, rows: u64) -> ListedFile {
        ListedFile { uri: uri.to_owned(), rows }
    }

    #[test]
    fn a_large_file_is_read_in_pieces_and_small_ones_together() {
        let large = Piece::all_of(&file("a", 2 * PIECE_ROWS + 1), 5);
        let rows: Vec<u64> = large.iter().map(|piece| piece.rows.end - piece.rows.start).collect();
        assert_eq!(rows, [PIECE_ROWS, PIECE_ROWS, 1]);
        assert_eq!(Piece::all_of(&file("a", 0), 5), []);
        let large: Vec<&Piece> = large.iter().collect();
        assert_eq!(Piece::group_size(&large, 16), 1);
        let piece = Piece { uri: "b".to_owned(), field_id: 5, rows: 0..1_000 };
        let small = vec![&piece; 200];
        assert_eq!(Piece::group_size(&small, 16), 16);
        assert_eq!(Piece::group_size(&small, 500), 131);
    }

    #[test]
    fn what_has_left_the_table_makes_room() {
        let mut memory = ReferenceMemory::within(1_500);
        let piece = |uri: &str| Piece { uri: uri.to_owned(), field_id: 5, rows: 0..100 };
        let keys = vec![[7; KEY_BYTES]; 100];
        memory.keep_files("t", "m1", &[file("a", 100)]);
        memory.keep_keys("t", &piece("a"), keys.clone());
        memory.keep_keys("t", &piece("b"), keys.clone());
        assert_eq!(memory.keys("t", &piece("a")), Some(&keys[..]));
        assert_eq!(memory.keys("t", &piece("b")), None, "there is no room");
        assert_eq!(memory.keys("other", &piece("a")), None);
        memory.retain("t", &BTreeSet::from(["m2"]), &BTreeSet::from(["b"]));
        assert_eq!((memory.files("t", "m1"), memory.keys("t", &piece("a"))), (None, None));
        memory.keep_keys("t", &piece("b"), keys.clone());
        assert_eq!(memory.keys("t", &piece("b")), Some(&keys[..]));
    }
}
