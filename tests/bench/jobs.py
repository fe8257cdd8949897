"""The job that every engine does: which columns of which datasets, of which type, read from where, with what done to them.

It is read from the contracts in shared/contracts, so that it is the job that the transforms do. What an engine cannot be
expected to do is left out of its job, and of the comparison; the transforms do it all the same, in the time that is measured:

- columns that only a run knows (`extra`, which lists what no column took; where and when an input came from; what orders changes);
- texts that are searched for personal data (`privacy: scan`): no engine has a search for phone numbers, cards and addresses;
- phone numbers (`normalize: phone`): no engine knows the numbering plans of the world;
- columns of JSON;
- columns that the measured file does not have: they are null.

Nor need an engine judge rows, count what is missing, leave out duplicates or keep what it refuses.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "shared" / "contracts"

# What a person downloads from Google Ads: two lines of title, this header, rows, and a line that begins with "Total".
REPORT_TITLE_LINES = 2
REPORT_HEADER = (
    "Day",
    "Customer ID",
    "Currency code",
    "Time zone",
    "Campaign ID",
    "Campaign",
    "Campaign status",
    "Campaign type",
    "Device",
    "Network (with search partners)",
    "Impr.",
    "Clicks",
    "Cost",
    "Conversions",
    "Conv. value",
    "Search impr. share",
)
# A full load of the Database Migration Service: no header, NULL for null, the transfer's time before the table's columns.
LOAD_HEADER = ("committed_at", "id", "customer_id", "status", "currency", "total", "discount", "gclid", "ordered_at", "updated_at")
LOAD_NULL = "NULL"

# Written for a value that is taken out.
REDACTED = "[redacted]"

# Of every engine's Parquet files: it is what the transforms write with, the default of Rust's parquet. Some engines would take another.
ZSTD_LEVEL = 1


@dataclass(frozen=True)
class Column:
    """A column of a dataset that every engine writes."""

    name: str
    # string, long, double, boolean, decimal (38 digits, 6 of them decimals), timestamp or date
    type: str
    # Paths in a message, or names in a header; the first that is there and not null holds.
    sources: tuple[str, ...]
    # keep, redact, hmac_trim, hmac_email (the hash of the text without outer spaces, of an e-mail in lower case), ip (the
    # first 24 bits of IPv4, 48 of IPv6), url (without query and fragment), month (its first day), query:NAME (a parameter)
    action: str
    required: bool


@dataclass(frozen=True)
class Dataset:
    """A table."""

    name: str
    # The type of the messages that go here, and their event where only one does.
    message_type: str
    event: str | None
    columns: tuple[Column, ...]
    # The column by whose day rows are put into folders, and what the folders are called.
    partition: str
    folder: str
    # What tells rows apart.
    key: tuple[str, ...]
    # Columns that are not compared, and why.
    left_out: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """Where its files are: segment/tracks/data."""
        return self.name.replace(".", "/") + "/data"


@dataclass(frozen=True)
class Input:
    """A file to be measured."""

    name: str
    # As the transforms and the generator call it.
    source: str
    generated: str
    records: int
    # Below the folder of inputs; it is what the file would be called in the landing bucket.
    path: str
    datasets: tuple[str, ...]


SEGMENT = tuple(f"segment.{table}" for table in ("tracks", "pages", "screens", "identifies", "groups", "aliases", "order_completed"))
INPUTS = {
    made.name: made
    for made in (
        Input("segment", "segment", "segment", 400_000, "segment/events.ndjson", SEGMENT),
        Input("segment-gzip", "segment", "segment", 400_000, "segment/events.ndjson.gz", SEGMENT),
        Input("google-ads-csv", "google-ads", "google-ads", 1_000_000, "google-ads/reports/campaigns.csv", ("google_ads.campaign_daily",)),
        Input("dms-csv", "database", "database-csv", 2_000_000, "databases/dms/shop/orders/LOAD00000001.csv", ("shop.orders",)),
        Input("dms-parquet", "database", "database-parquet", 2_000_000, "databases/dms/shop/orders/LOAD00000001.parquet", ("shop.orders",)),
    )
}
KEYS = {"google_ads.campaign_daily": ("date", "campaign_id", "device", "ad_network_type"), "shop.orders": ("id",)}
# Known to the run that wrote a row, and to nobody else.
OF_THE_RUN = {"pulled_at", "source_format", "source_object", "_op", "_sequence", "_source", "_absent"}
# Columns that a file has beside those that a contract reads as `row.NAME`.
HEADERS = {"google_ads.campaign_daily": REPORT_HEADER, "shop.orders": LOAD_HEADER}


@cache
def dataset(name: str) -> Dataset:
    """The job of a dataset, from its contract."""
    contract = yaml.load((CONTRACTS / (name.replace(".", "/") + ".odcs.yaml")).read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    schema = contract["schema"][0]
    route = properties(schema)["route"]
    columns, left_out = [], []
    partition = folder = ""
    for declared in schema["properties"]:
        custom = properties(declared)
        if transform := custom.get("partitionTransform"):
            partition = declared["name"]
            folder = f"{partition}_day" if transform == "day" else partition
        made = column(declared, custom, HEADERS.get(name))
        if isinstance(made, Column):
            columns.append(made)
        else:
            left_out.append((declared["name"], made))
    key = KEYS.get(name, ("message_id",))
    return Dataset(name, route["type"], route.get("event"), tuple(columns), partition, folder, key, tuple(left_out))


def datasets(input_name: str) -> list[Dataset]:
    """The datasets that an input goes to."""
    return [dataset(name) for name in INPUTS[input_name].datasets]


def properties(declared: dict) -> dict:
    return {custom["property"]: custom["value"] for custom in declared["customProperties"]}


def column(declared: dict, custom: dict, header: tuple[str, ...] | None) -> Column | str:
    """A column of the job, or why it is none."""
    if "generated" in custom or declared["name"] in OF_THE_RUN:
        return "only the run knows it"
    if declared["logicalType"] in ("object", "array"):
        return "JSON"
    if custom["privacy"] == "scan":
        return "searched for personal data"
    if custom.get("normalize") == "phone":
        return "a phone number"
    sources = custom["source"] if isinstance(custom["source"], list) else [custom["source"]]
    if header:
        sources = [name for name in map(in_header, sources) if name in header]
        if not sources:
            return "not in the file"
    declared_type = declared["physicalType"] if "physicalType" in declared else declared["logicalType"]
    return Column(declared["name"], declared_type.split("(")[0], tuple(sources), action(custom), declared.get("required", False))


def in_header(source: str) -> str:
    return source.removeprefix("csv.en.").removeprefix("row.")


def action(custom: dict) -> str:
    if "queryParameter" in custom:
        return f"query:{custom['queryParameter']}"
    match custom["privacy"]:
        case "hmac":
            return f"hmac_{custom['normalize']}"
        case "truncate":
            return {"date": "month"}.get(custom["truncate"], custom["truncate"])
        case known:
            return known


def paths(tables: list[Dataset]) -> dict[str, str]:
    """Every path that columns are read from, and the column type that is read there."""
    found = {"type": "string", "event": "string"}
    for table in tables:
        for one in table.columns:
            found.update({source: one.type for source in one.sources})
    return found


def tree(tables: list[Dataset]) -> dict:
    """The same as nested objects."""
    root: dict = {}
    for path, column_type in paths(tables).items():
        *parents, leaf = path.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = column_type
    return root


if __name__ == "__main__":
    for known in sorted({name for made in INPUTS.values() for name in made.datasets}):
        one = dataset(known)
        print(f"{known}: {len(one.columns)} columns; left out: " + ", ".join(f"{name} ({why})" for name, why in one.left_out))
