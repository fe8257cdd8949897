"""A change to one function leaves every other function's build as it was, byte for byte.

So a second `sam deploy` touches that function only: no other cold start, no other risk. The test builds
a copy of the workspace, changes one function in it, builds again, compares, and asks for the changeset
that a deployment of the changed build would be. The copy and its build are kept: a second run is quick.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import stack
from aws import ROOT

CHANGED = "announce"
COPY = ROOT / "target" / "independence"
LAMBDA = COPY / "target" / "lambda"
SOURCES = ("Cargo.toml", "Cargo.lock", "functions", "shared", "tests", "template.yaml", "samconfig.toml")


def main() -> int:
    functions = sorted(path.name for path in (ROOT / "functions").iterdir() if path.is_dir())
    copy_workspace()
    before = build(functions)
    source = COPY / "functions" / CHANGED / "src" / "lib.rs"
    text = source.read_text()
    changed = text.replace('JOB: &str = "announce"', 'JOB: &str = "announce-changed"')
    if changed == text:
        print(f"independence: {source} has no line to change", file=sys.stderr)
        return 1
    source.write_text(changed)
    try:
        after = build(functions)
    finally:
        source.write_text(text)
    different = [name for name in functions if before[name] != after[name]]
    if different != [CHANGED]:
        print(f"independence: after a change to {CHANGED} the builds of {different} differ", file=sys.stderr)
        return 1
    print(f"independence: after a change to {CHANGED} alone its build differs, {len(functions) - 1} others are the same")
    return compare_changeset()


def copy_workspace() -> None:
    """Copies what has changed since the last time, with its times, so that cargo knows what it has built."""
    COPY.mkdir(parents=True, exist_ok=True)
    for name in SOURCES:
        source, target = ROOT / name, COPY / name
        if source.is_dir():
            copy_folder(source, target)
        else:
            copy_if_newer(source, target)


def copy_folder(source: Path, target: Path) -> None:
    for folder, _, names in os.walk(source):
        for name in names:
            origin = Path(folder) / name
            copy_if_newer(origin, target / origin.relative_to(source))


def copy_if_newer(source: Path, target: Path) -> None:
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def build(functions: list[str]) -> dict[str, str]:
    # Dependencies are the same whatever the workspace's folder, so they are not built again.
    packages = [argument for name in functions for argument in ("--package", name)]
    environment = os.environ | {"PATH": f"{ROOT}/.tributary/venv-lake/bin:{os.environ['PATH']}", "CARGO_TARGET_DIR": str(ROOT / "target")}
    subprocess.run(
        ["cargo", "lambda", "build", "--release", *packages, "--lambda-dir", str(LAMBDA)],
        cwd=COPY,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    return {name: hashlib.sha256((LAMBDA / name / "bootstrap").read_bytes()).hexdigest() for name in functions}


def compare_changeset() -> int:
    """What `sam deploy` would do: the deployed builds of all functions but the changed one."""
    process = stack.aws.running()
    if not process:
        print("independence: the stack is not up, so the changeset is not looked at")
        return 0
    for deployed in (ROOT / "target" / "lambda").iterdir():
        if deployed.name != CHANGED and (deployed / "bootstrap").exists():
            (LAMBDA / deployed.name).mkdir(parents=True, exist_ok=True)
            shutil.copy2(deployed / "bootstrap", LAMBDA / deployed.name / "bootstrap")
    listing = stack.sam(
        process["port"], "deploy", "--config-env", "local", "--no-execute-changeset",
        "--parameter-overrides", *stack.parameters(), directory=COPY,
    )
    touched = re.findall(r"^[+*-] \w+\s+(\w+)\s", listing, re.MULTILINE)
    if touched != ["AnnounceFunction"]:
        print(f"independence: a deployment would touch {touched}", file=sys.stderr)
        return 1
    print("independence: a deployment would touch AnnounceFunction only")
    return 0


if __name__ == "__main__":
    sys.exit(main())
