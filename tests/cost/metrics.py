"""Which custom metrics the functions write, read off their sources.

Each name that a function writes is a metric of its own, for `Function` is a dimension (shared/src/telemetry.rs),
and CloudWatch bills it for each hour in which it has a value, also a value of nought.
"""

import re
from pathlib import Path

from template import ROOT

WRITTEN = re.compile(r'metrics\s*\.(?:count|bytes)\(\s*"(\w+)"')
TRANSFORMS = ("segment-transform", "google-ads-transform", "database-transform")
# Written by every invocation of every function: Metrics::emit.
ALWAYS = "HandlerDuration"
# Written only where something is wrong, or comes again: not what a month is reckoned with.
RARE = {
    "FailedInvocations",
    "FailedBatches",
    "DuplicateInputs",
    "MissingInputs",
    "TriedInputs",
    "DuplicateRequests",
}


def by_function(root: Path = ROOT) -> dict[str, set[str]]:
    """The metrics of each function that works as it should."""
    found = {}
    shared = _names((root / "shared" / "src" / "transform").rglob("*.rs"))
    for folder in sorted((root / "functions").iterdir()):
        if not (folder / "src").is_dir():
            continue
        names = _names((folder / "src").rglob("*.rs"))
        if folder.name in TRANSFORMS:
            names |= shared
        found[folder.name] = (names - RARE) | {ALWAYS}
    return found


def _names(sources) -> set[str]:
    names = set()
    for source in sources:
        names.update(WRITTEN.findall(source.read_text(encoding="utf-8")))
    return names
