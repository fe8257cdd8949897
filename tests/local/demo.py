"""The demo: drops files into the landing bucket, sends something by every other source, watches the ledger, reads the rows back.

Expects the variables that `make -s env` prints.
"""

import os
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Attr
from botocore.config import Config
from pyiceberg.catalog import load_catalog

import demo_events
import demo_incidents
import demo_month
from demo_sources import Arrival, Sources

FILES = 6
EVENTS_A_FILE = 20_000
PATIENCE_SECONDS = 180
COUNTS = ("routed", "committed", "quarantined", "deduplicated")


@dataclass
class Drop:
    """A file that was put into the landing bucket, and what the ledger says of it."""

    key: str
    size: int
    at: float
    whole: dict | None = None
    parts: dict[str, dict] = field(default_factory=dict)

    def is_finished(self) -> bool:
        """Every record that was routed is accounted for by a dataset's run; some are by two."""
        if not self.whole:
            return False
        wanted = (self.whole.get("records") or {}).get("routed", 0)
        by_type = (part["rows"]["routed"] for name, part in self.parts.items() if name != "segment.order_completed")
        return sum(by_type) >= wanted

    def seconds(self) -> float:
        runs = [self.whole, *self.parts.values()]
        return max(datetime.fromisoformat(run["finished_at"].replace("Z", "+00:00")).timestamp() for run in runs) - self.at


def main() -> int:
    missing = [name for name in ("AWS_ENDPOINT_URL", "LANDING_BUCKET", "RUNS_TABLE") if name not in os.environ]
    if missing:
        print(f"demo: {', '.join(missing)} not set; use `make demo`", file=sys.stderr)
        return 1
    # First, for it begins with a source that is silent.
    finished = demo_incidents.show()
    print(f"\nDropping {FILES} files of {EVENTS_A_FILE:,} Segment messages and one file that is cut off,")
    print(f"into s3://{os.environ['LANDING_BUCKET']}/segment/ ...")
    drops = drop_files()
    finished = watch(drops) and finished
    print_counts(drops)
    finished = show_sources() and finished
    print_tables()
    finished = demo_month.show() and finished
    if not finished:
        print(f"demo: not everything arrived within {PATIENCE_SECONDS} s; see .tributary/local/ministack.log", file=sys.stderr)
        return 1
    print_next_steps()
    return 0


def show_sources() -> bool:
    """Sends something by every other source and shows each arriving; false where one does not."""
    sources = Sources(boto3.client("s3", config=Config(s3={"addressing_style": "path"})))
    try:
        print("\nEvery other source, live:\n")
        arrivals = sources.send()
        arrived = await_arrivals(arrivals)
        for note in sources.notes:
            print(f"  {note}")
        if arrived and any(arrival.source == "PostgreSQL" for arrival in arrivals):
            found = sources.current_rows()
            print(f"\n  PostgreSQL has {sources.rows_in_postgresql()} orders now; the query for current rows finds {len(found)} in the lake.")
        return arrived
    finally:
        sources.close()


def await_arrivals(arrivals: list[Arrival]) -> bool:
    ledger = boto3.resource("dynamodb").Table(os.environ["RUNS_TABLE"])
    since = min(arrival.sent_at for arrival in arrivals)
    deadline = time.monotonic() + PATIENCE_SECONDS
    waiting = list(arrivals)
    while waiting and time.monotonic() < deadline:
        runs = runs_since(ledger, since)
        for arrival in list(waiting):
            arrival.look(runs)
            if arrival.seconds is not None:
                waiting.remove(arrival)
                print(f"  {arrival.source:<18} {arrival.did:<70} {arrival.committed:>4} rows in the lake after {arrival.seconds:.1f} s", flush=True)
        time.sleep(0.3)
    for arrival in waiting:
        print(f"  {arrival.source:<18} {arrival.did:<70} {arrival.committed} of {arrival.rows} rows arrived", flush=True)
    return not waiting


def runs_since(ledger, since: float) -> list[dict]:
    start = datetime.fromtimestamp(since - 2, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    request, runs = {"FilterExpression": Attr("finished_at").gte(start)}, []
    while True:
        page = ledger.scan(**request)
        runs += map(plain, page["Items"])
        if "LastEvaluatedKey" not in page:
            return runs
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def drop_files() -> dict[str, Drop]:
    storage = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"demo-{int(time.time())}"
    drops = {}
    for number in range(FILES + 1):
        day = today - timedelta(days=1 + number % 3)
        body = demo_events.gzip_file(f"{name}-{number}", EVENTS_A_FILE, day)
        if number == FILES:
            body = body[: len(body) // 2]
        key = f"segment/segment-logs/{name}/{int(day.timestamp() * 1000)}/{number}.gz"
        drops[key] = Drop(key, len(body), time.time())
        storage.put_object(Bucket=os.environ["LANDING_BUCKET"], Key=key, Body=body)
    # Dropped again, the same bytes count for nothing.
    again = next(iter(drops))
    storage.copy_object(
        Bucket=os.environ["LANDING_BUCKET"], Key=again, MetadataDirective="REPLACE",
        CopySource={"Bucket": os.environ["LANDING_BUCKET"], "Key": again},
    )
    return drops


def watch(drops: dict[str, Drop]) -> bool:
    """Reads the ledger until every drop is accounted for."""
    ledger = boto3.resource("dynamodb").Table(os.environ["RUNS_TABLE"])
    deadline = time.monotonic() + PATIENCE_SECONDS
    shown = ""
    while True:
        read_ledger(ledger, drops)
        finished = sum(drop.is_finished() for drop in drops.values())
        rows = sum(part["rows"]["committed"] for drop in drops.values() for part in drop.parts.values())
        line = f"  files read {sum(drop.whole is not None for drop in drops.values())}/{len(drops)}"
        line += f"   files in the lake {finished}/{len(drops)}   rows committed {rows:,}"
        if line != shown:
            shown = line
            print(f"\r{line}" if sys.stdout.isatty() else line, end="" if sys.stdout.isatty() else "\n", flush=True)
        if finished == len(drops) or time.monotonic() > deadline:
            print("\n" if sys.stdout.isatty() else "")
            return finished == len(drops)
        time.sleep(0.3)


def read_ledger(ledger, drops: dict[str, Drop]) -> None:
    request = {"FilterExpression": Attr("input.key").begins_with(os.path.commonpath(list(drops)))}
    while True:
        page = ledger.scan(**request)
        for run in map(plain, page["Items"]):
            drop = drops.get(run["input"]["key"])
            if drop is None:
                continue
            if run.get("dataset"):
                drop.parts[run["dataset"]] = run
            else:
                drop.whole = run
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def plain(value):
    """DynamoDB's decimals as numbers that can be formatted."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return int(value) if isinstance(value, Decimal) else value


def print_counts(drops: dict[str, Drop]) -> None:
    files, totals, seconds = defaultdict(int), defaultdict(lambda: defaultdict(int)), defaultdict(float)
    for drop in drops.values():
        for dataset, part in drop.parts.items():
            files[dataset] += 1
            seconds[dataset] = max(seconds[dataset], drop.seconds())
            for count in COUNTS:
                totals[dataset][count] += part["rows"][count]
    rows = [
        [dataset, files[dataset], *(totals[dataset][count] for count in COUNTS), f"{seconds[dataset]:.1f}"]
        for dataset in sorted(files)
    ]
    print_table(["dataset", "files", "rows in", "committed", "quarantined", "deduplicated", "seconds from drop to queryable"], rows)
    whole = [drop.whole for drop in drops.values() if drop.whole]
    unread = sum((run.get("records") or {}).get("quarantined", 0) for run in whole if run["outcome"] != "quarantined")
    kept = sum(run["outcome"] == "quarantined" for run in whole)
    print(f"\n  {unread} lines could not be read and are in quarantine, and {kept} file that breaks off is kept as a whole.")
    print("  One file was dropped twice and counted once.")


def print_tables() -> None:
    """The tables as any engine sees them; here PyIceberg."""
    catalog = load_catalog("glue", type="glue", **{
        "s3.endpoint": os.environ["AWS_ENDPOINT_URL"],
        "s3.access-key-id": os.environ["AWS_ACCESS_KEY_ID"],
        "s3.secret-access-key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "s3.region": os.environ["AWS_REGION"],
    })
    rows = []
    for namespace in ("google_ads", "marketing", "segment", "shop"):
        if (namespace,) not in catalog.list_namespaces():
            continue
        for name in sorted(catalog.list_tables(namespace)):
            table = catalog.load_table(name)
            rows.append([".".join(name), table.scan().count(), len(table.schema().fields), len(table.history())])
    print("\nRead back from Iceberg by PyIceberg, with what was there before:\n")
    print_table(["table", "rows", "columns", "snapshots"], rows)
    if catalog.table_exists("segment.tracks"):
        tracks = catalog.load_table("segment.tracks").scan(selected_fields=("event", "user_id", "context_ip")).to_arrow()
        print("\nA few rows of segment.tracks; who it was is a pseudonym:\n")
        print_table(tracks.column_names, [list(row.values()) for row in tracks.slice(0, 3).to_pylist()])


def print_table(header: list[str], rows: list[list]) -> None:
    cells = [header, *([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        print("  " + "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip())


def print_next_steps() -> None:
    print("""
Everything is still running.
  eval "$(make -s env)"     points this shell, aws and PyIceberg at it
  aws s3 cp file.gz s3://$LANDING_BUCKET/segment/segment-logs/mine/$(date +%s)000/file.gz
  make report               the campaign report of the last days
  make down                 stops it""")


if __name__ == "__main__":
    sys.exit(main())
