"""What was measured, as a table and against the goals."""

from dataclasses import dataclass
from statistics import median

from jobs import INPUTS, ZSTD_LEVEL
from measure import Measured

OURS = "tributary"
NAMES = {OURS: "**Tributary**", "duckdb": "DuckDB", "polars": "Polars", "pyarrow": "PyArrow + orjson", "chdb": "chDB"}
# Those that the table has as a ratio too.
COMPARED = ("wall_seconds", "cpu_seconds", "peak_megabytes")
MEASURES = (*COMPARED, "output_megabytes")


@dataclass(frozen=True)
class Case:
    """An engine, a file and so many cores."""

    input: str
    threads: int
    engine: str


@dataclass(frozen=True)
class Goal:
    """How many times the processor's time of this project, on one core, another engine is to take; and what is hoped for beyond, if anything is."""

    engine: str
    input: str
    least: float
    stretch: float | None


GOALS = (
    Goal("duckdb", "segment", 2.5, 4),
    Goal("duckdb", "segment-gzip", 2.5, 3),
    Goal("duckdb", "google-ads-csv", 2, None),
    Goal("duckdb", "dms-csv", 2, None),
)
# Of ours on one core, whatever the file. A megabyte is a million bytes here, so it is less than the 128 MB of a function.
MOST_MEGABYTES = 128


def medians(runs: dict) -> dict:
    """The median of each measure over the runs of a case, or of an engine's start."""
    return {one: {name: median(getattr(run, name) for run in found) for name in MEASURES} for one, found in runs.items() if found}


def table(cases: list[Case], found: dict[Case, dict[str, float]], problems: dict[Case, str]) -> str:
    """A row a case: the medians, and how many times ours they are."""
    lines = [
        "| file | cores | engine | wall s | CPU s | peak MB | output MB | wall ÷ ours | CPU ÷ ours | peak ÷ ours |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case in cases:
        start = f"| {case.input} | {case.threads} | {NAMES[case.engine]} |"
        if case not in found:
            lines.append(f"{start} {problems.get(case, 'not measured').splitlines()[0].replace('|', '/')[:160]} | | | | | | |")
            continue
        one = found[case]
        ratios = [ratio(case, name, found) for name in COMPARED]
        shown = " | ".join(f"{value:.2f}" if value else "" for value in ratios)
        measured = f"{one['wall_seconds']:.2f} | {one['cpu_seconds']:.2f} | {one['peak_megabytes']:.0f} | {one['output_megabytes']:.1f}"
        lines.append(f"{start} {measured} | {shown} |")
    return "\n".join(lines)


def ratio(case: Case, name: str, found: dict[Case, dict[str, float]]) -> float | None:
    """How many times what ours took a case took; none where either was not measured."""
    ours = found.get(Case(case.input, case.threads, OURS))
    return found[case][name] / ours[name] if ours and case in found and ours[name] else None


def notes(starts: dict[str, dict[str, float]]) -> list[str]:
    """What is to be known about the table."""
    lines = [
        f"On one core {NAMES[OURS]} reads one object, as one function does; on two it reads two objects of half the size at the same time, in one"
        " process. The others read the one file with as many threads (PyArrow + orjson: processes, for messages) as there are cores.",
        f"All write Parquet with zstd at level {ZSTD_LEVEL}. The output of {NAMES[OURS]} has the columns besides that the others were not asked for.",
    ]
    if starts:
        shown = "; ".join(f"{NAMES[engine]} {start_of(one)}" for engine, one in starts.items())
        lines.append(f"In every run of the others is the start of Python with its imports, which takes by itself: {shown}.")
    return lines


def start_of(one: dict[str, float]) -> str:
    return f"{one['wall_seconds']:.2f} s, CPU {one['cpu_seconds']:.2f} s, {one['peak_megabytes']:.0f} MB"


def goals(found: dict[Case, dict[str, float]], starts: dict[str, dict[str, float]]) -> list[str]:
    """A line a goal, all of medians of this run."""
    return [
        *(times_ours(goal, found, starts) for goal in GOALS),
        *(peak_of_ours(name, found) for name in INPUTS),
        *(two_cores_of_ours(name, found) for name in INPUTS),
    ]


def times_ours(goal: Goal, found: dict[Case, dict[str, float]], starts: dict[str, dict[str, float]]) -> str:
    case = Case(goal.input, 1, goal.engine)
    reached = ratio(case, "cpu_seconds", found)
    line = f"{NAMES[goal.engine]} CPU / ours on {goal.input}, one core"
    if reached is None:
        return f"{line}: not measured (goal {goal.least:g}{f', stretch {goal.stretch:g}' if goal.stretch else ''})"
    stretch = f"; stretch {goal.stretch:g}: {verdict(reached >= goal.stretch)}" if goal.stretch else ""
    return f"{line}: {reached:.2f}{without_start(case, found, starts)} (goal {goal.least:g}: {verdict(reached >= goal.least)}{stretch})"


def without_start(case: Case, found: dict[Case, dict[str, float]], starts: dict[str, dict[str, float]]) -> str:
    """What the ratio would be if Python were there already."""
    if case.engine not in starts:
        return ""
    took = found[case] | {"cpu_seconds": found[case]["cpu_seconds"] - starts[case.engine]["cpu_seconds"]}
    return f", {ratio(case, 'cpu_seconds', found | {case: took}):.2f} without its start"


def peak_of_ours(name: str, found: dict[Case, dict[str, float]]) -> str:
    one = found.get(Case(name, 1, OURS))
    line = f"Peak of ours on {name}, one core"
    if one is None:
        return f"{line}: not measured (goal {MOST_MEGABYTES} MB at most)"
    return f"{line}: {one['peak_megabytes']:.4g} MB (goal {MOST_MEGABYTES} MB at most: {verdict(one['peak_megabytes'] <= MOST_MEGABYTES)})"


def two_cores_of_ours(name: str, found: dict[Case, dict[str, float]]) -> str:
    """How many times as long one core takes as two."""
    one, two = (found.get(Case(name, cores, OURS)) for cores in (1, 2))
    shown = f"{one['wall_seconds'] / two['wall_seconds']:.2f}" if one and two else "not measured"
    return f"Wall of ours on {name}, one core / two cores: {shown} (goal near 2)"


def verdict(is_reached: bool) -> str:
    return "reached" if is_reached else "missed"
