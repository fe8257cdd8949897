"""The demo's story of data that goes wrong and comes right again, told by the incidents that the stack opens and resolves by itself.

A fortnight of segment.aliases is in the ledger; then its source falls silent, comes back with half a day, calls a member by another name
and is joined by a second source. What the last fortnight was like is written to the ledger as runs, for no file can be dropped in the
past; everything from then on is a file in the landing bucket. That nothing comes is found by `watch`, all else by `observe`.
"""

import gzip
import json
import os
import random
import time
import uuid
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config

DATASET = "segment.aliases"
JOB = "segment-transform"
DAYS = 14
ROWS_AN_HOUR = 200
# So long nothing may be observed before the demo gives up.
PATIENCE_SECONDS = 120
# Rows of other sources that came before are no silence.
QUIET = timedelta(hours=6)
NAMESPACE = uuid.UUID("0a4f9f0e-7d1c-4b36-9a57-3f1f6f2f7c11")
COLUMNS = [
    "message_id", "received_at", "timestamp", "original_timestamp", "sent_at", "anonymous_id", "user_id", "channel", "previous_id",
    "context_locale", "context_library_name", "context_library_version",
]


def show() -> bool:
    """Tells the story; false where an incident does not come or go in time."""
    print(f"\nData observability: a fortnight of {DATASET}, hour by hour, and then a bad day.\n")
    await_closed_day()
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    story = Story(today)
    if not story.is_silent():
        print(f"  {DATASET} had rows in the last hours, so it is not silent; `make down`, then `make demo` tells the story from its beginning.")
        return True
    if not story.load_history():
        return False
    story.watch()
    return all(
        [
            story.expect("its source has been silent for a day", opened="late"),
            story.drop("yesterday, half of the rows", hours=24, share=0.5),
            story.expect("yesterday comes with half its rows", opened="rows_low", resolved="late"),
            story.drop("yesterday, the other half", hours=24, share=0.5),
            story.expect("the other half comes", resolved="rows_low"),
            story.drop("today, context.locale is called context.language", rename=True),
            story.expect("a member has another name", opened="renamed"),
            story.drop("today, context.locale again"),
            story.expect("it has its name back", resolved="renamed"),
            story.drop("today, from a source called mobile", source="mobile"),
            story.expect("a second source writes the dataset", opened="edge_added"),
        ]
    )

# Columns that have one value in all rows.
CONSTANT = {"channel", "context_locale", "context_library_name", "context_library_version"}


def await_closed_day() -> None:
    """Waits until yesterday is closed: that it is short is told a quarter of an hour after its end."""
    now = datetime.now(timezone.utc)
    closed = now.replace(hour=0, minute=16, second=0, microsecond=0)
    if now < closed:
        print(f"  Yesterday is closed at {closed:%H:%M} UTC; waiting for that.", flush=True)
        time.sleep((closed - now).total_seconds())


class Patience:
    """Lasts for as long as runs are observed, and `PATIENCE_SECONDS` more: a machine that is slow is not one that is stuck."""

    def __init__(self, observations):
        self.observations = observations
        self.observed = -1
        self.deadline = 0.0

    def lasts(self) -> bool:
        observed = self.count()
        if observed != self.observed:
            self.observed = observed
            self.deadline = time.monotonic() + PATIENCE_SECONDS
        return time.monotonic() < self.deadline

    def count(self) -> int:
        """Grows with the runs that are observed, of whatever dataset."""
        states = self.observations.query(
            KeyConditionExpression="subject = :datasets", ConsistentRead=True, ExpressionAttributeValues={":datasets": "datasets"},
        )
        return sum(int(state.get("version", 0)) for state in states["Items"])


class Story:
    def __init__(self, today: datetime):
        self.today = today
        self.began = time.time()
        self.seed = f"aliases-{int(self.began)}"
        self.files = 0
        self.dropped_at = self.began
        self.s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
        self.functions = boto3.client("lambda", config=Config(read_timeout=330, retries={"max_attempts": 0}))
        self.source = "web"
        self.observations = boto3.resource("dynamodb").Table(os.environ["OBSERVATIONS_TABLE"])

    def last_arrival(self) -> datetime | None:
        """When the newest input of the dataset that was observed arrived."""
        key = {"subject": "datasets", "part": DATASET}
        state = self.observations.get_item(Key=key, ConsistentRead=True).get("Item", {})
        return datetime.fromisoformat(state["last_arrival"].replace("Z", "+00:00")) if state.get("last_arrival") else None

    def is_silent(self) -> bool:
        arrived = self.last_arrival()
        return arrived is None or arrived < datetime.now(timezone.utc) - QUIET

    def load_history(self) -> bool:
        """Writes the fortnight before yesterday to the ledger; false where it is not observed."""
        runs = [
            self.run(self.today - timedelta(days=day), hour)
            for day in range(DAYS + 1, 1, -1)
            for hour in range(24)
        ]
        ledger = boto3.resource("dynamodb").Table(os.environ["RUNS_TABLE"])
        with ledger.batch_writer() as batch:
            for run in runs:
                batch.put_item(Item=run)
        last = datetime.fromisoformat(runs[-1]["arrived_at"].replace("Z", "+00:00"))
        patience = Patience(self.observations)
        counted = 0
        while patience.lasts():
            arrived = self.last_arrival()
            counted = len(self.observations.query(
                KeyConditionExpression="subject = :dataset AND begins_with(part, :hours)", ConsistentRead=True,
                ExpressionAttributeValues={":dataset": DATASET, ":hours": "volume#event#hour#"},
            )["Items"])
            if arrived and arrived >= last and counted >= len(runs):
                print(f"  {len(runs)} runs with {sum(run['rows']['committed'] for run in runs):,} rows observed after {time.time() - self.began:.1f} s")
                return True
            time.sleep(0.3)
        print(f"  of {len(runs)} runs {counted} were observed, and no more for {PATIENCE_SECONDS} s")
        return False

    def run(self, day: datetime, hour: int) -> dict:
        """A run as segment-transform would have left it."""
        chance = random.Random(f"{day}-{hour}")
        rows = int(ROWS_AN_HOUR * (0.6 if hour < 7 else 1.2) * chance.uniform(0.95, 1.05))
        arrived = moment(day + timedelta(hours=hour + 1, minutes=10, seconds=chance.randint(0, 40)))
        label = f"{day:%Y-%m-%d}T{hour:02d}"
        return {
            "run_id": str(uuid.uuid5(NAMESPACE, label)),
            "job": JOB,
            "input": {
                "bucket": os.environ["LANDING_BUCKET"], "key": f"segment/segment-logs/web/{int(day.timestamp() * 1000)}/{hour:02d}.gz",
                "checksum": uuid.uuid5(NAMESPACE, f"{label} bytes").hex,
            },
            "dataset": DATASET,
            "outcome": "committed",
            "arrived_at": arrived, "started_at": arrived, "finished_at": arrived,
            "rows": {"routed": rows, "committed": rows, "quarantined": 0, "deduplicated": 0, "discarded": 0, "held": 0},
            # Nobody knows how large the files would have been, so nothing is said of that.
            "bytes_written": 0,
            "contract_version": "1.0.0",
            "event_time": {"from": moment(day + timedelta(hours=hour)), "to": moment(day + timedelta(hours=hour, minutes=59))},
            "rows_by_event_time": {label: rows},
            "unknown_members": {"version:number": rows},
            "columns": [{"name": name, "null_count": 0, "distinct_estimate": 1 if name in CONSTANT else rows} for name in COLUMNS],
        }

    def drop(self, what: str, hours: int = 0, share: float = 1.0, rename: bool = False, source: str = "web") -> bool:
        """Drops a file of yesterday's hours, or of the last minutes of today."""
        self.files += 1
        chance = random.Random(f"{self.seed}-{self.files}")
        first = self.today - timedelta(days=1) if hours else datetime.now(timezone.utc) - timedelta(minutes=2)
        rows = int(ROWS_AN_HOUR * 24 * 1.025 * share) if hours else ROWS_AN_HOUR
        lines = []
        for number in range(rows):
            at = first + timedelta(seconds=(chance.uniform(0, hours * 3600) if hours else chance.uniform(0, 100)))
            lines.append(json.dumps(alias(f"{self.seed}-{self.files}-{number}", at, "language" if rename else "locale", chance)))
        key = f"segment/segment-logs/{source}/{int(self.today.timestamp() * 1000)}/{self.seed}-{self.files}.gz"
        self.dropped_at = time.time()
        self.s3.put_object(Bucket=os.environ["LANDING_BUCKET"], Key=key, Body=gzip.compress("\n".join(lines).encode() + b"\n", mtime=0))
        print(f"\n  {rows:,} rows dropped: {what}", flush=True)
        return True

    def watch(self) -> None:
        """What the clock does every five minutes."""
        self.dropped_at = time.time()
        self.invoke({"watch": {}})

    def invoke(self, order: dict) -> dict:
        answer = self.functions.invoke(FunctionName=os.environ["WATCH_FUNCTION_NAME"], Payload=json.dumps(order).encode())
        return json.loads(answer["Payload"].read())

    def incidents(self) -> list[dict]:
        return self.invoke({"incidents": {"state": "all", "dataset": DATASET}})["incidents"]

    def expect(self, what: str, opened: str = "", resolved: str = "") -> bool:
        """Waits until an incident is open, and another is resolved."""
        patience = Patience(self.observations)
        waiting = {(name, cause) for name, cause in (("opened", opened), ("resolved", resolved)) if cause}
        while waiting and patience.lasts():
            known = self.incidents()
            for name, cause in sorted(waiting):
                is_open = [one for one in known if cause in one["cause"] and one["state"] != "resolved"]
                was_open = [one for one in known if cause in one["cause"] and one["state"] == "resolved"]
                if name == "opened" and is_open:
                    show_incident("opened", is_open[0], time.time() - self.dropped_at)
                    waiting.discard((name, cause))
                if name == "resolved" and was_open and not is_open:
                    show_incident("resolved", was_open[-1], time.time() - self.dropped_at)
                    waiting.discard((name, cause))
            time.sleep(0.2)
        for name, cause in sorted(waiting):
            print(f"  {what}: no incident `{cause}` was {name}, and nothing was observed for {PATIENCE_SECONDS} s")
        return not waiting


def show_incident(change: str, one: dict, seconds: float) -> None:
    print(f"  {change:<8} after {seconds:4.1f} s  {one['severity']:<8}  {one['monitor']}/{one['cause']}")
    print(f"           {one['summary'] if change == 'opened' else one.get('resolution', '')}", flush=True)


def alias(message_id: str, at: datetime, locale: str, chance: random.Random) -> dict:
    person = chance.randint(1, 10**6)
    return {
        "type": "alias",
        "messageId": message_id,
        "anonymousId": f"anonymous-{person}",
        "previousId": f"anonymous-{person}",
        "userId": f"user-{person}",
        "channel": "client",
        "context": {"library": {"name": "analytics.js", "version": "next-1.70.0"}, locale: "de-DE"},
        "originalTimestamp": moment(at), "sentAt": moment(at), "receivedAt": moment(at), "timestamp": moment(at),
        "version": 2,
    }


def moment(at: datetime) -> str:
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
