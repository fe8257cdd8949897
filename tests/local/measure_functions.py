"""Measures every function's start, memory and size, on the stack that `make up` deployed.

    measure_functions.py [--starts 7] [--json FILE] [--built FOLDER] [--emulator FILE] [--no-samples] [function ...]

A start is what Lambda calls Init: from the moment a process is made until it asks for its first event. Each is made several times,
the functions in turn, so that what else the machine does falls on all of them; the files are read once before. The time passes
while a function waits for the local AWS too (some fetch a key or a table at their start) and grows with what else runs; the
processor's time does not wait and is the steadier number. Memory is the most that was resident until the first event was asked for
(the highest of the starts), and until all the function's samples in events/ were answered, in one process, one after another.
Pages of the program that were touched count: `own` is without them. A package is zipped as `sam deploy` does. The Runtime Interface
Emulator starts each function once, with its first sample; its number is there for comparison, where the SAM CLI is installed.

The variables are those of the deployed function. Expects what `make -s env` prints. Runs on Linux.
"""

import argparse
import json
import os
import statistics
import sys
import uuid
import zlib
from pathlib import Path

from aws import ROOT
from invoke import (
    SampleError,
    TRANSFORM_SAMPLE,
    a_queue,
    configuration_of,
    objects_of,
    receive,
    with_data_files,
    with_objects,
)
from runtime_api import StartError, emulated_init, emulator, started

INIT_MILLISECONDS = 30
LIGHT_MEGABYTES = 40
# They hold rows, or a table's metadata, in memory: everything else is light.
HEAVY = {"segment-transform", "database-transform", "google-ads-transform", "lake-commit", "report"}
AWS_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
COLUMNS = (
    ("package MB", "package", 1),
    ("bootstrap MB", "bootstrap", 1),
    ("init ms", "init", 1),
    ("worst ms", "worst_init", 1),
    ("emulator's ms", "emulated_init", 1),
    ("processor ms", "cpu", 1),
    ("peak MB after init", "peak_after_init", 1),
    ("own MB", "own_after_init", 1),
    ("peak MB after samples", "peak_after_samples", 1),
    ("own MB", "own_after_samples", 1),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("functions", nargs="*", metavar="function", help="all, if none is named")
    parser.add_argument("--starts", type=int, default=7, help="of each function")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument("--built", type=Path, default=ROOT / "target" / "lambda", help="where the functions were built")
    parser.add_argument("--emulator", type=Path, default=emulator(), help="the Runtime Interface Emulator; the SAM CLI's, if not given")
    parser.add_argument("--no-samples", action="store_true", help="start only; nothing is changed on the stack")
    arguments = parser.parse_args()
    known = sorted(folder.name for folder in (ROOT / "functions").iterdir())
    functions = arguments.functions or known
    if unknown := set(functions) - set(known):
        parser.error(f"there is no function {', '.join(sorted(unknown))}")
    bootstraps = {function: (arguments.built / function / "bootstrap").resolve() for function in functions}
    if missing := [function for function, bootstrap in bootstraps.items() if not bootstrap.exists()]:
        parser.error(f"not built: {', '.join(missing)}; `make build` first")
    say("looking at the packages")
    rows = {function: sizes(bootstraps[function]) for function in functions}
    variables = {function: lambda_variables(function) for function in functions}
    measure_starts(arguments.starts, bootstraps, variables, rows)
    if not arguments.no_samples:
        for function in functions:
            measure_samples(function, bootstraps, variables, arguments.emulator, rows[function])
    print(table(rows))
    print(summary(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def sizes(bootstrap: Path) -> dict:
    """Reading the file warms it as well."""
    body = bootstrap.read_bytes()
    compressor = zlib.compressobj(wbits=-15)
    zipped = len(compressor.compress(body)) + len(compressor.flush())
    return {"package": zipped / 1e6, "bootstrap": len(body) / 1e6}


def lambda_variables(function: str) -> dict[str, str]:
    """What a function finds in Lambda, and nothing of the caller's."""
    name = os.environ.get(f"{function.replace('-', '_').upper()}_FUNCTION_NAME", function)
    configuration = configuration_of(function)
    lambda_own = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": "bootstrap",
        "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "measure",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    pointers = {name: os.environ[name] for name in AWS_VARIABLES if name in os.environ}
    return lambda_own | pointers | configuration["Environment"]["Variables"]


def arn_of(function: str) -> str:
    return os.environ.get(f"{function.replace('-', '_').upper()}_FUNCTION_ARN", f"arn:aws:lambda:us-east-1:000000000000:function:{function}")


def measure_starts(times: int, bootstraps: dict[str, Path], variables: dict[str, dict], rows: dict[str, dict]) -> None:
    starts = {function: [] for function in rows}
    for turn in range(times):
        say(f"starting every function, {turn + 1} of {times}")
        for function, found in starts.items():
            try:
                with started(bootstraps[function], variables[function], arn_of(function)) as start:
                    found.append((start.milliseconds, start.cpu_milliseconds, start.memory["peak"], start.memory["own"]))
            except StartError as error:
                rows[function]["error"] = str(error)
                say(f"{function} {error}")
    for function, found in starts.items():
        if found:
            init, cpu, peak, own = zip(*found)
            rows[function] |= {"init": statistics.median(init), "worst_init": max(init), "cpu": statistics.median(cpu)}
            rows[function] |= {"peak_after_init": max(peak), "own_after_init": max(own), "starts": found}


def measure_samples(
    function: str, bootstraps: dict[str, Path], variables: dict[str, dict], program: Path | None, row: dict
) -> None:
    """Every sample to one process; the first of them once more behind the emulator."""
    try:
        events = [event_of(function, sample, bootstraps, variables) for sample in samples_of(function)]
        with started(bootstraps[function], variables[function], arn_of(function)) as start:
            answers = [start.invoke(event) for event in events]
            memory = start.memory_now()
        row |= {"peak_after_samples": memory["peak"], "own_after_samples": memory["own"]}
        failed = [answer.decode(errors="replace")[:200] for is_good, answer in answers if not is_good]
        say(f"{function}: {len(answers)} samples" + "".join(f"\n  failed: {answer}" for answer in failed))
        if program:
            row["emulated_init"] = emulated_init(program, bootstraps[function], variables[function], events[0])
    except (StartError, SampleError) as error:
        row["error"] = str(error)
        say(f"{function}: {error}")


def samples_of(function: str) -> list[Path]:
    return sorted((ROOT / "events" / function).glob("*.json"))


def event_of(function: str, sample: Path, bootstraps: dict[str, Path], variables: dict[str, dict]) -> dict:
    """A sample as `make invoke` sends it, its objects put where it names them."""
    token = uuid.uuid4().hex
    if function == "attribute":
        return with_data_files(sample, objects_of(sample), token)
    if function == "lake-commit":
        return with_requests(sample, token, bootstraps, variables)
    return with_objects(sample, objects_of(sample), token)


def with_requests(sample: Path, token: str, bootstraps: dict[str, Path], variables: dict[str, dict]) -> dict:
    """A commit request and its data files are made by segment-transform, which starts for that here."""
    event = json.loads(sample.read_text())
    if not objects_of(sample).exists():
        return event
    transform = "segment-transform"
    bootstrap = bootstraps["lake-commit"].parents[1] / transform / "bootstrap"
    with a_queue(f"sample-{token}.fifo") as queue:
        settings = (variables.get(transform) or lambda_variables(transform)) | {"COMMITS_QUEUE_URL": queue}
        with started(bootstrap, settings, arn_of(transform)) as start:
            start.invoke(with_objects(TRANSFORM_SAMPLE, objects_of(sample), token))
        for record in event["Records"]:
            record["body"] = receive(queue)
    return event


def table(rows: dict[str, dict]) -> str:
    lines = ["| function | " + " | ".join(title for title, _, _ in COLUMNS) + " |", "|---" + "|---:" * len(COLUMNS) + "|"]
    for function, row in rows.items():
        cells = (f"{row[field]:.{digits}f}" if field in row else "" for _, field, digits in COLUMNS)
        lines.append(f"| `{function}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(rows: dict[str, dict]) -> str:
    slow = [f"{function} ({row['init']:.0f})" for function, row in rows.items() if row.get("init", 0) > INIT_MILLISECONDS]
    large = [
        f"{function} ({row['peak_after_samples']:.0f})"
        for function, row in rows.items()
        if function not in HEAVY and row.get("peak_after_samples", 0) > LIGHT_MEGABYTES
    ]
    broken = [f"{function}: {row['error']}" for function, row in rows.items() if "error" in row]
    lines = [
        "",
        f"Init over {INIT_MILLISECONDS} ms: {', '.join(slow) or 'none'}.",
        f"Light functions over {LIGHT_MEGABYTES} MB after their samples: {', '.join(large) or 'none'}.",
    ]
    return "\n".join(lines + [f"Not measured to the end: {line}" for line in broken])


def say(message: str) -> None:
    print(f"measure: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SampleError as error:
        sys.exit(f"measure: {error}")
