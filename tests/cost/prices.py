"""Prices, quotas and measured numbers, as they are in the files beside this one."""

import json
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Prices:
    """Public list prices of a region."""

    region: str
    meters: dict[str, dict]

    def dollars(self, meter: str, quantity: float) -> float:
        """What so much of something costs, used in one month."""
        price = self.meters[meter]
        total, from_quantity = 0.0, 0.0
        for up_to, dollars in price["tiers"]:
            end = quantity if up_to is None else min(quantity, up_to)
            total += max(0.0, end - from_quantity) / price["per"] * dollars
            from_quantity = end
        return total


def prices(path: Path = HERE / "prices.json") -> Prices:
    """The prices of a file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Prices(document["region"], document["meters"])


def quotas(path: Path = HERE / "quotas.json") -> dict[str, float]:
    """AWS's limits by their names."""
    return {name: quota["value"] for name, quota in json.loads(path.read_text(encoding="utf-8"))["quotas"].items()}


def measured(path: Path = HERE / "measured.json", given: dict[str, float] | None = None) -> dict[str, float]:
    """The measured numbers by their names, some of them as given."""
    values = {name: entry["value"] for name, entry in json.loads(path.read_text(encoding="utf-8"))["values"].items()}
    unknown = sorted(set(given or {}) - set(values))
    if unknown:
        raise ValueError(f"{path.name} has no {', '.join(unknown)}")
    return {**values, **(given or {})}


def taken_as_given(path: Path = HERE / "measured.json") -> list[str]:
    """The names of the numbers that nobody measured, in the order of their names."""
    entries = json.loads(path.read_text(encoding="utf-8"))["values"]
    return sorted(name for name, entry in entries.items() if entry["source"].startswith("taken as given"))
