"""The page: what it costs at rest and at work, and which limits are met first. Markdown."""

from collections.abc import Sequence
from dataclasses import replace

import rest
from flow import Flow, Volume, merged_manifest_gigabytes
from limits import Limit, glue_calls_a_second, limits
from model import Cost, World, concurrency, cost
from prices import taken_as_given
from template import read

VOLUMES = (1e6, 1e9, 1e10)
PATHS = {"file": "by file", "api": "by API"}
# From here on a limit is worth telling of.
NEAR = 0.5
MOST_LIMITS = 6
# What things are paid for, as people call them.
METERS = {
    "lambda": "Lambda",
    "s3": "S3",
    "sqs": "SQS",
    "sns": "SNS",
    "dynamodb": "DynamoDB",
    "custom": "custom metrics",
    "log": "logs",
    "key": "keys",
    "secret": "secrets",
    "glue": "Glue",
    "traces": "X-Ray",
}


def dollars(amount: float) -> str:
    """An amount with as many digits as say something."""
    if amount >= 1_000:
        return f"${amount:,.0f}"
    if amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= 0.00005 else "$0"


def number(value: float) -> str:
    """A number with as many digits as say something."""
    if value >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 1 else f"{value:.2g}"


def events(count: float) -> str:
    """`1 million`, `10 billion`."""
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{count / size:g} {word}"
    return f"{count:,.0f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; what is not in the first column or in words stands to the right."""
    right = []
    for position in range(len(heads)):
        cells = [row[position].strip("*") for row in rows]
        right.append(position > 0 and all(cell[:1] in "$0123456789" for cell in cells))
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join("--:" if is_right else "---" for is_right in right) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def page(world: World, volume: Volume) -> str:
    """The whole page; of the volume given, everything but how much comes and how."""
    costs = [cost(world, replace(volume, events_a_day=count, path=path)) for path in PATHS for count in VOLUMES]
    by_volume = [_title(found) for found in costs]
    parts = [
        "### At rest",
        f"List prices of {world.prices.region} without the free tier, {world.stack.architecture}, a month of 30 days in which nothing comes:",
        at_rest(world),
        "### Per million events",
        _given(volume),
        table(["a million events, at so many a day", *by_volume], _per_million(costs)),
        "Of that, what it is paid for:",
        table(["", *by_volume], _by_service(costs)),
        _attribution(world, volume),
        "### At 1 million, 1 billion and 10 billion events a day",
        table(
            ["events a day", "files", "commits a table", "at once, at the peak", "a day", "a month, with what rests", "a million"],
            [_volume_row(found) for found in costs],
        ),
        _without_repeats(costs),
        "How much of a limit is used, where that is half of it or more somewhere; what is met first is bold:",
        table(["limit", *by_volume, "what to do"], _limit_rows(world, costs)),
        _far_limits(world, costs),
        _small_files(world, volume),
        _how_sure(world, volume),
        _not_counted(),
    ]
    return "\n\n".join(parts) + "\n"


def at_rest(world: World) -> str:
    """The table of a month without events."""
    items = rest.items(world.stack, world.prices, world.measured, world.metrics)
    rows = [[item.name, dollars(item.dollars), item.counted] for item in items]
    return table(["", "a month", "counted"], [*rows, ["**together**", f"**{dollars(rest.total(items))}**", ""]])


def one(world: World, found: Cost) -> str:
    """What a single volume costs."""
    rows = [[step.name, dollars(sum(found.dollars[step.name].values())), dollars(found.step_per_million(step.name))] for step in found.steps]
    rows.append(["at rest", dollars(found.rest), ""])
    rows.append(["**together**", f"**{dollars(found.total_a_month)}**", f"**{dollars(found.per_million)}**"])
    near = [_limit_row(limit) for limit in limits(world, found)[:MOST_LIMITS]]
    parts = [
        f"{_title(found)} a day: {number(found.flow.files)} files, {number(found.flow.commits_a_table)} commits a table.",
        table(["", "a month", "a million events"], rows),
        table(["limits, those that are met first at the front", "used", "what to do"], near),
    ]
    return "\n\n".join(parts) + "\n"


def _title(found: Cost) -> str:
    return f"{events(found.volume.events_a_day)} {PATHS[found.volume.path]}"


def _given(volume: Volume) -> str:
    return (
        f"Events of {number(volume.event_bytes)} bytes, of {volume.sources} source; files of Segment with {number(volume.file_megabytes)} MB of gzip, "
        f"at least one an hour; requests with {volume.batch} messages. Storage is counted for as long as it stays, rows in the lake for "
        f"{number(volume.lake_months)} months: in the long run that is the month's bill."
    )


def _per_million(costs: list[Cost]) -> list[list[str]]:
    names = list(dict.fromkeys(step.name for found in reversed(costs) for step in found.steps))
    rows = []
    for name in names:
        cells = [dollars(found.step_per_million(name)) if name in found.dollars else "" for found in costs]
        rows.append([name, *cells])
    return [*rows, ["**together**", *[f"**{dollars(found.per_million)}**" for found in costs]]]


def _by_service(costs: list[Cost]) -> list[list[str]]:
    sums: dict[str, list[float]] = {}
    for position, found in enumerate(costs):
        for meter, amount in found.by_meter().items():
            service = METERS[meter.split("_")[0]]
            sums.setdefault(service, [0.0] * len(costs))[position] += amount / found.traffic_a_month
    ordered = sorted(sums.items(), key=lambda item: -sum(item[1]))
    # What is a hundredth nowhere says nothing.
    return [[service, *[f"{share:.0%}" for share in shares]] for service, shares in ordered if max(shares) >= 0.005]


def _volume_row(found: Cost) -> list[str]:
    at_once = concurrency(found)
    most = max(at_once, key=lambda name: at_once[name])
    return [
        _title(found),
        number(found.flow.files),
        number(found.flow.commits_a_table),
        f"{number(sum(at_once.values()))}, of these {number(at_once[most])} {most}",
        dollars(found.traffic_a_month / 30),
        dollars(found.total_a_month),
        dollars(found.per_million),
    ]


def _share(share: float) -> str:
    return f"{share:.0%}" if share < 10 else f"{share:,.0f} times"


def _limit_row(limit: Limit) -> list[str]:
    return [limit.name, f"{_share(limit.share)}: {number(limit.used)} of {number(limit.most)} {limit.unit}", limit.then]


def _limit_rows(world: World, costs: list[Cost]) -> list[list[str]]:
    """A row a limit that is near somewhere; what is met first in a column is bold."""
    shares: dict[str, list[float]] = {}
    advice = {}
    for position, found in enumerate(costs):
        for limit in limits(world, found):
            shares.setdefault(limit.name, [0.0] * len(costs))[position] = limit.share
            advice[limit.name] = limit.then
    near = {name: row for name, row in shares.items() if max(row) >= NEAR}
    rows = []
    for name, row in sorted(near.items(), key=lambda item: -max(item[1])):
        cells = []
        for position, share in enumerate(row):
            is_first = share == max(other[position] for other in shares.values())
            cells.append(f"**{_share(share)}**" if is_first else _share(share))
        rows.append([name, *cells, advice[name]])
    return rows


def _far_limits(world: World, costs: list[Cost]) -> str:
    most: dict[str, float] = {}
    for found in costs:
        for limit in limits(world, found):
            most[limit.name] = max(most.get(limit.name, 0.0), limit.share)
    far = [f"{name} ({share:.0%})" for name, share in sorted(most.items(), key=lambda item: -item[1]) if 0.005 <= share < NEAR]
    calls = max(glue_calls_a_second(found) for found in costs)
    return (
        f"Less than half used everywhere: {'; '.join(far)}. Of Glue's calls AWS publishes no limit; at the most there are {number(calls)} "
        "a second, and refused ones are repeated."
    )


def _without_repeats(costs: list[Cost]) -> str:
    without = [_title(found) for found in costs if not found.flow.looks_back]
    said = "All is reckoned as though the limits below were lifted, but for one."
    if without:
        said += f" Repeats in other files are not looked for with {', '.join(without)}: their keys do not fit into the memory of `lake-commit`."
    return said


def _attribution(world: World, volume: Volume) -> str:
    billion = replace(volume, events_a_day=1e9, path="file")
    none = {**world.measured, "touch_share": 0.0, "identify_share": 0.0}
    with_it, without = cost(world, billion), cost(replace(world, measured=none), billion)
    touches, identifies = world.measured["touch_share"], world.measured["identify_share"]
    return (
        "Most of it is `attribute`, which keeps each touch and each link between names in DynamoDB: "
        f"with touches in {touches:.0%} of the events and identifies in {identifies:.0%}, "
        f"a million events of a billion by file cost {dollars(with_it.per_million)}, and {dollars(without.per_million)} with neither."
    )


def _small_files(world: World, volume: Volume) -> str:
    """What the window of the inbox does, and what happens where nobody looks after the tables."""
    small = replace(volume, events_a_day=1e6, path="api")
    given = {**world.stack.parameters, "InboxWindowSeconds": "300"}
    window, wide = cost(world, small), cost(replace(world, stack=read(given)), small)
    gathered = f"{world.stack.functions['land'].window_seconds} seconds"
    month = ", or ".join(_unmaintained(found.flow, world) for found in (window, wide))
    return (
        "What is paid by file and not by event is much where files are small: "
        f"1 million events a day by API cost {dollars(window.traffic_a_month)} a month where they are gathered for {gathered}, "
        f"and {dollars(wide.traffic_a_month)} with `InboxWindowSeconds=300`. Tables are taken to be compacted, and files "
        "that nothing names to be deleted, every day (Athena's `OPTIMIZE` and `VACUUM`, which cost what they scan). Where nobody does, `lake-commit` "
        "still keeps a table's metadata small, and a commit leaves no more behind than the one before it. But data files stay as small as they "
        f"came, for every query to open, and manifests that were merged into others stay in the bucket: of each table, after a month, {month}."
    )


def _unmaintained(found: Flow, world: World) -> str:
    """What a month leaves of a table that nobody looks after."""
    manifests = merged_manifest_gigabytes(found, 30, world.measured)
    return f"{number(found.files * 30)} data files and {number(manifests)} GB of manifests with {number(found.commits_a_table)} commits a day"


def _how_sure(world: World, volume: Volume) -> str:
    """What the numbers are worth that were not measured on AWS."""
    slower = {name: value * (2 if "milliseconds" in name else 1) for name, value in world.measured.items()}
    more = []
    for path in PATHS:
        for count in VOLUMES:
            asked = replace(volume, events_a_day=count, path=path)
            more.append(cost(replace(world, measured=slower), asked).per_million / cost(world, asked).per_million - 1)
    given = taken_as_given()
    return (
        f"Of {len(world.measured)} numbers about the functions, {len(world.measured) - len(given)} were measured or follow from the code, {len(given)} are "
        "taken as given; `measured.json` says which, and `--measured NAME=VALUE` tries another. Durations were measured with the local AWS, which answers sooner than "
        f"AWS does: were every invocation twice as long, a million events would cost {min(more):.0%} to {max(more):.0%} more."
    )


def _not_counted() -> str:
    return (
        "Reckoned with Segment's events alone: orders, changes of databases and reports of Google Ads take the same way, and are few beside them. "
        "Not counted: retries, incidents and what people ask for; `report`, which reads the days that changed every quarter of an hour; "
        "requests of those who read the lake; data sent out of the region (none is); "
        "Savings Plans; the free tier. "
        "Prices: `tests/cost/prices.json`; limits: `quotas.json`; measured numbers and what is taken as given: `measured.json`. "
        "Your own: `make cost ARGUMENTS=\"--events-a-day 5e6 --path api --batch 20\"`."
    )
