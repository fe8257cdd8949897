"""The files that are measured, made from a seed: the same number of records gives the same bytes.

Messages and loads are written by the generators of this project's own tests; reports and Parquet files are written here.
"""

import csv
import datetime
import random
import shlex
import subprocess
from decimal import Decimal
from pathlib import Path

from jobs import LOAD_HEADER, REPORT_HEADER, ROOT, Input

SEED = 1
FIRST_DAY = datetime.date(2026, 3, 1)
DAYS = 7
DEVICES = ("Computers", "Mobile phones", "Tablets")
NETWORKS = ("Google search", "Search partners", "Display Network", "YouTube")


def write(made: Input, records: int, file: Path, generate: str) -> None:
    """Writes an input; `generate` is the command of the project's generators."""
    if made.generated == "google-ads":
        write_report(records, file)
    elif made.generated == "database-parquet":
        write_parquet(records, file, generate)
    else:
        run_generator(generate, made.generated.removesuffix("-csv"), records, file)


def run_generator(generate: str, kind: str, records: int, file: Path) -> None:
    command = generate.format(kind=kind, records=records, file=shlex.quote(str(file)))
    subprocess.run(shlex.split(command), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def write_report(records: int, file: Path) -> None:
    """A campaign report as people download it: titles, a header, rows with thousands separators and bounds, and a total."""
    chance = random.Random(SEED)
    impressions_of_all, clicks_of_all, cents_of_all = 0, 0, 0
    with file.open("w", encoding="utf-8", newline="") as target:
        target.write("Campaign report\n")
        last = FIRST_DAY + datetime.timedelta(days=DAYS - 1)
        target.write(f'"{FIRST_DAY:%B} {FIRST_DAY.day}, {FIRST_DAY.year} - {last:%B} {last.day}, {last.year}"\n')
        rows = csv.writer(target, lineterminator="\n")
        rows.writerow(REPORT_HEADER)
        for number in range(records):
            day, rest = number % DAYS, number // DAYS
            device, rest = DEVICES[rest % len(DEVICES)], rest // len(DEVICES)
            network, campaign = NETWORKS[rest % len(NETWORKS)], rest // len(NETWORKS)
            impressions = chance.randrange(20_000)
            clicks = chance.randrange(impressions // 10 + 1)
            cents = clicks * chance.randrange(10, 200)
            conversions = chance.randrange(clicks + 1)
            share = chance.choice((f"{chance.randrange(1000, 9000) / 100:.2f}%", "< 10%", " --"))
            impressions_of_all, clicks_of_all, cents_of_all = impressions_of_all + impressions, clicks_of_all + clicks, cents_of_all + cents
            rows.writerow((
                FIRST_DAY + datetime.timedelta(days=day), "123-456-7890", "EUR", "Europe/Berlin", 20_000_000_000 + campaign,
                f'Kampagne {campaign}, "brand" Süd', "Enabled", "Search", device, network, f"{impressions:,}", f"{clicks:,}",
                f"{Decimal(cents) / 100:,.2f}", f"{conversions / 100:,.2f}", f"{conversions * 37 / 100:,.2f}", share,
            ))
        total = ["Total: Campaigns", *["--"] * 9, f"{impressions_of_all:,}", f"{clicks_of_all:,}", f"{Decimal(cents_of_all) / 100:,.2f}", "--", "--", "--"]
        rows.writerow(total)


def write_parquet(records: int, file: Path, generate: str) -> None:
    """The rows of the load in CSV, as the Database Migration Service writes them to Parquet."""
    import pyarrow
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    load = file.with_name("load.csv")
    run_generator(generate, "database", records, load)
    money, moment = pyarrow.decimal128(10, 2), pyarrow.timestamp("us")
    types = {"total": money, "discount": money, "ordered_at": moment, "updated_at": moment}
    options = arrow_csv.ConvertOptions(
        column_types={name: types.get(name, pyarrow.string()) for name in LOAD_HEADER},
        null_values=["NULL"], strings_can_be_null=True, quoted_strings_can_be_null=False,
    )
    table = arrow_csv.read_csv(load, arrow_csv.ReadOptions(column_names=list(LOAD_HEADER)), convert_options=options)
    parquet.write_table(table, file, compression="snappy", row_group_size=100_000)
    load.unlink()


def parts(made: Input, file: Path, number: int) -> list[Path]:
    """A file in so many of its kind, each as a source would have written it."""
    path = Path(made.path)
    stem, ending = path.name.split(".", 1)
    # Another name, for objects of one name take each other's place.
    found = [file.parent / "parts" / path.parent / f"{stem}{part}.{ending}" for part in range(1, number + 1)]
    if all(part.exists() for part in found):
        return found
    for part in found:
        part.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        split_parquet(file, found)
    elif made.generated == "google-ads":
        split_report(file, found)
    else:
        split_lines(file, found)
    return found


def split_lines(file: Path, found: list[Path]) -> None:
    import gzip

    opened = (lambda path, mode: gzip.open(path, mode, 6)) if file.suffix == ".gz" else Path.open
    with opened(file, "rb") as source:
        lines = source.read().splitlines(keepends=True)
    size = -(-len(lines) // len(found))
    for position, part in enumerate(found):
        with opened(part, "wb") as target:
            target.writelines(lines[position * size:(position + 1) * size])


def split_report(file: Path, found: list[Path]) -> None:
    """Without the total, which is of the whole."""
    lines = file.read_bytes().splitlines(keepends=True)
    header, rows = lines[:3], lines[3:-1]
    size = -(-len(rows) // len(found))
    for position, part in enumerate(found):
        part.write_bytes(b"".join(header + rows[position * size:(position + 1) * size]))


def split_parquet(file: Path, found: list[Path]) -> None:
    from pyarrow import parquet

    table = parquet.read_table(file)
    size = -(-table.num_rows // len(found))
    for position, part in enumerate(found):
        parquet.write_table(table.slice(position * size, size), part, compression="snappy", row_group_size=100_000)
