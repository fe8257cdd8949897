"""Starts a built function as Lambda does, and watches it: what its start takes, and the memory of it.

Two things start it. `Start` is a Runtime API of our own: it sees the request with which a function says that it is ready, and holds
the answer back until the process was looked at. `emulated_init` is AWS's Runtime Interface Emulator, the one that the SAM CLI ships:
it says how long the start took in its log (`INIT REPORT`; the `Init Duration` of its `REPORT` line is no measure of it).
"""

import json
import os
import platform
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aws import HOME, any_free_port

NEXT = "/2018-06-01/runtime/invocation/next"
INIT_SECONDS = 10
INVOCATION_SECONDS = 120
EMULATED_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")


class StartError(Exception):
    """Says in one line why a function did not start, or did not answer."""


class Api(ThreadingHTTPServer):
    """The Runtime API of one process."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ready = queue.Queue()
        self.events = queue.Queue()
        self.answers = queue.Queue()
        self.on_ready = lambda: None

    def handle_error(self, request, client_address):
        """A process that is ended breaks its connections."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        at = time.monotonic()
        if self.path != NEXT:
            return self.answer(404, b"{}")
        self.server.ready.put((at, self.server.on_ready()))
        number, event, arn = self.server.events.get()
        self.answer(
            200,
            json.dumps(event).encode(),
            {
                "Lambda-Runtime-Aws-Request-Id": f"00000000-0000-4000-8000-{number:012}",
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + INVOCATION_SECONDS) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": arn,
                "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
            },
        )

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self.chunks()
        self.server.answers.put((not self.path.endswith("/error"), body))
        self.answer(202, b"{}")

    def chunks(self) -> bytes:
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None):
        self.send_response(status)
        for name, value in ((headers or {}) | {"Content-Type": "application/json", "Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """What a function says is in its own log."""


class Start:
    """A function that was started and waits for its first event."""

    def __init__(self, process: subprocess.Popen, api: Api, arn: str, begun: float, log):
        self.process, self.api, self.arn, self.log = process, api, arn, log
        self.invocations = 0
        at, seen = self.wait(api.ready, INIT_SECONDS)
        self.milliseconds = (at - begun) * 1000
        self.cpu_milliseconds, self.memory = seen

    def wait(self, expected: queue.Queue, seconds: float):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                return expected.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None:
                    break
        raise StartError(f"{'ended' if self.process.poll() is not None else 'said nothing'}: {self.last_line()}")

    def invoke(self, event) -> tuple[bool, bytes]:
        """Sends one event; says whether the function did not fail, and what it answered."""
        self.invocations += 1
        self.api.events.put((self.invocations, event, self.arn))
        answer = self.wait(self.api.answers, INVOCATION_SECONDS)
        # It asks for the next event when it is done with what follows an answer.
        self.wait(self.api.ready, INIT_SECONDS)
        return answer

    def memory_now(self) -> dict[str, float]:
        return memory_of(self.process.pid)

    def last_line(self) -> str:
        self.log.seek(0)
        return (self.log.read().decode(errors="replace").strip().splitlines() or ["no output"])[-1]


@contextmanager
def started(bootstrap: Path, variables: dict[str, str], arn: str):
    """Starts a function; ends it, by its number, whatever happens."""
    with Api() as api, tempfile.TemporaryFile() as log:
        threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        environment = variables | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}"}
        number = []
        known = threading.Event()
        api.on_ready = lambda: (known.wait(), (cpu_milliseconds(number[0]), memory_of(number[0])))[1]
        begun = time.monotonic()
        process = subprocess.Popen([bootstrap], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=bootstrap.parent)
        number.append(process.pid)
        known.set()
        try:
            yield Start(process, api, arn, begun, log)
        finally:
            process.kill()
            process.wait()
            api.shutdown()


def cpu_milliseconds(pid: int) -> float:
    """The processor's time of all threads since the start: the kernel's clock of the process, for /proc counts in hundredths."""
    return time.clock_gettime((~pid << 3) | 2) * 1000


def memory_of(pid: int) -> dict[str, float]:
    """The most that was resident, and what of the resident memory is the process's own and not pages of a file, in MB."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: int(fields[field].split()[0]) * 1024 / 1e6 for name, field in (("peak", "VmHWM"), ("own", "RssAnon"))}


def emulator() -> Path | None:
    """The emulator for this processor, if `make tools` installed the SAM CLI."""
    name = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    found = sorted(HOME.glob(f"venv-sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{name}"))
    return found[0] if found else None


def emulated_init(program: Path, bootstrap: Path, variables: dict[str, str], event) -> float:
    """The milliseconds that the emulator counts. It starts a function when the first event comes."""
    ports = any_free_port(), any_free_port()
    command = [program, "--runtime-interface-emulator-address", f"127.0.0.1:{ports[0]}", "--runtime-api-address", f"127.0.0.1:{ports[1]}"]
    variables = variables | {"AWS_LAMBDA_FUNCTION_TIMEOUT": str(INVOCATION_SECONDS)}
    with tempfile.TemporaryFile() as log:
        # A group of its own: a function is the emulator's child.
        process = subprocess.Popen(
            [*command, bootstrap], env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            post(f"http://127.0.0.1:{ports[0]}/2015-03-31/functions/function/invocations", json.dumps(event).encode())
        finally:
            end(process)
        log.seek(0)
        said = EMULATED_INIT.search(log.read().decode(errors="replace"))
    if not said:
        raise StartError("the emulator does not say how long the start took")
    return float(said[1])


def post(url: str, body: bytes) -> None:
    deadline = time.monotonic() + INIT_SECONDS
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=INVOCATION_SECONDS) as response:
                response.read()
            return
        except (urllib.error.URLError, ConnectionError) as error:
            if not isinstance(getattr(error, "reason", error), ConnectionRefusedError) or time.monotonic() > deadline:
                raise StartError(f"the emulator does not answer: {error}") from error
            time.sleep(0.02)


def end(process: subprocess.Popen) -> None:
    """Ends the emulator, which ends the function; whatever it leaves of its group goes too."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
