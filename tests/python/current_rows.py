"""The current rows of a dataset, by the query that ships, over what PyIceberg finds in its table. Called by the tests.

    current_rows.py shop.orders duckdb --source changes/shop     the rows, one JSON object a line
    current_rows.py shop.orders athena --source changes/shop     Athena's query, translated for DuckDB
    current_rows.py google_ads.click_view duckdb --where customer_id=1234567890
    current_rows.py marketing.campaign_performance duckdb --between date=2026-10-24,2026-11-22
"""

import argparse
import json
import sys
from pathlib import Path

import duckdb
import sqlglot
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, LessThanOrEqual

from lake import catalog

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("dialect", choices=["duckdb", "athena"])
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--source", help="where the changes were captured")
    choice.add_argument("--where", help="column=value")
    choice.add_argument("--between", help="column=first,last")
    arguments = parser.parse_args()
    changes = catalog().load_table(arguments.dataset).scan(rows_of(arguments)).to_arrow()
    (query,) = FUNCTIONS.glob(f"*/sql/{arguments.dialect}/{arguments.dataset}.sql")
    query = query.read_text()
    if arguments.dialect == "athena":
        query = sqlglot.transpile(query, read="athena", write="duckdb")[0]
        # Its `arg_max` passes nulls by, Athena's `max_by` does not.
        query = query.replace("ARG_MAX(", "ARG_MAX_NULL(")
    domain, table = arguments.dataset.split(".")
    database = duckdb.connect()
    database.register("changes_of_table", changes)
    database.execute(f"create schema {domain}; create view {domain}.{table} as select * from changes_of_table")
    result = database.execute(query)
    names = [column[0] for column in result.description]
    for row in result.fetchall():
        print(json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False))
    return 0


def rows_of(arguments: argparse.Namespace):
    if arguments.between:
        column, _, values = arguments.between.partition("=")
        first, _, last = values.partition(",")
        return And(GreaterThanOrEqual(column, first), LessThanOrEqual(column, last))
    column, _, value = (arguments.where or f"_source={arguments.source}").partition("=")
    return EqualTo(column, value)


if __name__ == "__main__":
    sys.exit(main())
