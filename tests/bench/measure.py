"""One process, measured: how long it took, what time of the processor and how much memory."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# How often the memory of a run of several processes is looked at.
SAMPLE_SECONDS = 0.05
LAST_LINES = 3


@dataclass(frozen=True)
class Measured:
    """What a run took. `problem` says how it failed, if it did."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float
    problem: str | None


def measure(command: list[str], cores: int, log: Path, folder: Path) -> Measured:
    """Runs a command in a folder on so many cores. What it says goes to the log.

    The processor's time is that of the process and of those that it started and waited for. So is the memory: the peak of a process
    alone is what the system says; of several at once it is the sum of their peaks.
    """
    pinned = sorted(os.sched_getaffinity(0))[:cores] if hasattr(os, "sched_setaffinity") else None
    with log.open("wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            preexec_fn=(lambda: os.sched_setaffinity(0, pinned)) if pinned else None,
        )
        family = Family(process.pid)
        family.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        family.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    peak = max(used.ru_maxrss * unit, family.peak_bytes) / 1e6
    return Measured(wall, used.ru_utime + used.ru_stime, peak, problem(process.returncode, log))


def problem(code: int, log: Path) -> str | None:
    if code == 0:
        return None
    said = " / ".join(log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:])
    ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return f"{ended}: {said}" if said else ended


class Family(threading.Thread):
    """Looks at the memory of a process and its children as long as there are children."""

    def __init__(self, parent: int):
        super().__init__(daemon=True)
        self.parent = parent
        self.ended = threading.Event()
        self.peaks: dict[int, int] = {}

    def run(self) -> None:
        while not self.ended.wait(SAMPLE_SECONDS):
            for process in self.members(self.parent):
                self.peaks[process] = max(peak_of(process), self.peaks.get(process, 0))

    def members(self, process: int) -> list[int]:
        try:
            children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        except OSError:
            return [process]
        return [process, *(member for child in children for member in self.members(int(child)))]

    def stop(self) -> None:
        self.ended.set()
        self.join()

    @property
    def peak_bytes(self) -> int:
        return sum(self.peaks.values()) if len(self.peaks) > 1 else 0


def peak_of(process: int) -> int:
    """The most memory that a process had until now, in bytes."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024
