"""What a volume costs. Pure: prices, the stack, measured numbers and a volume in, dollars out."""

from dataclasses import dataclass

import rest
from flow import Flow, Volume, flow
from prices import Prices
from steps import Counting, Step, steps
from template import DAYS_A_MONTH, Stack


@dataclass(frozen=True)
class World:
    """Everything that a cost depends on but the volume."""

    stack: Stack
    prices: Prices
    measured: dict[str, float]
    quotas: dict[str, float]
    metrics: dict[str, set[str]]


@dataclass(frozen=True)
class Cost:
    """What a volume costs, in dollars a month."""

    volume: Volume
    flow: Flow
    steps: list[Step]
    # By step, then by meter.
    dollars: dict[str, dict[str, float]]
    rest: float

    @property
    def traffic_a_month(self) -> float:
        """Without what is paid in any case."""
        return sum(sum(meters.values()) for meters in self.dollars.values())

    @property
    def total_a_month(self) -> float:
        """With what is paid in any case."""
        return self.rest + self.traffic_a_month

    @property
    def per_million(self) -> float:
        """Dollars for a million events, at this volume."""
        return self.traffic_a_month / (self.volume.events_a_day * DAYS_A_MONTH / 1e6)

    def step_per_million(self, name: str) -> float:
        """Of these, a step's."""
        return sum(self.dollars.get(name, {}).values()) / (self.volume.events_a_day * DAYS_A_MONTH / 1e6)

    def by_meter(self) -> dict[str, float]:
        """Dollars a month by what they are paid for, the most first."""
        found: dict[str, float] = {}
        for meters in self.dollars.values():
            for meter, dollars in meters.items():
                found[meter] = found.get(meter, 0) + dollars
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def cost(world: World, volume: Volume) -> Cost:
    """What a volume costs that comes every day.

    Where something is the cheaper the more is used of it, every step has its part of that. Storage is what a month of
    days leaves behind, for as long as it stays: in the long run that is the month's bill.
    """
    flowing = flow(volume, world.stack, world.measured, world.quotas)
    counting = Counting(volume, flowing, world.stack, world.measured, world.metrics)
    found = steps(counting)
    used: dict[str, float] = {}
    for step in found:
        for meter, quantity in step.uses.items():
            used[meter] = used.get(meter, 0) + quantity
    each = {}
    for meter, quantity in used.items():
        each[meter] = world.prices.dollars(meter, quantity * DAYS_A_MONTH) / quantity if quantity else 0.0
    dollars = {step.name: {meter: quantity * each[meter] for meter, quantity in step.uses.items()} for step in found}
    at_rest = rest.total(rest.items(world.stack, world.prices, world.measured, world.metrics))
    return Cost(volume, flowing, found, dollars, at_rest)


def concurrency(found: Cost) -> dict[str, float]:
    """How many environments of each function are at work at the peak: arrivals a second times seconds."""
    at_once = {step.name: found.flow.a_second(step.invocations) * step.seconds for step in found.steps if step.invocations}
    # A FIFO queue gives a table's requests to one environment at a time.
    at_once["lake-commit"] = min(at_once["lake-commit"], found.flow.datasets_a_file)
    return at_once
