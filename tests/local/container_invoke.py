"""Invoke one function with `sam local invoke` in a real container.

    container_invoke.py <function logical id> <event file>

The response goes to stdout, everything else to stderr. The exit code is 1 when the function
returned an error: SAM itself answers 0 then, with an `errorType` in the response.

Read from the environment (container.sh sets the ones that describe the engine):

    TEMPLATE            the template, ./template.yaml by default
    ENV_VARS_FILE       SAM's own format: {"Parameters": {...}, "<logical id>": {...}}
    AWS_ENDPOINT_URL    where AWS is; an address on the host's loopback is made reachable
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION
                        what the function signs with (never a profile or a file of the caller's)
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from samcli.yamlhelper import yaml_parse

AWS_VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HOST_NAME_IN_DESKTOP_ENGINES = "host.docker.internal"


class InvokeError(Exception):
    """Says in one line why there is no response, or what is wrong with it."""


def main(function, event):
    variables = variables_of(function)
    if endpoint := variables.get("AWS_ENDPOINT_URL"):
        variables["AWS_ENDPOINT_URL"] = reachable_endpoint(endpoint)
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder, "template.json")
        source = Path(os.environ.get("TEMPLATE", "template.yaml"))
        template.write_text(json.dumps(prepared_template(source, function, variables), default=str))
        overrides = Path(folder, "variables.json")
        overrides.write_text(json.dumps({function: variables}))
        response = run_sam(function, event, template, overrides)
    print(response.rstrip("\n"))
    if failure := failure_in(response):
        raise InvokeError(f"{function} failed: {failure}")


def variables_of(function):
    """What the caller wants the function to see: general first, the function's own above it."""
    variables = {name: os.environ.get(name, "") for name in AWS_VARIABLES}
    if file := os.environ.get("ENV_VARS_FILE"):
        try:
            content = json.loads(Path(file).read_text())
            variables |= content.get("Parameters", {}) | content.get(function, {})
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise InvokeError(f"cannot use the variables in {file}: {error}") from error
    return {name: value for name, value in variables.items() if value != ""}


# --- the template ---------------------------------------------------------------------------------


def prepared_template(source, function, variables):
    """The template with this function's variables declared, for another folder.

    SAM overrides declared variables only, and the template rightly declares no AWS_ENDPOINT_URL.
    The paths become absolute because the result does not stand beside the original.
    """
    try:
        template = yaml_parse(source.read_text())
        properties = template["Resources"][function]["Properties"]
    except OSError as error:
        raise InvokeError(f"cannot read the template {source}: {error.strerror}") from error
    except (KeyError, TypeError) as error:
        raise InvokeError(f"{source} has no function {function}") from error
    code = source.resolve().parent / function_code(template, properties)
    if not (code / "bootstrap").exists():
        # SAM would mount an empty folder, made by the engine, and fail much later.
        raise InvokeError(f"{function} is not built: no bootstrap in {code}")
    properties["CodeUri"] = str(code)
    declared = properties.setdefault("Environment", {}).setdefault("Variables", {})
    for name in variables:
        declared.setdefault(name, "")
    return only_this_function(template, function)


def function_code(template, properties):
    from_all = template.get("Globals", {}).get("Function", {}).get("CodeUri", ".")
    return properties.get("CodeUri", from_all)


def only_this_function(template, function):
    """SAM resolves every function's paths, and the others' are not absolute."""
    template["Resources"] = {
        name: resource
        for name, resource in template["Resources"].items()
        if name == function or resource.get("Type") != "AWS::Serverless::Function"
    }
    template.pop("Outputs", None)
    return template


# --- the way to the host --------------------------------------------------------------------------


def reachable_endpoint(endpoint):
    """The same endpoint as a container reaches it: its own 127.0.0.1 is not the host's."""
    parts = urlsplit(endpoint)
    if parts.hostname not in LOOPBACK:
        return endpoint
    target = (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    try:
        listener = socket.create_server((os.environ["CONTAINER_GATEWAY"], 0))
    except OSError:
        # The engine runs in a virtual machine of its own, as Docker Desktop does: it has a name for us.
        return parts._replace(netloc=f"{HOST_NAME_IN_DESKTOP_ENGINES}:{target[1]}").geturl()
    threading.Thread(target=forward_all, args=(listener, target), daemon=True).start()
    host, port = listener.getsockname()[:2]
    return parts._replace(netloc=f"{host}:{port}").geturl()


def forward_all(listener, target):
    while True:
        inner, _ = listener.accept()
        try:
            outer = socket.create_connection(target)
        except OSError as error:
            print(f"container: nothing answers at {target[0]}:{target[1]}: {error}", file=sys.stderr)
            inner.close()
            continue
        for source, sink in ((inner, outer), (outer, inner)):
            threading.Thread(target=forward, args=(source, sink), daemon=True).start()


def forward(source, sink):
    """One direction of one connection; the other direction may stay open longer."""
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


# --- sam ------------------------------------------------------------------------------------------


def run_sam(function, event, template, overrides):
    command = [
        os.environ["SAM"], "local", "invoke", function,
        "--template", str(template), "--event", event, "--env-vars", str(overrides),
        "--skip-pull-image", "--invoke-image", os.environ["LAMBDA_BASE_IMAGE"],
        "--layer-cache-basedir", os.environ["SAM_STATE"],
    ]  # fmt: skip
    finished = subprocess.run(command, env=sam_environment(), stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode != 0:
        sys.stdout.write(finished.stdout)
        raise InvokeError(f"sam local invoke {function} ended with exit code {finished.returncode}")
    return finished.stdout


def sam_environment():
    """No AWS for SAM itself, only for the function.

    With credentials at hand SAM asks the real STS who it is: seconds where there is no network, and
    a caller's own keys in a test function where there is one.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in (*AWS_VARIABLES, "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    }
    return environment | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": os.environ["SAM_STATE"],
    }


def failure_in(response):
    """Why this response is no success, or None."""
    if not response.strip():
        return "no response (it timed out or ended early)"
    try:
        value = json.loads(response)
    except ValueError:
        return "its response is not JSON"
    if isinstance(value, dict) and "errorType" in value:
        return f"{value['errorType']}: {value.get('errorMessage', '')}"
    return None


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2])
    except InvokeError as invoke_error:
        print(f"container: {invoke_error}", file=sys.stderr)
        sys.exit(1)
