"""The job by chDB: one scan into a table in memory, of typed, nested values, and one insert a dataset out of it."""

from pathlib import Path

import chdb.session

from jobs import INPUTS, LOAD_HEADER, LOAD_NULL, REDACTED, REPORT_HEADER, REPORT_TITLE_LINES, ZSTD_LEVEL, Column, Dataset, datasets, tree

TYPES = {
    "string": "Nullable(String)",
    "long": "Nullable(Int64)",
    "double": "Nullable(Float64)",
    "boolean": "Nullable(Bool)",
    "decimal": "Nullable(Decimal(38, 6))",
    "timestamp": "Nullable(DateTime64(6, 'UTC'))",
    "date": "Nullable(Date32)",
}
BLOCK = 64


def run(input_name: str, file: Path, target: Path, threads: int, key: bytes) -> None:
    """Does the job of an input."""
    session = chdb.session.Session()
    for setting, value in {
        "max_threads": threads,
        "max_insert_threads": threads,
        "date_time_input_format": "'best_effort'",
        # Else the first of a month before 1970 is another day.
        "enable_extended_results_for_datetime_functions": 1,
        "output_format_parquet_compression_method": "'zstd'",
        "output_format_compression_level": ZSTD_LEVEL,
        "format_csv_null_representation": text(LOAD_NULL),
    }.items():
        session.query(f"SET {setting} = {value}")
    tables = datasets(input_name)
    match INPUTS[input_name].generated:
        case "segment":
            messages = f"file({text(str(file.resolve()))}, 'JSONEachRow', {text(structure(tree(tables)))})"
            session.query(f"CREATE TABLE staged ENGINE = Memory AS SELECT * FROM {messages}")
            for table in tables:
                select = ", ".join(f"{expression(column, path, key)} AS {name(column.name)}" for column in table.columns)
                write(session, table, f"SELECT {select} FROM (SELECT {members(tree([table]))} FROM staged WHERE {condition(table)})", target)
        case "google-ads":
            write(session, tables[0], report(tables[0], file), target)
        case generated:
            write(session, tables[0], load(tables[0], file, "Parquet" if generated == "database-parquet" else "CSV", key), target)
    session.close()


def write(session: chdb.session.Session, table: Dataset, select: str, target: Path) -> None:
    """Writes the rows of a dataset, each day into a folder of its own."""
    file = target.resolve() / table.path / f"{table.folder}={{_partition_id}}" / "data.parquet"
    session.query(f"INSERT INTO FUNCTION file({text(str(file))}, 'Parquet') PARTITION BY toString(toDate(assumeNotNull({name(table.partition)}))) {select}")


def condition(table: Dataset) -> str:
    event = f" AND event = {text(table.event)}" if table.event else ""
    return f"type = {text(table.message_type)}{event}"


def report(table: Dataset, file: Path) -> str:
    """The rows of a report that was downloaded: no title, no total, numbers without their commas."""
    names = ", ".join(f"{name(column)} String" for column in REPORT_HEADER)
    select = ", ".join(f"{report_expression(column)} AS {name(column.name)}" for column in table.columns)
    return (
        f"SELECT {select} FROM file({text(str(file.resolve()))}, 'CSV', {text(names)})"
        f" WHERE NOT startsWith({name(REPORT_HEADER[0])}, 'Total') SETTINGS input_format_csv_skip_first_lines = {REPORT_TITLE_LINES + 1}"
    )


def report_expression(column: Column) -> str:
    written = name(column.sources[0])
    match column.name, column.type:
        case "customer_id", _:
            return f"replaceAll({written}, '-', '')"
        case "search_impression_share", _:
            share = f"toDecimal128(replaceOne({written}, '%', ''), 6) / 100"
            bounds = f"{written} = '< 10%', toDecimal128('0.0999', 6), {written} = '> 90%', toDecimal128('0.9001', 6)"
            return f"multiIf(endsWith({written}, '--'), NULL, {bounds}, {share})"
        case _, "long":
            return f"toInt64(replaceAll({written}, ',', ''))"
        case _, "decimal":
            return f"toDecimal128(replaceAll({written}, ',', ''), 6)"
        case _, "date":
            return f"toDate32({written})"
        case _:
            return written


def load(table: Dataset, file: Path, written_as: str, key: bytes) -> str:
    """The rows of a full load."""
    types = {source: TYPES[column.type] for column in table.columns for source in column.sources}
    names = ", ".join(f"{name(column)} {types[column]}" for column in LOAD_HEADER)
    select = ", ".join(f"{expression(column, name, key)} AS {name(column.name)}" for column in table.columns)
    return f"SELECT {select} FROM file({text(str(file.resolve()))}, '{written_as}', {text(names)})"


def expression(column: Column, place, key: bytes) -> str:
    """What stands in a column; `place` makes an expression of where a value is read from."""
    sources = ", ".join(place(source) for source in column.sources)
    value = f"coalesce({sources})" if len(column.sources) > 1 else sources
    match column.action:
        case "redact":
            return f"if(isNotNull({value}), {text(REDACTED)}, NULL)"
        case "hmac_trim":
            return keyed_hash(f"nullIf(trimBoth({value}), '')", key)
        case "hmac_email":
            return keyed_hash(f"nullIf(lower(trimBoth({value})), '')", key)
        case "ip":
            network = f"replaceRegexpOne({value}, '^([^:]+:[^:]+:[^:]+):.*$', '\\\\1::')"
            return f"if(position({value}, ':') > 0, {network}, replaceRegexpOne({value}, '[0-9]+$', '0'))"
        case "url":
            return f"nullIf(cutQueryStringAndFragment({value}), '')"
        case "month":
            return f"toStartOfMonth({value})"
        case "keep":
            return value
        case query:
            return f"nullIf(extractURLParameter({value}, {text(query.removeprefix('query:'))}), '')"


def keyed_hash(value: str, key: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) of two SHA-256, in a sixth of the time of the function HMAC."""
    padded = key.ljust(BLOCK, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in padded).hex() for pad in (0x36, 0x5C))
    return f"lower(hex(SHA256(concat(unhex('{outer}'), SHA256(concat(unhex('{inner}'), {value}))))))"


def members(node: dict) -> str:
    """The members of a message that a dataset reads."""
    return ", ".join(name(member) for member in node)


def structure(node: dict) -> str:
    """The columns of a message."""
    return ", ".join(f"{name(member)} {of(inner)}" for member, inner in node.items())


def of(inner: dict | str) -> str:
    return TYPES[inner] if isinstance(inner, str) else f"Tuple({structure(inner)})"


def path(source: str) -> str:
    return ".".join(name(member) for member in source.split("."))


def name(identifier: str) -> str:
    return "`" + identifier.replace("`", "\\`") + "`"


def text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
