"""Whether two engines wrote the same: equal.py INPUT FOLDER OTHER [OTHER ...].

Of each dataset: as many rows, and in every column of the job the same values, row by row once both are in the order of their keys; and each
row in the folder of its day. Texts must be the same to the byte, timestamps to the microsecond. Prints what differs; exit code 1 if anything does.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs import INPUTS, Column, Dataset, datasets

TYPES = {
    "string": pa.string(),
    "long": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "decimal": pa.decimal128(38, 6),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}
SHOWN = 3


def main() -> int:
    if len(sys.argv) < 4 or sys.argv[1] not in INPUTS:
        print(__doc__, file=sys.stderr)
        return 2
    input_name, one, *others = sys.argv[1], *map(Path, sys.argv[2:])
    differences = [f"{other}: {found}" for other in others for found in compare(input_name, one, other)]
    for line in differences:
        print(line)
    rows = {table.name: len(read(table, one)) for table in datasets(input_name)} if not differences else {}
    if rows:
        print("equal: " + ", ".join(f"{name} {count:,} rows" for name, count in rows.items()))
    return 1 if differences else 0


def compare(input_name: str, one: Path, other: Path) -> list[str]:
    """What differs between what two engines wrote of an input."""
    found = []
    for table in datasets(input_name):
        try:
            found += compare_tables(table, in_order(table, read(table, one)), in_order(table, read(table, other)))
        except Unlike as difference:
            found.append(f"{table.name}: {difference}")
    return found


class Unlike(Exception):
    """Something that cannot be compared any further."""


def compare_tables(table: Dataset, one: pa.Table, other: pa.Table) -> list[str]:
    if len(one) != len(other):
        return [f"{table.name}: {len(one):,} rows and {len(other):,} rows"]
    return [f"{table.name}.{column.name}: {found}" for column in table.columns if (found := compare_columns(column, one, other))]


def compare_columns(column: Column, one: pa.Table, other: pa.Table) -> str | None:
    left, right = one.column(column.name), other.column(column.name)
    if left.equals(right):
        return None
    same = pc.or_(pc.fill_null(pc.equal(left, right), False), pc.and_(pc.is_null(left), pc.is_null(right)))
    places = pc.indices_nonzero(pc.invert(same))
    if not len(places):
        return None
    shown = "; ".join(f"{left[place.as_py()].as_py()!r} and {right[place.as_py()].as_py()!r}" for place in places[:SHOWN])
    return f"{len(places):,} of {len(one):,} values differ: {shown}"


def in_order(table: Dataset, rows: pa.Table) -> pa.Table:
    """Rows in the order of their keys, which tell all of them apart."""
    keys = rows.select(table.key)
    distinct = keys.group_by(list(table.key)).aggregate([])
    if len(distinct) != len(rows):
        raise Unlike(f"{len(rows):,} rows have {len(distinct):,} keys")
    return rows.take(pc.sort_indices(keys, [(name, "ascending") for name in table.key]))


def read(table: Dataset, folder: Path) -> pa.Table:
    """The columns of the job, each in its type."""
    files = sorted((folder / table.path).rglob("*.parquet"))
    if not files:
        raise Unlike(f"no files in {folder / table.path}")
    return pa.concat_tables(read_file(table, file) for file in files)


def read_file(table: Dataset, file: Path) -> pa.Table:
    rows = pq.ParquetFile(file).read()
    day = folder_day(table, file)
    columns = []
    for column in table.columns:
        if column.name in rows.column_names:
            columns.append(typed(rows.column(column.name), TYPES[column.type]))
        elif column.name == table.folder:
            columns.append(pa.chunked_array([pa.repeat(day, len(rows))]))
        else:
            raise Unlike(f"no column {column.name} in {file}")
        if column.name == table.partition and len(rows):
            days = pc.min_max(columns[-1].cast(pa.date32()))
            if days["min"] != day or days["max"] != day:
                raise Unlike(f"rows of {days['min']} to {days['max']} in {file}")
    return pa.table(columns, names=[column.name for column in table.columns])


def folder_day(table: Dataset, file: Path) -> pa.Scalar:
    """The day that a folder's name says: received_at_day=2026-03-01."""
    name, _, day = file.parent.name.partition("=")
    if name != table.folder:
        raise Unlike(f"{file} is in no folder {table.folder}=DAY")
    return pa.scalar(day).cast(pa.date32())


def typed(values: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_timestamp(wanted) and pa.types.is_timestamp(values.type):
        # Of one with a time zone the instant is kept.
        return values.cast(pa.timestamp("us", values.type.tz)).cast(pa.timestamp("us"), safe=False) if values.type.tz else values.cast(wanted)
    if values.type == pa.date32() and wanted == pa.date32():
        return values
    if type(values.type) is not type(wanted) and not (is_text(values.type) and is_text(wanted)):
        raise Unlike(f"a column is of type {values.type} and not {wanted}")
    return values.cast(wanted)


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


if __name__ == "__main__":
    sys.exit(main())
