"""The stack on the local AWS: up, down, env, status. Called by the Makefile."""

import argparse
import fcntl
import hashlib
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from contextlib import contextmanager

import aws
from aws import HOME, ROOT, STATE, LocalAwsError

STACK_NAME = "tributary"
STACK_FILE = STATE / "stack.json"
DEPLOY_LOG = STATE / "deploy.log"
SAM = HOME / "venv-sam" / "bin" / "sam"
PYTHON_WITH_AWS = HOME / "venv-lake" / "bin" / "python"
# How AWS names a function URL; the local AWS serves the same id under a path of its own.
FUNCTION_URL = re.compile(r"https://([a-z0-9-]+)\.lambda-url\.[a-z0-9-]+\.on\.aws/")

# Plain HTTP on the loopback device, and retries that come while somebody watches.
LOCAL_PARAMETERS = {
    "RequireTls": "false",
    "InboxVisibilityTimeout": "5",
    "InboxWindowSeconds": "1",
    "SegmentVisibilityTimeout": "20",
    "DatabasesVisibilityTimeout": "20",
    "GoogleAdsVisibilityTimeout": "20",
    "CaptureWindowSeconds": "1",
    "AttributeVisibilityTimeout": "120",
    "LineageVisibilityTimeout": "20",
    "CommitsVisibilityTimeout": "10",
    "MaxReceiveCount": "3",
    "AnnounceMaximumRecordAge": "60",
    "AlertMaximumRecordAge": "60",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start the local AWS and deploy the stack to it")
    port = commands.add_parser("port", help="say whether the local AWS could start, or runs, on a port")
    for command in (up, port):
        command.add_argument("--port", type=int, help="port of the local AWS")
    commands.add_parser("down", help="stop the local AWS and the functions that it runs")
    commands.add_parser("env", help="print what points a shell at the stack")
    commands.add_parser("status", help="exit with 0 if the local AWS runs")
    arguments = parser.parse_args()
    try:
        with one_at_a_time():
            return run(arguments)
    except LocalAwsError as error:
        print(f"local aws: {error}", file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "up":
            print_outputs(bring_up(arguments.port))
        case "port":
            aws.require_port(arguments.port)
        case "down":
            print("local aws: stopped" if aws.stop() else "local aws: was not running")
            STACK_FILE.unlink(missing_ok=True)
        case "env":
            print_environment()
        case "status":
            return 0 if aws.running() else 1
    return 0


def bring_up(port: int | None) -> dict[str, str]:
    """Starts what does not run and deploys what has changed; returns the stack's outputs."""
    before = aws.running()
    started = time.monotonic()
    process = aws.start(port)
    if process != before:
        say(f"started on {aws.endpoint(process['port'])} in {time.monotonic() - started:.1f} s")
    fingerprint = fingerprint_of(process)
    deployed = read_stack()
    if deployed.get("fingerprint") != fingerprint:
        deployed = {"fingerprint": fingerprint, "outputs": deploy(process["port"])}
        STACK_FILE.write_text(json.dumps(deployed, indent=1))
    return deployed["outputs"]


def deploy(port: int) -> dict[str, str]:
    say(f"deploying the stack {STACK_NAME} ...")
    started = time.monotonic()
    # A deployment that failed must not be taken for the one before it.
    STACK_FILE.unlink(missing_ok=True)
    sam(port, "deploy", "--config-env", "local", "--parameter-overrides", *parameters())
    listing = sam(port, "list", "stack-outputs", "--config-env", "local", "--stack-name", STACK_NAME, "--output", "json")
    say(f"deployed in {time.monotonic() - started:.1f} s")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in json.loads(listing)}
    for name, value in outputs.items():
        outputs[name] = FUNCTION_URL.sub(rf"{aws.endpoint(port)}/_aws/lambda-url/\1/", value)
    outputs["SegmentWriteKey"] = write_key(port, outputs["SegmentSecretArn"])
    return outputs


def write_key(port: int, secret: str) -> str:
    """The write key that the deployment made."""
    program = "import boto3, json, sys; print(json.loads(boto3.client('secretsmanager').get_secret_value(SecretId=sys.argv[1])['SecretString'])['write_key'])"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | aws.client_environment(port)
    result = subprocess.run([str(PYTHON_WITH_AWS), "-c", program, secret], env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        raise LocalAwsError(f"the write key could not be read: {(result.stderr.strip().splitlines() or ['no output'])[-1]}")
    return result.stdout.strip()


def parameters() -> list[str]:
    """The stack's parameters here; PARAMETERS="Name=value ..." adds to them and replaces them."""
    chosen = dict(LOCAL_PARAMETERS)
    chosen["Architecture"] = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    for pair in shlex.split(os.environ.get("PARAMETERS", "")):
        name, separator, value = pair.partition("=")
        if not separator:
            raise LocalAwsError(f"PARAMETERS: {pair} is not Name=value")
        chosen[name] = value
    return [f"{name}={value}" for name, value in chosen.items()]


def sam(port: int, *arguments: str, directory=ROOT) -> str:
    """Runs the SAM CLI against the local AWS; returns what it wrote to its standard output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # A stack is there in a second; the CLI would look every five.
    environment |= aws.client_environment(port) | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}
    with DEPLOY_LOG.open("a") as log:
        result = subprocess.run(
            [str(SAM), *arguments],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.write(result.stdout)
    if result.returncode != 0:
        raise LocalAwsError(f"sam {arguments[0]} failed: {last_error()} (log: {DEPLOY_LOG.relative_to(ROOT)})")
    return result.stdout


def last_error() -> str:
    lines = [line.strip() for line in DEPLOY_LOG.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "failed" in line.lower()]
    return (errors or lines or ["no output"])[-1]


def fingerprint_of(process: dict) -> str:
    """Changes with whatever a deployment depends on: the process, the template, the parameters, the functions' code."""
    digest = hashlib.sha256(repr((sorted(process.items()), parameters())).encode())
    for path in (ROOT / "template.yaml", ROOT / "samconfig.toml", *sorted(ROOT.glob("target/lambda/*/*"))):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_stack() -> dict:
    try:
        return json.loads(STACK_FILE.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def print_outputs(outputs: dict[str, str]) -> None:
    width = max(map(len, outputs))
    for name in sorted(outputs):
        print(f"  {name:<{width}}  {outputs[name]}")


def print_environment() -> None:
    process, outputs = aws.running(), read_stack().get("outputs")
    if not process or not outputs:
        raise LocalAwsError("the stack is not up; `make up` first")
    variables = aws.client_environment(process["port"]) | {"STACK_NAME": STACK_NAME}
    variables |= {upper_snake(name): value for name, value in sorted(outputs.items())}
    if os.environ.get("AWS_SESSION_TOKEN"):
        # A token in the caller's shell would be sent along, and refused.
        variables["AWS_SESSION_TOKEN"] = ""
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def upper_snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def say(message: str) -> None:
    print(f"local aws: {message}", flush=True)


@contextmanager
def one_at_a_time():
    """Two calls at once in one checkout wait for each other."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
