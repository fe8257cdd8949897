"""Runs a command in a folder on so many cores, and prints what it took: bare.py CORES LOG FOLDER COMMAND [ARGUMENT ...]

It is a process of its own and imports next to nothing, because of what Linux says a process had at most: that begins with what the process had
that made it, and stays when it becomes another program. So the least that is found is what this one has, some 8 MB, and not what a benchmark
holds that has read files.
"""

import json
import os
import subprocess
import sys
import threading
import time

# How often the memory of a run of several processes is looked at.
SAMPLE_SECONDS = 0.05


def main() -> int:
    cores, log, folder, *command = sys.argv[1:]
    pinned = sorted(os.sched_getaffinity(0))[:int(cores)] if hasattr(os, "sched_setaffinity") else None
    with open(log, "wb") as output:
        started = time.monotonic()
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                preexec_fn=(lambda: os.sched_setaffinity(0, pinned)) if pinned else None,
            )
        except OSError as error:
            print(error, file=sys.stderr)
            return 1
        family = Family(process.pid)
        family.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        family.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = max(used.ru_maxrss * unit, family.peak_bytes)
    print(json.dumps({"code": process.returncode, "wall_seconds": wall, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_megabytes": peak / 1e6}))
    return 0


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
        children = contents(f"/proc/{process}/task/{process}/children").split()
        return [process, *(member for child in children for member in self.members(int(child)))]

    def stop(self) -> None:
        self.ended.set()
        self.join()

    @property
    def peak_bytes(self) -> int:
        return sum(self.peaks.values()) if len(self.peaks) > 1 else 0


def peak_of(process: int) -> int:
    """The most memory that a process had until now, in bytes."""
    line = next((line for line in contents(f"/proc/{process}/status").splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


def contents(file: str) -> str:
    """What a file of the system says; nothing where its process has ended."""
    try:
        with open(file, encoding="utf-8") as opened:
            return opened.read()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
