"""The shop's database in the believable month: customers as the Database Migration Service captures them, orders as row triggers do.

Orders are inserted, shipped, cancelled, refunded, returned, deleted; every change is a record of the outbox.
"""

import csv
import gzip
import hashlib
import io
import json
import random

from .clock import DAY, HOUR, MINUTE, iso, plain, utc, utc_day
from .shop import Names, Order, Person


class Shop:
    """Takes what happens in the shop and keeps the changes of its two tables."""

    def __init__(self, names: Names, seed: str, start: int, end: int) -> None:
        self.names = names
        self.chance = random.Random(f"{seed}/database")
        self.start = start
        self.end = end
        self.orders: list[Order] = []
        self.customers = 0
        # When it was committed, which of all it is, and the record or row.
        self.order_changes: list[tuple[int, int, dict]] = []
        self.customer_changes: list[tuple[int, int, list]] = []
        self.loaded: list[list] = []

    # Customers.

    def register(self, person: Person, at: int, email: str | None = None) -> None:
        """Opens an account; before the month began, it is in the full load."""
        person.customer_id = self.names.customer(self.customers)
        self.customers += 1
        row = self._customer(person, at, at, email or self._as_typed(person.email))
        if at < self.start:
            self.loaded.append(row)
        else:
            self._customer_change(at + self.chance.randint(5, 60), "I", row)

    def change_customer(self, person: Person, registered_at: int, at: int, email: str) -> None:
        self._customer_change(at, "U", self._customer(person, registered_at, at, email))

    def delete_customer(self, person: Person, registered_at: int, at: int) -> None:
        self._customer_change(at, "D", self._customer(person, registered_at, registered_at, person.email))

    def _as_typed(self, email: str) -> str:
        """An address is the same however its letters are typed."""
        name, domain = email.split("@")
        forms = [email, email.title(), f"{name.upper()}@{domain}", f"{name.title()}@{domain}"]
        return self.chance.choices(forms, [70, 12, 6, 12])[0]

    def _customer(self, person: Person, created_at: int, updated_at: int, email: str) -> list:
        phone = f"+49 30 23125 {person.number % 1000:03d}" if person.number % 3 else "NULL"
        consent = "t" if person.number % 5 < 3 else "f"
        return [person.customer_id, email, person.name, phone, person.country, consent, plain(created_at), plain(updated_at)]

    def _customer_change(self, at: int, op: str, row: list) -> None:
        if at < self.end:
            self.customer_changes.append((at, len(self.customer_changes), [op, f"{plain(at)}000", *row]))

    # Orders.

    def insert(self, order: Order) -> None:
        self.orders.append(order)
        self._order_change(order, order.ordered_at + self.chance.randint(5, 40), "I", None, self._order(order, order.ordered_at))

    def update(self, order: Order, at: int, **columns) -> None:
        """Changes columns of an order, unless the month is over by then."""
        if at >= self.end or order.is_deleted:
            return
        before = self._order(order, order.updated_at)
        for name, value in columns.items():
            setattr(order, name, value)
        self._order_change(order, at, "U", before, self._order(order, at))

    def delete(self, order: Order, at: int) -> None:
        if at < self.end:
            before = self._order(order, order.updated_at)
            order.is_deleted = True
            self._order_change(order, at, "D", before, None)

    def _order(self, order: Order, updated_at: int) -> dict:
        order.updated_at = updated_at
        return {
            "id": order.id,
            "customer_id": int(order.person.customer_id),
            "status": order.status,
            "currency": order.currency,
            "total": order.cents / 100,
            "discount": order.discount / 100,
            "gclid": order.click.gclid if order.click else None,
            "ordered_at": f"{iso(order.ordered_at)[:-1]}+00:00",
            "updated_at": f"{iso(updated_at)[:-1]}+00:00",
        }

    def _order_change(self, order: Order, at: int, op: str, old: dict | None, new: dict | None) -> None:
        record = {"schema": "shop", "table": "orders", "op": op, "old": old, "new": new}
        self.order_changes.append((at, len(self.order_changes), record))

    # Files.

    def files(self, customer_parts: int, order_parts: int) -> dict[str, bytes]:
        return self._load() | self._change_data(customer_parts) | self._change_records(order_parts)

    def _load(self) -> dict[str, bytes]:
        moment = f"{plain(self.start - 2 * HOUR)}000"
        rows = [[moment, *row] for row in self.loaded]
        key = f"databases/dms/{self.names.name}/shop/customers/LOAD00000001.csv.gz"
        return {key: gzip.compress(delimited(rows), compresslevel=6, mtime=0)}

    def _change_data(self, parts: int) -> dict[str, bytes]:
        files = {}
        for changes in self._split(self.customer_changes, parts):
            written = utc(changes[-1][0] + MINUTE)
            folder = f"databases/dms/{self.names.name}/shop/customers/{written:%Y/%m/%d}"
            name = f"{written:%Y%m%d-%H%M%S}{changes[-1][0] % 1000:03d}.csv"
            files[f"{folder}/{name}"] = delimited([row for _, _, row in changes])
        return files

    def _change_records(self, parts: int) -> dict[str, bytes]:
        """The outbox's numbers begin with the moment of its installation, and so do transactions'."""
        database = f"shop_{self.names.name.replace('-', '_').lower()}"
        sequence, transaction = (self.start - 30 * DAY) * 1000, 700_000
        files = {}
        for changes in self._split(self.order_changes, parts):
            lines = []
            for at, _, record in changes:
                sequence += self.chance.randint(1, 3)
                transaction += self.chance.randint(1, 40)
                head = {"schema": record["schema"], "table": record["table"], "op": record["op"], "txid": transaction, "sequence": sequence}
                whole = head | {"changed_at": f"{iso(at)[:-1]}+00:00", "old": record["old"], "new": record["new"]}
                lines.append(json.dumps(whole, separators=(",", ":")))
            body = "\n".join(lines).encode() + b"\n"
            key = f"databases/changes/{database}/{utc_day(changes[-1][0])}/{hashlib.sha256(body).hexdigest()}.gz"
            files[key] = gzip.compress(body, compresslevel=6, mtime=0)
        return files

    def rows(self) -> dict[str, int]:
        """How many rows each dataset must have: a change is one."""
        return {"shop.customers": len(self.loaded) + len(self.customer_changes), "shop.orders": len(self.order_changes)}

    def _split(self, changes: list[tuple], parts: int) -> list[list[tuple]]:
        """Changes in the order in which they were committed, in stretches of equal length in time."""
        length = (self.end - self.start) // parts + 1
        found: dict[int, list] = {}
        for change in sorted(changes, key=lambda change: change[:2]):
            found.setdefault((change[0] - self.start) // length, []).append(change)
        return [found[part] for part in sorted(found)]


def delimited(rows: list[list]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
