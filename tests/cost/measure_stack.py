"""Measures on the stack that runs what `measured.json` says of it, and records it there.

    measure_stack.py [--requests 60] [--dry]

Run `make demo` before: it reads the sizes of the items, objects and metadata that are there by then, and the functions' own metrics
in their logs. Then it sends requests of one message and of four hundred to the collector, for the demo sends few. A number for which
there is nothing to measure stays as it is, and is named. The local AWS answers faster than AWS does: `page.py` says how much
of the bill that can change. Expects what `make -s env` prints.
"""

import argparse
import base64
import json
import os
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
from botocore.config import Config
from pyiceberg.catalog import load_catalog

MEASURED = Path(__file__).with_name("measured.json")
SOURCE = "make demo, then make measure-costs"
# What DynamoDB adds to an item where it counts what is stored, and in which it counts.
ITEM_OVERHEAD, KILOBYTE = 100, 1_024
FUNCTIONS = (
    "segment-collect", "land", "segment-transform", "lake-commit", "announce", "observe", "lineage", "attribute", "watch", "report",
)
LARGE_BATCH = 400
PATIENCE_SECONDS = 120
# What judging a dataset reads: days and hours of volume, days of columns (shared/src/observation/series.rs, observe's distribution).
DAYS_READ, HOURS_READ, COLUMN_DAYS_READ = 120, 6 * 7 * 24, 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=40, help="of either size, to the collector")
    parser.add_argument("--dry", action="store_true", help="print what was found, and record nothing")
    arguments = parser.parse_args()
    document = json.loads(MEASURED.read_text(encoding="utf-8"))
    given = {name: entry["value"] for name, entry in document["values"].items()}
    found: dict[str, float | None] = {}
    found |= item_sizes()
    found |= lake_sizes()
    event_bytes = send(arguments.requests)
    found |= durations({function: lines_of(function) for function in FUNCTIONS}, given, event_bytes)
    for name, value in found.items():
        if value is None:
            print(f"measure: nothing to measure {name} by; it stays {given[name]}", file=sys.stderr)
            continue
        print(f"{name}: {given[name]} -> {rounded(value)}")
        document["values"][name] |= {"value": rounded(value), "source": SOURCE}
    if not arguments.dry:
        MEASURED.write_text(written(document), encoding="utf-8")
    return 0


def rounded(value: float) -> float:
    """Three digits that count."""
    return float(f"{value:.3g}")


def written(document: dict) -> str:
    """A line a value."""
    lines = [f"    {json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in document["values"].items()]
    return f'{{\n  "about": {json.dumps(document["about"])},\n  "values": {{\n' + ",\n".join(lines) + "\n  }\n}\n"


def mean(values: list[float]) -> float | None:
    return statistics.fmean(values) if values else None


def size_of(value: dict) -> int:
    """Bytes of an attribute as DynamoDB counts them."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content.strip("-").replace(".", "")) // 2 + 2
        case "L":
            return 3 + sum(1 + size_of(each) for each in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + size_of(each) for name, each in content.items())
        case "SS" | "NS" | "BS" | "B":
            return sum(map(len, content)) if kind != "B" else len(content)
        case _:
            return 1


def items(table: str) -> Iterator[tuple[dict, int]]:
    """All items of a table, with their sizes."""
    for page in boto3.client("dynamodb").get_paginator("scan").paginate(TableName=os.environ[table]):
        for item in page["Items"]:
            yield item, sum(len(name.encode()) + size_of(value) for name, value in item.items())


def kilobytes(sizes: list[int], overhead: int = 0) -> float | None:
    average = mean(sizes)
    return None if average is None else (average + overhead) / KILOBYTE


def item_sizes() -> dict[str, float | None]:
    """Sizes of what stands in the tables."""
    runs: dict[bool, list[int]] = {True: [], False: []}
    for item, size in items("RUNS_TABLE"):
        runs["dataset" in item].append(size)
    parts: dict[str, list[int]] = {}
    for item, size in items("OBSERVATIONS_TABLE"):
        if not item["subject"]["S"].endswith("#runs"):
            parts.setdefault(item["part"]["S"].split("#")[0], []).append(size)
    columns, volume = kilobytes(parts.get("columns", [])), kilobytes(parts.get("volume", []))
    judged = None
    if columns and volume:
        judged = (DAYS_READ + HOURS_READ) * volume + COLUMN_DAYS_READ * columns
    kinds: dict[tuple[str, str], list[int]] = {}
    for item, size in items("ATTRIBUTION_TABLE"):
        kinds.setdefault((item["subject"]["S"].split("#")[0], item["part"]["S"].split("#")[0]), []).append(size)
    touches = [size for who in ("user", "anonymous", "email") for size in kinds.get((who, "touch"), [])]
    # Browser, user and address: an item each.
    links = [kilobytes(kinds.get((who, "links"), []), ITEM_OVERHEAD) for who in ("user", "anonymous", "email")]
    click = [kilobytes(kinds.get(("gclid", part), []), ITEM_OVERHEAD) for part in ("touch", "touched")]
    return {
        "run_kilobytes": kilobytes(runs[True]),
        "file_run_kilobytes": kilobytes(runs[False]),
        "day_columns_kilobytes": columns,
        "edge_kilobytes": kilobytes(parts.get("edge", [])),
        "schema_kilobytes": kilobytes(parts.get("schema", [])),
        "judged_kilobytes": judged,
        "touch_kilobytes": kilobytes(touches, ITEM_OVERHEAD),
        "click_kilobytes": None if None in click else sum(click),
        "person_kilobytes": None if None in links else sum(links),
    }


def lake_sizes() -> dict[str, float | None]:
    """Sizes of commit requests, and of what a snapshot and a manifest add to a table's metadata."""
    storage = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    pages = storage.get_paginator("list_objects_v2").paginate(Bucket=os.environ["LAKE_BUCKET"])
    requests = [each["Size"] for page in pages for each in page.get("Contents", []) if "_requests/" in each["Key"]]
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    catalog = load_catalog("glue", type="glue", **{"glue.endpoint": endpoint, "s3.endpoint": endpoint, "s3.force-virtual-addressing": False})
    snapshots, entries = [], []
    for namespace in (("segment",), ("shop",), ("google_ads",)):
        for identifier in catalog.list_tables(namespace):
            table = catalog.load_table(identifier)
            text = table.io.new_input(table.metadata_location).open().read()
            metadata = json.loads(text)
            known = len(metadata.get("snapshots", []))
            if not known:
                continue
            bare = metadata | {"snapshots": [], "snapshot-log": [], "metadata-log": []}
            snapshots.append((len(text) - len(json.dumps(bare, separators=(",", ":")))) / known)
            current = table.current_snapshot()
            listed = len(current.manifests(table.io))
            if listed:
                entries.append(len(table.io.new_input(current.manifest_list)) / listed)
    return {
        "commit_request_kilobytes": kilobytes(requests),
        "snapshot_bytes": mean(snapshots),
        "manifest_entry_bytes": min(entries) if entries else None,
    }


def send(times: int) -> float:
    """Requests of one message and of many, one after the other, and waits until all have landed; bytes of a message."""
    authorization = "Basic " + base64.b64encode(f"{os.environ['SEGMENT_WRITE_KEY']}:".encode()).decode()
    mark = f"measure-{int(time.time())}"
    before = lines_sum("land", "Lines")
    length = 0
    for batch in (1, LARGE_BATCH):
        for number in range(times):
            messages = [message(f"{mark}-{batch}-{number}-{position}") for position in range(batch)]
            body = json.dumps({"batch": messages}).encode()
            length = len(body) / batch
            headers = {"Authorization": authorization, "Content-Type": "application/json"}
            request = urllib.request.Request(f"{os.environ['SEGMENT_COLLECT_URL']}v1/batch", body, headers)
            with urllib.request.urlopen(request, timeout=60) as response:
                response.read()
    until = time.monotonic() + PATIENCE_SECONDS
    while lines_sum("land", "Lines") < before + times * (1 + LARGE_BATCH) and time.monotonic() < until:
        time.sleep(1)
    return length


def message(identity: str) -> dict:
    """A message of about a thousand bytes, as a browser sends it."""
    page = {"path": "/products/crema", "url": "https://shop.example/products/crema?size=2", "title": "Crema, 1 kg", "referrer": ""}
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
    library = {"name": "analytics.js", "version": "next-1.81.0"}
    return {
        "messageId": identity, "type": "track", "event": "Product Viewed", "anonymousId": identity[-12:], "timestamp": "2026-11-01T10:00:00.000Z",
        "context": {"page": page, "userAgent": agent, "library": library, "locale": "de-DE", "ip": "192.0.2.7", "timezone": "Europe/Berlin"},
        "properties": {"product_id": identity, "sku": "C-1", "category": "coffee", "name": "Crema", "price": 18.9, "quantity": 1, "currency": "EUR"},
    }


def lines_of(function: str) -> list[dict]:
    """The lines of metrics that a function has written."""
    name = os.environ[f"{function.replace('-', '_').upper()}_FUNCTION_NAME"]
    pages = boto3.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    found = []
    for page in pages:
        for event in page["events"]:
            for line in event["message"].splitlines():
                if "CloudWatchMetrics" in line and line.startswith("{"):
                    found.append(json.loads(line))
    return found


def lines_sum(function: str, metric: str) -> float:
    return sum(line.get(metric, 0) for line in lines_of(function))


def durations(lines: dict[str, list[dict]], given: dict[str, float], event_bytes: float) -> dict[str, float | None]:
    """What invocations took, by what they did: medians, for a few wait for each other on a small machine."""

    def took(function: str, rest: Callable[[dict], float | None]) -> float | None:
        values = [value for line in lines[function] if (value := rest(line)) is not None]
        return max(0.0, statistics.median(values)) if values else None

    def each(function: str, metric: str) -> float | None:
        return took(function, lambda line: line["HandlerDuration"] / line[metric] if line.get(metric) else None)

    def of_batch(size: int) -> float | None:
        return took("segment-collect", lambda line: line["HandlerDuration"] if line.get("AcceptedMessages") == size else None)

    def of_file(line: dict) -> float | None:
        if not line.get("Inputs"):
            return None
        work = line.get("DecodedBytes", 0) / 1e6 * given["transform_cpu_milliseconds_per_megabyte"]
        return (line["HandlerDuration"] - work) / line["Inputs"]

    one, many = of_batch(1), of_batch(LARGE_BATCH)
    collect_megabyte = None
    # What disappears in the noise of calls is not measured.
    if one and many and many > one:
        collect_megabyte = (many - one) / ((LARGE_BATCH - 1) * event_bytes / 1e6)
    small = took("land", lambda line: line["HandlerDuration"] / line["Objects"] if 0 < line.get("Lines", 0) <= 10 and line["Objects"] else None)

    def land_megabyte(line: dict) -> float | None:
        if small is None or line.get("Lines", 0) < LARGE_BATCH:
            return None
        return (line["HandlerDuration"] - small * line["Objects"]) / (line["Lines"] * event_bytes / 1e6)

    single = took("lake-commit", lambda line: line["HandlerDuration"] if line.get("Commits") == 1 else None)

    def further(line: dict) -> float | None:
        commits = line.get("Commits", 0)
        return (line["HandlerDuration"] - single) / (commits - 1) if single and commits > 1 else None

    batches = [line["AnnouncedRuns"] for line in lines["announce"] if line.get("AnnouncedRuns")]
    return {
        "transform_milliseconds_a_file": took("segment-transform", of_file),
        "collect_milliseconds_a_request": one,
        "collect_cpu_milliseconds_per_megabyte": collect_megabyte,
        "land_milliseconds_an_object": small,
        "land_cpu_milliseconds_per_megabyte": took("land", land_megabyte),
        "commit_milliseconds": single,
        "commit_milliseconds_a_further_request": took("lake-commit", further),
        "announce_milliseconds_a_run": each("announce", "AnnouncedRuns"),
        "observe_milliseconds_a_run": each("observe", "ObservedRuns"),
        "lineage_milliseconds_a_run": each("lineage", "ExportedRuns"),
        "watch_milliseconds_a_tick": took("watch", lambda line: line["HandlerDuration"] if "WatchedDatasets" in line else None),
        "refresh_milliseconds_a_tick": took("report", lambda line: line["HandlerDuration"] if line.get("RefreshedDates") == 0 else None),
        "runs_a_stream_batch": mean(batches),
    }


if __name__ == "__main__":
    sys.exit(main())
