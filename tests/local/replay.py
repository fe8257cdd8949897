"""Sends what was kept aside, or has landed, through again in the stack that `make up` deployed.

    replay.py held DATASET [list|release|drop] [FROM] [TO] [OBJECT]
    replay.py quarantined DATASET|all [list|try|run] [FROM] [TO] [OBJECT] [REASON]
    replay.py landed PREFIX [list|try|run] [FROM] [TO] [DATASETS]

FROM and TO are UTC days as 2026-10-24, OBJECT what an object's URI begins with, PREFIX what keys in the landing bucket begin with.
An empty argument is one that is not given. Expects the variables that `make -s env` prints.
"""

import json
import os
import sys
import time

import boto3
from botocore.config import Config

# An order is followed until every object was read, as long as that goes on.
PATIENCE_SECONDS = 900


def invoke(order: dict) -> dict:
    """The answer of the function."""
    functions = boto3.client("lambda", config=Config(read_timeout=330, retries={"max_attempts": 0}))
    answer = functions.invoke(FunctionName=os.environ["REPLAY_FUNCTION_NAME"], Payload=json.dumps(order).encode())
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SystemExit(f"replay: {result.get('errorMessage', 'the function failed and does not say why')}")
    return result


def held(order: dict) -> None:
    """Lists, releases or drops rows that checks keep from their table."""
    more = True
    while more:
        answer = invoke({"held": order})
        for one in answer["held"]:
            print(f"{one['held_at'][:19]}  {one['state']:<10}  {one['rows']:>8} rows  {one['object']}\n{'':21}{one['reason']}")
        print(f"{answer['action']}: {answer['rows']:,} rows")
        # Whoever only looks has seen enough; what is to be done is done to its end.
        more = answer["has_more"] and answer["action"] != "list"


def reread(kind: str, order: dict) -> None:
    """Lists objects, tries them or reads them again, and tells what came of it."""
    objects = 0
    replay = None
    while True:
        answer = invoke({kind: order})
        replay = answer["replay"]
        objects += len(answer["objects"])
        for one in answer["objects"]:
            read = one["read_again"]
            print(f"s3://{read['bucket']}/{read['key']}")
            for rows in one["quarantined"]:
                tried = f", refused again {rows['tries']} times" if rows["tries"] else ""
                print(f"{'':4}{rows['rows']:>8}  {rows['reason']:<24} {rows.get('dataset', 'no dataset')}{tried}")
        for key in answer["unreadable"]:
            print(f"{key}: no transform reads it, so it cannot be read again")
        if "next" not in answer:
            break
        order = {**order, "replay": replay, "after": answer["next"]}
    print(f"{answer['action']}: {objects:,} objects")
    if answer["action"] != "list" and objects:
        follow(replay, answer["action"] == "try")


def follow(replay: str, is_trial: bool) -> None:
    """Waits until every object of an order was read, and prints what became of their rows."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        status = invoke({"status": {"replay": replay}})
        if status["done"] >= status["objects"] or status["has_more"]:
            break
        if time.monotonic() > deadline:
            raise SystemExit(f"replay {replay}: {status['done']} of {status['objects']} objects were read so far; see the transforms' dead-letter queues")
        time.sleep(1)
    for outcome in ("gone", "damaged", "passed_by"):
        if status[outcome]:
            print(f"{status[outcome]:,} objects: {outcome.replace('_', ' ')}")
    for dataset, counts in status["datasets"].items():
        before, now = counts["quarantined_before"], counts["quarantined"]
        verb = "would pass" if is_trial else "passed"
        line = f"{dataset or 'no dataset'}: "
        if before:
            line += f"of {before:,} in quarantine {max(before - now, 0):,} {verb}; "
        line += f"{counts['committed']:,} rows {'would be' if is_trial else 'go'} in the table, {now:,} in quarantine"
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts["quarantined_by_reason"].items())
        print(line + (f" ({reasons})" if reasons else ""))
        if counts["held"]:
            print(f"{'':4}{counts['held']:,} held: {'; '.join(counts['failed_checks'])}")
    print(f"order {replay}")


def main() -> int:
    if "REPLAY_FUNCTION_NAME" not in os.environ:
        print("replay: the stack is not up; `make up` first", file=sys.stderr)
        return 1
    names = {
        "held": ["dataset", "action", "from", "to", "object"],
        "quarantined": ["dataset", "action", "from", "to", "object", "reason"],
        "landed": ["prefix", "action", "from", "to", "datasets"],
    }
    kind, values = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if kind not in names or not values or not values[0] or len(values) > len(names[kind]):
        print(__doc__, file=sys.stderr)
        return 2
    order = {name: value for name, value in zip(names[kind], values) if value}
    if kind == "held":
        held(order)
        return 0
    if kind == "quarantined" and order["dataset"] == "all":
        del order["dataset"]
    if "datasets" in order:
        order["datasets"] = order["datasets"].replace(",", " ").split()
    reread(kind, order)
    return 0


if __name__ == "__main__":
    sys.exit(main())
