"""The job by PyArrow, with orjson for messages: some megabytes of lines at a time, each column made as a whole.

PyArrow's own reader of JSON wants every value of a name to be of one type, which messages do not care for, and PyArrow has no cryptographic
hash: orjson reads the messages, and Python's hmac makes the keyed hash of each value once. Python works on one core, so two threads are two
processes for messages, each of which takes every other piece of the file. The readers of CSV and Parquet have threads of their own.
"""

import gc
import gzip
import hmac
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from jobs import INPUTS, LOAD_HEADER, LOAD_NULL, REDACTED, REPORT_HEADER, REPORT_TITLE_LINES, ZSTD_LEVEL, Column, Dataset, datasets

TYPES = {
    "string": pa.string(),
    "long": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "decimal": pa.decimal128(38, 6),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}
LOAD_TYPES = TYPES | {"timestamp": pa.timestamp("us")}
PIECE = 8 * 1024 * 1024
NOTHING: dict = {}


class NoPandas:
    """PyArrow imports pandas where there is one, which chDB brings, and that takes time."""

    @staticmethod
    def find_spec(name: str, *_) -> None:
        if name == "pandas":
            raise ImportError(name)


sys.meta_path.insert(0, NoPandas)


def run(input_name: str, file: Path, target: Path, threads: int, key: bytes) -> None:
    """Does the job of an input."""
    tables = datasets(input_name)
    if INPUTS[input_name].generated != "segment":
        pa.set_cpu_count(threads)
        columns_of_file(INPUTS[input_name].generated, tables[0], file, target, threads > 1, key)
        return
    pa.set_cpu_count(1)
    others = [multiprocessing.Process(target=messages, args=(tables, file, target, number, threads, key)) for number in range(1, threads)]
    for other in others:
        other.start()
    messages(tables, file, target, 0, threads, key)
    for other in others:
        other.join()
        if other.exitcode:
            raise SystemExit("the other process failed")


def messages(tables: list[Dataset], file: Path, target: Path, number: int, of: int, key: bytes) -> None:
    """Does every so manieth piece of a file of messages."""
    # Nothing here refers back to itself, so nobody need look for it.
    gc.disable()
    hashed = Pseudonyms(key)
    writers = [Writer(table, target, f"part-{number}") for table in tables]
    opened = gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")
    with opened as source:
        for position, lines in enumerate(pieces(source)):
            if position % of != number:
                continue
            by_type: dict[str, list[dict]] = {}
            for line in lines.split(b"\n"):
                message = orjson.loads(line)
                by_type.setdefault(message["type"], []).append(message)
            for writer in writers:
                found = by_type.get(writer.table.message_type, [])
                if event := writer.table.event:
                    found = [message for message in found if message.get("event") == event]
                if found:
                    writer.write(message_columns(writer.table, found, hashed))
    for writer in writers:
        writer.close()


def pieces(source) -> Iterator[bytes]:
    """A file, some megabytes of whole lines at a time."""
    rest = b""
    while piece := source.read(PIECE):
        lines, _, rest = (rest + piece).rpartition(b"\n")
        if lines:
            yield lines
    if rest:
        yield rest


def message_columns(table: Dataset, found: list[dict], hashed: "Pseudonyms") -> pa.Table:
    """The columns of a dataset, out of its messages."""
    objects = {(): found}

    def values(source: str) -> list:
        *parents, leaf = source.split(".")
        return [one.get(leaf) for one in inside(objects, tuple(parents))]

    arrays = []
    for column in table.columns:
        first, *others = column.sources
        value = values(first)
        for other in others:
            if None in value:
                value = [one if one is not None else instead for one, instead in zip(value, values(other))]
        arrays.append(message_array(column, value, hashed))
    return pa.table(arrays, names=[column.name for column in table.columns])


def inside(objects: dict[tuple, list[dict]], parents: tuple) -> list[dict]:
    """The objects at a path of each message; each path is followed once."""
    if parents not in objects:
        objects[parents] = [one.get(parents[-1]) or NOTHING for one in inside(objects, parents[:-1])]
    return objects[parents]


def message_array(column: Column, value: list, hashed: "Pseudonyms") -> pa.Array:
    match column.action, column.type:
        case "redact", _:
            return pa.array([None if one is None else REDACTED for one in value], pa.string())
        case "hmac_trim", _:
            return pa.array([one if one is None else hashed[one.strip()] for one in value], pa.string())
        case "hmac_email", _:
            return pa.array([one if one is None else hashed[one.strip().lower()] for one in value], pa.string())
        case "url", _:
            return pa.array([one and (one.partition("#")[0].partition("?")[0] or None) or None for one in value], pa.string())
        case _, "timestamp":
            return pa.array(value, pa.string()).cast(TYPES["timestamp"])
        case _, "date":
            days = pa.array(value, pa.string()).cast(TYPES["date"])
            return pc.floor_temporal(days, unit="month").cast(TYPES["date"]) if column.action == "month" else days
        case _, "decimal":
            return pa.array(value, pa.float64()).cast(TYPES["decimal"])
        case "keep", _:
            return pa.array(value, TYPES[column.type])
        case "ip", _:
            return pa.array([one and network(one) for one in value], pa.string())
        case query, _:
            mark = query.removeprefix("query:") + "="
            return pa.array([parameter(one, mark) if one and mark in one else None for one in value], pa.string())


def network(address: str) -> str:
    if ":" in address:
        return ":".join(address.split(":", 3)[:3]) + "::"
    return address.rpartition(".")[0] + ".0"


def parameter(address: str, mark: str) -> str | None:
    query = address.partition("#")[0].partition("?")[2]
    return next((one.removeprefix(mark) for one in query.split("&") if one.startswith(mark) and one != mark), None)


def columns_of_file(generated: str, table: Dataset, file: Path, target: Path, threads: bool, key: bytes) -> None:
    """Does a file that has columns."""
    hashed = Pseudonyms(key)
    writer = Writer(table, target, "part-0")
    for batch in batches(generated, table, file, threads):
        if generated == "google-ads":
            batch = batch.filter(pc.invert(pc.starts_with(batch.column(REPORT_HEADER[0]), "Total")))
        arrays = [file_array(column, batch.column(column.sources[0]), hashed) for column in table.columns]
        writer.write(pa.table(arrays, names=[column.name for column in table.columns]))
    writer.close()


def batches(generated: str, table: Dataset, file: Path, threads: bool) -> Iterator[pa.RecordBatch]:
    if generated == "database-parquet":
        return pq.ParquetFile(file).iter_batches(batch_size=131_072, use_threads=threads)
    options = pa.csv.ReadOptions(use_threads=threads, block_size=PIECE)
    types = {source: LOAD_TYPES[column.type] for column in table.columns for source in column.sources}
    if generated == "google-ads":
        options.skip_rows = REPORT_TITLE_LINES
        types = dict.fromkeys(REPORT_HEADER, pa.string())
    else:
        options.column_names = list(LOAD_HEADER)
    convert = pa.csv.ConvertOptions(column_types=types, null_values=[LOAD_NULL], strings_can_be_null=True, quoted_strings_can_be_null=False)
    return pa.csv.open_csv(file, options, convert_options=convert)


def file_array(column: Column, written: pa.Array, hashed: "Pseudonyms") -> pa.Array:
    match column.name, column.type:
        case "customer_id", _ if column.action != "keep":
            return pa.array(map(hashed.__getitem__, pc.utf8_trim_whitespace(written).to_pylist()), pa.string())
        case "customer_id", _:
            return pc.replace_substring(written, "-", "")
        case "search_impression_share", _:
            return share(written)
        case _, "long" | "decimal" if pa.types.is_string(written.type):
            return pc.replace_substring(written, ",", "").cast(TYPES[column.type])
        case _, "timestamp":
            return written.cast(LOAD_TYPES["timestamp"])
        case _:
            return written.cast(TYPES[column.type])


def share(written: pa.Array) -> pa.Array:
    """A share from 0 to 1 of one in percent, of a bound, or of nothing."""
    bare = pc.replace_substring(written, "%", "")
    is_bound = [pc.equal(written, "< 10%"), pc.equal(written, "> 90%")]
    is_none = pc.ends_with(written, "--")
    is_number = pc.invert(pc.or_(is_none, pc.or_(*is_bound)))
    number = pc.divide(pc.if_else(is_number, bare, None).cast(pa.decimal128(8, 4)), pa.scalar(100, pa.decimal128(3, 0))).cast(TYPES["decimal"])
    bounds = [pa.scalar(bound).cast(TYPES["decimal"]) for bound in ("0.0999", "0.9001")]
    return pc.case_when(pc.make_struct(*is_bound, is_number), *bounds, number)


class Pseudonyms(dict):
    """HMAC-SHA256 of texts, each made once."""

    def __init__(self, key: bytes):
        super().__init__({None: None, "": None})
        self.key = key

    def __missing__(self, value: str) -> str:
        made = hmac.digest(self.key, value.encode(), "sha256").hex()
        self[value] = made
        return made


class Writer:
    """The files of a dataset, one in the folder of each day."""

    def __init__(self, table: Dataset, target: Path, name: str):
        self.table = table
        self.target = target
        self.name = name
        self.files: dict[str, pq.ParquetWriter] = {}

    def write(self, rows: pa.Table) -> None:
        days = pc.cast(rows.column(self.table.partition), pa.date32())
        for day in pc.unique(days):
            of_day = rows if pc.all(pc.equal(days, day)).as_py() else rows.filter(pc.equal(days, day))
            self.file(str(day), rows.schema).write_table(of_day)

    def file(self, day: str, schema: pa.Schema) -> pq.ParquetWriter:
        if day not in self.files:
            folder = self.target / self.table.path / f"{self.table.folder}={day}"
            folder.mkdir(parents=True, exist_ok=True)
            self.files[day] = pq.ParquetWriter(folder / f"{self.name}.parquet", schema, compression="zstd", compression_level=ZSTD_LEVEL)
        return self.files[day]

    def close(self) -> None:
        for file in self.files.values():
            file.close()
