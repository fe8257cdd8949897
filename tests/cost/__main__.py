"""What Tributary costs: the page of the README, or a volume of your own.

    python3 tests/cost                                              the whole page, in Markdown
    python3 tests/cost --events-a-day 5e6 --path api --batch 20     a volume
    python3 tests/cost --events-a-day 1e9 --json                    the same for programs
    python3 tests/cost --parameter InboxWindowSeconds=300           with other parameters of the stack
    python3 tests/cost --measured touch_share=0.2                   with numbers of your own
    python3 tests/cost --readme                                     the whole page, into README.md

Needs PyYAML, to read template.yaml.
"""

import argparse
import json
import sys
from pathlib import Path

import metrics
import page
import prices
import readme
import template
from flow import Volume
from limits import limits
from model import Cost, World, concurrency, cost


def main(arguments: list[str] | None = None) -> int:
    """Prints the page, or what a volume costs."""
    asked = _parser().parse_args(arguments)
    try:
        world = World(
            stack=template.read(dict(asked.parameter)),
            prices=prices.prices(asked.region_prices),
            measured=prices.measured(given={name: float(value) for name, value in asked.measured}),
            quotas=prices.quotas(),
            metrics=metrics.by_function(),
        )
        volume = Volume(
            events_a_day=asked.events_a_day or page.VOLUMES[0],
            path=asked.path,
            file_megabytes=asked.file_megabytes,
            batch=asked.batch,
            event_bytes=asked.event_bytes,
            sources=asked.sources,
            lake_months=asked.lake_months,
        )
        if asked.readme:
            readme.write(page.page(world, volume))
            return 0
        if asked.events_a_day is None and not asked.json:
            print(page.page(world, volume), end="")
            return 0
        found = cost(world, volume)
    except ValueError as error:
        print(f"cost: {error}", file=sys.stderr)
        return 2
    if asked.json:
        print(json.dumps(_plain(world, found), indent=2))
    else:
        print(page.one(world, found), end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cost", description=__doc__.split("\n")[0])
    parser.add_argument("--events-a-day", type=_positive, help="without it the whole page")
    parser.add_argument("--path", choices=sorted(page.PATHS), default="file", help="files of Segment, or requests to segment-collect")
    parser.add_argument("--file-megabytes", type=_positive, default=100, help="of gzip, of a file of Segment")
    parser.add_argument("--batch", type=_whole, default=100, help="messages of a request")
    parser.add_argument("--event-bytes", type=_positive, default=1_000, help="of an event's JSON")
    parser.add_argument("--sources", type=_whole, default=1, help="sources with folders of their own")
    parser.add_argument("--lake-months", type=_positive, default=12, help="for which rows stay in the lake")
    parser.add_argument("--region-prices", type=Path, default=prices.HERE / "prices.json", help="a file like prices.json")
    parser.add_argument("--parameter", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="of template.yaml")
    parser.add_argument("--measured", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="of measured.json")
    parser.add_argument("--readme", action="store_true", help="write the whole page into README.md")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than nought")
    return value


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name, value


def _plain(world: World, found: Cost) -> dict:
    return {
        "volume": vars(found.volume),
        "flow": vars(found.flow),
        "dollars_a_month": {"at_rest": found.rest, "traffic": found.traffic_a_month, "together": found.total_a_month},
        "dollars_per_million_events": found.per_million,
        "dollars_a_month_by_step": found.dollars,
        "concurrency_at_the_peak": concurrency(found),
        "limits": [{**vars(limit), "share": limit.share} for limit in limits(world, found)],
    }


if __name__ == "__main__":
    sys.exit(main())
