"""The size gate of `make check`: no function's bootstrap grows past its limit in sizes.json without somebody's will.

    check_sizes.py [--built FOLDER] [--record]

A limit is the size when it was recorded, and a twentieth more. A dependency that comes with a few lines is seen here, before every
cold start loads it. `--record` sets the limits anew, by what is built now; the change of sizes.json says the rest to who reviews it.
The limits are of x86-64: a build for another processor is passed over, and what is not built as well.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMITS = Path(__file__).with_name("sizes.json")
ALLOWANCE_PERCENT = 5
# The field e_machine of an ELF file, where it lies, and x86-64 in it.
MACHINE = slice(18, 20)
X86_64 = b"\x3e\x00"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--built", type=Path, default=ROOT / "target" / "lambda", help="where the functions were built")
    parser.add_argument("--record", action="store_true", help="set the limits by what is built now")
    arguments = parser.parse_args()
    functions = sorted(folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir())
    built = {function: size for function in functions if (size := size_of(arguments.built / function / "bootstrap")) is not None}
    limits = json.loads(LIMITS.read_text()) if LIMITS.exists() else {}
    if arguments.record:
        return record(functions, built, limits)
    problems = problems_of(functions, built, limits)
    for problem in problems:
        print(f"sizes: {problem}", file=sys.stderr)
    if problems:
        print("sizes: on purpose? `make build`, then `python3 tests/local/check_sizes.py --record`", file=sys.stderr)
        return 1
    if skipped := [function for function in functions if function not in built]:
        every = "every function" if not built else ", ".join(skipped)
        print(f"sizes: skipped {every}: not built here for x86-64")
    return 0


def size_of(bootstrap: Path) -> int | None:
    """None where there is none, or one for another processor."""
    try:
        with bootstrap.open("rb") as file:
            if file.read(MACHINE.stop)[MACHINE] != X86_64:
                return None
        return bootstrap.stat().st_size
    except FileNotFoundError:
        return None


def problems_of(functions: list[str], built: dict[str, int], limits: dict[str, int]) -> list[str]:
    without = [f"{function} has no limit in {LIMITS.relative_to(ROOT)}" for function in functions if function not in limits]
    gone = [f"there is no function {function}, but a limit of it" for function in limits if function not in functions]
    large = [
        f"{function} has {size:,} bytes; its limit is {limits[function]:,}"
        for function, size in built.items()
        if function in limits and size > limits[function]
    ]
    return without + gone + large


def record(functions: list[str], built: dict[str, int], limits: dict[str, int]) -> int:
    """What is not built keeps its limit."""
    new = {function: size * (100 + ALLOWANCE_PERCENT) // 100 for function, size in built.items()}
    kept = {function: new.get(function, limits.get(function)) for function in functions}
    LIMITS.write_text(json.dumps({function: limit for function, limit in kept.items() if limit}, indent=2) + "\n")
    print(f"sizes: recorded {len(new)} limits in {LIMITS.relative_to(ROOT)}")
    if missing := [function for function, limit in kept.items() if not limit]:
        print(f"sizes: not built, so without a limit: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
