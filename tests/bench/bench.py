"""The same job by this project and by others, checked to be equal and then measured side by side.

    bench.py [--engines tributary,duckdb,polars,pyarrow,chdb] [--inputs segment,segment-gzip,google-ads-csv,dms-csv,dms-parquet]
             [--threads 1,2] [--rounds 3] [--records N] [--json FILE]

The job is that of jobs.py. The files are made from a seed under target/bench/ where they are not yet. Each engine does the job once and what it
wrote is compared with what this project did, on the very file; whoever fails or differs is reported as such and not measured. Then come the
rounds, each of every engine in turn and every run in a process of its own, on one core or two. The table has the medians.

Expects the programs that `cargo build --release` makes of this project's benchmark, or others by --ours and --generate.
"""

import argparse
import gzip
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import inputs
from jobs import INPUTS, ROOT, Input
from measure import Measured, measure
from run import ENGINES
from summary import OURS, Case, goals, medians, table

HOME = ROOT / "target" / "bench"
HERE = Path(__file__).resolve().parent
KEY = b"what is measured hides nobody\n"
GENERATE = "target/release/generate {kind} {records} {file}"
# As the template sets it for the functions: see there.
OURS_COMMAND = "env MALLOC_MMAP_THRESHOLD_=16384 target/release/dry-run --source {source} --threads {threads} --key-file {key} --out {target} {files}"
COMPRESSION_LEVEL = 6


def main() -> int:
    asked = arguments()
    cases = [Case(made, threads, engine) for made in asked.inputs for threads in asked.threads for engine in asked.engines]
    (HOME / "log").mkdir(parents=True, exist_ok=True)
    (HOME / "key").write_bytes(KEY)
    files, problems = {}, {}
    for name in asked.inputs:
        try:
            files[name] = file_of(INPUTS[name], asked)
        except (OSError, subprocess.CalledProcessError) as error:
            problems.update({case: f"no file: {error}" for case in cases if case.input == name})
    check(cases, files, asked, problems)
    runs = rounds(cases, files, asked, problems)
    found = medians(runs)
    print(f"Medians of {asked.rounds} {'round' if asked.rounds == 1 else 'rounds'}; " + ", ".join(f"{package} {version(package)}" for package in (*ENGINES, "orjson")) + ".\n")
    print(table(cases, found, problems) + "\n")
    for line in goals(found):
        print(line)
    if asked.json:
        asked.json.write_text(json.dumps(report(cases, runs, problems), indent=2) + "\n")
    return 0


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


def file_of(made: Input, asked: argparse.Namespace) -> Path:
    """The file of an input, which is made where it is not yet."""
    records = asked.records or made.records
    file = HOME / f"records-{records}" / made.path
    if file.exists():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    progress(f"making {file.relative_to(ROOT)}")
    # Under another name until it is whole.
    begun = file.with_name(f"begun-{file.name}")
    if file.suffix == ".gz":
        plain = next(other for other in INPUTS.values() if f"{other.path}.gz" == made.path)
        with file_of(plain, asked).open("rb") as source, gzip.GzipFile(begun, "wb", COMPRESSION_LEVEL, mtime=0) as target:
            shutil.copyfileobj(source, target, 1 << 20)
    else:
        inputs.write(made, records, begun, asked.generate)
    begun.rename(file)
    return file


def check(cases: list[Case], files: dict[str, Path], asked: argparse.Namespace, problems: dict[Case, str]) -> None:
    """Has every engine do the job once, and compares what they wrote with what the first one did."""
    for name, file in files.items():
        for threads in asked.threads:
            reference = None
            for case in (case for case in cases if (case.input, case.threads) == (name, threads)):
                measured = run(case, file, asked)
                if measured.problem:
                    problems[case] = measured.problem
                elif reference is None:
                    reference = target(case)
                    continue
                else:
                    problems.update({case: found for found in [difference(name, reference, target(case))] if found})
                progress(f"{label(case)}: {problems.get(case, 'equal')}")
                shutil.rmtree(target(case), ignore_errors=True)
            if reference:
                shutil.rmtree(reference)


def difference(name: str, one: Path, other: Path) -> str | None:
    """What differs, in a process of its own: it takes memory that others shall have. All of it is in a file; the first of it is given."""
    done = subprocess.run([sys.executable, HERE / "equal.py", name, one, other], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = (done.stdout + done.stderr).strip().splitlines()
    everything = HOME / "log" / f"{other.name}-differs.txt"
    everything.write_text("\n".join(lines) + "\n")
    return f"not equal: {(lines or ['?'])[0].removeprefix(f'{other}: ')}; {len(lines)} lines in {everything.relative_to(ROOT)}"


def rounds(cases: list[Case], files: dict[str, Path], asked: argparse.Namespace, problems: dict[Case, str]) -> dict[Case, list[Measured]]:
    """Measures every case so many times, in turns, so that what else the machine does meets all alike."""
    runs: dict[Case, list[Measured]] = {case: [] for case in cases if case not in problems}
    for number in range(1, asked.rounds + 1):
        for case in runs:
            if case in problems:
                continue
            measured = run(case, files[case.input], asked)
            shutil.rmtree(target(case), ignore_errors=True)
            shown = f"{measured.wall_seconds:.2f} s, CPU {measured.cpu_seconds:.2f} s, {measured.peak_megabytes:.0f} MB"
            progress(f"round {number}/{asked.rounds}  {label(case)}: {measured.problem or shown}")
            if measured.problem:
                problems[case] = measured.problem
            else:
                runs[case].append(measured)
    return runs


def run(case: Case, file: Path, asked: argparse.Namespace) -> Measured:
    """The job once, into an empty folder, out of a file that is in memory already."""
    shutil.rmtree(target(case), ignore_errors=True)
    target(case).mkdir(parents=True)
    with file.open("rb") as source:
        while source.read(1 << 24):
            pass
    if case.engine == OURS:
        made = INPUTS[case.input]
        # One function reads one object: two of them at once are two objects of half the size.
        files = [file] if case.threads == 1 else inputs.parts(made, file, case.threads)
        quoted = {"key": shlex.quote(str(HOME / "key")), "target": shlex.quote(str(target(case))), "files": shlex.join(map(str, files))}
        command = shlex.split(asked.ours.format(source=made.source, threads=case.threads, **quoted))
    else:
        command = [sys.executable, HERE / "run.py", case.engine, case.input, file, target(case), "--threads", str(case.threads), "--key-file", HOME / "key"]
    log = HOME / "log" / f"{case.input}-{case.threads}-{case.engine}.txt"
    try:
        return measure([str(part) for part in command], case.threads, log, ROOT)
    except OSError as error:
        return Measured(0, 0, 0, str(error))


def target(case: Case) -> Path:
    return HOME / "output" / f"{case.input}-{case.threads}-{case.engine}"


def report(cases: list[Case], runs: dict[Case, list[Measured]], problems: dict[Case, str]) -> list[dict]:
    """Every run of every case."""
    return [asdict(case) | {"problem": problems.get(case), "runs": [asdict(one) for one in runs.get(case, [])]} for case in cases]


def label(case: Case) -> str:
    return f"{case.input}, {case.threads} {'core' if case.threads == 1 else 'cores'}, {case.engine}"


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
