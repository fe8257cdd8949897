"""One engine does the job once, in a process of its own: run.py ENGINE [INPUT FILE TARGET --threads N --key-file KEY].

Without an input it only starts: what that takes is in every run, however short.
"""

import argparse
import importlib
import os
from pathlib import Path

from jobs import INPUTS

ENGINES = ("duckdb", "polars", "pyarrow", "chdb")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("input", choices=sorted(INPUTS), nargs="?")
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("target", type=Path, nargs="?")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--key-file", type=Path)
    asked = parser.parse_args()
    if asked.input and not (asked.file and asked.target and asked.key_file):
        parser.error("an input needs FILE, TARGET and --key-file")
    # Polars reads it when it is imported.
    os.environ["POLARS_MAX_THREADS"] = str(asked.threads)
    engine = importlib.import_module(f"with_{asked.engine}")
    if asked.input:
        engine.run(asked.input, asked.file, asked.target, asked.threads, asked.key_file.read_bytes())


if __name__ == "__main__":
    main()
