"""The job by DuckDB: one scan into a temporary table of typed, nested values, and one COPY a dataset out of it.

Other ways take as long or longer: lines and `from_json`; a flat table of what any dataset needs, with everything done to it; the keyed hashes of
distinct values, joined. A scan for each dataset takes half as long again and more, paths out of untyped JSON ten times.
"""

from pathlib import Path

import duckdb

from jobs import INPUTS, LOAD_HEADER, LOAD_NULL, REDACTED, REPORT_HEADER, REPORT_TITLE_LINES, ZSTD_LEVEL, Column, Dataset, datasets, tree

TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "decimal": "DECIMAL(38,6)",
    # TIMESTAMP would leave out the offset.
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
}
# Databases write no offsets.
LOAD_TYPES = TYPES | {"timestamp": "TIMESTAMP"}
BLOCK = 64


def run(input_name: str, file: Path, target: Path, threads: int, key: bytes) -> None:
    """Does the job of an input."""
    database = duckdb.connect(config={"threads": threads, "preserve_insertion_order": False})
    database.execute("SET TimeZone = 'UTC'")
    database.execute(keyed_hash(key))
    tables = datasets(input_name)
    match INPUTS[input_name].generated:
        case "segment":
            database.execute(f"CREATE TEMP TABLE staged AS SELECT * FROM read_ndjson({text(str(file))}, columns = {structure(tree(tables))})")
            for table in tables:
                select = ", ".join(f"{expression(column, path)} AS {name(column.name)}" for column in table.columns)
                write(database, table, f"SELECT {select} FROM staged WHERE {condition(table)}", target)
        case "google-ads":
            write(database, tables[0], report(tables[0], file), target)
        case generated:
            write(database, tables[0], load(tables[0], file, generated), target)


def write(database: duckdb.DuckDBPyConnection, table: Dataset, select: str, target: Path) -> None:
    """Writes the rows of a dataset, each day into a folder of its own."""
    folder = target / table.path
    folder.mkdir(parents=True, exist_ok=True)
    day = f", {name(table.partition)}::DATE AS {name(table.folder)}" if table.folder != table.partition else ""
    database.execute(
        f"COPY (SELECT *{day} FROM ({select})) TO {text(str(folder))}"
        f" (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {ZSTD_LEVEL}, PARTITION_BY ({name(table.folder)}), OVERWRITE_OR_IGNORE true)"
    )


def condition(table: Dataset) -> str:
    event = f" AND event = {text(table.event)}" if table.event else ""
    return f"type = {text(table.message_type)}{event}"


def report(table: Dataset, file: Path) -> str:
    """The rows of a report that was downloaded: no title, no total, numbers without their commas."""
    names = ", ".join(f"{text(column)}: 'VARCHAR'" for column in REPORT_HEADER)
    select = ", ".join(f"{report_expression(column)} AS {name(column.name)}" for column in table.columns)
    return (
        f"SELECT {select} FROM read_csv({text(str(file))}, skip = {REPORT_TITLE_LINES}, header = true, auto_detect = false,"
        f" delim = ',', quote = '\"', escape = '\"', columns = {{{names}}}) WHERE NOT starts_with({name(REPORT_HEADER[0])}, 'Total')"
    )


def report_expression(column: Column) -> str:
    written = name(column.sources[0])
    match column.name, column.type:
        case "customer_id", _:
            return f"replace({written}, '-', '')"
        case "search_impression_share", _:
            return (
                f"CASE WHEN {written} LIKE '%--' THEN NULL WHEN {written} = '< 10%' THEN 0.0999 WHEN {written} = '> 90%' THEN 0.9001"
                f" ELSE replace({written}, '%', '')::DECIMAL(18,4) / 100 END::DECIMAL(38,6)"
            )
        case _, "long" | "decimal":
            return f"replace({written}, ',', '')::{TYPES[column.type]}"
        case _:
            return f"{written}::{TYPES[column.type]}"


def load(table: Dataset, file: Path, generated: str) -> str:
    """The rows of a full load."""
    select = ", ".join(f"{expression(column, name)} AS {name(column.name)}" for column in table.columns)
    if generated == "database-parquet":
        typed = ", ".join(f"{name(source)}::{LOAD_TYPES[column.type]} AS {name(source)}" for column in table.columns for source in column.sources)
        return f"SELECT {select} FROM (SELECT {typed} FROM read_parquet({text(str(file))}))"
    types = {source: LOAD_TYPES[column.type] for column in table.columns for source in column.sources}
    names = ", ".join(f"{text(column)}: {text(types[column])}" for column in LOAD_HEADER)
    return (
        f"SELECT {select} FROM read_csv({text(str(file))}, header = false, auto_detect = false, delim = ',', quote = '\"',"
        f" escape = '\"', nullstr = {text(LOAD_NULL)}, columns = {{{names}}})"
    )


def expression(column: Column, place) -> str:
    """What stands in a column; `place` makes an expression of where a value is read from."""
    sources = ", ".join(place(source) for source in column.sources)
    value = f"coalesce({sources})" if len(column.sources) > 1 else sources
    match column.action:
        case "redact":
            return f"CASE WHEN {value} IS NOT NULL THEN {text(REDACTED)} END"
        case "hmac_trim":
            return f"keyed_hash(nullif(trim({value}), ''))"
        case "hmac_email":
            return f"keyed_hash(nullif(lower(trim({value})), ''))"
        case "ip":
            return (
                f"CASE WHEN contains({value}, ':') THEN regexp_extract({value}, '^[^:]+:[^:]+:[^:]+') || '::'"
                f" ELSE regexp_replace({value}, '[0-9]+$', '0') END"
            )
        case "url":
            cut = f"split_part(split_part({value}, '#', 1), '?', 1)"
            return f"nullif(CASE WHEN contains({value}, '?') OR contains({value}, '#') THEN {cut} ELSE {value} END, '')"
        case "month":
            return f"date_trunc('month', {value})::DATE"
        case "keep":
            return value
        case query:
            mark = query.removeprefix("query:") + "="
            return f"CASE WHEN contains({value}, '{mark}') THEN nullif(regexp_extract({value}, '[?&]{mark}([^&#]*)', 1), '') END"


def keyed_hash(key: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) of what DuckDB has: SHA-256."""
    padded = key.ljust(BLOCK, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in padded).hex() for pad in (0x36, 0x5C))
    return f"CREATE MACRO keyed_hash(value) AS sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || encode(value))))"


def structure(node: dict) -> str:
    """The columns of a message."""
    return "{" + ", ".join(f"{text(member)}: {text(of(inner))}" for member, inner in node.items()) + "}"


def of(inner: dict | str) -> str:
    if isinstance(inner, str):
        return TYPES[inner]
    return "STRUCT(" + ", ".join(f"{name(member)} {of(below)}" for member, below in inner.items()) + ")"


def path(source: str) -> str:
    return ".".join(name(member) for member in source.split("."))


def name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
