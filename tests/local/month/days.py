"""The days of the believable month: how many people come, by which way, and how many of them buy."""

import math
from datetime import date

from .ads import is_paused
from .clock import DAY, HOUR, MINUTE, SECOND, in_berlin
from .shop import META, NEWSLETTER, PRODUCTS, VIDEO, WAYS, GoogleCampaign, Person, Way
from .world import World

# Monday first. On Sundays people have time to read about coffee.
WEEK = [1.02, 0.98, 0.97, 0.96, 0.90, 0.88, 1.13]
# By the hour: nobody at night, a little at lunch, most in the evening.
HOURS = [2, 1, 1, 1, 1, 2, 5, 9, 12, 14, 15, 15, 17, 15, 13, 13, 14, 16, 19, 23, 26, 24, 15, 4]
# Customers from before the month, for each session of a day.
REGULARS = 1.0
BACK_SHARE = 0.40
REMEMBERED_DAYS = 16
SALE_REBATE = 15


def live(world: World) -> None:
    """Lives through all days."""
    regulars(world)
    sale = len(world.days) * 2 // 3
    for number, day in enumerate(world.days):
        live_day(world, number, day, is_sale=number == sale)


def regulars(world: World) -> None:
    """Customers from before the month. Most browsers know them; the others will be told when they come."""
    for _ in range(round(REGULARS * world.sessions_a_day)):
        person = world.person(world.chance.choices(["user", "email"], [85, 15])[0])
        device = world.device(person)
        world.register(person, world.start - world.chance.randint(20 * DAY, 900 * DAY))
        if person.mode == "user" and world.chance.random() < 0.6:
            device.user_id, device.is_known = person.customer_id, True


def live_day(world: World, number: int, day: date, is_sale: bool) -> None:
    chance = world.chance
    trend = 0.96 + 0.09 * number / max(1, len(world.days) - 1)
    expected = world.sessions_a_day * WEEK[day.weekday()] * trend * (1.15 if is_sale else 1.0)
    count = round(expected * chance.uniform(0.97, 1.03))
    for at in sorted(moment(world, day) for _ in range(count)):
        person = somebody_back(world, at) if chance.random() < BACK_SHARE else None
        is_back = person is not None
        if person is None:
            person = world.person(chance.choices(["user", "email", "alias", "late"], [64, 14, 10, 12])[0])
            world.device(person)
        session(world, person, at, way(world, day, is_back, is_sale), is_back, is_sale)


def moment(world: World, day: date) -> int:
    """A moment between ten past midnight and twenty past eleven: nobody's visit goes on into the next day."""
    hour = world.chance.choices(range(24), HOURS)[0]
    minutes = world.chance.randint(10, 59) if hour < 23 else world.chance.randint(0, 20)
    return in_berlin(day, hour * HOUR + minutes * MINUTE + world.chance.randint(0, MINUTE - 1))


def somebody_back(world: World, at: int) -> Person | None:
    for _ in range(12):
        person = world.chance.choice(world.people)
        is_regular = person.customer_id is not None and not person.last_seen
        if person.never_returns:
            continue
        if is_regular or at - REMEMBERED_DAYS * DAY < person.last_seen < at - HOUR:
            return person
    return None


def way(world: World, day: date, is_back: bool, is_sale: bool) -> Way:
    weights = []
    for known in WAYS:
        weight = known.back if is_back else known.first
        if isinstance(known, GoogleCampaign) and is_paused(known, day):
            weight = 0
        if known is NEWSLETTER and (day.weekday() == 1 or is_sale):
            weight *= 3
        if known is META and day.weekday() >= 5:
            weight *= 1.3
        weights.append(weight)
    return world.chance.choices(WAYS, weights)[0]


def session(world: World, person: Person, at: int, way: Way, is_back: bool, is_sale: bool) -> None:
    chance = world.chance
    device = person.devices[-1]
    is_other_device = person.customer_id is not None and device.is_known and person.mode != "late" and chance.random() < 0.12
    if is_other_device:
        device = world.device(person, "MOBILE" if device.kind == "DESKTOP" else "DESKTOP")
    if way is VIDEO:
        # That campaign never sells.
        person.never_buys = True
    landing = world.land(person, device, at, way)
    at += chance.randint(3, 20) * SECOND
    if way.landing != "/" and chance.random() < 0.4:
        world.look(person, device, at, chance.choice(PRODUCTS), landing=landing)
    if person.customer_id and not device.is_known:
        at += chance.randint(10, 60) * SECOND
        world.say_who(person, device, at)
    for _ in range(min(4, int(-math.log(1 - chance.random()) * 1.1))):
        at += chance.randint(15, 150) * SECOND
        world.look(person, device, at, chance.choice(PRODUCTS))
    wants = way.buys * (1.35 if is_back else 0.9) * (2.1 if is_sale else 1.0)
    if not person.never_buys and chance.random() < wants:
        world.buy(person, device, at + chance.randint(20, 120) * SECOND, SALE_REBATE if is_sale else 0)
