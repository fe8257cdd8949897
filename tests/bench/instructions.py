"""Where the work of this project goes, in instructions: counts of callgrind, the same in every run and on every machine of a kind.

    instructions.py [--inputs segment,segment-gzip,google-ads-csv,dms-csv,dms-parquet] [--records 20000] [--callgrind FOLDER]

Each input is read once, on one core. Every instruction belongs to the function that has it and that function to one part of the work, so the parts
add up to all. Two things are not as in a measurement of time: valgrind knows no SHA instructions, with which SHA-256 takes a sixth of what is
counted here; and waiting for memory is not counted at all. A file is small, for valgrind is fifty times slower: what is done once weighs more.

Expects valgrind, and dry-run with its symbols: `make count-instructions` builds it so.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bench import GENERATE, HOME, KEY, OURS_COMMAND, NoFile, make_files, some_of
from jobs import INPUTS, ROOT

# The first that is found in "file:function" says what a function is for.
PARTS = {
    "SHA-256 (what identifies an input, pseudonyms)": r"\bring-|\bring::|ring_core",
    "inflate": r"zlib_rs|flate2|crc32",
    "zstd": r"ZSTD|HUF_|HIST_|FSE_|zstd",
    "keys of rows": r"govern::keys|twox_hash",
    "statistics of runs": r"lake::statistics|lake::bounds|shared::run::|cardinality",
    "searching texts for personal data, telephone numbers": r"govern::personal|regex|aho_corasick|phonenumber|prost|memmem",
    "reading Parquet": r"parquet::(record|file::reader|file::serialized_reader|arrow::arrow_reader)|snap::",
    "encoding Parquet": r"parquet|arrow|shared::lake|ahash|hashbrown|thrift",
    "reading JSON": r"govern::(scan|json_cursor)|simdutf8|sonic_rs|serde_json",
    "reading delimited text": r"decode::|memchr|_transform::",
    "judging rows by their contract": r"shared::|chrono|core::net|form_urlencoded|rust_decimal",
    "memory: asked for, given back, copied, compared": r"malloc|calloc|realloc|free|mem(cpy|move|set|cmp)|alloc::|brk|mmap",
}
REST = "all else"
LINE = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+(.*)$")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=some_of(INPUTS), default=list(INPUTS))
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--callgrind", type=Path, default=HOME / "callgrind", help="where callgrind's own files go")
    asked = parser.parse_args()
    if not shutil.which("valgrind"):
        print("instructions: needs valgrind (apt-get install valgrind)", file=sys.stderr)
        return 1
    asked.callgrind.mkdir(parents=True, exist_ok=True)
    (HOME / "key").write_bytes(KEY)
    counts = {}
    for name in asked.inputs:
        try:
            file = make_files(name, argparse.Namespace(records=asked.records, threads=[1], generate=GENERATE))
            counts[name] = count(name, file, asked.callgrind)
        except (NoFile, OSError, subprocess.CalledProcessError) as error:
            print(f"instructions: {name}: {error}", file=sys.stderr)
            return 1
    print(table(counts, asked.records))
    return 0


def count(name: str, file: Path, folder: Path) -> Counter:
    """The instructions of a run by the part of the work that they do."""
    target, found = folder / "output", folder / f"{name}.callgrind"
    shutil.rmtree(target, ignore_errors=True)
    quoted = {"key": shlex.quote(str(HOME / "key")), "target": shlex.quote(str(target)), "files": shlex.quote(str(file))}
    environment, command = split_environment(shlex.split(OURS_COMMAND.format(source=INPUTS[name].source, threads=1, **quoted)))
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={found}", *command]
    subprocess.run(valgrind, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL, check=True)
    shutil.rmtree(target, ignore_errors=True)
    told = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", found], capture_output=True, text=True, check=True)
    return by_part(told.stdout)


def split_environment(command: list[str]) -> tuple[dict[str, str], list[str]]:
    """`env NAME=value program …` as what it means: valgrind would watch env and not the program."""
    variables = {}
    rest = command[1:] if command[0] == "env" else command
    while "=" in rest[0]:
        name, _, value = rest[0].partition("=")
        variables[name], rest = value, rest[1:]
    return variables, rest


def by_part(told: str) -> Counter:
    """What callgrind_annotate tells of each function, added up."""
    counts: Counter = Counter()
    for line in told.splitlines():
        found = LINE.match(line)
        if found and "PROGRAM TOTALS" not in line:
            counts[part_of(found[2])] += int(found[1].replace(",", ""))
    return counts


def part_of(function: str) -> str:
    for part, pattern in PARTS.items():
        if re.search(pattern, function):
            return part
    return REST


def table(counts: dict[str, Counter], records: int) -> str:
    """A column an input: the share of each part, and below what one record takes."""
    lines = ["| % of instructions | " + " | ".join(counts) + " |", "|---" + "|---:" * len(counts) + "|"]
    for part in (*PARTS, REST):
        shares = [100 * found[part] / found.total() for found in counts.values()]
        lines.append(f"| {part} | " + " | ".join(f"{share:.1f}" if share >= 0.05 else "" for share in shares) + " |")
    lines.append("| **instructions a record** | " + " | ".join(f"{found.total() / records:,.0f}" for found in counts.values()) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
