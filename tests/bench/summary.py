"""What was measured, as a table and against the goals."""

from dataclasses import dataclass
from statistics import median

from measure import Measured

OURS = "tributary"
NAMES = {OURS: "**Tributary**", "duckdb": "DuckDB", "polars": "Polars", "pyarrow": "PyArrow + orjson", "chdb": "chDB"}
MEASURES = ("wall_seconds", "cpu_seconds", "peak_megabytes")


@dataclass(frozen=True)
class Case:
    """An engine, a file and so many cores."""

    input: str
    threads: int
    engine: str


@dataclass(frozen=True)
class Goal:
    """How many times what this project takes another engine is to take."""

    engine: str
    input: str
    threads: int
    measure: str
    least: float
    stretch: float


GOALS = (
    Goal("duckdb", "segment", 1, "cpu_seconds", 2.5, 4),
    Goal("duckdb", "segment-gzip", 1, "cpu_seconds", 2.5, 3),
    Goal("duckdb", "google-ads-csv", 1, "cpu_seconds", 2, 2),
    Goal("duckdb", "dms-csv", 1, "cpu_seconds", 2, 2),
)


def medians(runs: dict[Case, list[Measured]]) -> dict[Case, dict[str, float]]:
    """The median of each measure over the rounds of a case."""
    return {case: {name: median(getattr(run, name) for run in found) for name in MEASURES} for case, found in runs.items() if found}


def table(cases: list[Case], found: dict[Case, dict[str, float]], problems: dict[Case, str]) -> str:
    """A row a case: the medians, and how many times ours they are."""
    lines = [
        "| file | cores | engine | wall s | CPU s | peak MB | wall ÷ ours | CPU ÷ ours | peak ÷ ours |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for case in cases:
        start = f"| {case.input} | {case.threads} | {NAMES[case.engine]} |"
        if case in problems or case not in found:
            lines.append(f"{start} {problems.get(case, 'not measured').splitlines()[0].replace('|', '/')[:160]} | | | | | |")
            continue
        one = found[case]
        ratios = [ratio(case, name, found) for name in MEASURES]
        shown = " | ".join(f"{value:.2f}" if value else "" for value in ratios)
        lines.append(f"{start} {one['wall_seconds']:.2f} | {one['cpu_seconds']:.2f} | {one['peak_megabytes']:.0f} | {shown} |")
    return "\n".join(lines)


def ratio(case: Case, name: str, found: dict[Case, dict[str, float]]) -> float | None:
    """How many times what ours took a case took; none where either was not measured."""
    ours = found.get(Case(case.input, case.threads, OURS))
    return found[case][name] / ours[name] if ours and case in found and ours[name] else None


def goals(found: dict[Case, dict[str, float]]) -> list[str]:
    """A line a goal."""
    lines = []
    for goal in GOALS:
        reached = ratio(Case(goal.input, goal.threads, goal.engine), goal.measure, found)
        what = {"wall_seconds": "wall", "cpu_seconds": "CPU", "peak_megabytes": "peak"}[goal.measure]
        cores = "one core" if goal.threads == 1 else f"{goal.threads} cores"
        shown = "not measured" if reached is None else f"{reached:.2f}{verdict(reached, goal)}"
        lines.append(f"{NAMES[goal.engine]} {what} / ours on {goal.input}, {cores}: {shown} (goal {goal.least:g}, stretch {goal.stretch:g})")
    return lines


def verdict(reached: float, goal: Goal) -> str:
    if reached >= goal.stretch:
        return ", beyond the stretch"
    return ", reached" if reached >= goal.least else ", missed"
