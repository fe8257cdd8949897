"""Invokes a function with a sample of events/ in a real container, on the stack that `make up` deployed.

    invoke.py <function> <event file> [token]

The response goes to stdout, everything else to stderr; exit code 77 where there can be no container. Expects the variables
that `make -s env` prints.

A sample names objects under samples/, from where the landing bucket sends no notifications: nothing but this invocation reads
them. They are put there first, from the file in objects/ beside the sample that bears its name, under samples/<token>/, so that
every invocation is of a new input. An object without such a file stays missing; that is what its sample is about. A sample for
attribute names a data file: it is made from the rows in objects/, with the types that the dataset's contract gives them.
"""

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote_plus

import boto3
import pyarrow
import pyarrow.parquet
import yaml
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
CONTAINER = ROOT / "tests" / "local" / "container.sh"
TRANSFORM_SAMPLE = ROOT / "events" / "segment-transform" / "s3-notification.json"
PREPARED = ROOT / "target" / "samples"
PATIENCE_SECONDS = 30
# How contracts call types, and how Arrow does.
ARROW_TYPES = {
    "string": pyarrow.string(),
    "long": pyarrow.int64(),
    "double": pyarrow.float64(),
    "boolean": pyarrow.bool_(),
    "timestamp": pyarrow.timestamp("us"),
    "date": pyarrow.date32(),
    "decimal(38,6)": pyarrow.decimal128(38, 6),
}


class SampleError(Exception):
    """Says in one line why a sample cannot be invoked."""


def main(function: str, sample: Path, token: str) -> int:
    variables = deployed_variables(function)
    if function == "lake-commit":
        event = with_real_requests(json.loads(sample.read_text()), sample, token)
    elif function == "attribute":
        event = with_data_files(sample, objects_of(sample), token)
    else:
        event = with_objects(sample, objects_of(sample), token)
    prepared = PREPARED / f"{token}.json"
    prepared.parent.mkdir(parents=True, exist_ok=True)
    prepared.write_text(json.dumps(event))
    print(f"invoke: the event is {prepared.relative_to(ROOT)}", file=sys.stderr)
    return container(function, prepared, variables).returncode


def with_objects(sample: Path, objects: Path, token: str) -> dict:
    """The sample's event, with its objects in the landing bucket and, where it calls by request, the stack's write key."""
    own = lambda text: text.replace("samples/", f"samples/{token}/")  # noqa: E731
    event = json.loads(own(sample.read_text()).replace("EXAMPLE-write-key", os.environ.get("SEGMENT_WRITE_KEY", "")))
    if objects.exists():
        body = gzip.compress(own(objects.read_text()).encode(), mtime=0)
        for bucket, key in objects_in(event):
            storage().put_object(Bucket=bucket, Key=key, Body=body)
    return event


def with_data_files(sample: Path, objects: Path, token: str) -> dict:
    """The sample's event, with the data files that its messages name in the lake bucket."""
    own = lambda text: text.replace("samples/", f"samples/{token}/")  # noqa: E731
    event = json.loads(own(sample.read_text()))
    if objects.exists():
        rows = [json.loads(line) for line in own(objects.read_text()).splitlines()]
        for record in event["Records"]:
            message = json.loads(record["body"])
            for uri in message.get("data_files", []):
                bucket, _, key = uri.removeprefix("s3://").partition("/")
                storage().put_object(Bucket=bucket, Key=key, Body=data_file(message["run"]["dataset"], rows))
    return event


def data_file(dataset: str, rows: list[dict]) -> bytes:
    """Rows as Parquet; a row need not have every column."""
    domain, _, table = dataset.partition(".")
    contract = yaml.safe_load((ROOT / "shared" / "contracts" / domain / f"{table}.odcs.yaml").read_text())
    columns = [(column["name"], column["physicalType"]) for column in contract["schema"][0]["properties"]]
    schema = pyarrow.schema([(name, ARROW_TYPES[physical_type]) for name, physical_type in columns])
    arrays = [[cell(row.get(name), physical_type) for row in rows] for name, physical_type in columns]
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(arrays, schema=schema), file)
    return file.getvalue()


def cell(value, physical_type: str):
    """What JSON has no type for is text there."""
    if value is None:
        return None
    match physical_type:
        case "timestamp":
            return datetime.fromisoformat(value)
        case "date":
            return date.fromisoformat(value)
        case "decimal(38,6)":
            return Decimal(value)
    return value


def objects_in(event):
    """Bucket and key of each object that an event names, however deep it is wrapped."""
    if isinstance(event, str):
        try:
            event = json.loads(event)
        except ValueError:
            return
    if isinstance(event, list):
        for element in event:
            yield from objects_in(element)
    if not isinstance(event, dict):
        return
    if event.get("source") == "aws.s3":
        yield event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    elif "s3" in event:
        yield event["s3"]["bucket"]["name"], unquote_plus(event["s3"]["object"]["key"])
    else:
        for name in ("Records", "body", "Message"):
            yield from objects_in(event.get(name))


def with_real_requests(event: dict, sample: Path, token: str) -> dict:
    """A commit request and its data files are made by segment-transform: what the sample points to gives way to them."""
    if not objects_of(sample).exists():
        return event
    with a_queue(f"sample-{token}.fifo") as queue:
        variables = deployed_variables("segment-transform") | {"COMMITS_QUEUE_URL": queue}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as notification:
            json.dump(with_objects(TRANSFORM_SAMPLE, objects_of(sample), token), notification)
            notification.flush()
            finished = container("segment-transform", Path(notification.name), variables, stdout=subprocess.DEVNULL)
        if finished.returncode != 0:
            sys.exit(finished.returncode)
        for record in event["Records"]:
            record["body"] = receive(queue)
    return event


@contextmanager
def a_queue(name: str):
    """A FIFO queue that only this invocation knows, so that no function of the stack takes what is meant for the sample."""
    queues = boto3.client("sqs")
    url = queues.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    try:
        yield url
    finally:
        queues.delete_queue(QueueUrl=url)


def receive(queue: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for message in boto3.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
            return message["Body"]
    raise SampleError("segment-transform asked for no commit")


def container(function: str, event: Path, variables: dict[str, str], stdout=None) -> subprocess.CompletedProcess:
    logical_id = "".join(word.capitalize() for word in function.split("-")) + "Function"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({logical_id: variables}, file)
        file.flush()
        environment = os.environ | {"ENV_VARS_FILE": file.name}
        return subprocess.run([CONTAINER, "invoke", logical_id, event], cwd=ROOT, env=environment, stdout=stdout, check=False)


def deployed_variables(function: str) -> dict[str, str]:
    """What the deployed function is told, so that the container works on the same buckets, tables and queues."""
    return configuration_of(function)["Environment"]["Variables"]


def configuration_of(function: str) -> dict:
    """How a function is deployed."""
    output = f"{function.replace('-', '_').upper()}_FUNCTION_NAME"
    if output not in os.environ:
        raise SampleError(f"the stack is not up, or has no function {function} ({output} is not set)")
    return boto3.client("lambda").get_function_configuration(FunctionName=os.environ[output])


def storage():
    return boto3.client("s3", config=Config(s3={"addressing_style": "path"}))


def objects_of(sample: Path) -> Path:
    return sample.parent / "objects" / f"{sample.stem}.ndjson"


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or not Path(sys.argv[2]).is_file():
        sys.exit("usage: make invoke FUNCTION=<a folder of functions/> EVENT=<a file of events/>")
    try:
        sys.exit(main(sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3] if len(sys.argv) == 4 else uuid.uuid4().hex))
    except SampleError as error:
        sys.exit(f"invoke: {error}")
