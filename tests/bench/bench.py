"""The same job by this project and by others, checked to be equal and then measured side by side.

    bench.py [--engines tributary,duckdb,polars,pyarrow,chdb] [--inputs segment,segment-gzip,google-ads-csv,dms-csv,dms-parquet]
             [--threads 1,2] [--rounds 3] [--records N] [--json FILE]

The job is that of jobs.py. The files are made from a seed under target/bench/ where they are not yet. Each engine does the job once and what it
wrote is compared with what this project did, on the very file; whoever fails or differs is reported as such and not measured, and where this
project did not do the job nobody is. Then come the rounds, each of every engine in turn and every run in a process of its own, on one core or
two. The table has the medians of this run, and so have the ratios below it. Exit code 1 if anything was asked for and not measured.

Expects the programs that `cargo build --release` makes of this project's benchmark, or others by --ours and --generate.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import inputs
from jobs import INPUTS, ROOT
from measure import Measured, measure
from run import ENGINES
from summary import OURS, Case, goals, medians, notes, table

HOME = ROOT / "target" / "bench"
HERE = Path(__file__).resolve().parent
KEY = b"what is measured hides nobody\n"
# Where cargo puts programs, which is told as it is told to the Makefile. From ROOT, where all commands are run.
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR") or "target") / "release"
GENERATE = shlex.quote(f"{RELEASE}/generate") + " {kind} {records} {file}"
# As the template sets it for the functions: see there.
OURS_COMMAND = (
    f"env MALLOC_MMAP_THRESHOLD_=16384 {shlex.quote(f'{RELEASE}/dry-run')}"
    " --source {source} --threads {threads} --key-file {key} --out {target} {files}"
)


def main() -> int:
    asked = arguments()
    cases = [Case(made, threads, engine) for made in asked.inputs for threads in asked.threads for engine in asked.engines]
    (HOME / "log").mkdir(parents=True, exist_ok=True)
    (HOME / "key").write_bytes(KEY)
    files, problems = {}, {}
    for name in asked.inputs:
        try:
            files[name] = make_files(name, asked)
        except NoFile as error:
            problems.update({case: f"no file: {error}" for case in cases if case.input == name})
    check(files, asked, problems)
    runs, starts = rounds(cases, files, asked, problems)
    found = medians({case: measured for case, measured in runs.items() if case not in problems})
    start = medians(starts)
    versions = ", ".join(f"{package} {version(package)}" for package in (*ENGINES, "orjson"))
    print(f"Medians of {asked.rounds} {'round' if asked.rounds == 1 else 'rounds'}; {versions}.\n")
    print(table(cases, found, problems) + "\n")
    print("\n".join(notes(start)) + "\n")
    print("\n".join(goals(found, start)))
    if asked.json:
        asked.json.write_text(json.dumps(report(cases, runs, starts, problems), indent=2) + "\n")
    for case, problem in problems.items():
        progress(f"{label(case)}: {problem}")
    return 1 if problems else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", type=some_of((OURS, *ENGINES)), default=[OURS, *ENGINES])
    parser.add_argument("--inputs", type=some_of(INPUTS), default=list(INPUTS))
    parser.add_argument("--threads", type=lambda text: [int(number) for number in text.split(",")], default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, help="records of every file; each has its own number else")
    parser.add_argument("--json", type=Path, help="where every run goes")
    parser.add_argument("--ours", default=OURS_COMMAND, help=f"command that does the job; else {OURS_COMMAND}")
    parser.add_argument("--generate", default=GENERATE, help=f"command that makes a file; else {GENERATE}")
    return parser.parse_args()


def some_of(known):
    """Reads a list of names, each of which must be known."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(known)}")
        return names

    return read


def make_files(name: str, asked: argparse.Namespace) -> Path:
    """The file of an input, made where it is not yet, with the parts that this project reads on several cores."""
    made = INPUTS[name]
    records = asked.records or made.records
    file = inputs.file_of(made, records, HOME)
    parts = [number for number in asked.threads if number > 1]
    if all(one.exists() for one in (file, *(part for number in parts for part in inputs.parts_of(made, file, number)))):
        return file
    progress(f"making {file.relative_to(ROOT)}")
    command = [sys.executable, HERE / "inputs.py", name, HOME, "--records", records, "--generate", asked.generate, "--parts", *parts]
    done = subprocess.run([str(part) for part in command], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise NoFile((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    return file


class NoFile(Exception):
    """A file that cannot be made."""


def check(files: dict[str, Path], asked: argparse.Namespace, problems: dict[Case, str]) -> None:
    """Has every engine do the job once, and compares what it wrote with what this project did. Nobody else is ever what others are compared with."""
    for name, file in files.items():
        for threads in asked.threads:
            ours, others = Case(name, threads, OURS), [Case(name, threads, engine) for engine in asked.engines if engine != OURS]
            if missing := no_reference(ours, file, asked, problems):
                problems.update({other: f"not compared: {missing}" for other in others})
                progress(f"{label(ours)}: {problems.get(ours, missing)}")
            else:
                for other in others:
                    if found := run(other, file, asked).problem or difference(name, target(ours), target(other)):
                        problems[other] = found
                    progress(f"{label(other)}: {problems.get(other, 'equal')}")
                    shutil.rmtree(target(other), ignore_errors=True)
            shutil.rmtree(target(ours), ignore_errors=True)


def no_reference(ours: Case, file: Path, asked: argparse.Namespace, problems: dict[Case, str]) -> str | None:
    """Does the job by this project, and tells why there is nothing to compare with."""
    if OURS not in asked.engines:
        return f"{OURS} is not among the engines"
    if found := run(ours, file, asked).problem:
        problems[ours] = found
        return f"{OURS} failed"
    return None


def difference(name: str, one: Path, other: Path) -> str | None:
    """What differs, in a process of its own: it takes memory that others shall have. All of it is in a file; the first of it is given."""
    done = subprocess.run([sys.executable, HERE / "equal.py", name, one, other], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = (done.stdout + done.stderr).strip().splitlines()
    everything = HOME / "log" / f"{other.name}-differs.txt"
    everything.write_text("\n".join(lines) + "\n")
    return f"not equal: {(lines or ['?'])[0].removeprefix(f'{other}: ')}; {len(lines)} lines in {everything.relative_to(ROOT)}"


def rounds(
    cases: list[Case], files: dict[str, Path], asked: argparse.Namespace, problems: dict[Case, str]
) -> tuple[dict[Case, list[Measured]], dict[str, list[Measured]]]:
    """Measures every case so many times, in turns, so that what else the machine does meets all alike; and the start of every other engine."""
    runs: dict[Case, list[Measured]] = {case: [] for case in cases if case not in problems}
    starts: dict[str, list[Measured]] = {case.engine: [] for case in runs if case.engine != OURS}
    for number in range(1, asked.rounds + 1):
        for case in runs:
            if case in problems:
                continue
            measured = run(case, files[case.input], asked)
            shutil.rmtree(target(case), ignore_errors=True)
            progress(f"round {number}/{asked.rounds}  {label(case)}: {measured.problem or took(measured)}")
            if measured.problem:
                problems[case] = measured.problem
            else:
                runs[case].append(measured)
        for engine, found in starts.items():
            measured = measure([sys.executable, HERE / "run.py", engine], 1, HOME / "log" / f"start-{engine}.txt", ROOT)
            progress(f"round {number}/{asked.rounds}  start of {engine}: {measured.problem or took(measured)}")
            found.extend([] if measured.problem else [measured])
    return runs, starts


def took(measured: Measured) -> str:
    return f"{measured.wall_seconds:.2f} s, CPU {measured.cpu_seconds:.2f} s, {measured.peak_megabytes:.0f} MB"


def run(case: Case, file: Path, asked: argparse.Namespace) -> Measured:
    """The job once, into an empty folder, out of a file that is in memory already."""
    shutil.rmtree(target(case), ignore_errors=True)
    target(case).mkdir(parents=True)
    made = INPUTS[case.input]
    # One function reads one object: two of them at once are two objects of half the size.
    files = inputs.parts_of(made, file, case.threads) if case.engine == OURS and case.threads > 1 else [file]
    for one in files:
        with one.open("rb") as source:
            while source.read(1 << 24):
                pass
    if case.engine == OURS:
        quoted = {"key": shlex.quote(str(HOME / "key")), "target": shlex.quote(str(target(case))), "files": shlex.join(map(str, files))}
        command = shlex.split(asked.ours.format(source=made.source, threads=case.threads, **quoted))
    else:
        command = [sys.executable, HERE / "run.py", case.engine, case.input, file, target(case), "--threads", str(case.threads), "--key-file", HOME / "key"]
    log = HOME / "log" / f"{case.input}-{case.threads}-{case.engine}.txt"
    return measure([str(part) for part in command], case.threads, log, ROOT, target(case))


def target(case: Case) -> Path:
    return HOME / "output" / f"{case.input}-{case.threads}-{case.engine}"


def report(cases: list[Case], runs: dict[Case, list[Measured]], starts: dict[str, list[Measured]], problems: dict[Case, str]) -> dict:
    """Every run of every case, and every start of an engine."""
    found = [asdict(case) | {"problem": problems.get(case), "runs": [asdict(one) for one in runs.get(case, [])]} for case in cases]
    return {"cases": found, "starts": {engine: [asdict(one) for one in measured] for engine, measured in starts.items()}}


def label(case: Case) -> str:
    return f"{case.input}, {case.threads} {'core' if case.threads == 1 else 'cores'}, {case.engine}"


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
