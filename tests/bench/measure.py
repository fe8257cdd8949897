"""One process, measured: how long it took, what time of the processor and how much memory, and how much it wrote."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BARE = Path(__file__).resolve().with_name("bare.py")
LAST_LINES = 3


@dataclass(frozen=True)
class Measured:
    """What a run took. `problem` says how it failed, if it did."""

    wall_seconds: float = 0
    cpu_seconds: float = 0
    peak_megabytes: float = 0
    # Of its Parquet files.
    output_megabytes: float = 0
    problem: str | None = None


def measure(command: list[str], cores: int, log: Path, folder: Path, target: Path | None = None) -> Measured:
    """Runs a command in a folder on so many cores, which writes below `target`. What it says goes to the log.

    The processor's time is that of the process and of those that it started and waited for. So is the memory: the peak of a process
    alone is what the system says; of several at once it is the sum of their peaks. What this process has is in neither: see bare.py.
    """
    # Without anything that an environment would have Python import.
    bare = [sys.executable, "-I", "-S", BARE, str(cores), log.resolve(), folder, *command]
    done = subprocess.run(bare, capture_output=True, text=True)
    if done.returncode:
        return Measured(problem=done.stderr.strip() or f"exit code {done.returncode} of {BARE.name}")
    took = json.loads(done.stdout)
    code = took.pop("code")
    return Measured(**took, output_megabytes=written_bytes(target) / 1e6 if target else 0, problem=problem(code, log))


def written_bytes(folder: Path) -> int:
    """How long the Parquet files in a folder are together."""
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def problem(code: int, log: Path) -> str | None:
    if code == 0:
        return None
    said = " / ".join(log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:])
    ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return f"{ended}: {said}" if said else ended
