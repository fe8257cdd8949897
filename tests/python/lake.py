"""The lake as PyIceberg and DuckDB see it: what other engines find in the tables. Called by the tests.

    lake.py read segment.tracks --where project_id=abc     the rows, one JSON object a line
    lake.py read segment.tracks segment.pages              of several tables, a line --- behind each
    lake.py history segment.tracks --engine duckdb         the rows of each of its snapshots, a line --- behind each
    lake.py query "select …" shop.customers segment.pages --engine duckdb
                                                           the rows of one query over some tables
    lake.py rewrite segment.tracks                         all rows into new files, as compaction does
    lake.py files segment.tracks                           its data files
    lake.py columns segment.tracks                         the columns that Glue lists, and whether they are today's
    lake.py tables                                         what is in the catalog
"""

import argparse
import json
import os
import sys
from importlib.resources import files

import duckdb
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.expressions import AlwaysTrue, EqualTo
from pyiceberg.table import StaticTable


# Stands behind the rows of each table where there are several: starting PyIceberg takes longer than reading.
END_OF_TABLE = "---"
# DuckDB's own implementation of Iceberg, and what it reads S3 and manifests with, in the order in which they need each other.
EXTENSIONS = ("httpfs", "avro", "iceberg")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    read = commands.add_parser("read")
    read.add_argument("table", nargs="+")
    read.add_argument("--where", help="column=value")
    history = commands.add_parser("history")
    history.add_argument("table")
    query = commands.add_parser("query")
    query.add_argument("query")
    query.add_argument("table", nargs="+")
    for command in (history, query):
        command.add_argument("--engine", choices=["pyiceberg", "duckdb"], default="pyiceberg")
    rewrite = commands.add_parser("rewrite")
    rewrite.add_argument("table")
    files = commands.add_parser("files")
    files.add_argument("table")
    columns = commands.add_parser("columns")
    columns.add_argument("table")
    commands.add_parser("tables")
    arguments = parser.parse_args()
    lake = catalog()
    match arguments.command:
        case "read":
            for table in arguments.table:
                print_rows(lake.load_table(table), arguments.where)
                if len(arguments.table) > 1:
                    print(END_OF_TABLE)
        case "history":
            print_history(lake.load_table(arguments.table), ENGINES[arguments.engine]())
        case "query":
            print_query(lake, arguments.query, arguments.table, ENGINES[arguments.engine]())
        case "rewrite":
            table = lake.load_table(arguments.table)
            table.overwrite(table.scan().to_arrow())
        case "files":
            for task in lake.load_table(arguments.table).scan().plan_files():
                print(task.file.file_path)
        case "columns":
            database, name = arguments.table.split(".")
            table = lake.glue.get_table(DatabaseName=database, Name=name)["Table"]
            for column in table["StorageDescriptor"]["Columns"]:
                print(column["Name"], column["Parameters"]["iceberg.field.current"])
        case "tables":
            for namespace in lake.list_namespaces():
                for table in lake.list_tables(namespace):
                    print(".".join(table))
    return 0


def catalog() -> GlueCatalog:
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    local = {"glue.endpoint": endpoint, "s3.endpoint": endpoint} if endpoint else {}
    return GlueCatalog("glue", **local, **{"glue.region": os.environ["AWS_REGION"], "s3.region": os.environ["AWS_REGION"]})


def print_rows(table, where: str | None) -> None:
    row_filter = AlwaysTrue()
    if where:
        column, _, value = where.partition("=")
        row_filter = EqualTo(column, value)
    print_filled(table.scan(row_filter=row_filter).to_arrow().to_pylist())


def print_filled(rows: list[dict]) -> None:
    for row in rows:
        # Empty columns are left out: a row has forty, and a message fills ten.
        filled = {name: value for name, value in row.items() if value is not None}
        print(json.dumps(filled, default=str, ensure_ascii=False))


def print_history(table, engine) -> None:
    """The rows that readers found at the time, by each metadata file that the table remembers; then those that today's readers find when they travel back."""
    before = [entry.metadata_file for entry in table.metadata.metadata_log]
    for location in [*before, table.metadata_location]:
        metadata = StaticTable.from_metadata(location, table.io.properties).metadata
        if metadata.current_snapshot_id is not None:
            print_filled(engine.rows(table, location, None))
            print(END_OF_TABLE, "then", metadata.current_snapshot_id)
    for snapshot in sorted(table.metadata.snapshots, key=lambda snapshot: snapshot.sequence_number):
        print_filled(engine.rows(table, table.metadata_location, snapshot.snapshot_id))
        print(END_OF_TABLE, "now", snapshot.snapshot_id)


def print_query(lake: GlueCatalog, query: str, tables: list[str], engine) -> None:
    """Names a table in the query as the catalog does."""
    for name in tables:
        database, view = name.split(".")
        engine.database.execute(f'create schema if not exists "{database}"')
        engine.database.execute(f'create view "{database}"."{view}" as select * from {engine.relation(lake.load_table(name))}')
    print_filled(named_rows(engine.database.execute(query)))


def named_rows(result) -> list[dict]:
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


class PyIceberg:
    """PyIceberg reads; a query over what it read is DuckDB's."""

    def __init__(self) -> None:
        self.database = duckdb.connect()

    def rows(self, table, location: str, snapshot: int | None) -> list[dict]:
        return StaticTable.from_metadata(location, table.io.properties).scan(snapshot_id=snapshot).to_arrow().to_pylist()

    def relation(self, table) -> str:
        name = "_".join(("rows_of", *table.name()))
        self.database.register(name, table.scan().to_arrow())
        return f'"{name}"'


class DuckDb:
    """DuckDB's own implementation of Iceberg, from the metadata file on."""

    def __init__(self) -> None:
        self.database = duckdb.connect(config={"autoinstall_known_extensions": False})
        for extension in EXTENSIONS:
            folder = files(f"duckdb_extension_{extension}") / "extensions" / f"v{duckdb.__version__}"
            self.database.load_extension(str(folder / f"{extension}.duckdb_extension"))
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        own = f", endpoint '{endpoint.partition('//')[2]}', url_style 'path', use_ssl false" if endpoint else ""
        key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        self.database.execute(f"create secret (type s3, key_id '{key}', secret '{secret}', region '{os.environ['AWS_REGION']}'{own})")

    def rows(self, table, location: str, snapshot: int | None) -> list[dict]:
        at = f", snapshot_from_id = {snapshot}" if snapshot else ""
        return named_rows(self.database.execute(f"select * from iceberg_scan('{location}'{at})"))

    def relation(self, table) -> str:
        return f"iceberg_scan('{table.metadata_location}')"


ENGINES = {"pyiceberg": PyIceberg, "duckdb": DuckDb}


if __name__ == "__main__":
    sys.exit(main())
