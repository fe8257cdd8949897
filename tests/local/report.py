"""The campaign report of the stack that `make up` deployed: has it made, keeps the page and the table here, opens the page.

    report.py [FROM TO]        days as 2026-10-24; without them the days that the stack is set to

Expects the variables that `make -s env` prints.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".tributary" / "report"


class ReportError(Exception):
    """Says in one line why there is no report."""


def invoke(event: dict) -> dict:
    """The answer of the function."""
    # A first page after months of changes takes longer than the client would wait.
    functions = boto3.client("lambda", config=Config(read_timeout=300, retries={"max_attempts": 0}))
    answer = functions.invoke(FunctionName=os.environ["REPORT_FUNCTION_NAME"], Payload=json.dumps(event).encode())
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise ReportError(result.get("errorMessage", "the function failed and does not say why"))
    return result


def make(first: str | None = None, last: str | None = None) -> Path:
    """Has the report made; the page, as a file."""
    event = {"task": "page", "id": f"asked-{uuid.uuid4().hex[:12]}"}
    if first and last:
        event |= {"from": first, "to": last}
    report = invoke(event)["report"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    page = FOLDER / "campaign-performance.html"
    # By its link, as whoever gets the message opens it.
    with urllib.request.urlopen(report["link"]) as answer:
        page.write_bytes(answer.read())
    bucket, _, key = report["table"].removeprefix("s3://").partition("/")
    storage = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    storage.download_file(bucket, key, str(FOLDER / "campaign-performance.csv"))
    return page


def open_page(page: Path) -> None:
    """Opens it where there is a desktop to open it on."""
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    has_display = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if has_display and shutil.which(opener):
        subprocess.Popen([opener, str(page)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def main() -> int:
    if "REPORT_FUNCTION_NAME" not in os.environ:
        print("report: the stack is not up; `make up` first", file=sys.stderr)
        return 1
    if len(sys.argv) not in (1, 3):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        page = make(*sys.argv[1:])
    except ReportError as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    print(f"page   {page.relative_to(ROOT)}")
    print(f"table  {page.with_suffix('.csv').relative_to(ROOT)}")
    open_page(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
