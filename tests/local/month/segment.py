"""Segment's side of the believable month: messages as its browser library makes them, files as its S3 destination writes them."""

import gzip
import json
import random
from urllib.parse import urlencode

from .clock import HOUR, MINUTE, iso, midnight, utc_day
from .shop import BRAND, SITE, TIME_ZONE, USER_AGENTS, Device, Names, Person

LIBRARY = {"name": "analytics.js", "version": "npm:next-1.81.0"}
REPEATED_SHARE = 0.0008
LATE_SHARE = 0.003
TITLES = {"/": BRAND, "/danke": f"Danke – {BRAND}", "/kasse": f"Kasse – {BRAND}"}


class Segment:
    """Takes what happens in browsers and keeps the messages that tell of it."""

    def __init__(self, names: Names, seed: str, end: int) -> None:
        self.names = names
        self.end = end
        self.chance = random.Random(f"{seed}/segment")
        # When Segment received it, which of all it is, what type, and the line.
        self.messages: list[tuple[int, int, str, str]] = []
        self.repeats = 0
        self.orders_completed = 0

    def page(self, device: Device, at: int, page: dict, campaign: dict | None = None) -> None:
        self._send(device, at, page, campaign, {"type": "page", "name": page["title"], "properties": page})

    def track(self, device: Device, at: int, page: dict, event: str, properties: dict, campaign: dict | None = None) -> None:
        self.orders_completed += event == "Order Completed"
        self._send(device, at, page, campaign, {"type": "track", "event": event, "properties": properties})

    def identify(self, device: Device, at: int, person: Person, by_id: bool = True) -> None:
        """Who is at the browser: by the shop's id, which it remembers from then on, or by an e-mail address alone."""
        traits = {"email": person.email}
        if by_id:
            device.user_id, device.user_from = person.customer_id, at
            traits |= {"name": person.name, "address": {"country": person.country}}
        device.is_known = True
        self._send(device, at, place("/konto"), None, {"type": "identify", "traits": traits})

    def alias(self, device: Device, at: int, person: Person) -> None:
        device.is_known = True
        message = {"type": "alias", "previousId": device.anonymous_id, "userId": person.customer_id}
        self._send(device, at, place("/konto"), None, message)

    def _send(self, device: Device, at: int, page: dict, campaign: dict | None, content: dict) -> None:
        number = len(self.messages)
        delay = self.chance.randint(30, 900)
        if self.chance.random() < LATE_SHARE:
            delay += self.chance.randint(10 * MINUTE, 5 * HOUR)
        # What is received later is not in the files.
        delay = min(delay, self.end - at)
        received = at + delay
        context = {
            "ip": device.address,
            "library": LIBRARY,
            "locale": "de-DE",
            "page": page,
            "timezone": TIME_ZONE,
            "userAgent": USER_AGENTS[device.kind],
        }
        if campaign:
            context["campaign"] = campaign
        message = {
            "messageId": self.names.message(number),
            "anonymousId": device.anonymous_id,
            "userId": device.carried_user(at),
            "channel": "client",
            "context": context,
            "integrations": {},
            # By the clock of the device; Segment sets the right moment.
            "originalTimestamp": iso(at + device.clock_error),
            "sentAt": iso(at + device.clock_error + delay),
            "receivedAt": iso(received),
            "timestamp": iso(at),
            "version": 2,
        } | content
        self._keep(received, content["type"], json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    def _keep(self, received: int, kind: str, line: str) -> None:
        self.messages.append((received, len(self.messages), kind, line))

    def files(self, start: int, end: int, parts: int) -> dict[str, bytes]:
        """The messages that were received before the month in one file, and those of the month in so many."""
        files = {}
        length = (end - start) // parts + 1
        by_part: dict[int, list] = {}
        for message in sorted(self.messages):
            by_part.setdefault(max(-1, min(parts - 1, (message[0] - start) // length)), []).append(message)
        for part, messages in sorted(by_part.items()):
            lines = []
            for _, _, _, line in messages:
                lines.append(line)
                # A library that got no answer sends again.
                if self.chance.random() < REPEATED_SHARE:
                    lines.append(line)
                    self.repeats += 1
            day = midnight(utc_day(messages[0][0]))
            key = f"segment/segment-logs/{self.names.name}-web/{day}/{self.names.unique('file', part + 1)}.gz"
            files[key] = gzip.compress("\n".join(lines).encode() + b"\n", compresslevel=6, mtime=0)
        return files

    def rows(self) -> dict[str, int]:
        """How many rows each dataset must have; a repeat is none."""
        kinds = {"page": "pages", "track": "tracks", "identify": "identifies", "alias": "aliases"}
        rows = {f"segment.{table}": sum(kind == of for _, _, of, _ in self.messages) for kind, table in kinds.items()}
        return rows | {"segment.order_completed": self.orders_completed}


def place(path: str, query: dict | None = None, referrer: str = "") -> dict:
    """A page of the shop, as the library describes where somebody is."""
    search = f"?{urlencode(query)}" if query else ""
    title = TITLES.get(path, f"{path.rsplit('/', 1)[-1].replace('-', ' ').title()} – {BRAND}")
    page = {"path": path, "referrer": referrer, "title": title, "url": f"{SITE}{path}{search}"}
    return page | ({"search": search} if search else {})
