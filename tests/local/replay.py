"""Lists, releases or drops the rows that checks keep from their table, in the stack that `make up` deployed.

    replay.py DATASET [list|release|drop] [FROM] [TO] [OBJECT]

FROM and TO are UTC days as 2026-10-24, OBJECT what the input's URI begins with. Expects the variables that `make -s env` prints.
"""

import json
import os
import sys

import boto3
from botocore.config import Config


def invoke(order: dict) -> dict:
    """The answer of the function."""
    functions = boto3.client("lambda", config=Config(read_timeout=330, retries={"max_attempts": 0}))
    answer = functions.invoke(FunctionName=os.environ["REPLAY_FUNCTION_NAME"], Payload=json.dumps(order).encode())
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SystemExit(f"replay: {result.get('errorMessage', 'the function failed and does not say why')}")
    return result


def main() -> int:
    if "REPLAY_FUNCTION_NAME" not in os.environ:
        print("replay: the stack is not up; `make up` first", file=sys.stderr)
        return 1
    names = ["dataset", "action", "from", "to", "object"]
    values = sys.argv[1:]
    if not values or not values[0] or len(values) > len(names):
        print(__doc__, file=sys.stderr)
        return 2
    order = {name: value for name, value in zip(names, values) if value}
    more = True
    while more:
        answer = invoke({"held": order})
        for held in answer["held"]:
            print(f"{held['held_at'][:19]}  {held['state']:<10}  {held['rows']:>8} rows  {held['object']}\n{'':21}{held['reason']}")
        print(f"{answer['action']}: {answer['rows']:,} rows")
        # Whoever only looks has seen enough; what is to be done is done to its end.
        more = answer["has_more"] and answer["action"] != "list"
    return 0


if __name__ == "__main__":
    sys.exit(main())
