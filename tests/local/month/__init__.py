"""A believable month of an invented shop: the files that its sources land, and the truth that must come out of them.

In this folder, `python3 -m month OUT --start 2026-10-24 --days 30 --seed 7 --name demo` writes OUT/landing/<key>, each file under the key
that it has in the landing bucket, and OUT/truth.json. The same arguments make the same bytes; months of different names share no id.
"""

import random
import re
from collections import Counter
from datetime import date

from .cases import FEWEST_DAYS, Cases
from .clock import BERLIN
from .days import live
from .shop import BRAND, Names
from .truth import truth_of
from .world import World

SESSIONS_A_DAY = 318
SEGMENT_FILES = 6
CUSTOMER_FILES = 4
ORDER_FILES = 6
NAME = re.compile(r"[a-z0-9-]{1,40}")


def generate(
    start: date, days: int, seed: int, name: str, time_zone: str = BERLIN, sessions_a_day: int = SESSIONS_A_DAY
) -> tuple[dict[str, bytes], dict]:
    """The files by their keys, in an order in which they may be dropped; and what is true of them.

    The seed makes what happens, the name the ids. Without an account, days are those of the time zone.
    """
    if days < FEWEST_DAYS or not NAME.fullmatch(name):
        raise ValueError(f"a month has {FEWEST_DAYS} days at least, and a name of small letters, digits and hyphens")
    world = World(Names(name), str(seed), start, days, sessions_a_day)
    cases = Cases(world)
    cases.tell()
    live(world)
    world.ads.add_unseen_clicks()
    ads_files, report, campaign_rows, click_rows = world.ads.files(world.shop.orders)
    segment_files = world.segment.files(world.start, world.end, SEGMENT_FILES)
    database_files = world.shop.files(CUSTOMER_FILES, ORDER_FILES)
    files = in_any_order(segment_files | database_files | ads_files, seed)
    truth = {"name": name, "brand": BRAND} | truth_of(world, report, time_zone)
    truth["cases"] = cases.orders
    rows = world.segment.rows() | world.shop.rows() | {"google_ads.campaign_daily": campaign_rows, "google_ads.click_view": click_rows}
    truth["counts"] = counts(world, truth, files) | {"rows": rows}
    truth["deliveries"] = list(files)
    return files, truth


def in_any_order(files: dict[str, bytes], seed: int) -> dict[str, bytes]:
    """Shuffled; of the orders' changes the latest come first, so that updates arrive before their inserts."""
    keys = sorted(files)
    random.Random(f"{seed}/deliveries").shuffle(keys)
    latest_first = iter(sorted((key for key in keys if key.startswith("databases/changes/")), key=lambda key: key.split("/")[3], reverse=True))
    return {key: files[key] for key in [next(latest_first) if key.startswith("databases/changes/") else key for key in keys]}


def counts(world: World, truth: dict, files: dict[str, bytes]) -> dict:
    statuses = Counter("deleted" if order.is_deleted else order.status for order in world.shop.orders)
    return {
        "files": len(files),
        "bytes": sum(map(len, files.values())),
        "sessions": world.sessions,
        "messages": len(world.segment.messages),
        "repeated_messages": world.segment.repeats,
        "orders": len(world.shop.orders),
        "orders_that_count": len(truth["orders"]),
        "orders_by_status": dict(sorted(statuses.items())),
        "orders_by_campaign": dict(sorted(Counter(order["campaign_key"] for order in truth["orders"].values()).items())),
        "truth_rows": len(truth["rows"]),
    }

