"""Starts and stops the local AWS of this checkout: one MiniStack process on a loopback port, IAM enforced.

Its state, logs and temporary files live under .tributary/local, so that two checkouts never meet.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".tributary"
STATE = HOME / "local"
PROCESS_FILE = STATE / "aws.json"
LOG = STATE / "ministack.log"
PROGRAM = HOME / "venv-local" / "bin" / "ministack"

DEFAULT_PORT = 4566
REGION = "us-east-1"
START_SECONDS = 60
STOP_SECONDS = 10


class LocalAwsError(Exception):
    """Something that a person must put right; its text is one line."""


def endpoint(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def client_environment(port: int) -> dict[str, str]:
    """What points a tool or an SDK at the local AWS. The key `test` is its account's root user."""
    return {
        "AWS_ENDPOINT_URL": endpoint(port),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def running() -> dict | None:
    """The process of this checkout's local AWS as {pid, port}, if it runs."""
    try:
        process = json.loads(PROCESS_FILE.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return process if is_ours(process["pid"]) else None


def start(port: int | None) -> dict:
    """Starts it on `port`, or on the usual port, or, where another program has that, on a free one."""
    require_port(port)
    process = running()
    if process:
        return process
    stop()
    if port is None:
        port = DEFAULT_PORT if is_free(DEFAULT_PORT) else any_free_port()
    process = launch(port)
    wait_until_healthy(process)
    return process


def require_port(port: int | None) -> None:
    """Without a port there is always one to be found; a given one must be this checkout's, or free."""
    process = running()
    if process and port and port != process["port"]:
        raise LocalAwsError(f"already runs on port {process['port']}; `make down` first")
    if not process and port and not is_free(port):
        raise LocalAwsError(f"port {port} is in use; choose another: make up PORT=4567")


def launch(port: int) -> dict:
    for folder in (STATE / "home", STATE / "temporary"):
        folder.mkdir(parents=True, exist_ok=True)
    with LOG.open("wb") as log:
        child = subprocess.Popen(
            [str(PROGRAM)],
            cwd=STATE,
            env=server_environment(port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Detached: it outlives this terminal, and the functions that it runs are found by its group.
            start_new_session=True,
        )
    process = {"pid": child.pid, "port": port}
    PROCESS_FILE.write_text(json.dumps(process))
    return process


def server_environment(port: int) -> dict[str, str]:
    """Made from nothing, because functions inherit it: nothing of the caller's profile may reach them."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(STATE / "home"),
        "TMPDIR": str(STATE / "temporary"),
        "LANG": "C.UTF-8",
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        # It would listen on all addresses, on one port for all checkouts.
        "IOT_MTLS_ENABLED": "false",
        # AWS sets it from a function's LoggingConfig; MiniStack does not.
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_EC2_METADATA_DISABLED": "true",
        **client_environment(port),
    }


def wait_until_healthy(process: dict) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not is_ours(process["pid"]):
            break
        try:
            with urllib.request.urlopen(f"{endpoint(process['port'])}/_ministack/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    stop()
    raise LocalAwsError(f"did not start (log: {LOG.relative_to(ROOT)})")


def stop() -> bool:
    """Ends the process and the functions that it started; says whether there was anything to end."""
    try:
        leader = json.loads(PROCESS_FILE.read_text())["pid"]
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    found = False
    for stop_signal in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_SECONDS
        members = ours_in_group(leader)
        found = found or bool(members)
        for pid in members:
            try:
                os.kill(pid, stop_signal)
            except ProcessLookupError:
                pass
        while time.monotonic() < deadline and ours_in_group(leader):
            time.sleep(0.05)
    PROCESS_FILE.unlink(missing_ok=True)
    # The unpacked code of every function that ever ran.
    shutil.rmtree(STATE / "temporary", ignore_errors=True)
    return found


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    with socket.socket() as probe:
        # A listener on all addresses does not hinder a bind to one of them everywhere.
        return probe.connect_ex(("127.0.0.1", port)) != 0


def any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_ours(pid: int) -> bool:
    """Process numbers are used again: one is ours only while its command lies in this checkout's folder."""
    return any(other == pid and str(HOME) in command for other, _, command in processes())


def ours_in_group(group: int) -> list[int]:
    return [pid for pid, its_group, command in processes() if its_group == group and str(HOME) in command]


def processes() -> list[tuple[int, int, str]]:
    """Number, group and command of each live process (zombies are not)."""
    if Path("/proc/self/stat").exists():
        return list(processes_of_proc())
    listing = subprocess.run(["ps", "-axo", "pid=,pgid=,stat=,command="], capture_output=True, text=True, check=True)
    rows = (line.split(None, 3) for line in listing.stdout.splitlines())
    return [(int(row[0]), int(row[1]), row[3]) for row in rows if len(row) == 4 and not row[2].startswith("Z")]


def processes_of_proc():
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # The command in brackets may hold spaces; what follows it does not.
            state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if state != "Z":
            yield int(folder.name), int(group), command
