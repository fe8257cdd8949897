"""What must not be missing from a believable month: journeys that are told step by step, each with orders of its own."""

from datetime import timedelta

from .clock import DAY, HOUR, MINUTE, SECOND, in_berlin
from .shop import (
    AFFILIATE, BRAND_SEARCH, DIRECT, GENERIC_SEARCH, LISTING, META, NEWSLETTER, ORGANIC, PERFORMANCE_MAX, PRODUCTS, SHOPPING, SOCIAL,
    Click, Device, GoogleCampaign, Order, Person,
)
from .world import World

# Days before the month on which the earliest touches were.
EARLY_DAYS = 28
FEWEST_DAYS = 7
EARLY_ORDERS = {
    "touch_29_days_before": 29 * DAY,
    "touch_a_moment_less_than_30_days_before": 30 * DAY - 1,
    "touch_exactly_30_days_before": 30 * DAY,
    "touch_31_days_before": 31 * DAY,
}


class Cases:
    """Tells the journeys, and notes which orders came of each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.orders: dict[str, list[str]] = {}
        self.steps = 0

    def tell(self) -> None:
        self.early_touches()
        self.around_an_order()
        self.what_is_paid()
        self.who_it_was()
        self.shared_browser()
        self.clicks_of_orders()
        self.fates()
        self.days_and_currencies()

    # The window.

    def early_touches(self) -> None:
        touched = in_berlin(self.world.first_day - timedelta(days=EARLY_DAYS), 10 * HOUR)
        for name, after in EARLY_ORDERS.items():
            for way in (GENERIC_SEARCH, META):
                touched += 7 * MINUTE + 311
                person, device = self.visitor()
                self.world.land(person, device, touched, way)
                self.bought(name, person, device, touched + after)

    def around_an_order(self) -> None:
        at = self.at(2, 14)
        person, device = self.visitor()
        self.bought("touch_after_the_order", person, device, at)
        self.world.land(person, device, at + 2 * HOUR, BRAND_SEARCH)
        person, device = self.visitor()
        self.world.land(person, device, at, META)
        self.bought("touch_at_the_moment_of_the_order", person, device, at)
        person, device = self.visitor()
        self.world.land(person, device, at - 9 * MINUTE, DIRECT)
        self.bought("no_touch", person, device, at)

    # Which touch is the last paid one.

    def what_is_paid(self) -> None:
        for name, ways in {
            "unpaid_touches_only": [NEWSLETTER, SOCIAL, LISTING],
            "organic_after_paid": [SHOPPING, LISTING, ORGANIC],
            "newsletter_after_paid": [PERFORMANCE_MAX, NEWSLETTER],
            "meta_after_google": [GENERIC_SEARCH, META],
            "google_after_meta": [META, BRAND_SEARCH],
            "affiliate_without_medium": [BRAND_SEARCH, AFFILIATE],
        }.items():
            person, device = self.visitor()
            for number, way in enumerate(ways):
                self.world.land(person, device, self.at(number, 9 + number), way)
            self.bought(name, person, device, self.at(3, 16))

    # Who it was.

    def who_it_was(self) -> None:
        world = self.world
        person, device = self.visitor("email")
        world.land(person, device, self.at(0, 20), GENERIC_SEARCH)
        self.bought("known_by_email_alone", person, device, self.at(1, 20), email=person.email.upper())

        person, device = self.visitor("email")
        world.land(person, device, self.at(1, 8), SHOPPING)
        self.bought("known_by_an_email_that_was_corrected", person, device, self.at(1, 9), email=f"typo.{person.email}")
        world.shop.change_customer(person, self.at(1, 8), self.at(2, 11), person.email.title())

        person, device = self.visitor("alias")
        world.land(person, device, self.at(2, 10), PERFORMANCE_MAX)
        self.bought("known_by_alias", person, device, self.at(3, 10))

        person, phone = self.visitor(kind="MOBILE")
        world.land(person, phone, self.at(1, 7), BRAND_SEARCH)
        world.register(person, self.at(1, 7) + MINUTE)
        world.say_who(person, phone, self.at(1, 7) + 2 * MINUTE)
        self.bought("on_another_device", person, world.device(person, "DESKTOP"), self.at(4, 21))

        person, device = self.visitor()
        world.land(person, device, self.at(2, 18), META)
        order = self.bought("known_only_after_the_order", person, device, self.at(2, 19), says_who=False)
        world.say_who(person, device, order.ordered_at + 20 * HOUR)

    def shared_browser(self) -> None:
        """Two people sign in on one browser. What each did then bears their own name; before that there was no campaign."""
        world = self.world
        first, device = self.visitor(kind="TABLET")
        second = self.person()
        world.land(first, device, self.at(0, 12), DIRECT)
        for person, hour, way in ((first, 13, GENERIC_SEARCH), (second, 17, META)):
            world.register(person, self.at(0, hour))
            world.say_who(person, device, self.at(0, hour) + MINUTE)
            world.land(person, device, self.at(0, hour) + 5 * MINUTE, way)
        # Whose last paid touch came first orders last.
        self.bought("shared_browser", second, device, self.at(2, 12), says_who=False)
        world.say_who(first, device, self.at(2, 13))
        self.bought("shared_browser", first, device, self.at(2, 14), says_who=False)

    # Orders that keep a click id.

    def clicks_of_orders(self) -> None:
        world = self.world
        self.bought("own_click_of_a_visitor_never_seen", *self.visitor(), self.at(3, 15), click=self.unseen_click(SHOPPING, 3), says_who=False)

        person, device = self.visitor()
        world.land(person, device, self.at(2, 9), META)
        self.bought("own_click_and_a_paid_touch", person, device, self.at(3, 9), click=self.unseen_click(BRAND_SEARCH, 1))

        person, device = self.visitor()
        touched = in_berlin(world.first_day - timedelta(days=EARLY_DAYS), 12 * HOUR)
        world.land(person, device, touched, PERFORMANCE_MAX)
        self.bought("own_click_that_was_seen_too_early", person, device, touched + 31 * DAY, click=device.clicks[-1])

        person, device = self.visitor()
        world.land(person, device, self.at(-1, 11), GENERIC_SEARCH)
        self.bought("click_that_google_has_not_told_yet", person, device, self.at(-1, 12), click=device.clicks[-1])

    def unseen_click(self, campaign: GoogleCampaign, day: int) -> Click:
        return self.world.ads.click(campaign, self.at(day, 8) + 123, "DESKTOP", was_seen=False)

    # What becomes of orders.

    def fates(self) -> None:
        shop = self.world.shop
        for name, change in {
            "refunded_in_part": lambda order, at: shop.update(order, at, cents=order.cents // 2),
            "refunded": lambda order, at: shop.update(order, at, status="refunded"),
            "cancelled": lambda order, at: shop.update(order, at, status="cancelled"),
            "returned": lambda order, at: shop.update(order, at, status="returned"),
            "deleted": shop.delete,
        }.items():
            person, device = self.visitor()
            self.world.land(person, device, self.at(1, 10), BRAND_SEARCH)
            order = self.bought(name, person, device, self.at(1, 11))
            shop.update(order, self.at(2, 9), status="shipped")
            change(order, self.at(4, 15))
        # An account without an order is closed again.
        person = self.person()
        self.world.register(person, self.at(1, 6))
        shop.delete_customer(person, self.at(1, 6), self.at(4, 6))

    def days_and_currencies(self) -> None:
        world = self.world
        for way in (BRAND_SEARCH, META):
            person, device = self.visitor()
            world.land(person, device, self.at(3, 23), way)
            # In Berlin it is the next day, in UTC it is not.
            self.bought("after_midnight_in_berlin", person, device, self.at(4, 0) + 30 * MINUTE)
        person, device = self.visitor()
        world.land(person, device, self.at(4, 16), PERFORMANCE_MAX)
        self.bought("in_us_dollars", person, device, self.at(4, 17), currency="USD")

    # The telling.

    def at(self, day: int, hour: int) -> int:
        """An hour of a day of the month, and some minutes that no other step has."""
        self.steps += 1
        return in_berlin(self.world.days[day], hour * HOUR) + self.steps * (7 * SECOND + 13)

    def person(self, mode: str = "user") -> Person:
        """Somebody who does what is told here and nothing else."""
        person = self.world.person(mode)
        person.never_returns = True
        return person

    def visitor(self, mode: str = "user", kind: str | None = None) -> tuple[Person, Device]:
        person = self.person(mode)
        return person, self.world.device(person, kind)

    def bought(
        self, name: str, person: Person, device: Device, at: int, email: str | None = None, says_who: bool = True,
        currency: str = "EUR", click: Click | None = None,
    ) -> Order:
        world = self.world
        basket = [PRODUCTS[len(self.orders) % 8], PRODUCTS[len(world.shop.orders) % 5]]
        world.register(person, at - 2 * MINUTE, email)
        if says_who:
            world.say_who(person, device, at - MINUTE)
        order = world.order(person, at, basket, currency=currency, click=click)
        if person.last_seen:
            world.thank(device, order, basket)
        self.orders.setdefault(name, []).append(order.id)
        return order
