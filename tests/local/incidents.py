"""Incidents and data downtime of the stack that `make up` deployed.

    incidents.py list [open|all] [DATASET] [FROM] [TO]
    incidents.py acknowledge ID [BY]
    incidents.py mute ID HOURS [BY]
    incidents.py unmute ID [BY]
    incidents.py close ID [BY]
    incidents.py downtime [FROM] [TO]

FROM and TO are UTC days as 2026-10-24; an ID may be its first characters, as the list shows them. An empty argument is one that is
not given. Expects the variables that `make -s env` prints.
"""

import getpass
import json
import os
import shutil
import sys
import textwrap
from datetime import datetime, timezone

import boto3
from botocore.config import Config

# So much of an id is shown; it tells apart more incidents than anybody has open.
SHORT_ID = 8
STATES = ("open", "all")


def invoke(order: dict) -> dict:
    """The answer of the function."""
    functions = boto3.client("lambda", config=Config(read_timeout=330, retries={"max_attempts": 0}))
    answer = functions.invoke(FunctionName=os.environ["WATCH_FUNCTION_NAME"], Payload=json.dumps(order).encode())
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SystemExit(f"incidents: {result.get('errorMessage', 'the function failed and does not say why')}")
    if "refused" in result:
        raise SystemExit(f"incidents: {result['refused']}")
    return result


def given(**members: str) -> dict:
    return {name: value for name, value in members.items() if value}


def list_incidents(state: str = "", dataset: str = "", first: str = "", last: str = "") -> None:
    if state and state not in STATES:
        raise SystemExit(f"incidents: STATE is one of {', '.join(STATES)}")
    answer = invoke({"incidents": given(state=state, dataset=dataset, **{"from": first, "to": last})})
    incidents = answer["incidents"]
    for line in table_of(incidents, datetime.now(timezone.utc), shutil.get_terminal_size().columns):
        print(line)
    if answer["more"]:
        print(f"and {answer['more']:,} more: name a DATASET or days (FROM, TO)")
    opened = sum(one["state"] != "resolved" for one in incidents)
    told = sum(one["state"] != "resolved" and "root" not in one for one in incidents)
    print(f"{opened} open, {told} of them on their own; {len(incidents) - opened} resolved" if incidents else "no incidents")
    if opened:
        print("ACK=id takes one on, MUTE=id HOURS=8 keeps it quiet, UNMUTE=id does not any more, CLOSE=id ends what nothing else ends")


def table_of(incidents: list, now: datetime, width: int) -> list[str]:
    """A line an incident and what is wrong below it; what is grouped under another stands behind that."""
    lines = []
    names = max((len(one["dataset"]) for one in incidents), default=0)
    for one in in_groups(incidents):
        indent = "  " if "root" in one else ""
        until = moment(one["resolved_at"]) if "resolved_at" in one else now
        lasted = span((until - moment(one["since"])).total_seconds())
        lines.append(f"{one['id'][:SHORT_ID]}  {indent + one['severity']:<10}  {one['dataset']:<{names}}  {one['monitor']}/{one['cause']}")
        if "root" in one:
            continue
        margin = " " * (SHORT_ID + 2)
        notes = [f"since {moment(one['since']):%Y-%m-%d %H:%M} UTC ({lasted})", standing(one)]
        notes += [f"owner {one['owner']}"] if one.get("owner") else []
        notes += [f"{one['recurrence']['count'] + 1} times in 30 days"] if one["recurrence"]["count"] else []
        for text in (one["summary"], ", ".join(notes)):
            lines += textwrap.wrap(text, max(width, 60), initial_indent=margin, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)
        for detail in (*one["evidence"].get("details", []), *one.get("objects", [])):
            lines.append(f"{margin}- {detail}")
        affected = len(one.get("affected", [])) + one["affected_more"]
        if affected:
            lines.append(f"{margin}{affected} downstream: {', '.join(member['dataset'] for member in one['affected'][:5])}{', ...' if affected > 5 else ''}")
    return lines


def in_groups(incidents: list) -> list:
    """The order of the list, with each incident behind its root."""
    there = {one["id"] for one in incidents}
    members = {}
    alone = []
    for one in incidents:
        root = one.get("root", {}).get("id")
        if root in there:
            members.setdefault(root, []).append(one)
        else:
            alone.append(one)
    return [each for one in alone for each in (one, *members.get(one["id"], []))]


def standing(one: dict) -> str:
    if one["state"] == "resolved":
        return f"resolved: {one.get('resolution', 'the data is good again')}"
    state = f"taken on by {one['acknowledged_by']}" if one["state"] == "acknowledged" else "open"
    return f"{state}, muted until {moment(one['muted_until']):%Y-%m-%d %H:%M} UTC" if "muted_until" in one else state


def say(kind: str, identifier: str, **more: str | int) -> None:
    """Has somebody say something of an incident."""
    one = invoke({kind: {"id": whole(identifier), **more}})["incident"]
    print(f"{one['dataset']}  {one['monitor']}/{one['cause']}: {standing(one)}")


def whole(identifier: str) -> str:
    """The id that begins so, of those that are open."""
    if len(identifier) >= 36:
        return identifier
    found = [one["id"] for one in invoke({"incidents": {}})["incidents"] if one["id"].startswith(identifier)]
    if len(found) != 1:
        raise SystemExit(f"incidents: {len(found)} open incidents have an id that begins with {identifier}")
    return found[0]


def downtime(first: str = "", last: str = "") -> None:
    answer = invoke({"downtime": given(**{"from": first, "to": last})})
    for line in downtime_tables(answer):
        print(line)


def downtime_tables(answer: dict) -> list[str]:
    """By domain, by dataset and by day; datasets and days that were good throughout are counted."""
    lines = [f"downtime from {answer['from'][:10]} to {answer['to'][:16].replace('T', ' ')} UTC"]
    bad_datasets = {name: of for name, of in answer["datasets"].items() if of["incidents"]}
    bad_days = {day: of for day, of in answer["days"].items() if of["incidents"]}
    total = {"all datasets": answer["total"]} if answer.get("total") else {}
    lines += rows("domain", answer["domains"] | total)
    if bad_datasets:
        lines += ["", *rows("dataset", bad_datasets)]
    if bad_days:
        lines += ["", *rows("day", bad_days)]
    good = len(answer["datasets"]) - len(bad_datasets)
    lines += ["", f"{good} of {len(answer['datasets'])} datasets and {len(answer['days']) - len(bad_days)} of {len(answer['days'])} days without downtime"]
    return lines


def rows(head: str, of: dict) -> list[str]:
    width = max(len(head), *(len(name) for name in of))
    lines = [f"{head:<{width}}  {'incidents':>9}  {'downtime':>10}  {'to detect':>10}  {'to resolve':>10}  {'attained':>9}"]
    for name, one in of.items():
        detect, resolve = (span(one[f"mean_seconds_to_{what}"]) for what in ("detect", "resolve"))
        lines.append(
            f"{name:<{width}}  {one['incidents']:>9,}  {span(one['downtime_seconds']):>10}  {detect:>10}  {resolve:>10}  {one['attainment']:>9.3%}"
        )
    return lines


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def span(seconds: float | None) -> str:
    """Seconds in the two units that fit: `2 d 3 h`."""
    if seconds is None:
        return "-"
    minutes = round(seconds / 60)
    if minutes == 0:
        return f"{round(seconds)} s" if seconds else "0"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(parts[:2])


def main(arguments: list[str]) -> int:
    if "WATCH_FUNCTION_NAME" not in os.environ:
        print("incidents: the stack is not up; `make up` first", file=sys.stderr)
        return 1
    me = os.environ.get("BY") or getpass.getuser()
    match arguments:
        case ["list", *rest]:
            list_incidents(*rest)
        case ["acknowledge" | "unmute" | "close" as kind, identifier, *rest] if identifier:
            say(kind, identifier, by=next(filter(None, rest), me))
        case ["mute", identifier, hours, *rest] if identifier:
            if not hours.isdigit():
                raise SystemExit("incidents: MUTE needs HOURS, a whole number")
            say("mute", identifier, hours=int(hours), by=next(filter(None, rest), me))
        case ["downtime", *rest]:
            downtime(*rest)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
