"""Writes a month to a folder."""

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from . import SESSIONS_A_DAY, generate
from .clock import BERLIN


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes a believable month: files for the landing bucket, and truth.json.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=date.fromisoformat, default=date(2026, 10, 24))
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--sessions", type=int, default=SESSIONS_A_DAY, help="visits a day, about")
    parser.add_argument("--name", default="demo")
    parser.add_argument("--time-zone", default=BERLIN, help="of what has no account: utm campaigns, and what nobody is owed")
    given = parser.parse_args()
    if (given.out / "landing").exists():
        parser.error(f"{given.out / 'landing'} is there already: files of two months would be mixed")
    try:
        files, truth = generate(given.start, given.days, given.seed, given.name, given.time_zone, given.sessions)
    except ValueError as error:
        parser.error(str(error))
    for key, body in files.items():
        path = given.out / "landing" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    (given.out / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(truth["counts"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
