"""The demo's last part: a month of a shop whose true attribution is known, from all three sources to the campaign report."""

import os
import sys
import time
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config

import month
import report

DAYS = 30
PATIENCE_SECONDS = 300
AMOUNTS = ("cost", "impressions", "clicks", "conversions", "conversions_value", "orders", "revenue")


def show() -> bool:
    """Drops the month, waits until the performance is the truth, makes the report; false where it does not come to that."""
    name = f"demo{int(time.time())}"
    # Until yesterday: what the other sources of the demo sent is of today.
    first = datetime.now(timezone.utc).date() - timedelta(days=DAYS)
    files, truth = month.generate(first, DAYS, 7, name, time_zone="UTC")
    last = first + timedelta(days=DAYS - 1)
    # What is ordered in the first hours of the first day is of the day before in UTC.
    first = min(first, *(date.fromisoformat(row["date"]) for row in truth["rows"]))
    print(f"\nA month of a shop, {first} to {last}, whose true attribution its generator knows: {len(files)} files of Segment,")
    print("Google Ads and the shop's database, dropped in an order that means nothing ...")
    await_attribution()
    report.invoke({"task": "refresh"})
    expected = added(performance(first, last), truth["rows"])
    storage = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    started = time.monotonic()
    for key, body in files.items():
        storage.put_object(Bucket=os.environ["LANDING_BUCKET"], Key=key, Body=body)
    found = await_performance(first, last, expected)
    if found != expected:
        wrong = sorted(key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key))
        print(f"demo: after {PATIENCE_SECONDS} s {len(wrong)} rows of campaign performance are not what they should be, the first {wrong[0]}", file=sys.stderr)
        return False
    print(f"\n  after {time.monotonic() - started:.1f} s every one of {len(truth['rows'])} rows of campaign performance is what really happened:\n")
    print_campaigns(truth)
    page = report.make(str(first), str(last))
    print(f"\n  The campaign report: {page.relative_to(report.ROOT)} (make report makes it again)")
    report.open_page(page)
    return True


def await_attribution() -> None:
    """Waits until what was sent before is attributed, so that it is told apart from what comes now."""
    resource = boto3.client("cloudformation").describe_stack_resource(StackName=os.environ["STACK_NAME"], LogicalResourceId="AttributeQueue")
    queue = boto3.resource("sqs").Queue(resource["StackResourceDetail"]["PhysicalResourceId"])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        queue.reload()
        if not int(queue.attributes["ApproximateNumberOfMessages"]) + int(queue.attributes["ApproximateNumberOfMessagesNotVisible"]):
            return
        time.sleep(0.5)


def performance(first: date, last: date) -> dict[tuple, dict]:
    """Campaign performance as the state has it, by date, currency and campaign."""
    table = boto3.resource("dynamodb").Table(os.environ["ATTRIBUTION_TABLE"])
    rows = {}
    for subject in sorted({f"performance#{first + timedelta(days=day):%Y-%m}" for day in range((last - first).days + 1)}):
        request = {"KeyConditionExpression": Key("subject").eq(subject) & Key("part").between(str(first), f"{last}~")}
        while True:
            page = table.query(**request)
            for row in page["Items"]:
                rows[row["date"], row["currency"], row["campaign_key"]] = {name: Decimal(row[name]) for name in AMOUNTS}
            if "LastEvaluatedKey" not in page:
                break
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    return rows


def added(before: dict[tuple, dict], truth: list[dict]) -> dict[tuple, dict]:
    """What was there before, and the month's truth on top: another demo may have been here."""
    rows = {key: dict(row) for key, row in before.items()}
    for row in truth:
        sums = rows.setdefault((row["date"], row["currency"], row["campaign_key"]), dict.fromkeys(AMOUNTS, Decimal()))
        for name in AMOUNTS:
            sums[name] += Decimal(row[name])
    return rows


def await_performance(first: date, last: date, expected: dict[tuple, dict]) -> dict[tuple, dict]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    shown = ""
    while True:
        report.invoke({"task": "refresh"})
        found = performance(first, last)
        right = sum(found.get(key) == row for key, row in expected.items())
        revenue = sum(row["revenue"] for key, row in found.items() if key[2] != "unattributed")
        line = f"  rows that are right {right:>4}/{len(expected)}   revenue credited to campaigns {revenue:>12,.2f}"
        if line != shown:
            shown = line
            print(f"\r{line}" if sys.stdout.isatty() else line, end="" if sys.stdout.isatty() else "\n", flush=True)
        if found == expected or time.monotonic() > deadline:
            return found
        # What is computed here, attribution has to wait for: the local AWS is one process.
        time.sleep(8)


def print_campaigns(truth: dict) -> None:
    sums = defaultdict(lambda: dict.fromkeys(AMOUNTS, Decimal()))
    for row in truth["rows"]:
        for name in AMOUNTS:
            sums[row["currency"], row["campaign"] or row["campaign_key"]][name] += Decimal(row[name])
    header = ["campaign", "", "cost", "clicks", "orders", "revenue", "ROAS"]
    rows = []
    for (currency, campaign), row in sorted(sums.items(), key=lambda entry: -entry[1]["revenue"]):
        roas = f"{row['revenue'] / row['cost']:.2f}" if row["cost"] else ""
        rows.append([campaign, currency, f"{row['cost']:,.2f}", f"{row['clicks']:,}", f"{row['orders'].normalize():,f}", f"{row['revenue']:,.2f}", roas])
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        print("  " + "  ".join(cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))).rstrip())
    for currency, total in truth["revenue_total"].items():
        print(f"\n  Together {Decimal(total):,.2f} {currency}: what the shop's orders say, to the cent.")
