"""The files that are measured, made from a seed: the same number of records gives the same bytes.

    inputs.py INPUT HOME --records N --generate COMMAND [--parts N ...]

Messages and loads are written by the generators of this project's own tests; reports and Parquet files are written here. A file that is there
is left as it is; until one is whole it has another name. It is a process of its own, for what it takes of memory others shall have.
"""

import argparse
import csv
import datetime
import gzip
import random
import shlex
import shutil
import subprocess
import sys
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path

from jobs import INPUTS, LOAD_HEADER, REPORT_HEADER, REPORT_TITLE_LINES, ROOT, Input

SEED = 1
GZIP_LEVEL = 6
FIRST_DAY = datetime.date(2026, 3, 1)
DAYS = 7
DEVICES = ("Computers", "Mobile phones", "Tablets")
NETWORKS = ("Google search", "Search partners", "Display Network", "YouTube")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", choices=INPUTS)
    parser.add_argument("home", type=Path)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--generate", required=True)
    parser.add_argument("--parts", type=int, nargs="*", default=[])
    asked = parser.parse_args()
    made = INPUTS[asked.input]
    try:
        file = make_file(made, asked.records, asked.home, asked.generate)
        for number in asked.parts:
            make_parts(made, file, number)
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def file_of(made: Input, records: int, home: Path) -> Path:
    """Where the file of an input is."""
    return home / f"records-{records}" / made.path


def parts_of(made: Input, file: Path, number: int) -> list[Path]:
    """Where a file is in so many of its kind, each as a source would have written it."""
    path = Path(made.path)
    stem, ending = path.name.split(".", 1)
    # Another name, for objects of one name take each other's place.
    return [file.parent / f"parts-{number}" / path.parent / f"{stem}{part}.{ending}" for part in range(1, number + 1)]


def begun(file: Path) -> Path:
    """What a file is called until it is whole."""
    return file.with_name(f"begun-{file.name}")


def make_file(made: Input, records: int, home: Path, generate: str) -> Path:
    """Makes the file of an input where it is not yet; `generate` is the command of the project's generators."""
    file = file_of(made, records, home)
    if file.exists():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".gz":
        plain = next(other for other in INPUTS.values() if f"{other.path}.gz" == made.path)
        with make_file(plain, records, home, generate).open("rb") as source, compressed(begun(file), "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    else:
        write(made, records, begun(file), generate)
    begun(file).rename(file)
    return file


def compressed(file: Path, mode: str) -> gzip.GzipFile:
    """A file of gzip that is the same whenever it is written."""
    return gzip.GzipFile(file, mode, GZIP_LEVEL, mtime=0)


def write(made: Input, records: int, file: Path, generate: str) -> None:
    """Writes an input that is not compressed."""
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


def make_parts(made: Input, file: Path, number: int) -> None:
    """Writes a file in so many of its kind, where they are not yet all there."""
    found = parts_of(made, file, number)
    if all(part.exists() for part in found):
        return
    found[0].parent.mkdir(parents=True, exist_ok=True)
    unfinished = [begun(part) for part in found]
    if file.suffix == ".parquet":
        split_parquet(file, unfinished)
    elif made.generated == "google-ads":
        # Without the total, which is of the whole.
        split_lines(file, unfinished, REPORT_TITLE_LINES + 1, 1)
    else:
        split_lines(file, unfinished)
    for one, part in zip(unfinished, found):
        one.rename(part)


def split_lines(file: Path, parts: list[Path], header: int = 0, footer: int = 0) -> None:
    """So many first lines go to each part, so many last ones to none."""
    opened = compressed if file.suffix == ".gz" else Path.open
    with opened(file, "rb") as source:
        rows = sum(1 for _ in source) - header - footer
    with opened(file, "rb") as source:
        first = list(islice(source, header))
        for part, size in zip(parts, sizes(rows, len(parts))):
            with opened(part, "wb") as target:
                target.writelines(chain(first, islice(source, size)))


def split_parquet(file: Path, parts: list[Path]) -> None:
    from pyarrow import parquet

    table = parquet.read_table(file)
    start = 0
    for part, size in zip(parts, sizes(table.num_rows, len(parts))):
        parquet.write_table(table.slice(start, size), part, compression="snappy", row_group_size=100_000)
        start += size


def sizes(rows: int, number: int) -> list[int]:
    """So many rows in so many parts, of which none has more than one row more than another."""
    return [rows // number + (part < rows % number) for part in range(number)]


if __name__ == "__main__":
    sys.exit(main())
