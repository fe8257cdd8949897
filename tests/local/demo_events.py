"""Invented Segment messages for the demo: gzip NDJSON, as Segment's S3 destination writes it, with some damage in it.

Everyone in them is made up. The tests have a generator of their own, which knows what must become of each line.
"""

import gzip
import json
import random
from datetime import datetime, timedelta, timezone

PEOPLE = 800
NAMES = [("Ada Example", "ada{}@example.com"), ("Bruno Example", "bruno{}@example.com"), ("Chloé Example", "chloe{}@example.org"), ("大輔 Example", "daisuke{}@example.net")]
CAMPAIGNS = ["spring-sale", "brand", "newsletter"]
PAGES = ["/", "/shoes", "/shoes/42?size=9", "/cart", "/checkout"]
EVENTS = ["Product Viewed", "Product Added", "Order Completed"]

# Only the page that a campaign's link leads to bears the campaign.
CAMPAIGN_SHARE = 0.05
NOT_JSON_SHARE = 0.001
NO_IDENTITY_SHARE = 0.002
REPEATED_SHARE = 0.01


def gzip_file(seed: str, events: int, day: datetime) -> bytes:
    """One file of messages received on a day; some are cut off, some say nothing of who, some come twice."""
    chance = random.Random(seed)
    lines: list[str] = []
    for number in range(events):
        line = json.dumps(message(chance, f"{seed}-{number}", day), ensure_ascii=False)
        dice = chance.random()
        if dice < NOT_JSON_SHARE:
            line = line[: len(line) // 2]
        elif dice < NOT_JSON_SHARE + REPEATED_SHARE and lines:
            line = chance.choice(lines[-1000:])
        lines.append(line)
    return gzip.compress("\n".join(lines).encode() + b"\n", compresslevel=6, mtime=0)


def message(chance: random.Random, message_id: str, day: datetime) -> dict:
    received = day + timedelta(seconds=chance.uniform(0, 86_399))
    sent = received - timedelta(milliseconds=chance.randint(20, 900))
    person = chance.randint(1, PEOPLE)
    name, email = NAMES[person % len(NAMES)]
    body = {
        "messageId": message_id,
        "anonymousId": f"anonymous-{person}",
        "userId": f"user-{person}" if chance.random() < 0.6 else None,
        "channel": "client",
        "context": context(chance),
        "integrations": {},
        "originalTimestamp": timestamp(sent),
        "sentAt": timestamp(sent),
        "receivedAt": timestamp(received),
        "timestamp": timestamp(received),
        "version": 2,
    }
    body |= content(chance, name, email.format(person), f"+1 555 01{person % 100:02d}")
    if chance.random() < NO_IDENTITY_SHARE:
        del body["anonymousId"], body["userId"]
    return body


def content(chance: random.Random, name: str, email: str, phone: str) -> dict:
    kind = chance.choices(["track", "page", "identify", "screen", "group"], [50, 35, 9, 3, 3])[0]
    match kind:
        case "page":
            path = chance.choice(PAGES)
            return {"type": kind, "name": path, "properties": {"path": path, "url": f"https://shop.example{path}", "title": "Shop"}}
        case "identify":
            return {"type": kind, "traits": {"name": name, "email": email, "phone": phone, "plan": chance.choice(["free", "pro"])}}
        case "screen":
            return {"type": kind, "name": "Home", "properties": {}}
        case "group":
            return {"type": kind, "groupId": f"group-{chance.randint(1, 50)}", "traits": {"name": "Example Ltd", "employees": 42}}
    event = chance.choices(EVENTS, [70, 20, 10])[0]
    properties = {"currency": "EUR", "revenue": round(chance.uniform(5, 250), 2)}
    if event == "Order Completed":
        order = f"order-{chance.randint(1, 10**9)}"
        properties |= {"order_id": order, "total": properties["revenue"] + 5, "products": [{"sku": "shoe-42"}]}
    return {"type": kind, "event": event, "properties": properties}


def context(chance: random.Random) -> dict:
    path = chance.choice(PAGES)
    found = {
        "ip": f"192.0.2.{chance.randint(1, 254)}",
        "library": {"name": "analytics.js", "version": "next-1.70.0"},
        "locale": chance.choice(["en-US", "de-DE", "fr-FR"]),
        "page": {"path": path, "url": f"https://shop.example{path}", "title": "Shop"},
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    }
    if chance.random() < CAMPAIGN_SHARE:
        found["campaign"] = {"name": chance.choice(CAMPAIGNS), "source": "search", "medium": "cpc"}
    return found


def timestamp(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
