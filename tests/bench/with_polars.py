"""The job by Polars: messages are decoded once, out of lines, and each dataset goes from there into its own sink, all in one go.

Polars has no cryptographic hash, so keyed hashes are made by Python, once for each value that is there. Its reader of NDJSON takes longer than
its reader of CSV with a column of lines and `json_decode`, and sinks that share a lazy scan of NDJSON take twice as long as either.
"""

import hmac
from pathlib import Path

import polars as pl

from jobs import INPUTS, LOAD_HEADER, LOAD_NULL, REDACTED, REPORT_HEADER, REPORT_TITLE_LINES, ZSTD_LEVEL, Column, Dataset, datasets, tree

# Of JSON, Polars reads no timestamps, dates and decimals: these are made of texts and floats.
READ_TYPES = {
    "string": pl.String,
    "long": pl.Int64,
    "double": pl.Float64,
    "boolean": pl.Boolean,
    "decimal": pl.Float64,
    "timestamp": pl.String,
    "date": pl.String,
}
TYPES = READ_TYPES | {"decimal": pl.Decimal(38, 6)}
# ISO 8601, with an offset; faster than any other format.
MOMENT = "%+"
DATABASE_MOMENT = "%Y-%m-%d %H:%M:%S%.f"


def run(input_name: str, file: Path, target: Path, threads: int, key: bytes) -> None:
    """Does the job of an input. How many threads there are was said when Polars was imported."""
    tables = datasets(input_name)
    hashed = Pseudonyms(key)
    match INPUTS[input_name].generated:
        case "segment":
            messages = decoded(file, structure(tree(tables))).lazy()
            rows = [messages.filter(condition(table)).select(expression(column, path, hashed, MOMENT) for column in table.columns) for table in tables]
        case "google-ads":
            rows = [report(tables[0], file)]
        case "database-csv":
            scanned = pl.scan_csv(file, has_header=False, new_columns=list(LOAD_HEADER), infer_schema=False, null_values=LOAD_NULL)
            rows = [load(tables[0], scanned, hashed)]
        case _:
            rows = [load(tables[0], pl.scan_parquet(file), hashed)]
    pl.collect_all([sink(table, lazy, target) for table, lazy in zip(tables, rows)], engine="streaming")


def decoded(file: Path, schema: dict) -> pl.DataFrame:
    """The messages of a file, which may be compressed."""
    # No line holds this character as it is.
    lines = pl.scan_csv(file, has_header=False, separator="\x01", quote_char=None, new_columns=["line"], schema={"line": pl.String})
    return lines.select(pl.col("line").str.json_decode(pl.Struct(schema))).unnest("line").collect(engine="streaming")


def sink(table: Dataset, rows: pl.LazyFrame, target: Path) -> pl.LazyFrame:
    """The rows of a dataset into files, each day in a folder of its own."""
    day = pl.col(table.partition).dt.date().alias(table.folder)
    return rows.sink_parquet(
        pl.PartitionBy(target / table.path, key=day, include_key=False),
        compression="zstd", compression_level=ZSTD_LEVEL, mkdir=True, lazy=True, maintain_order=False,
    )


def condition(table: Dataset) -> pl.Expr:
    is_of_type = pl.col("type") == table.message_type
    return is_of_type & (pl.col("event") == table.event) if table.event else is_of_type


def report(table: Dataset, file: Path) -> pl.LazyFrame:
    """The rows of a report that was downloaded: no title, no total, numbers without their commas."""
    scanned = pl.scan_csv(file, skip_lines=REPORT_TITLE_LINES, infer_schema=False)
    data = scanned.filter(~pl.col(REPORT_HEADER[0]).str.starts_with("Total"))
    return data.select(report_expression(column).alias(column.name) for column in table.columns)


def report_expression(column: Column) -> pl.Expr:
    written = pl.col(column.sources[0])
    match column.name, column.type:
        case "date", _:
            return written.str.to_date("%Y-%m-%d")
        case "customer_id", _:
            return written.str.replace_all("-", "", literal=True)
        case "search_impression_share", _:
            share = written.str.strip_suffix("%").cast(pl.Float64, strict=False) / 100
            bounds = pl.when(written == "< 10%").then(0.0999).when(written == "> 90%").then(0.9001)
            return bounds.when(~written.str.ends_with("--")).then(share).cast(pl.Decimal(38, 6))
        case _, "long" | "decimal":
            return written.str.replace_all(",", "", literal=True).cast(TYPES[column.type])
        case _:
            return written


def load(table: Dataset, scanned: pl.LazyFrame, hashed: "Pseudonyms") -> pl.LazyFrame:
    """The rows of a full load."""
    typed = scanned.collect_schema()

    def place(source: str) -> pl.Expr:
        return pl.col(source)

    def made(column: Column) -> pl.Expr:
        if isinstance(typed[column.sources[0]], pl.Datetime):
            return place(column.sources[0]).dt.cast_time_unit("us").alias(column.name)
        return expression(column, place, hashed, DATABASE_MOMENT)

    return scanned.select(made(column) for column in table.columns)


def expression(column: Column, place, hashed: "Pseudonyms", moment: str) -> pl.Expr:
    """What stands in a column; `place` makes an expression of where a value is read from."""
    value = pl.coalesce(place(source) for source in column.sources) if len(column.sources) > 1 else place(column.sources[0])
    return converted(column, acted(column, value, hashed), moment).alias(column.name)


def converted(column: Column, value: pl.Expr, moment: str) -> pl.Expr:
    match column.type:
        case "timestamp":
            return value.str.to_datetime(moment, time_unit="us", time_zone="UTC" if moment == MOMENT else None)
        case "date":
            day = value.str.to_date("%Y-%m-%d")
            return day.dt.month_start() if column.action == "month" else day
        case "decimal":
            return value.cast(TYPES["decimal"])
        case _:
            return value


def acted(column: Column, value: pl.Expr, hashed: "Pseudonyms") -> pl.Expr:
    match column.action:
        case "redact":
            return pl.when(value.is_not_null()).then(pl.lit(REDACTED))
        case "hmac_trim":
            return hashed.of(value.str.strip_chars())
        case "hmac_email":
            return hashed.of(value.str.strip_chars().str.to_lowercase())
        case "ip":
            network = value.str.extract("^([^:]+:[^:]+:[^:]+)") + "::"
            return pl.when(value.str.contains(":", literal=True)).then(network).otherwise(value.str.strip_chars_end("0123456789") + "0")
        case "url":
            return null_if_empty(before(before(value, "#"), "?"))
        case "keep" | "month":
            return value
        case query:
            return null_if_empty(value.str.extract(f"[?&]{query.removeprefix('query:')}=([^&#]*)"))


def before(value: pl.Expr, mark: str) -> pl.Expr:
    return value.str.splitn(mark, 2).struct.field("field_0")


def null_if_empty(value: pl.Expr) -> pl.Expr:
    return pl.when(value != "").then(value)


class Pseudonyms(dict):
    """HMAC-SHA256 of texts, each made once."""

    def __init__(self, key: bytes):
        super().__init__({None: None, "": None})
        self.key = key

    def __missing__(self, value: str) -> str:
        made = hmac.digest(self.key, value.encode(), "sha256").hex()
        self[value] = made
        return made

    def of(self, value: pl.Expr) -> pl.Expr:
        """The hashes of a column."""
        return value.map_batches(self.of_series, return_dtype=pl.String, is_elementwise=True)

    def of_series(self, values: pl.Series) -> pl.Series:
        return pl.Series(values.name, map(self.__getitem__, values.to_list()), dtype=pl.String)


def structure(node: dict) -> dict:
    """The columns of a message."""
    return {member: of(inner) for member, inner in node.items()}


def of(inner: dict | str):
    return READ_TYPES[inner] if isinstance(inner, str) else pl.Struct(structure(inner))


def path(source: str) -> pl.Expr:
    first, *rest = source.split(".")
    found = pl.col(first)
    for member in rest:
        found = found.struct.field(member)
    return found
