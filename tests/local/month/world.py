"""What people do in the believable month: they come, look around, say who they are, buy.

A world tells Segment, the shop's database and Google Ads of it, and itself remembers who it really was.
"""

import random
from datetime import date, timedelta

from .ads import Ads
from .clock import DAY, HOUR, MINUTE, SECOND, in_berlin, midnight
from .database import Shop
from .segment import Segment, place
from .shop import (
    CURRENCY, DEVICES, FIRST_NAMES, LAST_NAMES, PRODUCTS, SHOPPING, Click, Device, GoogleCampaign, Names, Order, Person, Product, Touch,
    UtmCampaign, Way,
)

FREE_SHIPPING_CENTS = 5_000
SHIPPING_CENTS = 490
# What becomes of orders, by weight; `transfer` is paid later, `part` is refunded in part.
FATES = {
    "shipped": 862, "transfer": 60, "failed": 8, "cancelled": 22, "canceled": 4, "refunded": 18, "returned": 10, "voided": 3, "part": 22,
    "deleted": 5,
}
COUNTRIES = ["DE", "AT", "NL", "LU"]


class World:
    """Everybody and everything, and the three systems that hear of it."""

    def __init__(self, names: Names, seed: str, start: date, days: int, sessions_a_day: int) -> None:
        self.names = names
        self.chance = random.Random(f"{seed}/world")
        self.first_day = start
        self.sessions_a_day = sessions_a_day
        self.days = [start + timedelta(days=number) for number in range(days)]
        self.start = in_berlin(start, 0)
        # What is not captured by then is not captured. In UTC it is still the last day: a month that ended yesterday lies in the past.
        self.end = in_berlin(self.days[-1] + timedelta(days=1), 30 * MINUTE)
        self.segment = Segment(names, seed, self.end)
        self.shop = Shop(names, seed, midnight(start) - 2 * HOUR, self.end)
        self.ads = Ads(names, seed, self.days, self.end)
        self.people: list[Person] = []
        self.devices = 0
        self.sessions = 0

    # Who.

    def person(self, mode: str = "user") -> Person:
        number = len(self.people)
        first, last = self.chance.choice(FIRST_NAMES), self.chance.choice(LAST_NAMES)
        country = self.chance.choices(COUNTRIES, [86, 9, 3, 2])[0]
        person = Person(number, f"{first} {last}", self.names.email(first, last, number), country, mode)
        self.people.append(person)
        return person

    def device(self, person: Person, kind: str | None = None) -> Device:
        kind = kind or self.chance.choices(DEVICES, [38, 57, 5])[0]
        network = self.chance.choice(["192.0.2", "198.51.100", "203.0.113"])
        # Clocks of devices are wrong; some are hours off.
        error = self.chance.choices([0, self.chance.randint(-9_000, 9_000), self.chance.randint(-7, 7) * HOUR], [70, 27, 3])[0]
        device = Device(self.names.anonymous(self.devices), kind, f"{network}.{self.chance.randint(1, 254)}", error)
        self.devices += 1
        person.devices.append(device)
        return device

    def register(self, person: Person, at: int, email: str | None = None) -> None:
        if person.customer_id is None:
            self.shop.register(person, at, email)

    # Where from.

    def land(self, person: Person, device: Device, at: int, way: Way, click: Click | None = None, path: str | None = None) -> dict:
        """Comes to a page of the shop. By a campaign, that is a touch, and the page's address says so."""
        query, campaign = {}, None
        if isinstance(way, GoogleCampaign):
            click = click or self.ads.click(way, at - self.chance.randint(900, 4_000), device.kind)
            click.was_seen = True
            device.clicks.append(click)
            query = {"gad_source": "1", "gclid": click.gclid}
            if way is SHOPPING:
                query |= {"utm_source": "google", "utm_medium": "cpc"}
        elif isinstance(way, UtmCampaign):
            query = {"utm_source": way.source, "utm_campaign": way.name} | ({"utm_medium": way.medium} if way.medium else {})
        if query.get("utm_source"):
            campaign = {name[4:].replace("campaign", "name"): value for name, value in query.items() if name.startswith("utm_")}
        page = place(path or way.landing, query, way.referrer)
        self.segment.page(device, at, page, campaign)
        if query:
            person.touches.append(Touch(at, way, click))
        person.last_seen = at
        self.sessions += 1
        return {"page": page, "campaign": campaign, "touch": person.touches[-1] if query else None}

    def look(self, person: Person, device: Device, at: int, product: Product, event: str = "Product Viewed", landing: dict | None = None) -> None:
        """Looks at a product; while it is on the page it came to, the address still names the campaign."""
        properties = {"product_id": product.sku, "name": product.name, "price": product.cents / 100, "currency": CURRENCY}
        if landing is None:
            self.segment.track(device, at, place(product.path), event, properties)
            return
        self.segment.track(device, at, landing["page"], event, properties, landing["campaign"])
        if landing["touch"]:
            person.touches.append(Touch(at, landing["touch"].way, landing["touch"].click))

    # Who it is said to be.

    def say_who(self, person: Person, device: Device, at: int) -> None:
        """As the person does it: signs in, or leaves an e-mail address and no more, or was told of by an alias."""
        if person.mode == "alias":
            self.segment.alias(device, at, person)
        else:
            self.segment.identify(device, at, person, by_id=person.mode != "email")

    # What is bought.

    def basket(self) -> list[Product]:
        count = self.chance.choices([1, 2, 3, 4], [48, 30, 15, 7])[0]
        return self.chance.choices(PRODUCTS, [product.weight for product in PRODUCTS], k=count)

    def order(
        self, person: Person, at: int, basket: list[Product], rebate: int = 0, currency: str = CURRENCY, click: Click | None = None, status: str = "paid"
    ) -> Order:
        """Places an order; a rebate is in hundredths of the goods' price."""
        goods = sum(product.cents for product in basket)
        discount = goods * rebate // 100
        cents = goods - discount + (SHIPPING_CENTS if goods - discount < FREE_SHIPPING_CENTS else 0)
        order = Order(self.names.order(len(self.shop.orders)), person, at, currency, cents, discount, click, status)
        self.shop.insert(order)
        return order

    def thank(self, device: Device, order: Order, basket: list[Product]) -> None:
        """The page after an order tells Segment of it, a moment later."""
        properties = {
            "order_id": order.id,
            "total": order.cents / 100,
            "revenue": sum(product.cents for product in basket) / 100,
            "discount": order.discount / 100,
            "currency": order.currency,
            "products": [{"product_id": product.sku, "price": product.cents / 100, "quantity": 1} for product in basket],
        }
        at = order.ordered_at + self.chance.randint(800, 2_500)
        self.segment.track(device, at, place("/danke"), "Order Completed", properties)

    def buy(self, person: Person, device: Device, at: int, rebate: int = 0) -> Order:
        """Goes to the checkout at a moment; some say who they are only later."""
        basket = self.basket()
        for product in basket[:2]:
            self.look(person, device, at, product, "Product Added")
            at += self.chance.randint(20, 90) * SECOND
        self.segment.page(device, at, place("/kasse"))
        at += self.chance.randint(30, 200) * SECOND
        self.register(person, at)
        if not device.is_known and person.mode != "late":
            self.say_who(person, device, at)
        at += self.chance.randint(20, 120) * SECOND
        if not device.is_known:
            later = min(at + self.chance.randint(HOUR, 2 * DAY), self.end - self.chance.randint(1, 20) * MINUTE)
            self.segment.identify(device, later, person)
        # The shop keeps the last click id that its browser brought, now and then.
        click = device.clicks[-1] if device.clicks and self.chance.random() < 0.35 else None
        fate = self.chance.choices(list(FATES), FATES.values())[0]
        order = self.order(person, at, basket, rebate, click=click, status="pending" if fate in ("transfer", "failed") else "paid")
        self.thank(device, order, basket)
        self.befall(order, fate)
        person.last_seen = at
        return order

    def befall(self, order: Order, fate: str) -> None:
        """What becomes of an order, as far as the month sees it."""
        chance, at = self.chance, order.ordered_at
        shipped = at + chance.randint(14 * HOUR, 3 * DAY)
        later = shipped + chance.randint(2 * DAY, 8 * DAY)
        match fate:
            case "shipped":
                self.shop.update(order, shipped, status="shipped")
            case "transfer":
                self.shop.update(order, at + chance.randint(HOUR, 12 * HOUR), status="paid")
                self.shop.update(order, shipped, status="shipped")
            case "failed":
                self.shop.update(order, at + chance.randint(MINUTE, HOUR), status="failed")
            case "cancelled" | "canceled" | "voided":
                self.shop.update(order, at + chance.randint(10 * MINUTE, 13 * HOUR), status=fate)
            case "refunded" | "returned":
                self.shop.update(order, shipped, status="shipped")
                self.shop.update(order, later, status=fate)
            case "part":
                self.shop.update(order, shipped, status="shipped")
                self.shop.update(order, later, cents=order.cents * chance.randint(40, 80) // 100)
            case "deleted":
                self.shop.delete(order, at + chance.randint(MINUTE, 2 * DAY))
