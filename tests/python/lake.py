"""The lake as PyIceberg sees it: what another engine finds in the tables. Called by the tests.

    lake.py read segment.tracks --where project_id=abc     the rows, one JSON object a line
    lake.py read segment.tracks segment.pages              of several tables, a line --- behind each
    lake.py rewrite segment.tracks                         all rows into new files, as compaction does
    lake.py files segment.tracks                           its data files
    lake.py tables                                         what is in the catalog
"""

import argparse
import json
import os
import sys

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.expressions import AlwaysTrue, EqualTo


# Stands behind the rows of each table where there are several: starting PyIceberg takes longer than reading.
END_OF_TABLE = "---"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    read = commands.add_parser("read")
    read.add_argument("table", nargs="+")
    read.add_argument("--where", help="column=value")
    rewrite = commands.add_parser("rewrite")
    rewrite.add_argument("table")
    files = commands.add_parser("files")
    files.add_argument("table")
    commands.add_parser("tables")
    arguments = parser.parse_args()
    lake = catalog()
    match arguments.command:
        case "read":
            for table in arguments.table:
                print_rows(lake.load_table(table), arguments.where)
                if len(arguments.table) > 1:
                    print(END_OF_TABLE)
        case "rewrite":
            table = lake.load_table(arguments.table)
            table.overwrite(table.scan().to_arrow())
        case "files":
            for task in lake.load_table(arguments.table).scan().plan_files():
                print(task.file.file_path)
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
    for batch in table.scan(row_filter=row_filter).to_arrow().to_batches():
        for row in batch.to_pylist():
            # Empty columns are left out: a row has forty, and a message fills ten.
            filled = {name: value for name, value in row.items() if value is not None}
            print(json.dumps(filled, default=str, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
