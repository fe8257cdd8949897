"""Makes the Python environments that hold the tools: the local AWS, the SAM CLI, the readers of the lake; and Segment's Node library.

Each is made from its requirements file, and made again only when that file, the interpreter or the folder changes.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".tributary"
ENVIRONMENTS = ("local", "sam", "lake")
# Made where it is asked for by name: it holds a gigabyte of other engines.
ON_DEMAND = {"bench": ROOT / "tests" / "bench" / "requirements.txt"}


def main() -> int:
    if sys.version_info < (3, 10):
        return fail(f"python3 is {sys.version.split()[0]}; 3.10 or newer is needed")
    try:
        import ensurepip  # noqa: F401  (Debian ships it apart, and without it an environment has no pip)
        import venv  # noqa: F401
    except ImportError:
        return fail("python3 has no venv module; install it (Debian, Ubuntu: apt-get install python3-venv)")
    HOME.mkdir(exist_ok=True)
    if unknown := set(sys.argv[1:]) - set(ON_DEMAND):
        return fail(f"there is no environment {', '.join(sorted(unknown))} to be made on demand")
    for name in sys.argv[1:] or ENVIRONMENTS:
        error = make(name)
        if error:
            return fail(error)
    if not sys.argv[1:]:
        make_node()
    return 0


def make(name: str) -> str | None:
    """Makes one environment, unless it stands; returns what went wrong."""
    folder = HOME / f"venv-{name}"
    requirements = ON_DEMAND.get(name) or Path(__file__).with_name(f"requirements-{name}.txt")
    stamp = folder / "made-from.json"
    wanted = {
        "requirements": hashlib.sha256(requirements.read_bytes()).hexdigest(),
        "python": sys.version.split()[0],
        "folder": str(folder),
    }
    made = json.loads(stamp.read_text()) if stamp.exists() else {}
    if made == wanted:
        return None
    print(f"tools: installing {requirements.name} ...", flush=True)
    started = time.monotonic()
    # Scripts in an environment name its folder and its interpreter: one that was copied or outlived them is made anew.
    anew = any(key in made and made[key] != wanted[key] for key in ("folder", "python"))
    log = HOME / f"venv-{name}.log"
    with log.open("w") as output:
        steps = (
            ([sys.executable, "-m", "venv", *(["--clear"] if anew else []), str(folder)], "python3 -m venv failed"),
            (
                [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check",
                 "--retries", "2", "--requirement", str(requirements)],
                f"pip could not install {requirements.name}; is there a network?",
            ),
        )
        for command, problem in steps:
            if subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode != 0:
                return f"{problem} (log: {log.relative_to(ROOT)})"
    stamp.write_text(json.dumps(wanted))
    print(f"tools: {requirements.name} installed in {time.monotonic() - started:.0f} s", flush=True)
    return None


def make_node() -> None:
    """Installs Segment's Node library beside the program that uses it; without Node.js its test says that it skips."""
    source, folder = ROOT / "tests" / "node", HOME / "node"
    stamp = folder / "made-from.json"
    wanted = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(source.iterdir())}
    if not shutil.which("npm") or (stamp.exists() and json.loads(stamp.read_text()) == wanted):
        return
    shutil.copytree(source, folder, dirs_exist_ok=True)
    with (HOME / "node.log").open("w") as output:
        # Scripts of packages have no business here.
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        if subprocess.run(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode == 0:
            stamp.write_text(json.dumps(wanted))
        else:
            print(f"tools: npm could not install tests/node; its test will skip (log: {(HOME / 'node.log').relative_to(ROOT)})", flush=True)


def fail(message: str) -> int:
    print(f"tools: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
