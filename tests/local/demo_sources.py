"""The other sources of the demo, each with its real client or its vendor's format, shown as they arrive.

Each sends something, and is watched in the ledger until its rows are committed.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
POSTGRESQL = ROOT / "tests" / "local" / "postgresql.sh"
CANNOT_RUN = 77
MESSAGES_OF_EACH_TYPE = 20
TYPES = 6
ORDERS = 50


@dataclass
class Arrival:
    """Rows that a source was given, and where the ledger will tell of them."""

    source: str
    did: str
    prefix: str
    rows: int
    sent_at: float
    seconds: float | None = None
    committed: int = 0

    def look(self, runs: list[dict]) -> None:
        """Counts what the ledger has of it by now."""
        mine = [run for run in runs if run["input"]["key"].startswith(self.prefix) and moment(run["arrived_at"]) >= self.sent_at - 2]
        self.committed = sum((run.get("rows") or {}).get("committed", 0) for run in mine if run.get("dataset"))
        if self.committed >= self.rows and self.seconds is None:
            self.seconds = max(moment(run["finished_at"]) for run in mine) - self.sent_at


def moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Sources:
    """What was sent, and the PostgreSQL server that runs meanwhile."""

    def __init__(self, storage) -> None:
        self.storage = storage
        self.token = f"demo-{int(time.time())}"
        self.folder = Path(f"/tmp/tributary-{self.token}")
        self.database = f"shop_{int(time.time())}"
        self.notes: list[str] = []

    def send(self) -> list[Arrival]:
        arrivals = [self.segment_library(), self.ads_report(), self.ads_answer(), self.migration_service(), self.dynamodb()]
        return [arrival for arrival in [*arrivals, self.postgresql()] if arrival]

    def segment_library(self) -> Arrival | None:
        sent_at = time.time()
        client = [sys.executable, str(ROOT / "tests/python/segment_client.py"), os.environ["SEGMENT_COLLECT_URL"], os.environ["SEGMENT_WRITE_KEY"]]
        subprocess.run([*client, self.token, str(MESSAGES_OF_EACH_TYPE)], check=True)
        rows = TYPES * MESSAGES_OF_EACH_TYPE
        return Arrival("Segment's library", f"{rows} messages sent to the function URL", "segment/segment-logs/default/", rows, sent_at)

    def ads_report(self) -> Arrival:
        """As a person downloads it: UTF-16, tabs, German names and numbers."""
        days = [datetime.now(timezone.utc).date() - timedelta(days=ago) for ago in range(1, 8)]
        lines = ["Kampagnenbericht", f"{days[-1]} - {days[0]}", "Tag\tKampagne\tKampagnen-ID\tWährungscode\tImpr.\tKlicks\tKosten"]
        lines += [f"{day}\tFrühjahr\t4711\tEUR\t1.000\t{20 + day.day}\t{day.day},50" for day in days]
        key = f"google-ads/reports/123-456-7890/{self.token}.csv"
        return self.drop("Google Ads report", "a UTF-16 CSV with German numbers", key, "\r\n".join(lines).encode("utf-16"), len(days))

    def ads_answer(self) -> Arrival:
        """As `google-ads-pull` lands Google's answer."""
        day = datetime.now(timezone.utc).date() - timedelta(days=1)
        results = [
            {
                "clickView": {"gclid": f"{self.token}-{number}"},
                "campaign": {"id": "4711", "name": "Frühjahr"},
                "customer": {"id": "1234567890"},
                "segments": {"date": str(day)},
            }
            for number in range(100)
        ]
        body = json.dumps([{"results": results, "requestId": self.token}]).encode()
        pulled_at = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ")
        key = f"google-ads/search-stream/click_view/1234567890/{day}_{day}/{pulled_at}.json"
        return self.drop("Google Ads API", "a searchStream answer", key, body, len(results))

    def migration_service(self) -> Arrival:
        """A full load as the Database Migration Service writes it: no header, the commit's moment first."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        for number in range(ORDERS):
            rows.writerow([now, f"{self.token}-{number}", 7, "paid", "EUR", f"{number}.99", "0.00", "", now[:19], now[:19]])
        key = f"databases/dms/{self.token}/shop/orders/LOAD00000001.csv"
        return self.drop("AWS DMS", "a full load of shop.orders", key, text.getvalue().encode(), ORDERS)

    def drop(self, source: str, did: str, key: str, body: bytes, rows: int) -> Arrival:
        self.storage.put_object(Bucket=os.environ["LANDING_BUCKET"], Key=key, Body=body)
        return Arrival(source, f"{did} dropped", key, rows, time.time())

    def dynamodb(self) -> Arrival:
        sent_at = time.time()
        name = os.environ["EXAMPLE_ORDERS_TABLE"]
        table = boto3.resource("dynamodb").Table(name)
        for number in range(10):
            item = {"id": f"{self.token}-{number}", "status": "new", "currency": "EUR", "total": number}
            table.put_item(Item=item)
        table.delete_item(Key={"id": f"{self.token}-0"})
        return Arrival("DynamoDB", f"10 items put into {name}, 1 deleted", f"databases/dynamodb/{name}/", 11, sent_at)

    def postgresql(self) -> Arrival | None:
        """A real server with the triggers in it; `aws_lambda` is a stand-in that calls the local Lambda."""
        started = subprocess.run(["bash", str(POSTGRESQL), "start", str(self.folder)], capture_output=True, text=True)
        if started.returncode == CANNOT_RUN:
            self.notes.append(f"PostgreSQL was left out: {started.stderr.strip()}")
            return None
        if started.returncode:
            raise RuntimeError(started.stderr)
        self.psql("postgres", f"create database {self.database}")
        settings = {
            "endpoint": os.environ["AWS_ENDPOINT_URL"], "region": os.environ["AWS_REGION"],
            "access_key": os.environ["AWS_ACCESS_KEY_ID"], "secret_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        }
        self.psql(self.database, "\n".join([
            f"\\i {ROOT}/tests/local/postgresql/aws_lambda.sql",
            f"\\i {ROOT}/functions/database-capture/postgresql/install.sql",
            *(f"alter database {self.database} set tributary_test.{name} = '{value}';" for name, value in settings.items()),
            f"select tributary.configure('{os.environ['DATABASE_CAPTURE_FUNCTION_NAME']}');",
            "create schema shop;",
            """create table shop.orders (id text primary key, customer_id bigint, status text, currency text, total numeric,
               discount numeric, gclid text, ordered_at timestamptz, updated_at timestamptz);""",
            "select tributary.attach('shop.orders');",
        ]))
        sent_at = time.time()
        self.psql(self.database, f"""
            insert into shop.orders select '{self.token}-pg-' || n, n % 7, 'new', 'EUR', n + 0.99, 0, null, now(), now() from generate_series(1, {ORDERS}) n;
            update shop.orders set status = 'paid', updated_at = now() where id = '{self.token}-pg-1';
            delete from shop.orders where id = '{self.token}-pg-2';
            begin; delete from shop.orders; rollback;""")
        did = f"{ORDERS} rows inserted, 1 updated, 1 deleted, all deleted and rolled back"
        return Arrival("PostgreSQL", did, f"databases/changes/{self.database}/", ORDERS + 2, sent_at)

    def current_rows(self) -> list[dict]:
        """The rows of PostgreSQL's table as the shipped query finds them in the lake."""
        query = [sys.executable, str(ROOT / "tests/python/current_rows.py"), "shop.orders", "duckdb", "--source", f"changes/{self.database}"]
        found = subprocess.run(query, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in found.stdout.splitlines()]

    def rows_in_postgresql(self) -> int:
        return int(self.psql(self.database, "select count(*) from shop.orders"))

    def psql(self, database: str, statements: str) -> str:
        command = ["psql", "--host", str(self.folder), "--username", "postgres", "--dbname", database, "--no-psqlrc", "--quiet"]
        run = subprocess.run([*command, "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--file", "-"], input=statements, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(run.stderr)
        return run.stdout.strip()

    def close(self) -> None:
        if self.folder.exists():
            subprocess.run(["bash", str(POSTGRESQL), "stop", str(self.folder)], check=False)
            shutil.rmtree(self.folder, ignore_errors=True)
