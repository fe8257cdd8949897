"""A change to one function leaves every other function's build as it was, byte for byte.

So a second `sam deploy` touches that function only: no other cold start, no other risk. The test changes a
line of one function for as long as a build takes, compares, and asks for the changeset that a deployment of the
changed build would be. A copy of the workspace would be safer, and ten minutes more.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import stack
from aws import ROOT

CHANGED = "announce"
FOLDER = ROOT / "target" / "independence"
LAMBDA = FOLDER / "target" / "lambda"
DEPLOYMENT = ("template.yaml", "samconfig.toml")


def main() -> int:
    # What ends this program from outside must not leave the change behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    functions = sorted(path.name for path in (ROOT / "functions").iterdir() if path.is_dir())
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in DEPLOYMENT:
        shutil.copy2(ROOT / name, FOLDER / name)
    before = build(functions)
    source = ROOT / "functions" / CHANGED / "src" / "lib.rs"
    text = source.read_text()
    changed = text.replace('JOB: &str = "announce"', 'JOB: &str = "announce-changed"')
    if changed == text:
        print(f"independence: {source} has no line to change", file=sys.stderr)
        return 1
    try:
        source.write_text(changed)
        after = build(functions)
    finally:
        # With the time of now, so that cargo builds it again.
        source.write_text(text)
    different = [name for name in functions if before[name] != after[name]]
    if different != [CHANGED]:
        print(f"independence: after a change to {CHANGED} the builds of {different} differ", file=sys.stderr)
        return 1
    print(f"independence: after a change to {CHANGED} alone its build differs, {len(functions) - 1} others are the same")
    return compare_changeset()


def build(functions: list[str]) -> dict[str, str]:
    """Builds as `make build` does, but for where the functions go: those that are deployed stay as they are."""
    packages = [argument for name in functions for argument in ("--package", name)]
    environment = os.environ | {"PATH": f"{ROOT}/.tributary/venv-lake/bin:{os.environ['PATH']}"}
    subprocess.run(
        ["cargo", "lambda", "build", "--release", *packages, "--lambda-dir", str(LAMBDA)],
        cwd=ROOT,
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
        "--parameter-overrides", *stack.parameters(), directory=FOLDER,
    )
    touched = re.findall(r"^[+*-] \w+\s+(\w+)\s", listing, re.MULTILINE)
    if touched != ["AnnounceFunction"]:
        print(f"independence: a deployment would touch {touched}", file=sys.stderr)
        return 1
    print("independence: a deployment would touch AnnounceFunction only")
    return 0


if __name__ == "__main__":
    sys.exit(main())
